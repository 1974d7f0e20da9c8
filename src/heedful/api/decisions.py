"""Deciding over HTTP: what to do now, what became of it, why; the inbox and the outbox."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Response

from heedful.api import answers
from heedful.api.bodies import Outcome
from heedful.api.context import Here
from heedful.api.customers import CustomerKey
from heedful.api.deciding import explained
from heedful.api.paging import Cursor, PageSize, page_of, read_cursor
from heedful.engine.decisions import shown
from heedful.kernel import InputError, expected, format_instant, parse_instant
from heedful.ports import EffectStatus

Done = dict[str, bool]
EffectState = Annotated[EffectStatus, QueryParameter(description="Which effects.")]


@post("/v1/outcomes", status_code=200, answer=answers.Success)
async def report(context: Here, data: JSONBody[Outcome]) -> Done:
    """Report what became of a decision; a `message_id` makes repeating harmless."""
    at = None if data.at is None else parse_instant(data.at)
    if data.at is not None and at is None:
        what = expected("an instant such as 2026-01-31T12:00:00Z", repr(data.at), "$.at")
        raise InputError("bad_instant", what)
    reported = await asyncio.to_thread(
        context.app.engine.decisions.report,
        data.decision_id,
        data.outcome,
        data.value,
        data.currency,
        at,
        data.message_id,
    )
    await asyncio.wrap_future(reported)
    return {"success": True}


@get("/v1/decisions/{decision_id:str}", answer=answers.Decided, sync_to_thread=True)
def show_decision(context: Here, decision_id: FromPath[str]) -> dict[str, Any]:
    """Show a decision, why, what would have changed it, and what became of it."""
    decisions = context.app.engine.decisions
    decision = decisions.read(decision_id)
    became = msgspec.to_builtins(decisions.aftermath(decision_id))
    return {**shown(decision, None), **explained(decisions.explain(decision)), "became": became}


@get("/v1/customers/{customer_id:str}/decisions", answer=answers.DecidedPage, sync_to_thread=True)
def list_decisions(
    context: Here, customer_id: CustomerKey, limit: PageSize = 50, cursor: Cursor = ""
) -> dict[str, Any]:
    """Read a page of a person's decisions, the newest first."""
    limit, before = page_of(limit), read_cursor(cursor)
    engine = context.app.engine
    found = engine.decisions.of(engine.fragments(customer_id), limit + 1, before)
    page = found[:limit]
    more = len(found) > limit
    return {
        "items": [
            {
                **shown(decision, None),
                "at": format_instant(decision.at),
                "sentence": engine.decisions.explain(decision).sentence,
            }
            for decision in page
        ],
        "next_cursor": f"{page[-1].at}.{page[-1].id}" if more else None,
    }


@get("/v1/customers/{customer_id:str}/withheld", answer=answers.Withheld, sync_to_thread=True)
def withheld(context: Here, customer_id: CustomerKey) -> dict[str, Any]:
    """Say why this person gets nothing: hold-out, cap, zone, silence, consent, need."""
    engine = context.app.engine
    found = engine.decisions.withheld(engine.key(customer_id))
    return {"items": [{"code": code, "why": why} for code, why in found]}


@get("/v1/effects", answer=answers.Effects, sync_to_thread=True)
def list_effects(
    context: Here, status: EffectState = "dead", after: FromQuery[str] = "", limit: PageSize = 100
) -> dict[str, Any]:
    """Read what waits, went out, or never will, by status; the dead letters unless told."""
    limit = page_of(limit)
    rows = context.app.engine.decisions.effects(status, after, limit)
    return {"items": rows, "next_cursor": rows[-1]["effect_id"] if len(rows) == limit else None}


@post(
    "/v1/effects/{effect_id:str}/redrive",
    status_code=200,
    answer=answers.Success,
    sync_to_thread=True,
)
def redrive_effect(context: Here, effect_id: FromPath[str]) -> Done:
    """Send a dead letter once more; all gates are looked at again."""
    context.app.engine.decisions.redrive(effect_id)
    return {"success": True}


_HTML: Final = "text/html"
_PAGE: Final = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{title}</title>
<style>body{{font:1.1rem/1.5 system-ui;max-width:32rem;margin:4rem auto;padding:0 1rem}}
button{{font:inherit;padding:.5rem 1.5rem}}</style><h1>{title}</h1>{body}</html>"""


@get("/v1/unsubscribe/{token:str}", sync_to_thread=True, says=_HTML)
def unsubscribe_page(context: Here, token: FromPath[str]) -> Response[str]:
    """Ask whether the person really means it: a mail reader that fetches links changes nothing."""
    context.app.unsubscription(token)
    form = '<form method="post"><button>Yes, no more of these</button></form>'
    return _html("Unsubscribe?", form)


@post("/v1/unsubscribe/{token:str}", status_code=200, sync_to_thread=True, says=_HTML)
def unsubscribe(context: Here, token: FromPath[str]) -> Response[str]:
    """Withdraw the consent that a message rested on; in force at the next decision."""
    context.app.unsubscribe(token)
    return _html("You are unsubscribed", "<p>You will get no more of these messages.</p>")


def _html(title: str, body: str) -> Response[str]:
    return Response(_PAGE.format(title=title, body=body), media_type=_HTML)


HANDLERS: Final = (
    report,
    show_decision,
    list_decisions,
    withheld,
    list_effects,
    redrive_effect,
    unsubscribe_page,
    unsubscribe,
)
