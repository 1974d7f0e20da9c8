"""`heedful stream`: what happens now, who did it, and what it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from heedful.cli.answers import AWAY, end
from heedful.cli.options import HERE, Db, Dir, Json

if TYPE_CHECKING:
    from heedful.cli.feed import Feed, Seen
    from heedful.cli.person import Kinds


def stream(
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
    seconds: Annotated[
        float | None, typer.Option("--for", min=0, help="End after so many seconds.")
    ] = None,
) -> None:
    """Watch events, merges, decisions and signals live, until Ctrl-C."""
    from heedful.cli.client import connect
    from heedful.cli.feed import Feed
    from heedful.cli.screen import console

    with connect(directory, db) as api:
        if api.url is None:
            end(AWAY, "No server runs here to watch. Start one with `heedful serve DIR`.")
        feed = Feed(api)
        feed.start()
        if as_json or not console().is_terminal:
            _lines(feed, as_json, seconds)
        else:
            _table(feed, seconds)
    if feed.failure is not None:
        raise feed.failure
    if feed.is_ended:
        end(AWAY, "The server ended. Start it again with `heedful serve DIR`.")


def _batches(feed: Feed, seconds: float | None) -> Any:
    import time

    ends = None if seconds is None else time.monotonic() + seconds
    while not feed.is_ended and (ends is None or time.monotonic() < ends):
        yield feed.take(0.25)
    yield feed.take(0)


def _lines(feed: Feed, as_json: bool, seconds: float | None) -> None:
    import json

    from heedful.cli.feed import say_changes

    for batch in _batches(feed, seconds):
        for seen in batch:
            if as_json:
                print(json.dumps(seen._asdict(), ensure_ascii=False), flush=True)
            else:
                said = say_changes(seen.changed, feed.kinds)
                changed = f"  [{said}]" if said else ""
                print(f"{clock(seen)}  {seen.who}  {seen.what}{changed}", flush=True)


def _table(feed: Feed, seconds: float | None) -> None:
    from rich.live import Live

    from heedful.cli.screen import console

    out = console()
    newest: list[Seen] = []
    with Live(console=out, refresh_per_second=8, screen=False) as live:
        for batch in _batches(feed, seconds):
            newest = [*reversed(batch), *newest][: max(5, out.height - 5)]
            live.update(table_of(newest, feed.kinds))


STYLES = {
    "merge": "bold magenta",
    "split": "bold yellow",
    "erase": "bold red",
    "alarm": "bold red",
    "due": "cyan",
    "decision": "bold green",
}


def table_of(newest: list[Seen], kinds: Kinds) -> Any:
    """Lay out the newest lines, the newest on top."""
    from rich.text import Text

    from heedful.cli.feed import say_changes
    from heedful.cli.screen import clean, new_table

    table = new_table(("time", "who", "what", "signals that changed"))
    for column in table.columns:
        column.no_wrap, column.overflow = True, "ellipsis"
    for seen in newest:
        table.add_row(
            Text(clock(seen), style="dim"),
            Text(clean(seen.who), style="bold"),
            Text(clean(seen.what), style=STYLES.get(seen.kind, "")),
            Text(clean(say_changes(seen.changed, kinds)), style="green"),
        )
    return table


def clock(seen: Seen) -> str:
    """Show the time of day of a line, in UTC."""
    return seen.at[11:19]
