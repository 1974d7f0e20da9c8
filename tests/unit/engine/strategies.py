"""A small strategy that decides, as the files that it would be read from."""

from __future__ import annotations

from typing import Final

CHANNELS: Final = ("chat", "email", "inapp", "push", "sms")

SHOP: Final[dict[str, str]] = {
    "signals.yaml": """
signals:
  - {name: failures, kind: count, on: Payment Failed, reset_on: Order Completed, window: 1d}
  - {name: cart_items, kind: count, on: Product Added, reset_on: Order Completed, window: 7d}
""",
    "needs.yaml": """
needs:
  - {name: cannot_pay, tier: service, opens_when: signals.failures >= 3,
     closes_on: Order Completed, expires_after: 48h}
  - {name: leaving, tier: retention, opens_when: event.name == 'Subscription Cancelled',
     closes_on: Subscription Renewed, expires_after: 30d}
""",
    "goals.yaml": """
currency: EUR
goals:
  purchase: {on: Order Completed, within: 3d, value: event.properties.revenue * 0.5, margin: 20,
             prior: {p: 0.02, strength: 100}}
""",
    "rules.yaml": """
rules:
  - {name: looked, on: Product Viewed}
  - {name: added, on: Product Added}
""",
    "policies/decision-types.yaml": """
decision_types:
  - {name: offer, risk: minimal, owner: Head of marketing, transparency: 1}
  - {name: help, risk: limited, owner: Head of service}
  - {name: credit, risk: high, owner: Head of credit, transparency: 5, oversight: approve_before,
     fallback: person, explanation: full}
""",
    "policies/contact.yaml": """
caps: []
quiet_hours: null
floor: 0
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
  webhooks:
    - destination: service_desk
      event: customer.needs_help
      data: {failures: "{signals.failures}"}
""",
    "actions/sale.yaml": """
action: sale
tier: growth
class: promotional
decision_type: offer
goal: purchase
channels: [inapp, email, push, sms, chat]
prior: {p: 0.9, strength: 1000}
stands_for: 1m
""",
}
"""Help for who cannot pay, and a sale that fits everybody on every channel."""

CART_MAIL: Final = {
    **{name: text for name, text in SHOP.items() if name != "actions/sale.yaml"},
    "rules.yaml": "builtin: []\nrules: [{name: added, on: Product Added}]\n",
    "actions/cart-mail.yaml": """
action: cart_mail
tier: growth
class: promotional
decision_type: offer
goal: purchase
channels: [email]
applicable: signals.cart_items >= 1
prior: {p: 0.9, strength: 1000}
stands_for: 1m
""",
}
"""One mail about a cart that waits, instead of the sale; nothing but the cart triggers it."""


def changed(files: dict[str, str], name: str, before: str, after: str) -> dict[str, str]:
    """Give files with one text replaced."""
    assert before in files[name]
    return {**files, name: files[name].replace(before, after)}
