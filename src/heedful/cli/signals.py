"""`heedful signals`: what is sensed of every customer, and the events behind a value."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from heedful.cli.options import HERE, Db, Dir, Json, Who

commands = typer.Typer(help="What is sensed of every customer: list, explain.")


@commands.callback(invoke_without_command=True)
def signals(ctx: typer.Context) -> None:
    """What is sensed of every customer: list, explain."""
    if ctx.invoked_subcommand is None:
        list_(HERE, None)


@commands.command("list")
def list_(directory: Dir = HERE, db: Db = None, as_json: Json = False) -> None:
    """List the declared signals with what they are made of."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json, print_table, short

    with connect(directory, db) as api:
        answer = api.get("/v1/signals")
    if as_json:
        print_json(answer)
        return
    empty: tuple[object, ...] = (None, "", [], {}, False)
    rows = (
        (
            s["name"],
            s["kind"],
            short({k: v for k, v in s.items() if k not in ("name", "kind") and v not in empty}),
        )
        for s in answer["items"]
    )
    if not print_table(("signal", "kind", "of what"), rows):
        print("No signals are declared. Declare them in signals.yaml.")


@commands.command()
def explain(
    who: Who,
    signal: Annotated[str, typer.Argument(metavar="SIGNAL", help="Its name.")],
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """List the events behind a customer's value of a signal."""
    from urllib.parse import quote

    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    with connect(directory, db) as api:
        path = f"/signals/{quote(signal, safe='')}/explain"
        found = api.get(api.customer(who, path))
    print_json(found) if as_json else _print(found)


def _print(found: dict[str, Any]) -> None:
    from heedful.cli.person import SPAN_KINDS
    from heedful.cli.screen import console, print_table, short, span, when

    value = found["value"]
    shown = span(value) if found["kind"] in SPAN_KINDS else short(value)
    console().print(f"{found['name']} ({found['kind']}) is {shown}")
    if not found.get("is_exact", True):
        console().print("So much happened that older events are known in sum only.")
    rows = (
        (when(c["at"]), c["name"], c["contribution"], c["message_id"])
        for c in found["contributions"]
    )
    print_table(("at", "event", "adds", "message id"), rows)
    for part in found.get("parts", ()):
        _print(part)
