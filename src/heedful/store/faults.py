"""SQLite's error codes in the port's words: one table, read by everything that runs a statement."""

from __future__ import annotations

import sqlite3
from typing import Final

from heedful.kernel import HeedfulError, InvariantError
from heedful.ports import StoreFull, StoreUnavailable

_PRIMARY: Final = 0xFF  # the low byte of an extended code is the primary code

# A failed write or a failed growth of the shared memory is what a full disk, a quota (EDQUOT) and
# a file size limit (EFBIG) look like; SQLite itself calls only ENOSPC by name (SQLITE_FULL).
_OUT_OF_ROOM: Final = frozenset(
    {
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_TRUNCATE,
        sqlite3.SQLITE_IOERR_SHMSIZE,
        sqlite3.SQLITE_IOERR_SHMMAP,
    }
)

_UNAVAILABLE: Final = {
    sqlite3.SQLITE_BUSY: ("store_locked", "a lock of another process", True, "End that process."),
    sqlite3.SQLITE_LOCKED: ("store_locked", "a locked table", True, "Try again."),
    sqlite3.SQLITE_CANTOPEN: (
        "store_cannot_open",
        "a file that cannot be opened",
        False,
        "Check that the folder exists and that its owner runs Heedful.",
    ),
    sqlite3.SQLITE_PERM: (
        "store_cannot_open",
        "a file that may not be opened",
        False,
        "Check the file's owner and mode.",
    ),
    sqlite3.SQLITE_READONLY: (
        "store_read_only",
        "a file that may only be read",
        False,
        "Check the file's mode and that its disk is not mounted read-only.",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "store_corrupt",
        "a damaged file",
        False,
        "Stop Heedful, keep a copy, and restore the newest backup.",
    ),
    sqlite3.SQLITE_NOTADB: (
        "store_corrupt",
        "a file that is no database",
        False,
        "Name another file, or restore a backup.",
    ),
    sqlite3.SQLITE_IOERR: (
        "store_io",
        "an error of the disk",
        True,
        "Look for disk errors in the system's log.",
    ),
    sqlite3.SQLITE_NOMEM: ("store_no_memory", "no memory", True, "Give the process more memory."),
}


def translated(error: sqlite3.Error, path: str) -> HeedfulError | None:
    """Say a SQLite error in the port's words, or None when it is a fault of our own code."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    primary = code & _PRIMARY
    if primary == sqlite3.SQLITE_FULL or code in _OUT_OF_ROOM:
        return StoreFull(f"none for `{path}`")
    if primary == sqlite3.SQLITE_TOOBIG:
        return InvariantError("row_too_big", "A row beyond SQLite's limit came to the store.")
    if primary not in _UNAVAILABLE:
        return None
    name, got, retryable, remedy = _UNAVAILABLE[primary]
    message = f"Expected a store that works, got {got} - at `{path}`. {remedy}"
    return StoreUnavailable(name, message, {"sqlite": error.sqlite_errorname}, retryable=retryable)
