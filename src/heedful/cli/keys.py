"""`heedful keys`: who may do what. Only a key's hash is kept, so it is shown once."""

from __future__ import annotations

from typing import Annotated

import typer

from heedful.cli.answers import say
from heedful.cli.options import HERE, Db, Dir, Json

commands = typer.Typer(no_args_is_help=True, help="API keys and write keys: make, list, revoke.")


@commands.command()
def create(
    role: Annotated[
        str,
        typer.Option(help="owner, operator, analyst, supervisor, agent, service or source."),
    ],
    name: Annotated[str, typer.Option(help="Whose key it is; for a source, the source's name.")],
    write_key: Annotated[
        str | None,
        typer.Option(
            "--write-key",
            help="Of a source, the key that its SDKs already carry.",
            show_default="a new one",
        ),
    ] = None,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Make a key and print it, this once."""
    import json

    from heedful.cli.client import connect
    from heedful.cli.sources import meant_source

    with connect(directory, db) as api:
        meant = meant_source(api, name) if role == "source" else None
        said = {"role": role, "name": name} | ({"key": write_key} if write_key else {})
        key = api.post("/v1/keys", said)["key"]
    print(json.dumps({"key": key}) if as_json else key)
    if meant is not None:
        remedy = f"`heedful keys revoke {name}` takes it back."
        say(f"The source {name} is new. Did you mean {meant}? {remedy}")


@commands.command("list")
def list_(directory: Dir = HERE, db: Db = None, as_json: Json = False) -> None:
    """List the keys by what they are for; the keys themselves are not kept."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json, print_table, when

    with connect(directory, db) as api:
        answer = api.get("/v1/keys")
    if as_json:
        print_json(answer)
        return
    rows = [
        (k["name"], k["role"], when(k["created_at"]), when(k.get("revoked_at")))
        for k in answer["items"]
    ]
    if not print_table(("name", "role", "made", "revoked"), rows):
        print("No keys yet. Make one with `heedful keys create --role source --name web`.")


@commands.command()
def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `heedful keys list` shows it.")],
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Take a key out of use; its next request is refused."""
    from urllib.parse import quote

    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    with connect(directory, db) as api:
        answer = api.delete(f"/v1/keys/{quote(name, safe='')}")
    print_json(answer) if as_json else print(f"Revoked {name}.")
