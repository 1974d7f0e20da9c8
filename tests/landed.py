"""What of a log came from outside: Heedful's own events stand in the same log, and say so."""

from __future__ import annotations

from heedful.events import OWN_SOURCE, Event, decode_event
from heedful.ports import Store

_PAGE = 10_000


def sent(store: Store) -> list[Event]:
    """Read what clients sent and the log holds, in the order in which it landed."""
    found: list[Event] = []
    after = 0
    while rows := store.read(lambda tx: tx.log(after, _PAGE)):  # noqa: B023 - called at once
        found += [decode_event(row.body) for row in rows]
        after = rows[-1].seq
    return [event for event in found if event.source != OWN_SOURCE]


def sent_ids(store: Store) -> list[str]:
    """List the message ids of what clients sent."""
    return [event.message_id for event in sent(store)]
