"""Where a workspace's files are, who owns them, and how to open them in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from heedful.cli.answers import AWAY, WRONG, end

MARK: Final = "secret.key"
"""The file by which a folder is known to be a workspace."""


def database(directory: Path, db: Path | None) -> Path:
    """Name the database file of a workspace, as its settings say."""
    if db is not None:
        return db
    from heedful.app import read_settings

    return directory / read_settings(directory, os.environ).database


def require_workspace(directory: Path) -> None:
    """End the command unless the folder is a workspace."""
    if not directory.is_dir():
        end(WRONG, f"Expected a workspace, got no folder - at `{directory}`. {_REMEDY}")
    if not (directory / MARK).is_file():
        end(WRONG, f"Expected a workspace, got another folder - at `{directory}`. {_REMEDY}")


_REMEDY: Final = (
    "Run this inside a workspace or give --dir DIR; `heedful init DIR` makes a workspace."
)


def owner_of(db: Path) -> tuple[str, str] | None:
    """Find the address and the token of the server that owns a database, if one does."""
    from heedful.store import read_owner

    owner = read_owner(str(db))
    if owner is None:
        return None
    if not owner.url:
        holder = f"process {owner.pid}" if owner.pid else "another process"
        end(
            AWAY,
            f"Expected a workspace that is free or served, got one in use by {holder} - at "
            f"`{db}`. Wait until it has finished, then try again.",
        )
    return owner.url, owner.token


@contextmanager
def opened(directory: Path, db: Path | None) -> Iterator[tuple[Any, str]]:
    """Open a workspace in this process: its ASGI application and the owner's token."""
    from heedful.api import build
    from heedful.app import open_app

    app = open_app(directory, db)
    try:
        app.start()
        yield build(app), app.owner_token
    finally:
        app.close()
