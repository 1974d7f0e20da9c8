"""Decisions that wait for an outcome: counted until it is known, or its day is over."""

from __future__ import annotations

from typing import Any

import pytest

from heedful.kernel import DAY_MS, InputError
from heedful.learn import LearningRow, OpenWindows
from heedful.learn.waiting import OPEN_CELLS_MAX

TIPS = ("beta", "purchase", "tips")


def counted(*rows: dict[str, Any], cells_max: int = OPEN_CELLS_MAX) -> OpenWindows:
    windows = OpenWindows(cells_max)
    for seq, row in enumerate(rows, 1):
        given: dict[str, Any] = {
            "learn_seq": seq, "decision_id": "d", "arm": "tips", "goal": "purchase",
            "state": "pending", "decided_at": DAY_MS, "at": DAY_MS, "window_ms": 3 * DAY_MS,
            "model": "beta",
        }  # fmt: skip
        windows.count(LearningRow(**given | row))
    return windows


@pytest.mark.parametrize("state", ["converted", "expired", "withdrawn"])
def test_a_decision_waits_until_its_outcome_is_known(state: str) -> None:
    two = counted({}, {"decision_id": "e"}, {"state": "maturing"})
    assert two.open_at(2 * DAY_MS) == {TIPS: 2}
    assert counted({}, {}, {"state": state}).open_at(2 * DAY_MS) == {TIPS: 1}
    assert counted({}, {"state": state}, {"state": state}).open_at(2 * DAY_MS) == {}


def test_nothing_waits_beyond_the_day_on_which_its_window_closes() -> None:
    windows = counted({}, {"arm": "sale"}, {"arm": "sale", "window_ms": 9 * DAY_MS})
    sale = ("beta", "purchase", "sale")
    assert windows.open_at(4 * DAY_MS) == {sale: 2, TIPS: 1}
    assert windows.open_at(5 * DAY_MS) == {sale: 1}


def test_of_too_many_days_those_that_close_last_stay() -> None:
    rows = ({"window_ms": days * DAY_MS} for days in (2, 3, 4))
    windows = counted(*rows, {"state": "expired"}, cells_max=2)
    assert windows.open_at(0) == {TIPS: 1}
    # What was left out is told to have closed: nothing is owed for it.
    windows.count(LearningRow(
        learn_seq=9, decision_id="d", arm="tips", goal="purchase", state="expired",
        decided_at=DAY_MS, at=0, window_ms=2 * DAY_MS, model="beta",
    ))  # fmt: skip
    assert windows.open_at(0) == {TIPS: 1}


def test_counts_are_read_back_and_go_on_where_they_were() -> None:
    windows = counted({}, {"arm": "sale"})
    again = OpenWindows.decode(windows.encode())
    assert again.encode() == windows.encode()
    again.count(LearningRow(
        learn_seq=2, decision_id="d", arm="tips", goal="purchase", state="pending",
        decided_at=DAY_MS, at=DAY_MS, window_ms=DAY_MS,
    ))  # fmt: skip
    assert again.encode() == windows.encode()
    with pytest.raises(InputError, match="open windows"):
        OpenWindows.decode(b"\x80")
