"""`heedful customer`: one person, from every side, and their rights."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from heedful.cli.answers import NO, WRONG, end, say
from heedful.cli.options import HERE, AlwaysJson, Db, Dir, Json, Who, Yes

commands = typer.Typer(no_args_is_help=True, help="One person: what is known, and their rights.")

PURPOSE = Annotated[str, typer.Option("--purpose", help="One of the workspace's purposes.")]
SOURCE = Annotated[str, typer.Option("--source", help="Where the person said it.")]


@commands.command()
def show(who: Who, directory: Dir = HERE, db: Db = None, as_json: Json = False) -> None:
    """Show who it is and everything that is known of them now."""
    from heedful.cli import person
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    with connect(directory, db) as api:
        found = api.get(api.customer(who))
        kinds = {} if as_json else person.read_kinds(api)
    print_json(found) if as_json else person.print_customer(found, kinds)


@commands.command()
def timeline(
    who: Who,
    limit: Annotated[int, typer.Option(min=1, max=500, help="Events of one page.")] = 25,
    cursor: Annotated[str | None, typer.Option(help="Go on where a page ended.")] = None,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """List a person's events, the newest first."""
    from heedful.cli import person
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    with connect(directory, db) as api:
        page = api.get(api.customer(who, "/timeline"), limit=limit, cursor=cursor)
    print_json(page) if as_json else person.print_timeline(page)


@commands.command()
def graph(who: Who, directory: Dir = HERE, db: Db = None, as_json: Json = False) -> None:
    """Show why these identifiers are one person: every merge with its evidence."""
    from heedful.cli import person
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    with connect(directory, db) as api:
        found = api.get(api.customer(who, "/graph"))
    print_json(found) if as_json else person.print_graph(found)


@commands.command("merge-preview")
def merge_preview(
    who: Who,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The other customer.")],
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Show what would happen if one event named both customers; changes nothing."""
    from heedful.cli import person
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    with connect(directory, db) as api:
        asked = {"with": api.customer_id(other)}
        found = api.post(api.customer(who, "/merge-preview"), asked)
    print_json(found) if as_json else person.print_preview(found)
    if not found["is_merged"]:
        end(NO)


@commands.command()
def unmerge(
    who: Who,
    identifiers: Annotated[
        list[str],
        typer.Argument(
            metavar="IDENTIFIER...", help="NAMESPACE:VALUE of what belongs to the other person."
        ),
    ],
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Take two people apart, for good; events go to the side of their own identifiers."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    named = [_identifier(text) for text in identifiers]
    with connect(directory, db) as api:
        answer = api.post(api.customer(who, "/unmerge"), {"identifiers": named})
    if as_json:
        print_json(answer)
    else:
        print("They are separate now: " + ", ".join(answer.get("customers", [])))


def _identifier(text: str) -> dict[str, str]:
    namespace, separator, value = text.partition(":")
    if not (namespace and separator and value):
        end(WRONG, f"Expected NAMESPACE:VALUE, got {text!r}. For example email:a@b.c.")
    return {"namespace": namespace, "value": value}


@commands.command()
def export(
    who: Who,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write to a new file that only you can read.")
    ] = None,
    directory: Dir = HERE,
    db: Db = None,
    as_json: AlwaysJson = False,
) -> None:
    """Give everything held about a person, as JSON: the right of access."""
    import json

    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    with connect(directory, db) as api:
        held = api.get(api.customer(who, "/export"))
    if out is None:
        print_json(held)
        return
    # Personal data: nobody else reads it, and no earlier export is overwritten.
    with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(held, file, ensure_ascii=False, indent=2)
    say(f"Everything held about {held['customer']['customer_id']} stands in {out}.")


@commands.command()
def erase(
    who: Who, yes: Yes = False, directory: Dir = HERE, db: Db = None, as_json: Json = False
) -> None:
    """Erase a person everywhere and refuse them from now on. Cannot be undone."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    with connect(directory, db) as api:
        found = api.get(api.customer(who))
        number, count = found["customer_id"], found.get("event_count", 0)
        if not yes:
            question = (
                f"Erase {number} with {count:,} events for good? Backups keep their copy. "
                "This cannot be undone."
            )
            if not typer.confirm(question, err=True):
                end(NO, "Nothing was erased.")
        answer = api.delete(f"/v1/customers/{number}")
    if as_json:
        print_json(answer)
        return
    said: dict[str, Any] = answer or {}
    print(
        f"Erased {number}: {said.get('events', count):,} events, "
        f"{said.get('identifiers', 0):,} identifiers, {said.get('quarantined', 0):,} quarantined."
    )
    for folder in said.get("backups", ()):
        print(f"A backup holds them still: {folder}")
    for model in said.get("retrain", ()):
        print(f"A model learned from them: heedful train {model}")


@commands.command("object")
def object_(
    who: Who,
    purpose: PURPOSE,
    source: SOURCE = "command-line",
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Record that the person objects to a purpose, on every channel."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    with connect(directory, db) as api:
        asked = {"purpose": purpose, "source": source}
        answer = api.post(api.customer(who, "/object"), asked)
    print_json(answer) if as_json else print(f"They object to {purpose} from now on.")


@commands.command()
def consent(
    who: Who,
    purpose: PURPOSE,
    status: Annotated[str, typer.Option("--status", help="granted, denied or withdrawn.")],
    channel: Annotated[
        str | None, typer.Option(help="One channel; without it, every channel.")
    ] = None,
    source: SOURCE = "command-line",
    text_version: Annotated[
        str | None, typer.Option(help="Version of the text that the person saw.")
    ] = None,
    proof: Annotated[
        str | None, typer.Option(help="Where the proof is kept, such as a letter's number.")
    ] = None,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Record a consent, its denial or its withdrawal; in force from the next event on."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    if status not in ("granted", "denied", "withdrawn"):
        end(WRONG, f"Expected granted, denied or withdrawn, got {status!r} - at `--status`.")
    said = {
        "purpose": purpose,
        "status": status,
        "channel": channel,
        "source": source,
        "text_version": text_version,
        "proof": proof,
    }
    with connect(directory, db) as api:
        stated = {name: value for name, value in said.items() if value is not None}
        answer = api.post(api.customer(who, "/consents"), stated)
    where = f" on {channel}" if channel else ""
    print_json(answer) if as_json else print(f"Recorded: {purpose}{where} is {status}.")
