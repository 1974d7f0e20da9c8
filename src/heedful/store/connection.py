"""Open connections to the file: the writer's, and those that only read."""

from __future__ import annotations

import os
import sqlite3
import threading
from typing import Final
from urllib.parse import quote

from heedful.kernel import MINUTE_MS
from heedful.ports import StoreUnavailable
from heedful.store.schema import SQLITE_VERSION_MIN, require_ours, upgrade
from heedful.store.settings import SqliteSettings

_STATEMENTS_CACHED: Final = 256  # more than there are statements, so each is compiled once
_KIB: Final = 1024
_READER_WAIT_MS: Final = MINUTE_MS


def open_writer(path: str, settings: SqliteSettings) -> sqlite3.Connection:
    """Open the file for writing; make it when there is none, upgrade it when it is older."""
    if sqlite3.sqlite_version_info < SQLITE_VERSION_MIN:
        least = ".".join(map(str, SQLITE_VERSION_MIN))
        raise StoreUnavailable(
            "sqlite_too_old",
            f"Expected SQLite {least} or newer, got {sqlite3.sqlite_version} - at the Python that "
            "runs Heedful. Install a newer Python.",
            retryable=False,
        )
    _create_private(path)
    connection = _connect(path, "rw", settings, settings.cache_bytes)
    try:
        require_ours(connection, path)  # before anything of a foreign file is changed
        connection.execute(f"PRAGMA page_size = {settings.page_bytes}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {settings.checkpoint_pages}")
        connection.execute(f"PRAGMA journal_size_limit = {settings.wal_bytes_kept}")
        # Overwriting deleted bytes at once would cost every update of a long row; `vacuum` does it.
        connection.execute("PRAGMA secure_delete = OFF")
        upgrade(connection, path)
        if settings.file_bytes_max:
            page: int = connection.execute("PRAGMA page_size").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {settings.file_bytes_max // page}")
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: str, settings: SqliteSettings) -> sqlite3.Connection:
    """Open the file for reading alone."""
    return _connect(path, "ro", settings, settings.reader_cache_bytes)


def uri_of(path: str, mode: str) -> str:
    """Write a path as SQLite's URI."""
    return f"file:{quote(os.path.abspath(path))}?mode={mode}"


def _connect(
    path: str, mode: str, settings: SqliteSettings, cache_bytes: int
) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri_of(path, mode),
        uri=True,
        isolation_level=None,
        check_same_thread=False,  # the store lends a connection to one thread at a time
        cached_statements=_STATEMENTS_CACHED,
        timeout=settings.busy_wait_ms / 1_000,
    )
    for pragma in (
        f"cache_size = -{cache_bytes // _KIB}",
        f"mmap_size = {settings.mmap_bytes}",
        "temp_store = MEMORY",
        "foreign_keys = OFF",
        "cell_size_check = ON",
        "trusted_schema = OFF",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _create_private(path: str) -> None:
    """Make the file readable by its owner alone; SQLite gives the WAL the same mode."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    except OSError as error:
        raise StoreUnavailable(
            "store_cannot_open",
            f"Expected a folder to write in, got {error.strerror} - at `{path}`. "
            "Make the folder, or run as its owner.",
            retryable=False,
        ) from error
    os.close(descriptor)
    sync_folder(path)


def sync_folder(path: str) -> None:
    """Make the name of a new file as durable as its bytes."""
    descriptor = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Readers:
    """A few connections that only read, lent to one thread at a time."""

    def __init__(self, path: str, settings: SqliteSettings) -> None:
        self._path = path
        self._settings = settings
        self._turns = threading.BoundedSemaphore(settings.readers_max)
        self._idle: list[sqlite3.Connection] = []
        self._is_closed = False
        self._lock = threading.Lock()

    def take(self) -> sqlite3.Connection:
        """Borrow a connection; wait for one when all are lent."""
        if not self._turns.acquire(timeout=_READER_WAIT_MS / 1_000):
            raise StoreUnavailable(
                "store_busy",
                f"Expected a free reader, got {self._settings.readers_max} busy ones for a "
                f"minute - at `{self._path}`. Raise `readers_max`, or ask for less at once.",
            )
        try:
            with self._lock:
                if self._idle:
                    return self._idle.pop()
            return open_reader(self._path, self._settings)
        except BaseException:
            self._turns.release()
            raise

    def give_back(self, connection: sqlite3.Connection) -> None:
        """Return a connection; one that cannot end its transaction is thrown away."""
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            with self._lock:
                if not self._is_closed:
                    self._idle.append(connection)
                    return
            connection.close()
        except sqlite3.Error:
            connection.close()
        finally:
            self._turns.release()

    def close(self) -> None:
        """Close the idle connections now and the lent ones when they come back."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
