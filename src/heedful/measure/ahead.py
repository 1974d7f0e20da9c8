"""The long game: what a message changes about the months after it, from the lives in the log.

A life is cut into weeks. The state at the begin of a week is how long ago the person last did
something, how often we wrote in 28 days, how they took it, and which tier of need is open; what was
said first in the week is the arm, and what came in it, less its cost and penalties, the reward.
`heedful.learn.Continuation` solves for what every state is worth under the best later choices.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from heedful.kernel import DAY_MS, MICRO, from_micros
from heedful.learn import (
    FOLLOWING_ARMS_MAX,
    SILENT,
    Continuation,
    ContinuationSettings,
    LaterTable,
    Plan,
    Transition,
    later_table,
)
from heedful.measure.off_policy import Interval
from heedful.sense.ahead import (
    FATIGUE,
    GRID,
    NEED,
    OTHERS,
    RECENCY,
    RECENT_MS,
    TOLD_MS,
    TOOK_MS,
    TRUST,
    TURNED_DOWN,
    fatigue_of,
    recency_of,
    trust_of,
)

_T = TypeVar("_T")

STEP_MS: Final = 7 * DAY_MS
"""A week: the time between two choices, as the long game counts them."""
WEEKS_MAX: Final = 104
"""Weeks of one life that are looked at, the last ones."""

SAID_MIN: Final = 30
"""Weeks that an action was said in, below which it counts as the others do on average."""

_GROUPS: Final = 8
_STATES_SHOWN: Final = 12
_Z: Final = 1.96

PENALTIES: Final[Mapping[str, int]] = {
    "ignored": 20_000,
    "rejected": 100_000,
    "unsubscribed": 2 * MICRO,
    "complained": 5 * MICRO,
}
"""Micros that an outcome costs beside what it does to the months after it: 0.02 of the currency for
a message that is ignored, 0.10 rejected, 2 unsubscribed, 5 complained."""


class Life(NamedTuple):
    """What is looked at of one person, each list in the order of time."""

    key: int
    """Of the person; puts them into one of the groups that give the intervals."""
    active: Sequence[int]
    """When they did something."""
    told: Sequence[tuple[int, str]]
    """When which action reached them."""
    took: Sequence[tuple[int, str]]
    """When which outcome was reported."""
    brought: Sequence[tuple[int, int]]
    """When what came of them, in micros."""
    needs: Sequence[tuple[int, int, int]]
    """From when until when a need was open, and its level in `NEED`."""


class ActionAhead(msgspec.Struct, frozen=True, kw_only=True):
    """What an action changes about the months after it."""

    action: str
    weeks: int
    """How often it was the first message of a week."""
    later: float
    """Money, on average where it was said: what comes after its week, less what comes after
    silence. To be written as `d_clv` of the action."""
    interval: Interval
    """At 95 %, from leaving out an eighth of the people at a time."""
    is_sure: bool
    """Whether the interval excludes 0, and it was said in `SAID_MIN` weeks."""
    says: str


class StateAhead(msgspec.Struct, frozen=True, kw_only=True):
    """A state that people are often in: next, and if not, then."""

    active: str
    """When they last did something."""
    told: str
    """How often we wrote in 28 days."""
    took: str
    """How they took it in 90 days."""
    need: str
    weeks: int
    """How often somebody began a week in it."""
    value: float
    """Money that is still to come over the horizon, under the best choices."""
    next: str
    """The best action; empty for silence."""
    then: str
    """The best one if nothing comes of it; empty for silence."""


class Ahead(msgspec.Struct, frozen=True, kw_only=True):
    """The long game of a workspace."""

    people: int
    weeks: int
    actions: list[ActionAhead]
    """Those that cost the most later first."""
    states: list[StateAhead]
    """The most frequent first."""


class LongGame:
    """Takes lives in, one after the other, and says what they show.

    Parameters
    ----------
    costs
        Micros that saying an action once costs.
    since, until
        Weeks that lie between them count.

    Notes
    -----
    Actions beyond the first `FOLLOWING_ARMS_MAX` less two are taken together as `OTHERS`.
    """

    def __init__(self, costs: Mapping[str, int], since: int, until: int) -> None:
        self._costs = costs
        self._names: dict[str, str] = {}
        self._since, self._until = since, until
        self._models = [Continuation(GRID) for _ in range(_GROUPS)]
        self._states: Counter[int] = Counter()
        self._said: dict[str, Counter[int]] = {}
        self._people = 0

    def add(self, life: Life) -> None:
        """Take in one person."""
        self._people += 1
        model = self._models[life.key % _GROUPS]
        for week in transitions(life, self._costs, self._since, self._until):
            arm = self._named(week.arm)
            model.learn_one(week if arm == week.arm else replace(week, arm=arm))
            self._states[week.state] += 1
            if arm != SILENT:
                self._said.setdefault(arm, Counter())[week.state] += 1

    def _named(self, action: str) -> str:
        if action != SILENT and action not in self._names:
            is_room = len(self._names) < FOLLOWING_ARMS_MAX - 2  # beside silence and the others
            self._names[action] = action if is_room else OTHERS
        return self._names.get(action, SILENT)

    @property
    def said(self) -> dict[str, int]:
        """How often each action was the first message of a week."""
        return {action: states.total() for action, states in sorted(self._said.items())}

    def states_of(self, action: str) -> Counter[int]:
        """Count the states in which an action was said."""
        return self._said[action]

    @property
    def weeks(self) -> int:
        """How many weeks were lived."""
        return self._states.total()

    def table(self, at_most: int, horizon_ms: int) -> LaterTable:
        """Write what was learned as a table for decisions; see `heedful.learn.later_table`.

        Parameters
        ----------
        at_most
            Micros that no figure goes beyond, either way.
        horizon_ms
            Time after which money counts a third of what it counts now.
        """
        plan, without = self._plans(ContinuationSettings(horizon_ms=horizon_ms))
        return later_table(plan, without, self.said, SAID_MIN, at_most)

    def _plans(self, settings: ContinuationSettings) -> tuple[Plan, list[Plan]]:
        """Solve with everybody, and without each group in turn."""
        rest = [self._models[:g] + self._models[g + 1 :] for g in range(_GROUPS)]
        return _joined(self._models).fit(settings), [_joined(one).fit(settings) for one in rest]

    def report(self) -> Ahead:
        """Say what an action changes later, and what is best where people are."""
        plan, without = self._plans(ContinuationSettings())
        actions = [
            _action(action, states, plan, without) for action, states in sorted(self._said.items())
        ]
        actions.sort(key=lambda one: one.later)
        return Ahead(
            people=self._people,
            weeks=self.weeks,
            actions=actions,
            states=[_state(s, n, plan) for s, n in self._states.most_common(_STATES_SHOWN)],
        )


def transitions(
    life: Life, costs: Mapping[str, int], since: int, until: int
) -> Iterator[Transition]:
    """Cut a life into weeks, from the first thing that the person did, and say what each was."""
    if not life.active:
        return
    begin = max(since, life.active[0], until - WEEKS_MAX * STEP_MS)
    while begin + STEP_MS <= until:
        end = begin + STEP_MS
        said = _within(life.told, begin, end)
        arm = said[0][1] if said else SILENT
        reward = sum(micros for _, micros in _within(life.brought, begin, end))
        reward -= sum(costs.get(action, 0) for _, action in said)
        reward -= sum(PENALTIES.get(outcome, 0) for _, outcome in _within(life.took, begin, end))
        yield Transition(state_at(life, begin), arm, reward, STEP_MS, state_at(life, end))
        begin = end


def state_at(life: Life, at: int) -> int:
    """Number the state of a person at an instant: what they did by then, all else before it."""
    seen = bisect_right(life.active, at)  # a decision knows the event that it answers
    gap = at - life.active[seen - 1] if seen else RECENT_MS[-1] + 1
    # Windows end as those of signals do: what lies exactly 28 days back is not in them.
    told = len(_within(life.told, at - TOLD_MS + 1, at))
    took = Counter(outcome for _, outcome in _within(life.took, at - TOOK_MS + 1, at))
    is_turned_down = any(outcome in TURNED_DOWN for when, outcome in life.took if when < at)
    trust = trust_of(took, is_turned_down=is_turned_down)
    tiers = [level for start, end, level in life.needs if start < at <= end]
    return GRID.place((recency_of(gap), fatigue_of(told), trust, max(tiers, default=0)))


def _within(happened: Sequence[tuple[int, _T]], start: int, end: int) -> Sequence[tuple[int, _T]]:
    first = bisect_left(happened, start, key=_when)
    return happened[first : bisect_left(happened, end, first, key=_when)]


def _when(one: tuple[int, object]) -> int:
    return one[0]


def _joined(models: Sequence[Continuation]) -> Continuation:
    joined = Continuation(GRID)
    for model in models:
        joined = joined.merge(model)
    return joined


def _later(action: str, states: Counter[int], plan: Plan) -> float:
    micros = sum(times * plan.later(action, state) for state, times in states.items())
    return micros / states.total() / MICRO


def _action(action: str, states: Counter[int], plan: Plan, without: Sequence[Plan]) -> ActionAhead:
    later = _later(action, states, plan)
    left = [_later(action, states, one) for one in without]
    mean = sum(left) / len(left)
    spread = sum((one - mean) ** 2 for one in left) * (len(left) - 1) / len(left)
    reach = _Z * spread**0.5
    is_sure = abs(later) > reach
    more = "brings" if later > 0 else "costs"
    says = f"{action} {more} {abs(later):.2f} in the months after its week, beside silence."
    weeks = states.total()
    if weeks < SAID_MIN:
        is_sure, says = False, f"Not yet sure: {action} was said in too few weeks: {weeks}."
    elif not is_sure:
        says = f"Not yet sure: {says}"
    return ActionAhead(
        action=action,
        weeks=weeks,
        later=later,
        interval=Interval(later - reach, later + reach),
        is_sure=is_sure,
        says=says,
    )


def _state(state: int, weeks: int, plan: Plan) -> StateAhead:
    recency, fatigue, trust, need = GRID.point(state)
    best = plan.next(state)
    return StateAhead(
        active=RECENCY[recency],
        told=FATIGUE[fatigue],
        took=TRUST[trust],
        need=NEED[need],
        weeks=weeks,
        value=float(from_micros(plan.value(state))),
        next=best.arm,
        then=best.then,
    )
