"""Segment's contract: paths, ids, names, merging, message ids, write keys."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from heedful.events import Identifier, decode_event, encode_event
from heedful.ingest import (
    IngestLimits,
    RequestHeaders,
    SourceRules,
    find_write_key,
    parse_request,
)
from heedful.kernel import InputError, hash_key
from tests.unit.ingest.requests import NOW, SECRET, batch, instant, item, one, only, read, refused

SINGLE = {
    "track": {"event": "Video Watched"},
    "identify": {"traits": {"plan": "pro"}},
    "page": {"name": "Home"},
    "screen": {"name": "Home"},
    "group": {"groupId": "g1"},
    "alias": {"previousId": "a1"},
}


@pytest.mark.parametrize("call", SINGLE)
@pytest.mark.parametrize("is_short", [False, True])
def test_every_path_reads_its_own_call(call: str, is_short: bool) -> None:
    body = {"userId": "u1", "messageId": "m1", **SINGLE[call]}
    event = only(read(body, f"/v1/{call[0] if is_short else call}"))
    assert event.type == call
    assert event.user_id == "u1"
    assert decode_event(encode_event(event)) == event


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/import", "/v1/b", "batch", "/v1/batch/"])
def test_every_batch_path_reads_each_items_own_type(path: str) -> None:
    items = [{"type": call, "userId": "u1", **SINGLE[call]} for call in SINGLE]
    assert [event.type for event in read(batch(*items), path).events] == list(SINGLE)


def test_the_path_decides_over_the_body() -> None:
    assert only(read(item(type="page"), "/v1/track")).type == "track"


def test_an_old_ruby_client_names_the_call_action() -> None:
    assert one(type=None, action="track").type == "track"


def test_an_unknown_path_or_a_switched_off_source_is_the_requests_error() -> None:
    with pytest.raises(InputError, match="v1/batch") as caught:
        read(batch(), "/v1/telepathy")
    assert caught.value.code == "unknown_call"
    with pytest.raises(InputError) as caught:
        read(batch(), source=SourceRules(name="shop", enabled=False))
    assert caught.value.code == "source_disabled"


def test_own_events_cannot_come_from_outside() -> None:
    assert refused(type="own", event="Message Released") == "unknown_type"


@pytest.mark.parametrize("body", [b"[%s]", b'{"x": [1, {}], "batch": [%s]}', b"\xef\xbb\xbf[%s]"])
def test_a_bare_list_and_fields_beside_the_batch_are_fine(body: bytes) -> None:
    assert len(read(body % json.dumps(item()).encode()).events) == 1


def test_one_call_on_the_batch_path_is_a_batch_of_one() -> None:
    assert only(read(item())).name == "Video Watched"


# --- ids ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"),
    [("u1", "u1"), (4711, "4711"), (4711.0, "4711"), (1.5, "1.5"), (" u ", " u ")],
)
def test_ids_are_text_and_numbers_become_text(given: Any, kept: str) -> None:
    assert one(userId=given).user_id == kept


@pytest.mark.parametrize("blank", [None, "", "  ", "\t\n"])
def test_an_explicit_null_or_a_blank_id_is_absent(blank: Any) -> None:
    body = json.dumps({"batch": [item() | {"anonymousId": blank}]}).encode()
    assert only(read(body)).anonymous_id is None
    body = json.dumps({"batch": [item() | {"userId": blank}]}).encode()
    assert [refusal.code for refusal in read(body).refused] == ["no_user_anon_id"]


@pytest.mark.parametrize("wrong", [True, {"id": 1}, ["u1"]])
def test_an_id_of_another_type_is_refused(wrong: Any) -> None:
    assert refused(userId=wrong) == "bad_type"


def test_each_call_has_the_ids_that_it_needs() -> None:
    assert refused(userId=None) == "no_user_anon_id"
    assert refused(type="group") == "missing_group_id"
    assert refused(type="alias") == "missing_previous_id"
    assert refused(type="alias", userId=None, anonymousId="a", previousId="b") == "no_user_anon_id"
    assert refused(event=None) == "missing_event"
    assert refused(event=" ") == "missing_event"
    assert refused(event={"name": "x"}) == "bad_type"
    assert refused(type=None) == "unknown_type"
    assert refused(type="shout") == "unknown_type"
    assert refused(userId="u" * 513) == "id_too_long"
    assert refused(event="e" * 257) == "name_too_long"


def test_a_group_is_kept_on_any_call() -> None:
    assert one(groupId=7).group_id == "7"


def test_rudderstacks_anonymous_id_header_is_used_only_where_the_body_names_nobody() -> None:
    encoded = base64.b64encode(b"device-1").decode()
    headers = RequestHeaders(anonymous_id=encoded)
    assert only(read(item(userId=None), "t", headers=headers)).anonymous_id == "device-1"
    assert only(read(item(), "t", headers=headers)).anonymous_id is None
    plain = RequestHeaders(anonymous_id="device-1")
    assert only(read(item(userId=None), "t", headers=plain)).anonymous_id == "device-1"


def test_external_ids_become_identifiers() -> None:
    ids = [
        {"id": "a@x.io", "type": "email", "collection": "users", "encoding": "none"},
        {"id": 42, "type": "crm"},
        {"id": 42, "type": "crm"},
        {"id": "", "type": "crm"},
        {"id": "x"},
        "x",
    ]
    event = one(context={"externalIds": ids})
    assert event.identifiers == (Identifier("email", "a@x.io"), Identifier("crm", "42"))
    assert event.flags == ("bad_external_id",)
    many = [{"id": n, "type": "crm"} for n in range(51)]
    event = one(context={"externalIds": many})
    assert len(event.identifiers) == 50
    assert event.flags == ("external_ids_capped",)
    assert one(context={"externalIds": "x"}).flags == ("bad_external_id",)


# --- names and categories ----------------------------------------------------------------------


def test_a_page_has_its_name_and_category_in_its_properties() -> None:
    event = one(type="page", event=None, name="Home", category="Docs", properties={})
    assert event.name == "Home"
    assert event.properties == {"name": "Home", "category": "Docs"}
    assert one(type="page", properties={"name": "Cart"}).name == "Cart"
    assert one(type="page", properties={}).name == "page"
    assert one(type="screen", name=" ", properties={}).name == "screen"
    assert one(type="identify").name == "identify"


def test_a_numeric_event_name_is_text() -> None:
    assert one(event=404).name == "404"


# --- what stands beside the batch --------------------------------------------------------------


def test_context_and_integrations_of_the_batch_go_to_each_item_that_has_not_its_own() -> None:
    shared = {"library": {"name": "x"}, "ip": "9.9.9.9"}
    body = batch(
        item(context={"ip": "1.1.1.1"}, integrations={"CRM": False}),
        item(messageId="m2"),
        context=shared,
        integrations={"All": False, "CRM": True},
    )
    first, second = read(body).events
    assert first.context == {"library": {"name": "x"}, "ip": "1.1.1.1"}
    assert first.integrations == {"All": False, "CRM": False}
    assert second.context == shared
    assert second.context is not first.context


def test_a_shared_context_beyond_a_limit_is_left_out_and_flagged() -> None:
    deep: Any = 1
    for _ in range(40):
        deep = {"a": deep}
    event = only(read(batch(item(), context=deep)))
    assert event.context == {}
    assert event.flags == ("shared_fields_ignored",)


def test_the_callers_address_is_kept_for_client_side_sources_only() -> None:
    def context(kind: Any, **fields: Any) -> dict[str, Any]:
        source = SourceRules(name="shop", kind=kind)
        return only(read(batch(item(**fields)), source=source, ip="1.2.3.4")).context

    assert context("browser") == context("mobile") == {"ip": "1.2.3.4"}
    assert context("server") == {}
    assert context("browser", context={"ip": "0.0.0.0"}) == {"ip": "0.0.0.0"}


def test_the_global_privacy_control_is_normalised_once() -> None:
    headers = RequestHeaders(sec_gpc="1")
    assert only(read(batch(item()), headers=headers)).context == {"gpc": True}
    off = RequestHeaders(sec_gpc="0")
    assert only(read(batch(item()), headers=off)).context == {}
    for said in (True, "1", 1, "true"):
        assert one(context={"gpc": said}).context["gpc"] is True
    assert one(context={"gpc": False}).context["gpc"] is False
    consent = {"categoryPreferences": {"ads": False}, "gpc": True}
    assert one(context={"consent": consent}).context == {"consent": consent, "gpc": True}
    plain = {"categoryPreferences": {"ads": True}}
    assert one(context={"consent": plain}).context == {"consent": plain}


# --- message ids and keys ----------------------------------------------------------------------


def test_the_key_is_the_kernels_hash_of_source_and_message_id() -> None:
    for message_id in ("m1", "a\x1fb", "a\x1eb", "ünï", "m" + "\x1e\x1f" * 9):
        event = one(messageId=message_id)
        assert event.message_id == message_id
        assert event.key == hash_key(SECRET, "event", "shop", message_id)


def test_a_missing_message_id_is_derived_from_what_a_retry_repeats() -> None:
    first = one(messageId=None)
    assert first.flags == ("message_id_derived",)
    body = batch(item(messageId="") | {"sentAt": "2026-11-20T17:59:30Z"}, sentAt="2026-11-20")
    again = only(read(body, received_at=NOW + 60_000))
    assert (again.message_id, again.key) == (first.message_id, first.key)
    assert one(messageId=None, properties={"title": "Another"}).key != first.key
    assert one(messageId=None, userId="u2").key != first.key


def test_an_overlong_message_id_is_shortened_and_stays_itself() -> None:
    exact, long, other = "x" * 100, "x" * 101, "x" * 100 + "y"
    assert one(messageId=exact).flags == ()
    first, second = one(messageId=long), one(messageId=other)
    assert first.flags == second.flags == ("message_id_shortened",)
    assert len(first.message_id) <= 100
    assert len({first.key, second.key, one(messageId=exact).key}) == 3


def test_a_numeric_message_id_is_text() -> None:
    assert one(messageId=17).message_id == "17"


# --- limits of a request -----------------------------------------------------------------------


def test_more_items_than_are_looked_at_are_the_requests_error() -> None:
    body = batch(*(item(messageId=f"m{n}") for n in range(5)))
    with pytest.raises(InputError) as caught:
        read(body, limits=IngestLimits(items_count_max=4))
    assert caught.value.code == "too_many_events"


def test_a_body_full_of_the_shortest_calls_is_read_as_a_whole() -> None:
    call = b'{"type":"page","userId":1}'
    room = IngestLimits().body_bytes_max - len(b'{"batch":[]}')
    count = (room + 1) // (len(call) + 1)
    body = b'{"batch":[' + b",".join([call] * count) + b"]}"
    assert 0 <= IngestLimits().body_bytes_max - len(body) <= len(call)
    shop = SourceRules(name="shop")
    intake = parse_request("batch", body, source=shop, secret=SECRET, received_at=NOW)
    assert (len(intake.events), intake.refused) == (count, [])


def test_an_event_is_measured_as_it_was_sent() -> None:
    body = item(properties={"text": ""})
    room = 32 * 1024 - len(json.dumps(body))
    assert one(**item(properties={"text": "x" * room})).flags == ()
    assert refused(**item(properties={"text": "x" * (room + 1)})) == "event_too_large"
    assert read(item(properties={"text": "x" * room * 2}), "t").refused[0].code == "event_too_large"


def test_a_body_over_the_limit_is_the_requests_error() -> None:
    with pytest.raises(InputError) as caught:
        read(batch(item()), limits=IngestLimits(body_bytes_max=20))
    assert caught.value.code == "body_too_large"


def test_a_refusal_keeps_the_item_for_the_quarantine() -> None:
    bad = item(userId=None, secret="free text of a person")
    intake = read(batch(item(), bad), source=SourceRules(name="shop"))
    (refusal,) = intake.refused
    assert (refusal.index, refusal.disposition, refusal.is_cut) == (1, "quarantine", False)
    assert json.loads(refusal.raw) == bad
    assert "person" not in refusal.message
    assert "$.batch[1]" in refusal.message
    (cut,) = read(batch(bad), limits=IngestLimits(refused_bytes_max=8)).refused
    assert (len(cut.raw), cut.is_cut) == (8, True)


# --- write keys --------------------------------------------------------------------------------


def basic(user: str) -> str:
    return "Basic " + base64.b64encode(user.encode()).decode()


@pytest.mark.parametrize(
    ("header", "body", "key"),
    [
        (basic("WK:"), b"{}", "WK"),
        (basic("WK"), b"{}", "WK"),
        (basic("WK:password"), b'{"writeKey": "other"}', "WK"),
        (basic("WK:").rstrip("="), b"{}", "WK"),
        (basic("WK:").replace("Basic", "basic"), b"{}", "WK"),
        (basic(":"), b'{"writeKey": "WK"}', "WK"),
        ("Basic !!!", b'{"writeKey": "WK"}', "WK"),
        (None, b'\xef\xbb\xbf{"batch": [1, {"writeKey": "no"}], "writeKey": "WK"}', "WK"),
        (None, b'{"batch": [{"a": NaN, "writeKey": "no"}], "writeKey": "WK"}', "WK"),
        (None, b'{"batch": [' + b"[" * 5000 + b"]" * 5000 + b'], "writeKey": "WK"}', "WK"),
        ("Bearer token", b'{"writeKey": "WK"}', "WK"),
        ("Bearer WK", b"{}", "WK"),
        (None, b'{"writeKey": 7}', None),
        (None, b'{"writeKey": " "}', None),
        (None, b"[]", None),
        (None, b"no json", None),
        ("Digest x", b"{}", None),
        ("", b"", None),
    ],
)
def test_the_write_key_is_found(header: str | None, body: bytes, key: str | None) -> None:
    assert find_write_key(header, body) == key


def test_times_of_the_helpers_are_what_they_say() -> None:
    assert instant("2026-11-20T18:00:00Z") == NOW
