"""The server: ingest in front, the site behind, and a stop that loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from types import FrameType
from typing import Any, Final

import uvicorn

from heedful.api.context import Context
from heedful.api.deciding import Deciding
from heedful.api.errors import answer_to, unknown_route
from heedful.api.ingest import ROUTES, Ingest, respond_to_error
from heedful.api.logs import configure_logs
from heedful.api.roles import DECIDE, methods_of
from heedful.api.site import site
from heedful.api.wire import (
    Asgi,
    Receive,
    Scope,
    Send,
    answered_after_body,
    in_time,
    respond,
    without_body,
)
from heedful.app import App
from heedful.kernel import PeerError, expected

GARBAGE_THRESHOLDS: Final = (50_000, 20, 100)
"""Allocations before the youngest objects are looked through, and how often the older ones are."""

SWITCH_INTERVAL_S: Final = 0.001
"""How long a busy thread keeps the interpreter while another one waits for it.

Measured beside a thread that parses JSON all the time: the event loop gets its turn after 1.3 ms at
p50 where Python's own 5 ms let it wait for 11, and the busy thread does as much as before.
"""


class Front:
    """The one ASGI callable: the hot routes at once, all others through the site."""

    def __init__(self, context: Context) -> None:
        self.context = context
        context.app.engine.on_batch = context.metrics.observe
        self._hot: dict[str, Asgi] = dict.fromkeys(ROUTES, Ingest(context))
        self._hot[DECIDE.path] = Deciding(context)
        self._site: Asgi = site(context)  # type: ignore[assignment]
        self.at_once = 0
        """Requests in work."""
        self._most = context.app.settings.requests_at_once_max
        self._body_wait_s = context.app.settings.body_wait_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._site(scope, receive, send)
            return
        path = scope["path"].rstrip("/")
        hot = self._hot.get(path)
        if self.at_once >= self._most:
            what = expected(f"at most {self._most} requests at once", "more", "server")
            await respond_to_error(send, answer_to(PeerError("too_busy", what)))
            return
        receive = in_time(receive, self._body_wait_s)
        receive, send = answered_after_body(scope, receive, send)
        self.at_once += 1
        try:
            if scope["method"] == "OPTIONS" and path not in ROUTES:
                await _say_methods(scope, send)
            elif hot is not None:
                await hot(scope, receive, send)
            else:
                if scope["method"] == "HEAD":
                    scope, send = without_body(scope, send)
                await self._site(scope, receive, self._counted(scope, send))
        finally:
            self.at_once -= 1

    def _counted(self, scope: Scope, send: Send) -> Send:
        requests = self.context.metrics.requests

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                # The template, never the path: a path holds ids, and its values have no end.
                route = scope.get("path_template") or "unknown"
                requests.labels(route, str(message["status"])).inc()
            await send(message)

        return sent


async def _say_methods(scope: Scope, send: Send) -> None:
    """Say which methods a path has; without CORS headers, so no other origin may use them."""
    methods = methods_of(scope["path"].rstrip("/"))
    if methods:
        await respond(send, 200, b"{}", {"Allow": ", ".join([*methods, "OPTIONS"])})
    else:
        await respond_to_error(send, answer_to(unknown_route()))


def build(app: App) -> Asgi:
    """Build the ASGI application around a started app."""
    return Front(Context(app))


class Server(uvicorn.Server):
    """A uvicorn that tells its watchers to leave before it waits for them, and then returns."""

    def __init__(self, config: uvicorn.Config, front: Front, on_ready: Callable[[str], None]):
        super().__init__(config)
        self._front = front
        self._on_ready = on_ready
        self._loop: asyncio.AbstractEventLoop | None = None
        self._signal: str | None = None
        self._drains_since: float | None = None
        self._cut_off = 0

    async def startup(self, sockets: Any = None) -> None:
        """Listen, then say where."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.should_exit or not self.servers:
            return
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        self._on_ready(f"http://{shown}:{port}")

    async def shutdown(self, sockets: Any = None) -> None:
        """Stop accepting, let what is in work finish, and stop."""
        self._drains_since = time.monotonic()
        front = self._front
        wait_s = self.config.timeout_graceful_shutdown
        said = {"signal": self._signal, "requests": front.at_once, "wait_s_max": wait_s}
        front.context.log.info("draining", **said)
        front.context.stop()
        await super().shutdown(sockets)
        self._cut_off = front.at_once

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop. It is logged later: a handler may interrupt the log itself."""
        self._signal = signal.Signals(sig).name
        super().handle_exit(sig, frame)

    def say_drained(self) -> None:
        """Log the end of the drain, once all that was accepted is committed."""
        if self._drains_since is not None:
            drain_s = round(time.monotonic() - self._drains_since, 3)
            self._front.context.log.info("drained", drain_s=drain_s, cut_off=self._cut_off)

    def stop(self) -> None:
        """Begin to stop; from any thread."""
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Stop in order on the first signal, at once on the second; end by returning."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        wanted = (signal.SIGINT, signal.SIGTERM)
        before = {one: signal.signal(one, self.handle_exit) for one in wanted}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


def make_server(
    app: App, host: str | None, port: int | None, on_ready: Callable[[str], None]
) -> Server:
    """Make a server around an app; `run` of it returns when it was stopped and has drained."""
    front = Front(Context(app))
    settings = app.settings

    def ready(url: str) -> None:
        app.announce(url)
        front.context.log.info("listening", url=url, strategy=app.strategy.version)
        on_ready(url)

    config = uvicorn.Config(
        front,
        host=settings.host if host is None else host,
        port=settings.port if port is None else port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(settings.proxy_addresses),
        forwarded_allow_ips=settings.proxy_addresses or None,
        timeout_graceful_shutdown=settings.drain_s,
        backlog=2_048,
    )
    return Server(config, front, ready)


def _calm_garbage_collection() -> None:
    """Look for cycles seldom, and never among what lives as long as the process.

    Measured on 40,000 events in batches of 100: of 17.9 s of CPU the collector took 4.1 s with
    Python's thresholds, with pauses of up to 334 ms, and takes 0.1 s with these, in as much memory.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)


def run(
    app: App,
    host: str | None = None,
    port: int | None = None,
    on_ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve a workspace until SIGTERM or SIGINT, then drain and close it.

    Parameters
    ----------
    host, port
        Those of the settings, unless given; port 0 takes a free one.
    on_ready
        Called with the address once connections are taken.

    Notes
    -----
    On the signal the server stops accepting, finishes the requests in work (at most `drain_s`),
    then the engine commits what it accepted, and the store is closed. The log has `draining` at
    the beginning of that and `drained` at its end.
    """
    configure_logs()
    try:
        app.start()
        server = make_server(app, host, port, on_ready)
        _calm_garbage_collection()
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        server.run()
    finally:
        app.close()
    server.say_drained()
