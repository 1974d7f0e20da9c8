"""Learning what people do one after another: the log, folded into the model of sequences in force.

Law: the model is a fold of the log from one place to another under one declaration, and an event in
the log names all three. A restart and a replay read the same rows in the same order and come to the
same bytes. Nothing is learned inside a step.

A person is a fragment here: who signs in on the way begins a new session, and no row of the model
names anybody. What an erased person did goes with them: the model is learned again from the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from heedful.core import World
from heedful.engine import ledger
from heedful.engine.ledger import SEQUENCE_FRAGMENT
from heedful.engine.writer import Writer
from heedful.events import decode_event
from heedful.kernel import InputError, canonical
from heedful.learn import Happening, SequenceModel
from heedful.ports import LogRow, Store, Transaction
from heedful.sense import Foresight, SignalSet
from heedful.sense.limits import MOMENT_CHARACTERS_MAX
from heedful.sense.moments import ADDED, LOOKED
from heedful.sense.types import Scope

SEQUENCE_WAIT_S: Final = 5.0
"""How often what people do next is learned: proposals know the log up to about then."""

SEQUENCE_ROWS: Final = 5_000
"""Rows of the log that are learned from at once."""

SEQUENCE_SNAPSHOT_ROWS: Final = 10_000
"""Rows after which the model is kept; what is between is learned again at a start."""

HISTORY_ROWS: Final = 200_000
"""Rows that a model that is declared anew begins with: the newest of the log."""

SNAPSHOT: Final = "sequences"
"""Name under which the store keeps the newest model; it only ever needs one."""

_CLIENT: Final = frozenset(("track", "page", "screen"))
_ITEM_ROLES: Final = 1 << LOOKED | 1 << ADDED


class _Kept(msgspec.Struct, array_like=True):
    key: str
    since: int
    seq: int
    model: bytes


_KEPT: Final = msgspec.msgpack.Decoder(_Kept)


def read_foresight(tx: Transaction, signals: SignalSet) -> Foresight | None:
    """Read the model in force; None where none was learned under what is declared now."""
    said = ledger.last_said(tx, SEQUENCE_FRAGMENT)
    return foresight_at(tx, signals, said, None) if said else None


def foresight_at(
    tx: Transaction, signals: SignalSet, said: Mapping[str, Any], before: Foresight | None
) -> Foresight | None:
    """Give the model that an event put in force.

    Parameters
    ----------
    before
        The model in force before it, from which it goes on where it can; never changed.
    """
    moment, key = signals.moment, str(said["key"])
    if moment is None or moment[0] != key:
        return None
    since, seq = int(said["since"]), int(said["seq"])
    base = before
    if base is None or not _leads_to(base, key, since, seq):
        base = _kept(tx)
    if base is None or not _leads_to(base, key, since, seq):
        base = Foresight(SequenceModel(moment[1].lasts_ms), key, since, since)
    return _folded(tx, signals, base, seq)


def _leads_to(base: Foresight, key: str, since: int, seq: int) -> bool:
    return base.key == key and base.since == since and base.seq <= seq


def _kept(tx: Transaction) -> Foresight | None:
    held = tx.get_meta(SNAPSHOT)
    if not held:
        return None
    try:
        kept = _KEPT.decode(held)
        return Foresight(SequenceModel.decode(kept.model), kept.key, kept.since, kept.seq)
    except (msgspec.DecodeError, InputError):
        return None  # of an earlier schema: it is learned again


def _folded(tx: Transaction, signals: SignalSet, base: Foresight, seq: int) -> Foresight:
    """Give a model with the rows up to a place folded in."""
    model, after = base.model.copied(), base.seq
    while after < seq and (rows := tx.log(after, min(SEQUENCE_ROWS, seq - after))):
        for row in rows:
            if row.seq <= seq and (happening := _happening(row, signals)) is not None:
                model.learn_one(happening)
        after = rows[-1].seq
    return Foresight(model, base.key, base.since, seq)


def _happening(row: LogRow, signals: SignalSet) -> Happening | None:
    """Read what one row of the log says about sequences, where it says anything."""
    event = decode_event(row.body)
    if event.type not in _CLIENT or signals.moment is None:
        return None
    key, rule = signals.moment
    item = None
    for touch in signals.touches(event.type, event.name):
        if touch.key == key:
            scope = Scope(event)
            mask = touch.mask(scope) if touch.conditional else touch.always
            if mask & _ITEM_ROLES:
                found = rule.item_of(event, scope)
                item = found and found[:MOMENT_CHARACTERS_MAX]
    return Happening(row.fragment, event.name, event.at, event.received_at, item)


def forget(tx: Transaction) -> None:
    """Drop what is kept of the model, as an erasure must; `begin_again` learns it from the rest."""
    tx.put_meta(SNAPSHOT, b"")


def begin_again(tx: Transaction, world: World, secret: bytes, now: int) -> World:
    """Put a model in force that has learned nothing yet, where sequences are declared."""
    if world.signals.moment is None or world.sequences is None:
        return world
    key, rule = world.signals.moment
    return _in_force(tx, world, _begun(tx, key, rule.lasts_ms), secret, now)


def _begun(tx: Transaction, key: str, pause_ms: int) -> Foresight:
    since = max(tx.last_seq() - HISTORY_ROWS, 0)
    return Foresight(SequenceModel(pause_ms), key, since, since)


def _in_force(tx: Transaction, world: World, newer: Foresight, secret: bytes, now: int) -> World:
    said = {"key": newer.key, "since": newer.since, "seq": newer.seq}
    ledger.note(tx, secret, ledger.SEQUENCES_LEARNED, said, now, fragment=SEQUENCE_FRAGMENT)
    return msgspec.structs.replace(world, sequences=newer)


class SequenceLearner:
    """Learns from the log, in the background."""

    def __init__(self, store: Store, writer: Writer) -> None:
        self._store = store
        self._writer = writer
        self._looked: tuple[Foresight | None, int] = None, 0
        """A model, and up to where the log holds nothing beyond it that anybody did."""

    def step(self) -> bool:
        """Learn what is new; False when all was."""
        world = self._writer.world
        moment, before = world.signals.moment, world.sequences
        if moment is None:
            return False
        if before is None or before.key != moment[0]:
            key, rule = moment
            begun = self._store.read(lambda tx: _begun(tx, key, rule.lasts_ms))
            self._put_in_force(world, begun)
            return True
        known, looked = self._looked
        after = looked if known is before else before.seq
        rows = self._store.read(lambda tx: tx.log(after, SEQUENCE_ROWS))
        if not any(_happening(row, world.signals) for row in rows):
            self._looked = before, rows[-1].seq if rows else after
            return len(rows) == SEQUENCE_ROWS
        seq = rows[-1].seq
        newer = self._store.read(lambda tx: _folded(tx, world.signals, before, seq))
        self._put_in_force(world, newer)
        return len(rows) == SEQUENCE_ROWS

    def _put_in_force(self, seen: World, newer: Foresight) -> None:
        before = seen.sequences
        kept = b""
        if before is not None and before.seq // SEQUENCE_SNAPSHOT_ROWS < (
            newer.seq // SEQUENCE_SNAPSHOT_ROWS
        ):
            model = newer.model.encode()
            kept = canonical.encode(_Kept(newer.key, newer.since, newer.seq, model))

        def change(tx: Transaction, world: World) -> World:
            if world.signals is not seen.signals or world.sequences is not before:
                return world  # published or erased meanwhile: it is looked at again next time
            if kept:
                tx.put_meta(SNAPSHOT, kept)
            return _in_force(tx, world, newer, self._writer.secret, self._writer.now())

        self._writer.change_world(change)
