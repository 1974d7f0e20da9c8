"""Counts of outcomes: exact, forgetful when asked, and the same bytes however they were split."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from heedful.kernel import DAY_MS, MICRO, InputError, canonical
from heedful.learn import ArmSpec, BetaArms, LearningRow, Panel, Posterior, Prior

PRIOR = Prior(p=0.04, strength=50)


def row(learn_seq: int, **changes: Any) -> LearningRow:
    fields: dict[str, Any] = {
        "learn_seq": learn_seq,
        "decision_id": f"d_{learn_seq}",
        "arm": "tips",
        "goal": "purchase",
        "state": "expired",
        "decided_at": 0,
        "at": learn_seq,
    }
    return LearningRow(**fields | changes)


def converted(learn_seq: int, **changes: Any) -> LearningRow:
    return row(learn_seq, state="converted", outcome=MICRO, **changes)


def test_an_unknown_arm_is_its_prior() -> None:
    assert BetaArms().posterior("tips", "purchase", PRIOR) == Posterior(2.0, 48.0)


def test_conversions_and_expiries_are_counted_by_arm_and_goal() -> None:
    model = BetaArms()
    for taught in (converted(1), row(2), row(3), converted(4, goal="visit"), row(5, arm="none")):
        assert model.learn_one(taught)
    assert model.outcomes("tips", "purchase") == (MICRO, 2 * MICRO)
    assert model.posterior("tips", "purchase", PRIOR) == Posterior(3.0, 50.0)
    assert model.posterior("tips", "visit", PRIOR) == Posterior(3.0, 48.0)
    assert model.posterior("none", "purchase", PRIOR) == Posterior(2.0, 49.0)


def test_pending_and_withdrawn_rows_teach_nothing_but_are_passed() -> None:
    model = BetaArms()
    assert not model.learn_one(row(1, state="pending"))
    assert not model.learn_one(row(2, state="withdrawn", outcome=MICRO))
    assert model.outcomes("tips", "purchase") == (0, 0)
    assert model.learn_seq == 2


def test_a_row_counts_once() -> None:
    model = BetaArms()
    assert [model.learn_one(converted(1)) for _ in range(3)] == [True, False, False]
    assert model.outcomes("tips", "purchase") == (MICRO, 0)


def test_a_part_of_an_outcome_and_a_weight_are_kept_in_millionths() -> None:
    model = BetaArms()
    model.learn_one(row(1, state="converted", outcome=250_000, weight=400_001))
    assert model.outcomes("tips", "purchase") == (100_000, 300_001)


def test_an_outcome_counts_half_after_a_half_life() -> None:
    model = BetaArms(half_life_ms=DAY_MS)
    model.learn_one(converted(1, at=0))
    model.learn_one(row(2, at=DAY_MS))
    assert model.outcomes("tips", "purchase") == (MICRO // 2, MICRO)
    later = model.posterior("tips", "purchase", PRIOR, at=3 * DAY_MS)
    assert later == Posterior(2.125, 48.25)


def test_an_outcome_that_is_known_late_counts_as_its_age() -> None:
    model = BetaArms(half_life_ms=DAY_MS)
    model.learn_one(row(1, at=2 * DAY_MS))
    model.learn_one(converted(2, at=0))
    assert model.outcomes("tips", "purchase") == (MICRO // 4, MICRO)


def test_a_snapshot_holds_the_model() -> None:
    model = BetaArms(half_life_ms=DAY_MS)
    for taught in (converted(3, arm="b", at=-7), row(9, arm="a")):
        model.learn_one(taught)
    body = model.encode()
    again = BetaArms.decode(body)
    assert again.encode() == body
    assert again.learn_seq == 9
    assert again.half_life_ms == DAY_MS
    assert again.outcomes("b", "purchase") == (MICRO, 0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        canonical.encode({"type": "beta_arms", "schema": 2, "learn_seq": 0, "cells": []}),
        canonical.encode({"type": "other", "schema": 1}),
    ],
    ids=["empty", "noise", "schema", "kind"],
)
def test_bytes_that_are_no_snapshot_are_refused(body: bytes) -> None:
    with pytest.raises(InputError) as caught:
        BetaArms.decode(body)
    assert caught.value.code == "bad_snapshot"


def test_models_that_forget_at_different_speeds_do_not_merge() -> None:
    with pytest.raises(InputError, match="one half-life"):
        BetaArms(DAY_MS).merge(BetaArms())


def test_what_merged_holds_as_much_as_the_larger_of_both() -> None:
    assert BetaArms(cells_max=3).merge(BetaArms(cells_max=5)).cells_max == 5


@pytest.mark.parametrize(
    "changes", [{"outcome": MICRO + 1}, {"outcome": -1}, {"weight": -1}], ids=str
)
def test_a_row_out_of_range_is_refused_and_changes_nothing(changes: dict[str, int]) -> None:
    model = BetaArms()
    with pytest.raises(InputError, match="millionths"):
        model.learn_one(row(1, **changes))
    assert model.encode() == BetaArms().encode()


def test_a_full_model_refuses_a_new_arm_and_learns_the_known() -> None:
    model = BetaArms(cells_max=1)
    assert model.learn_one(row(1))
    with pytest.raises(InputError) as caught:
        model.learn_one(row(2, arm="other"))
    assert caught.value.code == "too_many_arms"
    assert model.learn_one(row(2))


@pytest.mark.parametrize(("p", "strength"), [(0.0, 1.0), (1.0, 1.0), (0.5, 0.0), (0.5, -1.0)])
def test_a_prior_that_is_none_is_refused(p: float, strength: float) -> None:
    with pytest.raises(ValueError, match=r"\$\.prior"):
        Prior(p=p, strength=strength)


def test_a_half_life_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="half_life"):
        BetaArms(half_life_ms=0)


@pytest.mark.parametrize("half_life_ms", [None, DAY_MS], ids=["for_ever", "half_life"])
def test_many_arms_are_asked_at_once_as_each_alone(half_life_ms: int | None) -> None:
    model = BetaArms(half_life_ms)
    for seq in range(1, 40):
        taught = converted(seq) if seq % 4 == 0 else row(seq)
        model.learn_one(msgspec.structs.replace(taught, arm=f"a{seq % 5}", at=seq * 3_600_000))
    model.learn_one(row(40, arm="a1", state="converted", outcome=MICRO, retract=9 * MICRO))
    arms = [ArmSpec(f"a{n}", "g", f"a{n}", prior=Prior(0.1 * n + 0.05, 7.0 + n)) for n in range(6)]
    found = model.scorer(Panel.of("purchase", arms), 5 * DAY_MS).beliefs(None)
    alone = [model.posterior(a.arm, "purchase", a.prior, 5 * DAY_MS) for a in arms]
    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == alone
    assert found.p.tolist() == [one.alpha / (one.alpha + one.beta) for one in alone]


def test_a_copy_learns_on_without_its_original() -> None:
    model = BetaArms()
    model.learn_one(converted(1))
    before, copy = model.encode(), model.copy()
    assert copy.encode() == before
    copy.learn_one(converted(2))
    assert model.encode() == before != copy.encode()
