"""How many purchases each customer may make, and the forecast that errs least."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from heedful.kernel import InputError
from heedful.measure import BgNbd, ParetoNbd, chances_of_counts, least_error, purchases

BG = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)
PARETO = ParetoNbd(r=0.553, alpha=10.578, s=0.606, beta=11.669)
SEEN = purchases([0, 1, 2, 7], [0.0, 5.0, 30.43, 38.0], [38.86, 38.86, 38.86, 39.0])


@pytest.mark.parametrize("model", [BG, PARETO], ids=["bg", "pareto"])
@pytest.mark.parametrize("horizon", [1.0, 39.0])
def test_the_mean_over_counts_is_what_is_expected(model: BgNbd | ParetoNbd, horizon: float) -> None:
    chances = chances_of_counts(model, SEEN, horizon)
    assert chances.min() >= 0.0
    assert chances.sum(axis=1) == pytest.approx(np.ones(4), abs=1e-6)
    mean = chances @ np.arange(chances.shape[1])
    assert mean == pytest.approx(model.expected(SEEN, horizon), rel=2e-4)


def test_no_other_forecast_of_the_total_errs_less() -> None:
    draws = np.random.default_rng(1)
    chances = draws.dirichlet([1.0, 0.7, 0.4], size=4)
    count = np.arange(3.0)

    def error(forecast: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
        return float((chances * np.abs(forecast[:, None] - count)).sum())

    for total in range(9):
        found = least_error(chances, float(total))
        assert found.sum() == pytest.approx(total)
        others = (np.array(one, float) for one in itertools.product(range(3), repeat=4))
        least = min(error(other) for other in others if other.sum() == total)
        assert error(found) == pytest.approx(least)


def test_who_looks_alike_is_forecast_alike() -> None:
    assert least_error(np.array([[0.6, 0.4]] * 4), 1.0).tolist() == [0.25] * 4


def test_a_horizon_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="horizon above 0"):
        chances_of_counts(BG, SEEN, 0.0)
