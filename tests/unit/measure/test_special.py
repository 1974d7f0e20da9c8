"""Special functions against values known in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest

from heedful.kernel import InputError
from heedful.measure.maximum import maximize
from heedful.measure.special import Floats, digamma, hyp2f1, log_gamma


def test_log_gamma_is_that_of_the_standard_library() -> None:
    x = [1e-6, 0.1, 0.5, 1.0, 1.5, 2.0, 7.3, 100.0, 1e6]
    assert log_gamma(x) == pytest.approx([math.lgamma(v) for v in x], rel=1e-12, abs=1e-12)


def test_digamma_follows_its_recurrence_and_starts_at_euler() -> None:
    x = np.array([1e-3, 0.2, 1.0, 3.7, 50.0])
    assert digamma(x + 1.0) - digamma(x) == pytest.approx(1.0 / x, rel=1e-11)
    assert float(digamma(0.5)) == pytest.approx(-0.5772156649015329 - 2.0 * math.log(2.0))


@pytest.mark.parametrize("z", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_hypergeometric_functions_with_a_closed_form(z: float) -> None:
    assert float(hyp2f1(2.5, 1.3, 1.3, z)) == pytest.approx((1.0 - z) ** -2.5, rel=1e-10)
    expected = -math.log1p(-z) / z if z else 1.0
    assert float(hyp2f1(1.0, 1.0, 2.0, z)) == pytest.approx(expected, rel=1e-10)


def test_a_series_that_does_not_end_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        hyp2f1(1.0, 1.0, 2.0, 1.0 - 1e-9)
    assert caught.value.code == "no_convergence"


def test_the_maximum_of_a_likelihood_is_found_from_afar() -> None:
    def likelihood(parameters: Floats) -> tuple[float, Floats]:
        off = np.log(parameters) - np.log([3.0, 0.02])
        value = -float(off[0] ** 2 + 50.0 * (off[1] - off[0]) ** 2)
        slope = np.array([-2.0 * off[0] + 100.0 * (off[1] - off[0]), -100.0 * (off[1] - off[0])])
        return value, slope / parameters

    assert maximize(likelihood, (50.0, 9.0)).parameters == pytest.approx([3.0, 0.02], rel=1e-6)


def test_a_likelihood_without_a_maximum_stops_at_its_bound() -> None:
    found = maximize(lambda q: (-1.0 / float(q[0]), 1.0 / q**2), (1.0,))
    assert found.parameters[0] > 1e3


def test_a_start_outside_the_world_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        maximize(lambda q: (float("nan"), q), (1.0,))
    assert caught.value.code == "no_convergence"
