"""Watching what is decided: drift of the models, fairness between groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heedful.cli.asking import Answer, asks

if TYPE_CHECKING:
    from heedful.cli.client import Api


@asks
def drift(api: Api) -> Answer:
    """Say how far models and what they see have moved; exit code 1 on a drift alarm or a crossed
    limit."""
    answer = api.get("/v1/measure/drift")
    is_no = bool(answer["alarms"]) or _is_crossed(answer["items"])
    return Answer(answer, _print_drift, is_no=is_no)


@asks
def fairness(
    api: Api,
    sample: Annotated[
        int,
        typer.Option(
            "--sample", min=0, max=1000, help="People whose past is decided again to name causes."
        ),
    ] = 200,
) -> Answer:
    """Compare how groups fare and name the rule or field behind a gap; exit code 1 where a limit is
    crossed."""
    from heedful.cli.progress import follow

    asked = api.messages("POST", "/v1/measure/fairness", params={"sample": sample})
    answer = follow(asked, "deciding again", "people or decisions")
    return Answer(answer, _print_fairness, is_no=_is_crossed(answer["items"]))


def _is_crossed(items: list[Mapping[str, Any]]) -> bool:
    return any(item["is_crossed"] for item in items)


def _print_drift(answer: Mapping[str, Any]) -> None:
    from heedful.cli.screen import clean, print_table, when

    for alarm in answer["alarms"]:
        print(clean(f"ALARM: {alarm['says']} {alarm['remedy']}"))
    for one in answer["forgot"]:
        print(clean(f"FORGOT: {one['says']} {one['remedy']}"))
    if answer["watched"] and not answer["alarms"]:
        print(f"No alarm: outcomes of {answer['watched']:,} actions and goals come as foreseen.")
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
    for feature in answer["features"]:
        print(clean(feature["says"]))
    if answer["looked"] is not None:
        print(answer["looked"]["says"])
    for item in answer["items"]:
        if item["declared"]:
            print(clean(f"{item['action']} may read {item['trait']}: {item['declared']}"))
    for trait, told in answer["unknown"].items():
        if told["not_said"]:
            print(f"{told['not_said']} of {told['asked']} decisions: {trait} is not known.")
