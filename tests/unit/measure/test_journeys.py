"""From events to outcomes, touches and journeys, and from draws to the lift of a hold-out."""

from __future__ import annotations

from typing import Any

import pytest

from heedful.app.worlds import world_of
from heedful.events import Event
from heedful.kernel import DAY_MS, HOUR_MS, MICRO
from heedful.measure.holding import Drawn, HoldOut
from heedful.measure.reaching import GoalReader, Reached
from heedful.measure.touching import Touch, journeys_of, touches_of
from heedful.sense import FeatureDictionary
from heedful.strategy import load

GOALS = """
goals:
  order: {on: Order Completed, within: 3d, value: event.properties.revenue * 0.5}
  big: {on: Order Completed, where: signals.orders >= 2, within: 3d, value: 7}
"""
SIGNALS = "signals: [{name: orders, kind: count, on: Order Completed, window: 30d}]"


def event(name: str, at: int, type_: Any = "track", **said: Any) -> Event:
    return Event(
        type=type_,
        name=name,
        at=at,
        key=at,
        source="web",
        message_id=str(at),
        received_at=at,
        **said,
    )


@pytest.mark.parametrize("reads_person", [False, True], ids=["event", "person"])
def test_outcomes_are_read_with_the_person_as_they_were(reads_person: bool) -> None:
    goals = GOALS if reads_person else "\n".join(GOALS.splitlines()[:3])
    world = world_of(load({"goals.yaml": goals, "signals.yaml": SIGNALS}))
    reader = GoalReader(world.rules, FeatureDictionary({}, 10))
    found = reader.reached(
        [
            event("Order Completed", 1, properties={"revenue": 10}),
            event("Product Viewed", 2),
            event("Order Completed", 3, properties={"revenue": "none"}),
        ]
    )
    expected = [Reached(1, "order", 5 * MICRO), Reached(3, "order", 0)]
    expected += [Reached(3, "big", 7 * MICRO)] * reads_person
    assert sorted(found) == sorted(expected)


def test_touches_are_messages_and_visits_by_a_campaign() -> None:
    search = {"campaign": {"source": "search"}}
    events = [
        event("Home", 0, "page", context=search),
        event("Cart", HOUR_MS // 3, "page", context=search),  # the same visit
        event("Message Released", HOUR_MS, "own", properties={"action": "a", "channel": "email"}),
        event("Home", 2 * HOUR_MS, "page", context=search),
        event("Home", 3 * HOUR_MS, "page", context={"campaign": "x"}),
    ]
    assert [t.name for t in touches_of(events, "action")] == [
        "campaign:search", "a", "campaign:search",
    ]  # fmt: skip
    assert touches_of(events, "channel")[1] == Touch(HOUR_MS, "email")


def test_each_outcome_ends_a_journey_and_the_rest_converted_nobody() -> None:
    touches = [Touch(day * DAY_MS, f"t{day}") for day in (0, 5, 6, 12, 14)]
    reached = [Reached(day * DAY_MS, "order", MICRO * day) for day in (6, 7, 13)]
    found = journeys_of(touches, reached, "order", 4 * DAY_MS, 15 * DAY_MS)
    assert [(j.touches, j.conversions, j.value, j.nulls, j.ages) for j in found.journeys] == [
        (("t5", "t6"), 1.0, 6.0, 0.0, (1.0, 0.0)),
        (("t12",), 1.0, 13.0, 0.0, (1.0,)),
        (("t14",), 0.0, 0.0, 1.0, (1.0,)),
    ]
    assert found.untouched == 1
    assert journeys_of([], [Reached(1, "other", 0)], "order", DAY_MS, 9).journeys == []


def test_a_hold_out_counts_from_the_draw_and_looks_as_far_back() -> None:
    people = HoldOut("h", ["order"], since=10 * DAY_MS, now=20 * DAY_MS)
    every = [Reached(day * DAY_MS, "order", MICRO) for day in (1, 5, 11, 13, 21)]
    for k in range(40):
        people.add(Drawn(12 * DAY_MS, k % 2 == 0, every))
    found = people.report()
    assert (found.treated, found.held) == (20, 20)
    assert found.goals[0].treated_mean == 1.0  # day 13 alone: 11 was before the draw
    assert found.goals[0].outcomes is None  # below 30 people
    assert found.goals[0].says.startswith("Not yet sure: 20 treated")


def test_what_nobody_reached_is_not_sure() -> None:
    people = HoldOut("h", ["order"], since=0, now=DAY_MS)
    for k in range(80):
        people.add(Drawn(0, k % 2 == 0, ()))
    assert people.report().goals[0].says == "Not yet sure: nobody reached it so far."


def test_an_offer_that_costs_outcomes_is_said_to() -> None:
    people = HoldOut("h", ["order"], since=0, now=DAY_MS)
    for k in range(2_000):
        is_held = k % 2 == 0
        often = 5 if is_held else 10
        reached = [Reached(1, "order", MICRO)] if k // 2 % often == 0 else []
        people.add(Drawn(0, is_held, reached))
    assert people.report().goals[0].says.startswith("Acting cost 10.00 outcomes on 100 people")
