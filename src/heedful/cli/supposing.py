"""`heedful whatif`: the log met with another strategy, before anybody else is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import typer

from heedful.cli.answers import NO, end
from heedful.cli.measuring import interval
from heedful.cli.options import HERE, Db, Dir, Json

_CHANGES_SHOWN: Final = 12


def whatif(
    strategy: Annotated[
        str,
        typer.Argument(
            metavar="[STRATEGY]", help="A workspace or a version.", show_default="this folder"
        ),
    ] = "",
    since: Annotated[str, typer.Option("--since", help="How far back is looked.")] = "30d",
    people: Annotated[
        int | None,
        typer.Option("--people", min=1, help="Most people to replay.", show_default="300"),
    ] = None,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Say what another strategy would have done and brought; exit code 1 if it is surely less.

    Decisions of the past are met in the state that they saw. Nothing is sent to anybody.
    """
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json
    from heedful.cli.strategies import files_of

    files = files_of(strategy or str(directory), directory, db)
    asked = {"since": since} | ({} if people is None else {"people": people})
    with connect(directory, db) as api:
        answer = api.post("/v1/measure/whatif", {"files": files}, **asked)
    print_json(answer) if as_json else _print(answer)
    value = answer["found"]["value"]
    if value is not None and value["gain"]["bootstrap"][1] < 0:
        end(NO)


def _print(answer: Mapping[str, Any]) -> None:
    from heedful.cli.screen import print_table, when

    found = answer["found"]
    span = f"{when(answer['since'])} to {when(answer['until'])}"
    print(f"Strategy {answer['version']} against {answer['in_force']}, {span}.")
    print(found["says"])
    if found["changes"]:
        rows = [(c["before"], c["after"], c["decisions"]) for c in found["changes"]]
        print_table(("before", "after", "decisions"), rows[:_CHANGES_SHOWN])
    print_table(("as expected", "before", "after"), _moved(found))
    if found["groups"]:
        print_table(
            ("trait", "group", "people", "changed", "acts before", "after", "messages", "after"),
            [_group(one) for one in found["groups"]],
        )
    if found["value"] is not None:
        _print_value(found["value"], answer["currency"])
    made = f"{answer['repeated']:,} of {answer['logged']:,} decisions"
    print(f"Made again exactly: {made}; only these are compared.")
    print("What cannot be known:")
    for concern in found["cannot_know"]:
        print(f"- {concern['says']}")


def _moved(found: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    for kind in ("contacts", "silences"):
        yield kind, round(found[kind]["before"], 1), round(found[kind]["after"], 1)
    for kind, name in (("tiers", "tier"), ("needs", "need"), ("actions", "action")):
        for one in found[kind]:
            yield f"{name} {one['name']}", round(one["before"], 1), round(one["after"], 1)


def _group(one: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        one["trait"],
        one["group"],
        one["people"],
        one["changed_people"],
        f"{one['acted_before']:.1%}",
        f"{one['acted_after']:.1%}",
        round(one["contacts_before"], 2),
        round(one["contacts_after"], 2),
    )


def _print_value(value: Mapping[str, Any], currency: str) -> None:
    from heedful.cli.screen import print_table

    counted = f"{value['decisions']:,} decisions of {value['people']:,} people"
    print(f"In {currency} a decision, over {counted} whose outcome is known, 95 %:")
    named = (("doubly robust", "target"), ("self-normalised", "target_snips"))
    rows = [
        (name, _money(value[key]["value"]), interval(value[key]["bootstrap"]))
        for name, key in named
    ]
    rows.append(("gain", _money(value["gain"]["value"]), interval(value["gain"]["bootstrap"])))
    print_table(("", "value", "interval"), [("as it was", _money(value["logged"]), ""), *rows])
    effective = value["target"]["effective_rounds"]
    print(f"They say as much as {effective:,.0f} decisions of the strategy's own would.")


def _money(value: float) -> str:
    return f"{value:,.3f}"
