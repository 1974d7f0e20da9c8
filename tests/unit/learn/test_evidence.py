"""Evidence adds up by direction, in batches that wait for nearly all of their outcomes."""

from __future__ import annotations

import pytest

from heedful.kernel import DAY_MS, MICRO, MINUTE_MS
from heedful.learn import LearningRow, RowState
from heedful.learn.evidence import (
    BATCHES_MAX,
    Batch,
    Batches,
    Side,
    announce,
    batch_of,
    begun,
    let_go,
    surprise,
    take_due,
    weighed_at,
)

WINDOW = 3 * DAY_MS


def row(day: int, state: RowState = "pending") -> LearningRow:
    return LearningRow(
        learn_seq=day + 1,
        decision_id=f"d{day}",
        arm="news",
        goal="visit",
        state=state,
        outcome=MICRO * (state == "converted"),
        decided_at=day * DAY_MS,
        at=day * DAY_MS,
        window_ms=WINDOW,
    )


def mailed(people: int) -> tuple[Batches, Batch]:
    batches: Batches = []
    for _ in range(people):
        announce(batches, row(0))
    (batch,) = batches
    return batches, batch


def test_a_batch_is_taken_once_its_time_has_come_and_nearly_all_are_known() -> None:
    batches, batch = mailed(100)
    for number in range(95):
        assert take_due(batches, batch.due) == [], number
        batch.join(row(0, "expired"), 200_000)
    assert take_due(batches, batch.due - 1) == []
    let_go(batches, row(0))
    assert take_due(batches, batch.due) == [batch]
    assert (batches, batch.outcomes, batch.waiting) == ([], 95, 4)
    assert batch_of(batches, row(0, "converted")) is None, "what comes later is not waited for"


def test_of_too_many_batches_the_oldest_is_let_go() -> None:
    """As of an erased person, of whose decisions nothing more is ever heard."""
    batches: Batches = []
    for day in range(BATCHES_MAX + 1):
        announce(batches, row(day))
    assert len(batches) == BATCHES_MAX
    assert batch_of(batches, row(0)) is None
    assert begun(batches, row(1)).waiting == 1
    let_go(batches, row(0, "withdrawn"))
    assert sum(batch.waiting for batch in batches) == BATCHES_MAX


def test_batches_are_weighed_in_the_order_of_their_time() -> None:
    batches: Batches = []
    for day in (2, 0, 1):
        announce(batches, row(day))
        begun(batches, row(day)).join(row(day, "converted"), 200_000)
    due = take_due(batches, 99 * DAY_MS)
    assert [batch.since for batch in due] == [0, DAY_MS, 2 * DAY_MS]


@pytest.mark.parametrize("window_ms", [MINUTE_MS, WINDOW])
def test_a_batch_is_weighed_after_its_windows_have_closed(window_ms: int) -> None:
    for decided_at in (0, 1, window_ms // 3, 5 * window_ms):
        late = weighed_at(decided_at, window_ms) - decided_at - window_ms
        assert late >= min(window_ms // 8, 15 * MINUTE_MS)
        assert late <= max(window_ms // 4, 30 * MINUTE_MS)


def test_evidence_is_of_both_directions_and_never_below_none() -> None:
    more, less = surprise(1.0, 0.1)
    assert more > 0.0 > less
    _, batch = mailed(1)
    batch.join(row(0, "converted"), 100_000)
    assert (batch.more, batch.less) == (round(more * MICRO), round(less * MICRO))
    side = Side()
    assert side.add(batch.more, batch)
    assert side.add(batch.more, batch)
    assert (side.evidence, side.outcomes, side.reached) == (2 * batch.more, 2, 2)
    assert not side.add(-2 * batch.more, batch)
    side.clear()
    assert side == Side()
