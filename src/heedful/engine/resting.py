"""Packing customers to whom nothing has happened for a day: half the room on disk.

The next event that concerns one writes them out again, so only what is at rest is packed, and the
hot path never packs. A sweep looks at a page at a time and rests between two, so that it takes no
more than a small share of a core.
"""

from __future__ import annotations

from typing import Final

from heedful import core
from heedful.engine.writer import Writer
from heedful.kernel import DAY_MS
from heedful.ports import CustomerRow, Store, Transaction

REST_AFTER_MS: Final = DAY_MS
"""How long nothing has happened to a customer who is packed."""

REST_ROWS: Final = 128
"""Customers looked at together; packing one takes a tenth of a millisecond."""

REST_WAIT_S: Final = 1.0
"""How long to wait between two pages."""

SWEEP_EVERY_MS: Final = DAY_MS // 4
"""How often all customers are looked at."""


class Resting:
    """Sweeps over all customers by key, again and again."""

    def __init__(self, store: Store, writer: Writer) -> None:
        self._store = store
        self._writer = writer
        self._cursor = -1
        self._next_at = 0

    def step(self) -> bool:
        """Look at one page of customers; always False, so that a rest follows."""
        now = self._writer.now()
        if now < self._next_at:
            return False
        rows = self._store.read(lambda tx: tx.scan_customers(self._cursor, REST_ROWS))
        if not rows:
            self._cursor, self._next_at = -1, now + SWEEP_EVERY_MS
            return False
        self._cursor = rows[-1].key
        resting = {
            row.key: (row.version, core.packed(row.body)) for row in rows if _is_at_rest(row, now)
        }
        if resting:
            self._pack(resting)
        return False

    def _pack(self, resting: dict[int, tuple[int, bytes]]) -> None:
        def work(tx: Transaction) -> None:
            tx.put_customers(
                [
                    row._replace(body=resting[key][1])
                    for key, row in tx.customers(sorted(resting)).items()
                    if row.version == resting[key][0]  # else something has just happened
                ]
            )

        self._writer.transact(work).result()


def _is_at_rest(row: CustomerRow, now: int) -> bool:
    if core.is_packed(row.body) or row.refold:
        return False
    return core.decode(row.body).profile.last_at + REST_AFTER_MS < now
