"""Fairness: a planted gap is found, and chance is not taken for one."""

from __future__ import annotations

import numpy as np
import pytest

from heedful.decide import DO_NOTHING, Candidate, Decision
from heedful.govern.monitors import NOT_SAID, FairnessFile, Group, ProtectedTrait, group_of
from heedful.kernel import DAY_MS, MICRO
from heedful.measure import FairnessCounts, Gap, fairness_counts, gaps
from heedful.measure.fairness import ANY, not_said

NOW = 400 * DAY_MS
SEX = ProtectedTrait(
    trait="sex", groups=(Group(name="women", values=("f",)), Group(name="men", values=("m",)))
)
POLICY = FairnessFile(protected=(SEX,), outcome_ratio_min=0.8, value_ratio_min=0.8)


def decided(action: str, *, gated: str = "", at: int = NOW) -> Decision:
    verdict, code = ("gated", gated) if gated else ("lost", "not_drawn")
    if action == "offer":
        verdict, code = "chosen", "chosen"
    offer = Candidate("offer", "email", "a", verdict, code)  # type: ignore[arg-type]
    nothing = Candidate(DO_NOTHING, "", "", "lost" if action == "offer" else "chosen", "chosen")
    return Decision(
        id=1, customer=1, at=at, trigger=1, trigger_name="x", strategy_version="v", action=action,
        tier="growth", reason="drawn", candidates=(offer, nothing),
    )  # fmt: skip


def counted(rates: dict[str, float], *, seed: int = 1, many: int = 1_000) -> FairnessCounts:
    draws, counts = np.random.default_rng(seed), fairness_counts(POLICY)
    for group, rate in rates.items():
        for chosen in draws.random(many) < rate:
            counts.decided(decided("offer" if chosen else DO_NOTHING), [f"sex={group}"])
    return counts


def crossed(counts: FairnessCounts, policy: FairnessFile = POLICY) -> list[Gap]:
    return [gap for gap in gaps(counts, policy, NOW) if gap.is_crossed]


def test_a_planted_gap_is_found_and_told() -> None:
    found = crossed(counted({"women": 0.2, "men": 0.4}))
    assert [(g.trait, g.group, g.reference, g.action) for g in found] == [
        ("sex", "women", "men", ANY),
        ("sex", "women", "men", "offer"),
    ]
    assert found[1].ratio == pytest.approx(0.5, abs=0.1)
    assert found[1].says.startswith("Sex women gets offer in 18.8%")


def test_chance_and_what_the_limit_allows_cross_nothing() -> None:
    for seed in range(30):
        assert crossed(counted({"women": 0.3, "men": 0.3}, seed=seed, many=300)) == []
        assert crossed(counted({"women": 0.25, "men": 0.3}, seed=seed)) == []
    assert crossed(counted({"women": 0.0, "men": 1.0}, many=99)) == [], "too few to conclude"


def test_outcomes_values_and_errors_are_compared_among_the_chosen() -> None:
    counts, offer = fairness_counts(POLICY), decided("offer")
    for group, rate, value in (("women", 0.1, 10), ("men", 0.3, 10)):
        for number in range(500):
            is_hit = number < 500 * rate
            told = {"value": is_hit * value * MICRO, "believed": 300_000}
            counts.decided(offer, [f"sex={group}"])
            counts.became_known(offer, [f"sex={group}"], is_hit=is_hit, **told)
    policy = FairnessFile(
        protected=(SEX,), outcome_ratio_min=0.8, value_ratio_min=0.8, calibration_gap_max=0.05
    )
    found = {(g.measure, g.action): g for g in crossed(counts, policy)}
    assert sorted(found) == [
        ("calibration", "offer"),
        ("outcome", ANY),
        ("outcome", "offer"),
        ("value", ANY),
        ("value", "offer"),
    ]
    assert found["outcome", "offer"].ratio == pytest.approx(1 / 3)
    assert found["value", "offer"].amount == pytest.approx(1.0)
    assert found["calibration", "offer"].ratio == pytest.approx(0.2)
    assert "off by -20.0%" in found["calibration", "offer"].says


def test_a_rare_outcome_that_a_small_group_did_not_show_is_no_gap() -> None:
    alarms = 0
    for seed in range(40):
        draws, counts = np.random.default_rng(seed), fairness_counts(POLICY)
        for group, many in (("women", 150), ("men", 4_000)):
            for is_hit in draws.random(many) < 0.015:
                chosen = decided("offer" if is_hit else DO_NOTHING)
                counts.decided(chosen, [f"sex={group}"])
                told = {"is_hit": bool(is_hit), "value": 10 * MICRO * bool(is_hit)}
                counts.became_known(decided("offer"), [f"sex={group}"], **told, believed=15_000)
        alarms += bool(crossed(counts))
    # By the spread of each group alone, which is 0 where nobody showed it: 6 of 40.
    assert alarms == 0


def test_gates_are_counted_by_their_reason() -> None:
    counts = fairness_counts(POLICY)
    for _ in range(3):
        counts.decided(decided(DO_NOTHING, gated="not_eligible"), ["sex=women"])
    (cell,) = (cells["sex=women"] for a, cells in counts.window(NOW).items() if a == "offer")
    assert (cell.asked, cell.chosen, cell.gated) == (3, 0, {"not_eligible": 3})


def test_people_of_whom_nothing_is_known_are_counted_and_not_compared() -> None:
    counts = counted({"women": 0.3, "men": 0.3, NOT_SAID: 0.0}, many=200)
    assert crossed(counts) == []
    assert not_said(counts, POLICY, NOW) == {"sex": (200, 600)}


@pytest.mark.parametrize(
    ("value", "group"),
    [(29, "young"), (29.9, "young"), (30, "old"), ("29", NOT_SAID), (True, NOT_SAID)],
    ids=["29", "29.9", "30", "text", "bool"],
)
def test_bands_of_numbers(value: object, group: str) -> None:
    bands = (Group(name="young", below=30), Group(name="old", at_least=30))
    assert group_of(ProtectedTrait(trait="age", groups=bands), value) == group


def test_groups_by_values_take_the_first_that_fits() -> None:
    assert group_of(SEX, "f") == "women"
    assert group_of(SEX, ["x", "m"]) == "men"
    one = ProtectedTrait(trait="t", groups=(Group(name="is", values=(1,)),))
    assert group_of(one, True) == NOT_SAID


def test_incomes_of_the_census_have_the_known_gap() -> None:
    """Adult (B. Becker, R. Kohavi, 1996), its test part: who earns more than 50,000, by sex."""
    counts = fairness_counts(POLICY)
    for group, many, rich in (("women", 5_421, 590), ("men", 10_860, 3_256)):
        for number in range(many):
            action = "offer" if number < rich else DO_NOTHING
            counts.decided(decided(action), [f"sex={group}"])
    gap = next(g for g in gaps(counts, POLICY, NOW) if g.action == "offer")
    assert (gap.group, gap.reference, gap.is_crossed) == ("women", "men", True)
    assert (gap.amount, gap.best) == pytest.approx((0.1088, 0.2998), abs=5e-5)
    assert gap.ratio == pytest.approx(0.3630, abs=5e-5)
