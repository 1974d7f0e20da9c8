"""Decisions, as they were recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class DecisionRow(NamedTuple):
    """One decision, filed under the fragment of the event that it answers."""

    id: int
    fragment: int
    at: int
    seq: int
    """Place in the log of the event that it answers: the decision saw all up to it."""
    body: bytes


class Decisions(Protocol):
    """What was decided, for whom and when."""

    def put_decisions(self, rows: Sequence[DecisionRow]) -> None:
        """Write decisions, replacing those of the same id."""

    def decisions(self, ids: Sequence[int]) -> dict[int, DecisionRow]:
        """Read decisions; unknown ones are absent."""

    def decisions_of(
        self, fragments: Sequence[int], *, before: tuple[int, int] | None, limit: int
    ) -> list[DecisionRow]:
        """Read the decisions of fragments, the newest first; `before` is an `(at, id)` bound."""

    def decisions_after(self, seq: int, limit: int) -> list[DecisionRow]:
        """Read decisions in the order of `(seq, id)`, beyond all of a `seq`.

        All decisions of one `seq` are given, so a page may be longer than its limit.
        """
