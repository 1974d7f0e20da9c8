"""ASGI by hand, for the routes where a framework's time per request would show."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from heedful.app import Settings
from heedful.kernel import InputError, expected

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


async def read_body(scope: Scope, receive: Receive, settings: Settings) -> bytes | None:
    """Read a request's body within its bounds of size and time; None when the caller left.

    Raises
    ------
    InputError
        `body_too_large` before it is read where the length is stated; `body_too_slow`.
    """
    limit = settings.wire_bytes_max
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value[:20]) > limit:
            raise _too_large(limit)
    message = await receive()
    if message["type"] == "http.disconnect":
        return None
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        try:
            async with asyncio.timeout(settings.body_wait_s):
                return await _rest(body, receive, limit)
        except TimeoutError:
            what = expected(
                f"a body within {settings.body_wait_s} s", "a slower one", "$", "Send again."
            )
            raise InputError("body_too_slow", what) from None
    if len(body) > limit:
        raise _too_large(limit)
    return body


async def _rest(begun: bytes, receive: Receive, limit: int) -> bytes | None:
    parts, size = [begun], len(begun)
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def _too_large(limit: int) -> InputError:
    what = expected(f"a body of at most {limit} bytes", "a larger one", "$", "Send less at once.")
    return InputError("body_too_large", what)


async def respond(send: Send, status: int, body: bytes, headers: dict[str, str]) -> None:
    """Send a whole JSON answer."""
    listed = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *((name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": listed})
    await send({"type": "http.response.body", "body": body})
