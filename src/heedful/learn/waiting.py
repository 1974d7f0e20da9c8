"""Decisions whose outcome is not known yet, kept beside what is: without them early shares mislead.

A goal that is reached is told at once, a miss when its window closes (a part of it on the way). As
long as windows are open, the share of responses that are positive is therefore too high.
"""

from __future__ import annotations

from typing import Final, Literal, Self

import msgspec

from heedful.kernel import DAY_MS, canonical
from heedful.learn.rows import LearningRow
from heedful.learn.stored import read_stored

SCHEMA: Final = 1

OPEN_CELLS_MAX: Final = 65_536
"""Pairs of what is counted and a day on which windows close; of more, those that close last."""

OpenKey = tuple[str, str, str]
"""Model, goal and arm."""
_Cell = tuple[int, str, str, str]
_CLOSED: Final = frozenset(("converted", "expired", "withdrawn"))


class _Snapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="open_windows"):
    schema: Literal[1]
    learn_seq: int
    cells: list[tuple[int, str, str, str, int]]


_DECODER: Final = msgspec.msgpack.Decoder(_Snapshot)


class OpenWindows:
    """Decisions that wait for a goal, by model, goal, arm and the day on which the window closes.

    Parameters
    ----------
    cells_max
        Most pairs that are kept, `OPEN_CELLS_MAX`.

    Notes
    -----
    The day matters since some windows are never told to have closed: those of people who were
    erased. They are open no longer once their day is over.

    Examples
    --------
    >>> windows = OpenWindows()
    >>> windows.count(LearningRow(
    ...     learn_seq=1, decision_id="d", arm="tips", goal="purchase", state="pending",
    ...     decided_at=0, at=0, window_ms=3 * DAY_MS, model="beta",
    ... ))
    >>> windows.open_at(DAY_MS), windows.open_at(4 * DAY_MS)
    ({('beta', 'purchase', 'tips'): 1}, {})
    """

    def __init__(self, cells_max: int = OPEN_CELLS_MAX) -> None:
        self.learn_seq = 0
        self._cells_max = cells_max
        self._cells: dict[_Cell, int] = {}

    def count(self, row: LearningRow) -> None:
        """Take in one row; a row at or before `learn_seq` was taken in already and is left out."""
        if row.learn_seq <= self.learn_seq:
            return
        self.learn_seq = row.learn_seq
        cell = (row.decided_at + row.window_ms) // DAY_MS, row.model, row.goal, row.arm
        if row.state == "pending":
            self._cells[cell] = self._cells.get(cell, 0) + 1
            if len(self._cells) > self._cells_max:
                del self._cells[min(self._cells)]
        elif row.state in _CLOSED and cell in self._cells:
            self._cells[cell] -= 1
            if not self._cells[cell]:
                del self._cells[cell]

    def open_at(self, now: int) -> dict[OpenKey, int]:
        """Count the windows that are open, by model, goal and arm, in order."""
        found: dict[OpenKey, int] = {}
        for (day, *key), count in sorted(self._cells.items(), key=lambda item: item[0][1:]):
            if day >= now // DAY_MS:
                model, goal, arm = key
                found[model, goal, arm] = found.get((model, goal, arm), 0) + count
        return found

    def encode(self) -> bytes:
        """Write the counts as canonical bytes: equal counts give equal bytes."""
        cells = [(*cell, count) for cell, count in sorted(self._cells.items())]
        return canonical.encode(_Snapshot(SCHEMA, self.learn_seq, cells))

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read counts back.

        Raises
        ------
        InputError
            `bad_snapshot` when the bytes are no snapshot of this kind and schema.
        """
        snapshot = read_stored(_DECODER, body, "open windows")
        windows = cls()
        windows.learn_seq = snapshot.learn_seq
        windows._cells = {cell[:4]: cell[4] for cell in snapshot.cells}
        return windows
