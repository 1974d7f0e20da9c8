"""Comparing models: by hand, honest about clusters, and safe to look at daily."""

from __future__ import annotations

import math

import numpy as np
import pytest

from heedful.kernel import MICRO, InputError
from heedful.learn import Outcome
from heedful.measure import compare


def slices(values: list[float], first: int = 0) -> dict[int, Outcome]:
    """One decision in each slice."""
    return {first + k: Outcome(MICRO, MICRO, round(v * MICRO)) for k, v in enumerate(values)}


def test_the_difference_is_that_of_money_for_each_decision() -> None:
    one, other = slices([1.0, 3.0] * 100), slices([1.0, 1.5] * 100, first=300)
    found = compare(one, other)
    assert (found.value, found.against, found.difference) == (2.0, 1.25, 0.75)
    assert (found.decisions, found.decisions_against) == (200.0, 200.0)
    assert found.watched.low == pytest.approx(0.75 - (found.watched.high - 0.75))
    assert found.is_better
    assert "brings 0.75 more" in found.says
    worse = compare(other, one)
    assert not worse.is_better
    assert "brings 0.75 less" in worse.says


def test_few_slices_say_nothing() -> None:
    found = compare(slices([9.0] * 19), slices([0.0] * 40, first=100))
    assert math.isinf(found.watched.high)
    assert not found.is_better
    assert "Not yet sure" in found.says
    assert not compare({}, {}).is_better


def test_what_two_models_have_in_common_does_not_blur_their_difference() -> None:
    draws = np.random.default_rng(5)
    base = draws.normal(10.0, 50.0, 200)
    shared = compare(slices(list(base + 1.0)), slices(list(base)))
    apart = compare(slices(list(base + 1.0)), slices(list(base), first=1_000))
    assert shared.is_better
    assert not apart.is_better


def test_models_that_bring_the_same_are_hardly_ever_called_better_though_it_is_watched() -> None:
    draws = np.random.default_rng(11)
    wrong = 0
    for _ in range(100):
        sums = np.zeros((2, 60, 2))
        for _day in range(10):
            # Customers of one slice have something in common: decisions are not independent.
            counts = draws.poisson(5.0, (2, 60))
            sums[:, :, 0] += counts
            sums[:, :, 1] += draws.normal(1.0, 1.0, (2, 60)) * counts
            one, other = (
                {
                    k: Outcome(int(n) * MICRO, 0, round(v * MICRO))
                    for k, (n, v) in enumerate(part.tolist(), first)
                }
                for part, first in zip(sums, (0, 60), strict=True)
            )
            if compare(one, other).is_better:
                wrong += 1
                break
    assert wrong <= 5


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(InputError, match="a confidence"):
        compare({}, {}, confidence=1.0)
    with pytest.raises(InputError, match="an effect"):
        compare({}, {}, effect=0.0)
