"""Folding customers anew from the log, off the hot path.

A customer is folded anew when part of their past left them (a split), or when a signal was
published that their state has never seen. The log is read on a snapshot while events go on
landing; then, in one short transaction, what landed since is added and the state is replaced.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from heedful import core
from heedful.core import World
from heedful.decide import TIME_PASSED
from heedful.engine.batch import Batch, BatchResult, Filing, Inner, finished
from heedful.engine.deciding import derived_event
from heedful.engine.graph import fragments_of
from heedful.engine.writer import Writer
from heedful.events import SIGNALS_WARMED, decode_event
from heedful.ports import Store, Transaction

SWEEP_ROWS: Final = 64
"""Customers looked up at once while a new signal warms up."""

IDLE_WAIT_S: Final = 0.5
"""How long the caretaker sleeps when nothing is due."""

DUE_ROWS: Final = 200
"""Customers re-evaluated in one transaction when their time has come."""


def refold_customer(store: Store, writer: Writer, key: int) -> bool:
    """Fold one customer anew and replace their state; False when they are gone.

    Notes
    -----
    The long read happens on a snapshot. If the customer's fragments change meanwhile, the work is
    thrown away and the caller comes again: the row still says that it waits. From when on the
    signals are known stands in the log, since decisions differ from there on.
    """
    world = writer.world

    def read(tx: Transaction) -> tuple[tuple[int, ...], core.Customer, int] | None:
        row = tx.customers([key]).get(key)
        if row is None:
            return None
        fragments = fragments_of(tx, row)
        seq = tx.last_seq()
        happened = (decode_event(event.body) for event in tx.events_of(fragments))
        return fragments, core.folded(world, happened), seq

    prepared = store.read(read)
    if prepared is None:
        return False
    fragments, state, seq = prepared

    def replace(tx: Transaction) -> BatchResult | None:
        row = tx.customers([key]).get(key)
        if row is None or not fragments or fragments_of(tx, row) != fragments:
            return None
        if world.signals.id != writer.world.signals.id:
            return None
        for late in tx.events_of(fragments, after_seq=seq):
            core.fold(writer.world, state, decode_event(late.body))
        now, secret = writer.now(), writer.secret
        tx.put_customers([finished(writer.world, row._replace(refold=0), state, now)])
        warmed = derived_event(secret, SIGNALS_WARMED, {}, now, key, tx.last_seq())
        said = Inner(msgspec.structs.replace(warmed, flags=()), fragments[0])
        filing = Filing(writer.world, secret)
        return Batch(tx, writer.world, secret, filing, now).run([said], [])

    writer.transact(replace).result()
    return True


class Caretaker:
    """What is not urgent: refolds, warming signals, timers that came due."""

    def __init__(
        self, store: Store, writer: Writer, on_due: Callable[[int, list[int]], None]
    ) -> None:
        self._store = store
        self._writer = writer
        self._on_due = on_due
        self._cursor = -1
        self._swept: str | None = None
        self._found = False

    def step(self) -> bool:
        """Do one piece of work; False when there is none."""
        return self._due() or self._refold() or self._warm()

    def _due(self) -> bool:
        now = self._writer.now()
        keys = self._store.read(lambda tx: tx.due_customers(now, DUE_ROWS))
        if not keys:
            return False

        if not self._writer.world.rules.is_empty:
            happened = self._store.read(lambda tx: self._time_passed(tx, keys, now))
            self._writer.submit(happened).result()
            self._on_due(now, keys)
            return True

        def work(tx: Transaction) -> list[int]:
            rows = tx.customers(keys)
            world = self._writer.world
            tx.put_customers(
                [
                    finished(world, row, core.read(world, row.body), now)
                    for row in rows.values()
                    if row.due is not None and row.due <= now
                ]
            )
            return sorted(rows)

        self._on_due(now, self._writer.transact(work).result())
        return True

    def _time_passed(self, tx: Transaction, keys: list[int], now: int) -> list[Inner]:
        found = []
        for row in tx.customers(keys).values():
            fragments = fragments_of(tx, row)
            if fragments:
                said = derived_event(self._writer.secret, TIME_PASSED, {}, now, row.key, now)
                found.append(Inner(msgspec.structs.replace(said, flags=()), fragments[0]))
        return found

    def _refold(self) -> bool:
        keys = self._store.read(lambda tx: tx.customers_to_refold(SWEEP_ROWS))
        for key in keys:
            refold_customer(self._store, self._writer, key)
        return bool(keys)

    def _warm(self) -> bool:
        world: World = self._writer.world
        if self._swept == world.signals.id:
            return False
        number = core.world_signal_set(world)
        keys = self._store.read(lambda tx: tx.customers_outside(number, self._cursor, SWEEP_ROWS))
        for key in keys:
            refold_customer(self._store, self._writer, key)
            self._cursor, self._found = key, True
        if not keys:
            # A merge may carry what is not warm behind the cursor: pass again until one finds none.
            self._swept = None if self._found else world.signals.id
            self._cursor, self._found = -1, False
        return bool(keys)
