"""Drift: nothing is said of what stands still, and what moves is named."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from heedful.govern.monitors import DriftFile
from heedful.kernel import DAY_MS, MICRO, InputError
from heedful.measure import DriftCounts, drift_counts, drifts, slot_of, stability_index
from heedful.measure.drift import Drift, chi_square, watched_paths
from heedful.measure.slots import NONE, ZERO, groups_of
from heedful.measure.watched import feature_slots, watched_fields

POLICY = DriftFile(window="4d", reference="16d")
NOW = 400 * DAY_MS
TODAY = 400


def test_numbers_keep_their_order_in_slots() -> None:
    draws = np.random.default_rng(1)
    values = sorted([*draws.normal(size=500) * 10.0 ** draws.integers(-8, 12, 500), 0.0, 1e300])
    slots = [slot_of(float(v)) for v in values]
    assert slots == sorted(slots)
    assert slots[values.index(0.0)] == ZERO
    assert slot_of(float("nan")) == slot_of({"unknown": True}) != slot_of(None)


def test_the_index_is_that_of_the_textbook() -> None:
    draws = np.random.default_rng(2)
    before, now = draws.lognormal(size=20_000), draws.lognormal(mean=0.5, size=20_000)
    old, new = (Counter(slot_of(float(v)) for v in side) for side in (before, now))
    groups = groups_of(old, new)
    assert len(groups) == 10
    shares = [
        [(0.5 + sum(side[s] for s in group)) / (20_000 + 0.5 * len(groups)) for group in groups]
        for side in (old, new)
    ]
    by_hand = sum((b - a) * math.log(b / a) for a, b in zip(*shares, strict=True))
    assert stability_index(old, new) == pytest.approx(by_hand, rel=1e-12)
    # The divergence of two normals half a deviation apart, less what ten groups cannot see.
    assert by_hand == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(("freedom", "exact"), [(1, 12.116), (9, 29.666), (30, 61.11)])
def test_percentiles_of_chi_square(freedom: int, exact: float) -> None:
    assert chi_square(freedom) == pytest.approx(exact, rel=0.05)


def filled(
    rate_now: float, *, seed: int = 3, value_now: int = 10, country_now: float = 0.5
) -> DriftCounts:
    """Count 20 days of 200 decisions; the last 4 days are of their own kind."""
    draws, counts = np.random.default_rng(seed), drift_counts(POLICY)
    for day in range(20):
        is_now = day >= 16
        at = (TODAY - 19 + day) * DAY_MS
        for _ in range(200):
            p = float(draws.uniform(0.05, 0.4))
            share = country_now if is_now else 0.5
            country = "DE" if draws.random() < share else "PT"
            slots = {"model:beta": slot_of(p), "traits.country": slot_of(country)}
            counts.add(at, slots, seen=1)
            counts.add(at, {"model:beta": slot_of(p)}, waiting=1)
            hit = int(draws.random() < p * (rate_now if is_now else 1.0))
            value = hit * (value_now if is_now else 10) * MICRO
            known = {"known": 1, "hits": hit, "believed": round(p * MICRO), "value": value}
            counts.add(at, {"model:beta": slot_of(p)}, waiting=-1, **known)
    return counts


def crossed(counts: DriftCounts) -> list[tuple[str, str]]:
    return sorted((d.series, d.measure) for d in drifts(counts, POLICY, NOW) if d.is_crossed)


def test_what_stands_still_crosses_nothing() -> None:
    for seed in range(6):
        counts = filled(1.0, seed=seed)
        found = drifts(counts, POLICY, NOW)
        assert {d.measure for d in found} == {"psi", "calibration", "reward"}
        assert crossed(counts) == []


def test_what_moves_is_named() -> None:
    assert ("traits.country", "psi") in crossed(filled(1.0, country_now=0.95))
    assert crossed(filled(0.3)) == [("model:beta", "calibration"), ("model:beta", "reward")]
    assert crossed(filled(1.0, value_now=20)) == [("model:beta", "reward")]
    (worst, *_) = drifts(filled(0.3), POLICY, NOW)
    assert worst.says.startswith("beta ")
    assert "beyond the limit" in worst.says


def test_a_rare_outcome_that_a_short_window_did_not_show_is_no_change() -> None:
    alarms = 0
    for seed in range(40):
        draws, counts = np.random.default_rng(seed), drift_counts(POLICY)
        for day, many in ((TODAY - 1, 250), (TODAY - 10, 3_000)):
            hits = int(draws.binomial(many, 0.01))
            what = {"seen": many, "known": many - hits, "believed": 10_000 * many}
            slots = {"model:beta": slot_of(0.01)}
            counts.add(day * DAY_MS, slots, **what)
            for _ in range(hits):
                counts.add(day * DAY_MS, slots, known=1, hits=1, value=10 * MICRO)
        alarms += ("model:beta", "reward") in crossed(counts)
    # By the spread of each side alone, which is 0 where nobody showed it: 2 of 40.
    assert alarms == 0


def test_what_may_be_chance_is_not_said_to_lie_within_the_limit() -> None:
    unsure = Drift("traits.a", "psi", 0.3, 0.25, False, 200, 800)
    assert unsure.says.endswith("(index 0.300, not surely beyond the limit of 0.25).")
    assert unsure._replace(is_crossed=True).says.endswith(", beyond the limit of 0.25).")
    assert unsure._replace(amount=0.1).says.endswith("(index 0.100, within the limit of 0.25).")


def test_outcomes_that_are_open_are_waited_for() -> None:
    counts = filled(1.0)
    # Of today everything that converted is known, and nothing of what did not.
    at = TODAY * DAY_MS
    slots = {"model:beta": slot_of(0.2)}
    counts.add(at, slots, waiting=500)
    counts.add(at, slots, waiting=-90, known=90, hits=90, believed=90 * 200_000)
    assert ("model:beta", "calibration") not in crossed(counts)


def test_the_time_of_day_is_not_watched_and_the_number_of_values_is_bounded() -> None:
    paths = [("now",), ("traits", "country"), *(("signals", f"s{i:04}") for i in range(300))]
    watched = watched_paths(paths)
    assert len(watched) == 256
    assert "now" not in watched
    assert "signals.s0000" in watched


def test_bins_of_two_widths_are_not_added() -> None:
    with pytest.raises(InputError) as refused:
        DriftCounts(1).merge(DriftCounts(2))
    assert refused.value.code == "bad_width"


NAMES = {1: "traits.plan", 2: "fatigue.ignored", 3: "time.weekend", 4: "context.*"}


def test_features_are_watched_beside_what_conditions_read() -> None:
    assert watched_fields(NAMES, {"traits.plan"}) == {2: "fatigue.ignored", 4: "context.*"}


def test_the_slot_of_a_feature_is_that_of_its_number_or_words() -> None:
    def slots(*row: tuple[int, int, float]) -> dict[str, int]:
        ids = [(field << 32) + said for field, said, _ in row]
        return feature_slots({f: NAMES[f] for f in (1, 2, 4)}, {2 << 32}, ids, [v for *_, v in row])

    found = slots((1, 77, 1.0), (2, 0, 0.5), (3, 0, 1.0), (4, 5, 1.0), (4, 6, 1.0))
    assert found["feature:fatigue.ignored"] == slot_of(0.5)
    assert found["feature:traits.plan"] == slot_of(f"{77:08x}") != slot_of(f"{78:08x}")
    assert found["feature:context.*"] == slot_of(f"{5:08x} {6:08x}")
    # No word is one, too; where no number stands the row was written for other models.
    assert slots() == {"feature:traits.plan": NONE, "feature:context.*": NONE}
