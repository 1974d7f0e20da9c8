"""Write `docs/reference/command-line.md` from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer.main

from heedful.cli import app
from heedful.cli.answers import EXIT_CODES
from scripts.source_tree import flat


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
        "application opened in the command's own process. Commands work inside the workspace's "
        "folder, or with `--dir DIR`.",
        "",
        "<!-- Written by `make reference` from the code. -->",
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
        if shown:
            lines += ["| | | default |", "|---|---|---|", *map(_row, shown), ""]
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
        values = "" if part.is_flag else f" {str(part.type.name).upper()}"
        name = ", ".join([*part.opts, *part.secondary_opts]) + values
    shown = part.show_default if isinstance(part.show_default, str) else ""
    default = shown or ("" if part.default in (None, False, ()) or part.required else part.default)
    if part.required:
        default = "required"
    variable = f" Also `{part.envvar}`." if part.envvar else ""
    return f"| `{name}` | {flat((part.help or '') + variable)} | {flat(str(default))} |"
