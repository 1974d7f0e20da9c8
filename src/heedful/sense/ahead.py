"""Where a person stands in the long game: how recent, how tired of us, how they took it, in need.

The first three are read from signals of their own, which are facts like any other (the same in any
order, refolded, explained) and which a strategy has that declares a model of the long game; the
fourth is which need is open, as the case knows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from heedful.expr import UNKNOWN, Expression
from heedful.kernel import DAY_MS, SECOND_MS
from heedful.learn import Grid, Trained
from heedful.sense.definitions import ANY_NAME, TYPES, SignalDefinition
from heedful.sense.foreseen import Foreseen
from heedful.sense.types import Value

RECENCY: Final = ("this week", "this month", "this quarter", "long ago")
FATIGUE: Final = ("none", "1", "2 or 3", "4 to 7", "8 or more")
TRUST: Final = ("turned us down", "ignores us", "neither", "answers")
NEED: Final = ("none", "growth", "retention", "service or hardship")
GRID: Final = Grid((len(RECENCY), len(FATIGUE), len(TRUST), len(NEED)), unordered=(3,))
NEED_LEVELS: Final[Mapping[str, int]] = {"growth": 1, "retention": 2, "service": 3, "hardship": 3}

ANSWERED: Final = frozenset(("accepted", "converted"))
UNWELCOME: Final = frozenset(("ignored", "rejected"))
TURNED_DOWN: Final = frozenset(("unsubscribed", "complained"))
TIRING: Final = frozenset(("promotional", "service"))
"""Classes of messages that tire."""

OTHERS: Final = "*"
"""Stands for actions beyond those that are told apart."""

RECENT_MS: Final = (7 * DAY_MS, 28 * DAY_MS, 90 * DAY_MS)
TOLD: Final = (1, 2, 4, 8)
TOLD_MS: Final = 28 * DAY_MS
TOOK_MS: Final = 90 * DAY_MS

AHEAD_STATE: Final = "ahead_state"
"""Signal of where a person stands, as a number; a need that is open is not in it."""

_SINCE, _TOLD, _TOOK, _REFUSED = "ahead_active", "ahead_told", "ahead_took", "ahead_turned_down"


def _is_one_of(path: str, names: frozenset[str]) -> str:
    return f"{path} in [{', '.join(repr(name) for name in sorted(names))}]"


SIGNALS: Final = (
    SignalDefinition(
        name=_SINCE,
        kind="recency",
        on=[{type_: ANY_NAME} for type_ in TYPES if type_ != "own"],
        description="Seconds since the person last did anything.",
    ),
    SignalDefinition(
        name=_TOLD,
        kind="count",
        on={"own": "Message Released"},
        where=_is_one_of("event.properties['class']", TIRING),
        window=f"{TOLD_MS // DAY_MS}d",
        description="Messages of 28 days that tire: promotions and service.",
    ),
    SignalDefinition(
        name=_TOOK,
        kind="count",
        on={"own": "Outcome Reported"},
        by="event.properties.outcome",
        window=f"{TOOK_MS // DAY_MS}d",
        description="Outcomes of 90 days that were reported, by what they were.",
    ),
    SignalDefinition(
        name=_REFUSED,
        kind="count",
        on={"own": "Outcome Reported"},
        where=_is_one_of("event.properties.outcome", TURNED_DOWN),
        description="How often the person unsubscribed or complained.",
    ),
)
"""What the state is read from; a strategy with a model of the long game has them."""

READ: Final = tuple(f"signals.{signal.name}" for signal in SIGNALS)
"""Expressions that a model reads them by."""


def recency_of(gap_ms: int) -> int:
    """Give the level of the time since somebody last did something."""
    return sum(gap_ms > span for span in RECENT_MS)


def fatigue_of(told: int) -> int:
    """Give the level of so many messages in 28 days."""
    return sum(told >= least for least in TOLD)


def trust_of(took: Mapping[str, int], *, is_turned_down: bool) -> int:
    """Give the level of how our messages of 90 days were taken."""
    if is_turned_down:
        return 0
    answered = sum(took.get(outcome, 0) for outcome in ANSWERED)
    unwelcome = sum(took.get(outcome, 0) for outcome in UNWELCOME)
    if answered == unwelcome == 0:
        return 2
    return 3 if 2 * answered >= unwelcome else 1


class AheadForeseen(Foreseen):
    """The long game as a strategy declares it; of a person it says where they stand.

    Parameters
    ----------
    expressions
        Those of `READ`.
    at_most
        Micros that later may count for in a decision, either way.
    horizon_ms
        How far ahead value is counted.
    by_value
        Whether it counts more for whom lifetime value foresees to be worth more.
    """

    def __init__(
        self,
        model: str,
        definition: str,
        expressions: tuple[Expression, ...],
        at_most: int,
        horizon_ms: int,
        *,
        by_value: bool,
    ) -> None:
        super().__init__(model, definition, (AHEAD_STATE,), expressions)
        self.at_most = at_most
        self.horizon_ms = horizon_ms
        self.by_value = by_value

    def _values(self, scope: Mapping[str, Any], trained: Trained | None) -> dict[str, Value]:
        since, told, took, refused = [one.evaluate(scope) for one in self.expressions]
        if trained is None or UNKNOWN in (since, told, took, refused):
            return self._all(UNKNOWN)
        gap = RECENT_MS[-1] + 1 if since is None else round(since * SECOND_MS)
        trust = trust_of(took or {}, is_turned_down=bool(refused))
        return self._all(GRID.place((recency_of(gap), fatigue_of(told or 0), trust, 0)))


def with_need(state: int, level: int) -> int:
    """Give the state of somebody with an open need; 0 for none."""
    return state + level


def words_of(state: int) -> str:
    """Tell a state in words.

    Examples
    --------
    >>> words_of(GRID.place((0, 2, 1, 0)))
    'active this week, told of 28 days: 2 or 3, ignores us, need: none'
    """
    recency, fatigue, trust, need = GRID.point(state)
    said = f"active {RECENCY[recency]}, told of 28 days: {FATIGUE[fatigue]}, {TRUST[trust]}"
    return f"{said}, need: {NEED[need]}"
