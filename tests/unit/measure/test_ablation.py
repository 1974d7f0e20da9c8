"""The rule that makes a gap is named, and one that does not is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from heedful.events import Event
from heedful.kernel import hash_key
from heedful.measure.ablation import Cause, Suspect, _Table, causes
from heedful.strategy import load

START: Final = 1_800_000_000_000
FILES: Final = {
    "needs.yaml": "needs: []\n",
    "goals.yaml": "goals:\n  purchase: {on: Order Completed, within: 3d, value: 10}\n",
    "rules.yaml": "builtin: []\nrules: [{name: added, on: Product Added}]\n",
    "policies/decision-types.yaml": "decision_types: [{name: offer, owner: A}]\n",
    "policies/contact.yaml": "caps: []\nquiet_hours: null\nfloor: 0.02\n",
    "policies/fairness.yaml": "protected:\n  - {trait: gender, groups: [{name: women, values: "
    "[f]}, {name: men, values: [m]}]}\n",
    "actions/sale.yaml": """
action: sale
tier: growth
class: promotional
decision_type: offer
goal: purchase
channels: [email]
eligible: traits.plan == 'gold' and traits.age > 17
applicable: traits.basket is none or traits.basket > 5
prior: {p: 0.5, strength: 10}
""",
}


def history(number: int, *, gold_share: int, has_consent: bool = True) -> Iterator[Event]:
    """One person who adds something to a cart; of women fewer have the plan."""
    is_woman = number % 2 == 0
    has_gold = not is_woman or number % 10 < gold_share
    who = f"u{number}"
    traits = {
        "gender": "f" if is_woman else "m",
        "plan": "gold" if has_gold else "plain",
        "age": 30,
        "email": f"{who}@example.org",
    }
    said = {"purpose": "marketing", "channel": "*", "status": "granted"}
    yield event(number, 1, "identify", traits=traits)
    if has_consent:
        yield event(number, 2, "Consent Changed", type="own", properties=said)
    yield event(number, 3, "Product Added")


def event(number: int, place: int, name: str, **said: Any) -> Event:
    at, message_id = START + place, f"{number}:{place}"
    fields = {"type": "identify" if name == "identify" else "track", "source": "web", **said}
    key = hash_key(b"test", message_id)
    times = {"at": at, "received_at": at, "original_at": at}
    return Event(name=name, key=key, message_id=message_id, user_id=f"u{number}", **times, **fields)


def found(histories: list[list[Event]]) -> list[Cause]:
    strategy = load(FILES)
    return causes(strategy, histories, strategy.fairness, [Suspect("gender", "sale")])


def test_the_part_of_a_condition_that_makes_a_gap_is_named_first() -> None:
    (first, *rest) = found([list(history(n, gold_share=3)) for n in range(40)])
    assert first.rule == "eligible: traits.plan == 'gold'"
    assert (first.group, first.reference) == ("women", "men")
    assert first.ratio < 0.5
    assert first.ratio_without == 1.0
    assert rest == [], "nothing else closes it"
    assert first.says.startswith("Without `eligible: traits.plan == 'gold'`, gender women would")


def test_a_gate_that_makes_a_gap_is_named() -> None:
    (first, *rest) = found(
        [list(history(n, gold_share=10, has_consent=n % 2 == 1)) for n in range(20)]
    )
    assert (first.rule, first.ratio, first.ratio_without) == ("gate: no_consent", 0.0, 1.0)
    assert rest == []


def test_a_rule_without_which_nobody_gets_it_explains_no_gap() -> None:
    table = _Table()
    table.add("gender", "women", 0.2, [("gate: cap_reached", 0.1), ("weight", 0.4)])
    table.add("gender", "men", 0.5, [("gate: cap_reached", 0.0), ("weight", 0.5)])
    [cause] = table.causes("gender", "sale", load(FILES).fairness)
    assert (cause.rule, cause.ratio, cause.ratio_without) == ("weight", 0.4, 0.8)


def test_where_there_is_no_gap_nothing_is_named() -> None:
    assert found([list(history(n, gold_share=10)) for n in range(20)]) == []
