"""Commands from an edited file to a version in force: check, test, diff, publish, rollback."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

from heedful.cli.answers import NO, end, say
from heedful.cli.asking import Answer, asks
from heedful.cli.options import HERE, AlwaysJson, AsKey, Db, Dir, Json, Yes

if TYPE_CHECKING:
    from heedful.cli.client import Api
    from heedful.strategy import Difference, StrategyProblem, Verdict

LIVE: Final = "live"
"""Stands for the strategy in force."""

_FOLDER: Final = "strategy"
_SHOWN_MAX: Final = 50  # differences written out; `--json` gives all

Workspace = Annotated[
    Path, typer.Argument(metavar="[DIR]", envvar="HEEDFUL_DIR", help="The workspace.")
]


def check(directory: Workspace = HERE, as_json: Json = False) -> None:
    """Check the strategy's files; problems read FILE:LINE:COLUMN: what is wrong.

    What is allowed and likely not meant is told as a warning, with exit code 0.
    """
    from heedful import strategy
    from heedful.cli.screen import print_json

    files = _own_files(directory)
    problems = strategy.check(files)
    if problems:
        _tell(problems, directory, as_json)
    version, warnings = strategy.load(files).version, strategy.warn(files)
    if as_json:
        print_json({"version": version, "problems": [], "warnings": _plain(warnings)})
        return
    for warning in warnings:
        print(f"warning: {_place(directory / _FOLDER, warning)}")
    print(f"No problems: version {version}.")


def play(directory: Workspace = HERE, as_json: Json = False) -> None:
    """Play the stories of strategy/tests on a clock of their own; nothing goes anywhere."""
    from heedful.cli.screen import print_json

    verdicts = _played(_own_files(directory), directory, as_json)
    if as_json:
        print_json(_plain(verdicts))
    else:
        _print_verdicts(verdicts, directory / _FOLDER)
    if not verdicts:
        end(NO, f"No stories: write one as {directory / _FOLDER}/tests/NAME.yaml.")
    failed = _failed(verdicts)
    if failed:
        end(NO, "" if as_json else _failing(failed, verdicts))
    if not as_json:
        print(f"{_stories(len(verdicts))} came true.")


def publish(
    reason: Annotated[
        str, typer.Option(help="Why; who has to agree reads it.", show_default=False)
    ] = "",
    key: AsKey = None,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Check the strategy, play its stories, and put it in force between two events.

    Where the policy asks for it, somebody else has to agree first, which publishes it.
    """
    from heedful import strategy
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    files = _own_files(directory)
    verdicts = _played(files, directory, as_json)
    failed = _failed(verdicts)
    if failed:
        if as_json:
            print_json({"version": None, "failed": _plain(failed)})
        else:
            _print_verdicts(failed, directory / _FOLDER)
        end(NO, "" if as_json else f"{_failing(failed, verdicts)} Nothing was published.")
    with connect(directory, db, key) as api:
        answer = api.post("/v1/strategy/publish", {"files": files}, reason=reason)
    if as_json:
        print_json(answer)
    else:
        if not verdicts:
            say(f"No story proves it: write one as {directory / _FOLDER}/tests/NAME.yaml.")
        for warning in strategy.warn(files):
            say(f"warning: {_place(directory / _FOLDER, warning)}")
        _print_published(answer)
    if answer.get("approval"):
        end(NO)


def rollback(
    version: Annotated[
        str | None,
        typer.Argument(
            metavar="[VERSION]", help="As `heedful versions` says.", show_default="the one before"
        ),
    ] = None,
    reason: Annotated[
        str, typer.Option(help="Why; who has to agree reads it.", show_default=False)
    ] = "",
    key: AsKey = None,
    directory: Dir = HERE,
    db: Db = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Put an earlier version in force again; the strategy folder then holds its files."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    here = _own_files(directory)
    with connect(directory, db, key) as api:
        live = api.get("/v1/strategy")
        chosen = version or _before(api.get("/v1/strategy/versions")["items"], live["version"])
        files = api.get(f"/v1/strategy/versions/{chosen}")["files"]
        if not yes:
            for line in text_lines(live["files"], files):
                say(line)
            if here != live["files"]:
                say("The folder holds changes that were never published. They will be lost.")
            if not typer.confirm(f"Put version {chosen} in force?", err=True):
                end(NO, "Nothing was changed.")
        answer = api.post("/v1/strategy/publish", {"files": files}, reason=reason)
    print_json(answer) if as_json else _print_published(answer)
    if answer.get("approval"):
        end(NO)


@asks
def versions(api: Api) -> Answer:
    """List the versions that were published, the newest first: `rollback` takes any of them."""
    answer = api.get("/v1/strategy/versions")
    return Answer(answer, _print_versions)


def _before(published: Sequence[Mapping[str, Any]], live: str) -> str:
    versions = [item["version"] for item in published]
    chosen = next((v for v in reversed(versions) if v != live), None)
    if chosen is None:
        end(NO, "No version was in force before this one.")
    return str(chosen)


def diff(
    old: Annotated[str, typer.Argument(help="A workspace, a version, or `live`.")] = LIVE,
    new: Annotated[
        str, typer.Argument(help="A workspace, a version, or `live`.", show_default="this folder")
    ] = "",
    sample: Annotated[
        int, typer.Option(min=0, max=1000, help="People whose past is replayed under both.")
    ] = 100,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Compare two strategies: their texts, and for whom they would decide differently.

    Both are played over the stories of NEW and, from `live`, over what people did lately. Exit
    code 1 when they differ.
    """
    from heedful.cli.screen import print_json
    from heedful.strategy import compare_stories

    before = files_of(old, directory, db)
    after = files_of(new or str(directory), directory, db)
    lines = list(text_lines(before, after))
    in_stories = compare_stories(before, after)
    replayed = _replayed(after, sample, directory, db) if old == LIVE else None
    if as_json:
        told = {"text": lines, "stories": _plain(in_stories), "replayed": replayed}
        print_json(told)
    else:
        for line in lines:
            print(line)
        _print_differences("in the stories", [*map(_row, in_stories)])
        if replayed is not None:
            _print_replayed(replayed)
    if lines:
        end(NO)
    if not as_json:
        print("The same.")


def schema(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where they are written.")],
    as_json: AlwaysJson = False,
) -> None:
    """Write the JSON Schemas of strategy files; print the setting by which editors use them."""
    import json

    from heedful.cli.screen import print_json
    from heedful.strategy import FILE_KINDS, json_schema

    folder.mkdir(parents=True, exist_ok=True)
    for name, body in json_schema().items():
        text = json.dumps(body, ensure_ascii=False, indent=2) + "\n"
        (folder / f"{name}.json").write_text(text, "utf-8")
    patterns = {
        (folder / f"{kind.name}.json").as_posix(): [f"{_FOLDER}/{one}" for one in kind.patterns]
        for kind in FILE_KINDS
    }
    print_json({"yaml.schemas": patterns})


def text_lines(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Write what differs in the texts, as `diff -u` does."""
    for path in sorted({*before, *after}):
        old, new = before.get(path, ""), after.get(path, "")
        if old != new:
            yield from unified_diff(
                old.splitlines(), new.splitlines(), f"old/{path}", f"new/{path}", lineterm=""
            )


# Reading


def _own_files(directory: Path) -> dict[str, str]:
    """Read the files here, without opening the workspace."""
    from heedful.app import read_strategy_files
    from heedful.cli.workspace import require_workspace

    require_workspace(directory)
    return read_strategy_files(directory)


def files_of(name: str, directory: Path, db: Path | None) -> dict[str, str]:
    """Read the texts that an argument names: a folder comes before a version.

    Raises
    ------
    InputError
        `bad_strategy` for what is written as a path, and holds no strategy.
    """
    from heedful.app import read_strategy_files
    from heedful.cli.client import connect
    from heedful.kernel import InputError, expected

    place = Path(name)
    if (place / _FOLDER).is_dir():
        return read_strategy_files(place)
    if place.resolve().name == _FOLDER and place.is_dir():
        return read_strategy_files(place.resolve().parent)
    if place.is_dir() or place.name != name:
        what = f"a workspace, with a folder `{_FOLDER}`, or a version"
        raise InputError("bad_strategy", expected(what, "neither", name))
    with connect(directory, db) as api:
        path = "/v1/strategy" if name == LIVE else f"/v1/strategy/versions/{name}"
        files: dict[str, str] = api.get(path)["files"]
        return files


def _replayed(
    files: Mapping[str, str], sample: int, directory: Path, db: Path | None
) -> dict[str, Any] | None:
    from heedful.cli.client import connect

    if sample == 0:
        return None
    with connect(directory, db) as api:
        answer = api.post("/v1/strategy/check", {"files": dict(files)}, sample=sample)
        replayed: dict[str, Any] | None = answer["replayed"]
        return replayed


def _played(files: Mapping[str, str], directory: Path, as_json: bool) -> list[Verdict]:
    """Play the stories, or tell the strategy's problems and end."""
    from heedful import strategy

    problems = strategy.check(files)
    if problems:
        _tell(problems, directory, as_json)
    return strategy.play_scenarios(files)


def _failed(verdicts: Sequence[Verdict]) -> list[Verdict]:
    return [verdict for verdict in verdicts if verdict.failures]


def _plain(value: Any) -> Any:
    import msgspec

    return msgspec.to_builtins(value)


# Printing


def _tell(problems: Sequence[StrategyProblem], directory: Path, as_json: bool) -> NoReturn:
    from heedful.cli.screen import count, print_json

    if as_json:
        print_json({"version": None, "problems": _plain(problems)})
        end(NO)
    for problem in problems:
        print(_place(directory / _FOLDER, problem))
    end(NO, f"{count(len(problems), 'problem')}.")


def _stories(number: int) -> str:
    return "The story" if number == 1 else f"All {number} stories"


def _failing(failed: Sequence[Verdict], verdicts: Sequence[Verdict]) -> str:
    return f"{len(failed)} of {len(verdicts)} did not come true."


def _place(folder: Path, problem: StrategyProblem) -> str:
    from heedful.cli.screen import clean

    place = f"{folder / problem.file}:{problem.line}:{problem.column}"
    return f"{place}: {clean(problem.text)}"


def _print_verdicts(verdicts: Sequence[Verdict], folder: Path) -> None:
    from heedful.cli.screen import clean

    width = max((len(f"{v.file}:{v.line}") for v in verdicts), default=0)
    for verdict in verdicts:
        word = "FAIL" if verdict.failures else "pass"
        print(f"{word}  {f'{verdict.file}:{verdict.line}':<{width}}  {clean(verdict.scenario)}")
        for problem in verdict.failures:
            print(f"      {_place(folder, problem)}")


def _print_published(answer: Mapping[str, Any]) -> None:
    asked = answer.get("approval")
    if asked is None:
        print(f"In force: version {answer['version']}.")
        return
    people = "one other person" if asked["required"] == 1 else f"{asked['required']} other people"
    print(f"Not yet in force: version {answer['version']} waits for {people}.")
    print(f"They put it in force with: heedful approvals approve {asked['id']} --reason ...")


def _print_versions(answer: Mapping[str, Any]) -> None:
    from heedful.cli.screen import print_table, when

    rows = [(one["version"], when(one["at"]), one["by"], "") for one in answer["items"]]
    rows[-1:] = [(*row[:-1], "yes") for row in rows[-1:]]
    if not print_table(("version", "published", "by", "in force"), reversed(rows)):
        print("No version was published yet.")


def _row(found: Difference) -> tuple[str, ...]:
    from heedful.cli.screen import when

    return found.about, when(found.at), found.trigger, found.before, found.after


def _print_differences(where: str, rows: Sequence[Sequence[Any]]) -> None:
    from heedful.cli.screen import count, print_table

    if not rows:
        return
    verb = "changes" if len(rows) == 1 else "change"
    print(f"\n{count(len(rows), 'decision')} {verb} {where}:")
    print_table(("about", "at", "on", "before", "after"), rows[:_SHOWN_MAX])
    if len(rows) > _SHOWN_MAX:
        print(f"... and {len(rows) - _SHOWN_MAX} more; --json lists them all.")


def _print_replayed(replayed: Mapping[str, Any]) -> None:
    from heedful.cli.screen import count, print_table, when

    found, people = replayed["differences"], count(replayed["people"], "customer")
    whom = len({one["about"] for one in found})
    print(f"\nReplayed: {people}; {whom:,} would be treated differently.")
    kinds = Counter((one["before"], one["after"]) for one in found)
    rows = [(before, after, number) for (before, after), number in kinds.most_common()]
    print_table(("before", "after", "decisions"), rows[:_SHOWN_MAX])
    told = [(d["about"], when(d["at"]), d["trigger"], d["before"], d["after"]) for d in found]
    _print_differences("in what they did", told)
