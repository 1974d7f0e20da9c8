"""`heedful quarantine`: what arrived and could not become an event, and sending it again."""

from __future__ import annotations

from typing import Annotated

import typer

from heedful.cli.answers import NO, end
from heedful.cli.options import HERE, Db, Dir, Json

commands = typer.Typer(
    no_args_is_help=True,
    help="What arrived and could not become an event: list, show, redrive, discard.",
)


@commands.command("list")
def list_(
    after: Annotated[int, typer.Option(min=0, help="Only rows beyond this id.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=500, help="Rows of one page.")] = 50,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """List the quarantine in the order of arrival."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json, print_table, when

    with connect(directory, db) as api:
        page = api.get("/v1/quarantine", after=after, limit=limit)
    if as_json:
        print_json(page)
        return
    rows = [
        (r["id"], when(r["received_at"]), r["source"], r["reason"], r["message"])
        for r in page["items"]
    ]
    if not print_table(("id", "arrived", "source", "reason", "what was wrong"), rows):
        print("The quarantine is empty." if not after else "Nothing further.")
    elif len(rows) == limit:
        print(f"More: --after {rows[-1][0]}")


@commands.command()
def show(
    id_: Annotated[int, typer.Argument(metavar="ID")],
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Show one row with what was sent, as it was sent."""
    from heedful.cli.client import connect
    from heedful.cli.screen import clean, print_facts, print_json, when

    with connect(directory, db) as api:
        row = api.get(f"/v1/quarantine/{id_}")
    if as_json:
        print_json(row)
        return
    print_facts(
        (
            ("arrived", when(row["received_at"])),
            ("source", row["source"]),
            ("reason", row["reason"]),
            ("what was wrong", row["message"]),
        ),
    )
    body = row["body"]
    print(clean(body)) if isinstance(body, str) else print_json(body)


@commands.command()
def redrive(
    ids: Annotated[
        list[int] | None, typer.Argument(metavar="[ID]...", help="Which; without any, all.")
    ] = None,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Try again, under the rules of now, what could not become an event then."""
    from heedful.cli.client import connect
    from heedful.cli.screen import count, print_json, print_table

    with connect(directory, db) as api:
        answer = api.post("/v1/quarantine/redrive", {"ids": ids} if ids else {})
    refused = answer["still_refused"]
    if as_json:
        print_json(answer)
    else:
        print(f"Landed {count(answer['landed'], 'item')}; {count(len(refused), 'item')} left.")
        print_table(
            ("id", "reason", "what is wrong"), ((r["id"], r["code"], r["message"]) for r in refused)
        )
    if refused:
        end(NO)


@commands.command()
def discard(
    ids: Annotated[list[int], typer.Argument(metavar="ID...", help="Which.")],
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Delete rows for good, as those that nobody will ever mend."""
    from heedful.cli.client import connect
    from heedful.cli.screen import count, print_json

    with connect(directory, db) as api:
        for id_ in ids:
            api.delete(f"/v1/quarantine/{id_}")
    print_json({"discarded": ids}) if as_json else print(f"Deleted {count(len(ids), 'item')}.")
