"""Outcomes under each model that is tried: exact sums, by slice, and weighed where it looked on."""

from __future__ import annotations

from typing import Any

import pytest

from heedful.kernel import MICRO, InputError
from heedful.learn import LearningRow, Outcome, TrialCounts
from heedful.learn.trials import NOTHING, TRIALS_MAX, WEIGHT_MAX

HALF = 1 << 31


def row(learn_seq: int, **changes: Any) -> LearningRow:
    fields: dict[str, Any] = {
        "learn_seq": learn_seq,
        "decision_id": f"d_{learn_seq}",
        "arm": "tips",
        "goal": "purchase",
        "state": "expired",
        "decided_at": 0,
        "at": learn_seq,
        "p_choose": HALF,
        "cost": 2 * MICRO,
        "trials": (("beta", "logistic", 7),),
    }
    return LearningRow(**fields | changes)


def converted(learn_seq: int, **changes: Any) -> LearningRow:
    return row(learn_seq, state="converted", outcome=MICRO, value=30 * MICRO, **changes)


def test_value_is_what_was_reached_less_what_the_actions_cost() -> None:
    counts = TrialCounts()
    other = (("beta", "beta", 9),)
    for taught in (converted(1), row(2), row(3, state="pending"), converted(4, trials=other)):
        counts.learn_one(taught)
    assert counts.pairs() == [("beta", "beta"), ("beta", "logistic")]
    assert counts.slices("beta", "logistic") == {7: Outcome(2 * MICRO, MICRO, 26 * MICRO)}
    assert counts.total("beta", "beta") == Outcome(MICRO, MICRO, 28 * MICRO)
    assert counts.total("beta", "unknown") == NOTHING


def test_a_decision_that_matures_counts_once_in_the_end() -> None:
    counts = TrialCounts()
    counts.learn_one(row(1, state="maturing", weight=300_000))
    assert counts.total("beta", "logistic") == Outcome(300_000, 0, -600_000)
    counts.learn_one(converted(2, retract=300_000))
    assert counts.total("beta", "logistic") == Outcome(MICRO, MICRO, 28 * MICRO)
    counts.learn_one(row(3, state="maturing", weight=300_000))
    counts.learn_one(row(4, state="withdrawn", retract=300_000))
    assert counts.total("beta", "logistic") == Outcome(MICRO, MICRO, 28 * MICRO)


def test_who_looked_on_counts_what_it_would_have_chosen_as_well() -> None:
    counts = TrialCounts()
    for seq, p_shadow in enumerate((HALF // 2, 2 * HALF, 0), 1):
        counts.learn_one(converted(seq, shadows=(("beta", "shy", 7, p_shadow),)))
    assert counts.total("beta", "shy") == Outcome(2_500_000, 2_500_000, 70 * MICRO)
    counts = TrialCounts()
    counts.learn_one(converted(1, p_choose=1, shadows=(("beta", "shy", 7, HALF),)))
    assert counts.total("beta", "shy").decisions == WEIGHT_MAX * MICRO


def test_rows_outside_any_trial_teach_nothing() -> None:
    counts = TrialCounts()
    assert not counts.learn_one(converted(1, trials=()))
    assert not counts.learn_one(converted(1))
    assert (counts.learn_seq, counts.pairs()) == (1, [])


def test_of_too_many_pairs_the_first_stay() -> None:
    counts = TrialCounts()
    for seq in range(TRIALS_MAX + 2):
        name = f"m{TRIALS_MAX + 1 - seq:05}"
        counts.learn_one(row(seq + 1, trials=(("beta", name, 0),)))
    assert [model for _, model in counts.pairs()] == [f"m{k:05}" for k in range(TRIALS_MAX)]


def test_any_split_merges_to_the_same_bytes_and_is_read_back() -> None:
    whole, parts = TrialCounts(), [TrialCounts() for _ in range(3)]
    for seq in range(1, 60):
        shadows = (("beta", "shy", seq % 5, HALF // seq),)
        make = converted if seq % 3 else row
        taught = make(seq, trials=(("beta", f"m{seq % 2}", seq % 5),), shadows=shadows)
        whole.learn_one(taught)
        parts[seq % 3].learn_one(taught)
    a, b, c = parts
    assert a.merge(b.merge(c)).encode() == c.merge(a).merge(b).encode() == whole.encode()
    again = TrialCounts.decode(whole.encode())
    copied = whole.copy()
    for counts in (whole, again):
        counts.learn_one(row(99))
    assert again.encode() == whole.encode() != copied.encode()
    with pytest.raises(InputError, match="a snapshot of trials"):
        TrialCounts.decode(b"\x80")
