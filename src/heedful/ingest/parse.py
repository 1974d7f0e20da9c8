"""The whole of ingest as one function: a request's bytes in, stamped events and refusals out."""

from __future__ import annotations

import base64
from binascii import Error as Base64Error
from typing import Final

from heedful.events import EventType
from heedful.ingest.envelope import open_body
from heedful.ingest.limits import IngestLimits
from heedful.ingest.read import CALLS, PlanRejectedError, Reader
from heedful.ingest.types import Intake, Refusal, RequestHeaders, SourceRules
from heedful.ingest.wire import InvalidJsonError
from heedful.kernel import InputError, expected

_SINGLE: Final[dict[str, EventType]] = {
    **CALLS,
    "t": "track",
    "i": "identify",
    "p": "page",
    "s": "screen",
    "g": "group",
    "a": "alias",
}
_BATCHES: Final = frozenset({"batch", "import", "b"})
_NO_HEADERS: Final = RequestHeaders()

PATHS: Final = (*_SINGLE, *sorted(_BATCHES))
"""The last parts of the paths that ingest answers, below `/v1/`."""


def parse_request(
    path: str,
    body: bytes,
    *,
    source: SourceRules,
    secret: bytes,
    received_at: int,
    ip: str | None = None,
    headers: RequestHeaders = _NO_HEADERS,
    limits: IngestLimits | None = None,
) -> Intake:
    """Read the body of one ingest request, whatever its Content-Type, already inflated.

    Notes
    -----
    An item that cannot become an event is a refusal and changes none of its neighbours. The keys
    of the events depend on source and messageId alone (or on the content, where there is no
    messageId), so a retry with another `sentAt` gives the same keys.

    Parameters
    ----------
    path
        The request's path or its last part: `/v1/track`, `track` or `t`.
    received_at
        Milliseconds; the latest that any event of the request can have happened.
    ip
        Address of the caller; kept for client-side sources only.
    limits
        Those of the source, unless given.

    Raises
    ------
    InputError
        When the request as a whole cannot be read: `invalid_json`, `body_too_large`,
        `too_many_events` beyond `items_count_max`, `too_deep` outside the items,
        `unknown_call`, `source_disabled`.

    Examples
    --------
    >>> body = b'{"userId": "u1", "event": "Order Completed", "messageId": "m1"}'
    >>> shop = SourceRules(name="shop")
    >>> intake = parse_request("/v1/track", body, source=shop, secret=b"s", received_at=1_000)
    >>> intake.events[0].name, intake.events[0].at, intake.refused
    ('Order Completed', 1000, [])
    """
    tail = path.rstrip("/").rpartition("/")[2]
    is_batch = tail in _BATCHES
    if not is_batch and tail not in _SINGLE:
        raise InputError("unknown_call", expected("/v1/batch or /v1/track", "another", "path"))
    if not source.enabled:
        message = expected("a source that is switched on", "one that is off", "path")
        raise InputError("source_disabled", message)
    limits = limits or source.limits
    envelope = open_body(body, is_batch, limits)
    reader = Reader(source, limits, secret, received_at, envelope).with_request(
        ip, headers.sec_gpc == "1", _decoded_id(headers.anonymous_id, limits), headers.sent_at
    )
    intake = Intake(events=[], refused=[])
    call = None if is_batch else _SINGLE[tail]
    for index, raw in enumerate(envelope.items):
        place = f"$.batch[{index}]" if envelope.is_batch else "$"
        try:
            intake.events.append(reader.read(raw, place, call))
        except InvalidJsonError:
            raise
        except InputError as error:
            intake.refused.append(_refusal(index, raw, error, limits))
    return intake


def _refusal(index: int, raw: bytes, error: InputError, limits: IngestLimits) -> Refusal:
    return Refusal(
        index=index,
        code=error.code,
        message=error.message,
        raw=raw[: limits.refused_bytes_max],
        is_cut=len(raw) > limits.refused_bytes_max,
        disposition="reject" if isinstance(error, PlanRejectedError) else "quarantine",
    )


def _decoded_id(header: str | None, limits: IngestLimits) -> str | None:
    """Read RudderStack's AnonymousId header: base64, or plain from clients of our own."""
    if header is None or not header.strip() or len(header) > 2 * limits.id_chars_max:
        return None
    text = header.strip()
    try:
        decoded = base64.b64decode(text, validate=True).decode()
    except (Base64Error, ValueError):
        return text
    return decoded if decoded.isprintable() and not decoded.isspace() and decoded else text
