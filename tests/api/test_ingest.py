"""What browsers and SDKs ask of ingest beside taking events: keys, preflights, privacy."""

from __future__ import annotations

import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from heedful.api.cors import PREFLIGHT_S
from heedful.api.ingest import LOOP_BYTES_MAX
from heedful.ingest import parse_request
from heedful.ingest.types import Intake
from tests.api.serving import Served, bearer

ORIGIN = "https://shop.example"


def basic(user: str, password: str = "") -> dict[str, str]:
    text = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {text}"}


def call(user: str, event: str = "Tent Seen", **fields: Any) -> dict[str, Any]:
    return {"type": "track", "userId": user, "event": event, **fields}


def customer(served: Served, user: str) -> dict[str, Any]:
    with served.client("agent") as client:
        asked = {"namespace": "user_id", "value": user}
        found = client.post("/v1/customers/lookup", json=asked).json()["customer_id"]
        shown: dict[str, Any] = client.get(f"/v1/customers/{found}").json()
    return shown


@pytest.fixture
def http(served: Served) -> Any:
    with served.client(role=None) as client:
        yield client


def test_who_imports_is_told_how_much_was_refused_and_an_sdk_is_not(
    served: Served, http: httpx.Client
) -> None:
    whole = call("told", messageId="told-1")
    other = {**whole, "event": "Tent Sold"}  # another content of the same messageId
    body = {"batch": [whole, call("null"), whole, other, {"type": "track"}]}
    for role, said in (
        ("operator", {"success": True, "refused": 3, "suppressed": 0}),
        ("source", {"success": True}),
    ):
        answer = http.post("/v1/import", json=body, headers=bearer(served.keys[role]))
        assert (answer.status_code, answer.json()) == (200, said)


@pytest.mark.parametrize("year", [2038, 2100, 9999])
@pytest.mark.parametrize("is_sent_then", [False, True], ids=["sent now", "sent then"])
def test_a_clock_that_runs_years_ahead_loses_no_event(
    served: Served, http: httpx.Client, year: int, is_sent_then: bool
) -> None:
    user, then = f"ahead-{year}-{is_sent_then}", f"{year}-12-31T23:59:59Z"
    said = call(user, messageId=user, timestamp=then, **({"sentAt": then} if is_sent_then else {}))
    for _ in range(2):
        assert http.post("/v1/track", json=said, headers=bearer(served.keys["source"])).is_success
    shown = customer(served, user)
    assert shown["event_count"] == 1
    with served.client("agent") as client:
        path = f"/v1/customers/{shown['customer_id']}/timeline"
        (event,) = client.get(path).json()["items"]
    assert event["at"] == event["received_at"]
    assert event["flags"] == ["skew_absurd" if is_sent_then else "future_clamped"]


# -- large requests -------------------------------------------------------------------------------


def test_a_large_request_is_read_beside_the_small_ones(
    served: Served, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event loop answers others while a thread reads; both land, and each is answered once."""
    entered, go_on = threading.Event(), threading.Event()

    def reading(path: str, body: bytes, **rest: Any) -> Intake:
        if len(body) > LOOP_BYTES_MAX:
            entered.set()
            assert go_on.wait(60)
        return parse_request(path, body, **rest)

    monkeypatch.setattr("heedful.api.ingest.parse_request", reading)
    pad = "x" * 2_000
    batch = [call("large", messageId=f"large-{n}", properties={"pad": pad}) for n in range(80)]
    with ThreadPoolExecutor(1) as sender:
        said = {"json": {"batch": batch}, "headers": bearer(served.keys["source"])}
        large = sender.submit(http.post, "/v1/batch", **said)  # type: ignore[arg-type]
        assert entered.wait(60)
        small = call("small", messageId="small-1")
        answer = httpx.post(
            f"{served.url}/v1/track", json=small, headers=bearer(served.keys["source"])
        )
        assert (answer.status_code, large.done()) == (200, False)
        go_on.set()
        assert large.result().status_code == 200
    assert customer(served, "large")["event_count"] == len(batch)
    assert customer(served, "small")["event_count"] == 1


# -- keys -----------------------------------------------------------------------------------------


def test_a_write_key_is_taken_where_sdks_put_it(served: Served, http: httpx.Client) -> None:
    key = served.keys["source"]
    without_colon = base64.b64encode(key.encode()).decode()
    ways = [
        (basic(key), {}),
        ({"Authorization": f"Basic {without_colon}"}, {}),
        ({}, {"writeKey": key}),
        (bearer(key), {}),
        (bearer("a token of another issuer"), {"writeKey": key}),
    ]
    for number, (headers, beside) in enumerate(ways):
        said = {**call("keyed", messageId=f"keyed-{number}"), **beside}
        answer = http.post("/v1/track", json=said, headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"success": True}), number
    assert customer(served, "keyed")["event_count"] == len(ways)


def test_a_write_key_in_a_wrong_place_opens_nothing(served: Served, http: httpx.Client) -> None:
    key = served.keys["source"]
    wrong = [
        ("/v1/track", basic("", key), {}),
        ("/v1/track", {"X-Api-Key": key}, {}),
        (f"/v1/track?writeKey={key}", {}, {}),
        ("/v1/track", {}, {"properties": {"writeKey": key}}),
        ("/v1/track", {"Cookie": f"writeKey={key}"}, {}),
        ("/v1/customers/lookup", basic(key), {"writeKey": key}),
        ("/v1/customers/lookup", {}, {"writeKey": key}),
    ]
    for path, headers, beside in wrong:
        answer = http.post(path, json={**call("nobody-knows"), **beside}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unknown_key"), (path, headers)
    answer = http.post("/v1/customers/lookup", json={}, headers=bearer(key))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    answer = http.get(f"/v1/projects/{served.keys['owner']}/settings")
    assert answer.status_code == 401, "only a write key is public"
    asked = {"namespace": "user_id", "value": "nobody-knows"}
    answer = http.post("/v1/customers/lookup", json=asked, headers=bearer(served.keys["agent"]))
    assert answer.status_code == 404


def test_a_key_says_which_source_an_event_is_of(served: Served, http: httpx.Client) -> None:
    for key, source in ((served.keys["source"], "the-source"), (served.keys["owner"], "import")):
        user = f"of {source}"
        assert http.post("/v1/track", json=call(user), headers=basic(key)).status_code == 200
        shown = customer(served, user)
        with served.client("agent") as client:
            path = f"/v1/customers/{shown['customer_id']}/timeline"
            assert client.get(path).json()["items"][0]["source"] == source


def test_an_owner_names_the_source_of_what_they_bring_in(
    served: Served, http: httpx.Client
) -> None:
    headers = bearer(served.keys["operator"])
    answer = http.post("/v1/import?source=old-shop", json=call("brought"), headers=headers)
    assert answer.status_code == 200
    for bad in ("x" * 65, "caf%C3%A9", "a%00b"):
        answer = http.post(f"/v1/import?source={bad}", json=call("brought"), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_source_name")


def test_data_that_is_lost_for_a_wrong_key_is_counted(served: Served, http: httpx.Client) -> None:
    before = served.metric("heedful_unknown_keys_total")
    assert http.post("/v1/track", json=call("u1"), headers=basic("gone")).status_code == 401
    assert served.metric("heedful_unknown_keys_total") == before + 1


# -- browsers -------------------------------------------------------------------------------------


def test_a_preflight_is_answered_and_may_be_remembered(http: httpx.Client) -> None:
    asked = "authorization,content-type,rsa-retry-attempt,x-evil"
    headers = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": asked,
    }
    for path in ("/v1/t", "/v1/batch", "/v1/track/"):
        answer = http.options(path, headers=headers)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["access-control-max-age"] == str(PREFLIGHT_S)
        assert "POST" in answer.headers["access-control-allow-methods"]
        allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
        assert {"authorization", "content-type", "rsa-retry-attempt"} <= set(allowed)
        assert "x-evil" not in allowed
        assert "access-control-allow-credentials" not in answer.headers


def test_every_answer_of_ingest_can_be_read_by_any_origin(
    served: Served, http: httpx.Client
) -> None:
    for headers in (basic(served.keys["source"]), basic("gone")):
        answer = http.post("/v1/t", json=call("u1"), headers={**headers, "Origin": ORIGIN})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "retry-after" in answer.headers["access-control-expose-headers"].lower()


def test_no_other_route_can_be_used_by_another_origin(served: Served, http: httpx.Client) -> None:
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    for path in ("/v1/customers/lookup", "/v1/customers/c_1", "/v1/keys"):
        answer = http.options(path, headers=headers)
        assert "access-control-allow-origin" not in answer.headers
        assert "OPTIONS" in answer.headers["allow"]
    assert http.options("/v1/nowhere").status_code == 404
    answer = http.get("/v1/keys", headers={**bearer(served.keys["owner"]), "Origin": ORIGIN})
    assert "access-control-allow-origin" not in answer.headers


def test_a_beacon_lands_whatever_its_content_type(served: Served, http: httpx.Client) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "image/png"):
        said = json.dumps({**call("beacon", messageId=kind), "writeKey": served.keys["source"]})
        answer = http.post("/v1/t", content=said, headers={"Content-Type": kind})
        assert answer.status_code == 200
    assert customer(served, "beacon")["event_count"] == 3


def test_settings_send_the_browser_sdk_to_this_server(served: Served, http: httpx.Client) -> None:
    answer = http.get(f"/v1/projects/{served.keys['source']}/settings")
    segment = answer.json()["integrations"]["Segment.io"]
    assert f"{segment['protocol']}://{segment['apiHost']}" == f"{served.url}/v1"
    assert segment["apiKey"] == served.keys["source"]
    assert answer.headers["access-control-allow-origin"] == "*"


# -- privacy --------------------------------------------------------------------------------------


def test_global_privacy_control_holds_from_the_event_that_shows_it(
    served: Served, http: httpx.Client
) -> None:
    key = basic(served.keys["source"])
    http.post("/v1/t", json=call("private"), headers=key)
    assert customer(served, "private")["gpc"] is False
    http.post("/v1/t", json=call("private", "Left"), headers={**key, "Sec-GPC": "1"})
    assert customer(served, "private")["gpc"] is True


def test_a_consent_banner_is_in_the_ledger_at_the_next_event(
    served: Served, http: httpx.Client
) -> None:
    key = basic(served.keys["source"])

    def said(**categories: bool) -> dict[str, dict[str, Any]]:
        context = {"consent": {"categoryPreferences": categories}}
        http.post("/v1/t", json=call("asked", json.dumps(categories), context=context), headers=key)
        consents = customer(served, "asked")["consents"]
        return {consent["purpose"]: consent for consent in consents}

    held = said(Advertising=True, Analytics=False, Unheard=True)
    assert {name: one["status"] for name, one in held.items()} == {
        "analytics": "denied",
        "marketing": "granted",
    }
    assert {one["channel"] for one in held.values()} == {"*"}
    assert said(Advertising=False)["marketing"]["status"] == "denied"


def test_a_statement_of_consent_keeps_its_proof_and_a_withdrawal_wins(
    served: Served, http: httpx.Client
) -> None:
    http.post("/v1/t", json=call("signer"), headers=basic(served.keys["source"]))
    path = f"/v1/customers/{customer(served, 'signer')['customer_id']}"
    granted = {
        "purpose": "marketing",
        "status": "granted",
        "channel": "email",
        "source": "counter",
        "text_version": "2026-03",
        "proof": "form 17",
    }
    with served.client("service") as client:
        assert client.post(f"{path}/consents", json=granted).json() == {"success": True}
        (held,) = customer(served, "signer")["consents"]
        assert {name: held[name] for name in granted} == granted
        withdrawn = {**granted, "status": "withdrawn", "proof": None}
        assert client.post(f"{path}/consents", json=withdrawn).status_code == 200
        assert [c["status"] for c in customer(served, "signer")["consents"]] == ["withdrawn"]
        assert client.post(f"{path}/object", json={"purpose": "marketing"}).status_code == 200
        states = {c["channel"]: c["status"] for c in customer(served, "signer")["consents"]}
        assert states == {"*": "objected", "email": "withdrawn"}


def test_a_slip_in_a_purpose_is_refused_with_the_nearest(
    served: Served, http: httpx.Client
) -> None:
    http.post("/v1/t", json=call("slip"), headers=basic(served.keys["source"]))
    path = f"/v1/customers/{customer(served, 'slip')['customer_id']}"
    with served.client("service") as client:
        for tail, said in (("consents", {"status": "withdrawn"}), ("object", {})):
            answer = client.post(f"{path}/{tail}", json={"purpose": "marketting", **said})
            assert (answer.status_code, answer.json()["code"]) == (400, "unknown_purpose")
            assert "Did you mean marketing?" in answer.json()["message"]
    assert customer(served, "slip")["consents"] == []
