"""A signed webhook from its first delivery on: what its sender hears, and its operator."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from heedful.cli.diagnosis import diagnose
from tests.api.serving import Served, serving

PAY = """
name: pay
signature: {scheme: timestamped-hex, header: provider-signature}
delivery_id: id
rules:
  - {when: {type: failed}, event: Payment Failed, user_id: who}
"""
DELIVERY = json.dumps({"id": "d1", "type": "failed", "who": "payer"}).encode()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("webhooks") / "shop", {"webhooks/pay.yaml": PAY}) as made:
        yield made


def deliver(place: Served, secret: str) -> tuple[httpx.Response, list[Any]]:
    """Send a delivery as its sender does; give the answer and what was logged."""
    at = time.time_ns() // 1_000_000_000
    signed = hmac.new(secret.encode(), b"%d.%b" % (at, DELIVERY), "sha256").hexdigest()
    with capture_logs() as logged, place.client(role=None) as client:
        headers = {"provider-signature": f"t={at},v1={signed}"}
        answer = client.post("/v1/webhooks/pay", content=DELIVERY, headers=headers)
    return answer, [line for line in logged if line["event"] == "webhook_refused"]


def finding(place: Served) -> tuple[str, str]:
    with place.client("operator") as client:
        found = {one.about: one for one in diagnose(client.get("/v1/doctor").json())}
    return found["source pay"].status, found["source pay"].says


def test_a_webhook_is_followed_from_no_secret_to_the_customer(place: Served) -> None:
    assert finding(place)[0] == "wrong"
    assert "webhook-secrets/pay" in finding(place)[1]
    answer, logged = deliver(place, "s3cret")
    assert (answer.status_code, answer.json()["code"]) == (401, "signature_mismatch")
    assert [(line["webhook"], line["secrets"]) for line in logged] == [("pay", 0)]

    folder = place.app.directory / "webhook-secrets"
    folder.mkdir()
    (folder / "pay").write_text("s3cret\nolder\n", "utf-8")
    assert finding(place) == (
        "look",
        "No delivery has come. Does its sender know POST /v1/webhooks/pay?",
    )
    answer, logged = deliver(place, "another")
    assert answer.status_code == 401
    assert [(line["code"], line["secrets"]) for line in logged] == [("signature_mismatch", 2)]
    for secret in ("s3cret", "older"):  # sent again, it is the same event again
        answer, logged = deliver(place, secret)
        assert (answer.status_code, answer.json(), logged) == (200, {"success": True}, [])
    assert finding(place)[0] == "ok"
    assert (
        place.app.engine.customer(place.app.engine.lookup("user_id", "payer"))["event_count"] == 1
    )
