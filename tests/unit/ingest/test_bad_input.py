"""Nasty JSON: what is no JSON fails the request, what is only poisoned stays with its item."""

from __future__ import annotations

import json

import pytest

from heedful.events import decode_event, encode_event
from heedful.ingest import IngestLimits, Intake
from heedful.kernel import InputError
from tests.unit.ingest.requests import batch, item, one, read, refused

GOOD = json.dumps(item(messageId="good")).encode()


def poisoned(value: bytes) -> bytes:
    """Put a value, as bytes, into the properties of one item between two sound ones."""
    head, tail = json.dumps(item(properties={"a": 0})).encode().split(b'"a": 0')
    sent = b'{"sentAt": "2026-11-20T18:00:00Z", "batch": ['
    return sent + GOOD + b", " + head + b'"a": ' + value + tail + b", " + GOOD + b"]}"


def neighbours_of(intake: Intake) -> list[object]:
    return [event for event in intake.events if event.message_id == "good"]


@pytest.mark.parametrize(
    ("value", "kept", "flag"),
    [
        (b"NaN", None, "number_not_finite"),
        (b"-Infinity", None, "number_not_finite"),
        (b"1e400", None, "number_not_finite"),
        (b"9" * 5_000, None, "number_not_finite"),
        (b"9" * 30, "9" * 30, "number_as_text"),
        (b"9223372036854775808", "9223372036854775808", "number_as_text"),
        (b"-9223372036854775809", "-9223372036854775809", "number_as_text"),
        (b'"\\ud800"', "\ufffd", "text_repaired"),
        (b'"a\\udfffb"', "a\ufffdb", "text_repaired"),
        (b'{"\\ud800": 1}', {"\ufffd": 1}, "text_repaired"),
        (b'"\\u0000"', "\ufffd", "text_repaired"),
        (b'{"k\\u0000": 1}', {"k\ufffd": 1}, "text_repaired"),
        (b'"\xff"', "\ufffd", "text_repaired"),
        (b'"\xed\xa0\x80"', "\ufffd\ufffd\ufffd", "text_repaired"),
    ],
)
def test_what_can_be_made_safe_lands_with_a_flag(value: bytes, kept: object, flag: str) -> None:
    intake = read(poisoned(value))
    assert intake.refused == []
    event = intake.events[1]
    assert event.properties == {"a": kept}
    assert flag in event.flags
    assert decode_event(encode_event(event)) == event
    assert neighbours_of(intake) == neighbours_of(read(poisoned(b"1")))


@pytest.mark.parametrize(
    "value",
    [
        b"9223372036854775807",
        b"-9223372036854775808",
        b"1.5",
        b'"\\ud83c\\udfd5"',
        b'"\\\\u0000"',
        b'"\\"]}[{"',
        b"[" * 30 + b"]" * 30,
    ],
)
def test_what_is_only_unusual_lands_untouched(value: bytes) -> None:
    event = read(poisoned(value)).events[1]
    assert event.properties == {"a": json.loads(value)}
    assert event.flags == ()


def test_a_control_character_that_json_forbids_is_kept() -> None:
    assert read(poisoned(b'"a\tb\x01"')).events[1].properties == {"a": "a\tb\x01"}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"[" * 40 + b"]" * 40, "too_deep"),
        (b"[" * 5_000 + b"]" * 5_000, "too_deep"),
        (b'{"a":' * 3_000 + b"1" + b"}" * 3_000, "too_deep"),
        (b"[" * 100_000 + b"]" * 100_000, "event_too_large"),
        (b'{"' + b"k" * 257 + b'": 1}', "key_too_long"),
    ],
)
def test_what_is_beyond_a_limit_is_refused_alone(value: bytes, code: str) -> None:
    intake = read(poisoned(value))
    assert [(refusal.index, refusal.code) for refusal in intake.refused] == [(1, code)]
    assert neighbours_of(intake) == neighbours_of(read(poisoned(b"1")))


def test_a_mapping_and_a_list_have_a_limit_of_their_own() -> None:
    wide = IngestLimits(event_bytes_max=1_000_000)
    many = {f"p{n}": n for n in range(10_000)}
    assert len(read(batch(item(properties=many)), limits=wide).events) == 1
    (refusal,) = read(batch(item(properties=many | {"one": 1})), limits=wide).refused
    assert refusal.code == "too_many_properties"
    assert "10001" in refusal.message
    (refusal,) = read(batch(item(properties={"l": [0] * 10_001})), limits=wide).refused
    assert refusal.code == "list_too_long"


def test_the_depth_limit_is_exact_on_both_readers() -> None:
    for depth_max in (2, 5, 12, 32):
        limits = IngestLimits(depth_max=depth_max)
        within = b"[" * (depth_max - 1) + b"]" * (depth_max - 1)
        assert read(poisoned(within), limits=limits).refused == []
        beyond = read(poisoned(b"[" + within + b"]"), limits=limits)
        assert [refusal.code for refusal in beyond.refused] == ["too_deep"]


def test_the_last_of_doubled_keys_counts_on_both_readers() -> None:
    call = b'{"type":"track","userId":"a","userId":"b","event":"e","messageId":"m","x":%s}'
    for value in (b"1", b"NaN"):
        (event,) = read(b"[" + call % value + b"]").events
        assert event.user_id == "b"
    doubled = b'{"batch":[{"x":NaN}],"batch":[' + call % b"NaN" + b"]}"
    assert len(read(doubled).events) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"nul",
        b"no json",
        b'{"batch": [',
        b'{"batch": [{"a": tru}]}',
        b'{"batch": [{"a": NaN, }]}',
        b'{"batch": [{} {}]}',
        b'{"batch": [{"a": NaN} {}]}',
        b'{"batch": [{"a": NaN}]',
        b'{"batch": []} x',
        b'{"batch": [{"a": "NaN]}',
        b"\x00",
        b"\xff\xfe{\x00}\x00",
        b'"' + b'\\"' * 50_000,
        b"[" * 3_000_000,
        b"a=1&b=2",
    ],
)
def test_what_is_no_json_is_the_requests_error(body: bytes) -> None:
    with pytest.raises(InputError) as caught:
        read(body)
    assert caught.value.code == "invalid_json"
    if len(body) < 1_000:
        with pytest.raises(InputError) as caught:
            read(body, "/v1/track")
        assert caught.value.code == "invalid_json"


def test_an_oversized_call_that_is_no_json_is_no_quarantine_row() -> None:
    with pytest.raises(InputError) as caught:
        read(b'{"userId": "' + b"x" * 40_000, "/v1/track")
    assert caught.value.code == "invalid_json"


@pytest.mark.parametrize("body", [b"null", b"5", b'"text"', b"true", b"NaN"])
def test_json_that_is_no_object_is_one_refusal(body: bytes) -> None:
    for path in ("/v1/track", "/v1/batch"):
        assert [refusal.code for refusal in read(body, path).refused] == ["bad_type"]


@pytest.mark.parametrize("body", [b"{}", b'{"batch": null}', b'{"batch": {"type": "track"}}'])
def test_an_object_without_a_batch_is_one_refusal(body: bytes) -> None:
    assert [refusal.code for refusal in read(body).refused] == ["unknown_type"]


def test_items_that_are_no_objects_are_refused_in_their_places() -> None:
    for extra in (b"", b', {"a": NaN}'):
        body = b'{"batch": [1, ' + GOOD + b', null, [{"b": 2}], "x", ' + GOOD + extra + b"]}"
        intake = read(body)
        assert [event.message_id for event in intake.events] == ["good", "good"]
        assert [r.index for r in intake.refused][:4] == [0, 2, 3, 4]
        assert {r.code for r in intake.refused[:4]} == {"bad_type"}
        assert intake.refused[2].raw == b'[{"b": 2}]'


def test_wrong_types_are_refused_and_phps_empty_mapping_is_not() -> None:
    for field in ("properties", "traits", "context"):
        assert refused(**{field: "text"}) == "bad_type"
        assert refused(**{field: [1]}) == "bad_type"
        assert refused(**{field: 7}) == "bad_type"
        event = one(**{field: []})
        assert getattr(event, field) == {}
        assert event.flags == ()
    assert one(integrations=[]).flags == ()
    assert one(integrations=["All"]).flags == ("integrations_ignored",)


def test_fields_that_nobody_reads_cannot_hurt() -> None:
    assert one(_metadata={"deep": [[[[1]]]]}, extra="x" * 1_000).flags == ()


def test_free_text_is_kept_as_it_is() -> None:
    note = "Kunde ruft zum 3. Mal an: „Zahlung geht nicht“ \U0001f621\nRückruf erbeten."
    assert one(properties={"note": note}).properties == {"note": note}


@pytest.mark.parametrize(
    ("zone", "flags"),
    [
        ("Europe/Berlin", ()),
        ("UTC", ()),
        ("Europe/Berln", ("bad_timezone",)),
        ("W. Europe Standard Time", ("bad_timezone",)),
        ("../../etc/passwd", ("bad_timezone",)),
        ("Europe/Berlin" * 20, ("bad_timezone",)),
        ("", ("bad_timezone",)),
        (2, ("bad_timezone",)),
        (["Europe/Berlin"], ("bad_timezone",)),
    ],
    ids=["known", "utc", "unknown", "windows", "path", "long", "empty", "number", "list"],
)
def test_a_zone_of_a_device_that_is_none_is_flagged(zone: object, flags: tuple[str, ...]) -> None:
    event = one(context={"timezone": zone})
    assert (event.context["timezone"], event.flags) == (zone, flags)
    assert one(context={"timezone": None}).flags == ()
