"""What waits to go out: when it stays, when all is drawn anew, and that the log has every draw."""

from __future__ import annotations

import math
from typing import Any

import pytest

from heedful.decide import DO_NOTHING, Decision
from heedful.decide.definitions import ContactPolicy, Prior, Rule
from heedful.kernel import HOUR_MS
from heedful.learn import PROBABILITY_ONE
from tests.unit.decide.world import NOON, World, offer, written

NIGHT = NOON + 11 * HOUR_MS
PEOPLE = 400
LOOKS = 8


def mail(name: str, mean: float, **more: Any) -> Any:
    return offer(name, channels=("email",), prior=Prior(mean, 30.0), **more)


def at_night(better: float, customer_key: int = 7) -> World:
    """Let somebody look around at night, when mails wait; the third is for those with a plan."""
    actions = (
        mail("sale", 0.25),
        mail("news", 0.2),
        mail("upgrade", better, eligible="traits.plan == 'pro'"),
    )
    definitions = written(
        actions=actions,
        rules=(Rule(name="looked", on="Product Viewed"),),
        contact=ContactPolicy(caps=(), floor=0.1),
    )
    made = World(definitions, now=NIGHT, customer_key=customer_key)
    made.consent()
    return made


def looking(here: World, looks: int = LOOKS) -> list[Decision]:
    """Give what is decided while somebody looks around."""
    before = len(here.decisions)
    for _ in range(looks):
        here.track("Product Viewed")
    return here.decisions[before:]


def of(decision: Decision, action: str) -> int:
    return sum(one.weight for one in decision.candidates if one.action == action)


def test_what_waits_is_left_to_while_its_chance_is() -> None:
    waited = 0
    for customer_key in range(20):
        *before, last = looking(at_night(0.25, customer_key))
        assert {decision.action for decision in before} <= {DO_NOTHING}
        waited += last.action != DO_NOTHING
    assert waited


def test_a_little_less_of_a_chance_changes_nothing() -> None:
    here = at_night(0.2)
    *_, first = looking(here)
    assert first.action != DO_NOTHING
    here.identify(plan="pro")
    assert looking(here) == []
    here.wait("12h")
    assert here.contacts() == [first.action]


@pytest.mark.parametrize("is_again", [False, True])
def test_less_than_half_of_the_chance_and_all_is_drawn_anew_and_told(*, is_again: bool) -> None:
    for customer_key in range(PEOPLE):
        here = at_night(0.4, customer_key)
        *_, first = looking(here)
        here.identify(plan="pro")
        (second,) = looking(here)
        assert 2 * of(second, first.action) < first.p_choose
        assert list(here.withdrawn.values()) == ["superseded"]
        if (second.action == first.action) is is_again:
            here.wait("12h")
            assert here.contacts() == [second.action]
            return
    raise AssertionError("never drawn")


def test_every_arm_is_in_the_log_as_often_as_its_chance_says() -> None:
    told: list[Decision] = []
    for customer_key in range(PEOPLE):
        here = at_night(0.4, customer_key)
        told += looking(here)
        here.identify(plan="pro")
        told += looking(here)
    for action in ("sale", "news", "upgrade", DO_NOTHING):
        p = [of(decision, action) / PROBABILITY_ONE for decision in told]
        chosen = sum(decision.action == action for decision in told)
        deviation = math.sqrt(sum(one * (1.0 - one) for one in p))
        assert abs(chosen - sum(p)) < 4.0 * deviation
