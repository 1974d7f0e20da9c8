"""Commands about the workspace as a whole: make, serve, check, prove, save, look after."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from heedful.cli.answers import AWAY, NO, WRONG, end, say
from heedful.cli.options import HERE, Db, Dir, Json

NewFolder = Annotated[Path, typer.Argument(metavar="DIR", help="The workspace's folder.")]


def init(directory: NewFolder) -> None:
    """Make a workspace: a folder with a strategy to start from."""
    from heedful.app import init_workspace

    init_workspace(directory)
    print(f"Made the workspace {directory}. Next: cd {directory}")
    print("heedful keys create --role source --name web    # a write key for your SDK")
    print("heedful serve .                                 # http://127.0.0.1:8765")


def serve(
    directory: Annotated[
        Path, typer.Argument(metavar="[DIR]", envvar="HEEDFUL_DIR", help="The workspace.")
    ] = HERE,
    db: Db = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="0 takes a free one.", show_default="8765"),
    ] = None,
) -> None:
    """Serve a workspace over HTTP until Ctrl-C."""
    from heedful.cli.workspace import require_workspace

    require_workspace(directory)
    from heedful.api import server
    from heedful.app import open_app

    app = open_app(directory, db)
    try:

        def ready(url: str) -> None:
            print(f"Heedful serves {directory.resolve()} at {url}", flush=True)
            if all(key.revoked_at is not None for key in app.list_keys()):
                where = "" if directory == HERE else f" --dir {directory}"
                say(f"No key yet: heedful keys create --role source --name web{where}")

        server.run(app, host, port, ready)
    except SystemExit:
        # uvicorn leaves this way when it cannot listen.
        wanted = f"{host or app.settings.host}:{port or app.settings.port}"
        end(AWAY, f"Cannot listen on {wanted}: it is taken or not ours. Choose another --port.")
    finally:
        app.close()


def check(
    directory: Annotated[
        Path, typer.Argument(metavar="[DIR]", envvar="HEEDFUL_DIR", help="The workspace.")
    ] = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Check the strategy's files; problems read FILE:LINE:COLUMN: what is wrong."""
    from heedful.app import read_strategy_files
    from heedful.cli.client import connect

    with connect(directory, db) as api:
        answer = api.post("/v1/strategy/check", {"files": read_strategy_files(directory)})
    _report(answer, directory, as_json)


def publish(directory: Dir = HERE, db: Db = None, as_json: Json = False) -> None:
    """Check the strategy's files and put them in force, between two events."""
    from heedful.app import read_strategy_files
    from heedful.cli.client import connect

    files = {"files": read_strategy_files(directory)}
    with connect(directory, db) as api:
        checked = api.post("/v1/strategy/check", files)
        if checked["problems"]:
            _report(checked, directory, as_json)
        answer = api.post("/v1/strategy/publish", files)
    _report(answer, directory, as_json, done="In force")


def _report(
    answer: dict[str, Any], directory: Path, as_json: bool, done: str = "No problems"
) -> None:
    from heedful.cli.screen import print_json

    problems = answer.get("problems", [])
    if as_json:
        print_json(answer)
    else:
        for p in problems:
            print(f"{directory / 'strategy' / p['file']}:{p['line']}:{p['column']}: {p['text']}")
        version = answer.get("version")
        if not problems:
            print(f"{done}: version {version}." if version else f"{done}.")
    if problems:
        end(NO, "" if as_json else f"{len(problems)} problem{'s'[: len(problems) != 1]}.")


def replay(directory: Dir = HERE, db: Db = None, as_json: Json = False) -> None:
    """Rebuild all facts from the log and compare every byte with what is stored."""
    from heedful.cli.client import connect
    from heedful.cli.progress import follow
    from heedful.cli.screen import print_json

    with connect(directory, db) as api:
        verdict = follow(api.messages("POST", "/v1/replay"), "replaying", "customers")
    if as_json:
        print_json(verdict)
    else:
        waiting = f", {verdict['waiting']:,} still being rebuilt" if verdict["waiting"] else ""
        print(f"{verdict['customers']:,} customers, {verdict['events']:,} events{waiting}")
        print(f"digest {verdict['digest']}")
        print("equal" if verdict["is_equal"] else f"different: {_differing(verdict)}")
    if not verdict["is_equal"]:
        end(NO)


def _differing(verdict: dict[str, Any]) -> str:
    named = [*verdict.get("differing", ()), *verdict.get("graph_differing", ())]
    shown = ", ".join(str(one) for one in named[:10])
    return shown + (f" and {len(named) - 10} more" if len(named) > 10 else "")


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.")],
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Write a consistent copy of the database while work goes on."""
    from heedful.cli.client import connect
    from heedful.cli.progress import follow
    from heedful.cli.screen import print_json

    if file.exists():
        end(WRONG, f"Expected a new file, got one that exists - at `{file}`.")
    # The server writes into the workspace's own folder only; from there the file is ours to move.
    name = f"{file.name}.{os.getpid()}.moving"
    with connect(directory, db) as api:
        follow(api.messages("POST", "/v1/backup", {"target": name}), "copying", "pages")
    shutil.move(directory / "backups" / name, file)
    if as_json:
        print_json({"file": str(file), "bytes": file.stat().st_size})
    else:
        print(f"Wrote {file} ({file.stat().st_size / 1e6:,.1f} MB).")
        print(f"Restore it with: heedful restore {file} DIR")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `heedful backup` wrote.")],
    directory: NewFolder,
    db: Db = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Replace without asking.")] = False,
) -> None:
    """Put a backup in the place of a workspace's database; no server may be running."""
    from heedful.cli.workspace import database
    from heedful.store import restore as restore_store

    target = database(directory, db)
    if not file.is_file():
        end(WRONG, f"Expected a backup, got no file - at `{file}`.")
    if target.exists() and not yes:
        question = f"Replace {target}? What it holds now is lost."
        if not typer.confirm(question, err=True):
            end(NO, "Nothing was replaced.")
    if not directory.exists():
        from heedful.app import init_workspace

        init_workspace(directory)
        say(f"Made {directory} with the strategy to start from; copy your own files into it.")
    restore_store(str(file), str(target))
    print(f"Restored {target} from {file}.")


def doctor(directory: Dir = HERE, db: Db = None, as_json: Json = False) -> None:
    """Look after a workspace: what is wrong, what will be, and how ready the data is."""
    from heedful.cli.client import connect
    from heedful.cli.diagnosis import diagnose, print_findings
    from heedful.cli.screen import print_json

    with connect(directory, db) as api:
        answer = api.get("/v1/doctor")
    findings = diagnose(answer)
    if as_json:
        print_json({**answer, "findings": [finding._asdict() for finding in findings]})
    else:
        print_findings(answer, findings)
    if any(finding.status == "wrong" for finding in findings):
        end(NO)


def version(as_json: Json = False) -> None:
    """Print the version."""
    import json

    from heedful import __version__

    print(json.dumps({"version": __version__}) if as_json else f"heedful {__version__}")
