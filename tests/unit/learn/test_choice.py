"""Selection probabilities against closed forms and Monte Carlo; the draw against its weights."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, erf, nan, sqrt

import numpy as np
import pytest

from heedful.kernel import InputError
from heedful.learn import (
    ARMS_MAX,
    PROBABILITY_ONE,
    ArmValue,
    NormalValue,
    Value,
    draw,
    selection_probabilities,
    to_weights,
    uniform_key,
)

SECRET = b"a workspace's secret"


def shares(values: Sequence[Value], floor: float = 0.0) -> list[float]:
    weights = selection_probabilities(values, floor)
    assert sum(weights) == PROBABILITY_ONE
    assert min(weights) >= 0
    return [weight / PROBABILITY_ONE for weight in weights]


def beta_function(a: int, b: int) -> float:
    return 1.0 / (a * comb(a + b - 1, a))


def chance_that_first_is_greater(a: int, b: int, c: int, d: int) -> float:
    """P(Beta(a, b) > Beta(c, d)) for whole shapes, as a finite sum (E. Miller, 2015)."""
    terms = (
        beta_function(c + i, b + d) / ((b + i) * beta_function(1 + i, b) * beta_function(c, d))
        for i in range(a)
    )
    return sum(terms)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((2, 48), (3, 47)),
        ((1, 1), (1, 1)),
        ((1, 3), (40, 60)),
        ((5, 500), (1, 20)),
        ((30, 70), (60, 130)),
        ((2, 2), (150, 140)),
    ],
    ids=str,
)
def test_two_beta_arms_agree_with_the_closed_form(
    first: tuple[int, int], second: tuple[int, int]
) -> None:
    values = [ArmValue(*first, 7.0, -1.0), ArmValue(*second, 7.0, -1.0)]
    assert shares(values)[0] == pytest.approx(
        chance_that_first_is_greater(*first, *second), abs=3e-6
    )


@pytest.mark.parametrize("sd", [10.0, 1.0, 0.1, 1e-3, 1e-5])
def test_two_normal_arms_agree_with_the_closed_form(sd: float) -> None:
    values = [NormalValue(0.25, sd), NormalValue(0.0, 0.5)]
    exact = (1.0 + erf(0.25 / sqrt(sd * sd + 0.25) / sqrt(2.0))) / 2.0
    assert shares(values)[0] == pytest.approx(exact, abs=3e-6)


# Frequencies of 10,000,000 draws each, made once with numpy's PCG64, seed 20261120; their
# standard error is at most 1.6e-4.
WORLDS: dict[str, tuple[list[Value], list[float]]] = {
    "silence_against_offers": (
        [
            ArmValue(40, 960, 25, 0),
            ArmValue(6, 94, 25, -0.35),
            ArmValue(3, 47, 25, -0.1),
            ArmValue(2, 28, 30, -0.6),
            ArmValue(9, 241, 40, -0.2),
        ],
        [0.0336874, 0.1651174, 0.2923145, 0.3276288, 0.1812519],
    ),
    "one_narrow_among_wide": (
        [
            ArmValue(40_000, 960_000, 20, 0),
            ArmValue(2, 48, 20, 0),
            ArmValue(2, 18, 12, -0.3),
            ArmValue(300, 6_700, 20, -0.05),
        ],
        [0.1401972, 0.2859402, 0.3863531, 0.1875095],
    ),
    "weak_priors": (
        [
            ArmValue(0.4, 9.6, 20, 0),
            ArmValue(0.2, 3.8, 18, -0.05),
            ArmValue(0.5, 24.5, 30, -0.02),
            ArmValue(1.5, 30, 15, 0),
        ],
        [0.2611467, 0.223677, 0.196848, 0.3183283],
    ),
    "uniform_priors": (
        [
            ArmValue(1, 1, 10, 0),
            ArmValue(1, 1, 8, 1),
            ArmValue(1, 2, 12, 0),
            ArmValue(1.5, 1.2, 9, 0.5),
        ],
        [0.2913422, 0.2305012, 0.1692938, 0.3088628],
    ),
    "normals": (
        [NormalValue(0, 1), NormalValue(0.3, 0.5), NormalValue(-1, 3), NormalValue(0.5, 0.01)],
        [0.2098305, 0.1991307, 0.2777297, 0.3133091],
    ),
    "both_families": (
        [
            NormalValue(0, 1),
            NormalValue(0.3, 0.5),
            ArmValue(2, 48, 20, -0.5),
            ArmValue(3, 5, 2, 0),
        ],
        [0.195653, 0.1518564, 0.1536031, 0.4988875],
    ),
}


@pytest.mark.parametrize("world", list(WORLDS))
def test_chances_agree_with_ten_million_draws(world: str) -> None:
    values, frequencies = WORLDS[world]
    assert shares(values) == pytest.approx(frequencies, abs=5e-4)


@pytest.mark.parametrize("world", list(WORLDS))
def test_the_order_of_the_arms_only_orders_the_answer(world: str) -> None:
    values, _ = WORLDS[world]
    assert shares(values[::-1])[::-1] == pytest.approx(shares(values), abs=1e-9)


@pytest.mark.parametrize("count", [2, 3, 100, 1_000])
def test_equal_arms_have_equal_chances(count: int) -> None:
    weights = selection_probabilities([ArmValue(2, 48, 20, -0.1)] * count, 0.0)
    assert max(weights) - min(weights) <= 1
    assert sum(weights) == PROBABILITY_ONE


def test_an_arm_without_a_rival_has_it_all() -> None:
    assert shares([ArmValue(0.3, 5, 20, 0)]) == [1.0]
    assert shares([NormalValue(3, 0)]) == [1.0]


def test_a_certain_value_is_best_when_all_others_are_below_it() -> None:
    p_below = (1.0 + erf(1.0 / sqrt(2.0))) / 2.0
    values: list[Value] = [NormalValue(0, 1), ArmValue(1, 1, 0, 1.0), NormalValue(0.5, 0)]
    assert shares(values) == pytest.approx([1 - p_below, p_below, 0.0], abs=3e-6)


def test_certain_values_that_are_equal_share_evenly() -> None:
    assert shares([NormalValue(1, 0), NormalValue(1, 0), NormalValue(0, 0)]) == [0.5, 0.5, 0.0]


def test_a_loss_on_p_is_a_gain_on_its_complement() -> None:
    losses: list[Value] = [ArmValue(2, 48, -20, 0), ArmValue(9, 200, -20, 0)]
    gains: list[Value] = [ArmValue(48, 2, 20, -20), ArmValue(200, 9, 20, -20)]
    assert shares(losses) == shares(gains)


def test_a_dominated_arm_has_the_floor_alone() -> None:
    values: list[Value] = [ArmValue(500, 500, 10, 0), ArmValue(50, 950, 10, 0)]
    assert shares(values, 0.04) == pytest.approx([0.98, 0.02], abs=1e-9)


def test_the_floor_is_spread_evenly_over_the_arms() -> None:
    plain = shares(WORLDS["normals"][0])
    mixed = shares(WORLDS["normals"][0], 0.1)
    assert mixed == pytest.approx([0.9 * p + 0.025 for p in plain], abs=1e-9)
    assert shares(WORLDS["normals"][0], 1.0) == [0.25] * 4


def test_terms_kept_in_single_precision_compute_the_same() -> None:
    values = [ArmValue(2.1 + i / 7, 47.3 + i / 3, 19.99, -0.1 * i) for i in range(9)]
    kept = [
        ArmValue(*(float(np.float32(term)) for term in (v.alpha, v.beta, v.gain, v.offset)))
        for v in values
    ]
    assert kept != values
    assert selection_probabilities(kept, 0.02) == selection_probabilities(values, 0.02)


@pytest.mark.parametrize(
    ("values", "floor", "code", "path"),
    [
        ([], 0.0, "no_arms", "`$`"),
        ([NormalValue(0, 1)] * (ARMS_MAX + 1), 0.0, "too_many_arms", "`$`"),
        ([NormalValue(0, 1)], 1.5, "bad_floor", "`$.floor`"),
        ([NormalValue(0, 1)], nan, "bad_floor", "`$.floor`"),
        ([ArmValue(1, 1, 1, 0), ArmValue(1, 0, 1, 0)], 0.0, "bad_arm_value", "`$[1].beta`"),
        ([NormalValue(0, 1), ArmValue(-1, 1, 1, 0)], 0.0, "bad_arm_value", "`$[1].alpha`"),
        ([ArmValue(1, 1, 1, 0), NormalValue(nan, 1)], 0.0, "bad_arm_value", "`$[1].mean`"),
        ([ArmValue(1, 1, 1e39, 0)], 0.0, "bad_arm_value", "`$[0].gain`"),
    ],
    ids=["none", "many", "floor", "nan_floor", "beta", "alpha", "nan", "great"],
)
def test_what_cannot_be_weighed_is_refused_in_words(
    values: list[Value], floor: float, code: str, path: str
) -> None:
    with pytest.raises(InputError) as caught:
        selection_probabilities(values, floor)
    assert caught.value.code == code
    assert path in caught.value.message


def test_rounding_serves_the_greatest_remainders_first() -> None:
    third = PROBABILITY_ONE // 3
    assert to_weights(np.array([1.0, 1.0, 1.0])) == [third + 1, third, third]
    assert to_weights(np.array([0.0, 5.0])) == [0, PROBABILITY_ONE]
    many = to_weights(np.full(60_000, 1.0))
    assert sum(many) == PROBABILITY_ONE
    assert max(many) - min(many) == 1


def test_a_draw_is_the_same_for_the_same_name_and_another_for_another() -> None:
    weights = [1] * 1_000
    names = [("d_1", "choice"), ("d_1", "moment"), ("d_2", "choice"), (7, "choice")]
    drawn = [draw(SECRET, *name, weights) for name in names]
    assert drawn == [draw(SECRET, *name, weights) for name in names]
    assert drawn == [906, 689, 150, 65]
    assert uniform_key(SECRET, "b:c", "a") != uniform_key(SECRET, "c", "a:b")
    assert uniform_key(SECRET, "d", "a") != uniform_key(b"another secret", "d", "a")


def test_draws_follow_their_weights() -> None:
    weights = [0, 1, 9, 90, 0, 900]
    counts = [0] * len(weights)
    for number in range(20_000):
        counts[draw(SECRET, number, "choice", weights)] += 1
    assert [count / 20_000 for count in counts] == pytest.approx(
        [weight / 1_000 for weight in weights], abs=0.007
    )
    assert counts[0] == counts[4] == 0


@pytest.mark.parametrize("weights", [[], [0, 0], [3, -1]], ids=str)
def test_weights_that_are_none_are_refused(weights: list[int]) -> None:
    with pytest.raises(InputError, match="weights"):
        draw(SECRET, "d", "choice", weights)


def test_what_is_certainly_worse_than_an_arm_never_takes_what_its_end_hides() -> None:
    sure = ArmValue(alpha=0.01, beta=781_250.0, gain=0.0078125, offset=-1.0)
    steep = ArmValue(
        alpha=0.0625, beta=1.0, gain=1.0, offset=0.0
    )  # half its chance lies below 2e-5
    assert selection_probabilities([sure, steep], 0.0)[0] == 0
