"""Watching what is decided: drift of the models, fairness between groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from heedful.cli.answers import NO, end
from heedful.cli.options import HERE, Db, Dir, Json


def drift(directory: Dir = HERE, db: Db = None, as_json: Json = False) -> None:
    """Say how far models and what they see have moved; exit code 1 where a limit is crossed."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    with connect(directory, db) as api:
        answer = api.get("/v1/measure/drift")
    print_json(answer) if as_json else _print_drift(answer)
    _end_where_crossed(answer["items"])


def fairness(
    sample: Annotated[
        int,
        typer.Option(
            "--sample", min=0, max=1000, help="People whose past is decided again to name causes."
        ),
    ] = 200,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Compare how groups fare and name the rule behind a gap; exit code 1 where a limit is
    crossed."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    with connect(directory, db) as api:
        answer = api.get("/v1/measure/fairness", sample=sample)
    print_json(answer) if as_json else _print_fairness(answer)
    _end_where_crossed(answer["items"])


def _end_where_crossed(items: list[Mapping[str, Any]]) -> None:
    if any(item["is_crossed"] for item in items):
        end(NO)


def _print_drift(answer: Mapping[str, Any]) -> None:
    from heedful.cli.screen import print_table, when

    print(f"The last {answer['window']} beside the {answer['reference']} before:")
    rows = (
        (
            item["series"],
            item["measure"],
            f"{item['amount']:.3f}",
            f"{item['limit']:g}",
            when(item["since"]) if item["is_crossed"] else "",
            item["now"],
            item["before"],
        )
        for item in answer["items"]
    )
    named = ("series", "measure", "amount", "limit", "beyond since", "now", "before")
    if not print_table(named, rows):
        print("Not yet sure: too few decisions on either side.")


def _print_fairness(answer: Mapping[str, Any]) -> None:
    from heedful.cli.screen import clean, print_table, when

    rows = (
        (
            f"{item['trait']} {item['group']}",
            item["reference"],
            "anything" if item["action"] == "*" else item["action"],
            item["measure"],
            f"{item['amount']:.3f}",
            f"{item['best']:.3f}",
            f"{item['ratio']:.2f}",
            "" if item["limit"] is None else f"{item['limit']:g}",
            when(item["since"]) if item["is_crossed"] else "",
        )
        for item in answer["items"]
    )
    named = (
        "group", "beside", "action", "measure", "gets", "they get", "ratio", "limit",
        "beyond since",
    )  # fmt: skip
    if not print_table(named, rows):
        print("Nothing to compare: policies/fairness.yaml names groups, and they need decisions.")
    for cause in answer["causes"]:
        print(clean(cause["says"]))
    for item in answer["items"]:
        if item["declared"]:
            print(clean(f"{item['action']} may read {item['trait']}: {item['declared']}"))
    for trait, told in answer["unknown"].items():
        if told["not_said"]:
            print(f"{told['not_said']} of {told['asked']} decisions: {trait} is not known.")
