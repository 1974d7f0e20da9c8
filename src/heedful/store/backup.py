"""Copy a store out while it works, and put a copy in its place."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec

from heedful.kernel import InputError, expected
from heedful.ports import ERASE_AGAIN, StoreFull, StoreUnavailable
from heedful.store.archive import FOLDER_SUFFIX, missing
from heedful.store.connection import sync_folder, uri_of
from heedful.store.owner import OwnerLock
from heedful.store.schema import require_ours

_PAGES_PER_STEP: Final = 1_024  # 4 MiB: a step takes a few milliseconds, and says its progress

Progress = Callable[[int, int], None]


def copy_out(source: sqlite3.Connection, target: str, progress: Progress | None) -> None:
    """Copy the snapshot of a reading connection to a new file, whole or not at all.

    Raises
    ------
    InputError
        `backup_exists` when something of that name is there.
    StoreFull
        When the target's disk has no room; nothing is left behind.
    """
    if os.path.lexists(target):
        raise _exists(target)
    partial = f"{target}.partial"
    try:
        os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
        copy = sqlite3.connect(partial, isolation_level=None)
        try:
            # The copy becomes a store only when it is whole, so it needs no journal of its own.
            copy.execute("PRAGMA journal_mode = OFF")
            copy.execute("PRAGMA synchronous = OFF")
            # A snapshot that is held cannot change under the copy, which would start it anew.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            source.backup(copy, pages=_PAGES_PER_STEP, progress=_told(progress))
        finally:
            copy.close()
        _sync_file(partial)
        _publish(partial, target)
    except OSError as error:
        raise StoreFull(f"{error.strerror} for `{target}`") from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(partial)


def restore(backup: str, path: str, erased: Mapping[int, int] = MappingProxyType({})) -> None:
    """Put a backup in the place of a store.

    Parameters
    ----------
    erased
        Identifiers that were erased since it was written, with the instant of each: whoever opens
        the store erases their people again.

    Raises
    ------
    StoreUnavailable
        `already_owned` while a process serves the store; `store_corrupt`, `store_foreign` or
        `store_newer` when the backup is not whole, not ours, or of a newer Heedful. The store
        that stands is untouched then.
    InputError
        `backup_missing` when there is no such file.

    Notes
    -----
    What stood at `path` is gone afterwards, its WAL included. The WAL goes first: the backup must
    never meet the log of another database.
    """
    if not os.path.isfile(backup):
        got = "a folder" if os.path.isdir(backup) else "nothing"
        remedy = "Name a file that `heedful backup` wrote."
        raise InputError("backup_missing", expected("a backup", got, backup, remedy))
    require_whole(backup)
    with OwnerLock(path):
        incoming = f"{path}.restoring"
        try:
            shutil.copyfile(backup, incoming)
            os.chmod(incoming, 0o600)
            _leave_word(incoming, erased)
            _sync_file(incoming)
            _fold_wal(path)
            os.replace(incoming, path)
            sync_folder(path)
        except OSError as error:
            raise StoreFull(f"{error.strerror} for `{path}`") from error
        finally:
            with contextlib.suppress(OSError):
                os.unlink(incoming)


def erased_since(path: str | os.PathLike[str]) -> dict[int, int]:
    """Read which identifiers a store refuses, and since when; nothing of a damaged one."""
    with contextlib.suppress(StoreUnavailable):
        return erased_in(path)
    return {}


def erased_in(path: str | os.PathLike[str]) -> dict[int, int]:
    """Read which identifiers a store refuses, and since when; a server may be working on it.

    Raises
    ------
    StoreUnavailable
        `store_corrupt` when it cannot be read.
    """
    try:
        return dict(_read(path, "SELECT identifier, at FROM suppressed"))
    except sqlite3.Error as error:
        raise _corrupt(os.fspath(path)) from error


def copy_archives(
    listing: str | os.PathLike[str],
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
) -> None:
    """Copy the archives that one store lists from beside another to beside a third.

    Raises
    ------
    StoreUnavailable
        `archive_missing` when one of them is not there.
    StoreFull
        When there is no room.
    """
    try:
        names = [row[0] for row in _read(listing, "SELECT name FROM archives ORDER BY name")]
    except sqlite3.OperationalError:
        return  # a copy from before there were archives
    here, there = Path(f"{source}{FOLDER_SUFFIX}"), Path(f"{target}{FOLDER_SUFFIX}")
    for name in names:
        if not (here / name).is_file():
            raise missing(here / name)
        try:
            there.mkdir(mode=0o700, exist_ok=True)
            incoming = there / f"{name}.partial"
            shutil.copyfile(here / name, incoming)
            incoming.chmod(0o600)
            _sync_file(os.fspath(incoming))
            incoming.replace(there / name)
        except OSError as error:
            raise StoreFull(f"{error.strerror} for `{there}`") from error


def _read(path: str | os.PathLike[str], statement: str) -> list[tuple[Any, ...]]:
    if not os.path.isfile(path):
        return []
    connection = sqlite3.connect(uri_of(os.fspath(path), "ro"), uri=True)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def _leave_word(path: str, erased: Mapping[int, int]) -> None:
    """Write into a store that nobody has opened yet whom it must not bring back."""
    if not erased:
        return
    body = msgspec.msgpack.encode(sorted(erased.items()))
    connection = sqlite3.connect(path)
    try:
        connection.execute(
            "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
            (ERASE_AGAIN, body),
        )
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + suffix)


def require_whole(path: str) -> None:
    """Check that a file is a whole store of a version that this program reads."""
    try:
        connection = sqlite3.connect(uri_of(path, "ro") + "&immutable=1", uri=True)
        try:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA cell_size_check = ON")
            version = require_ours(connection, path)
            said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise _corrupt(path) from error
    if version == 0 or said != "ok":
        raise _corrupt(path)


def _told(progress: Progress | None) -> Callable[[int, int, int], None] | None:
    if progress is None:
        return None
    return lambda _status, remaining, total: progress(total - remaining, total)


def _publish(partial: str, target: str) -> None:
    # A link fails where a rename would silently replace what came there meanwhile.
    try:
        os.link(partial, target)
    except FileExistsError as error:
        raise _exists(target) from error
    except OSError:
        os.rename(partial, target)  # a file system without hard links
    sync_folder(target)


def _fold_wal(path: str) -> None:
    """End the old store's WAL in order where that is possible, and remove it in any case."""
    if os.path.exists(path):
        with contextlib.suppress(sqlite3.Error):
            old = sqlite3.connect(path, isolation_level=None)
            try:
                old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                old.close()
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + suffix)
    sync_folder(path)


def _sync_file(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _exists(target: str) -> InputError:
    remedy = "Name another file; a backup never replaces one."
    return InputError("backup_exists", expected("a new file", "one that exists", target, remedy))


def _corrupt(path: str) -> StoreUnavailable:
    return StoreUnavailable(
        "store_corrupt",
        f"Expected a whole store, got a damaged file - at `{path}`. Use another backup.",
        retryable=False,
    )
