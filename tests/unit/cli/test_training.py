"""`heedful train` and `heedful bids`, on a shop half of whose customers stop buying."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from heedful.app import App, init_workspace, open_app
from heedful.events import Event
from heedful.kernel import DAY_MS, hash_key
from tests.unit.cli.live import Live, speaking

NOW = 1_800_000_000_000
PEOPLE = 80
DAYS = 300
STRATEGY = {
    "signals.yaml": """
signals:
  - {name: buying, kind: buying, on: Order Completed, of: event.properties.revenue}
  - {name: orders, kind: count, on: Order Completed}
""",
    "consent.yaml": """
purposes: [marketing, training]
categories: {marketing: marketing}
""",
    "models/value.yaml": "model: value\nlifetime: {buying: buying}\n",
    "models/churn.yaml": """
model: churn
propensity:
  target: {on: Order Completed, within: 28d, absent: true}
  population: signals.orders >= 1
  features: [signals.orders, signals.buying.since_last]
  every: 28d
""",
}


def life(person: int) -> list[Event]:
    """Somebody comes from an advertisement and buys; every other one stops after half a year."""
    source = "search" if person % 4 else "banner"
    context = {
        "campaign": {"source": source, "name": "spring", "gclid": f"click-{person}"},
        "consent": {"categoryPreferences": {"marketing": True}},
    }
    pause = 9 + person % 17
    last = DAYS // 2 if person % 2 else DAYS
    first = event(person, 0, "identify", context=context, traits={"email": f"u{person}@b.example"})
    return [first] + [
        event(person, day, "Order Completed", properties={"revenue": 40 + person % 5})
        for day in range(person % 30 + 1, last, pause)
    ]


def event(person: int, day: int, name: str, **said: object) -> Event:
    at = NOW - (DAYS - day) * DAY_MS
    return Event(
        type="identify" if name == "identify" else "track",
        name=name,
        at=at,
        key=hash_key(b"lives", str(person), str(day), name),
        source="web",
        message_id=f"{person} {day} {name}",
        received_at=at,
        user_id=f"u{person}",
        **said,  # type: ignore[arg-type]
    )


@contextmanager
def opened(folder: Path) -> Iterator[tuple[App, Live]]:
    """Open a shop with this strategy and no other, which has no customers yet."""
    init_workspace(folder)
    for file in (folder / "strategy").rglob("*.yaml"):
        file.unlink()
    for name, text in STRATEGY.items():
        target = folder / "strategy" / name
        target.parent.mkdir(exist_ok=True)
        target.write_text(text, "utf-8")
    with open_app(folder, clock=lambda: NOW) as app, speaking(folder, app) as live:
        yield app, live


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The shop after ten months, with both models trained."""
    with opened(tmp_path_factory.mktemp("trained") / "shop") as (app, live):
        for person in range(PEOPLE):
            app.engine.ingest(life(person), ()).result()
        live.says("train", "value")
        live.says("train", "churn")
        yield live


def test_before_there_is_anything_to_learn_commands_say_what_is_missing(tmp_path: Path) -> None:
    with opened(tmp_path / "shop") as (_, live):
        states = live.gives("train")["items"]
        assert [(one["model"], one["retrain"]) for one in states] == [
            ("churn", ["untrained"]),
            ("value", ["untrained"]),
        ]
        assert live.says("train").count("never trained") == 2
        assert "Wait for more" in live.says("train", "value", code=2)
        assert "heedful train NAME" in live.says("bids", code=2)


def test_a_model_that_nobody_declared_is_not_trained(shop: Live) -> None:
    assert "got 'nobody'" in shop.says("train", "nobody", code=2)


def test_training_again_makes_the_next_version_of_the_same_data(shop: Live) -> None:
    before = next(one for one in shop.gives("train")["items"] if one["model"] == "value")
    said = shop.says("train", "value")
    assert f"value version {before['version'] + 1} is in force: {PEOPLE} customers" in said
    assert "purchases foretold" in said
    after = shop.gives("train", "value")
    assert after["version"] == before["version"] + 2
    assert (after["digest"], after["report"]) == (before["digest"], before["report"])


def test_a_propensity_is_shown_by_how_it_fared_later(shop: Live) -> None:
    said = shop.gives("train", "churn")
    assert said["customers"] == PEOPLE
    # Who has not bought for long has left: nothing else tells these people apart.
    assert all(period["auc"] > 0.9 for period in said["report"]["later_periods"])
    assert "current" in shop.says("train")


def test_bids_by_source_and_by_campaign(shop: Live) -> None:
    answer = shop.gives("bids")
    assert answer["customers"] == PEOPLE
    assert {bid["source"]: bid["customers"] for bid in answer["bids"]} == {
        "banner": PEOPLE // 4,
        "search": PEOPLE - PEOPLE // 4,
    }
    sooner = {bid["source"]: bid["ceiling"] for bid in answer["bids"]}
    said = shop.says("bids", "--by", "campaign", "--target-payback", "180d")
    assert "ceiling, 180 days" in said
    assert said.count("spring") == 2
    later = shop.gives("bids", "--target-payback", "180d")["bids"]
    assert all(bid["ceiling"] > sooner[bid["source"]] for bid in later)


def test_bids_are_refused_in_words_for_what_cannot_be_asked(shop: Live) -> None:
    assert "Expected a span of time, got 'soon'" in shop.says(
        "bids", "--target-payback", "soon", code=2
    )
    shop.says("bids", "--by", "colour", code=2)
    shop.says("bids", "--export", "nobody", code=2)


def test_a_file_for_an_ad_platform_is_written_where_it_was_asked_for(
    shop: Live, tmp_path: Path
) -> None:
    path = tmp_path / "google.csv"
    assert f"Wrote {PEOPLE} conversions" in shop.says(
        "bids", "--export", "google", "--conversion", "Worth", "--to", str(path)
    )
    _, columns, *rows = csv.reader(path.read_text("utf-8").splitlines())
    assert columns[:2] == ["Google Click ID", "Email"]
    assert {row[0] for row in rows} == {f"click-{person}" for person in range(PEOPLE)}
    assert {row[3] for row in rows} == {"Worth"}
    told = shop.gives("bids", "--export", "meta", "--to", str(path))
    assert told == {"platform": "meta", "rows": PEOPLE, "file": str(path)}
    assert "b.example" not in path.read_text("utf-8")
