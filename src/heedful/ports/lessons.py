"""Learning rows, and the snapshots of models that were folded from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Lessons(Protocol):
    """What is to be learned, and what was."""

    def last_lesson(self) -> int:
        """The greatest number of a learning row, 0 at the start."""

    def append_lessons(self, bodies: Sequence[bytes]) -> None:
        """Add learning rows; their numbers continue `last_lesson()` without a gap."""

    def lessons(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Read learning rows in the order of their numbers."""

    def put_snapshot(self, model: str, number: int, body: bytes) -> None:
        """Keep what a model knew after the learning row of a number."""

    def snapshot(self, model: str, at_most: int | None = None) -> tuple[int, bytes] | None:
        """Read a model's newest snapshot, or its newest up to a number."""
