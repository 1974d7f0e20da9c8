"""Drift alarms: whose outcomes come more, or less, often than decisions were told they would.

Law: evidence is counted in integers, an outcome is weighed against the chance that stood in its own
decision, and what is due is weighed by the newest time that a row named. So the same rows give the
same alarms however they are cut into pages, and nothing here changes a model or a decision.

Decisions whose windows close at about the same time are weighed together, once nearly all of their
outcomes are known.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, Self

import msgspec

from heedful.kernel import DAY_MS, MICRO, InputError, canonical, expected, format_instant
from heedful.learn.change import ALARM_NATS, BATCHES_MAX, surprise, weighed_at
from heedful.learn.rows import LearningRow
from heedful.learn.stored import read_stored

SCHEMA: Final = 1

WATCHED_MAX: Final = 4_096
"""Models, actions and goals that are watched by default; for one more, the one that was idle
longest goes."""

KNOWN_MIN: Final = 32
"""Outcomes that reached the goal, and ones that did not, from which a model knows an action well
enough to be held to its word: a rate of so many is known to a fifth of its odds. Only decisions of
a model that had learned them are weighed."""

IDLE_MS: Final = 28 * DAY_MS
"""Time without an outcome after which evidence is no longer held, where no policy says."""

OPEN_SHARE_MAX: Final = 0.05
"""Share of its outcomes that may still be open when a batch is weighed: what reaches a goal is
known before what does not, so a younger batch looks better than it is, and what is told late, as
after a server was away, worse."""

Direction = Literal["more", "less"]
"""Whether the goal is reached more or less often than foreseen."""

_DIRECTIONS: Final[tuple[Direction, Direction]] = ("more", "less")
_P_MIN: Final = 1e-6
_SETTLED: Final = ("converted", "expired")


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


class AlarmChange(NamedTuple):
    """An alarm that was raised, or is over."""

    alarm: Alarm
    is_raised: bool


class _Side(msgspec.Struct, array_like=True):
    """Evidence of one direction; mutable, since every outcome adds to it."""

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


class _Batch(msgspec.Struct, array_like=True):
    """Outcomes that are weighed together."""

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


class _Cell(msgspec.Struct, array_like=True):
    """What is watched of one model, action and goal."""

    at: int
    """When it was last heard of: an outcome became known, or was weighed."""
    reached: int = 0
    missed: int = 0
    known_seq: int = 0
    """Row with which `KNOWN_MIN` was reached; 0 before."""
    sides: tuple[_Side, _Side] = msgspec.field(default_factory=lambda: (_Side(), _Side()))
    batches: list[_Batch] = []


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="drift_alarms"):
    schema: Literal[1]
    learn_seq: int
    now: int
    cells: list[tuple[str, str, str, _Cell]]


_DECODER: Final = msgspec.msgpack.Decoder(_Written)
_Key = tuple[str, str, str]


class DriftAlarms:
    """Raises an alarm for each model, action and goal whose chances do not come true.

    Parameters
    ----------
    evidence_max
        Nats of evidence at which an alarm is raised; it is over when later outcomes have used as
        much of it up, or when none came for `idle_ms`.
    idle_ms
        Time without an outcome after which what was found is no longer said of anybody.
    watched_max
        Models, actions and goals that are watched.

    Notes
    -----
    A two-sided cumulative sum over log-likelihood ratios of odds that are e times, and 1 / e of,
    the foreseen ones. About `evidence_max / KL` outcomes are needed, where `KL` is the divergence
    of the new chance from the old one: the rarer a goal, the more. While nothing changes there is
    at most one alarm a direction in `e**evidence_max` outcomes. Biased where one person's outcomes
    follow many decisions at once: these are counted as if they were independent.

    References
    ----------
    E. S. Page, "Continuous Inspection Schemes", Biometrika, 1954.
    G. Lorden, "Procedures for Reacting to a Change in Distribution", 1971.
    """

    def __init__(
        self,
        evidence_max: float = ALARM_NATS,
        idle_ms: int = IDLE_MS,
        watched_max: int = WATCHED_MAX,
    ) -> None:
        if not evidence_max > 0.0 < idle_ms:
            what = expected("limits above 0", f"{evidence_max} and {idle_ms}", "$.evidence_max")
            raise InputError("bad_limit", what)
        self.evidence_max = evidence_max
        self.idle_ms = idle_ms
        self.watched_max = watched_max
        self.learn_seq = 0
        self._now = 0
        self._cells: dict[_Key, _Cell] = {}

    def learn_one(self, row: LearningRow) -> list[AlarmChange]:
        """Weigh one outcome against `p_ppm`; one at or before `learn_seq` was weighed already."""
        if row.learn_seq <= self.learn_seq:
            return []
        self.learn_seq = row.learn_seq
        self._now = max(self._now, row.at)
        if not row.model or not row.p_ppm:
            return []
        key = (row.model, row.parts[1] if row.parts else row.arm, row.goal)
        if row.state in _SETTLED:
            return list(self._settled(key, row))
        cell = self._cells.get(key)
        if cell is not None and row.window_ms > 0:
            # What is due by now is weighed before the row changes it, as `settle` would have done.
            changes = list(self._weigh(key, cell))
            if row.state == "pending" and _is_known(cell, row):
                _batch(cell, row).waiting += 1
            elif row.state == "withdrawn" and (batch := _found(cell, row)) is not None:
                batch.waiting -= 1
            return changes
        return []

    def _settled(self, key: _Key, row: LearningRow) -> Iterator[AlarmChange]:
        cell = self._cell(key)
        yield from self._weigh(key, cell)
        cell.at = self._now
        batch = None
        if _is_known(cell, row):
            batch = _found(cell, row) if row.window_ms > 0 else _batch(cell, row)
        if row.state == "converted":
            cell.reached += 1
        else:
            cell.missed += 1
        if not cell.known_seq and min(cell.reached, cell.missed) >= KNOWN_MIN:
            cell.known_seq = row.learn_seq
        if batch is None:
            return
        _join(batch, row)
        if row.window_ms <= 0:
            yield from self._weigh(key, cell)

    def settle(self) -> list[AlarmChange]:
        """Weigh what is due of all, and end what nothing was heard of; the same whenever asked."""
        return [change for key, cell in self._cells.items() for change in self._weigh(key, cell)]

    def standing(self) -> list[Alarm]:
        """Give the alarms that are raised, the strongest first."""
        found = [
            _alarm(key, direction, side)
            for key, cell in self._cells.items()
            for direction, side in zip(_DIRECTIONS, cell.sides, strict=True)
            if side.told
        ]
        return sorted(found, key=lambda alarm: (-alarm.evidence, alarm[:4]))

    def __len__(self) -> int:
        return len(self._cells)

    def encode(self) -> bytes:
        """Write the state as canonical bytes: equal states give equal bytes."""
        cells = [(*key, cell) for key, cell in sorted(self._cells.items())]
        return canonical.encode(_Written(SCHEMA, self.learn_seq, self._now, cells))

    @classmethod
    def decode(cls, body: bytes, evidence_max: float = ALARM_NATS, idle_ms: int = IDLE_MS) -> Self:
        """Read the state back, to go on under limits that may be others.

        Raises
        ------
        InputError
            `bad_snapshot` when the bytes are no state of this kind and schema.
        """
        written = read_stored(_DECODER, body, "drift alarms")
        alarms = cls(evidence_max, idle_ms)
        alarms.learn_seq, alarms._now = written.learn_seq, written.now
        alarms._cells = {(model, action, goal): cell for model, action, goal, cell in written.cells}
        return alarms

    def _cell(self, key: _Key) -> _Cell:
        found = self._cells.get(key)
        if found is None:
            if len(self._cells) >= self.watched_max:
                del self._cells[min(self._cells, key=lambda old: (self._cells[old].at, old))]
            found = self._cells[key] = _Cell(self._now)
        return found

    def _weigh(self, key: _Key, cell: _Cell) -> Iterator[AlarmChange]:
        due = sorted((b for b in cell.batches if b.is_due(self._now)), key=lambda b: b.due)
        if due:
            cell.batches = [batch for batch in cell.batches if not batch.is_due(self._now)]
        for batch in due:
            yield from self._rest(key, cell, batch.due)
            cell.at = max(cell.at, batch.due)
            for direction, side in zip(_DIRECTIONS, cell.sides, strict=True):
                yield from self._add(key, direction, side, batch)
        yield from self._rest(key, cell, self._now)

    def _rest(self, key: _Key, cell: _Cell, now: int) -> Iterator[AlarmChange]:
        if now - cell.at > self.idle_ms:
            for direction, side in zip(_DIRECTIONS, cell.sides, strict=True):
                yield from _end(key, direction, side)

    def _add(
        self, key: _Key, direction: Direction, side: _Side, batch: _Batch
    ) -> Iterator[AlarmChange]:
        found = batch.more if direction == "more" else batch.less
        most = round(self.evidence_max * MICRO)
        if side.evidence + found <= 0:
            yield from _end(key, direction, side)
            return
        if not side.outcomes:
            side.since = batch.since
        side.evidence += found
        side.outcomes += batch.outcomes
        side.reached += batch.reached
        side.foreseen += batch.foreseen
        if side.evidence > most:
            if not side.told:
                side.told = side.evidence
                side.decision_id, side.learn_seq = batch.decision_id, batch.learn_seq
                yield AlarmChange(_alarm(key, direction, side), is_raised=True)
            side.evidence = most  # so that it is over soon after it is


def _is_known(cell: _Cell, row: LearningRow) -> bool:
    """Say whether the model had learned enough of the action when it decided."""
    return 0 < cell.known_seq <= row.model_seq


def _due(row: LearningRow) -> int:
    return weighed_at(row.decided_at, row.window_ms) if row.window_ms > 0 else 0


def _found(cell: _Cell, row: LearningRow) -> _Batch | None:
    """Find the batch of a row; None where its decision was not waited for, or no longer is."""
    due = _due(row)
    return next((batch for batch in cell.batches if batch.due == due), None)


def _batch(cell: _Cell, row: LearningRow) -> _Batch:
    """Find the batch of a row, or begin it; where there are too many the oldest is let go."""
    found = _found(cell, row)
    if found is None:
        if len(cell.batches) >= BATCHES_MAX:
            cell.batches.remove(min(cell.batches, key=lambda batch: batch.due))
        found = _Batch(_due(row), row.decided_at)
        cell.batches.append(found)
    return found


def _join(batch: _Batch, row: LearningRow) -> None:
    p = min(max(row.p_ppm / MICRO, _P_MIN), 1.0 - _P_MIN)
    more, less = surprise(row.outcome / MICRO, p)
    batch.since = min(batch.since, row.decided_at)
    batch.waiting -= int(row.window_ms > 0)
    batch.more += round(more * MICRO)
    batch.less += round(less * MICRO)
    batch.outcomes += 1
    batch.reached += int(row.state == "converted")
    batch.foreseen += row.p_ppm
    batch.decision_id, batch.learn_seq = row.decision_id, row.learn_seq


def _end(key: _Key, direction: Direction, side: _Side) -> Iterator[AlarmChange]:
    if side.told:
        yield AlarmChange(_alarm(key, direction, side), is_raised=False)
    side.evidence = side.since = side.outcomes = side.reached = side.foreseen = 0
    side.told = side.learn_seq = 0
    side.decision_id = ""


def _alarm(key: _Key, direction: Direction, side: _Side) -> Alarm:
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
