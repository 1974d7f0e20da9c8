"""The levers on the command line: stop, start, approve, loosen, declare an incident."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from heedful.cli.answers import WRONG, end
from heedful.cli.asking import Answer, asks, orders

if TYPE_CHECKING:
    from heedful.cli.client import Api

approvals_commands = typer.Typer(
    no_args_is_help=True, help="What waits for somebody else to agree: list, approve, reject."
)
guardrail_commands = typer.Typer(
    no_args_is_help=True, help="Limits that tighten by themselves: list, loosen."
)
incident_commands = typer.Typer(
    no_args_is_help=True, help="Disturbances, while growth rests: list, declare, end."
)

Scope = Annotated[
    str,
    typer.Argument(
        metavar="SCOPE", help="all, or KIND:NAME: action, playbook, model, channel, placement."
    ),
]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the audit.")]
Until = Annotated[str | None, typer.Option("--until", help="When it ends: 2026-01-31T12:00:00Z.")]
ApprovalId = Annotated[str, typer.Argument(metavar="APPROVAL", help="Its id, a_...")]


# Switches


@orders
def stop(
    api: Api,
    scope: Scope,
    reason: Reason,
    until: Until = None,
    ahead: Annotated[
        bool, typer.Option("--ahead", help="Of what comes later: an unknown name is no slip.")
    ] = False,
) -> Answer:
    """Stop a scope at once, also what is queued already; `heedful start` ends it.

    A name that nothing in force has is stopped, too, with exit code 1, since it may be a slip.
    """
    asked = {"scope": scope, "reason": reason} | ({} if until is None else {"expires_at": until})
    answer = api.post("/v1/governance/stops", asked)
    if answer["is_known"]:
        return Answer(answer, f"Stopped: {scope}. Nothing of it goes out.")
    stands = (
        f"Stopped all the same: {scope}, for what waits from an earlier strategy and what comes "
        "later (say --ahead where you mean that)."
    )
    return Answer(answer, f"{answer['hint']}\n{stands}", is_no=not ahead)


@asks
def stops(api: Api) -> Answer:
    """List what is stopped now."""
    return Answer(api.get("/v1/governance/stops"), _print_stops)


_ALONE: Final = (
    "Where one person runs everything, `switch_on: {required: 0}` in policies/approvals.yaml asks "
    "nobody."
)


@orders
def start(api: Api, scope: Scope, reason: Reason) -> Answer:
    """Switch a scope on again, or ask the others to agree; exit code 1 while they have not."""
    answer = api.post("/v1/governance/starts", {"scope": scope, "reason": reason})
    said = agreed(answer, f"Started: {scope}.", f"Still stopped: {scope}")
    return said if not said.is_no else said._replace(shown=f"{said.shown}\n{_ALONE}")


def agreed(answer: Mapping[str, Any], done: str, undone: str) -> Answer:
    """Say that it happened, or for whom it waits: then the answer is no."""
    asked = answer["approval"]
    if asked is None:
        return Answer(answer, done)
    how = f"They say so with: heedful approvals approve {asked['id']} --reason ... --key THEIRS"
    return Answer(answer, f"{undone} waits for {_others(asked)}.\n{how}", is_no=True)


def _others(approval: Mapping[str, Any]) -> str:
    required = approval["required"]
    return "one other person" if required == 1 else f"{required} other people"


# Guardrails


@guardrail_commands.command("list")
@asks
def list_guardrails(api: Api) -> Answer:
    """List what each limit has counted, and how much of its scope it still lets through."""
    return Answer(api.get("/v1/governance/guardrails"), _print_guardrails)


@guardrail_commands.command()
@orders
def loosen(
    api: Api,
    name: Annotated[str, typer.Argument(metavar="GUARDRAIL", help="Its name.")],
    reason: Reason,
) -> Answer:
    """Give back what a limit took, or ask the others to agree; exit code 1 while they have not."""
    path = f"/v1/governance/guardrails/{quote(name, safe='')}/loosen"
    answer = api.post(path, {"reason": reason})
    return agreed(answer, f"Loosened: {name}.", f"As tight as before: {name}")


# Approvals


@approvals_commands.command("list")
@asks
def list_approvals(
    api: Api,
    everything: Annotated[bool, typer.Option("--all", help="Also what is settled.")] = False,
) -> Answer:
    """List what waits for somebody to agree."""
    found = api.get("/v1/governance/approvals")["items"]
    items = [a for a in found if everything or a["status"] == "pending"]
    nothing = "Nothing was asked for yet." if everything else "Nothing waits for approval."
    return Answer({"items": items}, lambda _: _print_approvals(items, nothing))


@approvals_commands.command()
@orders
def approve(api: Api, approval_id: ApprovalId, reason: Reason) -> Answer:
    """Agree to what somebody else asked for; what was asked then happens."""
    return _vote(api, approval_id, {"is_approved": True, "reason": reason})


@approvals_commands.command()
@orders
def reject(api: Api, approval_id: ApprovalId, reason: Reason) -> Answer:
    """Refuse what somebody else asked for; it never happens."""
    return _vote(api, approval_id, {"is_approved": False, "reason": reason})


def _vote(api: Api, approval_id: str, ballot: Mapping[str, Any]) -> Answer:
    answer = api.post(f"/v1/governance/approvals/{quote(approval_id, safe='')}", ballot)
    version = api.get("/v1/strategy")["version"]
    settled = answer["approval"]
    says = f"{settled['kind']} {settled['subject']} is {settled['status']}."
    if settled["kind"] == "publish" and settled["subject"].startswith(f"{version}@"):
        says += f"\nIn force: version {version}."
    return Answer(answer, says)


# Incidents


@incident_commands.command("list")
@asks
def list_incidents(api: Api) -> Answer:
    """List the incidents that run, the strictest first."""
    return Answer(api.get("/v1/governance/incidents"), _print_incidents)


@incident_commands.command()
@orders
def declare(
    api: Api,
    plan: Annotated[
        str, typer.Argument(metavar="PLAN", help="Its name in policies/incidents.yaml.")
    ],
    reason: Reason,
    country: Annotated[
        str | None, typer.Option(help="Only people of this country: DE, US-FL.")
    ] = None,
    placement: Annotated[str | None, typer.Option(help="Only this place.")] = None,
    trait: Annotated[
        list[str] | None, typer.Option(help="Only people with NAME=VALUE; may be repeated.")
    ] = None,
    until: Until = None,
) -> Answer:
    """Declare an incident: growth rests, and the plan's message is said."""
    told = {"country": country, "placement": placement, "expires_at": until}
    order: dict[str, Any] = {"plan": plan, "reason": reason, "traits": _traits(trait or [])}
    given = {name: value for name, value in told.items() if value is not None}
    return Answer(api.post("/v1/governance/incidents", order | given), _print_incidents)


@incident_commands.command("end")
@orders
def end_incident(
    api: Api,
    incident_id: Annotated[str, typer.Argument(metavar="INCIDENT", help="Its id, i_...")],
    reason: Reason,
) -> Answer:
    """End an incident before its expiry."""
    path = f"/v1/governance/incidents/{quote(incident_id, safe='')}/end"
    return Answer(api.post(path, {"reason": reason}), f"Ended: {incident_id}.")


def _traits(texts: list[str]) -> dict[str, Any]:
    traits: dict[str, Any] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not (name and separator):
            end(WRONG, f"Expected NAME=VALUE, got {text!r} - at `--trait`.")
        try:
            read = json.loads(value)
        except ValueError:
            read = value
        traits[name] = read if isinstance(read, bool | int | float) else value
    return traits


# Printing


def _print_stops(answer: Mapping[str, Any]) -> None:
    from heedful.cli.screen import print_table, when

    rows = (
        (s["scope"], _named(s), s["by"], when(s["since"]), when(s["expires_at"]), s["reason"])
        for s in answer["items"]
    )
    if not print_table(("scope", "in force", "by", "since", "until", "reason"), rows):
        print("Nothing is stopped.")


def _named(stop: Mapping[str, Any]) -> str:
    return "yes" if stop["is_known"] else "nothing of this name"


def _print_guardrails(answer: Mapping[str, Any]) -> None:
    from heedful.cli.screen import print_table

    rows = (
        (g["name"], g["scope"], f"{g['hits']} of {g['trials']}", f"{g['factor']:.0%}")
        for g in answer["items"]
    )
    if not print_table(("guardrail", "scope", "counted", "let through"), rows):
        print("No guardrails: policies/guardrails.yaml would name them.")


def _print_approvals(items: list[Mapping[str, Any]], nothing: str) -> None:
    from heedful.cli.screen import print_table, when

    rows = (
        (
            a["id"],
            a["status"],
            f"{a['kind']} {a['subject']}",
            a["requested_by"],
            when(a["expires_at"]),
            a["reason"],
        )
        for a in items
    )
    columns = ("approval", "status", "for what", "asked by", "expires", "reason")
    if not print_table(columns, rows):
        print(nothing)


def _print_incidents(answer: Mapping[str, Any]) -> None:
    from heedful.cli.screen import print_table, when

    rows = (
        (
            one["id"],
            one["plan"],
            one.get("scope"),
            "rests" if one.get("is_growth_off") else "goes on",
            when(one["expires_at"]),
            one["reason"],
        )
        for one in answer["items"]
    )
    columns = ("incident", "plan", "whom", "growth", "until", "reason")
    if not print_table(columns, rows):
        print("No incident runs.")
