"""ASGI by hand, for the routes where a framework's time per request would show."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from heedful.kernel import InputError, expected

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

DRAIN_BYTES_MAX: Final = 64 * 1024 * 1024
"""Bytes of a body that nobody wants, read and dropped before the answer is sent; one that goes on
beyond them meets a closed connection."""


def in_time(receive: Receive, wait_s: float) -> Receive:
    """Have a request's body arrive within `wait_s`; what follows it is waited for without end.

    Raises
    ------
    InputError
        `body_too_slow`, from the callable that is given back.
    """
    ends_at: float | None = None
    is_whole = False

    async def received() -> Message:
        nonlocal ends_at, is_whole
        if is_whole:
            return await receive()
        if ends_at is None:
            ends_at = asyncio.get_running_loop().time() + wait_s
        try:
            async with asyncio.timeout_at(ends_at):
                message = await receive()
        except TimeoutError:
            what = expected(f"a body within {wait_s} s", "a slower one", "$", "Send again.")
            raise InputError("body_too_slow", what) from None
        is_whole = not message.get("more_body")
        return message

    return received


def answered_after_body(scope: Scope, receive: Receive, send: Send) -> tuple[Receive, Send]:
    """Have what is left of a request's body taken in before its answer goes out.

    A caller who is still sending sees a reset connection instead of the answer, and an SDK takes
    that for an outage: it would send the same body again and again. Who asked whether to go on
    (`Expect: 100-continue`) is still waiting, and is answered at once.
    """
    is_whole = any(name == b"expect" for name, _ in scope["headers"])

    async def received() -> Message:
        nonlocal is_whole
        message = await receive()
        is_whole = not message.get("more_body")
        return message

    async def sent(message: Message) -> None:
        nonlocal is_whole
        if not is_whole:
            is_whole = True
            await _drop_body(receive)
        await send(message)

    return received, sent


def without_body(scope: Scope, send: Send) -> tuple[Scope, Send]:
    """Have a HEAD answered as the GET of its path, up to the headers (RFC 9110, section 9.3.2).

    The answer ends with its headers, so what would go on for long, as a stream does, finds that
    the caller has left.
    """

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            await send({"type": "http.response.body", "body": b""})

    return {**scope, "method": "GET"}, sent


async def _drop_body(receive: Receive) -> None:
    size = 0
    with contextlib.suppress(InputError):  # too slow: the answer goes out all the same
        while size <= DRAIN_BYTES_MAX:
            message = await receive()
            size += len(message.get("body", b""))
            if not message.get("more_body"):
                return


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes | None:
    """Read a request's body up to `limit` bytes; None when the caller left.

    Raises
    ------
    InputError
        `body_too_large`, before it is read where the length is stated.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value[:20]) > limit:
            raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
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
            return part if len(parts) == 1 else b"".join(parts)


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
