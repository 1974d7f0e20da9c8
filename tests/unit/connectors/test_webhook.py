"""Signed calls to other systems, and what their answers mean."""

from __future__ import annotations

import json
import socket

import msgspec
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from heedful.connectors import Secret, Surroundings
from heedful.connectors.contract import HttpStandIn
from heedful.connectors.webhook import PLUGIN, WebhookConnector, WebhookDestination, WebhookSettings
from heedful.ingest.signature import Signature, require_signature
from heedful.kernel import InputError
from heedful.ports import Delivery
from tests.unit.connectors.rigs import OTHER_SECRET, SECRET, call, message, webhooks

NOW = 1_700_000_000_000


def test_the_receivers_library_accepts_the_call() -> None:
    with HttpStandIn() as server:
        assert webhooks(server.url + "/hooks").deliver(call("e_7")) == Delivery(
            "delivered", "http_200"
        )
    request = server.requests[0]
    said = Webhook(SECRET.reveal()).verify(request.body, dict(request.headers))
    assert said == {
        "type": "customer.needs_help",
        "timestamp": "1970-01-01T00:00:01.000Z",
        "data": call().effect.data,  # type: ignore[union-attr]
        "customer_id": "c_1",
        "decision_id": "d_1",
    }
    assert request.headers["webhook-id"] == "e_7"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("heedful/")
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET.reveal()).verify(request.body + b" ", dict(request.headers))


def test_while_a_secret_is_replaced_both_are_good() -> None:
    with HttpStandIn() as server:
        desk = WebhookDestination(
            url=server.url, secrets=(SECRET, OTHER_SECRET), allow_private=True
        )
        connector = WebhookConnector("webhook", WebhookSettings(destinations={"desk": desk}))
        connector.deliver(call())
        connector.close()
    request = server.requests[0]
    for secret in (SECRET, OTHER_SECRET):
        Webhook(secret.reveal()).verify(request.body, dict(request.headers))


def test_our_own_front_door_accepts_it_too() -> None:
    with HttpStandIn() as server:
        desk = WebhookDestination(url=server.url, secrets=(SECRET,), allow_private=True)
        settings = WebhookSettings(destinations={"desk": desk})
        connector = WebhookConnector("webhook", settings, clock=lambda: NOW)
        connector.deliver(call(expires_at=NOW + 1))
        connector.close()
    request = server.requests[0]
    assert request.headers["webhook-timestamp"] == str(NOW // 1000)
    signature = Signature(scheme="standard-webhooks", header="webhook-signature")
    require_signature(signature, request.body, request.headers, [SECRET.reveal()], NOW)


def test_a_retry_is_the_same_call_but_for_its_time() -> None:
    clock = iter(range(NOW, NOW + 10_000_000, 60_000))
    with HttpStandIn() as server:
        desk = WebhookDestination(url=server.url, secrets=(SECRET,), allow_private=True)
        settings = WebhookSettings(destinations={"desk": desk})
        connector = WebhookConnector("webhook", settings, clock=lambda: next(clock))
        for _ in range(2):
            connector.deliver(call(expires_at=NOW * 2))
        connector.close()
    first, second = server.requests
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] < second.headers["webhook-timestamp"]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


@pytest.mark.parametrize(
    ("status", "headers", "delivery"),
    [
        (200, {}, Delivery("delivered", "http_200")),
        (202, {}, Delivery("delivered", "http_202")),
        (204, {"Retry-After": "9"}, Delivery("delivered", "http_204")),
        (301, {"Location": "/"}, Delivery("failed", "http_301")),
        (304, {}, Delivery("failed", "http_304")),
        (400, {"Retry-After": "9"}, Delivery("failed", "http_400")),
        (401, {}, Delivery("failed", "http_401")),
        (404, {}, Delivery("failed", "http_404")),
        (408, {}, Delivery("retry", "http_408")),
        (409, {}, Delivery("failed", "http_409")),
        (410, {}, Delivery("failed", "http_410", is_gone=True)),
        (413, {}, Delivery("failed", "http_413")),
        (425, {}, Delivery("retry", "http_425")),
        (429, {"Retry-After": "7"}, Delivery("retry", "http_429", retry_after_s=7.0)),
        (429, {"Retry-After": "soon"}, Delivery("retry", "http_429")),
        (500, {}, Delivery("retry", "http_500")),
        (
            503,
            {"Retry-After": "Tue, 14 Nov 2023 22:14:20 GMT"},
            Delivery("retry", "http_503", retry_after_s=60.0),
        ),
        (599, {}, Delivery("retry", "http_599")),
    ],
)
def test_a_status_says_what_became_of_the_call(
    status: int, headers: dict[str, str], delivery: Delivery
) -> None:
    with HttpStandIn() as server:
        server.answer(status, headers)
        desk = WebhookDestination(url=server.url, secrets=(SECRET,), allow_private=True)
        settings = WebhookSettings(destinations={"desk": desk})
        connector = WebhookConnector("webhook", settings, clock=lambda: NOW)
        assert connector.deliver(call(expires_at=NOW + 1)) == delivery
        connector.close()
        assert len(server.requests) == 1


def test_nobody_there_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    connector = webhooks(f"http://localhost:{port}")
    assert connector.deliver(call()) == Delivery("retry", "connect_failed")


def test_a_destination_that_turns_out_private_is_never_called() -> None:
    with HttpStandIn() as server:
        desk = WebhookDestination(url=f"https://inside.example:{server.port}", secrets=(SECRET,))
        connector = WebhookConnector(
            "webhook",
            WebhookSettings(destinations={"desk": desk}),
            resolver=lambda host, port: ["127.0.0.1"],
        )
        assert connector.deliver(call()) == Delivery("failed", "private_address")
        assert server.connection_count == 0


@pytest.mark.parametrize(
    ("effect", "code"),
    [
        (call(destination="dsk"), "unknown_destination"),
        (call(expires_at=1), "expired"),
        (call(text="\ud800"), "bad_content"),
        (call(text="x" * 2_000_000), "content_too_large"),
        (call("e 1"), "bad_content"),
        (call("e\r\nX-Injected: 1"), "bad_content"),
        (call("é"), "bad_content"),
        (call(""), "bad_content"),
        (call("e" * 257), "bad_content"),
        (message(), "wrong_effect"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_sent_is_refused_before_the_call(effect: object, code: str) -> None:
    with HttpStandIn() as server:
        connector = webhooks(server.url)
        assert connector.deliver(effect) == Delivery("failed", code)  # type: ignore[arg-type]
        assert server.connection_count == 0


def test_several_destinations_have_their_own_time() -> None:
    slow = WebhookDestination(url="https://a.example", secrets=(SECRET,), timeout_s=40.0)
    quick = WebhookDestination(url="https://b.example", secrets=(SECRET,))
    settings = WebhookSettings(destinations={"slow": slow, "quick": quick}, timeout_s=2.0)
    connector = WebhookConnector("webhook", settings)
    assert connector.destinations == ("quick", "slow")
    assert connector.timeout_s == 40.0
    assert connector.channels == ()
    assert not connector.is_at_most_once(call())


@pytest.mark.parametrize(
    ("url", "allow_private", "fault"),
    [
        ("https://desk.example.com/hooks?a=1", False, None),
        ("https://xn--bcher-kva.example", False, None),
        ("http://10.0.0.1:8080/", True, None),
        ("https://[2a00::1]/", False, None),
        ("http://desk.example.com", False, "https"),
        ("ftp://desk.example.com", True, "https://desk"),
        ("file:///etc/passwd", True, "https://desk"),
        ("gopher://desk.example.com", True, "https://desk"),
        ("desk.example.com", True, "https://desk"),
        ("https://", True, "https://desk"),
        ("https://desk.example.com:99999/", True, "no URL"),
        ("https://desk.example.com:0/", True, "https://desk"),
        ("https://[::1/", True, "no URL"),
        ("https://bücher.example", True, "xn--"),
        ("https://desk.example.com/a b", True, "ASCII"),
        ("https://desk.example.com/\r\nX: y", True, "ASCII"),
        ("https://me:pw@desk.example.com/", True, "password"),
        ("https://desk.example.com/#x", True, "fragment"),
    ],
)
def test_a_url_is_checked_when_it_is_read(url: str, allow_private: bool, fault: str | None) -> None:
    given = {"url": url, "secrets": [SECRET], "allow_private": allow_private}
    if fault is None:
        assert msgspec.convert(given, WebhookDestination).url == url
    else:
        with pytest.raises(msgspec.ValidationError, match=fault):
            msgspec.convert(given, WebhookDestination)


@pytest.mark.parametrize(
    ("secret", "got"),
    [
        ("whsec_" + "A" * 16, "a shorter one"),
        ("whsec_!!!!", "other text"),
        ("not base64 at all", "other text"),
        ("whsec_é", "other text"),
    ],
)
def test_a_bad_secret_is_refused_without_being_shown(secret: str, got: str) -> None:
    desk = WebhookDestination(url="https://a.example", secrets=(Secret("env:HOOK", secret),))
    with pytest.raises(InputError) as caught:
        PLUGIN.open("webhook", WebhookSettings(destinations={"desk": desk}), Surroundings(b"s"))
    assert caught.value.code == "bad_signing_secret"
    assert got in caught.value.message
    assert "env:HOOK" in caught.value.message
    assert secret not in caught.value.message


@pytest.mark.parametrize("text", [None, "this is no certificate"])
def test_a_bad_file_of_certificates_is_refused(tmp_path: object, text: str | None) -> None:
    path = f"{tmp_path}/ca.pem"
    if text is not None:
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
    desk = WebhookDestination(url="https://a.example", secrets=(SECRET,), ca_file=path)
    with pytest.raises(InputError) as caught:
        WebhookConnector("webhook", WebhookSettings(destinations={"desk": desk}))
    assert caught.value.code == "bad_ca_file"


def test_the_body_is_json_for_every_kind_of_value() -> None:
    with HttpStandIn() as server:
        webhooks(server.url).deliver(call(text="Grüße \u2028 </script> \x00"))
    body = json.loads(server.requests[0].body)
    assert body["data"]["text"] == "Grüße \u2028 </script> \x00"
    assert body["data"]["nested"]["Grüße \u2028 </script> \x00"][1:] == [3, 2.5, None, True]
