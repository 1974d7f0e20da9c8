"""Commands that try a strategy before anybody meets it: test, diff, rollback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from heedful.cli.answers import NO, WRONG, end, say
from heedful.cli.options import HERE, Db, Dir, Json, Yes

if TYPE_CHECKING:
    from heedful.strategy import Difference, Verdict

LIVE: Final = "live"
"""Stands for the strategy in force."""

_FOLDER: Final = "strategy"
_SHOWN_MAX: Final = 50  # differences written out; `--json` gives all

Workspace = Annotated[
    Path, typer.Argument(metavar="[DIR]", envvar="HEEDFUL_DIR", help="The workspace.")
]


def play(directory: Workspace = HERE, as_json: Json = False) -> None:
    """Play the stories of strategy/tests on a clock of their own; nothing goes anywhere."""
    from heedful.app import read_strategy_files
    from heedful.cli.screen import print_json
    from heedful.strategy import check, play_scenarios

    if not (directory / _FOLDER).is_dir():
        end(WRONG, f"Expected a folder with `{_FOLDER}` in it, got none - at `{directory}`.")
    files = read_strategy_files(directory)
    problems = check(files)
    if problems:
        for problem in problems:
            print(f"{directory / _FOLDER / problem.file}:{_place(problem)}: {problem.text}")
        end(NO, "A strategy with problems is not played.")
    verdicts = play_scenarios(files)
    if as_json:
        import msgspec

        print_json(msgspec.to_builtins(verdicts))
    else:
        _print_verdicts(verdicts, directory / _FOLDER)
    if not verdicts:
        end(NO, f"No stories: write one as {directory / _FOLDER}/tests/NAME.yaml.")
    failed = sum(1 for verdict in verdicts if verdict.failures)
    if failed:
        end(NO, "" if as_json else f"{failed} of {len(verdicts)} failed.")
    if not as_json:
        print(f"All {len(verdicts)} came true.")


def _place(problem: Any) -> str:
    return f"{problem.line}:{problem.column}"


def _print_verdicts(verdicts: list[Verdict], folder: Path) -> None:
    from heedful.cli.screen import clean

    width = max((len(f"{v.file}:{v.line}") for v in verdicts), default=0)
    for verdict in verdicts:
        word = "FAIL" if verdict.failures else "pass"
        print(f"{word}  {f'{verdict.file}:{verdict.line}':<{width}}  {clean(verdict.scenario)}")
        for problem in verdict.failures:
            print(f"      {folder / problem.file}:{_place(problem)}: {clean(problem.text)}")


def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A workspace, a version, or `live`.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="A workspace, a version, or `live`.")],
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Compare two strategies: their texts, and whose decisions change in the stories of NEW."""
    from heedful.cli.screen import print_json
    from heedful.strategy import compare_stories

    before, after = (_files(name, directory, db) for name in (old, new))
    lines = list(text_lines(before, after))
    changed = compare_stories(before, after)
    if as_json:
        import msgspec

        print_json({"text": lines, "decisions": msgspec.to_builtins(changed)})
    else:
        for line in lines:
            print(line)
        _print_differences(changed)
    if lines:
        end(NO)
    if not as_json:
        print("The same.")


def text_lines(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Write what differs in the texts, as `diff -u` does."""
    for path in sorted({*before, *after}):
        old, new = before.get(path, ""), after.get(path, "")
        if old != new:
            yield from unified_diff(
                old.splitlines(), new.splitlines(), f"old/{path}", f"new/{path}", lineterm=""
            )


def _print_differences(changed: list[Difference]) -> None:
    from heedful.cli.screen import print_table, when

    if not changed:
        return
    print(f"\n{len(changed)} decisions change in the stories:")
    rows = [(d.about, when(d.at), d.trigger, d.before, d.after) for d in changed[:_SHOWN_MAX]]
    print_table(("story", "at", "on", "before", "after"), rows)
    if len(changed) > _SHOWN_MAX:
        print(f"... and {len(changed) - _SHOWN_MAX} more; --json lists them all.")


def _files(name: str, directory: Path, db: Path | None) -> dict[str, str]:
    """Read the texts that an argument names: a folder comes before a version."""
    from heedful.app import read_strategy_files
    from heedful.cli.client import connect

    if (Path(name) / _FOLDER).is_dir():
        return read_strategy_files(Path(name))
    with connect(directory, db) as api:
        path = "/v1/strategy" if name == LIVE else f"/v1/strategy/versions/{name}"
        files: dict[str, str] = api.get(path)["files"]
        return files


def rollback(
    version: Annotated[
        str | None,
        typer.Argument(metavar="[VERSION]", help="As published.", show_default="the one before"),
    ] = None,
    directory: Dir = HERE,
    db: Db = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Put an earlier version in force again; the strategy folder then holds its files."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    with connect(directory, db) as api:
        versions = [item["version"] for item in api.get("/v1/strategy/versions")["items"]]
        live = api.get("/v1/strategy")
        chosen = version or next((v for v in reversed(versions) if v != live["version"]), None)
        if chosen is None:
            end(NO, "No version was in force before this one.")
        files = api.get(f"/v1/strategy/versions/{chosen}")["files"]
        lines = list(text_lines(live["files"], files))
        if not yes:
            for line in lines:
                say(line)
            if not typer.confirm(f"Put version {chosen} in force?", err=True):
                end(NO, "Nothing was changed.")
        answer = api.post("/v1/strategy/publish", {"files": files})
    if as_json:
        print_json(answer)
    else:
        print(f"In force: version {answer['version']}.")
