"""Commands about what is old: events that move into files, and the backups that were written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heedful.cli.options import HERE, Db, Dir, Json


def archive(
    days: Annotated[
        int | None,
        typer.Option(
            "--older-than", min=1, metavar="DAYS", help="Age of what is moved.",
            show_default="archive_days of heedful.yaml",
        ),
    ] = None,
    shrink: Annotated[
        bool, typer.Option("--shrink", help="Give the room back to the disk; writing waits.")
    ] = False,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Move old events into Parquet files beside the database; all reads go on seeing them."""
    from heedful.cli.client import connect
    from heedful.cli.progress import follow
    from heedful.cli.screen import count, print_json

    asked = {"days": days, "shrink": shrink}
    with connect(directory, db) as api:
        moved = follow(api.messages("POST", "/v1/archive", asked), "archiving", "events")
    if as_json:
        print_json(moved)
    elif not moved["events"]:
        print(
            "Nothing is old enough. Only the log's beginning moves, up to the first younger event."
        )
    else:
        size = f"{moved['bytes'] / 1e6:,.1f} MB"
        print(
            f"Moved {count(moved['events'], 'event')} to {count(moved['files'], 'file')}, {size}."
        )


def backups(
    erased: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write who was erased so far, for `heedful restore --erased`; it names nobody to "
            "whoever lacks the workspace's secret.",
        ),
    ] = None,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """List the backups that were written, and how many of the people in each were erased since."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json, print_table, when

    if erased is not None:
        _write_erased(erased, directory, db, as_json)
        return
    with connect(directory, db) as api:
        items = api.get("/v1/backups")["items"]
    if as_json:
        print_json({"items": items})
        return
    rows = (
        (
            when(one["at"]),
            one["folder"] if one["is_there"] else f"{one['folder']} (not there)",
            one["erased_people"],
        )
        for one in items
    )
    if not print_table(("written", "folder", "erased since"), rows):
        print("No backup was written yet: heedful backup FOLDER")


def _write_erased(target: Path, directory: Path, db: Path | None, as_json: bool) -> None:
    from heedful.app.erased_list import write_erased
    from heedful.cli.screen import count, print_json
    from heedful.cli.workspace import database, require_workspace

    require_workspace(directory)
    written = write_erased(directory, database(directory, db), target)
    if as_json:
        print_json({"file": str(target), "identifiers": written})
    else:
        print(f"Wrote {target}: {count(written, 'identifier')}. Keep it where your copies are.")
