"""`heedful train`: learn a declared model over the log, and say how well it foretells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from heedful.cli.asking import Answer, asks

if TYPE_CHECKING:
    from heedful.cli.client import Api

Name = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help="A model of `models/`; without one, all are listed."),
]

WHY = {
    "untrained": "never trained",
    "people_erased": "people of its data set were erased",
    "definition_changed": "declared otherwise since",
}
"""Why a model should be trained, in words."""


@asks
def train(api: Api, name: Name = None) -> Answer:
    """Train a model over the log and put it in force; without a name, list the models.

    Only the data of people who have not refused the purpose `training` is read.
    """
    from heedful.cli.progress import follow

    if name is None:
        return Answer(api.get("/v1/training"), _print_states)
    path = f"/v1/training/{quote(name, safe='')}"
    answer = follow(api.messages("POST", path), f"training {name}", "customers")
    return Answer(answer, _print_state)


def _print_states(answer: dict[str, Any]) -> None:
    from heedful.cli.screen import print_table

    states = answer["items"]
    if not states:
        print("The strategy in force declares no models. Add them in strategy/models/ and publish.")
        return
    rows = (
        (
            one["model"],
            one["kind"],
            str(one["version"] or ""),
            one["trained_at"] or "",
            f"{one['customers']:,}" if one["version"] else "",
            "; ".join(WHY[why] for why in one["retrain"]) or "current",
        )
        for one in states
    )
    print_table(("model", "kind", "version", "trained", "customers", "state"), rows)


def _print_state(state: dict[str, Any]) -> None:
    from heedful.cli.screen import count

    print(
        f"{state['model']} version {state['version']} is in force: "
        f"{count(state['customers'], 'customer')}, {state['since'][:10]} to {state['until'][:10]}, "
        f"{state['refused']:,} left out."
    )
    print(f"data set {state['digest']}")
    report = state["report"]
    for period in report.get("later_periods", ()):
        print(
            f"from {_day(period['from'])}: ECE {period['ece']:.4f}, AUC {period['auc']:.3f}, "
            f"log loss {period['log_loss']:.4f}, rate {period['rate']:.3f}, "
            f"{count(period['rows'], 'customer')}"
        )
    if "later_periods" in report and not report["later_periods"]:
        print("No later period was long enough to judge it.")
    if "total_bought" in report:
        print(
            f"last {report['judged_days']} days: {report['total_foretold']:,.0f} purchases "
            f"foretold, {report['total_bought']:,.0f} made; mean absolute error "
            f"{report['mean_absolute_error']:.3f} a customer"
        )
        for setback, cost in report["setbacks"].items():
            print(f"one more of {setback} takes {cost:.1%} of later purchases")
    for action, seen in report.get("actions", {}).items():
        weeks = count(seen["weeks"], "week")
        print(f"{seen['later']:+.2f}  {action}, on average of {weeks} that it was said in")
    if seldom := report.get("seldom_said"):
        print(f"too seldom said, and counted as the others are: {', '.join(seldom)}")
    for feature, weight in report.get("weights", {}).items():
        print(f"{weight:+.3f}  {feature}")


def _day(at: int) -> str:
    from heedful.kernel import format_instant

    return format_instant(at)[:10]
