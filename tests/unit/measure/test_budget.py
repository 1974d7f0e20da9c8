"""Budgets: curves that are found, splits by hand, intervals that hold the truth, and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from heedful.kernel import InputError
from heedful.measure import Causal, Outlays, reallocate

NAMES = ("a", "b", "never")
WEEKS = 12


def drawn(seed: int, levels: tuple[float, float], bends: tuple[float, float]) -> Outlays:
    """Spend that varies from week to week, and credit that follows the curves."""
    draws = np.random.default_rng(seed)
    rows = []
    people = 400
    for week in range(WEEKS):
        for k in range(2):
            spend = draws.uniform(20.0, 180.0)
            value = levels[k] * spend ** bends[k]
            spenders = draws.integers(0, people, 40)
            rows += [(p, week, k, spend / 40, 0.0) for p in spenders]
            buyers = draws.integers(0, people, draws.poisson(value / 10.0))
            rows += [(p, week, k, 0.0, 10.0) for p in buyers]
    return columns(rows)


def columns(rows: list[Any]) -> Outlays:
    person, period, channel, spend, credit = np.array(rows, dtype=np.float64).reshape(-1, 5).T
    whole = (column.astype(np.int64) for column in (person, period, channel))
    return Outlays(*whole, spend, credit)


def test_bends_are_found_where_spend_varied() -> None:
    found = reallocate(drawn(1, (60.0, 20.0), (0.3, 0.7)), NAMES, {}, seed=1)
    a, b = found.channels
    assert a.elasticity == pytest.approx(0.3, abs=0.15)
    assert b.elasticity == pytest.approx(0.7, abs=0.15)
    assert a.brings == pytest.approx(60.0 * a.spend**0.3, rel=0.2)


def test_the_last_unit_brings_the_same_everywhere() -> None:
    found = reallocate(drawn(2, (40.0, 30.0), (0.5, 0.5)), NAMES, {}, seed=1, move=1.0)
    a, b = found.channels
    assert sum(one.proposed for one in found.channels) == pytest.approx(found.total)
    marginal = [one.elasticity * one.would_bring / one.proposed for one in (a, b)]
    assert marginal[0] == pytest.approx(marginal[1], rel=1e-6)
    gain = a.would_bring + b.would_bring - a.brings - b.brings
    assert found.gain == pytest.approx(gain)
    assert found.gain >= 0.0


def test_moves_are_bounded_and_totals_kept() -> None:
    data = drawn(3, (100.0, 1.0), (0.5, 0.5))
    found = reallocate(data, NAMES, {}, seed=1, move=0.2)
    for one in found.channels:
        assert 0.8 - 1e-9 <= one.proposed / one.spend <= 1.2 + 1e-9
    today = sum(one.spend for one in found.channels)
    more = reallocate(data, NAMES, {}, seed=1, total=1.1 * today)
    assert sum(one.proposed for one in more.channels) == pytest.approx(1.1 * today)
    assert [one.name for one in found.channels] == ["a", "b"]  # nothing was spent on the other


def test_a_hold_out_scales_and_widens() -> None:
    data = drawn(4, (60.0, 20.0), (0.4, 0.6))
    plain = reallocate(data, NAMES, {}, seed=1)
    half = reallocate(data, NAMES, {"*": Causal(0.5, 0.0), "b": Causal(0.1, 0.0)}, seed=1)
    assert half.channels[0].brings == pytest.approx(0.5 * plain.channels[0].brings)
    assert half.channels[1].causal_share == 0.1
    unsure = reallocate(data, NAMES, {"*": Causal(0.5, 0.5)}, seed=1)
    known = reallocate(data, NAMES, {"*": Causal(0.5, 0.0)}, seed=1)
    assert unsure.interval.high - unsure.interval.low > known.interval.high - known.interval.low
    assert "credit is taken for cause" in plain.says
    assert "credit is taken for cause" not in half.says


def test_what_is_said_to_be_brought_is_what_was_credited() -> None:
    # One channel speaks every third week; what it brought comes in part in the week after.
    rows = [(p, week, 0, 1.0, 2.0) for p in range(40) for week in (2, 5, 8)]
    rows += [(p, week, 0, 0.0, 1.0) for p in range(40) for week in (3, 6, 9)]
    rows += [(p, week, 1, 1.0, 3.0) for p in range(40) for week in range(12)]
    found = reallocate(columns(rows), NAMES, {"a": Causal(0.5, 0.0)}, seed=1)
    a, b = found.channels
    assert (a.spend, b.spend) == (pytest.approx(40 * 3 / 12), pytest.approx(40.0))
    assert a.brings == pytest.approx(0.5 * 40 * (3 * 2.0 + 3 * 1.0) / 12)
    assert b.brings == pytest.approx(40 * 3.0)


def test_a_gain_rests_on_every_hold_out_apart() -> None:
    # The first channel looks three times as good, but its own hold-out allows that it is the worse.
    data = drawn(5, (60.0, 20.0), (0.5, 0.5))
    unsure = {"a": Causal(0.6, 0.25), "*": Causal(0.6, 0.25)}
    assert not reallocate(data, NAMES, unsure, seed=1).is_sure
    together = {"*": Causal(0.6, 0.25)}
    assert reallocate(data, NAMES, together, seed=1).is_sure


def sure(levels: tuple[float, float], worlds: int) -> int:
    """Count the worlds in which a gain is called sure."""
    return sum(
        reallocate(
            drawn(100 + seed, levels, (0.5, 0.5)), NAMES, {}, seed=seed, replicates=60
        ).is_sure
        for seed in range(worlds)
    )


def test_a_gain_is_sure_where_it_is_large_and_seldom_where_there_is_none() -> None:
    assert sure((60.0, 10.0), 6) >= 5
    assert sure((40.0, 40.0), 12) <= 1


def test_equal_channels_are_left_alone_or_said_to_be_unsure() -> None:
    even = [(p, w, k, 1.0, 1.0) for p in range(50) for w in range(4) for k in range(2)]
    found = reallocate(columns(even), NAMES, {}, seed=1)
    assert found.gain == pytest.approx(0.0, abs=1e-9)
    assert "not yet sure" in found.says
    assert reallocate(columns(even), NAMES, {}, seed=1) == found


@pytest.mark.parametrize(
    ("rows", "settings", "code"),
    [
        ([], {}, "no_spend"),
        ([(0, 0, 0, 0.0, 5.0)], {}, "no_spend"),
        ([(0, 0, 0, 1.0, 5.0)], {"move": 0.0}, "bad_move"),
        ([(0, 0, 0, 1.0, 5.0)], {"total": 9.0}, "bad_total"),
    ],
    ids=["nothing", "credit alone", "move", "total"],
)
def test_what_cannot_be_split_is_refused(rows: Any, settings: Any, code: str) -> None:
    with pytest.raises(InputError) as caught:
        reallocate(columns(rows), NAMES, {}, seed=1, **settings)
    assert caught.value.code == code
