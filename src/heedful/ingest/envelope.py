"""Take a request apart into its items without reading them, and find the write key.

A sound body is cut by msgspec in one pass. A damaged one (a NaN, half a surrogate pair or a tower
of brackets somewhere in it) is cut by a scan that knows only strings and brackets, so that the
damage stays with the item that has it.
"""

from __future__ import annotations

import base64
import json
import re
from binascii import Error as Base64Error
from typing import Any, Final

import msgspec

from heedful.ingest.limits import IngestLimits
from heedful.ingest.wire import DECODE_ERRORS, InvalidJsonError, patient_json
from heedful.kernel import InputError, expected

_BOM: Final = b"\xef\xbb\xbf"

_WRITE_KEY: Final = re.compile(rb'"writeKey"\s*+:\s*+"([^"\\]*+)"')
_QUOTE, _BRACKET = ord('"'), ord("[")
_OPENING: Final = frozenset(b"[{")

# A string, closed or cut off by the end; else a run of brackets. Possessive, thus linear.
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.?)*+"?|[\[{]+|[\]}]+', re.DOTALL)


class Envelope(msgspec.Struct, frozen=True):
    """A request's items as bytes, and what stood beside them for all."""

    items: list[bytes]
    is_batch: bool
    has_escapes: bool
    """Whether a backslash stands anywhere in the body: without one there is no escaped NUL."""
    is_verified: bool = True
    """Whether the items are known to be JSON, at least in their grammar."""
    sent_at: Any = None
    context: dict[str, Any] | None = None
    integrations: dict[str, Any] | None = None


class _Batch(msgspec.Struct, rename="camel"):
    batch: list[msgspec.Raw]
    sent_at: Any = None
    context: Any = None
    integrations: Any = None


class _Keyed(msgspec.Struct, rename="camel"):
    write_key: Any = None


_BATCH: Final = msgspec.json.Decoder(_Batch)
_KEYED: Final = msgspec.json.Decoder(_Keyed)


def open_body(body: bytes, is_batch: bool, limits: IngestLimits) -> Envelope:
    """Cut a body into items; one item when the call is a single one or no batch is in it.

    Raises
    ------
    InputError
        `body_too_large`, `too_many_events` beyond `items_count_max`, `invalid_json`.
    """
    if len(body) > limits.body_bytes_max:
        what = f"a body of at most {limits.body_bytes_max} bytes"
        got = f"{len(body)} bytes"
        raise InputError("body_too_large", expected(what, got, "$", "Send smaller batches."))
    body = body.removeprefix(_BOM)
    if not is_batch:
        return Envelope([body], is_batch=False, has_escapes=b"\\" in body, is_verified=False)
    try:
        found = _BATCH.decode(body)
    except DECODE_ERRORS:
        return _open_damaged(body, limits)
    _require_count(len(found.batch), limits)
    return Envelope(
        list(map(bytes, found.batch)),
        is_batch=True,
        has_escapes=b"\\" in body,
        sent_at=found.sent_at,
        context=_shared(found.context),
        integrations=_shared(found.integrations),
    )


def _shared(value: Any) -> dict[str, Any] | None:
    return value if type(value) is dict and value else None


def _require_count(count: int, limits: IngestLimits) -> None:
    if count > limits.items_count_max:
        what = f"at most {limits.items_count_max} items in a batch"
        remedy = "Send smaller batches."
        raise InputError("too_many_events", expected(what, str(count), "$.batch", remedy))


def _open_damaged(body: bytes, limits: IngestLimits) -> Envelope:
    spans = _item_spans(body, limits)
    _require_count(len(spans), limits)
    found = _read_shell(body, spans)
    entries = found if isinstance(found, list) else found.get("batch")
    if type(entries) is not list:
        return Envelope([body], is_batch=False, has_escapes=b"\\" in body, is_verified=False)
    _require_count(len(entries), limits)
    # In the shell each object or list of the batch stands as {}: the next span is what it was.
    containers = iter(spans)
    items: list[bytes] = []
    for entry in entries:
        if type(entry) is dict or type(entry) is list:
            begin, end = next(containers, (0, 0))
            items.append(body[begin:end])
        else:
            items.append(json.dumps(entry).encode())
    if next(containers, None) is not None or b"" in items:
        raise InvalidJsonError
    rest = found if isinstance(found, dict) else {}
    return Envelope(
        items,
        is_batch=True,
        has_escapes=b"\\" in body,
        is_verified=False,
        sent_at=rest.get("sentAt"),
        context=_shared(rest.get("context")),
        integrations=_shared(rest.get("integrations")),
    )


def _read_shell(body: bytes, spans: list[tuple[int, int]]) -> dict[str, Any] | list[Any]:
    shell, end = [], 0
    for begin, stop in spans:
        shell += [body[end:begin], b"{}"]
        end = stop
    shell.append(body[end:])
    try:
        found, _ = patient_json(b"".join(shell))
    except RecursionError:
        raise InputError("too_deep", expected("a flat body", "one nested too deep", "$")) from None
    if isinstance(found, dict | list):
        return found
    return {"batch": None}


def _item_spans(body: bytes, limits: IngestLimits) -> list[tuple[int, int]]:
    """Find where each object or list of the batch stands: `$[*]`, or `$.batch[*]` at its last."""
    spans: list[tuple[int, int]] = []
    is_list = body.lstrip()[:1] == b"["
    level_of_items = 1 if is_list else 2
    level, begin, is_inside, follows_key = 0, 0, is_list, False
    for count, match in enumerate(_TOKEN.finditer(body)):
        if count > limits.scan_tokens_max:
            raise InvalidJsonError("a JSON body of fewer parts")
        place, end = match.span()
        first = body[place]
        if first == _QUOTE:
            if level == 1:
                follows_key = body.startswith(b'"batch"', place)
            continue
        # A run that stays within an item is one step, however long: most of a body is that.
        if first in _OPENING:
            if level > level_of_items:
                level += end - place
                continue
            for at in range(place, end):
                if not is_list and level == 1:
                    is_inside = follows_key and body[at] == _BRACKET
                    spans = [] if follows_key else spans
                if is_inside and level == level_of_items:
                    begin = at
                level += 1
                follows_key = False
        else:
            if level - (end - place) > level_of_items:
                level -= end - place
                continue
            for at in range(place, end):
                level -= 1
                if is_inside and level == level_of_items:
                    spans.append((begin, at + 1))
    if level != 0:
        raise InvalidJsonError
    return spans


def find_write_key(authorization: str | None, body: bytes) -> str | None:
    """Find a request's write key: Basic authentication, then the body, then a Bearer token.

    Notes
    -----
    Segment's SDKs send `Basic base64(KEY:)`, some clients leave the colon out. With OAuth the
    Bearer is a token of another issuer and the key stands in the body, so the body goes first.

    Examples
    --------
    >>> find_write_key("Basic V0s6", b"{}"), find_write_key(None, b'{"writeKey": "WK"}')
    ('WK', 'WK')
    """
    scheme, _, credentials = (authorization or "").strip().partition(" ")
    if scheme.lower() == "basic":
        key = _basic_user(credentials.strip())
        if key:
            return key
    key = _body_key(body.removeprefix(_BOM))
    if key:
        return key
    return credentials.strip() or None if scheme.lower() == "bearer" else None


def _basic_user(credentials: str) -> str | None:
    try:
        padded = credentials + "=" * (-len(credentials) % 4)
        text = base64.b64decode(padded, validate=True).decode()
    except (Base64Error, ValueError):
        return None
    return text.partition(":")[0].strip() or None


def _body_key(body: bytes) -> str | None:
    try:
        found = _KEYED.decode(body).write_key
    except DECODE_ERRORS:
        found = _damaged_body_key(body)
    return found.strip() or None if type(found) is str else None


def _damaged_body_key(body: bytes) -> Any:
    """Find the key of a body that is no JSON.

    Whoever sends may be anybody yet, so a body is taken apart only where one look is not enough.
    """
    limits = IngestLimits()
    found = {bytes(value) for value in _WRITE_KEY.findall(body)}
    if not found or len(body) > limits.body_bytes_max:
        return None
    try:
        if len(found) == 1:
            return found.pop().decode()
        shell = _read_shell(body, _item_spans(body, limits))
    except (InputError, UnicodeDecodeError):
        return None
    return shell.get("writeKey") if isinstance(shell, dict) else None
