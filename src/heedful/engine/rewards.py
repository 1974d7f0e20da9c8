"""What decisions brought: outcomes from the learning rows, by decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from heedful.kernel import MICRO, parse_public_id
from heedful.learn import LearningRow
from heedful.ports import Store, Transaction

ROWS: Final = 5_000
"""Learning rows that are read at once."""

_LESSONS: Final = msgspec.msgpack.Decoder(LearningRow)


class Reward(NamedTuple):
    """What followed on a decision."""

    by_goal: Mapping[str, float]
    """Money, by goal: where an arm was drawn those of all arms, whichever it was; else its own."""
    is_unsent: bool
    """Whether its message never went out, so that its price was not paid."""

    @property
    def money(self) -> float:
        """All of it."""
        return sum(self.by_goal.values())


class _Outcome(msgspec.Struct):
    waits: set[str]
    micros: dict[str, int]
    is_unlearned: bool = False
    is_unsent: bool = False


def rewards(store: Store, since: int) -> dict[int, Reward]:
    """Give what each decision since then brought, where all of its windows are over.

    Notes
    -----
    A decision whose message was withdrawn counts by what came of the person, as silence does; one
    whose message could not be delivered is left out.
    """
    found: dict[int, _Outcome] = {}
    after = 0
    while rows := store.read(lambda tx, a=after: _page(tx, a)):  # type: ignore[misc]
        after = rows[-1][0]
        for _, body in rows:
            row = _LESSONS.decode(body)
            if row.decided_at >= since and (key := parse_public_id("d", row.decision_id)):
                _take(found.setdefault(key, _Outcome(set(), {})), row)
    return {
        key: Reward({goal: micros / MICRO for goal, micros in one.micros.items()}, one.is_unsent)
        for key, one in found.items()
        if not one.waits and not one.is_unlearned
    }


def _page(tx: Transaction, after: int) -> list[tuple[int, bytes]]:
    return tx.lessons(after, ROWS)


def _take(outcome: _Outcome, row: LearningRow) -> None:
    if row.state in ("pending", "maturing"):
        outcome.waits.add(row.goal)
        return
    outcome.waits.discard(row.goal)
    outcome.is_unlearned = outcome.is_unlearned or row.state == "withdrawn"
    outcome.is_unsent = outcome.is_unsent or row.is_unsent
    outcome.micros[row.goal] = outcome.micros.get(row.goal, 0) + row.value
