"""From an edited file to a version in force and back, on the strategy of a new workspace."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jsonschema_rs import validator_for

from heedful.app import App, open_app
from heedful.app.publishing import remember
from heedful.cli.client import open_workspace
from heedful.strategy.yaml import load_yaml
from tests.unit.cli.conftest import Run
from tests.unit.cli.live import Live, living

STORY = """
scenarios:
  - scenario: A third failure brings help
    events:
      - {at: 0m, track: Payment Failed}
      - at: 1m
        track: Payment Failed
        expect: {decision: none}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Live]:
    with living(tmp_path / "shop", is_shop=False) as made:
        yield made


def edit(shop: Live, file: str, old: str, new: str) -> str:
    """Change a file of the strategy; gives its text before."""
    path = shop.directory / "strategy" / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    return text


def write(shop: Live, file: str, text: str) -> Path:
    path = shop.directory / "strategy" / file
    path.write_text(text, "utf-8")
    return path


def in_force(shop: Live) -> str:
    return str(shop.api.get("/v1/strategy")["version"])


def test_a_strategy_that_is_not_there_is_told_as_a_path(shop: Live, tmp_path: Path) -> None:
    for command in ("whatif", "diff"):
        said = shop.says(command, str(tmp_path / "nowhere"), code=2)
        assert "Expected a workspace, with a folder `strategy`, or a version, got neither" in said
        assert "nowhere" in said
    folder = shop.directory / "strategy"
    assert "The same." in shop.says("diff", str(folder), "--sample", "0")


def test_a_model_that_is_declared_and_not_published_cannot_be_trained(shop: Live) -> None:
    assert "Declare it in models/ and publish." in shop.says("train", "value", code=2)


def test_who_may_not_start_alone_hears_how_others_agree(shop: Live) -> None:
    shop.says("stop", "channel:email", "--reason", "Blocked")
    said = shop.says("start", "channel:email", "--reason", "Works", code=1)
    assert "--key THEIRS" in said
    assert "switch_on: {required: 0}" in said
    write(shop, "policies/approvals.yaml", "switch_on: {required: 0}\n")
    shop.says("publish")
    assert "Started: channel:email." in shop.says("start", "channel:email", "--reason", "Works")


def test_a_key_and_a_row_that_are_none_are_named(shop: Live) -> None:
    shop.says("keys", "create", "--role", "source", "--name", "shop-window")
    said = shop.says("keys", "create", "--role", "source", "--name", "shop-window", code=2)
    assert "`heedful keys revoke shop-window`" in said
    assert "`heedful keys list`" in shop.says("keys", "revoke", "nobody", code=1)
    assert "got 77, which is not there" in shop.says("quarantine", "discard", "77", code=1)


def test_a_story_that_fails_is_told_at_its_place_and_keeps_the_rest_from_people(
    shop: Live,
) -> None:
    before = in_force(shop)
    path = write(shop, "tests/third.yaml", STORY)
    place = f"{path}:8:28: Expected no decision, got offer_help (inapp, cannot_pay, best_value)"
    for command in (["test", str(shop.directory)], ["publish", "--dir", str(shop.directory)]):
        said = shop.run(*command, code=1)
        assert "FAIL  tests/third.yaml:3  A third failure brings help" in said
        assert place in said
        assert "1 of 2 did not come true." in said
    [verdict] = [
        v
        for v in json.loads(shop.run("test", str(shop.directory), "--json", code=1))
        if v["failures"]
    ]
    assert (verdict["file"], verdict["line"]) == ("tests/third.yaml", 3)
    [failure] = verdict["failures"]
    assert (failure["line"], failure["column"]) == (8, 28)
    assert shop.gives("publish", code=1)["failed"] == [verdict]
    assert in_force(shop) == before


def test_without_stories_nothing_is_proved(shop: Live) -> None:
    (shop.directory / "strategy" / "tests" / "first.yaml").unlink()
    assert "No stories: write one as" in shop.run("test", str(shop.directory), code=1)
    assert "No story proves it" in shop.says("publish")


def test_an_edit_is_in_force_once_it_is_published(shop: Live) -> None:
    before = in_force(shop)
    assert "The same." in shop.says("diff")
    edit(shop, "needs.yaml", ">= 2", ">= 3")
    write(shop, "tests/first.yaml", STORY)
    said = shop.says("diff", code=1)
    assert "-    opens_when: signals.payment_failures_10m >= 2" in said
    assert "+    opens_when: signals.payment_failures_10m >= 3" in said
    assert "1 decision changes in the stories" in said
    published = shop.gives("publish")
    assert published["version"] == in_force(shop) != before
    assert published["approval"] is None
    listed = shop.api.get("/v1/strategy/versions")["items"]
    assert [one["version"] for one in listed] == [before, published["version"]]
    assert listed[1]["by"] == "command-line"


def test_a_restart_publishes_nothing(tmp_path: Path) -> None:
    with living(tmp_path / "shop", is_shop=False) as shop:
        before = in_force(shop)
        edit(shop, "needs.yaml", ">= 2", ">= 3")
        (shop.directory / "strategy" / "half.yaml").write_text("signals: [", "utf-8")
    with open_workspace(tmp_path / "shop", None) as api:
        assert api.get("/v1/strategy")["version"] == before


def test_a_server_says_that_the_folder_is_ahead(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ready_at_once(app: App, host: str, port: int, ready: Callable[[str], None]) -> None:
        app.start()
        ready("http://127.0.0.1:1")

    monkeypatch.setattr("heedful.api.server.run", ready_at_once)
    with living(tmp_path / "shop", is_shop=False) as shop:
        pass
    assert "not in force" not in run("serve", tmp_path / "shop").stderr
    edit(shop, "needs.yaml", ">= 2", ">= 3")
    assert "not in force" in run("serve", tmp_path / "shop").stderr


def test_what_is_refused_since_gives_way_to_the_folder(tmp_path: Path) -> None:
    with living(tmp_path / "shop", is_shop=False) as shop:
        before = in_force(shop)
    with open_app(tmp_path / "shop") as app:
        bad = {"signals.yaml": "signals: ["}
        app.engine.transact(lambda tx: remember(tx, before, bad, 0))
    with open_workspace(tmp_path / "shop", None) as api:
        assert api.get("/v1/strategy")["version"] == before


def test_a_rollback_brings_the_files_back(shop: Live) -> None:
    before = in_force(shop)
    text = edit(shop, "needs.yaml", "expires_after: 48h", "expires_after: 24h")
    shop.says("publish")
    edit(shop, "needs.yaml", "expires_after: 24h", "expires_after: 12h")
    said = shop.run("rollback", "--dir", str(shop.directory), code=1, answer="n\n")
    assert "-    expires_after: 24h" in said
    assert "never published" in said
    assert f"In force: version {before}." in shop.says("rollback", "--yes")
    assert (shop.directory / "strategy" / "needs.yaml").read_text("utf-8") == text
    assert in_force(shop) == before
    assert "heedful versions" in shop.run(
        "rollback", "--yes", "no-such-version", "--dir", str(shop.directory), code=1
    )


def test_what_a_rollback_may_name_is_listed(shop: Live) -> None:
    before = in_force(shop)
    edit(shop, "needs.yaml", "expires_after: 48h", "expires_after: 24h")
    shop.says("publish")
    rows = [line.split() for line in shop.says("versions").splitlines()]
    known = (before, in_force(shop))
    found = [(words[0], words[-1] == "yes") for words in rows if words[:1] and words[0] in known]
    assert found == [(in_force(shop), True), (before, False)]


def test_a_first_version_has_none_before_it(shop: Live) -> None:
    assert "No version was in force before" in shop.says("rollback", "--yes", code=1)


def test_where_the_policy_asks_for_it_somebody_else_agrees_first(shop: Live) -> None:
    write(shop, "policies/approvals.yaml", "publish: {required: 1}\n")
    shop.says("publish")
    before = in_force(shop)
    rosa = shop.api.post("/v1/keys", {"role": "operator", "name": "rosa"})["key"]
    edit(shop, "needs.yaml", "expires_after: 48h", "expires_after: 24h")
    assert "reason" in shop.says("publish", code=2)
    said = shop.says("publish", "--reason", "shorter", code=1)
    assert "waits for one other person" in said
    [asked] = shop.gives("approvals", "list")["items"]
    assert shop.gives("publish", code=1)["approval"]["id"] == asked["id"]
    shop.says("approvals", "approve", asked["id"], "--reason", "mine", code=2)
    assert in_force(shop) == before
    # What is agreed to is these files: others need another word, and wait for it.
    wanted = edit(shop, "needs.yaml", "expires_after: 24h", "expires_after: 1h")
    other = shop.gives("publish", "--reason", "more", code=1)
    assert other["approval"]["id"] != asked["id"]
    proposed = shop.api.get(f"/v1/strategy/versions/{other['version']}")["files"]
    assert "expires_after: 1h" in proposed["needs.yaml"], "who agrees can read it"
    agree = ("approvals", "approve", asked["id"], "--reason", "read it", "--key", rosa)
    now = in_force(shop)
    assert now == before
    agreed = shop.says(*agree)
    now = in_force(shop)
    assert now != before
    assert f"In force: version {now}." in agreed
    assert (shop.directory / "strategy" / "needs.yaml").read_text("utf-8") == wanted
    assert shop.gives("publish") == {"version": now, "approval": None}, "it is in force already"
    # What was asked for in the place of the version before is overtaken.
    late = ("approvals", "approve", other["approval"]["id"], "--reason", "read it", "--key", rosa)
    assert "In force" not in shop.says(*late)
    assert in_force(shop) == now
    # And it is used up: the same files need it again once others were in force.
    said = shop.says("rollback", "--yes", "--reason", "back", "--key", rosa, code=1)
    assert "waits for one other person" in said


def test_an_editor_finds_what_the_schemas_refuse(shop: Live, tmp_path: Path) -> None:
    folder = tmp_path / "schemas"
    used = json.loads(shop.run("schema", str(folder)))["yaml.schemas"]
    checked = []
    for path, patterns in used.items():
        validator = validator_for(json.loads(Path(path).read_text("utf-8")))
        for file in (f for pattern in patterns for f in shop.directory.glob(pattern)):
            data = load_yaml(file.read_text("utf-8"), file.name).data
            assert validator.is_valid(data), file
            assert not validator.is_valid({**data, "nmae": 1})
            checked.append(file)
    assert sorted(checked) == sorted((shop.directory / "strategy").rglob("*.yaml"))


def test_who_would_be_treated_differently_is_replayed(shop: Live) -> None:
    shop.refuse_payments("ada", times=2)
    shop.refuse_payments("ben", times=3)
    shop.send("eve", "Product Added")
    assert shop.gives("diff")["replayed"] == {"people": 3, "differences": []}
    edit(shop, "needs.yaml", ">= 2", ">= 3")
    write(shop, "tests/first.yaml", STORY)
    said = shop.says("diff", code=1)
    assert "Replayed: 3 customers; 2 would be treated differently." in said
    told = shop.gives("diff", code=1)["replayed"]
    names = {shop.api.customer_id(f"user_id:{name}"): name for name in ("ada", "ben", "eve")}
    found = [(names[d["about"]], d["before"], d["after"]) for d in told["differences"]]
    nothing, helped = "nothing decided", "offer_help (inapp)"
    assert sorted(found) == [
        ("ada", helped, nothing),
        ("ben", nothing, helped),
        ("ben", helped, nothing),
    ]
    assert told["people"] == 3
    assert shop.gives("diff", "--sample", "0", code=1)["replayed"] is None
    assert shop.gives("diff", "--sample", "1", code=1)["replayed"]["people"] == 1


def test_what_is_likely_not_meant_is_a_warning_that_refuses_nothing(shop: Live) -> None:
    models = shop.directory / "strategy" / "models"
    models.mkdir(exist_ok=True)
    write(shop, "models/far.yaml", "model: far\nahead: {}\n")
    path = write(shop, "policies/contact.yaml", "fatigue_cost: 0.2\n")
    said = shop.run("check", str(shop.directory))
    assert said.startswith(f"warning: {path}:1:1: Expected what a message changes about later")
    assert "No problems: version" in said
    told = json.loads(shop.run("check", str(shop.directory), "--json"))
    assert [one["code"] for one in told["warnings"]] == ["counted_twice"]
    assert shop.api.post("/v1/strategy/check")["warnings"] == told["warnings"]
    assert "warning: " in shop.says("publish")
