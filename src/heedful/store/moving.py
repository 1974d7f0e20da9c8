"""Moving old events out of the log into files, and rewriting files from which some were erased."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, cast

from heedful.ports import Archived, LogRow, Store, Transaction
from heedful.store.archive import ARCHIVE_ROWS, ArchiveFile, Archives, Describe
from heedful.store.log import Log


class _Chunk(NamedTuple):
    """The oldest part of what may be moved."""

    rows: list[LogRow]
    """What is old enough and not to be kept."""
    end: int
    """The last `seq` that was looked at; 0 at the end of the log."""
    is_full: bool
    """Whether the log goes on beyond it with what may be moved."""


class Mover:
    """Moves the beginning of the log, up to the first event that is not old enough."""

    def __init__(
        self,
        store: Store,
        archives: Archives,
        before_at: int,
        describe: Describe,
        keep: Sequence[int],
        only_full: bool,
    ) -> None:
        self._store = store
        self._archives = archives
        self._before_at = before_at
        self._describe = describe
        self._keep = keep
        self._only_full = only_full

    def run(
        self, require_filed: Callable[[int], bool], progress: Callable[[int, int], None] | None
    ) -> Archived:
        """Move file by file; what was moved before an error stays moved."""
        start = self._store.read(_archived_to)
        total = self._store.read(partial(self._count, after=start))
        events = files = size = 0
        while True:
            chunk = self._store.read(partial(self._chunk, after=start))
            if not chunk.end or (self._only_full and not chunk.is_full):
                return Archived(events, files, size)
            if chunk.rows:
                if not require_filed(chunk.end):
                    return Archived(events, files, size)
                file = self._archives.write(chunk.rows, self._describe)
                if not self._store.write(partial(_move, file=file, keep=self._keep)):
                    continue  # somebody was erased meanwhile: write what is left of it
                events, files, size = events + len(chunk.rows), files + 1, size + file.byte_count
            start = chunk.end
            if progress is not None:
                progress(events, max(total, events))

    def _chunk(self, tx: Transaction, after: int) -> _Chunk:
        found = _hot(tx, after)
        rows: list[LogRow] = []
        for row in found:
            if row.fragment in self._keep:
                continue
            if row.at >= self._before_at:
                return _Chunk(rows, rows[-1].seq if rows else 0, False)
            rows.append(row)
        return _Chunk(rows, found[-1].seq if found else 0, len(found) == ARCHIVE_ROWS)

    def _count(self, tx: Transaction, after: int) -> int:
        log = cast(Log, tx)
        young: int | None = log.execute(
            "SELECT min(seq) FROM events WHERE seq > ? AND at >= ?", (after, self._before_at)
        ).fetchone()[0]
        counted: int = log.execute(
            "SELECT count(*) FROM events WHERE seq > ? AND seq < ?",
            (after, young or tx.last_seq() + 1),
        ).fetchone()[0]
        return counted


def archived_files(tx: Transaction) -> list[ArchiveFile]:
    """List the files of a store."""
    return cast(Log, tx).archived_files()


def _archived_to(tx: Transaction) -> int:
    files = archived_files(tx)
    return files[-1].last_seq if files else 0


def _hot(tx: Transaction, after: int) -> list[LogRow]:
    rows = cast(Log, tx).execute(
        "SELECT fragment, at, key, seq, body FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
        (after, ARCHIVE_ROWS),
    )
    return [LogRow._make(row) for row in rows]


def _move(tx: Transaction, file: ArchiveFile, keep: Sequence[int]) -> bool:
    return cast(Log, tx).move_out(file, keep)


def purge(store: Store, archives: Archives) -> None:
    """Rewrite every file in which an erased event still stands."""
    for file in store.read(archived_files):
        holes = store.read(partial(_holes, file=file))
        if holes:
            new = archives.without(file, holes)
            store.write(partial(_replace, old=file, new=new, holes=sorted(holes)), makes_room=True)


def _holes(tx: Transaction, file: ArchiveFile) -> set[int]:
    return cast(Log, tx).holes(file)


def _replace(
    tx: Transaction, old: ArchiveFile, new: ArchiveFile | None, holes: Sequence[int]
) -> None:
    cast(Log, tx).replace_file(old, new, holes)
