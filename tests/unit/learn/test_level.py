"""The level of an action is counted: what is told first and what last makes no difference."""

from __future__ import annotations

import math

import numpy as np
import pytest

from heedful.learn.level import Level, Start, Told, start_at, start_of
from heedful.learn.prior import Prior

START = start_at(math.log(0.23 / 0.77), 50 * 0.23 * 0.77)
NEW = Level(0.0, 0.0, START.log_odds, START.log_odds)
Outcome = tuple[float, float]
"""Weights as won and as lost."""


def chance(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-log_odds))


def told(outcomes: list[Outcome], level: Level = NEW, start: Start = START) -> Level:
    """Tell of people who are all like the usual one."""
    for won, lost in outcomes:
        against = level.reference(start, level.log_odds(start), won > 0.0)
        level = level.told(start, Told(won, lost, chance(against), against, 0.0), 0.0)
    return level


def mailing(misses: int, visits: int, part: float) -> list[Outcome]:
    """Who is lost has been learned by a part, and who is won takes that back."""
    return [(0.0, part)] * misses + [(1.0, -part)] * visits


@pytest.mark.parametrize(("misses", "visits"), [(480, 60), (20_000, 1_000), (40, 10)])
def test_misses_that_are_told_first_are_made_up_for_by_visits(misses: int, visits: int) -> None:
    found = chance(told(mailing(misses, visits, 0.25)).log_odds(START))
    won, lost = visits + 50 * 0.23, (misses - visits) * 0.25 + 50 * 0.77
    # Moved outcome by outcome by a filter: .64, .76 and .52.
    assert found == pytest.approx(won / (won + lost), rel=1e-9)


@pytest.mark.parametrize("p", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("rate", [0.02, 0.6, 0.9])
def test_a_night_is_a_count_whatever_was_declared_and_however_often_it_is_won(
    p: float, rate: float
) -> None:
    start, count = start_of(Prior(p, 20.0)), 1_000
    new, visits = Level(0.0, 0.0, start.log_odds, start.log_odds), round(rate * count)
    night = mailing(count, visits, 0.4) + [(0.0, 0.6)] * (count - visits)
    found = chance(told(night, new, start).log_odds(start))
    # Weighed by `1 - p` alone: .985 for nine of ten where .9 was declared, and 1 a night later.
    assert found == pytest.approx((visits + 20.0 * p) / (count + 20.0), rel=1e-9)


def test_mixed_they_are_counted_exactly() -> None:
    outcomes = mailing(2_000, 300, 0.25)
    order = np.random.default_rng(1).permutation(len(outcomes)).tolist()
    found = chance(told([outcomes[place] for place in order]).log_odds(START))
    won, lost = 300 + 50 * 0.23, 1_700 * 0.25 + 50 * 0.77
    assert found == pytest.approx(won / (won + lost), rel=1e-3)


def test_visits_that_are_told_first_are_made_up_for_by_misses() -> None:
    first = told([(1.0, 0.0)] * 60)
    found = chance(told([(0.0, 0.25)] * 420, first).log_odds(START))
    won, lost = 60 + 50 * 0.23, 420 * 0.25 + 50 * 0.77
    assert found == pytest.approx(won / (won + lost), rel=1e-9)


def test_a_run_of_one_kind_is_weighed_against_what_was_before_it() -> None:
    level = told(mailing(5_000, 0, 1.0))
    assert chance(level.log_odds(START)) < 0.01
    assert level.reference(START, level.log_odds(START), is_won=False) == START.log_odds
    after = told([(1.0, 0.0)] * 500, level)
    before = after.log_odds(START)
    later = told([(0.0, 1.0)] * 100, after)
    assert later.reference(START, later.log_odds(START), is_won=False) == before


def test_what_is_taken_back_leaves_the_level_where_it_was() -> None:
    level = told(mailing(200, 60, 1.0))
    against = level.log_odds(START)
    lost = level.told(START, Told(0.0, 0.5, 0.2, against, 0.0), 0.0)
    back = lost.told(START, Told(0.0, -0.5, 0.2, against, 0.0), 0.0)
    assert lost.log_odds(START) < against
    assert back.log_odds(START) == pytest.approx(against, abs=1e-12)


def test_what_was_forgotten_weighs_less_and_moves_no_level() -> None:
    level = told(mailing(400, 100, 0.5))
    faded = level.faded(START, 8.0, 0.0)
    assert faded.log_odds(START) == pytest.approx(level.log_odds(START))
    after, later = (told([(1.0, 0.0)] * 5, at).log_odds(START) for at in (level, faded))
    assert later > after > level.log_odds(START)


def test_what_was_forgotten_stays_a_chance_when_the_group_moves_its_start() -> None:
    start = start_of(Prior(0.001, 1_000.0))
    new = Level(0.0, 0.0, start.log_odds, start.log_odds)
    level = told(mailing(1_000, 200, 0.5), new, start).faded(start, 8.0, 0.0)
    moved = start_at(start.log_odds + 3.0, start.precision)
    assert level.won >= 0.0 <= level.lost
    assert level.log_odds(start) < level.log_odds(moved) < level.log_odds(start) + 3.0


@pytest.mark.parametrize("taken", [1e6, 1e300])
def test_what_is_taken_back_without_having_been_learned_leaves_a_number(taken: float) -> None:
    level = NEW.told(START, Told(0.0, -taken, 0.5, 0.0, 0.0), 0.0)
    assert math.isfinite(level.log_odds(START))
    assert math.isfinite(told(mailing(5, 5, 0.5), level).log_odds(START))
