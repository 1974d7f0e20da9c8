"""What decisions brought: outcomes from the learning rows, by decision and goal.

An action waits for its own goal, silence for the goals of every action that it was chosen over.
Whoever compares the two takes one goal of both, or adds what else the person reached (`Beside`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from heedful.core import World
from heedful.events import Event
from heedful.kernel import MICRO, parse_public_id
from heedful.learn import LearningRow
from heedful.measure.reaching import GoalReader, Reached
from heedful.ports import Store, Transaction

ROWS: Final = 5_000
"""Learning rows that are read at once."""

_LESSONS: Final = msgspec.msgpack.Decoder(LearningRow)


class Reward(NamedTuple):
    """What followed on a decision."""

    by_goal: Mapping[str, float]
    """Money, by each goal that it waited for."""
    is_unsent: bool
    """Whether its message never went out, so that its price was not paid."""

    @property
    def money(self) -> float:
        """All of it."""
        return sum(self.by_goal.values())


class Beside:
    """Reads off histories what people reached beside the goals that their decisions waited for.

    Parameters
    ----------
    until
        Up to when histories go.
    """

    def __init__(self, world: World, until: int) -> None:
        self._goals = world.rules.goals
        self._reader = GoalReader(world.rules, world.dictionary)
        self._until = until

    def reached(self, events: Iterable[Event]) -> list[Reached]:
        """List what one person reached; events in the order of `(at, key)`."""
        return self._reader.reached(events)

    def money(self, reached: Sequence[Reached], at: int, goals: Iterable[str]) -> float | None:
        """Add up the first outcome of each goal within its window from an instant.

        Returns
        -------
        None where a window is not over.
        """
        micros = 0
        for name in goals:
            goal = self._goals.get(name)
            if goal is None:
                continue
            end = at + goal.within_ms
            if end > self._until:
                return None
            its = (one.value for one in reached if one.goal == name and at < one.at <= end)
            micros += next(its, 0)
        return micros / MICRO


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
