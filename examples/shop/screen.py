"""The shop on one terminal: what Heedful decides, one story as it happens, and why on a key.

Law: a picture is a function of a `Scene` and a size; what reads clocks, servers and terminals
stands in `show` and `__main__`.
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

from examples.shop.story import Mark, Step, Story
from heedful.cli.deciding import candidate_rows
from heedful.cli.demo_feed import Decided
from heedful.cli.demo_words import Kind, plain
from heedful.cli.person import Kinds, signal_value
from heedful.cli.screen import clean, short

ACCENT: Final = "#2fb5a0"
DIM: Final = "grey62"
QUIET: Final = "grey50"
STORY: Final = "#d98cff"
INDENT: Final = 11
"""Columns before the second line of a decision."""
KINDS: Final[dict[Kind, tuple[str, str]]] = {
    "help": (" HELP ", "bold black on #7bd88f"),
    "owed": (" OWED ", "bold black on #7fb3ff"),
    "offer": ("OFFER ", "bold black on #f2b84b"),
    "silence": ("quiet ", "grey62 on grey19"),
}
"""What stands before a decision, and how it looks."""
MARKS: Final[dict[Mark, tuple[str, str]]] = {
    "bad": ("✗", "bold #ff6b6b"),
    "need": ("!", "bold #f2b84b"),
    "help": ("♥", "bold #7bd88f"),
    "quiet": ("∅", "bold #7fb3ff"),
    "desk": ("☎", "bold #d98cff"),
    "held": ("–", "bold #7fb3ff"),
    "good": ("✓", "bold #7bd88f"),
    "wait": ("…", DIM),
}
LINES_KEPT: Final = 200
SIDE_COLUMNS_MIN: Final = 100
"""Columns below which the story stands under the decisions instead of beside them."""
STORY_ROWS_MIN: Final = 16
"""Rows below which each line of the story stands on one line."""
ROOMY_ROWS_MIN: Final = 20
"""Rows from which on there is space between the lines of the story."""
NUMBERED: Final = 9
"""Lines that a digit opens."""

CLAIMS: Final = ("absence", "sequence")
"""Kinds of signals that are true or not."""

# What tells most about a person comes first; the rest follow by name.
TELLING: Final = (
    "payment_failures_in_a_row",
    "failed_payment_methods_1d",
    "cart_items",
    "cart_abandoned",
    "support_contacts_30d",
    "orders",
    "spend_90d",
    "return_rate",
    "last_query",
    "product_views_per_hour",
)

WELCOME: Final = (
    "The customers of an outdoor shop come in through Segment's own SDK, which knows nothing of "
    "Heedful.",
    "For each of them Heedful works out what they need now: help first, then what they are owed, "
    "and an offer only where nothing else is open. Often the right thing is to say nothing.",
    "Soon somebody's card will be refused three times in a row. Watch what happens then.",
)


class Scene(msgspec.Struct, kw_only=True):
    """All that one picture shows; mutable, since it is one frame after the other."""

    url: str
    customers: int = 0
    events: int = 0
    per_second: float = 0.0
    merges: int = 0
    automatic: int = 0
    decisions: int = 0
    silent: int = 0
    tickets: int = 0
    helped: int = 0
    lines: deque[Decided] = msgspec.field(default_factory=lambda: deque(maxlen=LINES_KEPT))
    """Decisions, the newest first."""
    selected: int | None = None
    """Place in `lines` of the decision that Enter opens."""
    is_paused: bool = False
    missed: int = 0
    """Decisions that came while it was paused."""
    opened: Decided | None = None
    """The decision whose why is shown instead of everything else."""
    story: Story | None = None
    person: dict[str, Any] | None = None
    """Record of the person of the story."""
    note: str = ""
    kinds: Kinds = msgspec.field(default_factory=dict)
    has_keys: bool = True


class Picture:
    """A scene as rich draws it, fitted to the terminal that it is drawn on."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, height = options.max_width, options.height or console.height
        root, body = Layout(), Layout(name="body", ratio=1)
        root.split_column(
            Layout(head(self.scene, width), size=3), body, Layout(foot(self.scene), size=1)
        )
        scene, rows = self.scene, height - 6
        if scene.opened is not None:
            body.update(_panel("why", why(scene.opened, rows), ACCENT))
        elif width >= SIDE_COLUMNS_MIN:
            side = min(58, width * 9 // 20)
            left = _panel(_title(scene), decisions(scene, rows))
            body.split_row(Layout(left), Layout(_side(scene, rows), size=side))
        else:
            above = rows // 2
            left = _panel(_title(scene), decisions(scene, above - 1))
            body.split_column(Layout(left, size=above + 1), Layout(_side(scene, rows - above)))
        yield root


def _panel(title: str, inner: Any, style: str = "grey37") -> Panel:
    return Panel(inner, title=title, title_align="left", border_style=style, box=box.ROUNDED)


def _title(scene: Scene) -> str:
    if scene.is_paused:
        return f"what Heedful decides · paused · {scene.missed:,} since"
    return "what Heedful decides, live"


def head(scene: Scene, width: int) -> Table:
    """Draw the line of counts."""
    cells = [
        ("customers", scene.customers),
        ("events", scene.events),
        ("events/s", round(scene.per_second)),
        ("decisions", scene.decisions),
        ("quiet", scene.silent),
        ("helped", scene.helped),
    ]
    if width >= SIDE_COLUMNS_MIN:
        cells.insert(3, ("merges", scene.merges))
        cells.insert(4, ("signals", scene.automatic))
    title = Text("heedful", style=f"bold {ACCENT}").append("\nan outdoor shop", style=DIM)
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(ratio=2)
    for _ in cells:
        grid.add_column(justify="right", ratio=1)
    numbers = (Text(f"{value:,}\n", style="bold").append(name, style=DIM) for name, value in cells)
    grid.add_row(title, *numbers)
    return grid


def decisions(scene: Scene, rows: int) -> Any:
    """Draw decisions, the newest on top, each on two lines: what, and why."""
    if not scene.lines:
        so_far = f"{scene.events:,} events so far." if scene.events else ""
        return Text(f"The shop's last hours are coming in. {so_far}", style=DIM)
    room = max(1, rows // 2)
    first = max(0, (scene.selected or 0) - room + 1)
    whose = scene.story.customer_id if scene.story is not None else ""
    lines: list[Text] = []
    for place, decided in list(enumerate(scene.lines))[first : first + room]:
        label, style = KINDS[decided.told.kind]
        is_selected = place == scene.selected
        number = "▶" if is_selected else str(place + 1) if place < NUMBERED else " "
        is_story = decided.customer_id == whose
        what = Text.assemble(
            (f"{number} ", f"bold {ACCENT}" if is_selected else DIM),
            (f"{decided.at[11:19]} ", DIM),
            (label, style),
            (f" {clean(decided.who)}  ", f"bold {STORY}" if is_story else "bold"),
            (clean(decided.told.does), QUIET if decided.told.kind == "silence" else ""),
        )
        why_ = Text.assemble((" " * INDENT), (clean(decided.told.why), DIM))
        if is_selected:
            why_.stylize("reverse", INDENT)
        lines += [what, why_]
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Group(*lines)


def _side(scene: Scene, rows: int) -> Any:
    story = scene.story
    if story is None:
        parts: list[Any] = []
        for paragraph in WELCOME:
            parts += [Text(paragraph), Text()]
        return _panel("what you see", Group(*parts), ACCENT)
    title = f"the story of {clean(story.who)}"
    return _panel(title, Group(*_story(story, scene, rows)), STORY)


def _story(story: Story, scene: Scene, rows: int) -> list[Any]:
    table = Table.grid(expand=True, padding=(0, 1, 0, 0))
    table.add_column(width=1)
    table.add_column(ratio=1)
    table.add_column(width=8, no_wrap=True)
    for step in story.steps:
        _step(table, step, rows)
    parts: list[Any] = [table]
    left = rows - 21
    signals = telling((scene.person or {}).get("signals", {}), left - 1)
    if left > 2 and signals:
        parts.append(Text("what Heedful senses of them", style=f"bold {ACCENT}"))
        known = Table.grid(padding=(0, 2, 0, 0))
        for name, value in signals:
            written = _value(name, value, scene.kinds)
            known.add_row(Text(plain(name), style=DIM), Text(clean(written)))
        parts.append(known)
    return parts


def _step(table: Table, step: Step, rows: int) -> None:
    mark, style = MARKS[step.mark]
    is_done = step.is_done or step.mark == "help"
    title = Text(clean(step.title), style="bold" if is_done else QUIET)
    at = Text(step.at[11:19], style=DIM)
    says = Text(clean(step.says), style=DIM)
    if rows < STORY_ROWS_MIN:
        # Each line of the story on one line of the screen: all seven have to be seen.
        title.append("  ").append_text(says)
        title.no_wrap, title.overflow = True, "ellipsis"
        says = Text()
    table.add_row(Text(mark, style=style if is_done else QUIET), title, at)
    if says:
        table.add_row("", says)
    elif rows >= ROOMY_ROWS_MIN:
        table.add_row("", "")


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
    return known[: max(0, count)]


def _value(name: str, value: Any, kinds: Kinds) -> str:
    if kinds.get(name) in CLAIMS:
        return "yes" if value else "no"
    return signal_value(name, value, kinds)


def why(opened: Decided, rows: int) -> Any:
    """Draw the whole of why: the sentence, who stood for choice, what would have changed it."""
    explanation = opened.answer["explanation"]
    label, style = KINDS[opened.told.kind]
    line = Text.assemble((label, style), (f" {clean(opened.who)}  ", "bold"))
    line.append(clean(opened.told.does))
    parts: list[Any] = [line, Text(clean(opened.told.why)), Text()]
    parts += [Text(clean(explanation["sentence"]), style="italic"), Text()]
    candidates = list(candidate_rows(explanation))
    changes = explanation["would_change"][:3]
    room = max(3, rows - len(parts) - len(changes) - 8)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=f"bold {ACCENT}")
    for column in ("what could be done", "where", "worth", "chance", "why (not)"):
        table.add_column(column, no_wrap=column != "why (not)")
    for number, row in enumerate(candidates[:room]):
        style = "bold" if number == 0 and opened.told.kind != "silence" else ""
        table.add_row(*(Text(clean(short(cell))) for cell in row), style=style)
    parts.append(table)
    if len(candidates) > room:
        parts.append(Text(f"and {len(candidates) - room} more", style=DIM))
    if changes:
        parts += [Text(), Text("what would have changed it", style=f"bold {ACCENT}")]
        parts += [Text(f"· {clean(change['sentence'])}") for change in changes]
    versions = " · ".join(f"{n} {v[:12]}" for n, v in explanation["versions"].items())
    told = f"{opened.decision_id} · {opened.at[:19].replace('T', ' ')} UTC · {versions}"
    return Group(*parts, Text(), Text(told, style=DIM))


def foot(scene: Scene) -> Text:
    """Draw the last line: the keys, and where the server is."""
    if not scene.has_keys:
        keys = "Ctrl-C ends"
    elif scene.opened is not None:
        keys = "Enter or Esc: back · ↑↓ another · q ends"
    else:
        pause = "space goes on" if scene.is_paused else "space pauses"
        keys = f"1-9, or ↑↓ and Enter: why · {pause} · q ends"
    line = Text(keys, style="bold")
    line.append(f"   {scene.url}", style=DIM)
    if scene.note:
        line.append(f"   {scene.note}", style="#f2b84b")
    return line
