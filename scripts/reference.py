"""Write `docs/reference/` from the code: commands, limits, settings, error codes, events, flags.

All but the commands is read from the syntax tree, so a room that does not import today is
documented all the same. `tests/docs` fails when a page is stale or something on it lacks its
sentence.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple

from scripts import command_line
from scripts.error_codes import CODE, Raised, prose_codes, raised_codes
from scripts.source_tree import ROOT, Entry, Module, constants, flat, read, sentence

LIMIT_NAME: Final = re.compile(r"^[A-Z][A-Z0-9_]*_(?:MAX|MIN|CAP|LIMIT)(?:_[A-Z]+)?$")

BY_HAND: Final = ("expressions.md", "strategy-files.md")
"""Pages of the folder that people write; their examples run as tests of their rooms."""


class Page(NamedTuple):
    """One generated page and what on it lacks its sentence."""

    file: str
    text: str
    undocumented: tuple[str, ...]


def limits_page(modules: Iterable[Module]) -> Page:
    """List every limit with its value and what happens when it is reached."""
    rooms: dict[str, list[Entry]] = defaultdict(list)
    undocumented = []
    for module in modules:
        in_limits = module.name.endswith(("limits", "settings"))
        for entry in constants(module):
            if not (in_limits or LIMIT_NAME.match(entry.name)):
                continue
            rooms[module.room].append(entry)
            if not entry.says:
                undocumented.append(f"limit {module.name}.{entry.name}")
    lines = _head("Limits", "Every limit has a name, a unit and a behaviour when it is reached.")
    for room in sorted(rooms):
        lines += [f"## {room}", "", "| limit | value | what it bounds |", "|---|---|---|"]
        lines += [f"| `{e.name}` | `{e.value}` | {e.says} |" for e in rooms[room]]
        lines.append("")
    return Page("limits.md", _text(lines), tuple(undocumented))


def _head(title: str, says: str) -> list[str]:
    return [f"# {title}", "", says, "", "<!-- Written by `make reference` from the code. -->", ""]


def _text(lines: list[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


def settings_page(modules: Iterable[Module]) -> Page:
    """List the fields of every struct that a person fills in: those that refuse unknown fields."""
    undocumented: list[str] = []
    lines = _head(
        "Settings",
        "What a workspace may declare. A field that is not listed here is refused, with the "
        "nearest known name.",
    )
    for module in modules:
        for node in module.tree.body:
            # What is compiled from the files has names like theirs; nobody fills it in.
            is_written = not module.name.endswith("compiled")
            if isinstance(node, ast.ClassDef) and is_written and _is_filled_in(node):
                lines += _settings_table(module, node, undocumented)
    return Page("settings.md", _text(lines), tuple(undocumented))


def _is_filled_in(node: ast.ClassDef) -> bool:
    strict = any(
        k.arg == "forbid_unknown_fields"
        and isinstance(k.value, ast.Constant)
        and k.value.value is True
        for k in node.keywords
    )
    return not node.name.startswith("_") and (
        strict or node.name.endswith(("Limits", "Rules", "Settings"))
    )


def _settings_table(module: Module, node: ast.ClassDef, undocumented: list[str]) -> list[str]:
    says = ast.get_docstring(node) or ""
    if not says:
        undocumented.append(f"settings {module.name}.{node.name}")
    renamed = _renames(node)
    summary, _, notes = says.partition("\n\n")
    lines = [f"## {node.name}", "", flat(summary).replace("\\|", "|"), ""]
    lines += ["| field | type | default | |", "|---|---|---|---|"]
    for index, item in enumerate(node.body):
        if not isinstance(item, ast.AnnAssign) or not isinstance(item.target, ast.Name):
            continue
        default = "required"
        if item.value is not None:
            shown = flat(ast.get_source_segment(module.text, item.value) or "")
            default = f"`{shown}`" if len(shown) <= 60 else "see the code"
        name = renamed.get(item.target.id, item.target.id)
        kind = flat(ast.unparse(item.annotation))
        words = flat(sentence(node.body[index + 1] if index + 1 < len(node.body) else None))
        if not words and item.target.id != "name" and f"`{item.target.id}`" not in says:
            undocumented.append(f"setting {module.name}.{node.name}.{item.target.id}")
        lines.append(f"| `{name}` | `{kind}` | {default} | {words} |")
    lines.append("")
    prose = re.sub(r"^Notes\n-+\n", "", notes.strip())
    if prose and not re.search(r"^-{3,}$", prose, re.M):
        lines += [prose, ""]
    return lines


def _renames(node: ast.ClassDef) -> dict[str, str]:
    for keyword in node.keywords:
        if keyword.arg == "rename" and isinstance(keyword.value, ast.Dict):
            found = ast.literal_eval(keyword.value)
            return {str(k): str(v) for k, v in found.items()}
    return {}


def errors_page(modules: list[Module]) -> Page:
    """List every code with whom it blames and what it says."""
    codes: dict[str, list[Raised]] = defaultdict(list)
    for raised in raised_codes(modules):
        codes[raised.code].append(raised)
    prose = prose_codes(modules, codes)
    lines = _head(
        "Error codes",
        "Programs match on the code, never on the message. Blame says who has to change something.",
    )
    lines += ["| code | blame | what it says | room |", "|---|---|---|---|"]
    undocumented = []
    for code in sorted(codes):
        places = codes[code]
        says = prose.get(code) or " ".join(sorted({p.says for p in places if p.says}))
        if not says:
            undocumented.append(f"error code {code} of {places[0].room}")
        blame = ", ".join(sorted({p.blame for p in places}))
        rooms = ", ".join(sorted({p.room for p in places}))
        lines.append(f"| `{code}` | {blame} | {flat(says)} | {rooms} |")
    return Page("errors.md", _text(lines), tuple(undocumented))


def events_page(modules: Iterable[Module]) -> Page:
    """List our own events, the flags of an event, and the reasons for which one is refused."""
    own, reasons, undocumented = [], [], []
    for module in modules:
        for entry in constants(module):
            value = entry.value.strip("\"'")
            if module.name == "events" and entry.value[:1] in {'"', "'"}:
                own.append(f"| `{value}` | {entry.says} | `heedful.events.{entry.name}` |")
                if not entry.says:
                    undocumented.append(f"event {entry.name}")
            elif module.room == "ingest" and entry.value[:1] in {'"', "'"} and CODE.match(value):
                reasons.append(f"| `{value}` | {entry.says} | `{module.name}.{entry.name}` |")
                if not entry.says:
                    undocumented.append(f"flag or reason {module.name}.{entry.name}")
    lines = _head("Events, flags, reasons", "Names that Heedful itself writes into the log.")
    lines += ["## Events", "", "| event | | in code |", "|---|---|---|", *own, ""]
    lines += ["## Flags and refusal reasons", ""]
    lines += [
        "A flag says what was corrected on an event that was kept; a reason says why an event"
    ]
    lines += ["stands in the quarantine.", "", "| name | | in code |", "|---|---|---|", *reasons]
    return Page("events.md", _text(lines), tuple(undocumented))


def pages(modules: list[Module]) -> list[Page]:
    """Write every page of the reference."""
    return [
        Page("command-line.md", *command_line.text()),
        errors_page(modules),
        events_page(modules),
        limits_page(modules),
        settings_page(modules),
    ]


def main() -> int:
    """Write the pages and name what lacks its sentence."""
    folder = ROOT / "docs/reference"
    missing: list[str] = []
    for page in pages(read()):
        (folder / page.file).write_text(page.text, "utf-8")
        missing += page.undocumented
    for name in missing:
        print(f"undocumented: {name}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
