"""`heedful effects`: what waits, went out, or never will."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from heedful.cli.answers import NO, WRONG, end, say
from heedful.cli.options import HERE, Db, Dir, Json

if TYPE_CHECKING:
    from heedful.cli.client import Api

STATUSES: Final = ("waiting", "released", "delivered", "dead", "withdrawn")
"""What an effect may be."""

LOOKED_MAX: Final = 20_000
"""Waiting effects that are looked through for those that were tried in vain, as `doctor` does."""

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
    from heedful.cli.screen import count, print_json, print_table, when

    if status not in STATUSES:
        end(WRONG, f"Expected one of {', '.join(STATUSES)}, got {status!r} - at `--status`.")
    with connect(directory, db) as api:
        page = api.get("/v1/effects", status=status, after=after, limit=limit)
        is_none = not (page["items"] or after)
        failing = _failing(api) if is_none and status == "dead" and not as_json else {}
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
        print(f"No {'further ' if after else ''}effect is {status}.")
    if failing:
        codes = ", ".join(f"{code} {number:,}" for code, number in failing.items())
        print(f"{count(sum(failing.values()), 'effect')} failed and will be tried again ({codes}).")
        print("See `heedful effects list --status waiting`.")
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
    return [one["effect_id"] for one in _all(api, "dead") if one["code"] == code]


def _failing(api: Api) -> dict[str, int]:
    """Count what waits for another try by what the last one ended with."""
    waiting = islice(_all(api, "waiting"), LOOKED_MAX)
    return dict(sorted(Counter(one["code"] for one in waiting if one["attempts"]).items()))


def _all(api: Api, status: str) -> Iterator[dict[str, Any]]:
    after: str | None = ""
    while after is not None:
        page = api.get("/v1/effects", status=status, after=after, limit=500)
        yield from page["items"]
        after = page["next_cursor"]
