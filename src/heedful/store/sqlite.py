"""The embedded store: one SQLite file, one writer, many readers.

`synchronous=FULL` with a WAL makes COMMIT return after the log is on the disk, so an answer after
`write` is an answer after fsync. At batches of 100 events and more that costs nothing that can be
measured against `NORMAL`.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from heedful.kernel import HeedfulError, InvariantError
from heedful.ports import (
    Archived,
    StaleWrite,
    StoreFull,
    StoreStats,
    StoreUnavailable,
    Transaction,
)
from heedful.store.aggregates import Aggregates
from heedful.store.archive import Archives, Describe
from heedful.store.backup import copy_out
from heedful.store.ballast import Ballast, free_bytes
from heedful.store.connection import Readers, open_reader, open_writer
from heedful.store.decisions import Decisions
from heedful.store.faults import translated
from heedful.store.log import BULK_EVENTS, Log, file_tail, read_tail
from heedful.store.moving import Mover, archived_files, purge
from heedful.store.registers import Registers
from heedful.store.settings import SqliteSettings

T = TypeVar("T")

_DEFAULTS: Final = SqliteSettings()


class SqliteTransaction(Aggregates, Log, Decisions, Registers):
    """All tables over one cursor."""

    __slots__ = ()


class SqliteStore:
    """Keep one workspace in one SQLite file.

    Parameters
    ----------
    path
        The database file; made when it is not there, readable by its owner alone.
    settings
        Sizes and waits.

    Notes
    -----
    Writing is one at a time, in the order in which threads come; reading never waits for it.

    A full disk: below the watermark (`free_bytes_min`) `write` raises StoreFull before it begins.
    When SQLite itself finds no room, the transaction is rolled back, the ballast is given up and
    the WAL is folded into the file. `write(..., makes_room=True)`, for deletions, passes the
    watermark and is repeated once with the room that the ballast gave. When there is room again
    the next write takes the ballast back. Nobody has to do anything but free space.

    The file is for one process: hold `OwnerLock` while a store is open. Should another one write
    all the same, the next `write` notices and reads anew what is kept in memory.

    Raises
    ------
    StoreUnavailable
        When the file cannot be opened, is damaged, foreign, or of a newer version.
    StoreFull
        When there is not even room to make the file.
    """

    def __init__(self, path: str, settings: SqliteSettings = _DEFAULTS) -> None:
        self.path = os.path.abspath(path)
        self._settings = settings
        self._lock = threading.Lock()
        self._writing: int | None = None
        self._is_closed = False
        try:
            self._writer = open_writer(self.path, settings)
            self._tail = read_tail(self._writer)
            self._data_version = self._others_version()
        except sqlite3.Error as error:
            raise self._said(error) from error
        self._readers = Readers(self.path, settings)
        self._archives = Archives(self.path)
        self._archiving = threading.Lock()
        self._ballast = Ballast(self.path, settings.ballast_bytes, settings.free_bytes_min)
        self._ballast.has_room()

    def write(self, work: Callable[[Transaction], T], *, makes_room: bool = False) -> T:
        """Run `work` in one transaction; return after its commit is on the disk.

        Parameters
        ----------
        makes_room
            Whether `work` deletes: it then runs below the watermark too, and may run twice.
        """
        with self._own_writer():
            if not (self._ballast.has_room() or makes_room):
                raise StoreFull(f"less than {self._settings.free_bytes_min} free bytes")
            try:
                done = self._transact(work)
            except StoreFull:
                if not self._make_room() or not makes_room:
                    raise
                done = self._transact(work)
            if len(self._tail) >= BULK_EVENTS:
                self._file_tail()
            return done

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on the snapshot that stands when it first reads."""
        self._require_open()
        try:
            reader = self._readers.take()
        except sqlite3.Error as error:
            raise self._said(error) from error
        transaction = SqliteTransaction(reader)
        try:
            reader.execute("BEGIN")
            while not transaction.begin(self._tail, self._archives):
                reader.execute("ROLLBACK")
                reader.execute("BEGIN")
            return work(transaction)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY:
                raise InvariantError("write_in_read", "A reading transaction wrote.") from error
            raise self._said(error) from error
        finally:
            transaction.end()
            self._readers.give_back(reader)

    def release_ballast(self) -> bool:
        """Give the ballast up by hand; say whether there was one."""
        with self._own_writer():
            return self._make_room()

    def backup(self, target: str, progress: Callable[[int, int], None] | None = None) -> None:
        """Write a consistent copy to a new file while work goes on.

        Notes
        -----
        The copy is of the moment at which it begins. While it runs the WAL cannot start anew, so
        it grows by what is written meanwhile.
        """
        self._require_open()
        try:
            source = open_reader(self.path, self._settings)
            try:
                copy_out(source, target, progress)
            finally:
                source.close()
        except sqlite3.Error as error:
            raise self._said(error) from error

    def archive(
        self,
        before_at: int,
        describe: Describe,
        *,
        keep: Sequence[int] = (),
        only_full: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Archived:
        """Move the oldest events into files, each in one unit with its deletion from the log.

        Notes
        -----
        A file is written and synced first; it counts from the transaction on that lists it and
        deletes its events. A crash between the two leaves a file that nobody lists: the next call
        removes it.
        """
        mover = Mover(self, self._archives, before_at, describe, keep, only_full)
        with self._archiving:
            self._archives.keep_only(self._listed())
            moved = mover.run(self._require_filed, progress)
            self._archives.keep_only(self._listed())
            return moved

    def _listed(self) -> list[str]:
        return [file.name for file in self.read(archived_files)]

    def _require_filed(self, seq: int) -> bool:
        """File the tail up to a `seq`; False where there is no room for it now."""
        with self._own_writer():
            if self._tail.floor < seq:
                self._file_tail()
            return self._tail.floor >= seq

    def vacuum(self) -> None:
        """Rewrite the file so that no deleted byte remains in it, in its WAL or in its archives.

        Notes
        -----
        Writing waits meanwhile. It needs free space of twice the size of the store. What the file
        system or the disk keeps of freed blocks is beyond any program: encrypt the disk.
        """
        with self._archiving:
            purge(self, self._archives)
            self._archives.keep_only(self._listed())
        with self._own_writer():
            in_memory = self._bytes_on_disk() <= self._settings.vacuum_memory_bytes
            execute = self._writer.execute
            try:
                execute(f"PRAGMA temp_store = {'MEMORY' if in_memory else 'FILE'}")
                execute("PRAGMA secure_delete = ON")
                execute("VACUUM")
                is_busy = execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except sqlite3.Error as error:
                raise self._said(error) from error
            finally:
                with contextlib.suppress(sqlite3.Error):
                    execute("PRAGMA secure_delete = OFF")
                    execute("PRAGMA temp_store = MEMORY")
        if is_busy:
            raise StoreUnavailable(
                "store_busy",
                f"Expected all reads to end, got one that goes on - at `{self.path}`. "
                "Deleted bytes may stand in the WAL still; repeat when it has ended.",
            )

    def stats(self) -> StoreStats:
        """Measure the store without reading its rows."""

        def count(transaction: SqliteTransaction) -> tuple[int, int, int, int]:
            execute = transaction.execute
            customers = execute("SELECT count(*) FROM customers").fetchone()[0]
            quarantined = execute("SELECT count(*) FROM quarantine").fetchone()[0]
            archived = sum(file.byte_count for file in transaction.archived_files())
            return customers, transaction.count_log(), quarantined, archived

        customers, events, quarantined, archived = self.read(count)  # type: ignore[arg-type]
        used = self._bytes_on_disk() + archived
        return StoreStats(customers, events, quarantined, used, free_bytes(self.path))

    def close(self) -> None:
        """Let go of everything; the last connection folds the WAL into the file."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            self._readers.close()
            self._writer.close()

    def _transact(self, work: Callable[[Transaction], T]) -> T:
        writer = self._writer
        transaction = SqliteTransaction(writer)
        began = False
        try:
            writer.execute("BEGIN IMMEDIATE")
            if (version := self._others_version()) != self._data_version:
                self._tail, self._data_version = read_tail(writer), version
            transaction.begin(self._tail, self._archives)
            began = True
            done = work(transaction)
            if transaction.is_stale:
                raise StaleWrite("aggregate")
            writer.execute("COMMIT")
        except BaseException as error:
            self._roll_back()
            if began:
                transaction.undo()
            if isinstance(error, sqlite3.Error):
                raise self._said(error) from error
            raise
        finally:
            transaction.end()
        return done

    def _others_version(self) -> int:
        """Read a number that changes when another process has written to the file (1 us)."""
        version: int = self._writer.execute("PRAGMA data_version").fetchone()[0]
        return version

    def _file_tail(self) -> None:
        # The work is committed, so nothing may be raised any more: what could not be filed now is
        # filed after the next write.
        try:
            file_tail(self._writer, self._tail)
        except sqlite3.Error:
            self._roll_back()

    def _roll_back(self) -> None:
        # SQLite has rolled back by itself after some errors. A rollback that fails leaves nothing
        # that could be committed by mistake: the next BEGIN fails, in words.
        if self._writer.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self._writer.execute("ROLLBACK")

    def _make_room(self) -> bool:
        was_held = self._ballast.release()
        with contextlib.suppress(sqlite3.Error):
            self._writer.execute("PRAGMA wal_checkpoint(PASSIVE)")
        return was_held

    @contextlib.contextmanager
    def _own_writer(self) -> Iterator[None]:
        if self._writing == threading.get_ident():
            raise InvariantError("write_in_write", "A write was begun inside a write.")
        with self._lock:
            self._require_open()
            self._writing = threading.get_ident()
            try:
                yield
            finally:
                self._writing = None

    def _require_open(self) -> None:
        if self._is_closed:
            raise StoreUnavailable(
                "store_closed",
                f"Expected an open store, got a closed one - at `{self.path}`. Open it again.",
                retryable=False,
            )

    def _said(self, error: sqlite3.Error) -> HeedfulError | sqlite3.Error:
        return translated(error, self.path) or error

    def _bytes_on_disk(self) -> int:
        total = 0
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                total += os.stat(self.path + suffix).st_size
        return total
