"""The hot routes: Segment's contract over plain ASGI.

Law: `200 {"success": true}` is sent after the commit and only then; and whatever happens, the
answer is JSON with a status on which an unmodified SDK does the right thing: never 202, 204, 3xx.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar
from urllib.parse import parse_qs

from heedful.api.context import Context, header_map
from heedful.api.cors import preflight, with_origin
from heedful.api.errors import Answer, answer_to, forbidden, unknown_key, wrong_method
from heedful.api.guard import where
from heedful.api.rate import RateLimit
from heedful.api.roles import SENDERS
from heedful.api.wire import Receive, Scope, Send, read_body, respond
from heedful.app import Identity
from heedful.app.application import IMPORT_SOURCE
from heedful.app.quarantine import rows_of
from heedful.ingest import (
    PATHS,
    RequestHeaders,
    SourceRules,
    find_write_key,
    inflate,
    parse_request,
)
from heedful.kernel import HeedfulError, InputError, expected
from heedful.ports import QuarantineRow

T = TypeVar("T")

ROUTES: Final = frozenset(f"/v1/{tail}" for tail in PATHS)
"""Paths that are answered here."""

LOOP_BYTES_MAX: Final = 128 * 1024
"""Bytes of a body that is read on the event loop; a larger one is read on a thread. At 40 ms a MiB
it takes the 5 ms after which threads of Python take turns: below it a thread would free nobody."""

PART_EVENTS_MAX: Final = 2_500
"""Events and refusals of a request that wait for the writer at once; the next follow when these
are durable, so that the longest batch leaves room for those of others between its parts."""

_METHODS: Final = ("POST", "OPTIONS")
_SUCCESS: Final = b'{"success":true}'
_IMPORTERS: Final = frozenset({"owner", "operator"})


class Ingest:
    """Answers every path of `ROUTES`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        settings = context.app.settings
        self._rate = RateLimit(settings.rate_events_per_s, settings.rate_burst_s)
        self._metrics = context.metrics
        self._wire_bytes_max = settings.wire_bytes_max
        # One thread: large requests wait for each other, and take turns with all that is small.
        self._large = ThreadPoolExecutor(1, thread_name_prefix="heedful-parse")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        method, path = scope["method"], scope["path"].rstrip("/")
        headers = header_map(scope["headers"])
        if method == "OPTIONS":
            await respond(send, 200, b"{}", preflight(headers))
            return
        try:
            if method != "POST":
                raise wrong_method(_METHODS)
            wire = await read_body(scope, receive, self._wire_bytes_max)
            if wire is None:
                return
            answer = await self._take(path, wire, headers, scope)
        except Exception as error:
            await self._refuse(path, error, send)
            return
        self._metrics.requests.labels(path, "200").inc()
        await respond(send, 200, answer, with_origin({}))

    async def _take(self, path: str, wire: bytes, headers: dict[str, str], scope: Scope) -> bytes:
        begun = time.perf_counter()
        app = self._context.app
        client = scope["client"][0] if scope.get("client") else None
        sender = self._context.bearer(headers.get("authorization"), client)
        encoding = headers.get("content-encoding")
        body = await self._apart(len(wire), partial(inflate, wire, encoding))
        if sender is None:
            sender = self._sender(headers.get("authorization"), body)
        rules = self._rules(sender, scope)
        said = RequestHeaders(
            sec_gpc=headers.get("sec-gpc"),
            anonymous_id=headers.get("anonymousid"),
            sent_at=headers.get("sentat"),
        )
        received_at = app.clock()
        parsed = partial(
            parse_request,
            path,
            body,
            source=rules,
            secret=app.secret,
            received_at=received_at,
            ip=client,
            headers=said,
        )
        intake = await self._apart(len(body), parsed)
        self._rate.require(rules.name, len(intake.events) + len(intake.refused))
        refused: list[QuarantineRow] = []
        count = suppressed = 0
        if intake.refused:
            for refusal in intake.refused:
                if refusal.disposition == "reject":  # the others are counted when they are kept
                    count += 1
                    self._metrics.refused.labels(rules.name, refusal.code).inc()
            kept = partial(
                rows_of,
                intake.refused,
                path.rpartition("/")[2],
                body,
                said,
                source=rules.name,
                secret=app.secret,
                identity=app.engine.world.identity,
                received_at=received_at,
            )
            refused = await self._apart(len(body), kept)
        for begin in range(0, max(len(intake.events), len(refused)), PART_EVENTS_MAX):
            part = slice(begin, begin + PART_EVENTS_MAX)
            landing = app.engine.ingest(intake.events[part], refused[part])
            await asyncio.wrap_future(landing)
            count += landing.quarantined
            suppressed += landing.suppressed
        self._metrics.acknowledged.labels(rules.name).inc(len(intake.events))
        self._metrics.ack.observe(time.perf_counter() - begun)
        # An SDK can do nothing about it and hears what it knows; who imports history should look.
        if sender.role not in _IMPORTERS:
            return _SUCCESS
        return b'{"success":true,"refused":%d,"suppressed":%d}' % (count, suppressed)

    async def _apart(self, size: int, work: Callable[[], T]) -> T:
        """Do work on a body here or, where it would hold up everybody else, on the one thread."""
        if size <= LOOP_BYTES_MAX:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._large, work)

    def _sender(self, authorization: str | None, body: bytes) -> Identity:
        key = find_write_key(authorization, body)
        found = self._context.app.authenticate(key) if key else None
        if found is None:
            raise unknown_key()
        return found

    def _rules(self, sender: Identity, scope: Scope) -> SourceRules:
        if sender.role not in SENDERS:
            raise forbidden(sender.role, SENDERS)
        name = sender.name
        if sender.role in _IMPORTERS:
            name = _named_source(scope) or IMPORT_SOURCE
        return self._context.app.source_rules(name)

    async def _refuse(self, path: str, error: Exception, send: Send) -> None:
        answer = answer_to(error)
        self._metrics.requests.labels(path, str(answer.status)).inc()
        log = self._context.log
        if answer.status in {401, 403}:
            self._metrics.unknown_keys.inc()
            log.error(f"ingest_{answer.code}", path=path, hint="the sender's SDK drops this data")
        elif answer.status >= 500 and not isinstance(error, HeedfulError):
            log.error("ingest_fault", path=path, error=type(error).__name__, where=where(error))
        else:
            log.warning("ingest_refused", path=path, code=answer.code, status=answer.status)
        await respond_to_error(send, answer)


def _named_source(scope: Scope) -> str | None:
    named: str = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("source", [""])[0]
    if not named:
        return None
    if len(named) > 64 or not named.isascii() or not named.isprintable():
        what = expected("the name of a source", "another text", "query.source")
        raise InputError("bad_source_name", what)
    return named


async def respond_to_error(send: Send, answer: Answer) -> None:
    """Send an error as every client of ingest can read it."""
    await respond(send, answer.status, answer.body(), with_origin(answer.headers()))
