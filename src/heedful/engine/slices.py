"""A budget that several workers share, as slices that each of them leases.

Law: what workers have spent, and what the slices in force still allow them to, never exceeds the
budget. A worker spends from its own slice, a row that nobody else writes, in the transaction of the
release; the row of the budget, which all of them share, is written only where a slice is taken or
given back. Whoever takes back a slice whose lease has ended leaves nothing of it in its row, so a
worker that was paused and wakes finds its slice empty, whatever its clock says.
"""

from __future__ import annotations

from typing import Final

from heedful.core import World
from heedful.decide import period_of
from heedful.kernel import MINUTE_MS, InvariantError, expected, to_micros
from heedful.ports import SliceRow, Transaction

ONLY_WORKER: Final = "heedful"
"""Name of the one worker of a store that has one owner; after a restart its slices are its own."""

SLICES_PER_BUDGET: Final = 20
"""Into how many slices a budget is cut; one is larger where a single message costs more."""

SLICE_LEASE_MS: Final = 10 * MINUTE_MS
"""How long a slice is its worker's from when it was last added to; then others may take it."""


class Slices:
    """What one worker may spend, within one transaction."""

    def __init__(self, tx: Transaction, world: World, worker: str) -> None:
        self._tx = tx
        self._budgets = world.budgets
        self._worker = worker

    def left(self, now: int) -> dict[str, int]:
        """Say how many micros of each budget this worker can still spend in its period."""
        return {name: self._left(name, now) for name in sorted(self._budgets)}

    def _left(self, name: str, now: int) -> int:
        period = period_of(self._budgets[name], now)
        rows = self._tx.slices(name, period)
        own = sum(row.granted - row.used for row in rows if row.worker == self._worker)
        ended = sum(row.granted - row.used for row in rows if self._has_ended(row, now))
        return own + ended + self._unpromised(name, period)

    def spend(self, name: str, micros: int, now: int) -> None:
        """Spend from the own slice, after leasing what it lacks.

        Raises
        ------
        InvariantError
            `budget_overspent`: more than `left` said.
        """
        period = period_of(self._budgets[name], now)
        row = next((r for r in self._tx.slices(name, period) if r.worker == self._worker), None)
        if row is None:
            self._tx.delete_slices(name, period, self._worker)
            row = SliceRow(name, period, self._worker, 0, 0, 0)
        lacking = micros - (row.granted - row.used)
        if lacking > 0:
            row = self._lease(row, lacking, now)
        self._tx.put_slice(row._replace(used=row.used + micros))

    def _lease(self, row: SliceRow, lacking: int, now: int) -> SliceRow:
        name, period = row.budget, row.period
        wanted = max(lacking, (to_micros(self._budgets[name].amount) or 0) // SLICES_PER_BUDGET)
        if self._unpromised(name, period) < wanted:
            self._take_back(name, period, now)
        granted = min(wanted, self._unpromised(name, period))
        if granted < lacking:
            what = expected(f"at most {granted} micros of {name}", str(lacking), "the budget")
            raise InvariantError("budget_overspent", what)
        self._tx.promise(name, period, granted)
        return row._replace(granted=row.granted + granted, until=now + SLICE_LEASE_MS)

    def _take_back(self, name: str, period: int, now: int) -> None:
        """Take what is left of slices whose worker has not been heard of."""
        for row in self._tx.slices(name, period):
            if self._has_ended(row, now):
                self._return(row)

    def give_back(self) -> None:
        """Give back what is left of every slice of this worker, at its end."""
        for row in self._tx.slices_of(self._worker):
            self._return(row)

    def _return(self, row: SliceRow) -> None:
        self._tx.promise(row.budget, row.period, row.used - row.granted)
        self._tx.put_slice(row._replace(granted=row.used))

    def _has_ended(self, row: SliceRow, now: int) -> bool:
        return row.worker != self._worker and row.until <= now

    def _unpromised(self, name: str, period: int) -> int:
        amount = to_micros(self._budgets[name].amount) or 0
        return amount - self._tx.promised(name, period)
