"""Server-sent events: how they are written, and long work that reports as it goes."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final

import msgspec
from litestar.response import Stream

from heedful.api.context import Context
from heedful.api.errors import answer_to
from heedful.kernel import HeedfulError

Progress = Callable[[int, int], None]
Tell = Callable[[str, Any], None]
"""Sends an event of a name of its own; waits while the caller reads too slowly."""
TOLD_AHEAD: Final = 8
"""Events of long work that may wait for the caller; at one more the work itself waits."""
MEDIA_TYPE: Final = "text/event-stream"
REPORT_EVERY_S: Final = 0.1
"""Least time between two reports of progress."""

_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class CallerLeftError(Exception):
    """Nobody waits for the result any more."""


def written(name: str, data: Any, id_: int | None = None) -> bytes:
    """Write one event."""
    place = b"" if id_ is None else b"id: %d\n" % id_
    return place + b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"


def stream(events: AsyncGenerator[bytes, None]) -> Stream:
    """Answer with events as they come."""
    return Stream(events, media_type=MEDIA_TYPE, headers=_HEADERS, status_code=200)


def working(context: Context, work: Callable[[Progress], Any]) -> Stream:
    """Answer with the progress of long work, then with its `result`, or with an `error`."""
    return telling(context, lambda progress, tell: work(progress))


def telling(context: Context, work: Callable[[Progress, Tell], Any]) -> Stream:
    """Answer as `working`, with what the work tells as it goes.

    An error says the `status` that the answer would have had, had it not begun already.

    Notes
    -----
    The work runs on a thread. When the caller leaves, its next report of progress raises in it,
    so nothing runs for nobody.
    """
    return stream(_worked(context, work))


async def _worked(
    context: Context, work: Callable[[Progress, Tell], Any]
) -> AsyncGenerator[bytes, None]:
    loop = asyncio.get_running_loop()
    told: asyncio.Queue[bytes | None] = asyncio.Queue()
    left = threading.Event()
    room = threading.Semaphore(TOLD_AHEAD)
    last = 0.0

    def tell(message: bytes | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended with the server
            loop.call_soon_threadsafe(told.put_nowait, message)

    def stay() -> None:
        if left.is_set() or context.stopping.is_set():
            raise CallerLeftError

    def tell_more(name: str, data: Any) -> None:
        while not room.acquire(timeout=REPORT_EVERY_S):
            stay()
        tell(written(name, data))

    def progress(done: int, total: int) -> None:
        nonlocal last
        stay()
        now = time.monotonic()
        if now - last >= REPORT_EVERY_S:
            last = now
            tell(written("progress", {"done": done, "total": total}))

    def run() -> None:
        try:
            tell(written("result", work(progress, tell_more)))
        except CallerLeftError:
            pass
        except Exception as error:
            answer = answer_to(error)
            if not isinstance(error, HeedfulError):
                context.log.error("work_fault", error=type(error).__name__)
            said = {"status": answer.status, "code": answer.code, "message": answer.message}
            tell(written("error", said))
        finally:
            tell(None)

    thread = threading.Thread(target=run, name="heedful-work", daemon=True)
    thread.start()
    try:
        while (message := await told.get()) is not None:
            yield message
            room.release()
    finally:
        left.set()
