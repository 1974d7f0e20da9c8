"""`/v1/stream`: what has just been committed, from a cursor on, for as long as somebody watches.

The cursor is `seq`, the place in the log. What the ring of this process no longer holds is read
from the log, so a watcher who was away misses no event; merges, splits and signals that changed by
themselves are seen only while they are in the ring.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Annotated, Any, Final

from litestar import get
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import Stream

from heedful.api import sse
from heedful.api.bodies import INT_MAX
from heedful.api.context import Context, Here
from heedful.engine import Engine, Notice
from heedful.engine.stream import RING_MAX
from heedful.kernel import InputError, expected

PAUSE_S: Final = 0.05
"""Least time between two looks at the ring: a busy writer commits 80 times a second."""
LOG_PAGE: Final = 500

Seq = Annotated[
    int | None,
    QueryParameter(
        ge=0, schema_extra={"minimum": 0}, le=INT_MAX, description="Begin after this `seq`."
    ),
]
LastEventId = Annotated[
    str | None,
    HeaderParameter(name="Last-Event-ID", max_length=32, description="Of the event seen last."),
]


@get("/v1/stream")
async def watch(context: Here, after: Seq = None, last_event_id: LastEventId = None) -> Stream:
    """Watch events, merges and signals as server-sent events; `id` is the cursor to resume at."""
    require_place(context)
    cursor = read_event_id(last_event_id) if last_event_id else after
    return sse.stream(_notices(context, cursor))


def require_place(context: Context) -> None:
    """Refuse one watcher more than there may be."""
    if len(context.watchers) >= context.app.settings.stream_watchers_max:
        what = expected("fewer watchers", "as many as there may be", "server")
        raise InputError("too_many_watchers", what)


def read_event_id(text: str) -> int:
    """Read `Last-Event-ID` as the cursor that it is."""
    if not (text.isascii() and text.isdecimal()) or int(text) > INT_MAX:
        what = expected("the id of an event of this stream", "another text", "Last-Event-ID")
        raise InputError("bad_cursor", what)
    return int(text)


async def _notices(context: Context, cursor: int | None) -> AsyncGenerator[bytes, None]:
    async with watching(context) as news:
        yield b": listening\n\n"
        follower = Follower(context.app.engine, cursor)
        await asyncio.to_thread(follower.begin)
        while not context.stopping.is_set():
            news.clear()
            batch = await asyncio.to_thread(follower.take)
            if batch:
                yield b"".join(batch)
                await asyncio.sleep(PAUSE_S)
                continue
            try:
                async with asyncio.timeout(context.app.settings.stream_heartbeat_s):
                    await news.wait()
            except TimeoutError:
                yield b": quiet\n\n"


@contextlib.asynccontextmanager
async def watching(context: Context) -> AsyncGenerator[asyncio.Event, None]:
    """Count as a watcher, and give what is set after each commit and when the server stops."""
    loop, news = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        # On the writer's thread, which must not fail because a watcher's loop has ended.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(news.set)

    stop = context.app.engine.stream.listen(wake)
    context.watchers.add(news)
    try:
        yield news
    finally:
        stop()
        context.watchers.discard(news)


class Follower:
    """One watcher's place: everything up to `cursor` is sent, and of its own `seq` what is known.

    A notice of something that landed no event carries the `seq` of the event before it, so what
    was sent at the cursor's own `seq` is remembered.
    """

    def __init__(self, engine: Engine, cursor: int | None) -> None:
        self._engine = engine
        self._cursor = cursor
        self._sent: set[Notice] = set()

    def begin(self) -> None:
        """Take the place: at the end of the log where none was asked for."""
        if self._cursor is None:
            self._cursor = self._engine.store.read(lambda tx: tx.last_seq())
        self._sent = {n for n in self._ring(self._cursor - 1) if n.seq <= self._cursor}

    def take(self) -> list[bytes]:
        """Give what is new, as written events; empty when nothing is."""
        cursor = self._cursor or 0
        oldest = next(iter(self._engine.stream.after(-1, 1)), None)
        if oldest is None or oldest.seq > cursor + 1:
            past = self._from_log(cursor, None if oldest is None else oldest.seq)
            if past:
                return past
        fresh = [n for n in self._ring(cursor - 1) if n not in self._sent]
        if fresh:
            last = max(fresh[-1].seq, cursor)
            kept = self._sent if last == cursor else set()
            self._sent = kept | {n for n in fresh if n.seq == last}
            self._cursor = last
        return [sse.written(n.kind, n, n.seq) for n in fresh]

    def _ring(self, after: int) -> list[Notice]:
        return self._engine.stream.after(after, RING_MAX)

    def _from_log(self, cursor: int, until: int | None) -> list[bytes]:
        found = []
        for seq, event in self._engine.events_after(cursor, LOG_PAGE):
            if until is not None and seq >= until:
                break
            said: dict[str, Any] = {
                "seq": seq,
                "kind": "event",
                "at": event.at,
                "customer_id": self._customer(event.user_id, event.anonymous_id),
                "name": event.name,
                "type": event.type,
                "source": event.source,
            }
            found.append(sse.written("event", said, seq))
            self._cursor, self._sent = seq, set()
        return found

    def _customer(self, user_id: str | None, anonymous_id: str | None) -> str:
        for namespace, value in (("user_id", user_id), ("anonymous_id", anonymous_id)):
            if value is not None:
                with contextlib.suppress(InputError):
                    return self._engine.lookup(namespace, value)
        return ""


HANDLERS: Final = (watch,)
