"""Powers of two are the same integers everywhere, and near enough to the real ones."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext

import pytest

from heedful.sense.decay import POWERS, decayed, weight


def test_every_power_is_the_exact_one_rounded() -> None:
    with localcontext(prec=60):
        exact = [
            (65_536 * Decimal(2) ** (Decimal(i) / 4_096)).to_integral_value(ROUND_HALF_UP)
            for i in range(4_096)
        ]
    assert list(POWERS) == exact


@pytest.mark.parametrize("half_life", [600, 3_600, 1_209_600])
def test_a_weight_is_within_a_fiftieth_of_a_percent(half_life: int) -> None:
    for offset in range(0, 8 * half_life, max(half_life // 97, 1)):
        assert weight(offset, half_life) / 65_536 == pytest.approx(
            2 ** (offset / half_life), rel=2e-4
        )


def test_a_decayed_count_halves_with_every_half_life_and_ends_at_nothing() -> None:
    assert [decayed(65_536 * 8, age, 3_600) for age in (0, 3_600, 7_200)] == [8.0, 4.0, 2.0]
    assert decayed(65_536, 3_600 * 500, 3_600) == 0.0
    assert decayed(65_536, -5, 3_600) == 1.0
