"""The level of an action is counted: what is told first and what last makes no difference."""

from __future__ import annotations

import math

import numpy as np
import pytest

from heedful.learn.level import Level, Start, Told, start_at

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
        level = level.told(start, Told(won, lost, chance(against), against, 0.0, 1.0), 0.0)
    return level


def mailing(misses: int, visits: int, part: float) -> list[Outcome]:
    """Who is lost has been learned by a part, and who is won takes that back."""
    return [(0.0, part)] * misses + [(1.0, -part)] * visits


@pytest.mark.parametrize(("misses", "visits"), [(480, 60), (20_000, 1_000), (40, 10)])
def test_misses_that_are_told_first_are_made_up_for_by_visits(misses: int, visits: int) -> None:
    found = chance(told(mailing(misses, visits, 0.25)).log_odds(START))
    won, lost = visits + 50 * 0.23, (misses - visits) * 0.25 + 50 * 0.77
    # Moved outcome by outcome by a filter: .64, .76 and .52.
    assert found == pytest.approx(won / (won + lost), rel=0.25)


def test_mixed_they_are_counted_exactly() -> None:
    outcomes = mailing(2_000, 300, 0.25)
    order = np.random.default_rng(1).permutation(len(outcomes)).tolist()
    found = chance(told([outcomes[place] for place in order]).log_odds(START))
    won, lost = 300 + 50 * 0.23, 1_700 * 0.25 + 50 * 0.77
    assert found == pytest.approx(won / (won + lost), rel=0.03)


def test_visits_that_are_told_first_are_made_up_for_by_misses() -> None:
    first = told([(1.0, 0.0)] * 60)
    found = chance(told([(0.0, 0.25)] * 420, first).log_odds(START))
    won, lost = 60 + 50 * 0.23, 420 * 0.25 + 50 * 0.77
    assert found == pytest.approx(won / (won + lost), rel=0.25)


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
    lost = level.told(START, Told(0.0, 0.5, 0.2, against, 0.0, 0.8), 0.0)
    back = lost.told(START, Told(0.0, -0.5, 0.2, against, 0.0, 0.8), 0.0)
    assert lost.log_odds(START) < against
    assert back.log_odds(START) == pytest.approx(against, abs=1e-12)


def test_what_was_forgotten_weighs_less_and_moves_no_level() -> None:
    level = told(mailing(400, 100, 0.5))
    faded = level.faded(START, 8.0, 0.0)
    assert faded.log_odds(START) == pytest.approx(level.log_odds(START))
    after, later = (told([(1.0, 0.0)] * 5, at).log_odds(START) for at in (level, faded))
    assert later > after > level.log_odds(START)


@pytest.mark.parametrize("taken", [1e6, 1e300])
def test_what_is_taken_back_without_having_been_learned_leaves_a_number(taken: float) -> None:
    level = NEW.told(START, Told(0.0, -taken, 0.5, 0.0, 0.0, 1.0), 0.0)
    assert math.isfinite(level.log_odds(START))
    assert math.isfinite(told(mailing(5, 5, 0.5), level).log_odds(START))
