"""A small shop whose strategy decides, as files of a workspace, and people to decide for."""

from __future__ import annotations

from typing import Any, Final

import httpx

from tests.unit.engine.strategies import SHOP

STRATEGY: Final[dict[str, str]] = {
    **{name: text for name, text in SHOP.items() if name != "rules.yaml"},
    "signals.yaml": SHOP["signals.yaml"]
    + "  - {name: orders, kind: count, on: Order Completed, window: 90d}\n",
    "consent.yaml": "purposes: [marketing]\n",
    "policies/approvals.yaml": """
publish: {required: 0}
switch_on: {required: 1}
""",
    "policies/incidents.yaml": """
incidents:
  - {name: payments_down, growth_off: true, expires_after: 12h}
""",
    "actions/sale.yaml": SHOP["actions/sale.yaml"]
    + """
treatments:
  - {title: Sale, body: "Everything for {context.season|summer}."}
""",
}
"""Help for who cannot pay, and a sale for who asks; nothing but a request and the built-in rules
triggers it."""


def meet(client: httpx.Client, user: str, *, email: str = "") -> str:
    """Make somebody known who agreed to marketing, and give their id."""
    traits = {"firstName": "Ada", "email": email or f"{user}@example.org"}
    said = {"userId": user, "traits": traits, "messageId": f"meet {user}"}
    assert client.post("/v1/identify", json=said).status_code == 200
    known = client.post("/v1/customers/lookup", json={"namespace": "user_id", "value": user})
    customer_id = str(known.json()["customer_id"])
    agreed = {"purpose": "marketing", "status": "granted"}
    answer = client.post(f"/v1/customers/{customer_id}/consents", json=agreed)
    assert answer.status_code == 200, answer.text
    return customer_id


def fail_to_pay(client: httpx.Client, user: str, times: int = 3) -> None:
    """Have payments refused, which opens the need for help."""
    for i in range(times):
        said = {"userId": user, "event": "Payment Failed", "messageId": f"failed {user} {i}"}
        assert client.post("/v1/track", json=said).status_code == 200


def ask(client: httpx.Client, user: str, **rest: Any) -> dict[str, Any]:
    """Ask what to do for somebody now."""
    answer = client.post("/v1/decide", json={"customer": {"user_id": user}, **rest})
    assert answer.status_code == 200, answer.text
    decided: dict[str, Any] = answer.json()
    return decided
