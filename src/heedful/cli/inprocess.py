"""The server's ASGI application, called in this process: no port, no socket, the same bytes.

httpx has such a transport for its async client only, and that one waits for the whole answer; a
replay's progress and a stream have to be seen while they happen.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any, Final

import httpx

_END: Final = None


class InProcess(httpx.BaseTransport):
    """Run an ASGI application on a thread of its own and speak HTTP to it by function call.

    Parameters
    ----------
    asgi
        The application; its lifespan is started here and ended by `close`.
    """

    def __init__(self, asgi: Any) -> None:
        self._asgi = asgi
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="asgi", daemon=True)
        self._thread.start()
        self._lifespan: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._ended: Future[None] | None = None
        self._start()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request; the body arrives piece by piece."""
        exchange = _Exchange(self._loop, request)
        exchange.task = asyncio.run_coroutine_threadsafe(exchange.run(self._asgi), self._loop)
        status, headers = exchange.head()
        return httpx.Response(status, headers=headers, stream=exchange)

    def close(self) -> None:
        """End the application's lifespan and the thread."""
        if self._thread.is_alive():
            self._tell("lifespan.shutdown")
            if self._ended is not None:
                self._ended.result(timeout=30)
            asyncio.run_coroutine_threadsafe(_end_tasks(), self._loop).result(timeout=30)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _tell(self, kind: str) -> None:
        self._loop.call_soon_threadsafe(self._lifespan.put_nowait, {"type": kind})

    def _start(self) -> None:
        started: Future[None] = Future()

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "lifespan.startup.failed":
                started.set_exception(RuntimeError(message.get("message", "start-up failed")))
            elif not started.done():
                started.set_result(None)

        async def live() -> None:
            scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
            try:
                await self._asgi(scope, self._lifespan.get, send)
            finally:
                # An application without a lifespan raises or returns at once; both are allowed.
                if not started.done():
                    started.set_result(None)

        self._ended = asyncio.run_coroutine_threadsafe(live(), self._loop)
        self._tell("lifespan.startup")
        started.result()


async def _end_tasks() -> None:
    # What Ctrl-C left half answered.
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Exchange(httpx.SyncByteStream):
    """One request and its answer, between this thread and the application's."""

    def __init__(self, loop: asyncio.AbstractEventLoop, request: httpx.Request) -> None:
        self._loop, self._request = loop, request
        self._messages: queue.SimpleQueue[dict[str, Any] | BaseException | None]
        self._messages = queue.SimpleQueue()
        self._is_sent = False
        self._gone: asyncio.Event | None = None
        self.task: Future[None] | None = None

    async def run(self, asgi: Any) -> None:
        self._gone = asyncio.Event()
        try:
            await asgi(self._scope(), self._receive, self._send)
        except Exception as error:
            self._messages.put(error)
        finally:
            self._messages.put(_END)

    def head(self) -> tuple[int, list[tuple[bytes, bytes]]]:
        message = self._messages.get()
        if isinstance(message, BaseException):
            raise httpx.RemoteProtocolError(f"the server failed: {message!r}") from message
        if message is None:
            raise httpx.RemoteProtocolError("the server gave no answer")
        return message["status"], list(message["headers"])

    def __iter__(self) -> Iterator[bytes]:
        while isinstance(message := self._messages.get(), dict):
            yield message.get("body", b"")
            if not message.get("more_body"):
                return
        if isinstance(message, BaseException):
            raise httpx.RemoteProtocolError(f"the server failed: {message!r}") from message

    def close(self) -> None:
        gone = self._gone
        if gone is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(gone.set)

    async def _receive(self) -> dict[str, Any]:
        if not self._is_sent:
            self._is_sent = True
            return {"type": "http.request", "body": self._request.read(), "more_body": False}
        assert self._gone is not None
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        self._messages.put(message)

    def _scope(self) -> dict[str, Any]:
        url = self._request.url
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self._request.method,
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.split(b"?")[0],
            "query_string": url.query,
            "root_path": "",
            "headers": [(k.lower(), v) for k, v in self._request.headers.raw],
            "server": (url.host, url.port or 80),
            "client": ("127.0.0.1", 0),
            "state": {},
        }
