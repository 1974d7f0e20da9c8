"""The long game: lives cut into weeks, and what they show about the months after a message."""

from __future__ import annotations

import random

import pytest

from heedful.kernel import DAY_MS, HOUR_MS, MICRO
from heedful.learn import FOLLOWING_ARMS_MAX, SILENT
from heedful.measure.ahead import (
    PENALTIES,
    STEP_MS,
    WEEKS_MAX,
    Life,
    LongGame,
    state_at,
    transitions,
)
from heedful.sense.ahead import FATIGUE, GRID, NEED, OTHERS, RECENCY, TRUST

START = 1_700_000_000_000
QUIET = Life(1, [START], [], [], [], [])


def named(state: int) -> tuple[str, str, str, str]:
    recency, fatigue, trust, need = GRID.point(state)
    return RECENCY[recency], FATIGUE[fatigue], TRUST[trust], NEED[need]


# States


@pytest.mark.parametrize(
    ("days", "recency"),
    [(7, "this week"), (8, "this month"), (29, "this quarter"), (91, "long ago")],
)
def test_recency_is_when_they_last_did_something(days: int, recency: str) -> None:
    assert named(state_at(QUIET, START + days * DAY_MS))[0] == recency


@pytest.mark.parametrize(
    ("told", "fatigue"), [(0, "none"), (1, "1"), (3, "2 or 3"), (9, "8 or more")]
)
def test_fatigue_is_how_often_we_wrote_in_28_days(told: int, fatigue: str) -> None:
    messages = [(START + i * DAY_MS, "news") for i in range(told)]
    life = QUIET._replace(told=messages)
    assert named(state_at(life, START + 10 * DAY_MS))[1] == fatigue
    assert named(state_at(life, START + 60 * DAY_MS))[1] == "none"


@pytest.mark.parametrize(
    ("outcomes", "trust"),
    [
        ((), "neither"),
        (("ignored", "ignored", "ignored"), "ignores us"),
        (("ignored", "accepted"), "answers"),
        (("accepted", "unsubscribed"), "turned us down"),
    ],
    ids=["nothing", "ignored", "answered", "unsubscribed"],
)
def test_trust_is_how_they_took_it(outcomes: tuple[str, ...], trust: str) -> None:
    life = QUIET._replace(took=[(START + i * HOUR_MS, one) for i, one in enumerate(outcomes)])
    assert named(state_at(life, START + 5 * DAY_MS))[2] == trust


def test_what_was_ignored_is_forgiven_and_what_was_turned_down_is_not() -> None:
    ignored = QUIET._replace(took=[(START, "ignored")])
    turned = QUIET._replace(took=[(START, "complained")])
    later = START + 200 * DAY_MS
    assert named(state_at(ignored, later))[2] == "neither"
    assert named(state_at(turned, later))[2] == "turned us down"


def test_the_highest_open_need_counts() -> None:
    needs = [(START, START + 9 * DAY_MS, 1), (START + DAY_MS, START + 3 * DAY_MS, 3)]
    life = QUIET._replace(needs=needs)
    seen = [named(state_at(life, START + days * DAY_MS))[3] for days in (2, 5, 12)]
    assert seen == ["service or hardship", "growth", "none"]


# Weeks


def test_a_week_is_what_was_said_first_and_what_came() -> None:
    life = Life(
        1,
        [START],
        [(START + DAY_MS, "offer"), (START + 2 * DAY_MS, "news")],
        [(START + 3 * DAY_MS, "ignored")],
        [(START + 4 * DAY_MS, 9 * MICRO), (START + STEP_MS, 5 * MICRO)],
        [],
    )
    first, second = transitions(life, {"offer": MICRO}, START, START + 2 * STEP_MS)
    assert (first.arm, second.arm) == ("offer", SILENT)
    assert first.reward == 8 * MICRO - PENALTIES["ignored"]
    assert second.reward == 5 * MICRO
    assert first.after == second.state


def test_weeks_begin_with_the_first_thing_they_did_and_are_whole() -> None:
    later = QUIET._replace(active=[START + 10 * DAY_MS])
    assert len(list(transitions(QUIET, {}, START - STEP_MS, START + 20 * DAY_MS))) == 2
    assert len(list(transitions(later, {}, START, START + 20 * DAY_MS))) == 1
    assert not list(transitions(QUIET._replace(active=[]), {}, START, START + 99 * DAY_MS))


def test_a_long_life_is_bounded() -> None:
    weeks = list(transitions(QUIET, {}, 0, START + 300 * STEP_MS))
    assert len(weeks) == WEEKS_MAX


# What lives show


def town(people: int, weeks: int = 60) -> LongGame:
    """People who order less for a month after an offer, and are glad of advice."""
    until = START + weeks * STEP_MS
    game = LongGame({}, START, until)
    for key in range(people):
        luck = random.Random(key)
        told, brought = list[tuple[int, str]](), list[tuple[int, int]]()
        active, mood = [START], 1.0
        for week in range(weeks):
            at = START + week * STEP_MS + DAY_MS
            said = luck.choice(["", "", "offer", "advice"])
            p = 0.10 * mood
            if said == "offer":
                p, mood = p + 0.05, 0.3
            elif said == "advice":
                mood = min(mood * 1.2, 1.0)
            else:
                mood = min(mood * 1.5, 1.0)
            if said:
                told.append((at, said))
            if luck.random() < p:
                brought.append((at + DAY_MS, 40 * MICRO))
                active.append(at + DAY_MS)
        game.add(Life(key, active, told, [], brought, []))
    return game


def test_an_action_that_costs_later_is_found_out() -> None:
    found = town(200).report()
    assert found.people == 200
    assert found.weeks == 200 * 60
    worst, best = found.actions
    assert (worst.action, best.action) == ("offer", "advice")
    assert worst.is_sure
    assert worst.later < -0.5
    assert worst.interval.low < worst.later < worst.interval.high < 0
    assert worst.says.startswith("offer costs ")
    assert best.later > worst.later
    assert sum(one.weeks for one in found.states) <= found.weeks
    assert {one.next for one in found.states} <= {"", "offer", "advice"}
    assert found.states[0].weeks == max(one.weeks for one in found.states)


def test_a_handful_is_not_sure() -> None:
    found = town(8, weeks=8).report()
    assert any(not one.is_sure and one.says.startswith("Not yet sure: ") for one in found.actions)


def test_what_was_hardly_said_is_told_as_such() -> None:
    game = town(40)
    told = [(START + 10 * STEP_MS + DAY_MS, "lesson")]
    game.add(Life(41, [START], told, [], [(START + 11 * STEP_MS, 40 * MICRO)], []))
    [lesson] = [one for one in game.report().actions if one.action == "lesson"]
    assert not lesson.is_sure
    assert lesson.says == "Not yet sure: lesson was said in too few weeks: 1."


def test_nobody_says_nothing() -> None:
    found = LongGame({}, START, START + STEP_MS).report()
    assert (found.people, found.weeks, found.actions, found.states) == (0, 0, [], [])


def test_the_same_lives_give_the_same_report() -> None:
    assert town(40).report() == town(40).report()


# Tables


def test_actions_beyond_those_told_apart_are_taken_together() -> None:
    game = LongGame({}, START, START + 80 * STEP_MS)
    for person in range(80):
        told = [(START + i * STEP_MS + 1, f"news{(person + i) % 80}") for i in range(79)]
        game.add(Life(person, [START], told, [], [], []))
    assert len(game.said) == FOLLOWING_ARMS_MAX - 1
    assert game.said[OTHERS] > max(n for arm, n in game.said.items() if arm != OTHERS)
    table = game.table(5 * MICRO, 365 * DAY_MS)
    assert OTHERS in table.arms
    assert table.later("never heard of", 0) == table.usual[0]


def test_a_message_exactly_28_days_back_tires_no_more_as_signals_have_it() -> None:
    life = QUIET._replace(told=[(START, "news")])
    assert named(state_at(life, START + 28 * DAY_MS - 1))[1] == "1"
    assert named(state_at(life, START + 28 * DAY_MS))[1] == "none"
