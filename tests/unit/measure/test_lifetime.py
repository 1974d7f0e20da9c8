"""Lifetime value: published figures, simulated customers, and likelihoods by brute force."""

from __future__ import annotations

from math import exp, lgamma, log
from typing import Any

import numpy as np
import pytest

from heedful.kernel import DAY_MS, InputError
from heedful.learn.lifetime import pareto_terms
from heedful.measure import (
    BgNbd,
    Earlier,
    GammaGamma,
    ParetoNbd,
    Purchases,
    fit_bg_nbd,
    fit_gamma_gamma,
    fit_pareto_nbd,
    fit_recalibrated,
    lifetime_value,
    purchases,
    purchases_of,
)

CDNOW_BG = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)
CDNOW_PARETO = ParetoNbd(r=0.553, alpha=10.578, s=0.606, beta=11.669)


def simulated(model: BgNbd | ParetoNbd, count: int, age: float, horizon: float, seed: int) -> Any:
    """Let customers buy until they leave; give what was seen and the purchases that follow."""
    draws = np.random.default_rng(seed)
    rate = draws.gamma(model.r, 1.0 / model.alpha, count)
    if isinstance(model, BgNbd):
        leaves, ends = draws.beta(model.a, model.b, count), np.full(count, np.inf)
    else:
        leaves = np.zeros(count)
        ends = draws.exponential(1.0 / draws.gamma(model.s, 1.0 / model.beta, count))
    rows, later = [], []
    for k in range(count):
        time, last, bought, after = 0.0, 0.0, 0, 0
        while True:
            time += draws.exponential(1.0 / max(rate[k], 1e-12))
            if time > min(ends[k], age + horizon):
                break
            if time <= age:
                last, bought = time, bought + 1
            else:
                after += 1
            if draws.random() < leaves[k]:
                break
        rows.append((bought, last, age))
        later.append(after)
    return purchases(*np.array(rows).T), np.array(later)


def test_the_published_forecast_of_a_customer_is_reproduced() -> None:
    # Fader, Hardie and Lee, 2005: customer 0001 of CDNOW over the next 39 weeks.
    forecast = CDNOW_BG.expected(purchases(2, 30.43, 38.86), 39.0)
    assert forecast[0] == pytest.approx(1.226, abs=5e-4)


def test_a_customer_who_never_came_back_cannot_have_left_after_a_purchase() -> None:
    assert CDNOW_BG.p_alive(purchases(0, 0, 38.86))[0] == 1.0
    assert CDNOW_PARETO.p_alive(purchases(0, 0, 38.86))[0] < 1.0


@pytest.mark.parametrize("model", [CDNOW_BG, CDNOW_PARETO], ids=["bg", "pareto"])
def test_the_longer_a_frequent_buyer_is_silent_the_surer_they_are_gone(model: Any) -> None:
    seen = purchases([8] * 4, [30, 20, 10, 5], [31] * 4)
    alive = model.p_alive(seen)
    assert (np.diff(alive) < 0.0).all()
    assert alive[0] > 0.85
    assert alive[-1] < 0.1


@pytest.mark.parametrize("model", [CDNOW_BG, CDNOW_PARETO], ids=["bg", "pareto"])
def test_forecasts_grow_with_the_horizon_from_nothing(model: Any) -> None:
    seen = purchases([0, 3, 20], [0, 10, 38], [39, 39, 39])
    by_time = np.stack([model.expected(seen, t) for t in (0.0, 1.0, 10.0, 100.0)])
    assert by_time[0] == pytest.approx(0.0, abs=1e-12)
    assert (np.diff(by_time, axis=0) > 0.0).all()


@pytest.mark.parametrize("model", [CDNOW_BG, CDNOW_PARETO], ids=["bg", "pareto"])
def test_forecasts_are_the_purchases_of_simulated_customers(model: Any) -> None:
    seen, later = simulated(model, 6_000, 39.0, 39.0, seed=1)
    forecast = model.expected(seen, 39.0)
    assert forecast.sum() == pytest.approx(later.sum(), rel=0.05)
    for group in (seen.frequency == 0.0, (seen.frequency > 0.0) & (seen.frequency < 3.0)):
        assert forecast[group].sum() == pytest.approx(later[group].sum(), rel=0.15)


def test_bg_parameters_are_found_again() -> None:
    truth = BgNbd(r=0.8, alpha=5.0, a=1.0, b=3.0)
    seen, _ = simulated(truth, 8_000, 40.0, 0.0, seed=2)
    found = fit_bg_nbd(seen).model
    assert (found.r, found.alpha) == pytest.approx((truth.r, truth.alpha), rel=0.1)
    assert found.a / found.b == pytest.approx(truth.a / truth.b, rel=0.15)


def test_pareto_parameters_are_found_again() -> None:
    truth = ParetoNbd(r=0.8, alpha=5.0, s=0.8, beta=10.0)
    seen, _ = simulated(truth, 8_000, 60.0, 0.0, seed=3)
    found = fit_pareto_nbd(seen).model
    assert (found.r, found.alpha) == pytest.approx((truth.r, truth.alpha), rel=0.1)
    assert found.s / found.beta == pytest.approx(truth.s / truth.beta, rel=0.25)


def test_grouping_changes_no_fit_and_a_fit_is_the_same_twice() -> None:
    seen, _ = simulated(CDNOW_BG, 500, 39.0, 0.0, seed=4)
    doubled = Purchases(*(np.concatenate((column, column)) for column in seen))
    once, twice = fit_bg_nbd(seen), fit_bg_nbd(doubled)
    assert fit_bg_nbd(seen) == once
    assert twice.log_likelihood == pytest.approx(2.0 * once.log_likelihood, rel=1e-9)
    assert twice.model.alpha == pytest.approx(once.model.alpha, rel=1e-4)


@pytest.mark.parametrize("fit", [fit_bg_nbd, fit_pareto_nbd], ids=["bg", "pareto"])
def test_no_nearby_parameters_are_more_likely(fit: Any) -> None:
    seen, _ = simulated(CDNOW_BG, 300, 39.0, 0.0, seed=5)
    best = fit(seen)
    likelihood = bg_likelihood if isinstance(best.model, BgNbd) else pareto_likelihood
    parameters = np.array([getattr(best.model, f) for f in best.model.__struct_fields__])
    assert likelihood(parameters, seen) == pytest.approx(best.log_likelihood, rel=1e-5)
    for place in range(4):
        for factor in (0.97, 1.03):
            other = parameters.copy()
            other[place] *= factor
            assert likelihood(other, seen) < best.log_likelihood


def bg_likelihood(parameters: Any, seen: Purchases) -> float:
    """Sum the closed form customer by customer, with the standard library's gamma."""
    r, alpha, a, b = parameters
    total = 0.0
    for x, tx, age in zip(*seen, strict=True):
        rate = lgamma(r + x) - lgamma(r) + r * log(alpha)
        stays = lgamma(a + b) + lgamma(b + x) - lgamma(b) - lgamma(a + b + x)
        chance = exp(stays - (r + x) * log(alpha + age))
        if x > 0:
            left = lgamma(a + b) + lgamma(b + x - 1) - lgamma(b) - lgamma(a + b + x)
            chance += a * exp(left - (r + x) * log(alpha + tx))
        total += rate + log(chance)
    return total


def pareto_likelihood(parameters: Any, seen: Purchases) -> float:
    """Integrate over the time of leaving by a fine midpoint rule."""
    r, alpha, s, beta = parameters
    total = 0.0
    for x, tx, age in zip(*seen, strict=True):
        steps = 400
        u = tx + (age - tx) * (np.arange(steps) + 0.5) / steps
        # Relative to having stayed, which alone underflows for a frequent buyer.
        bought = ((alpha + age) / (alpha + u)) ** (r + x)
        left = s * (bought * ((beta + age) / (beta + u)) ** s / (beta + u)).mean() * (age - tx)
        stayed = -(r + x) * log(alpha + age) - s * log(beta + age)
        total += lgamma(r + x) - lgamma(r) + r * log(alpha) + s * log(beta)
        total += stayed + log(1.0 + left)
    return total


@pytest.mark.parametrize("fit", [fit_bg_nbd, fit_pareto_nbd], ids=["bg", "pareto"])
def test_customers_whom_no_model_describes_are_fitted_all_the_same(fit: Any) -> None:
    # The last purchase says nothing of the frequency: the likelihood ends in a flat ridge.
    draws = np.random.default_rng(1)
    frequency = draws.negative_binomial(0.5, 0.3, 20_000)
    recency = np.where(frequency > 0, np.ceil(draws.random(20_000) * 272) / 7, 0.0)
    seen = purchases(frequency, recency, np.full(20_000, 39.0))
    forecast = fit(seen).model.expected(seen, 13.0)
    assert np.isfinite(forecast).all()
    assert (forecast >= 0.0).all()


def test_chances_of_leaving_sum_to_one() -> None:
    share = pareto_terms(CDNOW_PARETO, purchases([0, 5, 5], [0, 3, 39], [39, 39, 39])).share
    assert share.sum(axis=0) == pytest.approx(1.0)
    assert share[0, 2] == 1.0  # bought just now


def test_spends_are_pulled_to_the_mean_by_how_few_they_are() -> None:
    model = GammaGamma(p=6.25, q=3.74, v=15.44)
    mean = model.expected(0, 0.0)
    assert float(mean) == pytest.approx(6.25 * 15.44 / 2.74)
    few, many = model.expected(1, 100.0), model.expected(50, 100.0)
    assert float(mean) < float(few) < float(many) < 100.0


def test_spend_parameters_are_found_again() -> None:
    draws = np.random.default_rng(6)
    p, q, v, count = 5.0, 4.0, 20.0, 20_000
    scale = draws.gamma(q, 1.0 / v, count)
    x = draws.integers(1, 10, count)
    m = draws.gamma(p * x, 1.0 / scale) / x
    found = fit_gamma_gamma(x, m).model
    assert (found.p, found.q, found.v) == pytest.approx((p, q, v), rel=0.15)
    assert float(found.expected(0, 0.0)) == pytest.approx(p * v / (q - 1.0), rel=0.02)


def test_value_is_discounted_by_when_it_comes() -> None:
    seen = purchases([2, 5], [30.43, 35], [38.86, 38.86])
    now = lifetime_value(CDNOW_BG, seen, [10.0, 20.0], [39.0])
    assert now == pytest.approx(CDNOW_BG.expected(seen, 39.0) * [10.0, 20.0])
    weeks = range(1, 40)
    assert lifetime_value(CDNOW_BG, seen, [10.0, 20.0], weeks) == pytest.approx(now)
    later = lifetime_value(CDNOW_BG, seen, [10.0, 20.0], weeks, discount=0.01)
    assert (later < 0.9 * now).all()
    assert (later > 0.7 * now).all()


def test_recalibration_scales_by_what_was_missed() -> None:
    until_now, _ = simulated(CDNOW_BG, 2_000, 39.0, 0.0, seed=7)
    earlier = until_now._replace(
        frequency=np.minimum(until_now.frequency, 2.0),
        recency=np.minimum(until_now.recency, 20.0),
        age=np.full(2_000, 20.0),
    )
    single = fit_recalibrated([Earlier(earlier, 100.0, 19.0)], until_now)
    double = fit_recalibrated([Earlier(earlier, 200.0, 19.0)], until_now)
    pooled = fit_recalibrated([Earlier(earlier, much, 19.0) for much in (100.0, 200.0)], until_now)
    assert double.factor == pytest.approx(2.0 * single.factor)
    forecast = single.expected(until_now, 10.0)
    assert double.expected(until_now, 10.0) == pytest.approx(2.0 * forecast)
    assert (double.p_alive(until_now) <= 1.0).all()
    assert pooled.factor == pytest.approx(1.5 * single.factor)
    least = single.least_error(until_now, 10.0)
    assert least.sum() == pytest.approx(forecast.sum())
    assert (least == 0.0).sum() > (forecast < 0.05).sum()


def test_transactions_become_purchases_by_day_up_to_the_end() -> None:
    at = np.array([3, 0, 0, 10, 99, 5]) * DAY_MS
    customer = np.array([2, 1, 1, 1, 1, 3])
    who, seen = purchases_of(customer, at, 14 * DAY_MS)
    assert who.tolist() == [1, 2, 3]
    assert seen.frequency.tolist() == [1.0, 0.0, 0.0]
    assert seen.recency == pytest.approx([10 / 7, 0.0, 0.0])
    assert seen.age == pytest.approx([2.0, 11 / 7, 9 / 7])


@pytest.mark.parametrize(
    "columns",
    [
        ([1], [2], [1]),
        ([1], [0], [9]),
        ([0.5], [1], [9]),
        ([-1], [1], [9]),
        ([1], [float("nan")], [9]),
        ([1, 2], [1], [9]),
    ],
    ids=["beyond", "no recency", "half", "negative", "nan", "shapes"],
)
def test_columns_that_nobody_bought_are_refused(columns: Any) -> None:
    with pytest.raises(InputError) as caught:
        purchases(*columns)
    assert caught.value.code == "bad_purchases"


def test_a_fit_to_nobody_is_refused() -> None:
    nobody = purchases([], [], [])
    for fit in (fit_bg_nbd, fit_pareto_nbd):
        with pytest.raises(InputError) as caught:
            fit(nobody)
        assert caught.value.code == "no_customers"
    with pytest.raises(InputError) as caught:
        fit_gamma_gamma([0, 0], [1.0, 2.0])
    assert caught.value.code == "no_customers"
