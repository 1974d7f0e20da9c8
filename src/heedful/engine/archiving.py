"""Moving what is old out of the log: files for analysts, and still the log for everybody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from heedful.engine.ledger import WORKSPACE_FRAGMENT
from heedful.events import decode_event
from heedful.ports import Archived, Store

_KEPT: Final = (WORKSPACE_FRAGMENT,)
"""What happened to the workspace itself is read at every start: it stays in the table."""


def archive(
    store: Store,
    before_at: int,
    *,
    only_full: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Archived:
    """Move the events before an instant into files; see `Store.archive`."""
    return store.archive(before_at, describe, keep=_KEPT, only_full=only_full, progress=progress)


def describe(body: bytes) -> dict[str, str | int | None]:
    """Name what an event says, for the columns of an archive."""
    event = decode_event(body)
    return {
        "type": event.type,
        "name": event.name,
        "source": event.source,
        "message_id": event.message_id,
        "received_at": event.received_at,
        "user_id": event.user_id,
        "anonymous_id": event.anonymous_id,
        "group_id": event.group_id,
        "properties": _json(event.properties),
        "traits": _json(event.traits),
    }


def _json(said: dict[str, Any]) -> str | None:
    return msgspec.json.encode(said).decode() if said else None
