"""The event log: clustered by fragment, numbered by `seq`.

An event stands once, at `(fragment, at, key)`. Its place in time stands in `commits`: one row per
append with the addresses of its events, which is all that reading in the order of `seq` needs.
A row of `commits` outlives its events, so `last_seq` never falls.
"""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from struct import Struct, pack
from typing import Final

from heedful.kernel import InvariantError
from heedful.ports import LogRow
from heedful.store.statements import Statements, json_keys

_ADDRESS: Final = Struct("<qqq")  # fragment, at, key
_INT_MAX: Final = (1 << 63) - 1

_ROWS_FIRST: Final = 32
"""Rows of the first read of a fragment's events: a customer may have thousands of fragments."""
_ROWS_MAX: Final = 512
"""Rows of a later read; each read doubles until here, so a long history costs few statements."""

_COMMITS_MAX: Final = 64
"""Rows of `commits` taken at once while the log is read by `seq`."""

_RANGE: Final = (
    "SELECT fragment, at, key, seq, body FROM events "
    "WHERE fragment = ? AND (at, key) > (?, ?) AND (at, key) < (?, ?) AND seq > ? "
)
_OLDEST_FIRST: Final = _RANGE + "ORDER BY at, key LIMIT ?"
_NEWEST_FIRST: Final = _RANGE + "ORDER BY at DESC, key DESC LIMIT ?"
_EVENT_AT: Final = (
    "SELECT fragment, at, key, seq, body FROM events "
    "WHERE fragment = ? AND at = ? AND key = ? AND seq = ?"
)


def _position(row: LogRow) -> tuple[int, int]:
    return row.at, row.key


class Log(Statements):
    """Append to the log and read it, by fragment or by `seq`."""

    __slots__ = ()

    def last_seq(self) -> int:
        row = self.execute(
            "SELECT first_seq + count - 1 FROM commits ORDER BY first_seq DESC LIMIT 1"
        ).fetchone()
        return row[0] if row else 0

    def append(self, rows: Sequence[LogRow]) -> None:
        if not rows:
            return
        first = self.last_seq() + 1
        for expected, row in enumerate(rows, first):
            if row[3] != expected:
                raise InvariantError("seq_gap", f"Expected seq {expected}, got {row[3]}.")
        try:
            self.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", rows)
        except sqlite3.IntegrityError as error:
            raise InvariantError("event_twice", "An event came to the log twice.") from error
        refs = pack(f"<{3 * len(rows)}q", *chain.from_iterable(row[:3] for row in rows))
        self.execute("INSERT INTO commits VALUES (?, ?, ?)", (first, len(rows), refs))

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
        # Both bounds are exclusive positions; keys are never negative.
        low = (-_INT_MAX, -1) if from_at is None else (from_at, -1)
        high = (_INT_MAX, _INT_MAX) if before is None else before
        at_most = _INT_MAX if limit is None else limit
        reads = [
            self._events_of_one(fragment, after_seq, low, high, at_most, newest_first)
            for fragment in dict.fromkeys(fragments)
        ]
        merged = heapq.merge(*reads, key=_position, reverse=newest_first)
        return islice(merged if len(reads) > 1 else chain(*reads), limit)

    def _events_of_one(
        self,
        fragment: int,
        after_seq: int,
        low: tuple[int, int],
        high: tuple[int, int],
        at_most: int,
        newest_first: bool,
    ) -> Iterator[LogRow]:
        sql = _NEWEST_FIRST if newest_first else _OLDEST_FIRST
        size = _ROWS_FIRST
        while at_most > 0:
            size = min(size, at_most)
            bounds = (fragment, *low, *high, after_seq, size)
            rows = [LogRow._make(row) for row in self.execute(sql, bounds)]
            yield from rows
            if len(rows) < size:
                return
            last = rows[-1]
            if newest_first:
                high = (last.at, last.key)
            else:
                low = (last.at, last.key)
            at_most -= size
            size = min(2 * size, _ROWS_MAX)

    def count_events(self, fragments: Sequence[int]) -> int:
        sql = (
            "SELECT count(*) FROM json_each(?) AS j CROSS JOIN events ON events.fragment = j.value"
        )
        keys = json_keys(list(dict.fromkeys(fragments)))
        count: int = self.execute(sql, (keys,)).fetchone()[0]
        return count

    def log(self, after_seq: int, limit: int) -> list[LogRow]:
        found: list[LogRow] = []
        first = self._commit_of(after_seq + 1)
        while len(found) < limit:
            commits = self.execute(
                "SELECT first_seq, count, refs FROM commits WHERE first_seq >= ? "
                "ORDER BY first_seq LIMIT ?",
                (first, _COMMITS_MAX),
            ).fetchall()
            for first_seq, count, refs in commits:
                self._read_commit(first_seq, refs, after_seq, limit, found)
                first = first_seq + count
            if len(commits) < _COMMITS_MAX:
                break
        return found

    def _commit_of(self, seq: int) -> int:
        row = self.execute(
            "SELECT first_seq FROM commits WHERE first_seq <= ? ORDER BY first_seq DESC LIMIT 1",
            (seq,),
        ).fetchone()
        return row[0] if row else 0

    def _read_commit(
        self, first_seq: int, refs: bytes, after_seq: int, limit: int, found: list[LogRow]
    ) -> None:
        for seq, address in enumerate(_ADDRESS.iter_unpack(refs), first_seq):
            if len(found) >= limit:
                return
            if seq <= after_seq:
                continue
            # An erased event is gone, and its address may have been filled again at a later seq.
            row = self.execute(_EVENT_AT, (*address, seq)).fetchone()
            if row is not None:
                found.append(LogRow._make(row))

    def delete_events(self, fragments: Sequence[int]) -> int:
        deleted: int = self.executemany(
            "DELETE FROM events WHERE fragment = ?",
            [(fragment,) for fragment in dict.fromkeys(fragments)],
        ).rowcount
        if deleted <= 0:
            return 0
        self.execute(
            "UPDATE counters SET value = value + ? WHERE name = 'events_deleted'", (deleted,)
        )
        return deleted

    def count_log(self) -> int:
        """Count the events of the log without reading it."""
        row = self.execute("SELECT value FROM counters WHERE name = 'events_deleted'").fetchone()
        return self.last_seq() - int(row[0])
