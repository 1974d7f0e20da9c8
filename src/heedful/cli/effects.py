"""`heedful effects`: what waits, went out, or never will."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import quote

import typer

from heedful.cli.answers import NO, WRONG, end, say
from heedful.cli.options import HERE, Db, Dir, Json

if TYPE_CHECKING:
    from heedful.cli.client import Api

STATUSES: Final = ("waiting", "released", "delivered", "dead", "withdrawn")
"""What an effect may be."""

commands = typer.Typer(
    no_args_is_help=True, help="What waits, went out, or never will: list, redrive."
)


@commands.command("list")
def list_effects(
    status: Annotated[
        str, typer.Option(help="waiting, released, delivered, dead or withdrawn.")
    ] = "dead",
    after: Annotated[str, typer.Option(help="Only those beyond this id.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=500, help="Rows of one page.")] = 100,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """List effects of one status; the dead letters unless told."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json, print_table, when

    if status not in STATUSES:
        end(WRONG, f"Expected one of {', '.join(STATUSES)}, got {status!r} - at `--status`.")
    with connect(directory, db) as api:
        page = api.get("/v1/effects", status=status, after=after, limit=limit)
    if as_json:
        print_json(page)
        return
    rows = (
        (
            e["effect_id"],
            e["destination"],
            e["code"],
            e["attempts"],
            when(e["due"]),
            e["decision_id"],
        )
        for e in page["items"]
    )
    columns = ("effect", "destination", "code", "attempts", "due", "decision")
    if not print_table(columns, rows):
        print(f"No effect is {status}.")
    if page["next_cursor"]:
        print(f"More: --after {page['next_cursor']}")


@commands.command()
def redrive(
    effect_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[EFFECT]...", help="Dead letters.")
    ] = None,
    code: Annotated[
        str | None, typer.Option(help="All that died of this, such as smtp_550.")
    ] = None,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Send dead letters once more; all gates are looked at again."""
    from heedful.cli.client import connect
    from heedful.cli.screen import count, print_json

    if bool(effect_ids) == (code is not None):
        end(WRONG, "Expected dead letters or --code, got both or neither - at `EFFECT`.")
    with connect(directory, db) as api:
        chosen = effect_ids or _dead(api, code)
        if not chosen:
            say(f"No dead letter died of {code}. `heedful effects list` says of what they did.")
            end(NO)
        for effect_id in chosen:
            api.post(f"/v1/effects/{quote(effect_id, safe='')}/redrive")
    if as_json:
        print_json({"redriven": chosen})
    else:
        print(f"{count(len(chosen), 'effect')} will be tried again.")


def _dead(api: Api, code: str | None) -> list[str]:
    """List all dead letters of a code before any of them is touched."""
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        page = api.get("/v1/effects", status="dead", after=after, limit=500)
        found += [one["effect_id"] for one in page["items"] if one["code"] == code]
        after = page["next_cursor"]
    return found
