"""Responses by bin: exact, bounded, and the performance that is read off them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from heedful.kernel import MICRO, InputError
from heedful.learn import BinCounts, LearningRow, Tally, auc, grouped, lift, weighted_auc, z_ratio
from heedful.learn.bins import BINS_MAX, COUNTED_ARMS_MAX, PREDICTORS_MAX, Bin, bin_of


def row(learn_seq: int, *, positive: bool = False, **changes: Any) -> LearningRow:
    fields: dict[str, Any] = {
        "learn_seq": learn_seq,
        "decision_id": f"d_{learn_seq}",
        "arm": "tips",
        "goal": "purchase",
        "state": "converted" if positive else "expired",
        "outcome": MICRO if positive else 0,
        "decided_at": 0,
        "at": learn_seq,
    }
    return LearningRow(**fields | changes)


def counted(values: list[float], goal: str = "purchase") -> BinCounts:
    counts = BinCounts()
    for seq, value in enumerate(values, 1):
        taught = row(seq, positive=value > 2.0, feature_ids=(1,), feature_values=(value,))
        assert counts.learn_one(taught)
    assert counts.arms() == [(goal, "tips")]
    return counts


def test_responses_stand_in_the_bin_of_their_value() -> None:
    counts = counted([1.0, 1.01, 4.0, -3.0])
    assert [(one.lower, one.upper, one.tally) for one in counts.bins("purchase", "tips", 1)] == [
        (-3.125, -3.0, Tally(0, MICRO)),
        (1.0, 1.0625, Tally(0, 2 * MICRO)),
        (4.0, 4.25, Tally(MICRO, 0)),
    ]
    assert counts.tally("purchase", "tips") == Tally(MICRO, 3 * MICRO)
    assert counts.tally("purchase", "other") == Tally(0, 0)
    assert counts.bins("purchase", "tips", 2) == []


@pytest.mark.parametrize(
    "value", [0.0, 1e-9, 0.3, 1.0, 7.7, 1e18, 1e300, float("inf")], ids=lambda value: f"{value}"
)
def test_every_value_lies_in_its_bin(value: float) -> None:
    for signed in (value, -value):
        counts = BinCounts()
        counts.learn_one(row(1, feature_ids=(1,), feature_values=(signed,)))
        (only,) = counts.bins("purchase", "tips", 1)
        inside = max(min(signed, 4.6e18), -4.6e18)  # magnitudes beyond stand in the last bin
        assert only.lower <= inside <= only.upper


def test_bins_rise_with_their_values() -> None:
    values = [sign * 1.07**k for sign in (-1, 1) for k in range(-300, 600)]
    assert [bin_of(v) for v in sorted(values)] == sorted(bin_of(v) for v in values)


def test_more_bins_than_the_bound_are_joined_two_by_two() -> None:
    counts = counted([1.0625**k for k in range(400)])
    bins = counts.bins("purchase", "tips", 1)
    assert BINS_MAX / 2 < len(bins) <= BINS_MAX
    assert sum(one.tally.responses for one in bins) == 400 * MICRO
    assert all(left.upper <= right.lower for left, right in pairwise(bins))


def test_of_too_many_predictors_and_arms_the_first_stay() -> None:
    counts = BinCounts()
    ids = tuple(range(2 * PREDICTORS_MAX, 0, -1))
    counts.learn_one(row(1, feature_ids=ids, feature_values=(1.0,) * len(ids)))
    assert counts.predictors("purchase", "tips") == list(range(1, PREDICTORS_MAX + 1))
    for seq in range(COUNTED_ARMS_MAX + 1):
        counts.learn_one(row(seq + 2, arm=f"a{COUNTED_ARMS_MAX - seq:05}"))
    assert len(counts.arms()) == COUNTED_ARMS_MAX
    assert counts.arms()[0] == ("purchase", "a00000")
    assert ("purchase", "tips") not in counts.arms()


def test_a_delayed_conversion_takes_back_what_had_counted_against_it() -> None:
    counts = BinCounts()
    seen = {"feature_ids": (1,), "feature_values": (1.0,)}
    counts.learn_one(row(1, state="pending", **seen))
    assert counts.arms() == []
    counts.learn_one(row(2, state="maturing", weight=400_000, **seen))
    counts.learn_one(row(3, positive=True, retract=400_000, **seen))
    assert counts.tally("purchase", "tips") == Tally(MICRO, 0)
    assert counts.bins("purchase", "tips", 1)[0].tally == Tally(MICRO, 0)
    assert not counts.learn_one(row(3, positive=True))


def test_what_is_read_back_goes_on_to_the_same_bytes() -> None:
    counts = counted([1.0, 8.0, 3.0])
    again = BinCounts.decode(counts.encode())
    assert again.encode() == counts.encode()
    for one in (counts, again):
        one.learn_one(row(9, positive=True, feature_ids=(1, 4), feature_values=(2.0, 1.0)))
    assert again.encode() == counts.encode()
    with pytest.raises(InputError, match="a snapshot of bin counts"):
        BinCounts.decode(b"\x80")


def test_the_chances_that_models_gave_are_counted_for_each() -> None:
    counts = BinCounts()
    told = [("beta", 50_000, False), ("beta", 50_000, True), ("deep", 800_000, True)]
    for seq, (model, p_ppm, positive) in enumerate(told, 1):
        counts.learn_one(row(seq, positive=positive, model=model, p_ppm=p_ppm))
    assert counts.scored() == [("beta", "purchase", "tips"), ("deep", "purchase", "tips")]
    (beta,) = counts.scores("beta", "purchase", "tips")
    assert beta.lower <= 0.05 < beta.upper
    assert beta.tally == Tally(MICRO, MICRO)
    (deep,) = counts.scores("deep", "purchase", "tips")
    assert (deep.lower <= 0.8 < deep.upper, deep.tally) == (True, Tally(MICRO, 0))
    assert counts.scores("none", "purchase", "tips") == []


def test_auc_by_hand() -> None:
    bins = [Tally(4, 6), Tally(1, 9)]
    assert auc(bins) == 0.7
    assert auc(bins, is_ranked=True) == pytest.approx(0.3)
    assert auc([Tally(3, 0)]) == auc([]) == auc([Tally(-1, 5)]) == 0.5
    assert auc([Tally(0, 5), Tally(5, 0)]) == 1.0
    assert weighted_auc([]) == 0.5


def test_lift_and_z_ratio_by_hand() -> None:
    whole = Tally(10 * MICRO, 90 * MICRO)
    part = Tally(5 * MICRO, 15 * MICRO)
    assert lift(part, whole) == 2.5
    # Half of the positives, a sixth of the negatives.
    expected = (1 / 2 - 1 / 6) / (1 / 4 / 10 + 5 / 36 / 90) ** 0.5
    assert z_ratio(part, whole) == pytest.approx(expected)
    assert lift(Tally(0, 0), whole) == 1.0
    assert z_ratio(part, Tally(0, 9)) == z_ratio(whole, whole) == 0.0


def test_grouped_bins_keep_every_response() -> None:
    bins = [Bin(float(k), k + 1.0, Tally(k, 30 - k)) for k in range(25)]
    found = grouped(bins)
    assert len(found) == 10
    assert sum(one.tally.positives for one in found) == sum(range(25))
    assert (found[0].lower, found[-1].upper) == (0.0, 25.0)
    assert grouped([]) == []
