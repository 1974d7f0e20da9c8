"""A person's in-app messages: polled, or streamed from a cursor on, and how far they came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated, Any, Final

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Stream

from heedful.api import answers, sse
from heedful.api.bodies import INT_MAX, InboxMark
from heedful.api.context import Context, Here
from heedful.api.customers import CustomerKey
from heedful.api.paging import PageSize, page_of
from heedful.api.stream import LastEventId, Seq, read_event_id, require_place, watching
from heedful.connectors.inbox import InboxItem
from heedful.kernel import InputError, expected, format_instant

PAUSE_S: Final = 0.25
"""Least time between two looks at one inbox: a busy writer commits 80 times a second."""
PAGE: Final = 100

Done = dict[str, bool]
After = Annotated[
    int, QueryParameter(ge=0, le=INT_MAX, schema_extra={"minimum": 0}, description="Cursor.")
]


@get("/v1/customers/{customer_id:str}/inbox", answer=answers.InboxPage, sync_to_thread=True)
def inbox(
    context: Here, customer_id: CustomerKey, after: After = 0, limit: PageSize = 50
) -> dict[str, Any]:
    """Read the messages that wait for a person, the oldest first, beyond a cursor."""
    found = context.app.engine.inbox.list(customer_id, after, page_of(limit), context.app.clock())
    return {
        "items": [_shown(item) for item in found],
        "next_cursor": found[-1].cursor if found else None,
    }


def _shown(item: InboxItem) -> dict[str, Any]:
    return {
        "effect_id": item.effect.id,
        "decision_id": item.effect.decision_id,
        "put_at": format_instant(item.put_at),
        "expires_at": format_instant(item.effect.expires_at),
        "mark": item.mark,
        "message": msgspec.to_builtins(item.effect.effect),
    }


@get("/v1/customers/{customer_id:str}/inbox/stream")
async def watch_inbox(
    context: Here,
    customer_id: CustomerKey,
    after: Seq = None,
    last_event_id: LastEventId = None,
) -> Stream:
    """Watch a person's messages as server-sent events; `id` is the cursor to resume at.

    Without a cursor it begins with all that wait.
    """
    require_place(context)
    cursor = read_event_id(last_event_id) if last_event_id else after or 0
    await asyncio.to_thread(context.app.engine.key, customer_id)
    return sse.stream(_messages(context, customer_id, cursor))


async def _messages(context: Context, customer_id: str, cursor: int) -> AsyncGenerator[bytes, None]:
    app = context.app
    heartbeat_s = app.settings.stream_heartbeat_s
    async with watching(context) as news:
        yield b": listening\n\n"
        while not context.stopping.is_set():
            news.clear()
            try:
                read, now = app.engine.inbox.list, app.clock()
                found = await asyncio.to_thread(read, customer_id, cursor, PAGE, now)
            except InputError:
                return  # erased meanwhile
            if found:
                cursor = found[-1].cursor
                yield b"".join(sse.written("message", _shown(one), one.cursor) for one in found)
                continue
            await asyncio.sleep(PAUSE_S)
            try:
                async with asyncio.timeout(heartbeat_s):
                    await news.wait()
            except TimeoutError:
                yield b": quiet\n\n"


@post(
    "/v1/customers/{customer_id:str}/inbox/{effect_id:str}",
    status_code=200,
    answer=answers.Success,
    sync_to_thread=True,
)
def mark(
    context: Here, customer_id: CustomerKey, effect_id: FromPath[str], data: JSONBody[InboxMark]
) -> Done:
    """Note how far the person came with a message; `shown` counts as an outcome."""
    engine = context.app.engine
    if not engine.inbox.mark(customer_id, effect_id, data.mark, context.app.clock()):
        what = expected("a message of this person", "one that is not there", "path.effect_id")
        raise InputError("message_not_found", what)
    engine.decisions.note_mark(effect_id, data.mark)
    return {"success": True}


HANDLERS: Final = (inbox, watch_inbox, mark)
