"""Signed deliveries of other systems, mapped by the two examples that ship."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from standardwebhooks.webhooks import Webhook

from heedful.events import Identifier
from heedful.ingest import (
    Intake,
    Signature,
    SourceRules,
    WebhookMapping,
    load_mapping,
    parse_webhook,
    require_signature,
)
from heedful.kernel import InputError
from tests.unit.ingest.requests import NOW, SECRET, instant, only

EXAMPLES = Path(__file__).resolve().parents[3] / "examples/webhooks"
NOW_S = NOW // 1_000


def example(name: str) -> WebhookMapping:
    return load_mapping(yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text("utf-8")))


def provider_headers(body: bytes, secret: str = "s1", at_s: int = NOW_S) -> dict[str, str]:
    signed = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return {"provider-signature": f"t={at_s},v1={signed},v0=old"}


def shop_headers(body: bytes, topic: str, secret: str = "s1") -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return {
        "x-shop-hmac-sha256": base64.b64encode(digest).decode(),
        "x-shop-topic": topic,
        "x-shop-webhook-id": "d-1",
    }


def deliver(
    mapping: WebhookMapping, body: bytes, headers: Mapping[str, str], **settings: Any
) -> Intake:
    settings.setdefault("secrets", ["s1"])
    return parse_webhook(
        mapping,
        body,
        headers=headers,
        source=SourceRules(name="provider", kind="webhook"),
        secret=SECRET,
        received_at=NOW,
        **settings,
    )


FAILED = {
    "id": "evt_1",
    "type": "payment_intent.payment_failed",
    "created": NOW_S - 30,
    "data": {
        "object": {
            "id": "pi_1",
            "amount": 1999,
            "currency": "eur",
            "customer": "cus_9",
            "metadata": {"user_id": "u1", "order_id": 77},
            "last_payment_error": {"code": "card_declined", "decline_code": "insufficient_funds"},
        }
    },
}


def test_a_failed_payment_becomes_payment_failed() -> None:
    body = json.dumps(FAILED).encode()
    event = only(deliver(example("payment-provider"), body, provider_headers(body)))
    assert (event.type, event.name, event.user_id) == ("track", "Payment Failed", "u1")
    assert event.message_id == "evt_1:Payment Failed"
    assert event.at == NOW - 30_000
    assert event.flags == ()
    assert event.identifiers == (Identifier("payment_customer_id", "cus_9"),)
    assert event.properties == {
        "payment_id": "pi_1",
        "order_id": "77",
        "amount": 19.99,
        "currency": "EUR",
        "reason": "card_declined",
        "decline_code": "insufficient_funds",
    }


@pytest.mark.parametrize(("code", "amount"), [("jpy", 1999.0), ("kwd", 1.999), ("usd", 19.99)])
def test_minor_units_follow_the_currency(code: str, amount: float) -> None:
    changed: dict[str, Any] = json.loads(json.dumps(FAILED))
    changed["data"]["object"]["currency"] = code
    body = json.dumps(changed).encode()
    event = only(deliver(example("payment-provider"), body, provider_headers(body)))
    assert event.properties["amount"] == amount


def test_a_person_whom_the_sender_knows_only_by_its_own_id_is_still_a_person() -> None:
    changed: dict[str, Any] = json.loads(json.dumps(FAILED))
    del changed["data"]["object"]["metadata"]
    body = json.dumps(changed).encode()
    event = only(deliver(example("payment-provider"), body, provider_headers(body)))
    assert (event.user_id, event.anonymous_id) == (None, "payment_customer_id:cus_9")


def test_a_delivery_sent_again_is_the_same_event() -> None:
    body = json.dumps(FAILED).encode()
    mapping = example("payment-provider")
    again = provider_headers(body, at_s=NOW_S + 60)
    first, second = (deliver(mapping, body, h) for h in (provider_headers(body), again))
    assert first.events[0].key == second.events[0].key


def test_what_no_rule_matches_is_ignored_or_quarantined() -> None:
    body = b'{"id": "evt_2", "type": "invoice.created"}'
    intake = deliver(example("payment-provider"), body, provider_headers(body))
    assert (intake.events, intake.refused) == ([], [])
    (refusal,) = deliver(example("shop"), body, shop_headers(body, "themes/publish")).refused
    assert (refusal.code, refusal.raw) == ("webhook_unmatched", body)


ORDER = {
    "id": 820982911946154508,
    "created_at": "2026-11-20T18:30:00+01:00",
    "currency": "EUR",
    "total_price": "403.00",
    "total_tax": "0.00",
    "email": "ana@x.io",
    "note": "Bitte hinten abstellen",
    "customer": {"id": 115310627314723954, "email": "ana@x.io"},
    "discount_codes": [{"code": "TENT10"}],
    "line_items": [
        {"product_id": 632910392, "sku": "T-1", "title": "Tent", "price": "199.00", "quantity": 2},
        "no object",
    ],
}


def test_a_shops_order_becomes_order_completed() -> None:
    body = json.dumps(ORDER).encode()
    event = only(deliver(example("shop"), body, shop_headers(body, "orders/create")))
    assert event.name == "Order Completed"
    assert event.user_id == "115310627314723954"
    assert event.message_id == "d-1:Order Completed"
    assert event.at == instant("2026-11-20T17:30:00Z")
    assert event.identifiers == (Identifier("email", "ana@x.io"),)
    assert event.properties == {
        "order_id": "820982911946154508",
        "total": 403.0,
        "tax": 0.0,
        "currency": "EUR",
        "coupon": "TENT10",
        "note": "Bitte hinten abstellen",
        "products": [
            {
                "product_id": "632910392",
                "sku": "T-1",
                "name": "Tent",
                "price": 199.0,
                "quantity": 2,
            }
        ],
    }


def test_a_shops_customer_becomes_an_identify() -> None:
    body = json.dumps({"id": 5, "email": "a@x.io", "first_name": "Ana"}).encode()
    event = only(deliver(example("shop"), body, shop_headers(body, "customers/update")))
    assert (event.type, event.user_id) == ("identify", "5")
    assert event.traits == {"email": "a@x.io", "firstName": "Ana"}


def test_a_delivery_that_is_no_object_fails() -> None:
    for body in (b"no json", b"[1]", b"{" * 10):
        with pytest.raises(InputError) as caught:
            deliver(example("shop"), body, shop_headers(body, "orders/create"))
        assert caught.value.code == "invalid_json"
    body = b'{"a":' * 5_000 + b"1" + b"}" * 5_000
    with pytest.raises(InputError) as caught:
        deliver(example("shop"), body, shop_headers(body, "orders/create"))
    assert caught.value.code == "too_deep"


# --- signatures --------------------------------------------------------------------------------


def code_of(signature: Signature, body: bytes, headers: dict[str, str], *secrets: str) -> str:
    try:
        require_signature(signature, body, headers, secrets, NOW)
    except InputError as error:
        return error.code
    return "genuine"


def test_standard_webhooks_are_what_the_public_library_signs() -> None:
    secret = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
    moment = datetime.fromtimestamp(NOW_S, UTC)
    signed = Webhook(secret).sign("msg_1", moment, '{"a": 1}')
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(NOW_S),
        "webhook-signature": f"v1a,xx v1,{base64.b64encode(b'old').decode()} {signed}",
    }
    signature = Signature(scheme="standard-webhooks")
    assert code_of(signature, b'{"a": 1}', headers, secret) == "genuine"
    assert code_of(signature, b'{"a": 1}', headers, "whsec_bmV3", secret) == "genuine"
    assert code_of(signature, b'{"a": 2}', headers, secret) == "signature_mismatch"
    other = headers | {"webhook-id": "msg_2"}
    assert code_of(signature, b'{"a": 1}', other, secret) == "signature_mismatch"
    late = headers | {"webhook-timestamp": str(NOW_S - 301)}
    assert code_of(signature, b'{"a": 1}', late, secret) == "signature_expired"
    del late["webhook-timestamp"]
    assert code_of(signature, b'{"a": 1}', late, secret) == "signature_missing"


@pytest.mark.parametrize(
    ("off_s", "verdict"),
    [
        (0, "genuine"),
        (-300, "genuine"),
        (300, "genuine"),
        (-301, "signature_expired"),
        (301, "signature_expired"),
    ],
)
def test_the_tolerance_is_300_seconds_both_ways(off_s: int, verdict: str) -> None:
    signature = Signature(scheme="timestamped-hex", header="Provider-Signature")
    headers = provider_headers(b"{}", at_s=NOW_S + off_s)
    assert code_of(signature, b"{}", headers, "s1") == verdict


@pytest.mark.parametrize(
    "header", ["", "t=,v1=00", "v1=00", "t=x,v1=00", "t=1e9,v1=00", "t=" + "9" * 40 + ",v1=00"]
)
def test_a_signature_without_a_time_is_missing(header: str) -> None:
    signature = Signature(scheme="timestamped-hex", header="sig")
    assert code_of(signature, b"{}", {"sig": header}, "s1") == "signature_missing"


@pytest.mark.parametrize("header", ["", "zz", "00", "é", "=" * 40])
def test_a_wrong_plain_signature_is_refused(header: str) -> None:
    for encoding in ("base64", "hex"):
        signature = Signature(scheme="hmac-sha256", header="sig", encoding=encoding)
        assert code_of(signature, b"{}", {"sig": header}, "s1") in {
            "signature_missing",
            "signature_mismatch",
        }


def test_nothing_is_genuine_without_a_secret() -> None:
    signature = Signature(scheme="hmac-sha256", header="sig", encoding="hex")
    digest = hmac.new(b"s1", b"{}", hashlib.sha256).hexdigest()
    assert code_of(signature, b"{}", {"sig": digest}, "s1") == "genuine"
    assert code_of(signature, b"{}", {"sig": digest}) == "signature_mismatch"
    assert code_of(signature, b"{}", {}, "s1") == "signature_missing"


# --- mappings ----------------------------------------------------------------------------------

SOUND = {"name": "x", "signature": {"scheme": "hmac-sha256"}, "rules": [{"event": "E"}]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"rules": [{"event": "E", "user_id": "a..b"}]},
        {"rules": [{"event": "E", "when": {"a b": 1}}]},
        {"rules": [{"event": "E", "properties": {"p": {"each": {"q": "a[x]"}}}}]},
        {"rules": [{"type": "track"}]},
        {"rules": [{"type": "own", "event": "E"}]},
        {"rules": [{"event": "E", "userid": "id"}]},
        {"signature": {"scheme": "none"}},
        {"name": 7},
    ],
)
def test_a_wrong_mapping_is_refused_when_it_is_loaded(wrong: dict[str, Any]) -> None:
    assert load_mapping(SOUND).name == "x"
    with pytest.raises(InputError) as caught:
        load_mapping(SOUND | wrong)
    assert caught.value.code == "bad_webhook_mapping"
