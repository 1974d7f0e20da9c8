"""Events that a strategy waits for and that never came: slips are told, rare ones noted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from heedful.app.waited import WAITED_EVENTS_MIN, WAITED_SPAN_MIN_MS, never_seen
from heedful.cli.diagnosis import diagnose
from heedful.events import Event, encode_event
from heedful.sense.features import FeatureDictionary, event_key
from heedful.strategy import load

STRATEGY = {
    "goals.yaml": "goals:\n  purchase: {on: Order Complete, within: 3d}\n"
    "  visit: {on: [Store Visited, {page: Home}], within: 3d}\n",
    "signals.yaml": "signals:\n"
    "  - {name: claims, kind: count, on: Warranty Claimed}\n"
    "  - {name: idle, kind: absence, after: Cart Viewed, not: Order Complete, within: 1h}\n"
    "  - {name: any, kind: count, on: '*'}\n"
    "  - {name: told, kind: count, on: {own: Message Released}}\n",
}
NOW = 1_800_000_000_000


class Row:
    def __init__(self, at: int) -> None:
        event = Event(
            type="track", name="Home", at=at, key=1, source="web", message_id="m", received_at=at
        )
        self.body = encode_event(event)


class Log:
    """A store that only has its first event."""

    def __init__(self, at: int) -> None:
        self._rows = [Row(at)]

    def read(self, work: Any) -> Any:
        return work(self)

    def log(self, after: int, limit: int) -> Sequence[Row]:
        return self._rows


def found(
    *seen: str,
    events: int = WAITED_EVENTS_MIN,
    age: int = WAITED_SPAN_MIN_MS,
    limit: int = 9,
    strategy: dict[str, str] = STRATEGY,
) -> Any:
    keys = [event_key(name) for name in seen]
    dictionary = FeatureDictionary({key.id: key for key in keys}, limit)
    log: Any = Log(NOW - age)
    return never_seen(log, load(strategy), dictionary, events, NOW)


def test_a_slip_is_told_with_what_came_instead() -> None:
    one, other = found("Home", "Cart Viewed", "Order Completed")
    assert (one["event"], one["meant"]) == ("Order Complete", "Order Completed")
    assert one["waits"] == ["goal purchase", "signal idle"]
    assert (other["event"], other["waits"], other["meant"]) == (
        "Warranty Claimed", ["signal claims"], None,
    )  # fmt: skip
    disk = {"bytes_used": 1, "bytes_free": 9, "days_until_full": None}
    told = {f.about: f for f in diagnose({"disk": disk, "never_seen": [one, other]})}
    slip = told["goal purchase and signal idle"]
    assert slip.status == "look"
    assert "`Order Complete` never came, and `Order Completed` did." in slip.says
    rare = told["events waited for"]
    assert (rare.status, "`Warranty Claimed` (signal claims)" in rare.says) == ("ok", True)


def test_what_came_in_any_of_its_forms_is_not_told() -> None:
    seen = ("Home", "Cart Viewed", "Order Complete", "Warranty Claimed")
    assert found(*seen) == []
    [home] = found(*seen[1:])[:1]
    assert (home["event"], home["waits"]) == ("Home", ["goal visit"])


def test_an_event_that_something_else_waits_for_is_no_slip() -> None:
    orders = "  - {name: orders, kind: count, on: Order Completed}\n"
    both = {**STRATEGY, "signals.yaml": STRATEGY["signals.yaml"] + orders}
    one = found("Home", "Cart Viewed", "Order Completed", strategy=both)[0]
    assert (one["event"], one["meant"], one["nearest"]) == (
        "Order Complete", None, "Order Completed",
    )  # fmt: skip


def test_a_short_log_and_one_with_too_many_names_say_nothing() -> None:
    assert found("Home") != []
    assert found("Home", events=WAITED_EVENTS_MIN - 1) == []
    assert found("Home", age=WAITED_SPAN_MIN_MS - 1) == []
    assert found("Home", limit=1) == []
