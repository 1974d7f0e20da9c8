"""Lifetime value of one customer: the same numbers as the models of many, and what setbacks do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful.kernel import InputError
from heedful.learn import (
    Bought,
    GammaGamma,
    LifetimeModel,
    ParetoNbd,
    Purchases,
    Trained,
    decode_trained,
)
from heedful.measure import lifetime_value

CDNOW = LifetimeModel(
    ParetoNbd(0.553, 10.578, 0.606, 11.669), GammaGamma(6.25, 3.74, 15.44), (0.3, 0.05)
)
YEAR = 365.0 / 7.0


@given(
    purchases=st.integers(1, 60),
    since_first=st.floats(0.01, 150.0),
    share=st.just(0.0) | st.floats(0.001, 1.0),
    spent=st.floats(0.0, 5_000.0),
)
def test_one_customer_is_worth_what_the_arrays_of_many_say(
    purchases: int, since_first: float, share: float, spent: float
) -> None:
    last = since_first * share
    again = purchases - 1.0 if last > 0.0 else 0.0
    seen = Purchases(np.array([again]), np.array([last]), np.array([since_first]))
    spend = CDNOW.spend.expected(purchases, spent / purchases)
    times = np.linspace(0.0, YEAR, 13)[1:].tolist()
    value = lifetime_value(CDNOW.buying, seen, spend, times, 0.002)[0]
    found = CDNOW.outlook(
        Bought(purchases, since_first, since_first - last, spent), [0.0, 0.0], YEAR, 0.002
    )
    # The rest is rounding of `since_first - since_last`, which asks for the same instant.
    assert found.p_alive == pytest.approx(CDNOW.buying.p_alive(seen)[0], rel=1e-9, abs=1e-12)
    assert found.value == pytest.approx(value, rel=1e-9, abs=1e-12)


def test_right_after_a_purchase_nothing_of_the_peak_is_gone() -> None:
    found = CDNOW.outlook(Bought(5, 40.0, 0.0, 300.0), [0.0, 0.0], YEAR)
    assert found.value == found.value_peak
    assert (found.p_alive, found.drop) == (1.0, 0.0)


def test_each_setback_takes_its_share_and_silence_takes_the_rest() -> None:
    seen = Bought(5, 40.0, 3.0, 300.0)
    calm, one, more = (CDNOW.outlook(seen, [units, 0.0], YEAR) for units in (0.0, 1.0, 3.0))
    assert one.value == pytest.approx(calm.value * np.exp(-0.3))
    assert more.p_alive == pytest.approx(calm.p_alive * np.exp(-0.9))
    assert calm.value_peak == one.value_peak == more.value_peak
    assert 0.0 < calm.drop < one.drop < more.drop < 1.0
    silent = CDNOW.outlook(Bought(5, 80.0, 43.0, 300.0), [0.0, 0.0], YEAR)
    assert silent.drop > more.drop


def test_two_orders_at_one_instant_are_no_repeat() -> None:
    once, twice = (CDNOW.outlook(Bought(n, 10.0, 10.0, 50.0), [0.0, 0.0], YEAR) for n in (1, 2))
    assert once.p_alive == twice.p_alive


def test_a_trained_model_comes_back_from_its_bytes_and_from_no_others() -> None:
    trained = Trained(name="value", version=3, definition="d", model=CDNOW)
    assert decode_trained(trained.encode()) == trained
    with pytest.raises(InputError, match="a trained model"):
        decode_trained(b"\x80")
