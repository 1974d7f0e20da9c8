"""The intent of the moment: what a person is after, how far they are, and when it is over."""

from __future__ import annotations

from typing import Any

import pytest

from heedful.events import Event
from heedful.kernel import MINUTE_MS, SECOND_MS, InputError
from heedful.learn import Happening, SequenceModel
from heedful.sense import (
    Foresight,
    Sequences,
    SignalDefinition,
    compile_signals,
    encode_senses,
    evaluate,
    explain,
    moment_definitions,
)
from heedful.sense.limits import MOMENT_CHARACTERS_MAX, MOMENT_ENTRIES_MAX
from heedful.sense.moments import LEAVE_MS, PAUSE_MS, STRENGTH_HIGH
from heedful.sense.types import Value
from heedful.sense.views import VIEWS
from tests.unit.sense.shop import NOON, folded, happened

SIGNALS = compile_signals([], sequences=Sequences())
MINUTES_30 = 30 * MINUTE_MS


def search(at: int, category: str | None = "running", **said: Any) -> Event:
    about = {} if category is None else {"category": category}
    return happened("Products Searched", at, query="shoes", **about, **said)


def look(
    at: int, item: str = "r1", category: str = "running", name: str = "Product Viewed"
) -> Event:
    return happened(name, at, product_id=item, category=category)


def shown(*events: Event, now: int) -> dict[str, Value]:
    return evaluate(folded(SIGNALS, *events), SIGNALS, NOON + now)


def test_a_search_and_three_looks_are_a_high_intent() -> None:
    events = [search(0), *(look(n * SECOND_MS, f"r{n}") for n in (1, 2, 3))]
    found = shown(*events, now=4 * SECOND_MS)
    assert found["intent_category"] == "running"
    assert found["intent_stage"] == "comparing"
    assert found["intent_strength"] == 0.625
    assert found["intent_strength"] >= STRENGTH_HIGH
    assert found["intent_hesitation"] == 0.0
    assert shown(*events[:3], now=4 * SECOND_MS)["intent_strength"] < STRENGTH_HIGH
    assert shown(*events[1:], now=4 * SECOND_MS)["intent_strength"] < STRENGTH_HIGH


def test_it_is_seen_with_the_very_event_and_gone_when_the_moment_is_over() -> None:
    assert shown(look(0), now=0)["intent_category"] == "running"
    assert shown(look(0), now=MINUTES_30 - 1)["intent_category"] == "running"
    over = shown(look(0), now=MINUTES_30)
    assert over["intent_category"] is None
    assert over["intent_stage"] is None
    assert (over["intent_strength"], over["next_items"]) == (0.0, [])


def test_who_looks_here_and_there_has_no_high_intent() -> None:
    events = [look(n, f"i{n}", f"shelf {n % 3}") for n in range(MOMENT_ENTRIES_MAX)]
    assert shown(*events, now=9)["intent_strength"] == round(2 / 5 * 2 / 6, 3)


def test_a_new_interest_pushes_the_old_one_out() -> None:
    old = [look(n, f"b{n}", "boots") for n in range(MOMENT_ENTRIES_MAX)]
    new = [search(100), *(look(100 + n, f"r{n}") for n in range(1, 5))]
    assert shown(*old, now=50)["intent_category"] == "boots"
    assert shown(*old, *new, now=200)["intent_category"] == "running"


def test_a_search_without_a_category_counts_for_what_is_looked_at_after_it() -> None:
    alone = shown(search(0, None), now=1)
    assert (alone["intent_category"], alone["intent_stage"]) == (None, "browsing")
    found = shown(look(0, "b1", "boots"), search(1, None), look(2), look(3, "r2"), now=4)
    assert found["intent_category"] == "running"
    assert found["intent_strength"] == round(4 / 7 * 4 / 5, 3)


@pytest.mark.parametrize(
    ("events", "now", "stage"),
    [
        ([look(0)], 1, "browsing"),
        ([look(0), look(1)], 2, "browsing"),
        ([look(0), look(1, "r2")], 2, "comparing"),
        ([look(0), look(1, name="Product Added")], 2, "buying"),
        ([look(0), happened("Checkout Started", 1)], 2, "buying"),
        ([look(0, name="Product Added"), happened("Exit Intent", 1)], 2, "leaving"),
        ([look(0, name="Product Added"), look(1, name="Product Removed")], 2, "leaving"),
        ([look(0)], LEAVE_MS, "leaving"),
        ([look(0)], LEAVE_MS - 1, "browsing"),
    ],
    ids=["one", "twice", "two", "added", "checkout", "exit", "removed", "silent", "not yet"],
)
def test_the_stage_is_how_far_they_are(events: list[Event], now: int, stage: str) -> None:
    assert shown(*events, now=now)["intent_stage"] == stage


@pytest.mark.parametrize(
    ("events", "now", "signs"),
    [
        ([look(0), look(1, "r2"), look(2)], 3, 1),
        ([look(0), look(1), look(2)], 3, 0),
        ([look(0)], PAUSE_MS, 1),
        ([look(0), happened("Exit Intent", 1)], 2, 1),
        ([look(0), look(1, "r2"), look(2), happened("Exit Intent", 3)], PAUSE_MS + 3, 3),
    ],
    ids=["back", "same", "pause", "exit", "all"],
)
def test_hesitation_is_the_share_of_its_signs(events: list[Event], now: int, signs: int) -> None:
    assert shown(*events, now=now)["intent_hesitation"] == round(signs / 3, 3)


def test_a_purchase_ends_the_moment_and_what_comes_later_begins_one() -> None:
    bought = happened("Order Completed", 5)
    assert shown(look(0), look(1), bought, now=6)["intent_category"] is None
    after = shown(look(0), look(1), bought, look(7, "t1", "tents"), now=8)
    assert after["intent_category"] == "tents"
    assert after["intent_strength"] == 0.25


def test_an_event_that_comes_late_is_seen_in_its_place() -> None:
    early, later = [search(0), look(1), look(2, "r2")], [look(3, "r3")]
    assert shown(*later, *early, now=4) == shown(*early, *later, now=4)
    late = happened("Order Completed", 2)
    assert shown(*early, *later, late, now=4) == shown(late, *later, now=4)


def test_a_moment_takes_some_hundred_bytes_of_a_customer() -> None:
    before = len(encode_senses(folded(compile_signals([]), look(0))))
    long = [look(n * MINUTE_MS, f"p{n:05d}") for n in range(40)]
    plain = folded(compile_signals([]), *long)
    with_moment = folded(SIGNALS, *long)
    assert len(encode_senses(with_moment)) - len(encode_senses(plain)) <= 105
    vast = look(0, "x" * 10_000, "y" * 10_000)
    limit = before + 2 * MOMENT_CHARACTERS_MAX + 60
    assert len(encode_senses(folded(SIGNALS, vast))) <= limit


def test_other_events_leave_it_alone() -> None:
    assert folded(SIGNALS, happened("Home", 0, "page")).declared == {}
    assert shown(look(0), happened("Home", 1, "page"), now=2) == shown(look(0), now=2)


def test_events_of_another_business_can_be_named() -> None:
    trips = Sequences(
        item="event.properties.hotel", category="event.properties.city", looked="Hotel Opened"
    )
    signals = compile_signals([], sequences=trips)
    senses = folded(signals, happened("Hotel Opened", 0, hotel="h1", city="Rome"))
    assert evaluate(senses, signals, NOON)["intent_category"] == "Rome"


def test_what_is_declared_is_listed_with_what_it_means() -> None:
    listed = moment_definitions(Sequences())
    assert [one.name for one in listed] == list(VIEWS)
    assert all(one.description and one.kind == "moment" for one in listed)
    assert moment_definitions(None) == ()


def test_without_a_declaration_there_are_no_such_signals() -> None:
    signals = compile_signals([SignalDefinition(name="looks", kind="count", on="Product Viewed")])
    assert signals.moment is None
    assert VIEWS.keys().isdisjoint(signals.signals)


@pytest.mark.parametrize(
    ("sequences", "path"),
    [
        (Sequences(item="event.nothing"), "$.sequences.item"),
        (Sequences(category="price >"), "$.sequences.category"),
        (Sequences(lasts="soon"), "$.sequences.lasts"),
        (Sequences(looked={"look": "at"}), "$.sequences.looked"),
        (Sequences(bought=[]), "$.sequences.bought"),
    ],
    ids=["item", "category", "lasts", "looked", "bought"],
)
def test_a_fault_is_told_once_at_its_field(sequences: Sequences, path: str) -> None:
    faults: list[InputError] = []
    compile_signals([], sequences=sequences, faults=faults)
    assert len(faults) == 1
    assert path in faults[0].message or faults[0].detail["path"] == path


def test_the_explanation_lists_what_was_done() -> None:
    events = [search(0), look(1), happened("Order Completed", -MINUTES_30)]
    told = explain("intent_category", SIGNALS, events, NOON + 2)
    assert told.value == "running"
    assert [c.contribution for c in told.contributions] == ["searched", "looked"]


def foresight() -> Foresight:
    model = SequenceModel()
    for person in range(4):
        for n, name in enumerate(("Products Searched", "Product Viewed", "Product Added")):
            item = ("r1", "r2")[n - 1] if n else None
            model.learn_one(Happening(person, name, n, n, item))
    model.learn_one(Happening(9, "Home", 2 * MINUTES_30, 2 * MINUTES_30))
    return Foresight(model, SIGNALS.moment[0] if SIGNALS.moment else "", 0, 13)


def test_what_comes_next_is_read_from_the_model_in_force() -> None:
    senses = folded(SIGNALS, search(0), look(1))
    found = evaluate(senses, SIGNALS, NOON + 2, foresight=foresight())
    assert found["next_items"] == ["r2"]
    assert found["next_event"] == "Product Added"
    without = evaluate(senses, SIGNALS, NOON + 2)
    assert (without["next_items"], without["next_event"]) == ([], None)


def test_nothing_comes_next_once_the_session_is_over() -> None:
    senses = folded(SIGNALS, search(0), look(1))
    found = evaluate(senses, SIGNALS, NOON + 2 * MINUTES_30, foresight=foresight())
    assert (found["next_items"], found["next_event"]) == ([], None)


def test_events_that_the_model_does_not_know_are_passed_over() -> None:
    senses = folded(SIGNALS, search(0), look(1), happened("Need Opened", 2, "own"))
    found = evaluate(senses, SIGNALS, NOON + 3, foresight=foresight())
    assert found["next_event"] == "Product Added"
