"""A small shop whose strategy decides, as files of a workspace, and people to decide for."""

from __future__ import annotations

from typing import Any, Final

import httpx

STRATEGY: Final[dict[str, str]] = {
    "signals.yaml": """
signals:
  - {name: failures, kind: count, on: Payment Failed, reset_on: Order Completed, window: 1d}
  - {name: orders, kind: count, on: Order Completed, window: 90d}
""",
    "consent.yaml": """
purposes: [marketing]
""",
    "needs.yaml": """
needs:
  - {name: cannot_pay, tier: service, opens_when: signals.failures >= 3,
     closes_on: Order Completed, expires_after: 48h}
""",
    "goals.yaml": """
currency: EUR
goals:
  purchase: {on: Order Completed, within: 3d, value: event.properties.revenue * 0.5, margin: 20,
             prior: {p: 0.02, strength: 100}}
""",
    "policies/decision-types.yaml": """
decision_types:
  - {name: offer, risk: minimal, owner: Head of marketing, transparency: 1}
  - {name: help, risk: limited, owner: Head of service}
""",
    "policies/contact.yaml": """
caps: []
quiet_hours: null
floor: 0
""",
    "policies/approvals.yaml": """
publish: {required: 0}
switch_on: {required: 1}
""",
    "policies/incidents.yaml": """
incidents:
  - {name: payments_down, growth_off: true, expires_after: 12h}
""",
    "actions/offer-help.yaml": """
action: offer_help
tier: service
needs: [cannot_pay]
class: service
decision_type: help
goal: purchase
channels: [inapp]
benefit: 8
treatments:
  - {title: Can we help?, body: "Hello {traits.firstName|there}."}
effects:
  silence: {of: promotional, for: 48h}
""",
    "actions/sale.yaml": """
action: sale
tier: growth
class: promotional
decision_type: offer
goal: purchase
channels: [inapp, email]
prior: {p: 0.9, strength: 1000}
stands_for: 1m
treatments:
  - {title: Sale, body: "Everything for {context.season|summer}."}
""",
}
"""Help for who cannot pay, and a sale for everybody who agreed to marketing."""


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
