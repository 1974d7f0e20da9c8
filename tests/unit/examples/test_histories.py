"""The shop's strategy over other people's histories; the data is made up, in the real columns."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner

from examples.complete_journey import decide as complete_journey
from examples.histories import CONSENT, Call, agreeing, by_person, play_all, sample, shop_files
from examples.rees46 import decide as rees46
from tests.unit.examples.test_complete_journey import lay
from tests.unit.examples.test_rees46 import CART, HEADER, PURCHASE, VIEW

FILES = shop_files()
DAY_0 = datetime(2017, 3, 1, 10, tzinfo=UTC)


def call(event: str, day: float, who: str = "household-1", **rest: Any) -> Call:
    at = (DAY_0 + timedelta(days=day)).isoformat(timespec="milliseconds")
    return {
        "type": "track",
        "event": event,
        "userId": who,
        "timestamp": at.replace("+00:00", "Z"),
        "messageId": f"{who}-{event}-{day}",
        "properties": {},
        **rest,
    }


def basket(day: float, who: str = "household-1") -> Call:
    products = [{"product_id": "11", "quantity": 1}]
    properties = {"order_id": f"{who}-{day}", "revenue": 20.0, "total": 20.0, "products": products}
    return call("Order Completed", day, who, properties=properties)


def a_regular(who: str, *, is_mailed: bool) -> list[Call]:
    """Somebody who buys twice, stays away for 70 days, and comes back."""
    mail = [call("Campaign Received", -1, who)] if is_mailed else []
    return complete_journey.with_visits([*mail, basket(0, who), basket(10, who), basket(80, who)])


def test_a_regular_who_comes_back_is_greeted_only_where_they_agreed() -> None:
    calls = a_regular("household-1", is_mailed=True) + a_regular("household-2", is_mailed=False)
    done = play_all(calls, complete_journey.place_of, FILES)
    assert (done.people, done.events) == (2, 13)
    assert [(one.who, one.answer["action"]) for one in done.examples] == [
        ("household-1", "come_back")
    ]
    assert done.examples[0].at[:10] == "2017-05-20"
    assert done.tally.tiers["retention"] >= 2
    refused = [why for why in done.tally.silences if "never agreed" in why]
    assert done.tally.silences[refused[0]] >= 3


def test_the_same_history_is_decided_in_the_same_way_in_any_order() -> None:
    calls = a_regular("household-1", is_mailed=True)
    first = play_all(calls, complete_journey.place_of, FILES)
    again = play_all(reversed(calls), complete_journey.place_of, FILES)
    assert first.examples == again.examples
    assert first.tally.tiers == again.tally.tiers


def test_a_visit_is_added_before_a_basket_and_consent_to_the_first_campaign() -> None:
    mails = [call("Campaign Received", day) for day in (1, 2)]
    told = complete_journey.with_visits([*mails, basket(3)])
    assert [(one["event"], one["timestamp"][11:16]) for one in told] == [
        ("Campaign Received", "10:00"),
        ("Campaign Received", "10:00"),
        ("Product Viewed", "09:59"),
        ("Order Completed", "10:00"),
    ]
    assert [one.get("context") for one in told] == [CONSENT, None, None, None]


def test_a_sample_keeps_whole_people() -> None:
    calls = [call("Product Viewed", day, f"household-{n}") for day in range(3) for n in range(10)]
    kept = by_person(sample(calls, 4))
    assert len(kept) == 4
    assert all(len(own) == 3 for own in kept.values())
    assert by_person(sample(calls, 99)) == by_person(calls)


def test_everybody_agrees_with_their_first_call() -> None:
    calls = [call("A", 1), call("B", 2), call("A", 1, "household-2")]
    assert [one.get("context") for one in agreeing(calls)] == [CONSENT, None, CONSENT]


FIGURES = (
    r"^{title}: {events} events\.$",
    r"^imported in [\d.,]+ s: [\d,]+ events/s, {people} customers\.$",
    r"^played in [\d.,]+ s: [\d,]+ events/s, [\d,]+ decisions? for {people} people\.$",
    r"^by tier: hardship 0 · service 0 · retention 0 · growth [\d,]+$",
    r"^nudges withheld: ",
)


def told(command: Any, *args: str) -> str:
    app = Typer()
    app.command()(command)
    done = CliRunner().invoke(app, list(args))
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("source", ["complete_journey", "rees46"])
def test_the_figures_of_both_sources_are_printed(source: str, tmp_path: Path) -> None:
    if source == "rees46":
        file = tmp_path / "sample.csv"
        file.write_text("\n".join((HEADER, VIEW, CART, PURCHASE)) + "\n")
        said = told(rees46.main, str(file))
        known = {"title": "REES46", "events": 3, "people": 1}
    else:
        said = told(complete_journey.main, str(lay(tmp_path / "tables")))
        known = {"title": "Complete Journey", "events": 9, "people": 2}
    said = said.replace("1 customer.", "1 customers.")
    for figure in FIGURES:
        assert re.search(figure.format(**known), said, re.MULTILINE), (figure, said)


def test_a_missing_source_is_said_in_words(tmp_path: Path) -> None:
    for command in (rees46.main, complete_journey.main):
        app = Typer()
        app.command()(command)
        done = CliRunner().invoke(app, [str(tmp_path / "nowhere")])
        assert done.exit_code == 1
        assert "Expected" in done.stderr


def test_a_call_without_a_person_or_a_time_is_left_out() -> None:
    nobody = call("A", 1) | {"userId": None}
    timeless = call("A", 1) | {"timestamp": "yesterday"}
    done = play_all([nobody, timeless], lambda _: "home", FILES)
    assert (done.people, done.tally.decisions) == (1, 0)
