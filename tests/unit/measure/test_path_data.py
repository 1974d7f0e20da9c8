"""The exact chain on a public sample of 10,000 paths, against figures computed elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.pathdata import read_paths
from heedful.measure import markov

BESIDE = Path(__file__).resolve().parents[4] / "shared" / "data"
DATA = Path(os.environ.get("HEEDFUL_DATA") or BESIDE)
FILE = DATA / "attribution_pathdata" / "data__PathData.rda"

# Removal effects by an independent exact solution, by order.
FROZEN = {
    1: {"alpha": 0.5584, "iota": 0.4058, "eta": 0.3490, "mi": 0.0002},
    2: {"alpha": 0.5478, "iota": 0.3716, "eta": 0.3308, "mi": 0.0002},
}


@pytest.mark.parametrize("order", sorted(FROZEN))
def test_removal_effects_are_exact(order: int) -> None:
    if not FILE.is_file():
        pytest.skip(f"no paths at {FILE}")
    journeys = read_paths(FILE)
    found = markov(journeys, order)
    assert found.p_converts == pytest.approx(19_785 / 88_387, abs=1e-9)
    for channel, effect in FROZEN[order].items():
        assert found.effects[channel] == pytest.approx(effect, abs=1e-3)
    assert sum(c.conversions for c in found.credits) == pytest.approx(19_785)
