"""Credit for the outcomes of a workspace, by every method at once, beside what hold-outs show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from heedful.core import World
from heedful.engine.histories import histories
from heedful.engine.lifting import measure_lift
from heedful.kernel import InputError, expected, format_instant
from heedful.kernel.names import nearest
from heedful.measure import (
    Credit,
    Journey,
    Lift,
    first_touch,
    last_touch,
    linear_touch,
    markov,
    next_event_removal,
    shapley,
    time_decay,
)
from heedful.measure.reaching import GoalReader
from heedful.measure.touching import By, journeys_of, touches_of
from heedful.ports import Store

ATTRIBUTION_PEOPLE_MAX: Final = 50_000
"""People whose journeys one attribution looks at; a larger workspace is sampled fairly."""

HALF_LIFE_DAYS: Final = 7.0
"""Days after which a touch counts half, for credit by time decay and for the next-event model."""


class Credits(msgspec.Struct, frozen=True, kw_only=True):
    """What one channel or action is credited with, by method."""

    name: str
    touches: int
    conversions: dict[str, float]
    value: dict[str, float]
    """In the strategy's currency."""
    removal: float
    """Share of conversions that the Markov chain loses without it."""
    touch_effect: float
    """What one touch of it adds to a journey's chance to convert, by the next-event model."""


class Incremental(msgspec.Struct, frozen=True, kw_only=True):
    """What a hold-out says was brought about, to be read beside what is credited."""

    hold_out: str
    outcomes: Lift | None
    says: str


class AttributionReport(msgspec.Struct, frozen=True, kw_only=True):
    """Who is credited with the outcomes of a goal."""

    goal: str
    by: By
    since: str
    until: str
    people: int
    journeys: int
    conversions: float
    """Outcomes with a touch before them: what every method shares out."""
    value: float
    untouched: int
    """Outcomes that nothing of ours came before."""
    order: int
    channels: list[Credits]
    incremental: list[Incremental]
    says: str


class Gathered(msgspec.Struct, kw_only=True):
    """The journeys of a workspace towards one goal."""

    journeys: list[Journey] = []
    people: int = 0
    untouched: int = 0


def gather(
    store: Store,
    world: World,
    goal: str,
    by: By,
    since: int,
    now: int,
    lookback_ms: int,
    people_max: int,
) -> Gathered:
    """Cut what happened to people into journeys.

    Raises
    ------
    InputError
        `unknown_goal`.
    """
    require_goal(world, goal)
    reader = GoalReader(world.rules, world.dictionary)
    found = Gathered()
    for history in histories(store, people_max):
        found.people += 1
        events = history.events
        reached = [one for one in reader.reached(events) if since <= one.at < now]
        touches = [one for one in touches_of(events, by) if one.at >= since - lookback_ms]
        travelled = journeys_of(touches, reached, goal, lookback_ms, now)
        found.journeys += travelled.journeys
        found.untouched += travelled.untouched
    return found


def require_goal(world: World, goal: str) -> None:
    """Refuse a goal that the strategy in force does not have.

    Raises
    ------
    InputError
        `unknown_goal`.
    """
    if goal not in world.rules.goals:
        near = nearest(goal, list(world.rules.goals))
        known = ", ".join(world.rules.goals) or "none"
        remedy = f"Did you mean {near}?" if near else f"Known are: {known}."
        raise InputError("unknown_goal", expected("a known goal", repr(goal), "$.goal", remedy))


def measure_attribution(
    store: Store,
    world: World,
    goal: str,
    by: By,
    since: int,
    now: int,
    *,
    order: int = 1,
    lookback_ms: int,
    people_max: int = ATTRIBUTION_PEOPLE_MAX,
) -> AttributionReport:
    """Credit the outcomes of a goal.

    Raises
    ------
    InputError
        `unknown_goal`, `bad_order`, `too_many_states`, `too_many_steps`.
    """
    found = gather(store, world, goal, by, since, now, lookback_ms, people_max)
    journeys = found.journeys
    conversions = sum(journey.conversions for journey in journeys)
    lifted = measure_lift(store, world, since, now, people_max=people_max)
    incremental = [
        Incremental(hold_out=one.name, outcomes=about.outcomes, says=about.says)
        for one in lifted.hold_outs
        for about in one.goals
        if about.goal == goal
    ]
    return AttributionReport(
        goal=goal,
        by=by,
        since=format_instant(since),
        until=format_instant(now),
        people=found.people,
        journeys=len(journeys),
        conversions=conversions,
        value=sum(journey.value for journey in journeys),
        untouched=found.untouched,
        order=order,
        channels=credits_of(journeys, order) if conversions else [],
        incremental=incremental,
        says=_sentence(conversions, found.untouched, incremental),
    )


def credits_of(journeys: Sequence[Journey], order: int) -> list[Credits]:
    """Credit by every method; names ascending."""
    chain = markov(journeys, order)
    model = next_event_removal(journeys, HALF_LIFE_DAYS)
    methods: dict[str, Callable[[], list[Credit]]] = {
        "first": lambda: first_touch(journeys),
        "last": lambda: last_touch(journeys),
        "linear": lambda: linear_touch(journeys),
        "time_decay": lambda: time_decay(journeys, HALF_LIFE_DAYS),
        "shapley": lambda: shapley(journeys),
        "markov": lambda: chain.credits,
        "next_event": lambda: model.credits,
    }
    found = {name: {one.channel: one for one in work()} for name, work in methods.items()}
    counts: dict[str, int] = dict.fromkeys(chain.effects, 0)
    for journey in journeys:
        for touch in journey.touches:
            counts[touch] += 1
    return [
        Credits(
            name=name,
            touches=counts[name],
            conversions={method: by[name].conversions for method, by in found.items()},
            value={method: by[name].value for method, by in found.items()},
            removal=chain.effects[name],
            touch_effect=model.effects[name],
        )
        for name in sorted(counts)
    ]


def _sentence(conversions: float, untouched: int, incremental: list[Incremental]) -> str:
    credited = f"{conversions:,.0f} outcomes are credited, {untouched:,} had no touch before them."
    whole = next((one for one in incremental if not one.hold_out.startswith("action:")), None)
    if whole is None or whole.outcomes is None:
        return f"{credited} Credit is no cause, and no hold-out says yet what was brought about."
    share = whole.outcomes
    treated = share.total / share.difference if share.difference else 0.0
    low, high = (end * treated for end in share.watched)
    ends = f"{share.total:,.0f} ({low:,.0f} to {high:,.0f})"
    if not share.is_sure:
        ends += ", so it is not yet sure that any were"
    return f"{credited} By the hold-out {whole.hold_out}, acting brought about {ends}."
