"""A small sound strategy, and ways to write one more file into it."""

from __future__ import annotations

BASE: dict[str, str] = {
    "traits.yaml": "traits: [{name: country, type: text}, {name: age, type: number}]\n",
    "signals.yaml": "signals: [{name: orders, kind: count, on: Order Completed}]\n",
    "consent.yaml": "purposes: [marketing, analytics]\n",
    "needs.yaml": "needs:\n"
    "  - {name: cannot_pay, tier: service, opens_when: signals.orders == 0, expires_after: 48h}\n",
    "goals.yaml": "goals:\n"
    "  purchase: {on: Order Completed, within: 3d, value: event.properties.revenue * 0.3}\n"
    "  answered: {on: Support Contacted, within: 7d}\n",
    "policies/decision-types.yaml": "decision_types:\n"
    "  - {name: marketing_offer, owner: Head of marketing}\n"
    "  - {name: by_distress, owner: Board, risk: prohibited}\n",
    "actions/sale.yaml": "action: sale\ntier: growth\nclass: promotional\n"
    "decision_type: marketing_offer\ngoal: purchase\nchannels: [inapp, email]\n"
    "treatments: [{body: Buy now}]\n",
}


def action(name: str = "help", **fields: str) -> dict[str, str]:
    """Write a second action, one field a line: the fault stands behind its name."""
    written = {
        "action": name,
        "tier": "service",
        "class": "service",
        "decision_type": "marketing_offer",
        "goal": "answered",
        "channels": "[inapp]",
        **{field.rstrip("_"): text for field, text in fields.items()},
    }
    text = "".join(f"{field}: {value}\n" for field, value in written.items())
    return {f"actions/{name.replace('_', '-')}.yaml": text}


def need(**fields: str) -> dict[str, str]:
    """Write a second need."""
    written = {
        "name": "other",
        "tier": "retention",
        "opens_when": "signals.orders > 2",
        "expires_after": "30d",
        **fields,
    }
    listed = ", ".join(f"{field}: {value}" for field, value in written.items())
    return {"needs.yaml": BASE["needs.yaml"] + f"  - {{{listed}}}\n"}


def rules(*written: str) -> dict[str, str]:
    """Write rules, one a line."""
    return {"rules.yaml": "rules:\n" + "".join(f"  - {{{one}}}\n" for one in written)}


def contact(text: str) -> dict[str, str]:
    return {"policies/contact.yaml": text}


def story(text: str) -> dict[str, str]:
    """Write a scenario that expects nothing of consequence beside its fault."""
    return {"tests/a.yaml": f"scenarios:\n  - scenario: A story\n    never: [sale]\n{text}"}
