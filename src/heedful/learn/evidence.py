"""Evidence that outcomes come otherwise than foreseen: by direction, and in batches that wait.

Outcomes become known out of order: who is won answers at once, and who is not is known to be lost
only as the window closes, all of a mailing at the same time. Read as they come they are runs of
good news and runs of bad news though nothing has changed. So where outcomes have a window, those
of decisions whose windows close at about the same time are weighed together, after it has closed
and once nearly all of them are known: after a server was away, who was won is told before who was
lost, long after the window.

Law: evidence is counted in integers, and decisions are waited for by the rows that announce them.
"""

from __future__ import annotations

import math
from typing import Final, Literal, NamedTuple

import msgspec

from heedful.kernel import MICRO, MINUTE_MS, format_instant
from heedful.learn.rows import LearningRow

SHIFT: Final = 1.0
"""Change of the log-odds that is looked for."""

ALARM_NATS: Final = 8.0
"""Evidence in nats that is believed; one false alarm in e^8 = 3,000 outcomes or fewer. Of 5, 6, 8
and 10, with shifts of .7 and 1, 8 lost the least when nothing changed and gained the most when half
of twenty arms turned round."""

BATCHES_MAX: Final = 16
"""Batches of one action that may wait; for one more the oldest is let go unweighed, so that
decisions of which nothing is ever heard, as of people who were erased, hold no place for ever."""

OPEN_SHARE_MAX: Final = 0.05
"""Share of its outcomes that may still be open when a batch is weighed: what reaches a goal is
known before what does not, so a younger batch looks better than it is, and what is told late, as
after a server was away, worse."""

Direction = Literal["more", "less"]
"""Whether the goal is reached more or less often than foreseen."""

DIRECTIONS: Final[tuple[Direction, Direction]] = ("more", "less")

_PARTS: Final = 8  # of a window: decisions whose windows close within one of them are a batch
_BATCH_MIN_MS: Final = 15 * MINUTE_MS  # timers may be late by as much
_UP: Final = math.expm1(SHIFT)
_DOWN: Final = math.expm1(-SHIFT)
_P_MIN: Final = 1e-6


class Alarm(NamedTuple):
    """What was foreseen of an action, and what came instead."""

    model: str
    action: str
    goal: str
    direction: Direction
    evidence: float
    """In nats, as the alarm was raised: how much likelier odds e times as high or low make it."""
    since: int
    """When the first of the decisions was made that tell of it, ms since 1970."""
    outcomes: int
    """Known outcomes of decisions since then."""
    reached: int
    foreseen: float
    """Mean chance that the model gave to reach the goal."""
    decision_id: str
    """One of these decisions, for `heedful why`."""
    learn_seq: int
    """Newest row that it was raised by."""

    @property
    def says(self) -> str:
        """Tell it in a sentence."""
        came = self.reached / max(self.outcomes, 1)
        return (
            f"After {self.action}, {self.goal} comes {self.direction} often than {self.model} "
            f"foresaw: in {came:.1%} of {self.outcomes:,} decisions since "
            f"{format_instant(self.since)}, not in {self.foreseen:.1%}."
        )


class Batch(msgspec.Struct, array_like=True):
    """Decisions whose outcomes are weighed together; mutable, since every row adds to it."""

    due: int
    since: int
    waiting: int = 0
    """Decisions of which nothing is known yet."""
    more: int = 0
    less: int = 0
    outcomes: int = 0
    reached: int = 0
    foreseen: int = 0
    decision_id: str = ""
    learn_seq: int = 0

    def is_due(self, now: int) -> bool:
        """Say whether its time has come, and nearly all that it waited for."""
        return self.due <= now and self.waiting <= OPEN_SHARE_MAX * self.outcomes

    def join(self, row: LearningRow, p_ppm: int) -> None:
        """Take in an outcome, and the chance of it that was foreseen, in millionths."""
        p = min(max(p_ppm / MICRO, _P_MIN), 1.0 - _P_MIN)
        more, less = surprise(row.outcome / MICRO, p)
        self.since = min(self.since, row.decided_at)
        self.waiting -= int(row.window_ms > 0)
        self.more += round(more * MICRO)
        self.less += round(less * MICRO)
        self.outcomes += 1
        self.reached += int(row.state == "converted")
        self.foreseen += p_ppm
        self.decision_id, self.learn_seq = row.decision_id, row.learn_seq


class Side(msgspec.Struct, array_like=True):
    """Evidence of one direction; mutable, since every batch adds to it."""

    evidence: int = 0
    """In millionths of a nat, never below 0."""
    since: int = 0
    outcomes: int = 0
    reached: int = 0
    foreseen: int = 0
    """Sum of the chances, in millionths."""
    told: int = 0
    """Evidence as the alarm was raised; 0 where none is."""
    decision_id: str = ""
    learn_seq: int = 0

    def add(self, found: int, batch: Batch) -> bool:
        """Add what a batch says of this direction; False where nothing is left of the evidence.

        References
        ----------
        E. S. Page, "Continuous Inspection Schemes", Biometrika, 1954.
        """
        if self.evidence + found <= 0:
            return False
        if not self.outcomes:
            self.since = batch.since
        self.evidence += found
        self.outcomes += batch.outcomes
        self.reached += batch.reached
        self.foreseen += batch.foreseen
        return True

    def tell(self, batch: Batch) -> None:
        """Raise the alarm with this batch."""
        self.told = self.evidence
        self.decision_id, self.learn_seq = batch.decision_id, batch.learn_seq

    def clear(self) -> None:
        """Begin anew."""
        self.evidence = self.since = self.outcomes = self.reached = self.foreseen = 0
        self.told = self.learn_seq = 0
        self.decision_id = ""


Batches = list[Batch]
"""Of one action and goal, each with a time of its own."""


def surprise(outcome: float, p: float) -> tuple[float, float]:
    """Weigh one outcome: evidence for ones that come more, and for ones that come less often.

    Parameters
    ----------
    outcome
        What happened, in [0, 1].
    p
        Chance that was foreseen, in (0, 1).

    Notes
    -----
    The log-likelihood ratios of odds that are e times, and 1 / e of, the foreseen ones; in nats.
    """
    return outcome * SHIFT - math.log1p(p * _UP), -outcome * SHIFT - math.log1p(p * _DOWN)


def weighed_at(decided_at: int, window_ms: int) -> int:
    """Say when what becomes of a decision is weighed, ms since 1970: after its batch has closed."""
    part = max(window_ms // _PARTS, _BATCH_MIN_MS)
    return ((decided_at + window_ms) // part + 2) * part


def action_of(row: LearningRow) -> str:
    """Name the action of a row: an arm without parts is one of its own."""
    return row.parts[1] if row.parts else row.arm


def announce(batches: Batches, row: LearningRow) -> None:
    """Wait for what becomes of a decision that a pending row tells of."""
    begun(batches, row).waiting += 1


def let_go(batches: Batches, row: LearningRow) -> None:
    """Wait no longer for a decision that was withdrawn."""
    batch = batch_of(batches, row)
    if batch is not None:
        batch.waiting -= 1


def batch_of(batches: Batches, row: LearningRow) -> Batch | None:
    """Find the batch of a row; None where its decision was not waited for, or no longer is."""
    due = _due(row)
    return next((batch for batch in batches if batch.due == due), None)


def begun(batches: Batches, row: LearningRow) -> Batch:
    """Find the batch of a row, or begin it; where there are too many the oldest is let go."""
    found = batch_of(batches, row)
    if found is None:
        if len(batches) >= BATCHES_MAX:
            batches.remove(min(batches, key=lambda batch: batch.due))
        found = Batch(_due(row), row.decided_at)
        batches.append(found)
    return found


def take_due(batches: Batches, now: int) -> Batches:
    """Take out what is to be weighed by now, the oldest first."""
    due = [batch for batch in batches if batch.is_due(now)]
    if due:
        batches[:] = [batch for batch in batches if not batch.is_due(now)]
        due.sort(key=lambda batch: batch.due)
    return due


def alarm_of(key: tuple[str, str, str], direction: Direction, side: Side) -> Alarm:
    """Say of a model, an action and a goal what was foreseen, and what came."""
    return Alarm(
        *key,
        direction,
        side.told / MICRO,
        side.since,
        side.outcomes,
        side.reached,
        side.foreseen / MICRO / max(side.outcomes, 1),
        side.decision_id,
        side.learn_seq,
    )


def _due(row: LearningRow) -> int:
    return weighed_at(row.decided_at, row.window_ms) if row.window_ms > 0 else 0
