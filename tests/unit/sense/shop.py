"""Events of a small shop, written in one line each."""

from __future__ import annotations

from typing import Any

from heedful.events import Event
from heedful.kernel import hash_key, parse_instant
from heedful.sense import Senses, SignalSet, fold

NOON = parse_instant("2026-11-20T12:00:00Z") or 0


def happened(name: str, at: int, type_: str = "track", **properties: Any) -> Event:
    """Make an event `at` milliseconds after noon; its message id is what it says."""
    message_id = f"{type_} {name} {at} {sorted(properties.items())}"
    return Event(
        type=type_,  # type: ignore[arg-type]
        name=name,
        at=NOON + at,
        key=hash_key(b"tests", message_id),
        source="web",
        message_id=message_id,
        received_at=NOON + at,
        properties=properties,
    )


def folded(signals: SignalSet, *events: Event) -> Senses:
    """Fold events in the order given."""
    senses = Senses()
    for event in events:
        fold(senses, event, signals)
    return senses
