"""A changed world is told from outcomes that merely come out of order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import numpy as np
import pytest

from heedful.kernel import DAY_MS, HOUR_MS, MICRO
from heedful.learn import ArmSpec, Forgot, LearningRow, LogisticArms
from heedful.learn.change import ChangeDetector, Watched
from heedful.learn.evidence import BATCHES_MAX
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
            of = {"decided_at": at, "window_ms": window_ms}
            known = at + (int(after) if is_reached else WINDOW + 1)
            told.append({**of, "at": at, "state": "pending"})
            told.append({**of, "at": known, "state": "converted" if is_reached else "expired"})
    yield from sorted(told, key=lambda row: int(row["at"]))


def watched(model: LogisticArms) -> Watched:
    """Give what is known of the one action."""
    ((_, _, found),) = model.changes.written()
    return found


def changes(model: LogisticArms, rows: Iterable[dict[str, Any]]) -> list[Forgot]:
    """Teach the rows; gives what made the model forget."""
    found: list[Forgot] = []
    for told in rows:
        row = LearningRow(
            learn_seq=model.learn_seq + 1,
            decision_id=f"d_{model.learn_seq + 1}",
            arm=NEWS.arm,
            goal="visit",
            outcome=MICRO * (told["state"] == "converted"),
            parts=NEWS.parts,
            prior_p=NEWS.prior.p,
            prior_strength=NEWS.prior.strength,
            **told,
        )
        found += model.learn_one(row).changes
    return found


@pytest.mark.parametrize(("window_ms", "least", "most"), [(WINDOW, 0, 0), (0, 6, 999)])
def test_the_order_in_which_a_mailing_is_answered_is_no_change(
    window_ms: int, least: int, most: int
) -> None:
    """Without a window outcomes are weighed as they come, and these runs look like changes."""
    rows = list(mailings(0.35, range(30), seed=1, window_ms=window_ms))
    model = LogisticArms()
    changes(model, (row for row in rows if row["at"] <= 8 * DAY_MS))
    found = changes(model, (row for row in rows if row["at"] > 8 * DAY_MS))
    assert least <= len(found) <= most


def test_a_change_is_noticed_once_windows_have_closed() -> None:
    model = LogisticArms()
    changes(model, mailings(0.35, range(20), seed=2))
    assert changes(model, mailings(0.05, range(30, 40), seed=3))


def test_evidence_that_waits_is_written_and_read_back() -> None:
    model = LogisticArms()
    rows = list(mailings(0.35, range(20), seed=4)) + list(mailings(0.05, range(20, 40), seed=5))
    rows.sort(key=lambda row: int(row["at"]))
    half = len(rows) // 2
    changes(model, rows[:half])
    assert watched(model).batches
    other = LogisticArms.decode(model.encode())
    copy = model.copy()
    found = changes(model, rows[half:])
    assert found
    assert changes(other, rows[half:]) == changes(copy, rows[half:]) == found
    assert other.encode() == copy.encode() == model.encode()


@pytest.mark.parametrize("schema", [1, 2])
def test_a_snapshot_of_before_counts_of_what_is_open_is_read_and_goes_on(schema: int) -> None:
    """What was decided before is not weighed: how much of it was open was not written."""
    model = LogisticArms()
    rows = list(mailings(0.35, range(30), seed=6))
    changes(model, (row for row in rows if row["at"] <= 10 * DAY_MS))
    written = _DECODER.decode(model.encode())
    arrays = {**written.slot_arrays, "sums": bytes(16)}
    if schema == 2:
        arrays |= {"weighed_at": bytes(8 * BATCHES_MAX), "waiting": bytes(16 * BATCHES_MAX)}
    old = msgspec.to_builtins(written, builtin_types=(bytes,))
    del old["changes"]
    old |= {"schema": schema, "slot_arrays": arrays}
    read = LogisticArms.decode(msgspec.msgpack.encode(old))
    assert read.changes.written() == []
    assert (read.dense.learned == model.dense.learned).all()
    assert changes(read, (row for row in rows if row["at"] > 10 * DAY_MS)) == []
    assert watched(read).batches
    assert changes(read, mailings(0.05, range(40, 50), seed=7))


def away(rows: Iterable[dict[str, Any]], start: int, days: int) -> list[dict[str, Any]]:
    """Let nothing be heard for some days: then who came is told at once, who did not by timers."""
    told, end = [], start + days * DAY_MS
    for row in rows:
        if start <= row["at"] < end and row["state"] != "pending":
            row = {**row, "at": end + (6 * HOUR_MS if row["state"] == "expired" else 0)}
        told.append(row)
    return sorted(told, key=lambda row: int(row["at"]))


@pytest.mark.parametrize("days", [1, 3, 8])
def test_what_is_told_late_after_a_server_was_away_is_no_change(days: int) -> None:
    """Weighed when their time had come, and not when they had closed, these forgot 3 to 9 times."""
    model = LogisticArms()
    rows = list(mailings(0.35, range(32), seed=7))
    assert max(row["at"] for row in away(rows, 20 * DAY_MS, days)) >= 34 * DAY_MS
    told = away(rows, 20 * DAY_MS, days)
    changes(model, (row for row in told if row["at"] < 20 * DAY_MS))
    assert changes(model, (row for row in told if row["at"] >= 20 * DAY_MS)) == []


def test_a_change_says_what_was_foreseen_and_what_came() -> None:
    model = LogisticArms()
    changes(model, mailings(0.35, range(20), seed=8))
    before, first = model.learn_seq, 20 * DAY_MS
    forgot, *more = changes(model, mailings(0.05, range(20, 40), seed=9))
    change = forgot.alarm
    assert first < forgot.at <= 40 * DAY_MS
    assert change.learn_seq <= forgot.learn_seq
    assert before < forgot.learn_seq <= model.learn_seq
    assert model.changes.forgotten() == [forgot, *more][-1:]
    said = forgot.by("arms").says
    assert "news, visit comes less often than arms foresaw" in said
    assert said.endswith(" before counts 1/8 since 1970-01-24T19:06:32.480Z.")
    assert change[:4] == ("", "news", "visit", "less")
    assert change.since >= 20 * DAY_MS
    assert change.evidence > 8.0
    assert change.outcomes >= MAILED
    assert change.reached / change.outcomes < 0.1 < 0.25 < change.foreseen


def test_decisions_of_which_nothing_more_is_heard_do_not_hold_what_follows() -> None:
    """As of people who were erased: their batches are never weighed, the ones after them are."""
    model = LogisticArms()
    rows = [*mailings(0.35, range(20), seed=10), *mailings(0.05, range(40, 50), seed=12)]
    for day in range(20, 40):
        lost = {"decided_at": day * DAY_MS, "at": day * DAY_MS, "state": "pending"}
        rows += [{**lost, "window_ms": WINDOW}] * MAILED
    changes(model, (row for row in rows if row["at"] < 40 * DAY_MS))
    held = watched(model).batches
    assert len(held) == BATCHES_MAX
    assert {(batch.waiting, batch.outcomes) for batch in held} == {(MAILED, 0)}
    assert changes(model, (row for row in rows if row["at"] >= 40 * DAY_MS))


def test_what_is_withdrawn_is_waited_for_no_longer() -> None:
    model = LogisticArms()
    rows = list(mailings(0.35, range(1), seed=13))
    changes(model, rows[:MAILED])
    assert watched(model).batches[0].waiting == MAILED
    changes(model, [{**row, "state": "withdrawn"} for row in rows[MAILED:]])
    assert watched(model).batches[0].waiting == 0


def in_parts(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        if row["state"] == "expired":
            yield {**row, "state": "maturing"}
            row = {**row, "weight": 0}
        yield row


def test_a_miss_that_was_taught_in_parts_is_weighed_like_any() -> None:
    """Of a window that is nearly over nothing is left to teach; it is still an outcome."""
    model = LogisticArms()
    changes(model, in_parts(mailings(0.35, range(20), seed=14)))
    assert changes(model, in_parts(mailings(0.05, range(20, 30), seed=15)))


def test_actions_beyond_the_limit_are_not_watched() -> None:
    detector = ChangeDetector(actions_max=2)
    for number in range(4):
        row = LearningRow(
            learn_seq=number + 1,
            decision_id="d",
            arm=f"news_{number}",
            goal="visit",
            state="pending",
            decided_at=0,
            at=0,
        )
        assert detector.learn_one(row, 0.0) == []
    assert [action for _, action, _ in detector.written()] == ["news_0", "news_1"]
