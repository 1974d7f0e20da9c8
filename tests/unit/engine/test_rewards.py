"""People whom nothing moves: whatever measures a log finds that nothing was brought about."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

import pytest
from msgspec.structs import replace

from heedful.app.worlds import world_of
from heedful.decide import DO_NOTHING, encode_case, merge_cases
from heedful.engine.learning import BETA
from heedful.engine.lifting import measure_lift
from heedful.engine.meeting import Met, Told, meet
from heedful.kernel import DAY_MS, HOUR_MS, MICRO, public_id
from heedful.learn import TrialCounts
from heedful.measure.whatif import compare
from heedful.strategy import load
from tests.unit.engine.acting import Acting, acting
from tests.unit.engine.living import SECRET
from tests.unit.engine.strategies import SHOP, changed

PEOPLE: Final = 400
OTHERS: Final = ("actions/sale.yaml", "actions/offer-help.yaml", "goals.yaml")
SALE: Final = """
action: {name}
tier: growth
class: promotional
decision_type: offer
goal: {goal}
channels: [inapp]
placements: [home]
cost: 0.2
prior: {{p: {p}, strength: 1000}}
stands_for: 1m
"""
FILES: Final = {
    **{name: text for name, text in SHOP.items() if name not in OTHERS},
    "rules.yaml": "builtin: []\nrules: []\n",
    "needs.yaml": "needs: []\n",
    "policies/contact.yaml": "caps: []\nquiet_hours: null\nfloor: 0.3\n",
    "goals.yaml": """
currency: EUR
goals:
  purchase: {on: Order Completed, within: 3d, value: 20, prior: {p: 0.4, strength: 1000}}
  look: {on: Product Viewed, within: 1d, value: 3, prior: {p: 0.6, strength: 1000}}
""",
    "actions/sale.yaml": SALE.format(name="sale", goal="purchase", p=0.4),
    "actions/tips.yaml": SALE.format(name="tips", goal="look", p=0.6),
}
"""A sale, tips that should make people look, and silence: none of them is worth its price."""
QUIETER: Final = changed(FILES, "actions/tips.yaml", "p: 0.6", "p: 0.01")


@pytest.fixture(scope="module", name="shop")
def _shop() -> Iterator[Acting]:
    """Four in ten buy and six in ten look around, whatever they are shown."""
    luck = Random(5)
    with acting(FILES) as here:
        for number in range(PEOPLE):
            user = f"u{number}-5"
            here.meet(user)
            here.ask(user, placement="home")
            here.now += HOUR_MS
            for name, chance in (("Order Completed", 0.4), ("Product Viewed", 0.6)):
                if luck.random() < chance:
                    here.track(name, user_id=user)
        here.later(4 * DAY_MS)
        yield here


def test_no_action_brings_anything_over_silence(shop: Acting) -> None:
    found = measure_lift(shop.store, shop.engine.world, 0, shop.now).actions
    assert [one.action for one in found] == ["sale", "tips"]
    for one in found:
        assert one.value is not None
        # It cost its price: the money of other goals, which silence waited for, is not its loss.
        assert one.value.interval.low < -0.2 < one.value.interval.high


def test_another_way_to_do_nothing_gains_only_the_prices(shop: Acting) -> None:
    world = shop.engine.world
    told = Told(SECRET, world_of(load(QUIETER)), lambda version: world, ())
    met: Met = meet(shop.store, world, told, 0, PEOPLE)
    assert met.repeated == met.logged == PEOPLE
    assert {one.reward for one in met.meetings} == {0.0, 3.0, 20.0, 23.0}
    value = compare(met.meetings, seed=1).value
    assert value is not None
    assert value.gain.bootstrap.low < 0.0 < value.gain.bootstrap.high


def test_whatever_is_drawn_waits_for_the_goals_of_all_arms(shop: Acting) -> None:
    waits: dict[str, set[str]] = {}
    for row in shop.lessons():
        waits.setdefault(row.decision_id, set()).add(row.goal)
    assert len(waits) == PEOPLE
    assert {frozenset(goals) for goals in waits.values()} == {frozenset({"purchase", "look"})}


def test_joining_a_decision_with_itself_changes_nothing() -> None:
    with acting(FILES) as here:
        for user in ("u1", "u2", "u3", "u4", "u5"):
            here.meet(user)
            here.ask(user, placement="home")
            case = here.case(value=user)
            assert [goal.goal for goal in case.standing[0].goals] == ["look", "purchase"]
            assert encode_case(merge_cases(case, case)) == encode_case(case)


def test_an_action_is_learned_by_its_own_goal(shop: Acting) -> None:
    while shop.learner.step():
        pass
    model, own = shop.engine.world.rules.models[BETA].new(), shop.engine.world.models[BETA]
    for row in shop.lessons():
        assert row.is_beside == (
            (row.parts[1], row.goal) in (("sale", "look"), ("tips", "purchase"))
        )
        if not row.is_beside:
            model.learn_one(row)
    model.learn_seq = own.learn_seq
    assert model.encode() == own.encode()


def test_models_that_do_otherwise_are_tried_by_the_same_goals(shop: Acting) -> None:
    counts = {name: TrialCounts() for name in ("sale", "tips", DO_NOTHING)}
    chosen = {public_id("d", d.id): d for n in range(PEOPLE) for d in shop.decided(f"u{n}-5")}
    for row in shop.lessons():
        action = chosen[row.decision_id].action
        counts[action].learn_one(replace(row, trials=(("beta", "beta", 0),)))
    for action, found in counts.items():
        total = found.total("beta", "beta")
        decisions = sum(one.action == action for one in chosen.values())
        assert total.decisions == decisions * MICRO
        # Four purchases of 20 and six looks of 3 in ten decisions, more or less by chance.
        assert total.value / total.decisions == pytest.approx(9.8, abs=2.6)
