"""What decisions brought: outcomes from the learning rows, by decision."""

from __future__ import annotations

from typing import Final

import msgspec

from heedful.kernel import MICRO, parse_public_id
from heedful.learn import LearningRow
from heedful.ports import Store, Transaction

ROWS: Final = 5_000
"""Learning rows that are read at once."""

_LESSONS: Final = msgspec.msgpack.Decoder(LearningRow)


class _Outcome(msgspec.Struct):
    waits: set[str]
    micros: int = 0
    is_withdrawn: bool = False


def rewards(store: Store, since: int) -> dict[int, float]:
    """Give what each decision since then brought, in money, where all of its windows are over.

    Notes
    -----
    A decision that was withdrawn before anybody could see it is left out: it brought nothing, and
    what took its place is a decision of its own.
    """
    found: dict[int, _Outcome] = {}
    after = 0
    while rows := store.read(lambda tx, a=after: _page(tx, a)):  # type: ignore[misc]
        after = rows[-1][0]
        for _, body in rows:
            row = _LESSONS.decode(body)
            if row.decided_at >= since and (key := parse_public_id("d", row.decision_id)):
                _take(found.setdefault(key, _Outcome(set())), row)
    return {
        key: one.micros / MICRO
        for key, one in found.items()
        if not one.waits and not one.is_withdrawn
    }


def _page(tx: Transaction, after: int) -> list[tuple[int, bytes]]:
    return tx.lessons(after, ROWS)


def _take(outcome: _Outcome, row: LearningRow) -> None:
    if row.state in ("pending", "maturing"):
        outcome.waits.add(row.goal)
        return
    outcome.waits.discard(row.goal)
    outcome.is_withdrawn = outcome.is_withdrawn or row.state == "withdrawn"
    outcome.micros += row.value
