"""How long and where things are kept: archives, backups, and what an erasure says to backups."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heedful.app.backups import is_backup, leave_word
from heedful.app.workspace import backup_path
from heedful.engine import archive as move_out
from heedful.engine import copies
from heedful.kernel import DAY_MS, InputError, expected
from heedful.ports import Archived

if TYPE_CHECKING:
    from heedful.app.application import App


def erase(app: App, public_id: str) -> dict[str, Any]:
    """Erase a person, and leave word of it in each backup that holds them and is there."""
    erased = app.engine.erase(public_id)._asdict()
    leave_word(erased["backups"], erased.pop("keys"), app.clock())
    return erased


def backups(app: App) -> list[dict[str, Any]]:
    """List the backups that were written, and how many of the people in each were erased."""
    return [
        {**one, "is_there": is_backup(Path(one["folder"]))}
        for one in app.store.read(copies.show_copies)
    ]


def backup(
    app: App,
    target: str,
    progress: Callable[[int, int], None] | None = None,
    folder: str | None = None,
) -> Path:
    """Write a consistent copy into the workspace's folder of backups.

    Parameters
    ----------
    folder
        Where it will be put from there, for the list of backups.

    Raises
    ------
    InputError
        `bad_backup_target`, `backup_exists`.
    """
    path = backup_path(app.directory, target)
    note = partial(copies.note_copy, folder=folder or os.fspath(path), at=app.clock())
    app.engine.transact(note, makes_room=True)  # a full disk is a reason for a backup
    app.store.backup(os.fspath(path), progress)
    return path


def require_archive_days(app: App, days: int | None) -> int:
    """Give the age from which events are archived: what is asked for, else the setting.

    Raises
    ------
    InputError
        `archive_days_missing`.
    """
    age = days or app.settings.archive_days
    if not age:
        remedy = "Give the days, or set archive_days in heedful.yaml."
        what = expected("an age from which events are archived", "none", "$.days", remedy)
        raise InputError("archive_days_missing", what)
    return age


def archive(
    app: App,
    days: int,
    *,
    only_full: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Archived:
    """Move events that are older than so many days into files.

    Raises
    ------
    InputError
        `archive_extra_missing`.
    """
    before = app.clock() - days * DAY_MS
    return move_out(app.store, before, only_full=only_full, progress=progress)
