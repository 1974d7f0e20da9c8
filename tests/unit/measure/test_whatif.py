"""Meetings summed by hand: who changes, what is expected, what is valued, what is not known."""

from __future__ import annotations

import numpy as np
import pytest

from heedful.decide import DO_NOTHING, Candidate, Decision, Terms
from heedful.measure.whatif import SILENCE, Arm, Meeting, Policy, compare, policy_of

OFFER: Arm = ("offer", "email", "default")
HELP: Arm = ("help", "", "")


def policy(p: float, arm: Arm = OFFER, *, need: str = "", worth: float = 0.0) -> Policy:
    drawn = arm if p >= 0.5 else SILENCE
    weights = {name: one for name, one in ((arm, p), (SILENCE, 1.0 - p)) if one}
    return Policy(drawn, need, "growth", weights, {arm: worth}, 0.0)


def test_a_record_is_read_as_a_policy() -> None:
    half = 1 << 31
    terms = Terms(p_ppm=200_000, margin=10_000_000, cost=500_000)
    decision = Decision(
        id=1, customer=1, at=0, trigger=2, trigger_name="t", strategy_version="v",
        action="offer", channel="email", treatment="default", tier="growth", reason="drawn",
        p_choose=half,
        candidates=(
            Candidate("offer", "email", "default", "chosen", "chosen", half, terms),
            Candidate("other", "", "", "gated", "no_consent"),
            Candidate(DO_NOTHING, "", "", "lost", "not_drawn", half,
                      Terms(p_nothing_ppm=100_000, margin=10_000_000)),
        ),
    )  # fmt: skip
    found = policy_of(decision)
    assert found.arm == OFFER
    assert found.weights == {OFFER: 0.5, SILENCE: 0.5}
    assert found.worth == pytest.approx({OFFER: 1.5, SILENCE: 1.0})
    assert found.cost == 0.5


def test_changes_and_expectations_are_sums() -> None:
    meetings = [
        Meeting(0, {"age": "young"}, policy(0.9), policy(0.25), None),
        Meeting(0, {"age": "young"}, policy(0.9), policy(0.8), None),
        Meeting(1, {"age": "old"}, policy(1.0, HELP, need="n"), policy(1.0, HELP, need="n"), None),
        Meeting(2, {"age": "old"}, policy(0.6), None, None),
    ]
    found = compare(meetings, seed=1)
    assert (found.people, found.decisions, found.changed_people) == (3, 4, 2)
    assert [(c.before, c.after, c.decisions) for c in found.changes] == [
        ("offer (email)", "do_nothing", 1),
        ("offer (email)", "no decision", 1),
    ]
    assert (found.contacts.before, found.contacts.after) == pytest.approx((2.4, 1.05))
    assert (found.silences.before, found.silences.after) == pytest.approx((0.6, 1.95))
    needs = {one.name: (one.before, one.after) for one in found.needs}
    assert needs["n"] == (1.0, 1.0)
    assert needs["none"] == pytest.approx((2.4, 1.05))
    groups = {one.group: one for one in found.groups}
    assert groups["young"].acted_before == pytest.approx(0.9)
    assert groups["young"].contacts_after == pytest.approx(1.05)
    assert (groups["old"].people, groups["old"].changed_people) == (2, 1)
    assert found.value is None
    assert found.says == "2 of 3 people would be treated otherwise."
    assert [one.code for one in found.cannot_know] == [
        "no_outcomes", "no_outcome_yet", "one_step",
    ]  # fmt: skip


def test_what_the_log_could_not_do_is_unknown() -> None:
    sure, never = policy(1.0, HELP), policy(0.75)
    found = compare([Meeting(0, {}, sure, never, None), Meeting(1, {}, None, never, None)], seed=1)
    # Beside a sure help neither silence nor offer was possible; where nothing was, silence was.
    assert found.unknown == pytest.approx((1.0 + 0.75) / 2)
    assert {"no_support", "new_decisions"} <= {one.code for one in found.cannot_know}


@pytest.mark.parametrize("better", [True, False], ids=["more", "less"])
def test_the_gain_is_found_where_the_log_explored(better: bool) -> None:
    draws = np.random.default_rng(5)
    after = 0.9 if better else 0.1
    meetings = []
    for person in range(600):
        for _ in range(2):
            is_offered = draws.random() < 0.5
            reward = 10.0 * (draws.random() < (0.4 if is_offered else 0.2))
            logged = policy(0.5, worth=1.0)._replace(arm=OFFER if is_offered else SILENCE)
            meetings.append(Meeting(person, {}, logged, policy(after, worth=1.0), reward))
    value = compare(meetings, seed=1).value
    assert value is not None
    truth = 10.0 * 0.2 * (after - 0.5)
    assert value.is_sure
    assert value.gain.bootstrap.low <= truth <= value.gain.bootstrap.high
    assert value.target_snips.value == pytest.approx(2.0 + 2.0 * after, abs=0.4)
    said = compare(meetings, seed=1).says
    assert ("worth more" if better else "worth less") in said


def test_a_policy_gains_nothing_over_itself() -> None:
    same = policy(0.5, worth=3.0)
    meetings = [Meeting(k, {}, same, same, float(k % 3)) for k in range(50)]
    found = compare(meetings, seed=1)
    assert found.value is not None
    assert found.value.gain.bootstrap == (0.0, 0.0)
    assert found.says.endswith("It is worth the same.")


def test_a_handful_of_people_makes_nothing_sure() -> None:
    logged, after = policy(0.6, worth=1.0), policy(0.2, worth=1.0)
    alone = compare(
        [Meeting(0, {}, logged, after, 2.0), Meeting(0, {}, logged, after, 1.0)], seed=1
    )
    assert alone.value is None
    assert "no_outcomes" in [one.code for one in alone.cannot_know]
    alike = [Meeting(k, {}, logged, after, 0.0) for k in range(29)]
    few = compare(alike, seed=1)
    assert few.value is not None
    assert few.value.gain.bootstrap.low > 0.0  # nothing varies
    assert not few.value.is_sure
    assert few.says.endswith("outcomes are known of 29, and it takes 30 people at least.")
    assert "worth more" in compare([*alike, alike[0]._replace(person=29)], seed=1).says
