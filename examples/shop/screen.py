"""The shop's life on one terminal: counts on top, the newest events, one person in focus.

Law: a picture is a function of a `Scene` and a size; what reads clocks, servers and terminals
stands in `__main__`.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

import msgspec
from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from heedful.cli.feed import Seen
from heedful.cli.person import Kinds, name_of, signal_value
from heedful.cli.screen import clean, short

ACCENT: Final = "#2fb5a0"
DIM: Final = "grey58"
KINDS: Final = {
    "merge": "bold #d98cff",
    "split": "bold #f2b84b",
    "erase": "bold #ff6b6b",
    "due": "#7fb3ff",
}
TONES: Final = {
    "Order Completed": "bold #7bd88f",
    "Payment Failed": "bold #ff6b6b",
    "Order Refunded": "#f2b84b",
    "Support Contacted": "#f2b84b",
}
NEWEST_KEPT: Final = 200
ROWS_ROOMY_MIN: Final = 16
"""Rows below which the person in focus is drawn without traits and empty lines."""

SIDE_COLUMNS_MIN: Final = 100
"""Columns below which the person in focus stands under the events instead of beside them."""

CLAIMS: Final = ("absence", "sequence")
"""Kinds of signals that are true or not."""

# What tells most about a person comes first; the rest follow by name.
TELLING: Final = (
    "payment_failures_in_a_row",
    "payment_failures_10m",
    "cart_abandoned",
    "watched_not_opened",
    "support_contacts_30d",
    "return_rate",
    "orders",
    "spend_90d",
    "views_by_category_7d",
    "product_views_per_hour",
    "brands_viewed_30d",
    "last_query",
)


class Scene(msgspec.Struct, kw_only=True):
    """All that one picture shows; mutable, since it is one frame after the other."""

    url: str
    customers: int = 0
    events: int = 0
    per_second: float = 0.0
    merges: int = 0
    automatic: int = 0
    newest: deque[Seen] = msgspec.field(default_factory=lambda: deque(maxlen=NEWEST_KEPT))
    focus: dict[str, Any] | None = None
    reason: str = ""
    """Why this person is in focus."""
    note: str = ""
    kinds: Kinds = msgspec.field(default_factory=dict)


def telling(signals: dict[str, Any], count: int) -> list[tuple[str, Any]]:
    """Choose the signals that say most about a person: known, not empty, not merely zero.

    Examples
    --------
    >>> telling({"a": 0, "orders": 2, "b": 1, "c": None}, 5)
    [('orders', 2), ('b', 1)]
    """
    order = {name: place for place, name in enumerate(TELLING)}
    known = [
        (name, value)
        for name, value in signals.items()
        if value not in (None, 0, 0.0, False, "", {}, [])
    ]
    known.sort(key=lambda pair: (order.get(pair[0], len(order)), pair[0]))
    return known[:count]


def weight(seen: Seen, record: dict[str, Any] | None) -> tuple[int, str]:
    """Say how much a line makes its person worth a look, and why."""
    if record is None:
        return 0, ""
    signals = record.get("signals", {})
    if seen.kind == "merge":
        return 5, "just became one person"
    if (signals.get("payment_failures_in_a_row") or 0) >= 2:
        return 5, "payments keep failing"
    if seen.what == "Support Contacted":
        return 4, "asked for help"
    if signals.get("cart_abandoned"):
        return 3, "left a cart behind"
    if seen.what == "Order Completed":
        return 3, "bought something"
    if seen.changed:
        return 2, "signals changed"
    return 1, ""


class Picture:
    """A scene as rich draws it, fitted to the terminal that it is drawn on."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, height = options.max_width, options.height or console.height
        root = Layout()
        body = Layout(name="body", ratio=1)
        root.split_column(
            Layout(head(self.scene, width), size=3), body, Layout(foot(self.scene), size=1)
        )
        if width >= SIDE_COLUMNS_MIN:
            person = min(56, width * 3 // 8)
            rows = height - 7
            left = Layout(_panel("now", events(self.scene, rows, width - person - 4)))
            right = Layout(_panel(_focus_title(self.scene), focus(self.scene, rows)), size=person)
            body.split_row(left, right)
        else:
            rows = (height - 8) // 2
            body.split_column(
                Layout(_panel("now", events(self.scene, rows - 2, width - 4))),
                Layout(_panel(_focus_title(self.scene), focus(self.scene, rows - 1))),
            )
        yield root


def _panel(title: str, inner: Any) -> Panel:
    return Panel(inner, title=title, title_align="left", border_style="grey37", box=box.ROUNDED)


def _focus_title(scene: Scene) -> str:
    return f"one person · {scene.reason}" if scene.reason else "one person"


def head(scene: Scene, width: int) -> Table:
    """Draw the line of counts."""
    grid = Table.grid(expand=True, padding=(0, 1))
    cells = [
        ("customers", f"{scene.customers:,}"),
        ("events", f"{scene.events:,}"),
        ("events/s", f"{scene.per_second:,.0f}"),
        ("merges", f"{scene.merges:,}"),
        ("automatic signals" if width >= 100 else "automatic", f"{scene.automatic:,}"),
    ]
    title = Text("heedful", style=f"bold {ACCENT}")
    title.append("\nthe outdoor shop, live", style=DIM)
    grid.add_column(ratio=2)
    for _ in cells:
        grid.add_column(justify="right", ratio=1)
    grid.add_row(
        title,
        *(Text(f"{value}\n", style="bold").append(name, style=DIM) for name, value in cells),
    )
    return grid


def events(scene: Scene, rows: int, width: int) -> Table:
    """Draw the newest events, the newest on top."""
    wide = width >= 60
    table = Table(box=None, expand=True, show_header=False, padding=(0, 1, 0, 0))
    table.add_column(width=8, style=DIM, no_wrap=True)
    table.add_column(width=16 if wide else 20, no_wrap=True, overflow="ellipsis")
    table.add_column(width=20 if wide else None, no_wrap=True, overflow="ellipsis")
    if wide:
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for seen in list(scene.newest)[: max(rows, 1)]:
        style = KINDS.get(seen.kind) or TONES.get(seen.what, "")
        is_visitor = seen.who.startswith("visitor ")
        cells = [
            Text(seen.at[11:19]),
            Text(clean(seen.who), style=DIM if is_visitor else "bold"),
            Text(clean(seen.what), style=style),
        ]
        if wide:
            cells.append(Text(clean(_news(seen, scene.kinds)), style=ACCENT))
        table.add_row(*cells)
    return table


def _news(seen: Seen, kinds: Kinds) -> str:
    """Say what is new in a line's signals, the most telling first."""
    order = {name: place for place, name in enumerate(TELLING)}
    changed = sorted(seen.changed.items(), key=lambda c: order.get(c[0].split()[0], len(order)))
    parts = []
    for name, (was, now) in changed:
        signal, _, category = name.partition(" ")
        before, after = _value(signal, was, kinds), _value(signal, now, kinds)
        if before == after or (was is None and now == 0):
            continue
        label = (category or signal).replace("_", " ")
        if kinds.get(signal) in CLAIMS:
            parts.append(label if now else f"not {label}")
        else:
            # A number stands first: what is cut off at the edge is the name.
            parts.append(f"{label} {after}" if isinstance(now, str) else f"{after} {label}")
    return " · ".join(parts)


def focus(scene: Scene, rows: int) -> Any:
    """Draw one person: who, by what they are known, what is known, what is sensed."""
    found = scene.focus
    if found is None:
        return Text("Waiting for the first customer.", style=DIM)
    name = Text(name_of(found), style="bold")
    name.append(f"\n{found['customer_id']}", style=DIM)
    name.append(f" · {found.get('event_count', 0):,} events", style=DIM)
    # A low pane has no room for traits and empty lines: what is sensed matters more.
    gap = [] if rows < ROWS_ROOMY_MIN else [Text()]
    known = found.get("identifiers", [])
    most = 5 if gap else 2
    parts: list[Any] = [name, *gap, _pairs([(i["namespace"], i["value"]) for i in known[:most]])]
    left = rows - 2 - len(gap) - min(len(known), most)
    if gap and len(known) > most:
        parts.append(Text(f"and {len(known) - most} more", style=DIM))
        left -= 1
    traits = [
        (n, v) for n, v in found.get("traits", {}).items() if n not in ("email", "phone", "name")
    ][: max(0, min(6, left - 10))]
    if gap and traits:
        parts += [*gap, _pairs(traits)]
        left -= len(traits) + 1
    signals = telling(found.get("signals", {}), max(0, left - 2 * len(gap)))
    if signals:
        title = [*gap, Text("signals", style=f"bold {ACCENT}")] if gap else []
        written = [(name, _value(name, value, scene.kinds)) for name, value in signals]
        parts += [*title, _pairs(written, "bold")]
    return Group(*parts)


def _value(name: str, value: Any, kinds: Kinds) -> str:
    if kinds.get(name) in CLAIMS:
        return "yes" if value else "no"
    return signal_value(name, value, kinds)


def _pairs(pairs: list[tuple[str, Any]], style: str = "") -> Table:
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(style=DIM, no_wrap=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for name, value in pairs:
        table.add_row(name.replace("_", " "), Text(clean(short(value)), style=style))
    return table


def foot(scene: Scene) -> Text:
    """Draw the last line: where the server is, and how it ends."""
    line = Text(f"{scene.url}", style=DIM)
    line.append("  ·  Ctrl-C ends", style=DIM)
    if scene.note:
        line.append(f"  ·  {scene.note}", style="#f2b84b")
    return line


def plain_line(scene: Scene) -> str:
    """Say a scene in one line, for where no terminal is."""
    last = scene.newest[0] if scene.newest else None
    now = f" | {last.who}: {last.what}" if last else ""
    return (
        f"{scene.customers:,} customers, {scene.events:,} events, {scene.per_second:,.0f}/s, "
        f"{scene.merges:,} merges, {scene.automatic:,} automatic signals{now}"
    )
