"""People whom nothing moves: whatever measures a log finds that nothing was brought about."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

import pytest

from heedful.app.worlds import world_of
from heedful.engine.lifting import measure_lift
from heedful.engine.meeting import Met, Told, meet
from heedful.kernel import DAY_MS, HOUR_MS
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
    told = Told(SECRET, world_of(load(QUIETER)), lambda version: world, (), shop.now)
    met: Met = meet(shop.store, world, told, 0, PEOPLE)
    assert met.repeated == met.logged == PEOPLE
    assert {one.reward for one in met.meetings} == {0.0, 3.0, 20.0, 23.0}
    value = compare(met.meetings, seed=1).value
    assert value is not None
    assert value.gain.bootstrap.low < 0.0 < value.gain.bootstrap.high


def test_a_what_if_waits_until_every_goal_could_be_reached(shop: Acting) -> None:
    world = shop.engine.world
    day = shop.now - 3 * DAY_MS
    told = Told(SECRET, world, lambda version: world, (), day)
    met = meet(shop.store, world, told, 0, PEOPLE)
    open_ = [one for one in met.meetings if one.reward is None]
    assert open_
    assert {one.logged.arm[0] for one in open_ if one.logged is not None} == {"tips"}
