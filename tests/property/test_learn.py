"""Choice and counting for any arms and rows: weights that sum, and bytes that no split changes."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from heedful.kernel import HOUR_MS, MICRO
from heedful.learn import (
    PROBABILITY_ONE,
    ArmSpec,
    ArmTable,
    ArmValue,
    Basis,
    BetaArms,
    BinCounts,
    DriftAlarms,
    LearningRow,
    LogisticArms,
    LogisticSettings,
    LogitNormalValue,
    NormalValue,
    Panel,
    Value,
    draw,
    selection_probabilities,
)

shapes = st.floats(0.01, 1e7)
money = st.floats(-1e5, 1e5)
beta_arms = st.builds(ArmValue, alpha=shapes, beta=shapes, gain=money, offset=money)
normal_arms = st.builds(NormalValue, mean=money, sd=st.floats(0.0, 1e4))
logit_arms = st.builds(
    LogitNormalValue,
    mean=st.floats(-8.0, 8.0),
    sd=st.floats(0.01, 3.0),
    gain=money,
    offset=money,
)
worlds = st.lists(st.one_of(beta_arms, normal_arms), min_size=1, max_size=12)
mixed_worlds = st.lists(st.one_of(beta_arms, normal_arms, logit_arms), min_size=1, max_size=8)


@settings(max_examples=300)
@given(worlds, st.floats(0.0, 1.0))
def test_any_arms_get_weights_that_sum_and_respect_the_floor(
    values: list[Value], floor: float
) -> None:
    weights = selection_probabilities(values, floor)
    assert sum(weights) == PROBABILITY_ONE
    assert min(weights) >= int(floor / len(values) * PROBABILITY_ONE) - 1
    assert weights == selection_probabilities(values, floor)


@settings(max_examples=50, deadline=None)
@given(mixed_worlds, st.floats(0.0, 1.0))
def test_arms_of_all_families_get_weights_that_sum(values: list[Value], floor: float) -> None:
    weights = selection_probabilities(values, floor)
    assert sum(weights) == PROBABILITY_ONE
    assert min(weights) >= int(floor / len(values) * PROBABILITY_ONE) - 1


@settings(max_examples=100)
@given(worlds, st.integers(0, 11), st.floats(1.0, 1e5))
def test_a_dearer_arm_is_never_chosen_more_often(
    values: list[Value], which: int, cost: float
) -> None:
    which %= len(values)
    arm = values[which]
    dearer: Value = (
        ArmValue(arm.alpha, arm.beta, arm.gain, arm.offset - cost)
        if isinstance(arm, ArmValue)
        else NormalValue(arm.mean - cost, arm.sd)
    )
    before = selection_probabilities(values, 0.0)[which]
    values = [*values[:which], dearer, *values[which + 1 :]]
    assert selection_probabilities(values, 0.0)[which] <= before + PROBABILITY_ONE // 1_000


@given(st.lists(st.integers(0, 1 << 40), min_size=1, max_size=50), st.text(), st.text())
def test_a_draw_never_falls_on_an_arm_without_weight(
    weights: list[int], decision_id: str, purpose: str
) -> None:
    weights = [*weights, 1]
    assert weights[draw(b"key", decision_id, purpose, weights)] > 0


rows = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["g", "h"]),
        st.sampled_from(["pending", "converted", "expired", "withdrawn"]),
        st.integers(0, MICRO),
        st.integers(0, 3 * MICRO),
        st.integers(-(10**12), 10**12),
        st.integers(0, 3),
    ),
    max_size=40,
)


@given(rows)
def test_any_split_of_the_rows_over_learners_merges_to_the_same_bytes(
    drawn: list[tuple[str, str, str, int, int, int, int]],
) -> None:
    whole, parts = BetaArms(), [BetaArms() for _ in range(4)]
    for number, (arm, goal, state, outcome, weight, at, learner) in enumerate(drawn, 1):
        row = LearningRow(
            learn_seq=number,
            decision_id="d",
            arm=arm,
            goal=goal,
            state=state,  # type: ignore[arg-type]
            outcome=outcome,
            weight=weight,
            decided_at=0,
            at=at,
        )
        whole.learn_one(row)
        parts[learner].learn_one(row)
        if number % 7 == 0:
            parts[learner] = BetaArms.decode(parts[learner].encode())
    a, b, c, d = parts
    assert a.merge(b).merge(c.merge(d)).encode() == whole.encode()
    assert d.merge(a).merge(c).merge(b).encode() == whole.encode()


outcomes = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.sampled_from(["pending", "maturing", "converted", "expired", "withdrawn"]),
        st.integers(0, MICRO),
        st.integers(0, 3 * MICRO),
        st.integers(0, 3 * MICRO),
        st.integers(-(10**12), 10**12),
        st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(outcomes, st.sampled_from([None, 1, 10**6, 10**12]), st.sampled_from(["", "push"]))
def test_any_outcomes_leave_a_belief_that_narrows_and_is_read_back(
    drawn: list[tuple[int, str, int, int, int, int, list[float]]],
    half_life_ms: int | None,
    channel: str,
) -> None:
    basis = Basis((1, 2), (0.0, 5.0), (1.0, 100.0))
    settings = LogisticSettings(basis=basis, sparse_bits=8, half_life_ms=half_life_ms)
    model = LogisticArms(settings)
    arms = [
        ArmSpec(f"arm_{k}", f"g_{k % 2}", f"a_{k // 2}", channel=channel, treatment=f"t_{k}")
        for k in range(5)
    ]
    for number, (arm, state, outcome, weight, retract, at, values) in enumerate(drawn, 1):
        model.learn_one(
            LearningRow(
                learn_seq=number,
                decision_id="d",
                arm=arms[arm].arm,
                goal="g",
                state=state,  # type: ignore[arg-type]
                outcome=outcome,
                weight=weight,
                retract=retract,
                decided_at=0,
                at=at,
                parts=arms[arm].parts,
                feature_ids=(1, 2, 3, 4),
                feature_values=tuple(values),
            )
        )
    again = LogisticArms.decode(model.encode())
    assert again.encode() == model.encode()
    context = model.reader.read((1, 2, 3, 4), (1.0, 100.0, -1.0, 2.0))
    found = ArmTable(model, Panel.of("g", arms)).score(context)
    unknown = ArmTable(LogisticArms(settings), Panel.of("g", arms)).score(context)
    assert np.isfinite(found.mean).all()
    assert (found.sd > 0.0).all()
    if not channel:  # whose features are those beside a person who becomes another one
        assert (found.sd <= unknown.sd * (1.0 + 1e-5)).all()


counted = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.sampled_from(["pending", "maturing", "converted", "expired", "withdrawn"]),
        st.integers(0, MICRO),
        st.integers(0, MICRO),
        st.dictionaries(st.integers(0, 4), st.floats(allow_nan=False), max_size=3),
        st.integers(0, 2),
    ),
    max_size=40,
)
spread = st.lists(
    st.tuples(
        st.just("a"),
        st.sampled_from(["converted", "expired"]),
        st.just(MICRO),
        st.just(0),
        st.fixed_dictionaries({1: st.floats(-1e12, 1e12)}),
        st.integers(0, 2),
    ),
    min_size=80,
    max_size=200,
)


@settings(max_examples=60, deadline=None)
@given(st.one_of(counted, spread), st.randoms(use_true_random=False))
def test_any_order_and_split_of_the_rows_counts_the_same_bins(
    drawn: list[tuple[str, str, int, int, dict[int, float], int]], draws: Random
) -> None:
    rows = [
        LearningRow(
            learn_seq=number,
            decision_id="d",
            arm=arm,
            goal="g",
            state=state,  # type: ignore[arg-type]
            outcome=outcome,
            retract=retract,
            decided_at=0,
            at=number,
            feature_ids=tuple(sorted(features)),
            feature_values=tuple(features[id_] for id_ in sorted(features)),
            model=f"m{number % 3}",
            p_ppm=retract,
        )
        for number, (arm, state, outcome, retract, features, _) in enumerate(drawn, 1)
    ]
    whole, parts = BinCounts(), [BinCounts() for _ in range(3)]
    for row, (*_, learner) in zip(rows, drawn, strict=True):
        whole.learn_one(row)
        parts[learner].learn_one(row)
    a, b, c = parts
    assert a.merge(b.merge(c)).encode() == whole.encode()
    assert c.merge(a).merge(b).encode() == whole.encode()
    assert BinCounts.decode(whole.encode()).encode() == whole.encode()
    shuffled = BinCounts()
    for number, row in enumerate(draws.sample(rows, len(rows)), 1):
        shuffled.learn_one(replace(row, learn_seq=number))
    assert shuffled.encode() == whole.encode()


lived = st.lists(
    st.tuples(
        st.sampled_from(("a", "b")),
        st.sampled_from(("converted", "expired", "withdrawn")),
        st.integers(0, 200),  # when it is decided, in hours
        st.integers(0, 60),  # until something is known, in hours
        st.sampled_from((0, 8 * HOUR_MS)),
        st.sampled_from((0, 20_000, 900_000, MICRO)),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(lived, st.sets(st.integers(0, 80)))
def test_drift_alarms_do_not_depend_on_where_pages_of_rows_end(
    drawn: list[Any], ends: set[int]
) -> None:
    whole, paged = (DriftAlarms(1.5, 30 * HOUR_MS, watched_max=3) for _ in range(2))
    # So many that what follows is weighed.
    told = [("ab"[n % 2], ("expired", "converted")[n // 64], 0, 0, 0, 500_000) for n in range(128)]
    then = []
    for arm, state, decided, after, window, p_ppm in drawn:
        then.append((arm, "pending", decided, decided, window, p_ppm))
        then.append((arm, state, decided, decided + after, window, p_ppm))
    told += sorted(then, key=lambda one: one[3])
    found, found_paged = [], []
    for number, (arm, state, decided, known, window, p_ppm) in enumerate(told, 1):
        row = LearningRow(
            learn_seq=number,
            decision_id=f"d{number}",
            arm=arm,
            goal="g",
            state=state,  # type: ignore[arg-type]
            outcome=MICRO * (state == "converted"),
            decided_at=decided * HOUR_MS,
            at=known * HOUR_MS,
            window_ms=window,
            model="beta",
            model_seq=number - 1,
            p_ppm=p_ppm,
        )
        found += whole.learn_one(row)
        found_paged += paged.learn_one(row)
        if number - 128 in ends:
            found_paged += paged.settle()
            paged = DriftAlarms.decode(paged.encode(), 1.5, 30 * HOUR_MS)
    found += whole.settle()
    found_paged += paged.settle()
    assert sorted(found) == sorted(found_paged)
    assert whole.encode() == paged.encode()
