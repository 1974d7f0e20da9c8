"""The lift of every hold-out of a workspace, from the draws in cases and the events in the log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from heedful.core import World
from heedful.decide.case import Assignment
from heedful.engine.histories import History, histories
from heedful.kernel import format_instant
from heedful.measure.holding import Drawn, HoldOut, HoldOutLift
from heedful.measure.reaching import GoalReader
from heedful.ports import Store

LIFT_PEOPLE_MAX: Final = 200_000
"""People that one measurement looks at; of a larger workspace a fair sample of so many."""


class LiftReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the workspace's hold-outs show."""

    since: str
    until: str
    people: int
    """Customers that were looked at, drawn for a hold-out or not."""
    hold_outs: list[HoldOutLift]
    """The one over everything first."""


def measure_lift(
    store: Store,
    world: World,
    since: int,
    now: int,
    *,
    people_max: int = LIFT_PEOPLE_MAX,
    confidence: float = 0.95,
) -> LiftReport:
    """Compare who was left in peace with everybody else."""
    reader = GoalReader(world.rules, world.dictionary)
    found: dict[str, HoldOut] = {}
    looked = 0
    for history in histories(store, people_max):
        looked += 1
        _take(history, reader, world, found, since, now)
    reports = [hold_out.report(confidence) for _, hold_out in sorted(found.items())]
    reports.sort(key=lambda one: one.name.startswith("action:"))
    return LiftReport(
        since=format_instant(since), until=format_instant(now), people=looked, hold_outs=reports
    )


def _take(
    history: History,
    reader: GoalReader,
    world: World,
    found: dict[str, HoldOut],
    since: int,
    now: int,
) -> None:
    draws = draws_of(history.case.holdouts)
    if not draws:
        return
    reached = reader.reached(history.events)
    for name, first in draws.items():
        hold_out = found.get(name)
        if hold_out is None:
            hold_out = found[name] = HoldOut(name, world.rules.goals, since, now)
        if first is None:
            hold_out.contaminated += 1
        else:
            hold_out.add(Drawn(first.at, first.is_held, reached))


def draws_of(holdouts: Iterable[Assignment]) -> dict[str, Assignment | None]:
    """Give a person's first draw of each hold-out; None where a merge brought both sides."""
    first: dict[str, Assignment | None] = {}
    sides: dict[str, set[bool]] = {}
    for draw in holdouts:
        first.setdefault(draw.name, draw)
        sides.setdefault(draw.name, set()).add(draw.is_held)
    return {name: one if len(sides[name]) == 1 else None for name, one in first.items()}
