"""Progress that a server reports, as a bar for people and as silence for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from heedful.cli.client import failure
from heedful.cli.screen import console
from heedful.kernel import PeerError, expected


def follow(messages: Iterator[tuple[str, Any]], doing: str, unit: str) -> Any:
    """Show `progress` messages ({"done", "total"}) until the result comes; give the result.

    Raises
    ------
    HeedfulError
        What the server refused or failed at; `cut_short` when it ended without a result.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
    )
    err = console(stderr=True)
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(doing, total=None)
        for name, data in messages:
            if name == "progress":
                bar.update(task, completed=data["done"], total=data["total"])
            elif name == "error":
                raise failure(data["status"], data)
            else:
                return data
    what = expected("a result", "an answer that ended early", doing, "Try again.")
    raise PeerError("cut_short", what)


def transfer() -> Progress:
    """Make the bar of an import: one line a file, bytes read of bytes there, events landed."""
    err = console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[events]:,} events"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=err, disable=not err.is_terminal)
