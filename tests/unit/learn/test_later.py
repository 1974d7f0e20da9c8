"""What a plan leaves behind: bounded, as bold as it is sure, and believed of what nobody said."""

from __future__ import annotations

import numpy as np
import pytest

from heedful.kernel import DAY_MS, MICRO
from heedful.learn import (
    GONE,
    SILENT,
    Continuation,
    ContinuationSettings,
    Grid,
    LaterTable,
    Plan,
    Trained,
    Transition,
    decode_trained,
    later_table,
)

WEEK = 7 * DAY_MS
GRID = Grid((2,))
SETTINGS = ContinuationSettings(borrowed=0.0)


def plan_of(*, drives_away: bool = True) -> Plan:
    """A world where an offer to the tired (state 1) drives them away, and the rested shrug."""
    model = Continuation(GRID)
    for _ in range(50):
        model.learn_one(Transition(0, SILENT, 2 * MICRO, WEEK, 0))
        model.learn_one(Transition(0, "offer", 3 * MICRO, WEEK, 1))
        model.learn_one(Transition(1, SILENT, MICRO, WEEK, 0))
        model.learn_one(Transition(1, "offer", 0, WEEK, GONE if drives_away else 0))
        model.learn_one(Transition(1, "news", MICRO, WEEK, 0))
    return model.fit(SETTINGS)


def test_a_table_says_what_the_plan_says_where_all_agree() -> None:
    plan = plan_of()
    table = later_table(plan, [plan, plan], {"offer": 100, "news": 50}, 30, 10**12)
    for state in range(GRID.size):
        for arm in ("offer", "news"):
            assert table.later(arm, state) == plan.later(arm, state)
            assert table.then(arm, state) == plan.next(state, arm).then
        assert table.later(SILENT, state) == 0
    assert table.later("offer", 1) < -50 * MICRO
    assert table.then("offer", 0) == table.arms[table.best[1]]
    assert table.then("offer", 1) == SILENT, "nobody is there any more"


def test_what_was_seldom_said_is_like_the_others_and_never_best() -> None:
    plan = plan_of()
    table = later_table(plan, [], {"offer": 100, "news": 29}, 30, 10**12)
    assert table.arms == (SILENT, "offer")
    assert table.later("news", 1) == table.later("offer", 1) == table.usual[1]
    assert max(table.best) <= 1


def test_no_figure_goes_beyond_its_bound() -> None:
    table = later_table(plan_of(), [], {"offer": 100, "news": 50}, 30, 5 * MICRO)
    assert table.later("offer", 1) == -5 * MICRO
    assert np.abs(np.array(table.rows)).max() == np.abs(np.array(table.usual)).max() == 5 * MICRO


def test_what_parts_of_the_people_do_not_agree_on_counts_for_less() -> None:
    whole, other = plan_of(), plan_of(drives_away=False)
    said = {"offer": 100, "news": 50}
    sure = later_table(whole, [whole] * 8, said, 30, 10**12).later("offer", 1)
    torn = later_table(whole, [whole, other] * 4, said, 30, 10**12).later("offer", 1)
    assert sure == whole.later("offer", 1) < torn <= 0


def test_nothing_said_is_nothing_known() -> None:
    table = later_table(plan_of(), [], {}, 30, 10**12)
    assert table.arms == (SILENT,)
    assert table.later("offer", 1) == 0
    assert table.then("offer", 1) == SILENT


@pytest.mark.parametrize("version", [1, 7])
def test_it_comes_back_from_its_bytes(version: int) -> None:
    plan = plan_of()
    table = later_table(plan, [plan], {"offer": 100}, 30, 10**12)
    trained = Trained(name="ahead", version=version, definition="d", model=table)
    again = decode_trained(trained.encode())
    assert isinstance(again.model, LaterTable)
    assert again == trained
    assert again.encode() == trained.encode()
