"""What could not become an event: kept so that it can be sent again, found by its person.

A row holds a request that ingest reads as it is: the item in a batch of its own, with what stood
beside it for all (`sentAt`, `context`). What the engine put aside holds the stamped event.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from heedful.customer import CompiledIdentity, identifiers_of
from heedful.engine.graph import identifier_key
from heedful.events import Event, decode_event
from heedful.ingest import Intake, Refusal, RequestHeaders, parse_request
from heedful.kernel import InputError, canonical, expected, format_instant
from heedful.ports import QuarantineRow, Store, Transaction

if TYPE_CHECKING:
    from heedful.app.application import App

PAGE_MAX: Final = 500
"""Most rows of one page of the quarantine."""
REDRIVE_MAX: Final = 1_000
"""Most rows that one redrive takes."""

_FOR_GOOD: Final = frozenset({"conflicting_duplicate"})
_SHORT: Final = {
    "t": "track",
    "i": "identify",
    "p": "page",
    "s": "screen",
    "g": "group",
    "a": "alias",
}
_BATCHES: Final = frozenset({"batch", "import", "b"})
# Of an item too damaged to be read, the identifiers that can still be seen.
_SEEN: Final = re.compile(rb'"(userId|anonymousId|previousId|email|phone)"\s*:\s*"([^"\\]{1,512})"')


class Held(msgspec.Struct, frozen=True):
    """One row of the quarantine, as people read it."""

    id: int
    received_at: str
    source: str
    reason: str
    message: str
    body: str
    """What was sent, as text; holds personal data."""


class StillRefused(msgspec.Struct, frozen=True):
    """A row that a redrive could not land, and why."""

    id: int
    code: str
    message: str


class Redriven(msgspec.Struct, frozen=True):
    """What a redrive did."""

    landed: int
    """Rows whose event is in the log now, or was already."""
    still_refused: list[StillRefused]


class _Shared(msgspec.Struct, rename="camel"):
    sent_at: Any = None
    context: Any = None
    integrations: Any = None


class _Item(msgspec.Struct, rename="camel"):
    type: Any = None
    user_id: Any = None
    anonymous_id: Any = None
    previous_id: Any = None
    traits: Any = None
    context: Any = None


_SHARED: Final = msgspec.json.Decoder(_Shared)
_ITEM: Final = msgspec.json.Decoder(_Item)
_BROKEN: Final = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


def rows_of(
    refusals: Sequence[Refusal],
    tail: str,
    body: bytes,
    headers: RequestHeaders,
    *,
    source: str,
    secret: bytes,
    identity: CompiledIdentity,
    received_at: int,
) -> list[QuarantineRow]:
    """Write what ingest refused as rows, each a request that can be read again.

    Parameters
    ----------
    tail
        Last part of the path: what a single call is when it does not say so itself.
    body
        The request's body, for what its items share.
    """
    shared = _shared_of(tail, body, headers)
    rows = []
    for refusal in refusals:
        if refusal.disposition == "reject":
            continue
        raw = refusal.raw if tail in _BATCHES else _with_type(refusal.raw, tail)
        keys = canonical.encode(_keys_of(raw, secret, identity))
        written = b'{"batch":[' + raw + b"]" + shared + b"}"
        rows.append(
            QuarantineRow(0, received_at, source, refusal.code, refusal.message, keys, written)
        )
    return rows


def _shared_of(tail: str, body: bytes, headers: RequestHeaders) -> bytes:
    try:
        found = _SHARED.decode(body) if tail in _BATCHES else _Shared()
    except _BROKEN:
        found = _Shared()
    context = found.context if isinstance(found.context, dict) else {}
    if headers.sec_gpc == "1":
        context = {**context, "gpc": True}
    said = {
        "sentAt": found.sent_at if found.sent_at is not None else headers.sent_at,
        "context": context or None,
        "integrations": found.integrations,
    }
    parts = [
        b"," + msgspec.json.encode(name) + b":" + msgspec.json.encode(value)
        for name, value in said.items()
        if value is not None
    ]
    return b"".join(parts)


def _with_type(raw: bytes, tail: str) -> bytes:
    """Give a single call its type, unless it has one: of two, JSON takes the later."""
    call = _SHORT.get(tail, tail)
    inner = raw.lstrip()
    if not inner.startswith(b"{"):
        return raw
    rest = inner[1:].lstrip()
    comma = b"" if rest.startswith(b"}") else b","
    return b'{"type":"' + call.encode() + b'"' + comma + rest


def _keys_of(raw: bytes, secret: bytes, identity: CompiledIdentity) -> list[int]:
    try:
        item = _ITEM.decode(raw)
    except _BROKEN:
        item = _seen_in(raw)
    event = Event(
        type="identify",
        name="identify",
        at=0,
        key=0,
        source="",
        message_id="",
        received_at=0,
        user_id=_text(item.user_id),
        anonymous_id=_text(item.anonymous_id),
        previous_id=_text(item.previous_id),
        traits=item.traits if isinstance(item.traits, dict) else {},
        context=item.context if isinstance(item.context, dict) else {},
    )
    return sorted({identifier_key(secret, one) for one in identifiers_of(event, identity)})


def _seen_in(raw: bytes) -> _Item:
    found = {name.decode(): value.decode("utf-8", "replace") for name, value in _SEEN.findall(raw)}
    traits = {name: found[name] for name in ("email", "phone") if name in found}
    return _Item(
        user_id=found.get("userId"),
        anonymous_id=found.get("anonymousId"),
        previous_id=found.get("previousId"),
        traits=traits,
    )


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value[:512] or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def page(store: Store, after: int, limit: int) -> list[Held]:
    """Read a page of the quarantine, in the order of arrival."""
    limit = max(1, min(limit, PAGE_MAX))
    return [_held(row) for row in store.read(lambda tx: tx.quarantined(after, limit))]


def one(store: Store, id_: int) -> Held:
    """Read one row.

    Raises
    ------
    InputError
        `quarantine_not_found`.
    """
    return _held(_row(store, id_))


def _row(store: Store, id_: int) -> QuarantineRow:
    for row in store.read(lambda tx: tx.quarantined(id_ - 1, 1)):
        if row.id == id_:
            return row
    got, remedy = f"{id_}, which is not there", "`heedful quarantine list` names them."
    what = expected("a row of the quarantine", got, "$.id", remedy)
    raise InputError("quarantine_not_found", what)


def _held(row: QuarantineRow) -> Held:
    body = row.body.decode("utf-8", "replace") if _is_request(row) else _shown(row.body)
    return Held(row.id, format_instant(row.received_at), row.source, row.reason, row.message, body)


def _is_request(row: QuarantineRow) -> bool:
    # A request begins with a brace; MessagePack never writes a map that way.
    return row.body[:1] == b"{"


def _shown(body: bytes) -> str:
    try:
        return msgspec.json.encode(msgspec.msgpack.decode(body)).decode()
    except _BROKEN:
        return body.decode("utf-8", "replace")


def redrive(app: App, ids: Sequence[int], reason: str | None) -> Redriven:
    """Send rows through ingest again, under the rules in force now.

    Notes
    -----
    A row leaves the quarantine after its event is durable; a crash in between lands it again and
    the copy is recognised. What is refused again stays as it is. A conflicting duplicate is for
    looking at and cannot land: its messageId has another content already.
    """
    rows = _chosen(app.store, ids, reason)
    done: list[int] = []
    refused: list[StillRefused] = []
    for row in rows:
        try:
            app.engine.ingest(_read(app, row).events, ()).result()
        except InputError as error:
            refused.append(StillRefused(row.id, error.code, error.message))
        else:
            done.append(row.id)
    if done:
        app.discard(done)
    return Redriven(len(done), refused)


def _chosen(store: Store, ids: Sequence[int], reason: str | None) -> list[QuarantineRow]:
    if ids:
        return [_row(store, id_) for id_ in ids[:REDRIVE_MAX]]
    chosen: list[QuarantineRow] = []
    after = 0
    while rows := store.read(partial(_rows_after, after=after)):
        chosen += [row for row in rows if reason is None or row.reason == reason]
        after = rows[-1].id
        if len(chosen) >= REDRIVE_MAX:
            break
    return chosen[:REDRIVE_MAX]


def _rows_after(tx: Transaction, after: int) -> list[QuarantineRow]:
    return tx.quarantined(after, PAGE_MAX)


def _read(app: App, row: QuarantineRow) -> Intake:
    if row.reason in _FOR_GOOD:
        what = expected("an event that can land", "another content of a known messageId", "$.id")
        raise InputError(row.reason, what)
    if not _is_request(row):
        return Intake([decode_event(row.body)], [])
    intake = parse_request(
        "batch",
        row.body,
        source=app.source_rules(row.source),
        secret=app.secret,
        received_at=row.received_at,
    )
    for refusal in intake.refused:
        raise InputError(refusal.code, refusal.message)
    return intake


def forget(app: App, before: int) -> None:
    """Delete what has waited since before an instant, in milliseconds."""
    while rows := app.store.read(partial(_rows_after, after=0)):
        old = [row.id for row in rows if row.received_at < before]
        if old:
            app.discard(old)
        if len(old) < len(rows):
            return
