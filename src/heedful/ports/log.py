"""The log of events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol


class LogRow(NamedTuple):
    """One event of the log: `(fragment, at, key)` is its address, `seq` its place in time."""

    fragment: int
    at: int
    key: int
    seq: int
    body: bytes


class Log(Protocol):
    """All that happened, in its order."""

    def last_seq(self) -> int:
        """The greatest `seq` ever given, 0 at the start; never falls, also after deletions."""

    def append(self, rows: Sequence[LogRow]) -> None:
        """Add events to the log; their `seq` continue `last_seq()` without a gap.

        Raises
        ------
        InvariantError
            `seq_gap` for any other `seq`.
        """

    def commits(self, after_seq: int, limit: int) -> list[int]:
        """The last `seq` of each `append` beyond a `seq`, ascending: where batches ended."""

    def events_of(
        self,
        fragments: Sequence[int],
        *,
        after_seq: int = 0,
        from_at: int | None = None,
        before: tuple[int, int] | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[LogRow]:
        """Read the events of fragments, merged into the order of `(at, key, seq)`.

        `from_at` is inclusive; `before` is an exclusive `(at, key)` bound, the cursor of a
        timeline read newest first.
        """

    def count_events(self, fragments: Sequence[int]) -> int:
        """Count the events of fragments."""

    def log(self, after_seq: int, limit: int) -> list[LogRow]:
        """Read the log in the order of `seq`; erased events are left out."""

    def delete_events(self, fragments: Sequence[int]) -> int:
        """Delete all events of fragments; say how many."""

    def delete_rows(self, seqs: Sequence[int]) -> int:
        """Delete single events of the log; say how many were there."""
