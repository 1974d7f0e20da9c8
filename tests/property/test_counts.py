"""Counts of drift and fairness: any order, split and grouping gives the same bytes."""

from __future__ import annotations

from functools import reduce
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.decide import DO_NOTHING, Candidate, Decision
from heedful.measure import DriftCounts, FairnessCounts, slot_of, stability_index
from heedful.measure.bins import BINS_MAX

WIDTH = 1_000
INSTANTS = st.integers(0, WIDTH * BINS_MAX * 3)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**9), 10**9), st.floats(), st.text(max_size=3)
)
SEEN = st.tuples(
    INSTANTS,
    st.sampled_from(["model:beta", "traits.country", "signals.failures"]),
    VALUES,
    st.sampled_from(["seen", "waiting", "known", "hits", "value"]),
    st.integers(0, 10**9),
)
DECIDED = st.tuples(
    INSTANTS,
    st.sampled_from(["offer", "help", DO_NOTHING]),
    st.sampled_from(["", "no_consent", "not_eligible"]),
    st.lists(st.sampled_from(["sex=f", "sex=m", "age=old"]), unique=True),
    st.booleans(),
    st.integers(0, 10**9),
)


def drift_of(rows: list[Any]) -> DriftCounts:
    counts = DriftCounts(WIDTH)
    for at, series, value, field, number in rows:
        counts.add(at, {series: slot_of(value)}, **{field: number})
    return counts


def fairness_of(rows: list[Any]) -> FairnessCounts:
    counts = FairnessCounts(WIDTH)
    for at, action, gated, groups, is_hit, value in rows:
        candidates = [Candidate(DO_NOTHING, "", "", "lost", "not_drawn")]
        for name in ("offer", "help"):
            if name == action:
                candidates.append(Candidate(name, "email", "", "chosen", "chosen"))
            elif gated:
                candidates.append(Candidate(name, "", "", "gated", gated))
        decision = Decision(
            id=1, customer=1, at=at, trigger=1, trigger_name="x", strategy_version="v",
            action=action, tier="growth", reason="drawn", candidates=tuple(candidates),
        )  # fmt: skip
        counts.decided(decision, groups)
        if action != DO_NOTHING:
            counts.became_known(decision, groups, is_hit=is_hit, value=value, believed=1)
    return counts


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.lists(SEEN, max_size=30), st.randoms(use_true_random=False), st.integers(0, 30))
def test_drift_adds_up(rows: list[Any], order: Any, cut: int) -> None:
    whole = drift_of(rows).encode()
    shuffled = order.sample(rows, len(rows))
    assert drift_of(shuffled).encode() == whole
    parts = [drift_of(shuffled[:cut]), drift_of(shuffled[cut : cut + 7]), drift_of([])]
    parts.append(drift_of(shuffled[cut + 7 :]))
    assert reduce(DriftCounts.merge, parts).encode() == whole
    left = parts[0].merge(parts[1].merge(parts[2].merge(parts[3])))
    assert DriftCounts.decode(whole).encode() == whole
    assert left.encode() == whole == parts[3].merge(parts[1]).merge(parts[0]).encode()


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.lists(DECIDED, max_size=30), st.randoms(use_true_random=False), st.integers(0, 30))
def test_fairness_adds_up(rows: list[Any], order: Any, cut: int) -> None:
    whole = fairness_of(rows).encode()
    shuffled = order.sample(rows, len(rows))
    assert fairness_of(shuffled).encode() == whole
    one, other = fairness_of(shuffled[:cut]), fairness_of(shuffled[cut:])
    assert one.merge(other).encode() == whole == other.merge(one).encode()
    assert FairnessCounts.decode(whole).encode() == whole
    assert len(fairness_of(rows).bins) <= BINS_MAX


@settings(max_examples=100, derandomize=True, deadline=None)
@given(
    st.dictionaries(VALUES.map(slot_of), st.integers(1, 10_000), min_size=1),
    st.dictionaries(VALUES.map(slot_of), st.integers(1, 10_000), min_size=1),
)
def test_the_index_is_never_negative_and_nought_for_the_same(
    before: dict[int, int], now: dict[int, int]
) -> None:
    assert stability_index(before, now) >= 0.0
    assert stability_index(before, before) == 0.0


@settings(max_examples=100, derandomize=True, deadline=None)
@given(VALUES)
def test_slots_are_few(value: Any) -> None:
    assert 0 <= slot_of(value) < 4_000
