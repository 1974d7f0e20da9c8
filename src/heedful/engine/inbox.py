"""Messages for an app or a page, kept in the store until they are fetched."""

from __future__ import annotations

from typing import Final

import msgspec

from heedful.connectors import InboxItem, Mark
from heedful.effects import OutboundEffect
from heedful.engine.graph import fragments_of
from heedful.engine.reading import no_customer
from heedful.engine.writer import Writer
from heedful.kernel import parse_public_id
from heedful.ports import MessageRow, Store, Transaction

MARKS: Final[tuple[Mark, ...]] = ("shown", "read", "dismissed")
"""How far a person comes with a message; a mark never goes back."""

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(OutboundEffect)


class StoredInbox:
    """The inbox of every customer of a workspace; see `connectors.Inbox`."""

    def __init__(self, store: Store, writer: Writer) -> None:
        self._store = store
        self._writer = writer

    def put(self, effect: OutboundEffect, at: int) -> bool:
        """Keep a message under its effect id; False when one of that id is kept already."""

        def work(tx: Transaction) -> bool:
            sent = tx.effects([effect.id]).get(effect.id)
            if sent is None:
                return False  # erased while the call was under way
            body = _ENCODER.encode(effect)
            row = MessageRow(0, effect.id, sent.fragment, at, effect.expires_at, "", body)
            return tx.put_message(row)

        return bool(self._writer.transact(work, is_urgent=True).result())

    def list(self, customer_id: str, after: int, limit: int, now: int) -> list[InboxItem]:
        """Read a person's messages whose cursor is above `after`, ascending.

        Notes
        -----
        It reads on where a page holds only what is expired or dismissed, which would otherwise
        hide all that came later.
        """

        def work(tx: Transaction) -> list[MessageRow]:
            fragments, cursor = self._fragments(tx, customer_id), after
            found: list[MessageRow] = []
            while len(found) < limit and (rows := tx.messages_of(fragments, cursor, limit)):
                found += [r for r in rows if r.expires_at > now and r.mark != "dismissed"]
                cursor = rows[-1].number
            return found[:limit]

        return [
            InboxItem(row.number, _DECODER.decode(row.body), row.put_at, _mark(row))
            for row in self._store.read(work)
        ]

    def mark(self, customer_id: str, effect_id: str, mark: Mark, at: int) -> bool:
        """Note how far the person came; False when there is no such message."""

        def work(tx: Transaction) -> bool:
            fragments = self._fragments(tx, customer_id)
            known = (r for r in tx.messages_of(fragments, 0, 1 << 30) if r.effect == effect_id)
            row = next(known, None)
            if row is None:
                return False
            before = _mark(row)
            if before is not None and MARKS.index(before) >= MARKS.index(mark):
                return True
            return tx.mark_message(effect_id, fragments, mark)

        return bool(self._writer.transact(work).result())

    def _fragments(self, tx: Transaction, customer_id: str) -> tuple[int, ...]:
        key = parse_public_id("c", customer_id)
        if key is None:
            raise no_customer("$.customer_id")
        row = tx.customers([key]).get(key)
        if row is None:
            alias = tx.identifiers([key]).get(key)
            if alias is None or alias.customer is None:
                raise no_customer("$.customer_id")
            row = tx.customers([alias.customer])[alias.customer]
        return fragments_of(tx, row)


def _mark(row: MessageRow) -> Mark | None:
    return next((mark for mark in MARKS if mark == row.mark), None)
