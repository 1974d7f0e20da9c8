"""The event log: written in the order of `seq`, found by fragment through `places`.

Notes
-----
A table clustered by `(fragment, at, key)` was measured first. Its rows come in at random places,
and a b-tree of rows of 700 bytes rewrites four to five pages for each: 54 KB written and 82 us
CPU an event, 7,500 events/s. The log in the order of `seq` writes 13 KB an event and reaches
28,000. Erasing still deletes exactly the events of a fragment.

`places` is the index by fragment, 35 bytes an event, in runs of RUN_EVENTS: one run has few
enough pages that a bulk of entries shares them, and reading a fragment costs one search per run.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from heedful.kernel import InvariantError
from heedful.ports import LogRow
from heedful.store.archive import ArchiveFile, Archives
from heedful.store.statements import Statements, json_keys
from heedful.store.tail import Tail, TailPart, addresses

RUN_BITS: Final = 18
RUN_EVENTS: Final = 1 << RUN_BITS
"""Events of one run of `places`: about 2,300 pages. Growing it saves searches in reading and
writes more pages for each bulk."""

BULK_EVENTS: Final = 8_192
"""Events that are filed at once. At 8,000 events a second that is once a second."""

_INT_MAX: Final = (1 << 63) - 1
_BODIES_AT_ONCE: Final = 256

_COUNTER: Final = "SELECT value FROM counters WHERE name = ?"
_SNAPSHOT: Final = (
    "SELECT (SELECT value FROM counters WHERE name = 'filed_seq'), "
    "(SELECT value FROM counters WHERE name = 'last_seq')"
)
_SET_COUNTER: Final = "UPDATE counters SET value = ? WHERE name = ?"
_FOUND: Final = (
    " FROM json_each(?) AS r CROSS JOIN json_each(?) AS f CROSS JOIN places AS p "
    "ON p.run = r.value AND p.fragment = f.value"
)
_RANGE: Final = (
    "SELECT p.at, p.key, p.seq, p.fragment"
    + _FOUND
    + " AND (p.at, p.key) > (?, ?) AND (p.at, p.key) < (?, ?)"
    " AND p.seq > ? ORDER BY "
)
_OLDEST_FIRST: Final = _RANGE + "1, 2, 3 LIMIT ?"
_NEWEST_FIRST: Final = _RANGE + "1 DESC, 2 DESC, 3 DESC LIMIT ?"
_FILE: Final = ", ".join(ArchiveFile._fields)
_LOG_ROW: Final = "fragment, at, key, seq, body"
_BODIES: Final = (
    "SELECT e.fragment, e.at, e.key, e.seq, e.body FROM json_each(?) AS j "
    "CROSS JOIN events AS e ON e.seq = j.value"
)


class Log(Statements):
    """Append to the log and read it, by fragment or by `seq`."""

    __slots__ = (
        "_archives", "_filed", "_files", "_first_seq", "_last_seq", "_parts", "_tail", "_touched",
    )  # fmt: skip

    _archives: Archives
    _files: list[ArchiveFile] | None
    _tail: Tail
    _parts: tuple[TailPart, ...]
    _filed: int
    _first_seq: int
    _last_seq: int
    _touched: list[int]

    def begin(self, tail: Tail, archives: Archives) -> bool:
        """Tie the transaction to its snapshot and to the tail and files that belong to it.

        Returns
        -------
        bool
            False when the tail has moved on since the snapshot was taken: begin anew.
        """
        self._tail = tail
        self._archives = archives
        self._files = None
        self._touched = []
        self._filed, self._last_seq = self.execute(_SNAPSHOT).fetchone()
        self._first_seq = self._last_seq
        self._parts = tail.parts  # only after the read above, which took the snapshot
        return self._parts[0].floor <= self._filed

    def undo(self) -> None:
        """Take out of the tail what the rollback takes out of the file."""
        if self._touched:
            self._tail.take_back(self._touched, self._first_seq)

    def last_seq(self) -> int:
        return self._last_seq

    def append(self, rows: Sequence[LogRow]) -> None:
        if not rows:
            return
        for expected, row in enumerate(rows, self._last_seq + 1):
            if row[3] != expected:
                raise InvariantError("seq_gap", f"Expected seq {expected}, got {row[3]}.")
        self.executemany("INSERT INTO events VALUES (?4, ?1, ?2, ?3, ?5)", rows)
        self.execute(_SET_COUNTER, (rows[-1][3], "last_seq"))
        self.execute("INSERT INTO commits VALUES (?)", (rows[-1][3],))
        self._touched += [row[0] for row in rows]
        self._tail.add([row[:4] for row in rows])
        self._last_seq = rows[-1][3]

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
        distinct = list(dict.fromkeys(fragments))
        sql = _NEWEST_FIRST if newest_first else _OLDEST_FIRST
        found: list[tuple[int, int, int, int]] = self.execute(
            sql, (self._runs(), json_keys(distinct), *low, *high, after_seq, at_most)
        ).fetchall()
        fresh = [
            (*address, fragment)
            for fragment in distinct
            for address in addresses(
                self._parts, fragment, max(after_seq, self._filed), self._last_seq
            )
            if low < address[:2] < high
        ]
        if fresh:
            found = sorted(found + fresh, reverse=newest_first)
        return islice(self._bodies([(fragment, seq) for _, _, seq, fragment in found]), limit)

    def _bodies(self, places: Sequence[tuple[int, int]]) -> Iterator[LogRow]:
        for start in range(0, len(places), _BODIES_AT_ONCE):
            wanted = places[start : start + _BODIES_AT_ONCE]
            seqs = [seq for _, seq in wanted]
            rows = {row[3]: row for row in self.execute(_BODIES, (json_keys(seqs),))}
            if len(rows) < len(seqs):
                rows.update(self._archived([place for place in wanted if place[1] not in rows]))
            # An event that is still in the tail may have been erased from the log.
            yield from (LogRow._make(rows[seq]) for seq in seqs if seq in rows)

    def count_events(self, fragments: Sequence[int]) -> int:
        keys = json_keys(list(dict.fromkeys(fragments)))
        filed: int = self.execute("SELECT count(*)" + _FOUND, (self._runs(), keys)).fetchone()[0]
        fresh = self._fresh(fragments)
        if not fresh:
            return filed
        there: int = self.execute(
            "SELECT count(*) FROM json_each(?) AS j CROSS JOIN events AS e ON e.seq = j.value",
            (json_keys([seq for _, seq in fresh]),),
        ).fetchone()[0]
        return filed + there

    def log(self, after_seq: int, limit: int) -> list[LogRow]:
        rows = self.execute(
            f"SELECT {_LOG_ROW} FROM events WHERE seq > ? ORDER BY seq LIMIT ?", (after_seq, limit)
        )
        found = [LogRow._make(row) for row in rows]
        older = list(islice(self._archived_after(after_seq), limit))
        return sorted(found + older, key=_seq_of)[:limit] if older else found

    def commits(self, after_seq: int, limit: int) -> list[int]:
        rows = self.execute(
            "SELECT seq FROM commits WHERE seq > ? ORDER BY seq LIMIT ?", (after_seq, limit)
        )
        return [row[0] for row in rows]

    def delete_events(self, fragments: Sequence[int]) -> int:
        keys = json_keys(list(dict.fromkeys(fragments)))
        filed = self.execute("SELECT p.fragment, p.seq" + _FOUND, (self._runs(), keys)).fetchall()
        places = dict.fromkeys((seq >> RUN_BITS, fragment) for fragment, seq in filed)
        self.executemany("DELETE FROM places WHERE run = ? AND fragment = ?", list(places))
        return self._delete_seqs([seq for _, seq in filed + self._fresh(fragments)])

    def archived_files(self) -> list[ArchiveFile]:
        """List the files that hold what is no more in the table of events, in order."""
        if self._files is None:
            rows = self.execute(f"SELECT {_FILE} FROM archives ORDER BY first_seq")
            self._files = [ArchiveFile._make(row) for row in rows]
        return self._files

    def move_out(self, file: ArchiveFile, keep: Sequence[int]) -> bool:
        """List a new file and delete its events here; False if one was erased meanwhile."""
        marks = ",".join("?" * len(keep))
        where = f"FROM events WHERE seq BETWEEN ? AND ? AND fragment NOT IN ({marks})"
        given = (file.first_seq, file.last_seq, *keep)
        if self.execute("SELECT count(*) " + where, given).fetchone()[0] != file.row_count:
            return False
        self.execute(f"INSERT INTO archives ({_FILE}) VALUES (?, ?, ?, ?, ?, ?, ?)", file)
        self.execute("DELETE " + where, given)
        self._files = None
        return True

    def replace_file(self, old: ArchiveFile, new: ArchiveFile | None, holes: Sequence[int]) -> None:
        """List what was rewritten without its holes; None where nothing was left."""
        self.execute("DELETE FROM archives WHERE first_seq = ?", (old.first_seq,))
        if new is not None:
            self.execute(f"INSERT INTO archives ({_FILE}) VALUES (?, ?, ?, ?, ?, ?, ?)", new)
        self.executemany("DELETE FROM archive_holes WHERE seq = ?", [(seq,) for seq in holes])
        self._files = None

    def holes(self, file: ArchiveFile) -> set[int]:
        """List the events of a file that were erased and still stand in it."""
        rows = self.execute(
            "SELECT seq FROM archive_holes WHERE seq BETWEEN ? AND ?",
            (file.first_seq, file.last_seq),
        )
        return {row[0] for row in rows}

    def _archived(self, places: Sequence[tuple[int, int]]) -> dict[int, LogRow]:
        """Read events by (fragment, seq) from the files that cover them."""
        files = self.archived_files()
        if not files:
            return {}
        by_file: dict[int, list[tuple[int, int]]] = {}
        for place in places:
            number = bisect_right(files, place[1], key=_first_of) - 1
            if number >= 0 and place[1] <= files[number].last_seq:
                by_file.setdefault(number, []).append(place)
        found: dict[int, LogRow] = {}
        for number, wanted in by_file.items():
            found.update(self._archives.find(files[number], wanted))
        return found

    def _archived_after(self, seq: int) -> Iterator[LogRow]:
        for file in self.archived_files():
            if file.last_seq > seq:
                holes = self.holes(file)
                rows = self._archives.rows(file, seq)
                yield from (row for row in rows if row.seq not in holes)

    def delete_rows(self, seqs: Sequence[int]) -> int:
        wanted = list(dict.fromkeys(seqs))
        filed = self.execute(
            "SELECT e.seq, e.fragment, e.at, e.key FROM json_each(?) AS j "
            "CROSS JOIN events AS e ON e.seq = j.value",
            (json_keys(wanted),),
        ).fetchall()
        if len(filed) < len(wanted) and self.archived_files():
            missing = set(wanted).difference(row[0] for row in filed)
            older = self._archived_after(min(missing) - 1)
            filed += [(r.seq, r.fragment, r.at, r.key) for r in older if r.seq in missing]
        self.executemany(
            "DELETE FROM places WHERE run = ?1 AND fragment = ?3 AND at = ?4 AND key = ?5 "
            "AND seq = ?2",
            [(row[0] >> RUN_BITS, *row) for row in filed],
        )
        return self._delete_seqs([row[0] for row in filed])

    def _delete_seqs(self, seqs: Sequence[int]) -> int:
        before = self.execute("SELECT total_changes()").fetchone()[0]
        if self.archived_files():
            self.execute(
                "INSERT INTO archive_holes SELECT j.value FROM json_each(?) AS j "
                "CROSS JOIN archives AS a ON j.value BETWEEN a.first_seq AND a.last_seq "
                "WHERE NOT EXISTS (SELECT 1 FROM events AS e WHERE e.seq = j.value) "
                "ON CONFLICT (seq) DO NOTHING",
                (json_keys(seqs),),
            )
        self.executemany("DELETE FROM events WHERE seq = ?", [(seq,) for seq in seqs])
        deleted: int = self.execute("SELECT total_changes()").fetchone()[0] - before
        self.execute(_SET_COUNTER, (self._counter("events_deleted") + deleted, "events_deleted"))
        return deleted

    def count_log(self) -> int:
        """Count the events of the log without reading it."""
        return self._last_seq - self._counter("events_deleted")

    def _fresh(self, fragments: Sequence[int]) -> list[tuple[int, int]]:
        return [
            (fragment, seq)
            for fragment in dict.fromkeys(fragments)
            for _, _, seq in addresses(self._parts, fragment, self._filed, self._last_seq)
        ]

    def _runs(self) -> str:
        return json_keys(range((self._filed >> RUN_BITS) + 1))

    def _counter(self, name: str) -> int:
        value: int = self.execute(_COUNTER, (name,)).fetchone()[0]
        return value


def _seq_of(row: LogRow) -> int:
    return row.seq


def _first_of(file: ArchiveFile) -> int:
    return file.first_seq


def read_tail(connection: sqlite3.Connection) -> Tail:
    """Read back what was not filed when the store was closed or the process ended."""
    filed: int = connection.execute(_COUNTER, ("filed_seq",)).fetchone()[0]
    tail = Tail(filed)
    tail.add(
        connection.execute(
            "SELECT fragment, at, key, seq FROM events WHERE seq > ? ORDER BY seq", (filed,)
        ).fetchall()
    )
    return tail


def file_tail(connection: sqlite3.Connection, tail: Tail) -> None:
    """File the tail in `places`, in one transaction of its own."""
    connection.execute("BEGIN IMMEDIATE")
    last_seq: int = connection.execute(_COUNTER, ("last_seq",)).fetchone()[0]
    # From the log and not from memory: what was erased meanwhile is not there.
    connection.execute(
        f"INSERT INTO places SELECT seq >> {RUN_BITS}, fragment, at, key, seq FROM events "
        "WHERE seq > ? ORDER BY 1, 2, 3, 4, 5",
        (tail.floor,),
    )
    connection.execute(_SET_COUNTER, (last_seq, "filed_seq"))
    connection.execute("COMMIT")
    tail.turn(last_seq)
