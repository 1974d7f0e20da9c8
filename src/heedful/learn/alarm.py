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

from heedful.kernel import DAY_MS, MICRO, InputError, canonical, expected
from heedful.learn.evidence import (
    ALARM_NATS,
    DIRECTIONS,
    Alarm,
    Batch,
    Batches,
    Direction,
    Side,
    action_of,
    alarm_of,
    announce,
    batch_of,
    begun,
    let_go,
    take_due,
)
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

_SETTLED: Final = ("converted", "expired")


class AlarmChange(NamedTuple):
    """An alarm that was raised, or is over."""

    alarm: Alarm
    is_raised: bool


class _Cell(msgspec.Struct, array_like=True):
    """What is watched of one model, action and goal."""

    at: int
    """When it was last heard of: an outcome became known, or was weighed."""
    reached: int = 0
    missed: int = 0
    known_seq: int = 0
    """Row with which `KNOWN_MIN` was reached; 0 before."""
    sides: tuple[Side, Side] = msgspec.field(default_factory=lambda: (Side(), Side()))
    batches: Batches = []


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
        key = (row.model, action_of(row), row.goal)
        if row.state in _SETTLED:
            return list(self._settled(key, row))
        cell = self._cells.get(key)
        if cell is not None and row.window_ms > 0:
            # What is due by now is weighed before the row changes it, as `settle` would have done.
            changes = list(self._weigh(key, cell))
            # Only decisions of a model that knew enough are waited for, or let go again.
            if row.state == "pending" and _is_known(cell, row):
                announce(cell.batches, row)
            elif row.state == "withdrawn" and _is_known(cell, row):
                let_go(cell.batches, row)
            return changes
        return []

    def _settled(self, key: _Key, row: LearningRow) -> Iterator[AlarmChange]:
        cell = self._cell(key)
        yield from self._weigh(key, cell)
        cell.at = self._now
        batch = None
        if _is_known(cell, row):
            find = batch_of if row.window_ms > 0 else begun
            batch = find(cell.batches, row)
        if row.state == "converted":
            cell.reached += 1
        else:
            cell.missed += 1
        if not cell.known_seq and min(cell.reached, cell.missed) >= KNOWN_MIN:
            cell.known_seq = row.learn_seq
        if batch is None:
            return
        batch.join(row, row.p_ppm)
        if row.window_ms <= 0:
            yield from self._weigh(key, cell)

    def settle(self) -> list[AlarmChange]:
        """Weigh what is due of all, and end what nothing was heard of; the same whenever asked."""
        return [change for key, cell in self._cells.items() for change in self._weigh(key, cell)]

    def standing(self) -> list[Alarm]:
        """Give the alarms that are raised, the strongest first."""
        found = [
            alarm_of(key, direction, side)
            for key, cell in self._cells.items()
            for direction, side in zip(DIRECTIONS, cell.sides, strict=True)
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
    def decode(
        cls,
        body: bytes,
        evidence_max: float = ALARM_NATS,
        idle_ms: int = IDLE_MS,
        watched_max: int = WATCHED_MAX,
    ) -> Self:
        """Read the state back, to go on under limits that may be others.

        Raises
        ------
        InputError
            `bad_snapshot` when the bytes are no state of this kind and schema.
        """
        written = read_stored(_DECODER, body, "drift alarms")
        alarms = cls(evidence_max, idle_ms, watched_max)
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
        for batch in take_due(cell.batches, self._now):
            yield from self._rest(key, cell, batch.due)
            cell.at = max(cell.at, batch.due)
            for direction, side in zip(DIRECTIONS, cell.sides, strict=True):
                yield from self._add(key, direction, side, batch)
        yield from self._rest(key, cell, self._now)

    def _rest(self, key: _Key, cell: _Cell, now: int) -> Iterator[AlarmChange]:
        if now - cell.at > self.idle_ms:
            for direction, side in zip(DIRECTIONS, cell.sides, strict=True):
                yield from _end(key, direction, side)

    def _add(
        self, key: _Key, direction: Direction, side: Side, batch: Batch
    ) -> Iterator[AlarmChange]:
        found = batch.more if direction == "more" else batch.less
        most = round(self.evidence_max * MICRO)
        if not side.add(found, batch):
            yield from _end(key, direction, side)
        elif side.evidence > most:
            if not side.told:
                side.tell(batch)
                yield AlarmChange(alarm_of(key, direction, side), is_raised=True)
            side.evidence = most  # so that it is over soon after it is


def _is_known(cell: _Cell, row: LearningRow) -> bool:
    """Say whether the model had learned enough of the action when it decided."""
    return 0 < cell.known_seq <= row.model_seq


def _end(key: _Key, direction: Direction, side: Side) -> Iterator[AlarmChange]:
    if side.told:
        yield AlarmChange(alarm_of(key, direction, side), is_raised=False)
    side.clear()
