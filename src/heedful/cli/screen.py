"""How values look to people: tables, instants, spans, and the one way to print JSON."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from heedful.kernel import SECOND_MS, format_instant, format_span

PIPED_COLUMNS: Final = 200
"""Width of a table that is read by no terminal: wide enough that nothing is cut."""

NOTHING: Final = "–"

_UNITS: Final = re.compile(r"-?[0-9]+[a-z]+")


def console(*, stderr: bool = False) -> Console:
    """Make a console for what is printed; a pipe gets wide lines and no colour."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPED_COLUMNS
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def print_json(value: Any) -> None:
    """Print a value for programs: UTF-8, indented, keys in the server's order."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> int:
    """Print rows under their columns; says how many there were."""
    table = new_table(columns, title)
    for row in rows:
        table.add_row(*(plain(cell) for cell in row))
    if table.row_count:
        console().print(table)
    return table.row_count


def print_facts(facts: Iterable[tuple[str, Any]]) -> None:
    """Print names with their values, without a head."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    for name, value in facts:
        table.add_row(name, plain(value))
    console().print(table)


def count(number: int, noun: str) -> str:
    """Write a number with its noun.

    Examples
    --------
    >>> count(1, "event"), count(1200, "event")
    ('1 event', '1,200 events')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def new_table(columns: Sequence[str], title: str = "") -> Table:
    """Begin a table in the house's look."""
    table = Table(
        box=box.SIMPLE_HEAD, title=title or None, title_justify="left", title_style="bold"
    )
    table.pad_edge = False
    for number, column in enumerate(columns):
        table.add_column(column, style="bold" if number == 0 else "", overflow="fold")
    return table


def plain(value: Any) -> Text:
    """Show any value of JSON on one line; nothing in it is taken as markup or control."""
    return value if isinstance(value, Text) else Text(clean(short(value)))


def short(value: Any) -> str:
    """Write a value as a person would say it.

    Examples
    --------
    >>> short({"boots": 3, "tents": 1}), short(None), short(2.50), short(True)
    ('boots 3 · tents 1', '–', '2.5', 'yes')
    """
    if value is None or value in ("", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"
    if isinstance(value, Mapping):
        return " · ".join(f"{name} {short(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(short(item) for item in value)
    return str(value)


def span(value: Any) -> str:
    """Write seconds, or seconds by category, in their two largest units.

    Examples
    --------
    >>> span(37501.2), span(0.2), span(None), span({"boots": 90, "tents": 3})
    ('10h 25m', '0s', '–', 'boots 1m 30s · tents 3s')
    """
    if isinstance(value, Mapping):
        return " · ".join(f"{name} {span(item)}" for name, item in value.items()) or NOTHING
    if isinstance(value, bool) or not isinstance(value, int | float):
        return short(value)
    return " ".join(_UNITS.findall(format_span(round(value) * SECOND_MS))[:2])


def clean(text: str) -> str:
    """Make control characters visible: a trait must not be able to steer the terminal.

    Examples
    --------
    >>> clean("a" + chr(27) + "[31m" + chr(10) + "b")
    'a�[31m b'
    """
    return "".join(
        " " if c in "\n\t" else c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text
    )


def when(instant: Any) -> str:
    """Show an instant, ISO text or milliseconds, to the second, without the letters between.

    Examples
    --------
    >>> when("2026-11-20T10:00:00.123Z")
    '2026-11-20 10:00:00'
    """
    if isinstance(instant, int):
        instant = format_instant(instant)
    return str(instant).replace("T", " ")[:19] if instant else NOTHING


def identifier(named: Mapping[str, Any]) -> str:
    """Show an identifier as commands take it.

    Examples
    --------
    >>> identifier({"namespace": "user_id", "value": "u1"})
    'user_id:u1'
    """
    return f"{named.get('namespace')}:{named.get('value')}"


def identifiers(named: Iterable[Mapping[str, Any]]) -> str:
    """Show several identifiers on one line."""
    return ", ".join(identifier(i) for i in named) or NOTHING
