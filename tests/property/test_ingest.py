"""Ingest under arbitrary input: nothing escapes, nothing is lost, no item touches another."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from heedful.events import Event, decode_event, encode_event
from heedful.ingest import (
    PATHS,
    Intake,
    RequestHeaders,
    SourceRules,
    find_write_key,
    inflate,
    parse_request,
)
from heedful.ingest.keys import event_hasher
from heedful.ingest.wire import WIRE_NAMES, InvalidJsonError
from heedful.kernel import InputError, hash_key, parse_instant

NOW = parse_instant("2026-11-20T18:00:00Z") or 0
SECRET = b"secret"
SHOP = SourceRules(name="shop")
KEYS = [wire_name for _, wire_name in WIRE_NAMES] + ["batch", "writeKey"]

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**63, -(2**63) - 1, 10**500, 0]),
    st.floats(),  # NaN and infinities too: Python writes them, and so do its SDKs
    st.text(max_size=8),
    st.sampled_from(["\ud800", "\0", "track", "alias", "2026-11-20T17:00:00Z", "", " "]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=4)), inner, max_size=5),
    ),
    max_leaves=25,
)
WILD_ITEMS = st.one_of(VALUES, st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=8))
SOUND_ITEMS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["track", "page", "identify", "screen"]),
        "event": st.sampled_from(["Order Completed", "Video Watched"]),
        "userId": st.sampled_from(["u1", "u2", 3]),
        "messageId": st.sampled_from(["m1", "m2", "m3", None]),
        "properties": st.dictionaries(st.text(max_size=3), st.integers(0, 9), max_size=3),
    }
)
POISON = st.sampled_from(
    [
        b"NaN",
        b"1e999",
        b'"\\udc00"',
        b'"\xff"',
        b'{"a": "\x07"}',
        b"[" * 3_000 + b"]" * 3_000,
        b'{"type": "track", "event": NaN}',
        b'{"type": "track", "userId": "p", "event": "e", "properties": {"x": -Infinity}}',
        b'{"userId": ' + b"9" * 9_999 + b"}",
        b"{}",
        b"[[], {}]",
        b"null",
    ]
)


def written(value: Any) -> bytes:
    # Lone surrogates are escaped by json; 500 digits are within Python's limit.
    return json.dumps(value).encode()


def read(body: bytes, path: str = "/v1/batch", received_at: int = NOW, **more: Any) -> Intake:
    return parse_request(path, body, source=SHOP, secret=SECRET, received_at=received_at, **more)


def require_sound(event: Event, received_at: int = NOW) -> None:
    assert decode_event(encode_event(event)) == event
    assert 0 <= event.at <= received_at
    assert event.user_id or event.anonymous_id
    assert event.key == hash_key(SECRET, "event", "shop", event.message_id)
    assert 0 < len(event.message_id) <= 100
    json.dumps([event.properties, event.traits, event.context], allow_nan=False)
    "".join([event.name, event.user_id or "", event.message_id]).encode()


@given(st.binary(max_size=200), st.sampled_from(PATHS), st.sampled_from([None, "gzip", "deflate"]))
@example(b'{"batch": [NaN', "batch", None)
@example(b"\x1f\x8b", "batch", None)
def test_bytes_never_raise_anything_but_an_input_error(
    body: bytes, path: str, encoding: str | None
) -> None:
    find_write_key(None, body)
    try:
        intake = read(inflate(body, encoding), path)
    except InputError:
        return
    for event in intake.events:
        require_sound(event)


@given(st.text('{}[]",:\\ abtrue0N-\n', max_size=60), st.sampled_from(["batch", "track"]))
def test_near_json_never_raises_anything_but_an_input_error(text: str, path: str) -> None:
    for body in (text, '{"batch": [' + text + "]}", '{"batch": [{"a": NaN, ' + text + "}]}"):
        find_write_key(None, body.encode())
        with suppress(InvalidJsonError):
            read(body.encode(), path)


@given(st.text(max_size=50), st.text(max_size=50), st.text(max_size=50))
def test_headers_never_raise(authorization: str, anonymous_id: str, sent_at: str) -> None:
    find_write_key(authorization, b"{}")
    find_write_key(f"Basic {authorization}", b"{}")
    headers = RequestHeaders(sec_gpc="1", anonymous_id=anonymous_id, sent_at=sent_at)
    for event in read(b'{"type": "track", "event": "e"}', headers=headers).events:
        require_sound(event)


@given(st.lists(WILD_ITEMS, max_size=6), st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3))
def test_each_item_is_an_event_or_a_refusal(items: list[Any], beside: dict[str, Any]) -> None:
    intake = read(written(beside | {"batch": items}))
    assert len(intake.events) + len(intake.refused) == len(items)
    indexes = [refusal.index for refusal in intake.refused]
    assert indexes == sorted(set(indexes))
    for event in intake.events:
        require_sound(event)


@given(WILD_ITEMS, st.sampled_from(PATHS))
def test_one_call_is_at_most_one_event(item: Any, path: str) -> None:
    if isinstance(item, dict):
        item.pop("batch", None)
    intake = read(written(item), path)
    if not isinstance(item, list) or path not in {"batch", "import", "b"}:
        assert len(intake.events) + len(intake.refused) == 1
    for event in intake.events:
        require_sound(event)


@given(st.lists(WILD_ITEMS, max_size=5))
def test_a_batch_is_its_items_one_by_one(items: list[Any]) -> None:
    together = read(written({"batch": items}))
    apart = [read(written({"batch": [item]})) for item in items]
    assert together.events == [event for intake in apart for event in intake.events]
    assert [r.code for r in together.refused] == [r.code for i in apart for r in i.refused]


@given(st.lists(SOUND_ITEMS, min_size=1, max_size=5), POISON, st.data())
def test_a_poisoned_item_never_changes_its_neighbours(
    items: list[dict[str, Any]], poison: bytes, data: st.DataObject
) -> None:
    parts = [written(item) for item in items]
    alone = read(b'{"batch": [' + b",".join(parts) + b"]}")
    assert alone.refused == []
    place = data.draw(st.integers(0, len(parts)))
    poisoned = read(b'{"batch": [' + b",".join([*parts[:place], poison, *parts[place:]]) + b"]}")
    assert len(poisoned.events) + len(poisoned.refused) == len(parts) + 1
    if poisoned.refused:
        assert [refusal.index for refusal in poisoned.refused] == [place]
        assert poisoned.events == alone.events
    else:
        assert poisoned.events[:place] + poisoned.events[place + 1 :] == alone.events


@given(
    st.lists(WILD_ITEMS, max_size=5),
    st.integers(NOW, NOW + 10**9),
    st.integers(0, 4 * 10**12),
)
def test_a_retry_at_another_time_gives_the_same_keys(
    items: list[Any], received_at: int, sent_at: int
) -> None:
    items = [
        {key: value for key, value in item.items() if key != "sentAt"}
        if isinstance(item, dict)
        else item
        for item in items
    ]
    first = read(written({"batch": items}))
    resent = [item | {"sentAt": sent_at} if isinstance(item, dict) else item for item in items]
    again = read(written({"batch": resent, "sentAt": sent_at}), received_at=received_at)
    assert [event.key for event in first.events] == [event.key for event in again.events]
    assert [refusal.index for refusal in first.refused] == [r.index for r in again.refused]


@given(st.lists(SOUND_ITEMS, max_size=6))
def test_the_order_of_items_is_kept(items: list[dict[str, Any]]) -> None:
    named = [item | {"messageId": f"m{place}"} for place, item in enumerate(items)]
    assert [event.message_id for event in read(written({"batch": named})).events] == [
        item["messageId"] for item in named
    ]


@given(SOUND_ITEMS, VALUES)
def test_the_fast_and_the_patient_reader_agree(item: dict[str, Any], value: Any) -> None:
    """A NUL in a text that is dropped sends the same item to the patient reader."""
    item = item | {"context": {"v": value}}
    fast = read(written({"batch": [item]}))
    patient = read(written({"batch": [item | {"_unread": "\0"}]}))
    assert fast.events == patient.events
    assert [refusal.code for refusal in fast.refused] == [r.code for r in patient.refused]


@given(st.text(), st.text())
def test_the_fast_key_is_the_kernels_key(source: str, message_id: str) -> None:
    assert event_hasher(SECRET, source)(message_id) == hash_key(SECRET, "event", source, message_id)
