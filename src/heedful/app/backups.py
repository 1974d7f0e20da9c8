"""A backup: a folder with the store and all of the workspace that the store cannot bring back.

The keys of a store are hashes under the workspace's secret: without it nobody is found, no key
opens anything and no copy of an event is recognised. So the secret is part of every backup, and a
store is not opened under another one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from heedful.app.erased_list import ERASED_FILE, read_erased, read_word
from heedful.app.settings import SETTINGS_FILE
from heedful.app.workspace import (
    AUDIT_KEY_FILE,
    SECRET_FILE,
    STORE_FILE,
    STRATEGY_FOLDER,
    WEBHOOKS_FOLDER,
    read_secret,
)
from heedful.connectors import CONNECTORS_FILE
from heedful.engine.graph import identifier_key
from heedful.events import Identifier
from heedful.kernel import InputError, expected
from heedful.ports import Store, Transaction
from heedful.store import copy_archives, erased_since, restore

_SECRETS: Final = (SECRET_FILE, AUDIT_KEY_FILE)
_KEPT: Final = (*_SECRETS, SETTINGS_FILE, CONNECTORS_FILE, STRATEGY_FOLDER, WEBHOOKS_FOLDER)
_NEW_FOLDER: Final = "Restore into a new folder."


def complete_backup(directory: Path, database: Path, copy: Path, target: Path) -> None:
    """Make a copy of a workspace's store a whole backup; it appears whole or not at all.

    Parameters
    ----------
    directory
        The workspace.
    database
        Its store, beside which its archives lie.
    copy
        The consistent copy; it is moved.
    target
        The folder of the backup.

    Raises
    ------
    InputError
        `backup_exists`: nothing is ever overwritten.
    StoreUnavailable
        `archive_missing` when an erasure rewrote an archive meanwhile: write another backup.
    """
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    partial.mkdir(mode=0o700, parents=True)
    try:
        shutil.move(copy, partial / STORE_FILE)
        copy_archives(partial / STORE_FILE, database, partial / STORE_FILE)
        _copy_files(directory, partial)
        if target.exists():
            remedy = "Name another folder."
            what = expected("a new folder", "one that exists", str(target), remedy)
            raise InputError("backup_exists", what)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def restore_backup(
    backup: Path, directory: Path, database: Path, since: Path | None = None
) -> bool:
    """Put a backup's store in the place of a workspace's.

    Parameters
    ----------
    backup
        What `complete_backup` wrote, or a bare copy of the store.
    directory
        The workspace; made from the backup where there is none.
    database
        Where the workspace has its store.
    since
        Who was erased since, where neither the backup nor the workspace has heard of it: see
        `read_erased`. Whoever is named is erased again before anything else happens.

    Returns
    -------
    bool
        Whether the workspace was made.

    Raises
    ------
    InputError
        `backup_missing`, `wrong_secret` when the workspace's secret is not that of the backup, or
        when a bare copy would have to be restored without any; `bad_erased_list`.
    StoreUnavailable
        See `heedful.store.restore`.
    """
    is_new = not (directory / SECRET_FILE).is_file()
    if not backup.is_dir():
        if is_new:
            remedy = "Restore it into the workspace whose secret.key it was written under."
            what = expected("a whole backup", "a copy of the store alone", str(backup), remedy)
            raise InputError("wrong_secret", what)
        named = read_erased(since, read_secret(directory)) if since is not None else {}
        restore(os.fspath(backup), os.fspath(database), {**named, **erased_since(database)})
        return False
    secret = read_secret(backup)
    if not is_new and read_secret(directory) != secret:
        what = expected("the backup's secret.key", "another one", str(directory), _NEW_FOLDER)
        raise InputError("wrong_secret", what)
    store = backup / STORE_FILE
    named = read_erased(since, secret) if since is not None else {}
    erased = {**named, **read_word(backup), **erased_since(database)}
    directory.mkdir(parents=True, exist_ok=True)
    copy_archives(store, store, database)
    restore(os.fspath(store), os.fspath(database), erased)
    if not is_new:
        return False
    _copy_files(backup, directory)
    return True


def is_backup(folder: Path) -> bool:
    """Say whether a backup is there, as far as this process may look."""
    with contextlib.suppress(OSError):
        return (folder / STORE_FILE).is_file()
    return False


def leave_word(folders: Iterable[str], keys: Iterable[int], at: int) -> None:
    """Write into each backup that is there who was erased since, for whoever restores it.

    Notes
    -----
    Keys are hashes under the secret. A backup that is elsewhere hears nothing: restoring it over
    a workspace brings the workspace's own list, restoring it elsewhere takes a list that was kept.
    """
    lines = "".join(f"{key} {at}\n" for key in keys)
    for folder in folders:
        with contextlib.suppress(OSError):
            if is_backup(Path(folder)):
                with (Path(folder) / ERASED_FILE).open("a", encoding="ascii") as file:
                    file.write(lines)
                    file.flush()
                    os.fsync(file.fileno())


def _copy_files(here: Path, there: Path) -> None:
    for name in _KEPT:
        source, target = here / name, there / name
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.is_file():
            shutil.copy(source, target)
            if name in _SECRETS:
                target.chmod(0o600)


def require_own_secret(store: Store, secret: bytes) -> None:
    """Refuse to work on a store that was written under another secret.

    Raises
    ------
    InputError
        `wrong_secret`.
    """

    def is_own(tx: Transaction) -> bool:
        for row in tx.scan_customers(-1, 1):
            for key, held in tx.identifiers([row.key]).items():
                return key == identifier_key(secret, Identifier(held.namespace, held.value))
        return True

    if not store.read(is_own):
        remedy = f"Put back the {SECRET_FILE} under which it was written; backups hold it."
        what = expected("the secret of this store", "another one", SECRET_FILE, remedy)
        raise InputError("wrong_secret", what)
