"""Snapshots of other systems' models: the newest counts, and their AUC is reproduced."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from heedful.kernel import MICRO, InputError
from heedful.learn import BinCounts, LearningRow
from heedful.measure import ArmName, Named, read_snapshot, report_of

BESIDE = Path(__file__).resolve().parents[4] / "shared" / "data"
DATA = Path(os.environ.get("HEEDFUL_DATA") or BESIDE) / "pega_adm"
MODELS = "*ADM-ModelSnapshot*.zip"
PREDICTORS = "*ADM-PredictorBinningSnapshot*.zip"

OLD, NEW = "20210601T082326.789 GMT", "20210602T000000.000 GMT"


def model(id_: str = "m1", **changes: Any) -> str:
    fields: dict[str, Any] = {
        "ModelID": id_,
        "ConfigurationName": "Omni",
        "Group": "Loans",
        "Name": "Car",
        "Channel": "Email",
        "Treatment": None,
        "ResponseCount": 100,
        "Positives": 10,
        "Performance": 0.6,
        "ActivePredictors": 3,
        "SnapshotTime": NEW,
    }
    return json.dumps(fields | changes)


def bin_line(symbol: str, positives: int, negatives: int, **changes: Any) -> str:
    fields: dict[str, Any] = {
        "ModelID": "m1",
        "PredictorName": "Customer.Age",
        "Type": "numeric",
        "EntryType": "Active",
        "BinSymbol": symbol,
        "BinPositives": positives,
        "BinNegatives": negatives,
        "SnapshotTime": NEW,
    }
    return json.dumps(fields | changes)


def test_only_the_newest_snapshot_counts() -> None:
    old = model(SnapshotTime=OLD, Performance=0.9, ResponseCount=10_000)
    found = read_snapshot([old, "", model(), model("m2", Performance=0.5, ResponseCount=300)])
    assert found.auc == pytest.approx((0.6 * 100 + 0.5 * 300) / 400)
    assert (found.responses, found.positives, len(found.models)) == (400, 20, 2)
    assert found.at == 1_622_592_000_000
    assert found.models[0].base_rate == 0.1


def test_columns_may_bear_their_prefix_and_names_their_context() -> None:
    name = json.dumps({"pyName": "Boat", "pyTreatment": "Sunny"})
    prefixed = {f"py{k}": v for k, v in json.loads(model(Name=name, Performance=62.5)).items()}
    (row,) = read_snapshot([json.dumps(prefixed)]).models
    assert (row.action, row.treatment, row.auc) == ("Boat", "Sunny", 0.625)


def test_csv_says_the_same_as_json() -> None:
    record = json.loads(model(Treatment="NA", SnapshotTime="2021-06-02 00:00:00"))
    lines = [",".join(record), ",".join(map(str, record.values()))]
    assert read_snapshot(lines) == read_snapshot([model()])


def test_a_first_row_without_a_value_takes_it_from_no_other() -> None:
    rows = [json.loads(model("m1", Treatment="NA")), json.loads(model("m2", Treatment="Sunny"))]
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    assert [row.treatment for row in read_snapshot(lines).models] == ["", "Sunny"]
    partly = {name: value for name, value in rows[0].items() if name != "Treatment"}
    found = read_snapshot([json.dumps(partly), json.dumps(rows[1])])
    assert [row.treatment for row in found.models] == ["", "Sunny"]


def test_bins_without_their_columns_are_refused_by_the_name_of_their_file() -> None:
    with pytest.raises(InputError, match=r"columns PredictorName.* - at `bins.csv`"):
        read_snapshot([model()], ["ModelID,SnapshotTime", "m1,x"], files=("m.csv", "bins.csv"))


def test_predictors_carry_their_bins_and_the_classifier_is_none() -> None:
    bins = [
        bin_line("<30", 1, 9),
        bin_line(">=30", 4, 6),
        bin_line("<0", 1, 1, PredictorName="Classifier", EntryType="Classifier"),
        bin_line("<10", 1, 1, ModelID="of another snapshot"),
        bin_line("<10", 1, 1, SnapshotTime=OLD),
    ]
    (found,) = read_snapshot([model()], bins).predictors
    assert (found.predictor, found.kind, found.is_active, found.auc) == (
        "Customer.Age",
        "numeric",
        True,
        0.7,
    )
    assert [(one.label, one.lift) for one in found.bins] == [("<30", 0.4), (">=30", 1.6)]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "at least one model"),
        (["{"], "a JSON object"),
        ([model(SnapshotTime="June")], "a time"),
        ([model(ResponseCount="many")], "a number"),
        ([model(Positives=-1)], "a count of 0 or more"),
        ([model(Performance=101)], "an AUC"),
        ([model(Name="{oops")], "a name"),
        ([model(), model()], "each model once"),
        (['{"ModelID": "m1", "SnapshotTime": "20210601T000000"}'], "columns Name, Resp"),
        (["[" + model() + "]"], "got a JSON list - at `models`"),
        ([model(), model("m2", Positives="x")], r"got 'x' - at `models\[2\].Positives`"),
        ([model(), model("m2", SnapshotTime=None)], r"got none - at `models\[2\].SnapshotTime`"),
        (["email,city", "a@b.c,Rome"], "got a file of email, city - at `models`"),
        ([",".join(map(str, range(11))), "1"], "got a file of 0, 1, 2, 3, 4, 5, 6, 7 and 3 more"),
    ],
    ids=[
        *("none", "json", "time", "number", "negative", "auc", "name", "twice", "column"),
        *("list", "value", "no_value", "other", "wide"),
    ],
)
def test_what_is_no_snapshot_is_refused_in_words(lines: list[str], says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        read_snapshot(lines)
    assert caught.value.code == "bad_model_snapshot"


def lines_of(pattern: str) -> Iterator[str]:
    file = next(DATA.glob(pattern), None)
    if file is None:
        pytest.skip(f"no snapshots of adaptive models at {DATA}")
    with ZipFile(file) as archive, archive.open("data.json") as opened:
        for line in opened:
            yield line.decode()


def test_the_weighted_auc_of_the_published_snapshots_is_reproduced() -> None:
    found = read_snapshot(lines_of(MODELS))
    assert found.auc == pytest.approx(0.6115823, abs=1e-6)
    assert (len(found.models), found.responses, found.positives) == (68, 195_565, 14_101)


def test_the_auc_of_every_published_predictor_is_reproduced() -> None:
    newest = "20210601T1323"
    models = list(map(json.loads, (line for line in lines_of(MODELS) if newest in line)))
    names = {one["ModelID"]: (one["Name"], one["Channel"]) for one in models}
    lines = [line for line in lines_of(PREDICTORS) if f'SnapshotTime":"{newest}' in line]
    found = read_snapshot(lines_of(MODELS), lines)
    stated = {
        (*names[one["ModelID"]], one["PredictorName"]): one["Performance"]
        for one in map(json.loads, lines)
        if one["ModelID"] in names
    }
    assert len(found.predictors) > 1_000
    for row in found.predictors:
        key = (row.action, row.channel, row.predictor)
        assert row.auc == pytest.approx(stated[key], abs=1e-6)


def test_our_own_counts_are_reported_in_the_same_shape() -> None:
    counts = BinCounts()
    seen = [(1, 2.0, True), (1, 1.0, False), (2, 1.0, True), (3, 1.0, False), (3, 1.0, False)]
    for seq, (id_, value, positive) in enumerate(seen, 1):
        counts.learn_one(
            LearningRow(
                learn_seq=seq,
                decision_id="d",
                arm="tips/email/short",
                goal="purchase",
                state="converted" if positive else "expired",
                outcome=MICRO if positive else 0,
                decided_at=0,
                at=seq,
                feature_ids=(id_,),
                feature_values=(value,),
                model="logistic",
                p_ppm=400_000 if positive else 100_000,
            )
        )
    names = {1: Named("visits"), 2: Named("country", "DE"), 3: Named("country", "FR")}
    of = {"tips/email/short": ArmName("help", "tips", "email", "short")}
    found = report_of(counts, 9, of.__getitem__, names.__getitem__)
    (row,) = found.models
    assert (row.model, row.action, row.channel) == ("logistic", "tips", "email")
    assert (row.responses, row.positives) == (5.0, 2.0)
    assert (row.auc, row.base_rate, found.auc) == (1.0, 0.4, 1.0)
    numeric, symbolic = found.predictors
    assert (numeric.predictor, numeric.kind) == ("visits", "numeric")
    # Three rows do not name the number of visits: one converted, two did not.
    assert [(b.label, b.positives, b.negatives) for b in numeric.bins] == [
        ("[1, 1.062)", 0.0, 1.0),
        ("[2, 2.125)", 1.0, 0.0),
        ("none", 1.0, 2.0),
    ]
    assert [(b.label, b.positives, b.negatives) for b in symbolic.bins] == [
        ("DE", 1.0, 0.0),
        ("FR", 0.0, 2.0),
        ("none", 1.0, 1.0),
    ]
    assert row.predictors == 2
