"""Commands about the workspace as a whole: make, serve, check, prove, save, look after."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from heedful.cli.answers import AWAY, NO, WRONG, end, say
from heedful.cli.options import HERE, Db, Dir, Json

NewFolder = Annotated[Path, typer.Argument(metavar="DIR", help="The workspace's folder.")]


def init(directory: NewFolder, as_json: Json = False) -> None:
    """Make a workspace: a folder with a strategy to start from."""
    from heedful.app import init_workspace
    from heedful.cli.screen import print_json

    init_workspace(directory)
    if as_json:
        print_json({"workspace": str(directory.resolve())})
        return
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
    from heedful.app import open_app, read_strategy_files

    app = open_app(directory, db)
    try:

        def ready(url: str) -> None:
            print(f"Heedful serves {directory.resolve()} at {url}", flush=True)
            if all(key.revoked_at is not None for key in app.list_keys()):
                where = "" if directory == HERE else f" --dir {directory}"
                say(f"No key yet: heedful keys create --role source --name web{where}")
            if read_strategy_files(directory) != app.files:
                say("The folder holds changes that are not in force; `heedful diff` shows them.")

        server.run(app, host, port, ready)
    except SystemExit:
        # uvicorn leaves this way when it cannot listen.
        wanted = f"{host or app.settings.host}:{port or app.settings.port}"
        end(AWAY, f"Cannot listen on {wanted}: it is taken or not ours. Choose another --port.")
    finally:
        app.close()


def replay(directory: Dir = HERE, db: Db = None, as_json: Json = False) -> None:
    """Rebuild all facts from the log and compare every byte with what is stored."""
    from heedful.cli.client import connect
    from heedful.cli.progress import follow
    from heedful.cli.screen import count, print_json

    with connect(directory, db) as api:
        verdict = follow(api.messages("POST", "/v1/replay"), "replaying", "customers")
    if as_json:
        print_json(verdict)
    else:
        waiting = f", {verdict['waiting']:,} still being rebuilt" if verdict["waiting"] else ""
        customers, events = verdict["customers"], verdict["events"]
        print(f"{count(customers, 'customer')}, {count(events, 'event')}{waiting}")
        print(f"digest {verdict['digest']}")
        print("equal" if verdict["is_equal"] else f"different: {_differing(verdict)}")
    if not verdict["is_equal"]:
        end(NO)


def _differing(verdict: dict[str, Any]) -> str:
    named = [*verdict.get("differing", ()), *verdict.get("graph_differing", ())]
    shown = ", ".join(str(one) for one in named[:10])
    return shown + (f" and {len(named) - 10} more" if len(named) > 10 else "")


def backup(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder.")],
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Write a consistent copy of the whole workspace while work goes on.

    It holds the workspace's secret: keep it as you keep passwords.
    """
    from heedful.app.backups import complete_backup
    from heedful.app.workspace import STORE_FILE
    from heedful.cli.client import connect
    from heedful.cli.progress import follow
    from heedful.cli.screen import print_json
    from heedful.cli.workspace import database

    if folder.exists():
        end(WRONG, f"Expected a new folder, got one that exists - at `{folder}`.")
    # The server writes into the workspace's own folder only; from there the file is ours to move.
    name = f"{os.getpid()}.moving"
    asked = {"target": name, "folder": str(folder.resolve())}
    with connect(directory, db) as api:
        follow(api.messages("POST", "/v1/backup", asked), "copying", "pages")
    copy = directory / "backups" / name
    complete_backup(directory, database(directory, db), copy, folder)
    size = (folder / STORE_FILE).stat().st_size
    if as_json:
        print_json({"folder": str(folder), "bytes": size})
    else:
        print(f"Wrote {folder} ({size / 1e6:,.1f} MB). It holds the secret: keep it safe.")
        print(f"Restore it with: heedful restore {folder} DIR")


def restore(
    source: Annotated[Path, typer.Argument(metavar="FOLDER", help="What `heedful backup` wrote.")],
    directory: NewFolder,
    db: Db = None,
    erased: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Who was erased since: a list that `heedful backups --erased` wrote, or a later "
            "backup. Needed for a copy that was elsewhere and goes into a new folder.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Replace without asking.")] = False,
    as_json: Json = False,
) -> None:
    """Make a workspace of a backup, or put it in a workspace's place; no server may be running."""
    from heedful.app.backups import restore_backup
    from heedful.cli.screen import print_json
    from heedful.cli.workspace import database

    if not source.exists():
        end(WRONG, f"Expected a backup, got nothing - at `{source}`.")
    target = database(directory, db)
    if target.exists() and not yes:
        question = f"Replace {target}? What it holds now is lost."
        if not typer.confirm(question, err=True):
            end(NO, "Nothing was replaced.")
    is_made = restore_backup(source, directory, target, erased)
    if as_json:
        print_json({"database": str(target), "is_new": is_made})
        return
    print(f"Restored {target} from {source}.")
    if is_made and erased is None:
        say("Of people erased since only those are erased again of whom this backup was told where")
        say("it lay; of a copy that was elsewhere, restore again with --erased FILE.")


def doctor(
    who: Annotated[
        str | None, typer.Argument(metavar="[CUSTOMER]", help="Why does this person get nothing?")
    ] = None,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Look after a workspace, or say why one person gets nothing; exit code 1 if something is."""
    from heedful.cli.client import connect
    from heedful.cli.deciding import show_withheld
    from heedful.cli.diagnosis import diagnose, print_findings
    from heedful.cli.screen import print_json

    with connect(directory, db) as api:
        if who is not None:
            show_withheld(api, who, as_json)
            return
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
