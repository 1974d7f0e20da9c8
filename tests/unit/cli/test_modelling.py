"""`heedful models` on the sample shop's strategy at work."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from tests.unit.cli.live import STRATEGY, Live, living, until

BESIDE = Path(__file__).resolve().parents[4] / "shared" / "data"
DATA = Path(os.environ.get("HEEDFUL_DATA") or BESIDE) / "pega_adm"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with living(tmp_path_factory.mktemp("models") / "shop") as made:
        yield made


def model(action: str, responses: int, positives: int, area: float, id_: str) -> dict[str, Any]:
    return {
        "ModelID": id_,
        "ConfigurationName": "Omni",
        "Name": action,
        "Channel": "Email",
        "ResponseCount": responses,
        "Positives": positives,
        "Performance": area,
        "SnapshotTime": "20210602T000000.000 GMT",
    }


def predictor(symbol: str, positives: int, negatives: int) -> dict[str, Any]:
    return {
        "ModelID": "m1",
        "PredictorName": "Customer.Age",
        "Type": "numeric",
        "EntryType": "Active",
        "BinSymbol": symbol,
        "BinPositives": positives,
        "BinNegatives": negatives,
        "SnapshotTime": "20210602T000000.000 GMT",
    }


def lines(*records: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


MODELS = lines(model("Free Shipping", 998, 49, 0.6, "m1"), model("Else", 2, 0, 0.5, "m2"))
PREDICTORS = lines(predictor("<30", 1, 9), predictor(">=30", 4, 6))


def zipped(path: Path, body: bytes, *names: str) -> Path:
    with ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, body)
    return path


def test_models_of_another_system_stand_in_the_report(shop: Live, tmp_path: Path) -> None:
    file = zipped(tmp_path / "models.zip", MODELS, "data.json", "META-INF/MANIFEST.mf")
    bins = tmp_path / "predictors.json.gz"
    bins.write_bytes(gzip.compress(PREDICTORS))
    said = shop.says("models", "import", str(bins), str(file))
    assert "2 models, 1 predictor; AUC weighted by responses 0.5998." in said
    assert "free_shipping: prior: {p: 0.05, strength: 200}  # 998 responses" in said
    report = shop.gives("models", "report", "--brought")
    assert (report["source"], report["responses"], report["predictors"]) == ("adm", 1_000, [])
    shown = shop.says("models", "report", "--brought", "--action", "Free Shipping")
    assert "Free Shipping/Email" in shown
    assert "Customer.Age (numeric, in use, AUC 0.7000)" in shown
    assert "4.91%" in shown


def test_what_still_waits_stands_beside_the_responses(tmp_path: Path) -> None:
    with living(tmp_path / "shop") as shop:
        shop.refuse_payments("poor-luck")
        until(lambda: bool(shop.gives("decisions", "user_id:poor-luck")["items"]))
        before = shop.gives("models", "report")
        assert before["responses"] == 0
        assert before["open"] == sum(one["open"] for one in before["models"]) > 0
        said = shop.says("models", "report")
        assert f"Open, waiting for an outcome: {before['open']} decision" in said
        shop.send("poor-luck", "Order Completed", revenue=50)
        after = shop.gives("models", "report")
        assert after["open"] == before["open"] - after["positives"] < before["open"]
        assert "Open," not in shop.says("models", "report")


def test_a_workspace_without_responses_says_so(shop: Live) -> None:
    assert "No responses yet." in shop.says("models", "report")
    assert shop.gives("models", "report")["auc"] == 0.5


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        ("a.zip", b"PK\x03\x04broken", "a whole export"),
        ("a.gz", b"\x1f\x8b\x08broken", "a whole export"),
        ("a.json", b"\xff\xfe", "bytes that are no UTF-8"),
        ("a.csv", b"email,city\na@b.c,Rome\n", "a file of email, city - at `"),
        ("a.json", b"", "at least one model"),
        ("a.json", PREDICTORS, "one file of models"),
    ],
    ids=["zip", "gzip", "text", "other", "empty", "predictors"],
)
def test_what_is_no_export_is_refused_in_one_sentence(
    shop: Live, tmp_path: Path, name: str, body: bytes, says: str
) -> None:
    file = tmp_path / name
    file.write_bytes(body)
    said = shop.says("models", "import", str(file), code=2)
    assert says in said
    assert said.count("\n") == 1
    assert "none - at" in shop.says("models", "import", str(tmp_path / "absent"), code=2)


def test_an_archive_with_two_data_files_is_refused(shop: Live, tmp_path: Path) -> None:
    file = zipped(tmp_path / "two.zip", MODELS, "a.json", "b.json")
    assert "one .json or .csv file" in shop.says("models", "import", str(file), code=2)


def test_the_published_snapshots_are_imported(shop: Live) -> None:
    found = sorted(DATA.glob("*ADM-*Snapshot*.zip"))
    if len(found) != 2:
        pytest.skip(f"no snapshots of adaptive models at {DATA}")
    said = shop.gives("models", "import", *map(str, found))
    assert round(said["auc"], 4) == 0.6116
    assert (said["models"], said["predictors"] > 1_000) == (68, True)


def test_models_are_tried_promoted_by_two_and_rolled_back(tmp_path: Path) -> None:
    files = {str(f.relative_to(STRATEGY)): f.read_text("utf-8") for f in STRATEGY.rglob("*.yaml")}
    files["policies/models.yaml"] = "models: [{name: quick, kind: beta, half_life: 30d}]\n"
    with living(tmp_path / "tried") as tried:
        tried.api.post("/v1/strategy/publish", {"files": files})
        until(lambda: "quick" in tried.says("models", "list"))
        said = tried.says("models", "challenge", "beta", "quick", "--share", "0.2", "--reason", "x")
        assert "20.0%" in said
        assert "Not yet sure" in said
        all_of_them = ("models", "challenge", "beta", "quick", "--share", "1", "--reason", "x")
        assert "`heedful models promote beta quick`" in tried.says(*all_of_them, code=2)
        looked = tried.says("models", "shadow", "beta", "quick", "--reason", "x")
        assert "looks on" in looked
        assert "quick 20%" in tried.says("models", "list")
        said = tried.says("models", "promote", "beta", "quick", "--reason", "now", code=1)
        assert "waits for one other person" in said
        [asked] = tried.gives("approvals", "list")["items"]
        other = tried.api.post("/v1/keys", {"role": "supervisor", "name": "rosa"})["key"]
        tried.says("approvals", "approve", asked["id"], "--reason", "read it", "--key", other)
        shown = tried.gives("models", "show", "beta")
        assert (shown["champion"], shown["before"], shown["rivals"]) == ("quick", ["beta"], [])
        back = tried.says("models", "rollback", "beta", "--reason", "worse")
        assert "beta answers for beta" in back
        again = tried.says("models", "rollback", "beta", "--reason", "worse", code=2)
        assert "to take back" in again
        tried.says("models", "show", "nobody", code=1)


def test_a_model_leaves_as_a_file_and_comes_in_beside_the_champion(tmp_path: Path) -> None:
    files = {str(f.relative_to(STRATEGY)): f.read_text("utf-8") for f in STRATEGY.rglob("*.yaml")}
    files["policies/models.yaml"] = (
        "models: [{name: quick, kind: beta, half_life: 30d}, {name: guest, half_life: 30d}]\n"
    )
    file, other = tmp_path / "quick.model", tmp_path / "again.model"
    with living(tmp_path / "carried") as shop:
        shop.api.post("/v1/strategy/publish", {"files": files})
        until(lambda: "guest" in shop.says("models", "list"))
        said = shop.says("models", "export", "quick", "--out", str(file))
        assert "quick (beta) of 0 outcome rows" in said
        head = json.loads(file.read_bytes().splitlines()[0])
        assert (head["format"], head["schema"], head["transparency"]) == ("heedful.model", 1, 5)
        given = ("models", "import", str(file), "--for", "beta", "--reason", "try")
        assert "kind" in shop.says(*given, "--as", "guest", code=2)
        assert "actions ask" in shop.says(*given, "--as", "beta", code=2)
        assert "--for" in shop.says("models", "import", str(file), code=2)
        assert "one model's file" in shop.says("models", "import", str(file), str(file), code=2)
        said = shop.says(*given)
        assert "in force here as quick" in said
        assert "looks on" in said
        shop.says("models", "export", "quick", "--out", str(other))
        assert other.read_bytes() == file.read_bytes()
        assert "trials of beta" in shop.says(*given, code=2)
        file.write_bytes(file.read_bytes()[:-1])
        assert "bytes of what it learned" in shop.says(*given, code=2)
        shop.says("models", "export", "nobody", "--out", str(other), code=1)
        analyst = shop.api.post("/v1/keys", {"role": "analyst", "name": "ana"})["key"]
        shop.says("models", "export", "quick", "--out", str(other), "--key", analyst, code=2)
