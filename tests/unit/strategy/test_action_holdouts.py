"""A hold-out that an action declares: refused where help is owed, off in scenarios by default."""

from __future__ import annotations

import pytest

from heedful.kernel import InputError
from heedful.strategy import check
from tests.unit.decide.world import offer, rules_of, written
from tests.unit.strategy.test_scenario import FILES, failures

REMINDER = FILES["actions/cart-reminder.yaml"]
HELP = FILES["actions/offer-help.yaml"]
SPARED = {**FILES, "actions/cart-reminder.yaml": REMINDER + "hold_out: 0.5\n"}
STORY = """\
scenarios:
  - scenario: A cart
    customer: {CUSTOMER}
    events:
      - {at: 0m, track: Product Added}
      - {at: 1m, track: Checkout Started}
      - at: 2h
        decide: {placement: home}
"""
KNOWN = "traits: {email: ada@example.org}, consents: {marketing: granted}"


def story(customer: str = "") -> str:
    return STORY.replace("CUSTOMER", f"{KNOWN}{customer}")


def problems(**files: str) -> list[str]:
    return [str(problem) for problem in check({**SPARED, **files})]


def test_in_a_scenario_nobody_is_held_out_unless_it_says_so() -> None:
    gate = "        expect: {gates: {cart_reminder: action_held_out}}\n"
    (said,) = failures(gate, story(), **SPARED)
    assert "action_held_out" in said
    assert failures(gate, story(", held_out_of: [cart_reminder]"), **SPARED) == []


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("cart-reminder", REMINDER + "hold_out: 0.7\n", "a share"),
        ("offer-help", HELP + "hold_out: 0.1\n", "an action of retention or growth, got one of"),
    ],
    ids=["share", "help"],
)
def test_what_is_owed_is_never_withheld(name: str, text: str, said: str) -> None:
    found = problems(**{f"actions/{name}.yaml": text})
    assert any(said in one and "$.hold_out" in one for one in found)


def test_a_class_that_is_owed_is_never_withheld() -> None:
    owed = offer(tier="retention", message_class="mandatory", hold_out=0.1)
    with pytest.raises(InputError, match="the class promotional or service, got `mandatory`"):
        rules_of(written(actions=(owed,)))


def test_only_actions_with_a_hold_out_can_be_withheld_in_a_story() -> None:
    told = story(", held_out_of: [cart_remindr]") + "    never: [cart_reminder]\n"
    (said,) = problems(**{"tests/a.yaml": told})
    assert "an action with `hold_out`, got 'cart_remindr'" in said
    assert "Did you mean cart_reminder?" in said


def test_so_many_hold_outs_and_no_more() -> None:
    many = {
        f"actions/a{number}.yaml": REMINDER.replace("cart_reminder", f"a{number}")
        + "hold_out: 0.01\n"
        for number in range(32)
    }
    assert any("at most 32 actions with a hold-out" in one for one in problems(**many))
