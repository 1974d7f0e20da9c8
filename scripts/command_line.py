"""Write `docs/reference/command-line.md` from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args

import typer.main

from heedful.cli import app
from heedful.cli.answers import EXIT_CODES
from scripts.source_tree import flat

_METAVARS: Final = {str: "TEXT", int: "INTEGER", float: "NUMBER", Path: "PATH"}

COMMON: Final = ("--dir", "--db", "--json")
"""Options that mean the same wherever they stand; described once, at the head."""


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command with its full name, in the order of the help; groups are left out."""
    yield from _within("heedful", typer.main.get_command(app))


def _within(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for child_name, child in inner.items():
        yield from _within(f"{name} {child_name}", child)


def text() -> tuple[str, tuple[str, ...]]:
    """Write the page; give it and what on it lacks its sentence."""
    undocumented: list[str] = []
    lines = [
        "# Command line",
        "",
        "Every command speaks HTTP: to the server that owns the workspace, or to the same "
        "application opened in the command's own process.",
        "",
        "<!-- Written by `make reference` from the code. -->",
        "",
        "Most commands take `--dir DIR`, the workspace (the current folder, or `HEEDFUL_DIR`); "
        "`--db FILE`, its database when it is not the one of the settings; and `--json`.",
        "",
        "Tables are for people, `--json` for programs. Errors are one sentence on standard error; "
        "`heedful --debug COMMAND` (or `HEEDFUL_DEBUG=1`) shows where one came from.",
        "",
        "| exit code | meaning |",
        "|---|---|",
        *(f"| {code} | {says} |" for code, says in EXIT_CODES),
        "",
    ]
    for name, command in commands():
        says = command.help or ""
        if not says:
            undocumented.append(f"command {name}")
        lines += [f"## {name}", "", flat(says), ""]
        shown = [part for part in command.params if part.name != "help"]
        own = [part for part in shown if part.opts[0] not in COMMON]
        common = [f"`{part.opts[0]}`" for part in shown if part.opts[0] in COMMON]
        if own:
            lines += ["| | | default |", "|---|---|---|", *map(_row, own), ""]
        if common:
            lines += [f"Also {', '.join(common)}.", ""]
        undocumented += [
            f"option {p.opts[0]} of {name}"
            for p in shown
            if p.param_type_name == "option" and not p.help
        ]
    return "\n".join(lines).rstrip() + "\n", tuple(undocumented)


def _row(part: Any) -> str:
    if part.param_type_name == "argument":
        name = part.metavar or part.name.upper()
    else:
        values = "" if part.is_flag else f" {part.metavar or _metavar(part)}"
        name = ", ".join([*part.opts, *part.secondary_opts]) + values
    shown = part.show_default if isinstance(part.show_default, str) else ""
    default = shown or ("" if part.default in (None, False, ()) or part.required else part.default)
    if part.required:
        default = "required"
    variable = f" Also `{part.envvar}`." if part.envvar else ""
    return f"| `{name}` | {flat((part.help or '') + variable)} | {flat(str(default))} |"


def _metavar(part: Any) -> str:
    kind = part.type_descriptor.annotation
    inner = get_args(kind)
    if inner and isinstance(inner[0], type):  # a list: the option may be repeated
        return _METAVARS[inner[0]]
    return "\\|".join(inner) if inner else _METAVARS[kind]
