"""What was spent on whom and what it is credited with, from the log: the ground of a budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from heedful.core import World
from heedful.engine.attributing import require_goal
from heedful.engine.histories import histories
from heedful.engine.lifting import LiftReport, measure_lift
from heedful.events import MESSAGE_RELEASED, Event
from heedful.kernel import MICRO, InputError, expected, format_instant
from heedful.measure.budget import Causal, Outlays, Reallocation, reallocate
from heedful.measure.reaching import GoalReader, Reached
from heedful.measure.touching import journeys_of, touches_of
from heedful.ports import Store

BUDGET_PEOPLE_MAX: Final = 50_000
"""People whose journeys one budget looks at; a larger workspace is sampled fairly."""

BUDGET_PERIODS_MIN: Final = 2
"""Whole periods that a budget is made of; a shorter look is refused."""

_NORMAL: Final = 1.959964  # of an interval at 95 %


class BudgetReport(msgspec.Struct, frozen=True, kw_only=True):
    """How the money of a period might be split."""

    goal: str
    since: str
    until: str
    period_days: float
    periods: int
    people: int
    currency: str
    split: Reallocation


def measure_budget(
    store: Store,
    world: World,
    goal: str,
    since: int,
    now: int,
    *,
    period_ms: int,
    lookback_ms: int,
    total: float | None,
    people_max: int = BUDGET_PEOPLE_MAX,
    seed: int,
) -> BudgetReport:
    """Propose a split of the money that actions cost.

    Raises
    ------
    InputError
        `unknown_goal`, `too_few_periods`, `no_spend`, `bad_total`.
    """
    require_goal(world, goal)
    periods = (now - since) // period_ms
    if periods < BUDGET_PERIODS_MIN:
        what = expected(f"at least {BUDGET_PERIODS_MIN} whole periods", str(periods), "$.since")
        raise InputError("too_few_periods", what)
    start = now - periods * period_ms
    rows = _Rows(world, start, period_ms)
    reader = GoalReader(world.rules, world.dictionary)
    people = 0
    for history in histories(store, people_max):
        events = history.events
        reached = [one for one in reader.reached(events) if start <= one.at < now]
        rows.add(people, events, reached, goal, lookback_ms, now)
        people += 1
    lifted = measure_lift(store, world, start, now, people_max=people_max)
    found = rows.outlays()
    causal = _causal(lifted, goal, rows.names, found)
    return BudgetReport(
        goal=goal,
        since=format_instant(start),
        until=format_instant(now),
        period_days=period_ms / 86_400_000,
        periods=int(periods),
        people=people,
        currency=world.rules.currency,
        split=reallocate(found, rows.names, causal, seed=seed, total=total),
    )


class _Rows:
    """Gathers spend at release, and credit shared evenly among the actions of a journey."""

    def __init__(self, world: World, start: int, period_ms: int) -> None:
        self._costs = {name: action.cost / MICRO for name, action in world.rules.actions.items()}
        self.names = sorted(self._costs)
        self._place = {name: k for k, name in enumerate(self.names)}
        self._start, self._period = start, period_ms
        self._rows: list[tuple[int, int, int, float, float]] = []

    def add(
        self,
        person: int,
        events: Sequence[Event],
        reached: Sequence[Reached],
        goal: str,
        lookback_ms: int,
        now: int,
    ) -> None:
        for event in events:
            if event.type == "own" and event.name == MESSAGE_RELEASED and event.at >= self._start:
                name = str(event.properties.get("action"))
                if name in self._place:
                    self._put(person, event.at, name, self._costs[name], 0.0)
        touches = [
            one
            for one in touches_of(events, "action")
            if one.at >= self._start - lookback_ms and one.name in self._place
        ]
        for one in reached:
            if one.goal != goal:
                continue
            journeys = journeys_of(touches, [one], goal, lookback_ms, one.at).journeys
            for name in sorted({touch for journey in journeys for touch in journey.touches}):
                share = journeys[0].value / len(set(journeys[0].touches))
                self._put(person, one.at, name, 0.0, share)
            touches = [touch for touch in touches if touch.at > one.at]

    def _put(self, person: int, at: int, name: str, spend: float, credit: float) -> None:
        period = (at - self._start) // self._period
        self._rows.append((person, period, self._place[name], spend, credit))

    def outlays(self) -> Outlays:
        """Give what was gathered as columns."""
        columns = np.array(self._rows, dtype=np.float64).reshape(-1, 5).T
        person, period, channel = (column.astype(np.int64) for column in columns[:3])
        return Outlays(person, period, channel, columns[3], columns[4])


def _causal(
    lifted: LiftReport, goal: str, names: Sequence[str], found: Outlays
) -> dict[str, Causal]:
    """Give what share of the credit hold-outs confirm: of single actions, and of all together."""
    causal: dict[str, Causal] = {}
    for one in lifted.hold_outs:
        name = one.name.removeprefix("action:")
        is_whole = name == one.name
        value = next((about.value for about in one.goals if about.goal == goal), None)
        if value is None or (not is_whole and name not in names):
            continue
        of_it = (
            np.ones(len(found.channel), bool) if is_whole else found.channel == names.index(name)
        )
        credited = float(found.credit[of_it].sum())
        if credited > 0.0 and (not is_whole or "*" not in causal):
            error = (value.interval.high - value.interval.low) / (2.0 * _NORMAL) * one.treated
            share = max(value.total / credited, 0.0)
            causal["*" if is_whole else name] = Causal(share, error / credited)
    return causal
