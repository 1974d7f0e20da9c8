"""A changed world is told from outcomes that merely come out of order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest

from heedful.kernel import DAY_MS, MICRO, MINUTE_MS
from heedful.learn import ArmSpec, LearningRow, LogisticArms
from heedful.learn.change import BATCHES_MAX, added, has_changed, surprise, weighed_at
from heedful.learn.prior import Prior
from heedful.learn.snapshot import _DECODER

NEWS = ArmSpec("news", "mail", "news", prior=Prior(0.3, 20))
WINDOW = 3 * DAY_MS
MAILED = 200


def mailings(p: float, days: range, seed: int, window_ms: int = WINDOW) -> Iterator[dict[str, Any]]:
    """A mailing a day to many people: who comes does so within the window, the rest at its end."""
    draws = np.random.default_rng(seed)
    told = []
    for day in days:
        at = day * DAY_MS
        reached = draws.random(MAILED) < p
        late = draws.random(MAILED) * WINDOW * 0.9
        for is_reached, after in zip(reached.tolist(), late.tolist(), strict=True):
            known = at + (int(after) if is_reached else WINDOW + 1)
            told.append({"decided_at": at, "at": known, "window_ms": window_ms, "is": is_reached})
    yield from sorted(told, key=lambda row: int(row["at"]))


def alarms(model: LogisticArms, rows: Iterator[dict[str, Any]]) -> int:
    """Teach the rows; gives how often the alarm was raised."""
    found = 0
    for told in rows:
        is_reached = told.pop("is")
        found += model.learn_one(
            LearningRow(
                learn_seq=model.learn_seq + 1,
                decision_id="d",
                arm=NEWS.arm,
                goal="visit",
                state="converted" if is_reached else "expired",
                outcome=MICRO if is_reached else 0,
                parts=NEWS.parts,
                prior_p=NEWS.prior.p,
                prior_strength=NEWS.prior.strength,
                **told,
            )
        ).is_change
    return found


@pytest.mark.parametrize(("window_ms", "least", "most"), [(WINDOW, 0, 0), (0, 6, 999)])
def test_the_order_in_which_a_mailing_is_answered_is_no_change(
    window_ms: int, least: int, most: int
) -> None:
    """Without a window outcomes are weighed as they come, and these runs look like changes."""
    rows = list(mailings(0.35, range(30), seed=1, window_ms=window_ms))
    model = LogisticArms()
    alarms(model, (row for row in rows if row["at"] <= 8 * DAY_MS))
    assert least <= alarms(model, (row for row in rows if row["at"] > 8 * DAY_MS)) <= most


def test_a_change_is_noticed_once_windows_have_closed() -> None:
    model = LogisticArms()
    alarms(model, mailings(0.35, range(20), seed=2))
    assert alarms(model, mailings(0.05, range(30, 40), seed=3)) >= 1


def test_evidence_that_waits_is_written_and_read_back() -> None:
    model = LogisticArms()
    rows = list(mailings(0.35, range(20), seed=4)) + list(mailings(0.05, range(20, 40), seed=5))
    rows.sort(key=lambda row: int(row["at"]))
    half = len(rows) // 2
    alarms(model, iter([dict(row) for row in rows[:half]]))
    assert model.dense.weighed_at.any()
    other = LogisticArms.decode(model.encode())
    assert alarms(model, iter([dict(row) for row in rows[half:]])) >= 1
    alarms(other, iter(rows[half:]))
    assert other.encode() == model.encode()


def test_a_snapshot_of_before_batches_is_read_with_nothing_waiting() -> None:
    model = LogisticArms()
    alarms(model, mailings(0.35, range(2), seed=6))
    written = _DECODER.decode(model.encode())
    arrays = {k: v for k, v in written.slot_arrays.items() if k not in ("weighed_at", "waiting")}
    old = msgspec.structs.replace(written, schema=1, slot_arrays=arrays)
    read = LogisticArms.decode(msgspec.msgpack.encode(old))
    assert not read.dense.weighed_at.any()
    assert (read.dense.learned == model.dense.learned).all()


def test_more_batches_than_there_is_room_for_join_the_last() -> None:
    model = LogisticArms()
    slot = model.dense.slot("visit", "news", "mail", NEWS.prior, 0)
    for number in range(1, BATCHES_MAX + 4):
        model.dense.wait(slot, (1.0, 0.0), number)
    assert model.dense.weighable(slot, BATCHES_MAX - 1) == [(1.0, 0.0)] * (BATCHES_MAX - 1)
    assert model.dense.weighable(slot, BATCHES_MAX + 9) == [(4.0, 0.0)]
    assert model.dense.weighable(slot, BATCHES_MAX + 9) == []


@pytest.mark.parametrize("window_ms", [MINUTE_MS, WINDOW])
def test_a_batch_is_weighed_after_its_windows_have_closed(window_ms: int) -> None:
    for decided_at in (0, 1, window_ms // 3, 5 * window_ms):
        late = weighed_at(decided_at, window_ms) - decided_at - window_ms
        assert late >= min(window_ms // 8, 15 * MINUTE_MS)
        assert late <= max(window_ms // 4, 30 * MINUTE_MS)


def test_evidence_is_of_both_directions_and_never_below_none() -> None:
    more, less = surprise(1.0, 0.1)
    assert more > 0.0 > less
    assert added((0.5, 0.0), (-2.0, 0.25)) == (0.0, 0.25)
    assert has_changed((0.0, 8.1))
    assert not has_changed((8.0, 8.0))
