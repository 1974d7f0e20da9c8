"""Credit for conversions: by hand, by simulation, and what every rule keeps."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np
import pytest

from heedful.kernel import InputError
from heedful.measure import (
    Credit,
    Journey,
    first_touch,
    last_touch,
    linear_touch,
    markov,
    shapley,
    time_decay,
)
from heedful.measure.chain import _chain, _conversion

JOURNEYS = [
    Journey(("mail", "search", "mail"), conversions=4.0, value=40.0, nulls=6.0),
    Journey(("search",), conversions=2.0, value=10.0, nulls=20.0),
    Journey(("social", "search"), conversions=3.0, value=60.0, nulls=1.0),
    Journey(("social",), nulls=9.0),
]

RULES: dict[str, Callable[[list[Journey]], list[Credit]]] = {
    "first": first_touch,
    "last": last_touch,
    "linear": linear_touch,
    "decay": lambda journeys: time_decay(journeys, 2.0),
    "shapley": shapley,
    **{f"markov {k}": lambda journeys, k=k: markov(journeys, k).credits for k in (1, 2, 3, 4)},
}


def drawn(seed: int, count: int = 300, channels: int = 8) -> list[Journey]:
    draws = np.random.default_rng(seed)
    return [
        Journey(
            tuple(f"c{k}" for k in draws.integers(0, channels, draws.integers(1, 7))),
            conversions=float(draws.integers(0, 5)),
            value=float(draws.integers(0, 100)),
            nulls=float(draws.integers(0, 9)),
        )
        for _ in range(count)
    ]


def by_channel(found: list[Credit]) -> dict[str, tuple[float, float]]:
    return {credit.channel: (credit.conversions, credit.value) for credit in found}


def test_rules_share_by_hand() -> None:
    assert by_channel(first_touch(JOURNEYS)) == {
        "mail": (4.0, 40.0),
        "search": (2.0, 10.0),
        "social": (3.0, 60.0),
    }
    assert by_channel(last_touch(JOURNEYS)) == {
        "mail": (4.0, 40.0),
        "search": (5.0, 70.0),
        "social": (0.0, 0.0),
    }
    linear = by_channel(linear_touch(JOURNEYS))
    assert linear["mail"] == pytest.approx((8 / 3, 80 / 3))
    assert linear["search"] == pytest.approx((4 / 3 + 2 + 1.5, 40 / 3 + 10 + 30))


def test_decay_halves_by_age_and_by_place_where_ages_are_unknown() -> None:
    aged = Journey(("a", "b"), conversions=5.0, ages=(14.0, 0.0))
    assert by_channel(time_decay([aged], 7.0)) == {"a": (1.0, 0.0), "b": (4.0, 0.0)}
    old = Journey(("a", "b"), conversions=1.0, ages=(1e12, 1e12))
    assert by_channel(time_decay([old], 1.0))["a"][0] == pytest.approx(0.5)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_every_rule_credits_all_conversions_and_their_value(rule: str) -> None:
    journeys = drawn(1)
    found = RULES[rule](journeys)
    assert [c.channel for c in found] == sorted({t for j in journeys for t in j.touches})
    conversions, value = sum(j.conversions for j in journeys), sum(j.value for j in journeys)
    assert sum(c.conversions for c in found) == pytest.approx(conversions, rel=1e-12)
    assert sum(c.value for c in found) == pytest.approx(value, rel=1e-12)
    assert min(c.conversions for c in found) >= 0.0
    assert RULES[rule](journeys) == found


def test_shapley_is_the_mean_of_what_a_channel_adds_over_all_orders() -> None:
    journeys = drawn(2, count=40, channels=4)
    channels = sorted({t for j in journeys for t in j.touches})

    def worth(coalition: set[str]) -> float:
        return sum(j.conversions for j in journeys if set(j.touches) <= coalition)

    orders = list(permutations(channels))
    found = by_channel(shapley(journeys))
    for channel in channels:
        added = 0.0
        for order in orders:
            before = set(order[: order.index(channel)])
            added += worth(before | {channel}) - worth(before)
        assert found[channel][0] == pytest.approx(added / len(orders))


def test_a_chain_converts_as_often_as_its_journeys() -> None:
    converted = sum(j.conversions for j in JOURNEYS)
    taken = converted + sum(j.nulls for j in JOURNEYS)
    for order in (1, 2, 3, 4):
        assert markov(JOURNEYS, order).p_converts == pytest.approx(converted / taken)


def test_removal_by_hand() -> None:
    # From the start 10 of 45 go to mail, 22 to search, 13 to social. Mail: 10 of 20 to search, 4
    # convert. Search: 10 of 36 to mail, 5 convert. Social: 4 of 13 to search.
    found = markov(JOURNEYS).effects
    without_mail = 22 / 45 * 5 / 36 + 13 / 45 * 4 / 13 * 5 / 36
    assert found["mail"] == pytest.approx(1.0 - without_mail / (9 / 45))
    without_search = 10 / 45 * 4 / 20
    assert found["search"] == pytest.approx(1.0 - without_search / (9 / 45))


def test_removal_is_what_a_simulation_of_the_chain_loses() -> None:
    journeys = drawn(3, count=60, channels=4)
    chain = _chain(journeys, 2)
    draws = np.random.default_rng(4)
    moves = np.zeros((len(chain.states), len(chain.states) + 1))
    moves[chain.source, chain.target] = chain.p
    moves[:, -1] = chain.converts
    walks, lost, converted = 6_000, 0, 0
    for _ in range(walks):
        at, met = chain.states.index(()), False
        while True:
            ends = moves[at].cumsum()
            after = int((draws.random() > ends).sum())
            if after > len(chain.states):
                break
            if after == len(chain.states):
                converted += 1
                lost += met
                break
            at = after
            met = met or "c1" in chain.states[at]
    found = markov(journeys, 2)
    assert found.p_converts == pytest.approx(converted / walks, abs=0.03)
    assert found.effects["c1"] == pytest.approx(lost / converted, abs=0.04)


def test_large_chains_are_solved_by_sweeps_to_the_same_answer() -> None:
    journeys = drawn(5, count=400)
    chain = _chain(journeys, 3)
    assert len(chain.states) > 64
    kept = np.ones((len(chain.states), 2))
    kept[[i for i, state in enumerate(chain.states) if "c1" in state], 1] = 0.0
    moves = np.zeros((len(chain.states),) * 2)
    moves[chain.source, chain.target] = chain.p
    start = chain.states.index(())
    for column in range(2):
        mask = kept[:, column]
        system = np.eye(len(moves)) - mask[:, None] * moves * mask
        expected = np.linalg.solve(system, chain.converts * mask)[start]
        assert _conversion(chain, kept)[column] == pytest.approx(expected, abs=1e-12)


def test_a_channel_that_nobody_converts_through_gets_nothing() -> None:
    found = markov([*JOURNEYS, Journey(("banner",), nulls=50.0)])
    assert found.effects["banner"] == 0.0
    assert markov([Journey(("a",), 0.0), *JOURNEYS]).effects["a"] == 0.0


@pytest.mark.parametrize(
    ("work", "code"),
    [
        (lambda: markov(JOURNEYS, 5), "bad_order"),
        (lambda: markov([Journey(("a",), nulls=1.0)]), "no_conversions"),
        (lambda: time_decay(JOURNEYS, 0.0), "bad_half_life"),
    ],
    ids=["order", "conversions", "half-life"],
)
def test_what_cannot_be_credited_is_refused(work: Any, code: str) -> None:
    with pytest.raises(InputError) as caught:
        work()
    assert caught.value.code == code


@pytest.mark.parametrize(
    "fields",
    [
        {"touches": ()},
        {"touches": ("a",) * 1_001},
        {"touches": ("a",), "conversions": -1.0},
        {"touches": ("a",), "ages": (1.0, 2.0)},
    ],
    ids=["none", "many", "negative", "ages"],
)
def test_a_journey_that_nobody_took_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Expected"):
        Journey(**fields)
