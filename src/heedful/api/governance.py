"""The levers over HTTP: stop, start, approve, declare, prove."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from litestar import Request, get, post
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from heedful.api import answers
from heedful.api.bodies import (
    Anchors,
    Ballot,
    Because,
    IncidentOrder,
    StartOrder,
    StopOrder,
)
from heedful.api.context import CALLER, Context, Here
from heedful.govern import Approval, IncidentScope, SignedHead, status_of
from heedful.kernel import MICRO, InputError, expected, format_instant, parse_instant

_LINES: Final = "application/x-ndjson"

Asking = Request[Any, Any, Any]
Done = dict[str, bool]


@get("/v1/governance/stops", answer=answers.Levers, sync_to_thread=True)
def list_stops(context: Here) -> dict[str, Any]:
    """List what is stopped now."""
    governing = context.app.engine.governing
    stops = governing.stops()
    return {
        "items": [
            {
                "scope": one.scope,
                "by": one.by,
                "reason": one.reason,
                "since": format_instant(one.since),
                "expires_at": _shown(one.expires_at),
                "is_known": governing.unknown_name(one.scope) is None,
            }
            for one in stops
        ]
    }


@post("/v1/governance/stops", status_code=200, answer=answers.Stopped, sync_to_thread=True)
def stop(context: Here, request: Asking, data: JSONBody[StopOrder]) -> dict[str, Any]:
    """Stop an action, playbook, model, channel or all at once, also for what is queued.

    A name that nothing in force has is stopped, too, and `is_known` is false.
    """
    until = _instant(data.expires_at, "$.expires_at")
    hint = context.app.engine.governing.stop(data.scope, who(request), data.reason, until)
    return {"success": True, "is_known": hint is None, "hint": hint}


@post("/v1/governance/starts", status_code=200, answer=answers.Switched, sync_to_thread=True)
def start(context: Here, request: Asking, data: JSONBody[StartOrder]) -> dict[str, Any]:
    """Switch on what was stopped, or put it into the queue of approvals."""
    waiting = context.app.engine.governing.switch_on(data.scope, who(request), data.reason)
    return _answered(context, waiting)


@get("/v1/governance/approvals", answer=answers.Levers, sync_to_thread=True)
def list_approvals(context: Here) -> dict[str, Any]:
    """List all requests for approval, the oldest first."""
    found = context.app.engine.governing.approvals()
    return {"items": [asked(context, approval) for approval in found]}


@post(
    "/v1/governance/approvals/{approval_id:str}",
    status_code=200,
    answer=answers.Switched,
    sync_to_thread=True,
)
def vote(
    context: Here, request: Asking, approval_id: FromPath[str], data: JSONBody[Ballot]
) -> dict[str, Any]:
    """Agree or refuse, never to what one asked for oneself; what is agreed to happens at once."""
    approval = context.app.vote(approval_id, who(request), data.is_approved, data.reason)
    return {"success": True, "approval": asked(context, approval)}


@get("/v1/governance/incidents", answer=answers.Levers, sync_to_thread=True)
def list_incidents(context: Here) -> dict[str, Any]:
    """List the incidents that run."""
    return _open_incidents(context)


def _open_incidents(context: Context) -> dict[str, Any]:
    found = context.app.engine.governing.incidents()
    return {"items": [msgspec.to_builtins(incident) for incident in found]}


@post("/v1/governance/incidents", status_code=200, answer=answers.Levers, sync_to_thread=True)
def declare(context: Here, request: Asking, data: JSONBody[IncidentOrder]) -> dict[str, Any]:
    """Declare an incident: growth rests, and the plan's message is said."""
    governing = context.app.engine.governing
    scope = IncidentScope(traits=data.traits, country=data.country, placement=data.placement)
    until = _instant(data.expires_at, "$.expires_at")
    governing.declare(data.plan, scope, who(request), data.reason, until)
    return _open_incidents(context)


@post(
    "/v1/governance/incidents/{incident_id:str}/end",
    status_code=200,
    answer=answers.Success,
    sync_to_thread=True,
)
def end(
    context: Here, request: Asking, incident_id: FromPath[str], data: JSONBody[Because]
) -> Done:
    """End an incident before its expiry."""
    context.app.engine.governing.end(incident_id, who(request), data.reason)
    return {"success": True}


@get("/v1/governance/guardrails", answer=answers.Levers, sync_to_thread=True)
def list_guardrails(context: Here) -> dict[str, Any]:
    """List the limits that tighten by themselves, with what they have counted and taken."""
    states = context.app.engine.governing.guardrails()
    return {
        "items": [
            {
                "name": one.name,
                "scope": one.scope,
                "factor": one.factor_ppm / MICRO,
                "trials": one.trials,
                "hits": one.hits,
            }
            for one in states
        ]
    }


@post(
    "/v1/governance/guardrails/{name:str}/loosen",
    status_code=200,
    answer=answers.Switched,
    sync_to_thread=True,
)
def loosen(
    context: Here, request: Asking, name: FromPath[str], data: JSONBody[Because]
) -> dict[str, Any]:
    """Give back what a guardrail took, or put it into the queue of approvals."""
    waiting = context.app.engine.governing.loosen(name, who(request), data.reason)
    return _answered(context, waiting)


@get("/v1/governance/audit", sync_to_thread=True, says=_LINES)
def export_audit(context: Here) -> Stream:
    """Export the audit chain as JSON lines."""
    return Stream(_lines(context), media_type=_LINES)


def _lines(context: Context) -> Iterator[bytes]:
    for line in context.app.engine.governing.audit_lines():
        yield line + b"\n"


@get("/v1/governance/audit/head", answer=answers.AuditHead, sync_to_thread=True)
def audit_head(context: Here) -> dict[str, Any]:
    """Sign where the audit chain stands; keep the answer elsewhere."""
    return context.app.audit_head()


@post(
    "/v1/governance/audit/verify", status_code=200, answer=answers.AuditVerdict, sync_to_thread=True
)
def verify_audit(context: Here, data: JSONBody[Anchors]) -> dict[str, Any]:
    """Check the audit chain, also against heads that were kept elsewhere."""
    anchors = [
        SignedHead(seq=a.seq, hash=a.hash, at=a.at, signature=a.signature) for a in data.anchors
    ]
    found = context.app.verify_audit(anchors)
    return {
        "is_intact": found.is_intact,
        "checked": found.checked,
        "anchored_seq": found.anchored_seq,
        "fault": None if found.fault is None else found.fault._asdict(),
    }


def _answered(context: Context, waiting: Approval | None) -> dict[str, Any]:
    approval = None if waiting is None else asked(context, waiting)
    return {"success": waiting is None, "approval": approval}


def who(request: Asking) -> str:
    """Name who calls."""
    return str(request.scope["state"][CALLER].name)


def asked(context: Context, approval: Approval) -> dict[str, Any]:
    """Show a request for approval, with where it stands."""
    said: dict[str, Any] = msgspec.to_builtins(approval)
    return {**said, "status": status_of(approval, context.app.clock())}


def _instant(text: str | None, path: str) -> int | None:
    at = None if text is None else parse_instant(text)
    if text is not None and at is None:
        what = expected("an instant such as 2026-01-31T12:00:00Z", repr(text), path)
        raise InputError("bad_instant", what)
    return at


def _shown(at: int | None) -> str | None:
    return None if at is None else format_instant(at)


HANDLERS: Final = (
    list_stops,
    stop,
    start,
    list_approvals,
    vote,
    list_incidents,
    declare,
    end,
    list_guardrails,
    loosen,
    export_audit,
    audit_head,
    verify_audit,
)
