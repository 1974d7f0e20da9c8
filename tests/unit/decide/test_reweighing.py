"""A record weighed again: its own features give its own weights, whatever policy made them."""

from __future__ import annotations

from typing import Any

import pytest

from heedful.decide import DO_NOTHING, Decision
from heedful.decide.definitions import ContactPolicy, ModelEntry, ModelFeatures, Need
from heedful.decide.reweighing import (
    Reweighing,
    ground_again,
    is_weighed,
    unpacked,
    weights_by_action,
)
from heedful.events import MESSAGE_RELEASED
from heedful.learn import PROBABILITY_ONE, BetaArms
from tests.unit.decide.test_models import PRIOR, taught, world
from tests.unit.decide.world import World, help_with, offer, written

SEEN = ModelFeatures(traits=("plan",))


def weighed(asked: World, decision: Decision) -> dict[str, int]:
    """Weigh a decision again with its own features."""
    again, ground = Reweighing(asked.rules, asked.models), ground_again(asked.rules, decision)
    assert ground is not None
    assert again.repeats(ground)
    return again.weigh(ground, *unpacked(decision))


@pytest.mark.parametrize("policy", ["thompson", "inverse_gap", "greedy"])
@pytest.mark.parametrize("said", [{"placement": "home"}, {"channel": "inapp"}, {}])
def test_a_record_gives_its_own_weights(policy: Any, said: dict[str, str]) -> None:
    entry = ModelEntry(name="arms", policy=policy, floor=0.1, features=SEEN)
    asked = world(models={"arms": taught({"pro": "offer"}, entry=entry)}, entry=entry)
    asked.identify(plan="pro")
    decision = asked.ask(**said)
    assert is_weighed(decision)
    assert weighed(asked, decision) == weights_by_action(decision)


def test_of_a_fixed_policy_too() -> None:
    entry = ModelEntry(name="arms", policy="fixed", shares={"offer": 3.0, DO_NOTHING: 1.0})
    asked = world(models={}, entry=entry)
    again = weighed(asked, asked.ask(placement="home"))
    assert again["offer"] == PROBABILITY_ONE * 3 // 4


def test_of_help_that_is_not_drawn() -> None:
    stuck = Need(
        name="stuck", tier="service", opens_when="event.name == 'Failed'", expires_after="2d"
    )
    helps = (help_with(needs=("stuck",), prior=PRIOR), help_with("call", needs=("stuck",)))
    asked = world(*helps, needs=(stuck,), models={"arms": taught({"pro": "offer"})})
    asked.track("Failed")
    decision = next(one for one in asked.decisions if one.need == "stuck")
    assert decision.reason == "best_value"
    assert weighed(asked, decision) == weights_by_action(decision)


def test_of_who_is_tired_of_us() -> None:
    asked = world(
        contact=ContactPolicy(caps=(), floor=0.05, fatigue_cost=0.5),
        models={"arms": taught({"pro": "offer"})},
    )
    asked.say(MESSAGE_RELEASED, {"channel": "email", "class": "promotional", "action": "x"})
    decision = asked.ask(placement="home")
    assert any(c.terms.get("fatigue") for c in decision.candidates)
    assert weighed(asked, decision) == weights_by_action(decision)


def test_of_the_product_formula_with_its_weights() -> None:
    product = ContactPolicy(caps=(), floor=0.05, value="product")
    weighing = offer(prior=PRIOR, weight="2 if traits.plan == 'pro' else 1")
    asked = world(weighing, offer("other", prior=PRIOR), contact=product, models={})
    asked.models = {"arms": taught({"pro": "offer", "basic": "other"})}
    asked.identify(plan="pro")
    decision = asked.ask(placement="home")
    assert weighed(asked, decision) == weights_by_action(decision)


def test_other_features_give_other_weights_and_what_a_gate_stopped_stays_stopped() -> None:
    shut = offer("shut", prior=PRIOR, eligible="traits.plan == 'gold'")
    model = taught({"pro": "offer", "basic": "other"}, 400)
    asked = world(offer(prior=PRIOR), offer("other", prior=PRIOR), shut, models={"arms": model})
    asked.identify(plan="pro")
    decision = asked.ask(placement="home")
    again, ground = Reweighing(asked.rules, asked.models), ground_again(asked.rules, decision)
    assert ground is not None
    before, after = weights_by_action(decision), again.weigh(ground, (), ())
    assert after["offer"] < before["offer"]
    assert sum(after.values()) == PROBABILITY_ONE
    assert before["shut"] == 0
    assert "shut" not in after


def test_other_models_or_rules_do_not_pass_for_those_of_the_time() -> None:
    asked = world(models={"arms": taught({"pro": "offer"}, 300)})
    asked.identify(plan="pro")
    decision = asked.ask(placement="home")
    ground = ground_again(asked.rules, decision)
    assert ground is not None
    assert not Reweighing(asked.rules, {"arms": taught({"basic": "offer"}, 300)}).repeats(ground)
    assert not Reweighing(asked.rules, {}).repeats(ground)
    fewer = world(offer(prior=PRIOR), models={})
    assert ground_again(fewer.rules, decision) is None


def test_counts_see_nobody() -> None:
    plain = world(offer(model="beta", prior=PRIOR), models={"beta": BetaArms()})
    decision = plain.ask(placement="home")
    ground = ground_again(plain.rules, decision)
    assert ground is not None
    assert not Reweighing(plain.rules, plain.models).is_contextual(ground)
    alone = World(written(actions=(offer(),)), models={"beta": BetaArms()})
    alone.consent()
    assert not is_weighed(alone.ask(placement="home"))
