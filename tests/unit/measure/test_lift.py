"""Lift: what random halves must not show, what real effects must, and what the past explains."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from heedful.kernel import InputError
from heedful.measure import Lift, Moments, lift, moments_of
from heedful.measure.hold_out import EFFECT_DEFAULT, watched_reach


def people(seed: int, count: int, effect: float, noise: float = 1.0) -> tuple[Any, Any, Any]:
    """Draw outcomes that the past explains in part; half of the people are treated."""
    draws = np.random.default_rng(seed)
    before = draws.gamma(1.0, 2.0, count)
    treated = draws.random(count) < 0.5
    outcome = 3.0 + before + noise * draws.normal(size=count) + effect * treated
    return outcome, before, treated


def compared(outcome: Any, before: Any, treated: Any, **settings: float) -> Lift:
    return lift(
        moments_of(outcome[treated], None if before is None else before[treated]),
        moments_of(outcome[~treated], None if before is None else before[~treated]),
        **settings,
    )


def test_moments_are_those_of_the_columns() -> None:
    y, x, _ = people(1, 500, 0.0)
    found = moments_of(y, x)
    assert found.outcome_squares / 499 == pytest.approx(np.var(y, ddof=1))
    assert found.products / 499 == pytest.approx(np.cov(y, x)[0, 1])
    assert (found.n, found.outcome, found.before) == pytest.approx((500, y.mean(), x.mean()))


def test_any_split_merges_to_the_whole() -> None:
    y, x, _ = people(2, 1_000, 0.0)
    whole, merged = moments_of(y + 1e6, x), Moments()
    for part in np.array_split(np.arange(1_000), [1, 7, 300, 301]):
        merged = merged.merge(moments_of(y[part] + 1e6, x[part]))
    assert merged.n == whole.n
    for name in Moments.__struct_fields__:
        assert getattr(merged, name) == pytest.approx(getattr(whole, name), rel=1e-9)
    assert whole.merge(Moments()) == whole == Moments().merge(whole)


def test_without_a_past_the_difference_is_that_of_the_means() -> None:
    y, _, treated = people(3, 400, 0.5)
    found = compared(y, None, treated)
    a, b = y[treated], y[~treated]
    assert found.difference == pytest.approx(a.mean() - b.mean())
    error = (a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b)) ** 0.5
    reach = NormalDist().inv_cdf(0.975) * error
    assert found.interval == pytest.approx((found.difference - reach, found.difference + reach))
    assert found.variance_left == 1.0
    assert found.total == pytest.approx(found.difference * len(a))


def test_the_past_takes_out_the_variance_that_it_explains() -> None:
    y, x, treated = people(4, 20_000, 0.3)
    plain, adjusted = compared(y, None, treated), compared(y, x, treated)
    assert adjusted.variance_left == pytest.approx(1.0 / 5.0, abs=0.02)  # 1 of 1 + 2^2
    assert adjusted.difference == pytest.approx(0.3, abs=0.06)
    narrowing = (adjusted.interval.high - adjusted.interval.low) / (
        plain.interval.high - plain.interval.low
    )
    assert narrowing == pytest.approx(adjusted.variance_left**0.5, rel=0.02)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    held = 0
    for seed in range(600):
        found = compared(*people(seed, 200, 0.4))
        held += found.interval.low <= 0.4 <= found.interval.high
    assert 0.925 <= held / 600 <= 0.975


def test_shuffled_treatment_is_seldom_claimed_however_often_one_looks() -> None:
    watched, fixed, worlds = 0, 0, 300
    for seed in range(worlds):
        y, x, treated = people(seed, 2_000, 0.0)
        looks = [compared(y[:n], x[:n], treated[:n]) for n in range(100, 2_001, 100)]
        watched += any(look.is_sure for look in looks)
        fixed += any(not look.interval.low <= 0.0 <= look.interval.high for look in looks)
    assert watched / worlds <= 0.05
    # What it protects from: the plain interval, looked at twenty times, is wrong this often.
    assert fixed / worlds >= 0.15


@pytest.mark.parametrize(("treated", "held"), [(10_000, 100), (100, 10_000), (2_000, 40)])
def test_a_rare_outcome_that_a_small_group_did_not_show_is_no_effect(
    treated: int, held: int
) -> None:
    draws = np.random.default_rng(9)
    worlds = [
        lift(*(moments_of(draws.random(n) < 0.01) for n in (treated, held))) for _ in range(60)
    ]
    # By the spread of each group alone, which is 0 where nobody showed it: 36 %, 35 % and 60 %.
    assert sum(one.is_sure for one in worlds) <= 3
    assert sum(not one.interval.low <= 0.0 <= one.interval.high for one in worlds) <= 6


def test_what_the_past_explains_to_the_last_digit_is_no_effect() -> None:
    before = np.random.default_rng(1).integers(0, 5, 200).astype(float)
    found = compared(0.1 * before, before, np.arange(200) < 130)
    assert (found.difference, found.is_sure) == (0.0, False)


def test_a_real_effect_is_found_and_said() -> None:
    found = compared(*people(5, 20_000, 0.2))
    assert found.is_sure
    assert found.says.startswith("A treated person brings 0.")
    assert "more than one held out" in found.says
    harmful = compared(*people(5, 20_000, -0.2))
    assert harmful.is_sure
    assert "less than one held out" in harmful.says


def test_a_small_effect_among_few_is_not_yet_sure() -> None:
    found = compared(*people(6, 200, 0.05))
    assert not found.is_sure
    assert found.says.startswith("Not yet sure: a treated person may bring between -")


def test_being_watched_costs_width_and_more_people_narrow_both() -> None:
    few, many = compared(*people(7, 1_000, 0.1)), compared(*people(7, 50_000, 0.1))
    for found in (few, many):
        assert found.watched.low < found.interval.low < found.interval.high < found.watched.high
    assert many.watched.high - many.watched.low < few.watched.high - few.watched.low


@pytest.mark.parametrize("count", [100, 300, 3_000, 100_000, 1_000_000])
def test_being_watched_costs_less_than_twice_the_width_at_any_size(count: int) -> None:
    variance = 4.0 / count  # of the difference between halves, in deviations
    reach = watched_reach(variance, EFFECT_DEFAULT**2, 0.05) / variance**0.5
    assert NormalDist().inv_cdf(0.975) < reach < 2.0 * NormalDist().inv_cdf(0.975)


def test_outcomes_that_never_differ_have_no_width() -> None:
    found = lift(moments_of(np.ones(50)), moments_of(np.zeros(50)))
    assert found.watched == found.interval == (1.0, 1.0)
    assert found.is_sure
    assert not lift(moments_of(np.ones(50)), moments_of(np.ones(50))).is_sure


@pytest.mark.parametrize(
    ("settings", "code"),
    [({"confidence": 0.0}, "bad_confidence"), ({"effect": 0.0}, "bad_effect")],
    ids=["confidence", "effect"],
)
def test_settings_out_of_range_are_refused(settings: dict[str, float], code: str) -> None:
    with pytest.raises(InputError) as caught:
        compared(*people(1, 100, 0.0), **settings)
    assert caught.value.code == code


def test_a_handful_of_people_is_no_group() -> None:
    with pytest.raises(InputError) as caught:
        lift(moments_of(np.ones(29)), moments_of(np.ones(99)))
    assert caught.value.code == "small_group"
    assert "$.treated" in str(caught.value)


def test_columns_that_do_not_match_are_refused() -> None:
    for columns in (([1.0], [1.0, 2.0]), ([float("nan")], [0.0])):
        with pytest.raises(InputError) as caught:
            moments_of(*columns)
        assert caught.value.code == "bad_outcomes"
    assert moments_of([]) == Moments()
