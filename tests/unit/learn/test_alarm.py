"""A drift alarm is raised where outcomes come otherwise than decisions were told, and ends."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from heedful.kernel import DAY_MS, HOUR_MS, MICRO, InputError, hash_key
from heedful.learn import AlarmChange, BetaArms, DriftAlarms, LearningRow, Prior
from heedful.learn.alarm import KNOWN_MIN

PRIOR = Prior(0.05, 20)
WINDOW = 3 * DAY_MS
BEFORE = 2_000
ODDS = math.e


def row(seq: int, *, is_hit: bool, **said: Any) -> LearningRow:
    given = {
        "decision_id": f"d{seq}", "arm": "tips", "goal": "visit", "decided_at": seq * 1_000,
        "at": seq * 1_000, "parts": ("mail", "tips", "email", ""), "model": "beta",
        "model_seq": seq - 1, "p_ppm": 200_000, "prior_p": PRIOR.p,
        "prior_strength": PRIOR.strength,
    }  # fmt: skip
    given["state"] = "converted" if is_hit else "expired"
    return LearningRow(learn_seq=seq, outcome=MICRO if is_hit else 0, **{**given, **said})


def known(alarms: DriftAlarms) -> int:
    """Teach so much that the model is held to its word; gives the last row's number."""
    for seq in range(1, 2 * KNOWN_MIN + 1):
        assert alarms.learn_one(row(seq, is_hit=seq % 2 == 0)) == []
    return 2 * KNOWN_MIN


def lived(p: float, after: float, seed: int, count: int = 700) -> list[AlarmChange]:
    """Let counts learn a rate that changes, and decisions say what they know."""
    model, alarms, found = BetaArms(), DriftAlarms(), []
    draws = np.random.default_rng(seed).random(BEFORE + count)
    for seq, draw in enumerate(draws.tolist(), 1):
        is_hit = draw < (p if seq <= BEFORE else after)
        posterior = model.posterior("tips", "visit", PRIOR)
        believed = round(posterior.alpha / (posterior.alpha + posterior.beta) * MICRO)
        told = row(seq, is_hit=is_hit, p_ppm=believed)
        model.learn_one(told)
        found += alarms.learn_one(told)
    return found


@pytest.mark.parametrize(("factor", "direction"), [(ODDS, "more"), (1 / ODDS, "less")])
@pytest.mark.parametrize("p", [0.1, 0.3])
def test_odds_that_change_by_one_are_told_within_500_outcomes(
    p: float, factor: float, direction: str
) -> None:
    odds = p / (1 - p) * factor
    change, *_ = lived(p, odds / (1 + odds), seed=5)
    alarm = change.alarm
    assert change.is_raised
    assert (alarm.model, alarm.action, alarm.goal) == ("beta", "tips", "visit")
    assert alarm.direction == direction
    assert BEFORE < alarm.learn_seq <= BEFORE + 500
    assert alarm.evidence > 8
    assert abs(alarm.since / 1_000 - BEFORE) < 150
    assert alarm.foreseen == pytest.approx(p, abs=0.05)
    assert (alarm.reached / alarm.outcomes > alarm.foreseen) == (direction == "more")
    assert f"visit comes {direction} often than beta foresaw" in alarm.says


def test_what_goes_on_as_foreseen_is_told_to_nobody() -> None:
    assert [lived(p, p, seed=6) for p in (0.05, 0.2, 0.5)] == [[], [], []]


def test_an_alarm_is_told_once_and_ends_once_outcomes_come_as_foreseen() -> None:
    alarms = DriftAlarms()
    seq = known(alarms)
    draws = np.random.default_rng(7).random(1_200)
    told = []
    for number, draw in enumerate(draws.tolist()):
        seq += 1
        told += alarms.learn_one(row(seq, is_hit=draw < (0.5 if number < 400 else 0.2)))
        if number == 399:
            (standing,) = alarms.standing()
            assert standing.outcomes > 300
    assert [(c.alarm.direction, c.is_raised) for c in told] == [("more", True), ("more", False)]
    assert alarms.standing() == []


def test_a_model_is_not_held_to_what_it_said_before_it_knew() -> None:
    alarms = DriftAlarms()
    seq = known(alarms)
    for more in range(1, 200):
        assert alarms.learn_one(row(seq + more, is_hit=True, model_seq=seq - 1)) == []
    assert alarms.standing() == []


@pytest.mark.parametrize(
    "said",
    [{"p_ppm": 0}, {"model": ""}, {"state": "pending"}, {"state": "withdrawn"}],
    ids=["no chance", "no model", "pending", "withdrawn"],
)
def test_rows_that_say_nothing_of_a_model_are_passed_over(said: dict[str, Any]) -> None:
    alarms = DriftAlarms()
    told = row(1, is_hit=True)
    alarms.learn_one(
        LearningRow(**{**{f: getattr(told, f) for f in told.__struct_fields__}, **said})
    )
    assert len(alarms) == 0
    assert alarms.learn_seq == 1


def mailed(p: float, away_ms: int) -> Iterator[dict[str, Any]]:
    """A mailing a day: who comes does so within the window, the rest is known at its end.

    Parameters
    ----------
    away_ms
        How long nobody looked whose window had closed.
    """
    draws = np.random.default_rng(8)
    told = []
    for day in range(24):
        decided_at, ends = day * DAY_MS, day * DAY_MS + WINDOW
        reached = (draws.random(100) < (0.2 if day < 12 else p)).tolist()
        late = (draws.random(100) * WINDOW).tolist()
        for number, (is_hit, after) in enumerate(zip(reached, late, strict=True)):
            of: dict[str, Any] = {"decided_at": decided_at, "decision_id": f"d{day}-{number}"}
            told.append({**of, "at": decided_at, "is_hit": False, "state": "pending"})
            at = decided_at + int(after) if is_hit else ends + (away_ms if day < 12 else 0)
            told.append({**of, "at": at, "is_hit": is_hit})
    yield from sorted(told, key=lambda one: int(one["at"]))


def told_of(
    p: float, cut: int, idle_ms: int = 7 * DAY_MS, away_ms: int = 1
) -> tuple[list[AlarmChange], bytes]:
    """Weigh mailings, settling every so many rows, on two goals by turns."""
    alarms = DriftAlarms(idle_ms=idle_ms)
    seq, found = known(alarms), []
    for number, said in enumerate(mailed(p, away_ms)):
        goal = "visit" if hash_key(b"a secret", said["decision_id"]) % 5 else "purchase"
        told = row(seq + 1, window_ms=WINDOW, goal=goal, **said)
        found += alarms.learn_one(told)
        seq += 1
        if cut and number % cut == 0:
            found += alarms.settle()
    found += alarms.settle()
    return sorted(found), alarms.encode()


@pytest.mark.parametrize("idle_ms", [6 * HOUR_MS, 7 * DAY_MS])
def test_pages_of_rows_may_be_cut_anywhere(idle_ms: int) -> None:
    whole = told_of(0.5, 0, idle_ms)
    assert [change.is_raised for change in whole[0]].count(True) >= 1
    assert told_of(0.5, 1, idle_ms) == told_of(0.5, 37, idle_ms) == whole


@pytest.mark.parametrize("away_ms", [1, 5 * DAY_MS])
def test_the_order_in_which_a_mailing_is_answered_is_no_drift(away_ms: int) -> None:
    """Nor is it if those who did not come are known late, as after a server was away."""
    assert told_of(0.2, 10, away_ms=away_ms)[0] == []


def test_who_was_not_waited_for_is_not_let_go() -> None:
    alarms = DriftAlarms()
    seq, said = known(alarms), {"window_ms": WINDOW, "decided_at": DAY_MS, "at": DAY_MS}
    for number in range(50):
        seq += 1
        alarms.learn_one(row(seq, is_hit=False, decision_id=f"d{number}", state="pending", **said))
    for number in range(100, 125):  # of a model that knew nothing yet
        seq += 1
        young = {"decision_id": f"d{number}", "model_seq": 1, "state": "withdrawn"}
        alarms.learn_one(row(seq, is_hit=False, **young, **said))
    for number in range(25):
        seq += 1
        alarms.learn_one(row(seq, is_hit=True, decision_id=f"d{number}", **said))
    assert alarms.learn_one(row(seq + 1, is_hit=True, goal="purchase", at=9 * DAY_MS)) == []
    assert alarms.settle() == []  # half of what is waited for is open, and who came came first


def test_a_mailing_that_was_withdrawn_is_waited_for_no_longer() -> None:
    alarms = DriftAlarms()
    seq, told = known(alarms), []
    for state in ("pending", "withdrawn"):
        for number in range(50):
            if state == "pending" or number < 25:
                seq += 1
                said = {"state": state, "window_ms": WINDOW, "decided_at": DAY_MS, "at": DAY_MS}
                told += alarms.learn_one(row(seq, is_hit=False, decision_id=f"d{number}", **said))
    for number in range(25, 50):
        seq += 1
        said = {"window_ms": WINDOW, "decided_at": DAY_MS, "at": 2 * DAY_MS}
        told += alarms.learn_one(row(seq, is_hit=True, decision_id=f"d{number}", **said))
    assert not told + alarms.settle()
    assert alarms.learn_one(row(seq + 1, is_hit=True, goal="purchase", at=9 * DAY_MS)) == []
    (raised,) = alarms.settle()
    assert (raised.alarm.outcomes, raised.alarm.reached) == (25, 25)


def test_an_alarm_of_which_nothing_is_heard_is_over() -> None:
    alarms = DriftAlarms(idle_ms=DAY_MS)
    seq = known(alarms)
    while not alarms.standing():
        seq += 1
        alarms.learn_one(row(seq, is_hit=True))
    later = row(seq + 1, is_hit=True, at=seq * 1_000 + 2 * DAY_MS, goal="purchase")
    assert alarms.learn_one(later) == []
    (over,) = alarms.settle()
    assert (over.is_raised, over.alarm.goal) == (False, "visit")
    assert not alarms.settle()
    assert not alarms.standing()


def test_for_one_more_the_one_that_was_idle_longest_goes() -> None:
    alarms = DriftAlarms(watched_max=2)
    for seq, goal in enumerate(("a", "b", "a", "c"), 1):
        alarms.learn_one(row(seq, is_hit=True, goal=goal))
    assert sorted(key[2] for key in alarms._cells) == ["a", "c"]
    again = DriftAlarms.decode(alarms.encode(), watched_max=2)
    again.learn_one(row(5, is_hit=True, goal="d"))
    assert len(again) == 2


def test_limits_have_to_be_above_0() -> None:
    for limits in ((0.0, DAY_MS), (8.0, 0), (math.nan, DAY_MS)):
        with pytest.raises(InputError, match="limits above 0"):
            DriftAlarms(*limits)


def test_limits_may_change_between_two_pages() -> None:
    alarms = DriftAlarms(evidence_max=50.0)
    seq = known(alarms)
    for _ in range(20):
        seq += 1
        assert alarms.learn_one(row(seq, is_hit=True)) == []
    stricter = DriftAlarms.decode(alarms.encode(), evidence_max=4.0)
    (raised,) = stricter.learn_one(row(seq + 1, is_hit=True))
    assert raised.is_raised
    assert raised.alarm.outcomes == 21
