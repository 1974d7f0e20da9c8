"""Two strategies side by side: what differs is told once, and what is the same is not."""

from __future__ import annotations

from typing import Any

from heedful.decide import DECISION_REQUESTED, NEED_OPENED
from heedful.events import CONSENT_CHANGED, Event
from heedful.kernel import MINUTE_MS
from heedful.strategy import compare_histories, compare_stories, load
from tests.unit.strategy.test_scenario import FILES, TROUBLE

NOON = 1_767_780_000_000
OLD = FILES
STRICTER = {**FILES, "needs.yaml": FILES["needs.yaml"].replace(">= 2", ">= 3")}
NOTHING, HELPED = "nothing decided", "offer_help (inapp)"
OPENED = "need_opened:cannot_pay"


def event(minute: int, name: str, type_: Any = "track", **properties: Any) -> Event:
    at = NOON + minute * MINUTE_MS
    return Event(
        type=type_,
        name=name,
        at=at,
        key=minute,
        message_id=str(minute),
        source="heedful" if type_ == "own" else "backend",
        received_at=at + 90 * MINUTE_MS,
        original_at=at,
        user_id=None if type_ == "own" else "ada",
        properties=properties,
    )


def compared(old: dict[str, str], new: dict[str, str], *events: Event) -> list[tuple[Any, ...]]:
    found = compare_histories(load(old), load(new), {"ada": events})
    return [((d.at - NOON) // MINUTE_MS, d.trigger, d.before, d.after) for d in found]


def failed(*minutes: int) -> list[Event]:
    return [event(minute, "Payment Failed") for minute in minutes]


def test_the_same_strategy_differs_in_nothing() -> None:
    assert compared(OLD, dict(OLD), *failed(1, 2, 3)) == []
    story = {"tests/a.yaml": TROUBLE + "    never: [cart_reminder]\n"}
    assert compare_stories({**OLD, **story}, {**OLD, **story}) == []


def test_each_decision_that_moves_is_told_where_it_was_and_where_it_is() -> None:
    assert compared(OLD, STRICTER, *failed(1, 2, 3)) == [
        (2, OPENED, HELPED, NOTHING),
        (3, OPENED, NOTHING, HELPED),
    ]
    assert compared(STRICTER, OLD, *failed(1, 2)) == [(2, OPENED, NOTHING, HELPED)]


def test_the_past_is_played_in_the_order_in_which_it_happened() -> None:
    events = failed(1, 2, 3)
    assert compared(OLD, STRICTER, *reversed(events)) == compared(OLD, STRICTER, *events)


def test_what_followed_from_decisions_then_follows_anew() -> None:
    opened = event(0, NEED_OPENED, "own", need="cannot_pay", tier="service")
    assert compared(OLD, STRICTER, opened, *failed(1)) == []


def test_what_the_person_said_and_was_asked_counts_as_it_did() -> None:
    offer = OLD["actions/cart-reminder.yaml"].replace("applicable: signals.went_to_checkout\n", "")
    pushy = {**OLD, "actions/cart-reminder.yaml": offer}
    asked = event(5, DECISION_REQUESTED, "own", placement="home")
    agreed = event(1, CONSENT_CHANGED, "own", purpose="marketing", status="granted", source="web")
    assert compared(OLD, pushy, event(0, "A"), asked) == []
    [(minute, trigger, before, after)] = compared(OLD, pushy, event(0, "A"), agreed, asked)
    assert (minute, trigger) == (5, DECISION_REQUESTED)
    assert before.startswith("do_nothing")
    assert after.startswith("cart_reminder")


def test_who_did_nothing_is_treated_alike() -> None:
    assert compared(OLD, STRICTER) == []


def test_stories_tell_of_which_one_they_are() -> None:
    story = {"tests/a.yaml": TROUBLE + "    never: [cart_reminder]\n"}
    [found] = compare_stories(OLD, {**STRICTER, **story})
    assert (found.about, found.before, found.after) == ("tests/a.yaml: Trouble", HELPED, NOTHING)
