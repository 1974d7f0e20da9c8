"""What waits to go out: when it stays, when all is drawn anew, and what is learned of it."""

from __future__ import annotations

import math
from collections import Counter
from random import Random
from typing import Any

import pytest

from heedful.decide import DO_NOTHING, Decision
from heedful.decide.definitions import ContactPolicy, Prior, Rule
from heedful.kernel import HOUR_MS
from heedful.learn import PROBABILITY_ONE, LearningRow
from heedful.sense import SignalDefinition
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


# ---- what is learned of a message that did not go out


def with_a_cart(customer_key: int) -> World:
    """Let somebody leave a cart at night; the mail about it dies once they have bought."""
    bought = SignalDefinition(name="bought", kind="count", on="Order Completed", window="7d")
    definitions = written(
        actions=(mail("cart", 0.1, applicable="signals.bought == 0"),),
        rules=(Rule(name="looked", on="Product Viewed"),),
        contact=ContactPolicy(caps=(), floor=0.5),
    )
    made = World(definitions, [bought], now=NIGHT, customer_key=customer_key)
    made.consent()
    made.track("Product Viewed")
    return made


def ends(here: World) -> list[LearningRow]:
    return [row for row in here.learned if row.state != "pending"]


def test_who_buys_before_the_mail_goes_out_counts_for_the_mail() -> None:
    here = next(one for one in map(with_a_cart, range(PEOPLE)) if one.decisions[0].action == "cart")
    here.track("Order Completed")
    assert list(here.withdrawn.values()) == ["not_applicable"]
    assert [(row.arm, row.state, row.is_unsent) for row in ends(here)] == [
        ("cart/email/default", "converted", True)
    ]


def test_who_does_not_buy_and_gets_no_mail_is_a_miss_of_it() -> None:
    here = next(one for one in map(with_a_cart, range(PEOPLE)) if one.decisions[0].action == "cart")
    here.consent(status="withdrawn")
    assert list(here.withdrawn.values()) == ["consent_refused"]
    here.wait("4d")
    assert [(row.state, row.is_unsent) for row in ends(here)] == [("expired", True)]


def test_a_mail_that_changes_nothing_looks_like_silence() -> None:
    luck, known = Random(5), Counter[tuple[bool, str]]()
    for customer_key in range(PEOPLE):
        here = with_a_cart(customer_key)
        for span, chance in (("5h", 0.3), ("20h", 0.1)):
            here.wait(span)
            if luck.random() < chance:
                here.track("Order Completed")
        here.wait("4d")
        is_silent = here.decisions[0].action == DO_NOTHING
        known.update((is_silent, row.state) for row in ends(here))
    shares, doubt = [], 0.0
    for is_silent in (False, True):
        won, lost = known[is_silent, "converted"], known[is_silent, "expired"]
        share = won / (won + lost)
        shares.append(share)
        doubt += share * (1.0 - share) / (won + lost)
    assert abs(shares[0] - shares[1]) < 3.0 * math.sqrt(doubt)
