"""The levers on the command line: stop, start, approve, loosen, declare an incident."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from heedful.cli.answers import NO, WRONG, end
from heedful.cli.options import HERE, AsKey, Db, Dir, Json

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


def stop(
    scope: Scope,
    reason: Reason,
    until: Until = None,
    key: AsKey = None,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Stop a scope at once, also what is queued already; `heedful start` ends it."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    asked = {"scope": scope, "reason": reason} | ({} if until is None else {"expires_at": until})
    with connect(directory, db, key) as api:
        answer = api.post("/v1/governance/stops", asked)
    print_json(answer) if as_json else print(f"Stopped: {scope}. Nothing of it goes out.")


def stops(directory: Dir = HERE, db: Db = None, as_json: Json = False) -> None:
    """List what is stopped now."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json, print_table, when

    with connect(directory, db) as api:
        answer = api.get("/v1/governance/stops")
    if as_json:
        print_json(answer)
        return
    rows = (
        (s["scope"], s["by"], when(s["since"]), when(s["expires_at"]), s["reason"])
        for s in answer["items"]
    )
    if not print_table(("scope", "by", "since", "until", "reason"), rows):
        print("Nothing is stopped.")


def start(
    scope: Scope,
    reason: Reason,
    key: AsKey = None,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Switch a scope on again, or ask the others to agree; exit code 1 while they have not."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    with connect(directory, db, key) as api:
        answer = api.post("/v1/governance/starts", {"scope": scope, "reason": reason})
    if as_json:
        print_json(answer)
    say_agreed(answer, f"Started: {scope}.", f"Still stopped: {scope}", is_quiet=as_json)


def say_agreed(answer: Mapping[str, Any], done: str, undone: str, *, is_quiet: bool) -> None:
    """Say that it happened, or for whom it waits; then exit code 1."""
    asked = answer["approval"]
    if asked is None:
        if not is_quiet:
            print(done)
        return
    if not is_quiet:
        print(f"{undone} waits for {_others(asked)}.")
        print(f"They say so with: heedful approvals approve {asked['id']} --reason ...")
    end(NO)


def _others(approval: Mapping[str, Any]) -> str:
    required = approval["required"]
    return "one other person" if required == 1 else f"{required} other people"


# Guardrails


@guardrail_commands.command("list")
def list_guardrails(directory: Dir = HERE, db: Db = None, as_json: Json = False) -> None:
    """List what each limit has counted, and how much of its scope it still lets through."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json, print_table

    with connect(directory, db) as api:
        answer = api.get("/v1/governance/guardrails")
    if as_json:
        print_json(answer)
        return
    rows = (
        (g["name"], g["scope"], f"{g['hits']} of {g['trials']}", f"{g['factor']:.0%}")
        for g in answer["items"]
    )
    if not print_table(("guardrail", "scope", "counted", "let through"), rows):
        print("No guardrails: policies/guardrails.yaml would name them.")


@guardrail_commands.command()
def loosen(
    name: Annotated[str, typer.Argument(metavar="GUARDRAIL", help="Its name.")],
    reason: Reason,
    key: AsKey = None,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Give back what a limit took, or ask the others to agree; exit code 1 while they have not."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    with connect(directory, db, key) as api:
        path = f"/v1/governance/guardrails/{quote(name, safe='')}/loosen"
        answer = api.post(path, {"reason": reason})
    if as_json:
        print_json(answer)
    say_agreed(answer, f"Loosened: {name}.", f"As tight as before: {name}", is_quiet=as_json)


# Approvals


@approvals_commands.command("list")
def list_approvals(
    everything: Annotated[bool, typer.Option("--all", help="Also what is settled.")] = False,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """List what waits for somebody to agree."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json, print_table, when

    with connect(directory, db) as api:
        answer = api.get("/v1/governance/approvals")
    items = [a for a in answer["items"] if everything or a["status"] == "pending"]
    if as_json:
        print_json({"items": items})
        return
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
        print("Nothing waits for approval." if not everything else "Nothing was asked for yet.")


@approvals_commands.command()
def approve(
    approval_id: ApprovalId,
    reason: Reason,
    key: AsKey = None,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Agree to what somebody else asked for; what was asked then happens."""
    _vote(approval_id, True, reason, key, directory, db, as_json)


@approvals_commands.command()
def reject(
    approval_id: ApprovalId,
    reason: Reason,
    key: AsKey = None,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Refuse what somebody else asked for; it never happens."""
    _vote(approval_id, False, reason, key, directory, db, as_json)


def _vote(
    approval_id: str,
    is_approved: bool,
    reason: str,
    key: str | None,
    directory: Path,
    db: Path | None,
    as_json: bool,
) -> None:
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    ballot = {"is_approved": is_approved, "reason": reason}
    with connect(directory, db, key) as api:
        answer = api.post(f"/v1/governance/approvals/{quote(approval_id, safe='')}", ballot)
        version = api.get("/v1/strategy")["version"]
    settled = answer["approval"]
    if as_json:
        print_json(answer)
        return
    print(f"{settled['kind']} {settled['subject']} is {settled['status']}.")
    if settled["kind"] == "publish" and settled["subject"].startswith(f"{version}@"):
        print(f"In force: version {version}.")


# Incidents


@incident_commands.command("list")
def list_incidents(directory: Dir = HERE, db: Db = None, as_json: Json = False) -> None:
    """List the incidents that run, the strictest first."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    with connect(directory, db) as api:
        answer = api.get("/v1/governance/incidents")
    print_json(answer) if as_json else _print_incidents(answer["items"])


@incident_commands.command()
def declare(
    plan: Annotated[
        str, typer.Argument(metavar="PLAN", help="Its name in policies/incidents.yaml.")
    ],
    reason: Reason,
    country: Annotated[str | None, typer.Option(help="Only people of this country.")] = None,
    placement: Annotated[str | None, typer.Option(help="Only this place.")] = None,
    trait: Annotated[
        list[str] | None, typer.Option(help="Only people with NAME=VALUE; may be repeated.")
    ] = None,
    until: Until = None,
    key: AsKey = None,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Declare an incident: growth rests, and the plan's message is said."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    told = {"country": country, "placement": placement, "expires_at": until}
    order: dict[str, Any] = {"plan": plan, "reason": reason, "traits": _traits(trait or [])}
    with connect(directory, db, key) as api:
        given = {name: value for name, value in told.items() if value is not None}
        answer = api.post("/v1/governance/incidents", order | given)
    print_json(answer) if as_json else _print_incidents(answer["items"])


@incident_commands.command("end")
def end_incident(
    incident_id: Annotated[str, typer.Argument(metavar="INCIDENT", help="Its id, i_...")],
    reason: Reason,
    key: AsKey = None,
    directory: Dir = HERE,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """End an incident before its expiry."""
    from heedful.cli.client import connect
    from heedful.cli.screen import print_json

    path = f"/v1/governance/incidents/{quote(incident_id, safe='')}/end"
    with connect(directory, db, key) as api:
        answer = api.post(path, {"reason": reason})
    print_json(answer) if as_json else print(f"Ended: {incident_id}.")


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


def _print_incidents(items: list[dict[str, Any]]) -> None:
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
        for one in items
    )
    columns = ("incident", "plan", "whom", "growth", "until", "reason")
    if not print_table(columns, rows):
        print("No incident runs.")
