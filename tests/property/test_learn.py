"""Choice and counting for any arms and rows: weights that sum, and bytes that no split changes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.kernel import MICRO
from heedful.learn import (
    PROBABILITY_ONE,
    ArmValue,
    BetaArms,
    LearningRow,
    NormalValue,
    Value,
    draw,
    selection_probabilities,
)

shapes = st.floats(0.01, 1e7)
money = st.floats(-1e5, 1e5)
beta_arms = st.builds(ArmValue, alpha=shapes, beta=shapes, gain=money, offset=money)
normal_arms = st.builds(NormalValue, mean=money, sd=st.floats(0.0, 1e4))
worlds = st.lists(st.one_of(beta_arms, normal_arms), min_size=1, max_size=12)


@settings(max_examples=300)
@given(worlds, st.floats(0.0, 1.0))
def test_any_arms_get_weights_that_sum_and_respect_the_floor(
    values: list[Value], floor: float
) -> None:
    weights = selection_probabilities(values, floor)
    assert sum(weights) == PROBABILITY_ONE
    assert min(weights) >= int(floor / len(values) * PROBABILITY_ONE) - 1
    assert weights == selection_probabilities(values, floor)


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
