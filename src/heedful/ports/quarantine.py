"""The quarantine: what arrived and could not become an event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class QuarantineRow(NamedTuple):
    """Something that arrived and could not become an event."""

    id: int
    """0 for a new row."""
    received_at: int
    source: str
    reason: str
    message: str
    identifiers: bytes
    """MessagePack array of identifier keys, so that erasure finds the row."""
    body: bytes


class Quarantine(Protocol):
    """What waits for a person to look at it."""

    def quarantine(self, rows: Sequence[QuarantineRow]) -> None:
        """Keep what could not become an event; a row with an id replaces the one of that id.

        New ids ascend, and the id of a deleted row is never given again.
        """

    def quarantined(self, after_id: int, limit: int) -> list[QuarantineRow]:
        """Read the quarantine in the order of arrival."""

    def delete_quarantined(self, ids: Sequence[int]) -> None:
        """Delete rows of the quarantine."""
