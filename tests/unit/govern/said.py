"""Own events of governing, written as the engine would."""

from __future__ import annotations

from heedful.events import Event
from heedful.govern.types import Statement, write

NOW = 1_800_000_000_000


def event(statement: Statement, at: int = NOW, key: int = 1) -> Event:
    """Stamp a statement."""
    name, properties = write(statement)
    return Event(
        type="own",
        name=name,
        at=at,
        key=key,
        source="heedful",
        message_id=f"m{key}",
        received_at=at,
        properties=properties,
    )
