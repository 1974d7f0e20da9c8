"""Limits that tighten when a ratio is surely bad, once, and loosen by approval."""

from __future__ import annotations

from statistics import NormalDist

import msgspec
import pytest

from heedful.govern import (
    UNLIMITED_PPM,
    ApprovalNeeded,
    ApprovalRule,
    ApprovalVoted,
    Counts,
    Factors,
    Governance,
    Guardrail,
    GuardrailLoosened,
    GuardrailTightened,
    Subject,
    count,
    fold_approval,
    fold_governance,
    judge,
    loosen,
    request_approval,
)
from heedful.govern.guardrails import bin_ms
from heedful.kernel import DAY_MS, MICRO, InputError
from tests.unit.govern.said import NOW, event

COMPLAINTS = Guardrail(
    name="complaints", scope="channel:email", watches="complained", ratio_max=0.01, factor=0.5
)
MAIL = Subject(channel="email")


def counted(trials: int, hits: int, at: int = NOW, expected_ppm: int = 0) -> Counts:
    counts = Counts()
    count(counts, COMPLAINTS, at, trials=trials, hits=hits, expected_ppm=expected_ppm)
    return counts


def tightened(
    trials: int, hits: int, guardrail: Guardrail = COMPLAINTS, expected_ppm: int = 0
) -> GuardrailTightened | None:
    counts = counted(trials, hits, expected_ppm=expected_ppm)
    return judge(counts, guardrail, Factors(), NOW)


def after(*said: GuardrailTightened | GuardrailLoosened) -> Governance:
    governance = Governance()
    for i, one in enumerate(said):
        governance = fold_governance(governance, event(one, NOW + i, i + 1))
    return governance


def wilson(hits: int, trials: int) -> tuple[float, float]:
    z, p = NormalDist().inv_cdf(0.995), hits / trials
    middle = p + z * z / (2 * trials)
    half = z * (p * (1 - p) / trials + z * z / (4 * trials * trials)) ** 0.5
    scale = 1 + z * z / trials
    return (middle - half) / scale, (middle + half) / scale


def test_it_tightens_exactly_where_the_wilson_bound_passes_the_limit() -> None:
    crossings = 0
    for trials in (100, 1_000, 20_000):
        for hits in range(min(trials, 400) + 1):
            is_bad = wilson(hits, trials)[0] > 0.01
            assert (tightened(trials, hits) is not None) == is_bad
            crossings += is_bad
    assert crossings > 0


def test_a_lower_limit_is_the_mirror_image() -> None:
    floor = Guardrail(name="taken", watches="accepted", over="shown", ratio_min=0.2)
    for trials in (100, 2_000):
        for hits in range(trials + 1):
            assert (tightened(trials, hits, floor) is not None) == (wilson(hits, trials)[1] < 0.2)


@pytest.mark.parametrize(
    ("hits", "limit_ppm"),
    [(100, None), (130, None), (180, 120_000), (35, 80_000)],
    ids=["as-believed", "within", "above", "below"],
)
def test_drift_is_distance_from_what_the_model_believed(hits: int, limit_ppm: int | None) -> None:
    drift = Guardrail(name="drift", watches="converted", drift_max=0.02)
    found = tightened(1_000, hits, drift, expected_ppm=1_000 * 100_000)
    assert (found.limit_ppm if found else None) == limit_ppm


def test_a_few_messages_prove_nothing() -> None:
    assert tightened(0, 0) is None
    assert tightened(0, 3) is None
    assert tightened(99, 99) is None
    assert tightened(100, 3) is None
    assert tightened(100, 99) is not None
    eager = msgspec.structs.replace(COMPLAINTS, trials_min=0)
    assert tightened(5, 1, eager) is not None
    assert tightened(0, 3, eager) is None


def test_what_was_counted_stands_in_the_event() -> None:
    said = tightened(1_000, 40)
    assert said == GuardrailTightened(
        guardrail="complaints",
        scope="channel:email",
        factor_ppm=500_000,
        trials=1_000,
        hits=40,
        limit_ppm=10_000,
        crossed="ratio_max",
    )
    assert said is not None
    assert after(said).factor_ppm(MAIL) == 500_000
    assert after(said).factor_ppm(Subject(channel="sms")) == UNLIMITED_PPM
    assert Governance().factor_ppm(MAIL) == UNLIMITED_PPM


def test_the_smallest_factor_counts() -> None:
    said = tightened(1_000, 40)
    assert said is not None
    wide = msgspec.structs.replace(said, guardrail="all", scope="all", factor_ppm=250_000)
    assert after(said, wide).factor_ppm(MAIL) == 250_000
    assert after(said, wide).factor_ppm(Subject()) == 250_000


def test_one_bad_week_tightens_once() -> None:
    counts = counted(1_000, 40)
    said = judge(counts, COMPLAINTS, Factors(), NOW)
    assert said is not None
    factors = after(said).factors
    assert judge(counts, COMPLAINTS, factors, NOW + 1) is None
    # A further day of complaints, in bins after the change, tightens further.
    count(counts, COMPLAINTS, NOW + DAY_MS, trials=1_000, hits=40)
    again = judge(counts, COMPLAINTS, factors, NOW + DAY_MS)
    assert again is not None
    assert again.factor_ppm == 250_000
    assert again.trials == 1_000


def test_it_stops_at_its_least_factor() -> None:
    floor = msgspec.structs.replace(COMPLAINTS, factor=0.5, factor_min=0.4)
    said = tightened(1_000, 40, floor)
    assert said is not None
    assert said.factor_ppm == 500_000
    counts = counted(1_000, 40, NOW + DAY_MS)
    second = judge(counts, floor, after(said).factors, NOW + DAY_MS)
    assert second is not None
    assert second.factor_ppm == 400_000
    third = judge(
        counted(1_000, 40, NOW + 2 * DAY_MS), floor, after(said, second).factors, NOW + 2 * DAY_MS
    )
    assert third is None


def test_the_window_slides() -> None:
    counts = counted(1_000, 40)
    assert judge(counts, COMPLAINTS, Factors(), NOW + 6 * DAY_MS) is not None
    assert judge(counts, COMPLAINTS, Factors(), NOW + 8 * DAY_MS) is None
    count(counts, COMPLAINTS, NOW + 30 * DAY_MS, trials=1)
    assert len(counts.bins) == 1
    count(counts, COMPLAINTS, NOW, trials=1_000, hits=1_000)
    assert len(counts.bins) == 1


def test_the_oldest_bin_of_the_window_is_the_same_in_any_order() -> None:
    width = bin_ms(COMPLAINTS)
    for apart, kept in ((63, 2), (64, 1)):
        forth, back = Counts(), Counts()
        for at in (NOW, NOW + apart * width):
            count(forth, COMPLAINTS, at, trials=1)
        for at in (NOW + apart * width, NOW):
            count(back, COMPLAINTS, at, trials=1)
        assert forth == back
        assert len(forth.bins) == kept


def test_loosening_takes_somebody_else_and_is_bound_to_this_tightening() -> None:
    said = tightened(1_000, 40)
    assert said is not None
    governance = after(said)
    needed = loosen(governance.factors, "complaints", "Ana", "list cleaned", NOW)
    assert isinstance(needed, ApprovalNeeded)
    assert needed.kind == "guardrail_loosen"
    request = request_approval(needed, "a1", "Ana", "list cleaned", ApprovalRule(), NOW)
    approval = fold_approval(None, event(request, NOW, 2))
    agreed = ApprovalVoted(approval_id="a1", by="Ben", is_approved=True, reason="seen")
    approval = fold_approval(approval, event(agreed, NOW + 1, 3))
    given = loosen(
        governance.factors, "complaints", "Ana", "list cleaned", NOW + 2, approval=approval
    )
    assert isinstance(given, GuardrailLoosened)
    governance = fold_governance(governance, event(given, NOW + 2, 4))
    assert governance.factor_ppm(MAIL) == MICRO
    governance = fold_governance(governance, event(said, NOW + 3, 5))
    again = loosen(governance.factors, "complaints", "Ana", "again", NOW + 4, approval=approval)
    assert isinstance(again, ApprovalNeeded)


def test_refusals() -> None:
    said = tightened(1_000, 40)
    assert said is not None
    with pytest.raises(InputError) as caught:
        loosen(Factors(), "complaints", "Ana", "why", NOW)
    assert caught.value.code == "not_tightened"
    for factor_ppm in (500_000, MICRO + 1, 0):
        with pytest.raises(InputError) as caught:
            loosen(after(said).factors, "complaints", "Ana", "why", NOW, factor_ppm=factor_ppm)
        assert caught.value.code == "bad_factor"
