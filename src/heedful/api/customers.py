"""The golden record and the person's rights."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath, JSONBody, PathParameter

from heedful.api import answers
from heedful.api.bodies import (
    Consent,
    CustomerId,
    Lookup,
    MergePreview,
    Objection,
    Unmerge,
)
from heedful.api.context import Context, Here
from heedful.api.paging import Cursor, PageSize, page_of, read_cursor
from heedful.app import keeping
from heedful.events import Identifier
from heedful.kernel import InputError, expected
from heedful.kernel.names import nearest
from heedful.strategy.sections import SERVICE

CustomerKey = Annotated[
    str, PathParameter(description="Any id under which the customer was ever known.")
]
Done = dict[str, bool]


@post("/v1/customers/lookup", status_code=200, sync_to_thread=True)
def lookup(context: Here, data: JSONBody[Lookup]) -> CustomerId:
    """Find the customer who holds an identifier."""
    return CustomerId(customer_id=context.app.engine.lookup(data.namespace, data.value))


@get("/v1/customers/{customer_id:str}", answer=answers.Customer, sync_to_thread=True)
def show(context: Here, customer_id: CustomerKey) -> dict[str, Any]:
    """Show a customer: identifiers, traits, accounts, consents, contacts, signals."""
    return context.app.engine.customer(customer_id)


@get("/v1/customers/{customer_id:str}/timeline", answer=answers.Timeline, sync_to_thread=True)
def timeline(
    context: Here, customer_id: CustomerKey, limit: PageSize = 50, cursor: Cursor = ""
) -> dict[str, Any]:
    """Read a page of a customer's events, the newest first."""
    read_cursor(cursor)
    return context.app.engine.timeline(customer_id, page_of(limit), cursor or None)


@get("/v1/customers/{customer_id:str}/graph", answer=answers.Graph, sync_to_thread=True)
def graph(context: Here, customer_id: CustomerKey) -> dict[str, Any]:
    """Show why a customer is one person: fragments, merges and their evidence."""
    return context.app.engine.graph(customer_id)


@get("/v1/customers/{customer_id:str}/export", answer=answers.Export, sync_to_thread=True)
def export(context: Here, customer_id: CustomerKey) -> dict[str, Any]:
    """Give everything that is held about a person."""
    return context.app.engine.export(customer_id)


@get(
    "/v1/customers/{customer_id:str}/signals/{name:str}/explain",
    answer=answers.Explanation,
    sync_to_thread=True,
)
def explain(context: Here, customer_id: CustomerKey, name: FromPath[str]) -> dict[str, Any]:
    """List the events behind a signal's value."""
    found = context.app.engine.explain(customer_id, name)
    shown: dict[str, Any] = msgspec.to_builtins(found)
    return shown


@post(
    "/v1/customers/{customer_id:str}/merge-preview",
    status_code=200,
    answer=answers.MergePreviewed,
    sync_to_thread=True,
)
def preview_merge(
    context: Here, customer_id: CustomerKey, data: JSONBody[MergePreview]
) -> dict[str, Any]:
    """Show what an event that names both customers would do, without doing it."""
    return context.app.engine.preview_merge(customer_id, data.other)


@post(
    "/v1/customers/{customer_id:str}/unmerge",
    status_code=200,
    answer=answers.Split,
    sync_to_thread=True,
)
def unmerge(
    context: Here, customer_id: CustomerKey, data: JSONBody[Unmerge]
) -> dict[str, list[str]]:
    """Take the named identifiers, and their events, away from a customer for good."""
    split = [Identifier(one.namespace, one.value) for one in data.identifiers]
    return {"customers": context.app.engine.unmerge(customer_id, split)}


@post(
    "/v1/customers/{customer_id:str}/object",
    status_code=200,
    answer=answers.Success,
    sync_to_thread=True,
)
def object_to(context: Here, customer_id: CustomerKey, data: JSONBody[Objection]) -> Done:
    """Record that a person objects to a purpose; in force at their next event."""
    _require_purpose(context, customer_id, data.purpose)
    context.app.engine.object_to(customer_id, data.purpose, data.source)
    return {"success": True}


@post(
    "/v1/customers/{customer_id:str}/consents",
    status_code=200,
    answer=answers.Success,
    sync_to_thread=True,
)
def state_consent(context: Here, customer_id: CustomerKey, data: JSONBody[Consent]) -> Done:
    """Record a consent, its denial or its withdrawal; in force at the next event."""
    _require_purpose(context, customer_id, data.purpose)
    said = {name: value for name, value in msgspec.structs.asdict(data).items() if value}
    context.app.engine.state_consent(customer_id, said)
    return {"success": True}


def _require_purpose(context: Context, customer_id: str, purpose: str) -> None:
    """Refuse a purpose that nothing acts on: a withdrawal with a slip in it would change nothing.

    One that the strategy no longer knows can still be said of a person of whom it is held.
    """
    known = (SERVICE, *context.app.strategy.purposes)
    if purpose in known:
        return
    held = {consent["purpose"] for consent in context.app.engine.customer(customer_id)["consents"]}
    if purpose in held:
        return
    near = nearest(purpose, known)
    remedy = f"Did you mean {near}?" if near else f"Known are {', '.join(known)}."
    what = expected("a purpose of the strategy", "another", "$.purpose", remedy)
    raise InputError("unknown_purpose", what)


@delete(
    "/v1/customers/{customer_id:str}", status_code=200, answer=answers.Erased, sync_to_thread=True
)
def erase(context: Here, customer_id: CustomerKey) -> dict[str, Any]:
    """Erase a person everywhere, and refuse their identifiers from now on."""
    return keeping.erase(context.app, customer_id)


HANDLERS: Final = (
    lookup,
    show,
    timeline,
    graph,
    export,
    explain,
    preview_merge,
    unmerge,
    object_to,
    state_consent,
    erase,
)
