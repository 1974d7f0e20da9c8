"""Rows of features, read as numbers around a center and by a scale."""

from __future__ import annotations

import pytest

from heedful.learn import Basis
from heedful.learn.context import CONSTANTS_MAX, VALUE_MAX, Reader

RARE = 9 << 32


@pytest.mark.parametrize("centers", [(0.0, 0.0), (0.0, 2.0)], ids=["around_0", "around_2"])
@pytest.mark.parametrize("value", [0.25, 100.0], ids=["usual", "odd"])
def test_a_row_is_scaled_the_same_whether_it_has_rare_features_or_not(
    centers: tuple[float, ...], value: float
) -> None:
    reader = Reader(Basis((1, 2), centers, (0.5, 1.0)))
    alone, beside = reader.read((1, 2), (value, 3.0)), reader.read((1, 2, RARE), (value, 3.0, 1.0))
    wanted = [1.0, min(value / 0.5, VALUE_MAX), 3.0 - centers[1]]
    assert alone.dense.tolist() == beside.dense.tolist() == wanted
    assert alone.led.tolist() == [1.0] * CONSTANTS_MAX + wanted
    assert (len(alone.sparse_ids), len(beside.sparse_ids)) == (0, 1)


def test_a_feature_that_is_not_named_is_0_before_it_is_scaled() -> None:
    assert Reader(Basis((1, 2), (0.0, 2.0), (1.0, 4.0))).read((1,), (5.0,)).dense[2] == -0.5
