"""What it was worth: lift of the hold-outs, and credit beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heedful.cli.asking import Answer, asks

if TYPE_CHECKING:
    from heedful.cli.client import Api

Since = Annotated[str, typer.Option("--since", help="How far back is looked, such as 30d.")]
People = Annotated[
    int | None,
    typer.Option("--people", min=1, help="Most people to look at.", show_default="all"),
]
Lookback = Annotated[
    str, typer.Option("--lookback", help="How long before an outcome a touch counts.")
]
Goal = Annotated[
    str,
    typer.Argument(
        metavar="GOAL", help="One of goals.yaml; without it, what there is.", show_default=False
    ),
]


@asks
def lift(api: Api, since: Since = "90d", people: People = None) -> Answer:
    """Say what acting brought about, by the hold-outs; exit code 1 while nobody was held out."""
    answer = api.get("/v1/measure/lift", since=since, people=people)
    return Answer(answer, _print_lift, is_no=not answer["hold_outs"])


@asks
def attribution(
    api: Api,
    goal: Goal = "",
    since: Since = "90d",
    by: Annotated[str, typer.Option("--by", help="Credit each `action` or each `channel`.")] = (
        "action"
    ),
    order: Annotated[
        int, typer.Option("--order", min=1, max=4, help="Touches that make a state of the chain.")
    ] = 1,
    lookback: Lookback = "30d",
    people: People = None,
) -> Answer:
    """Share a goal's outcomes among what reached people, beside what the hold-outs show."""
    asked = {"since": since, "by": by, "order": order, "lookback": lookback, "people": people}
    return Answer(api.get("/v1/measure/attribution", goal=goal, **asked), _print_credits)


@asks
def ahead(api: Api, since: Since = "365d", people: People = None) -> Answer:
    """Say what messages change about the months after them; exit code 1 where none was sent.

    What an action brings or costs later is its `d_clv`: write it into the action's file, and a
    message that pays today loses to one that pays later. With a model of the kind `ahead` in
    `models/`, decisions look it up for each person by where they stand.
    """
    answer = api.get("/v1/measure/ahead", since=since, people=people)
    return Answer(answer, _print_ahead, is_no=not answer["found"]["actions"])


@asks
def budget(
    api: Api,
    goal: Goal = "",
    since: Since = "90d",
    total: Annotated[
        float | None,
        typer.Option("--total", help="Money of a period.", show_default="what it was"),
    ] = None,
    period: Annotated[str, typer.Option("--period", help="What is split at once.")] = "7d",
    lookback: Lookback = "30d",
    people: People = None,
) -> Answer:
    """Propose where the money that actions cost would bring more; exit code 1 while not sure."""
    asked = {"since": since, "period": period, "lookback": lookback, "people": people}
    answer = api.get("/v1/measure/budget", goal=goal, total=total, **asked)
    return Answer(answer, _print_budget, is_no=not answer["split"]["is_sure"])


@asks
def uplift(
    api: Api,
    goal: Goal = "",
    hold_out: Annotated[
        str | None,
        typer.Option("--hold-out", help="By its name.", show_default="the one over everything"),
    ] = None,
    people: People = None,
) -> Answer:
    """Say whom acting changes most, and whether that is known; exit code 1 while it is not."""
    answer = api.get("/v1/measure/uplift", goal=goal, hold_out=hold_out, people=people)
    return Answer(answer, _print_uplift, is_no=not answer["is_useful"])


# Printing


def interval(ends: Any, factor: float = 1.0) -> str:
    """Write both ends of an interval.

    Examples
    --------
    >>> interval([0.012, 0.034], 100.0)
    '+1.2 to +3.4'
    """
    low, high = (factor * float(end) for end in ends)
    return f"{low:+.4g} to {high:+.4g}"


def _print_lift(answer: Mapping[str, Any]) -> None:
    from heedful.cli.screen import count, print_table, when

    span = f"{when(answer['since'])} to {when(answer['until'])}"
    print(f"{count(answer['people'], 'person').replace('persons', 'people')}, {span}.")
    if not answer["hold_outs"]:
        print(
            "Nobody was held out: set `holdout` in policies/contact.yaml to learn what you bring."
        )
        return
    for one in answer["hold_outs"]:
        sizes = f"{one['treated']:,} treated, {one['held']:,} held out"
        print(f"\nHold-out {one['name']}: {sizes}, {one['contaminated']:,} left out as mixed.")
        reached = [g for g in one["goals"] if g["treated_mean"] or g["held_mean"]]
        print_table(
            ("goal", "on 100 treated", "on 100 held out", "difference", "money a person"),
            [_lift_row(goal) for goal in reached],
        )
        for goal in reached:
            print(f"{goal['goal']}: {goal['says']}")
        rest = [goal["goal"] for goal in one["goals"] if goal not in reached]
        if rest:
            print(f"Reached by nobody: {', '.join(rest)}.")
    if answer["actions"]:
        print("\nEach action against silence, where chance chose between them:")
        print_table(
            ("action", "drawn", "silence drawn", "what it brings"),
            [(a["action"], a["acted"], a["silent"], a["says"]) for a in answer["actions"]],
        )


def _lift_row(goal: Mapping[str, Any]) -> tuple[Any, ...]:
    outcomes, value = goal["outcomes"], goal["value"]
    means = (round(100.0 * goal["treated_mean"], 2), round(100.0 * goal["held_mean"], 2))
    return (
        goal["goal"],
        *means,
        None if outcomes is None else _estimate(outcomes, 100.0),
        None if value is None else _estimate(value),
    )


def _estimate(lift: Mapping[str, Any], factor: float = 1.0) -> str:
    return f"{factor * lift['difference']:+.4g} ({interval(lift['watched'], factor)})"


def _print_credits(answer: Mapping[str, Any]) -> None:
    from heedful.cli.screen import print_table

    channels = answer["channels"]
    if channels:
        methods = list(channels[0]["conversions"])
        rows = [
            (
                one["name"],
                one["touches"],
                *(round(one["conversions"][method], 1) for method in methods),
                round(one["removal"], 4),
                round(one["touch_effect"], 4),
            )
            for one in channels
        ]
        print_table((answer["by"], "touches", *methods, "removal", "touch adds"), rows)
    print(answer["says"])
    for one in answer["incremental"]:
        print(f"Hold-out {one['hold_out']}: {one['says']}")


def _print_ahead(answer: Mapping[str, Any]) -> None:
    from heedful.cli.screen import count, print_table, when

    found, money = answer["found"], answer["currency"]
    people = count(found["people"], "person").replace("persons", "people")
    span = f"{when(answer['since'])} to {when(answer['until'])}"
    print(f"{people}, {count(found['weeks'], 'week')} of their lives, {span}.")
    if not found["actions"]:
        print("No message reached anybody in that time.")
        return
    heads = ("action", "weeks", f"later, {money}: its d_clv", "interval")
    rows = [
        (one["action"], one["weeks"], round(one["later"], 2), interval(one["interval"]))
        for one in found["actions"]
    ]
    print_table(heads, rows)
    for one in found["actions"]:
        print(one["says"])
    print("\nWhere people often are: what is best next, and if nothing comes of it, then.")
    print_table(
        ("last active", "told in 28 days", "took it", "need", "weeks", "worth", "next", "then"),
        [
            (
                *(one[name] for name in ("active", "told", "took", "need", "weeks")),
                round(one["value"], 2),
                one["next"] or "silence",
                one["then"] or "silence",
            )
            for one in found["states"]
        ],
    )


def _print_budget(answer: Mapping[str, Any]) -> None:
    from heedful.cli.screen import print_table

    split = answer["split"]
    about = f"{answer['periods']} periods of {answer['period_days']:g} days"
    print(f"{split['total']:,.2f} {answer['currency']} a period, by {about}:")
    rows = [
        (
            one["name"],
            round(one["spend"], 2),
            round(one["proposed"], 2),
            interval(one["interval"]),
            round(one["brings"], 2),
            round(one["would_bring"], 2),
            round(one["elasticity"], 2),
            f"{one['causal_share']:.0%}",
        )
        for one in split["channels"]
    ]
    head = ("action", "spend", "proposed", "best within", "brings", "would", "bend", "causal")
    print_table(head, rows)
    print(split["says"])


def _print_uplift(answer: Mapping[str, Any]) -> None:
    from heedful.cli.screen import print_table

    sizes = f"{answer['treated']:,} treated, {answer['held']:,} held out"
    print(
        f"Hold-out {answer['hold_out']}: {sizes}, {answer['waiting']:,} whose window is not over."
    )
    rows = [
        (one["learner"], round(one["qini"], 4), round(one["auuc"], 4), interval(one["interval"]))
        for one in answer["tried"]
    ]
    print_table(("learner", "Qini", "AUUC", "interval of Qini"), rows)
    drivers = [(one["signal"], round(one["correlation"], 3)) for one in answer["drivers"]]
    print_table(("goes with the change", "correlation"), drivers)
    print(answer["says"])
