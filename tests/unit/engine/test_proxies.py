"""The field behind a gap, from the log: a proxy is named, and nothing is where a rule makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Final

import pytest

from heedful.app.worlds import world_of
from heedful.core import World
from heedful.engine.proxies import Compiled, Traced, trace
from heedful.kernel import DAY_MS, MINUTE_MS
from heedful.strategy import load
from tests.unit.engine.acting import Acting, acting
from tests.unit.engine.strategies import CART_MAIL, changed

PEOPLE: Final = 270
"""Of each colour as many live in the north and are women: 30 people are a round. With a third of
them a model of their outcomes gave colours weight by chance."""
ROUNDS: Final = 3
SUSPECTS: Final = [("gender", "cart_mail")]
FILES: Final = changed(
    {
        **CART_MAIL,
        "traits.yaml": "traits: [{name: gender}, {name: postcode}, {name: colour}, {name: plan}, "
        "{name: firstName}, {name: email}, {name: phone}]\n",
        "policies/contact.yaml": "caps: []\nquiet_hours: null\nfloor: 0.05\n",
        "policies/fairness.yaml": "protected:\n  - {trait: gender, groups: [{name: women, values: "
        "[f]}, {name: men, values: [m]}]}\ntrials_min: 20\n",
        "policies/models.yaml": "default: arms\nmodels:\n  - {name: arms, kind: logistic, "
        "features: {traits: [postcode, colour], signals: [cart_items], context: []}}\n",
    },
    "actions/cart-mail.yaml",
    "prior: {p: 0.9, strength: 1000}",
    "prior: {p: 0.3, strength: 4}\ncost: 6",
)
RULED: Final = changed(
    FILES,
    "actions/cart-mail.yaml",
    "applicable: signals.cart_items >= 1",
    "eligible: traits.plan == 'gold'\napplicable: signals.cart_items >= 1",
)
Buys = Callable[[int], bool]


def is_woman(number: int) -> bool:
    return number % 2 == 0


def is_north(number: int) -> bool:
    """Say where somebody lives: of five women four live in the north, and one man."""
    return (number // 2 % 5 > 0) == is_woman(number)


def shop(here: Acting, buys: Buys) -> None:
    """Let people fill carts, learn who buys once mailed, and do so again."""
    for number in range(PEOPLE):
        here.meet(
            f"u{number}",
            gender="f" if is_woman(number) else "m",
            postcode="north" if is_north(number) else "south",
            colour=("red", "blue", "green")[number % 3],
            plan="plain" if is_woman(number) and number % 4 else "gold",
        )
    for _ in range(ROUNDS):
        for number in range(PEOPLE):
            here.track("Product Added", user_id=f"u{number}")
        here.dispatch()
        here.later(2 * MINUTE_MS)
        for number in range(PEOPLE):
            mailed = here.decided(f"u{number}")[0].action == "cart_mail"
            if mailed and buys(number):
                here.track("Order Completed", user_id=f"u{number}", properties={"revenue": 40})
        here.later(5 * DAY_MS)
        while here.learner.step():
            pass


def compiled_of(files: dict[str, str]) -> Compiled:
    @cache
    def compiled(version: str) -> World | None:
        world = world_of(load(files))
        return world if world.rules.version == version else None

    return compiled


def traced(here: Acting, files: dict[str, str], compiled: Compiled | None = None) -> Traced:
    since = here.now - 11 * DAY_MS  # the last two rounds
    world = here.engine.world
    return trace(here.store, world, compiled or compiled_of(files), SUSPECTS, since, 1_000)


@pytest.fixture(scope="module")
def proxied() -> Iterator[Acting]:
    with acting(FILES) as here:
        shop(here, lambda number: not is_north(number))
        yield here


def test_a_proxy_of_a_protected_trait_is_named(proxied: Acting) -> None:
    found = traced(proxied, FILES)
    every, first, *rest = found.causes
    assert (found.decisions, found.weighed, found.gone, found.left) == (540, 540, 0, 0)
    assert {"traits.postcode", "traits.colour", "fatigue.contacts_7d"} < set(found.fields)
    assert (every.field, every.is_sure) == ("*", True)
    assert (first.field, first.is_sure, rest) == ("traits.postcode", True, [])
    assert (first.group, first.reference) == ("women", "men")
    assert first.ratio < 0.8 < 0.95 < first.ratio_usual
    assert 0.1 < first.low < first.high < 0.6
    assert first.says.startswith(
        "With `traits.postcode` as usual, gender women would get cart_mail"
    )


def test_where_a_rule_makes_a_gap_no_field_is_named() -> None:
    with acting(RULED) as here:
        shop(here, lambda number: number % 3 == 0)
        found = traced(here, RULED)
    (every,) = found.causes
    assert (every.field, every.is_sure) == ("*", False)
    assert every.ratio < 0.7 > every.ratio_usual
    assert (found.decisions, found.weighed) == (540, 406), "what a gate stopped no model valued"


def test_where_groups_fare_alike_nothing_is_named() -> None:
    with acting(FILES) as here:
        shop(here, lambda number: number % 3 == 0)
        found = traced(here, FILES)
    assert (found.causes, found.weighed) == ([], 540)


def test_a_strategy_that_is_gone_is_told_and_guessed_by_nobody(proxied: Acting) -> None:
    found = traced(proxied, FILES, lambda version: None)
    assert (found.causes, found.weighed, found.gone) == ([], 0, 540)
    assert "540 could not be: what decided them is not kept." in found.says


def test_other_models_than_those_of_the_time_are_never_taken(proxied: Acting) -> None:
    other = changed(FILES, "policies/models.yaml", "logistic,", "logistic, exploration: 3,")

    def compiled(version: str) -> World:
        return world_of(load(other))

    found = traced(proxied, FILES, cache(compiled))
    assert (found.causes, found.gone) == ([], 540)


def test_the_work_is_bounded_and_it_is_told(proxied: Acting) -> None:
    told: list[tuple[int, int]] = []
    found = trace(
        proxied.store,
        proxied.engine.world,
        compiled_of(FILES),
        SUSPECTS,
        proxied.now - 11 * DAY_MS,
        1_000,
        lambda done, total: told.append((done, total)),
        reweighed_max=270,
    )
    assert (found.decisions, found.left) == (30, 510)
    assert found.says.endswith("510 more were not looked at.")
    assert told == [(done, 30) for done in range(30)]
    assert not any(cause.is_sure for cause in found.causes), "so few people prove nothing"
