"""The lift of a hold-out, goal by goal: people who were drawn, what they did since and before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from heedful.kernel import MICRO, InputError
from heedful.measure.hold_out import GROUP_MIN, Lift, lift, moments_of
from heedful.measure.reaching import Reached


class Drawn(NamedTuple):
    """One person for whom a hold-out was drawn, and what they reached at any time."""

    at: int
    """When it was drawn."""
    is_held: bool
    reached: Sequence[Reached]


class GoalLift(msgspec.Struct, frozen=True, kw_only=True):
    """What withholding changed of one goal."""

    goal: str
    treated_mean: float
    """Outcomes a person since they were drawn."""
    held_mean: float
    outcomes: Lift | None
    """Of the number of outcomes a person; None while a group is too small."""
    value: Lift | None
    """Of their money a person, in the strategy's currency."""
    says: str
    """One sentence for people."""


class HoldOutLift(msgspec.Struct, frozen=True, kw_only=True):
    """What is known by one hold-out."""

    name: str
    """As the strategy names it; `action:NAME` where one action is withheld."""
    treated: int
    held: int
    contaminated: int
    """People who were on both sides before it was known that they are one person: left out."""
    goals: list[GoalLift]


class HoldOut:
    """Gathers the people of one hold-out.

    Parameters
    ----------
    since, now
        Outcomes count from when a person was drawn, and from `since` at the earliest, to `now`;
        as long before the draw is the past that the comparison is adjusted for.
    """

    def __init__(self, name: str, goals: Iterable[str], since: int, now: int) -> None:
        self._name = name
        self._since, self._now = since, now
        self._rows: dict[str, tuple[list[tuple[float, ...]], list[tuple[float, ...]]]] = {
            goal: ([], []) for goal in goals
        }
        self._sizes = [0, 0]
        self.contaminated = 0

    def add(self, person: Drawn) -> None:
        """Take in one person."""
        start, span = max(person.at, self._since), self._now - self._since
        side = int(person.is_held)
        self._sizes[side] += 1
        for goal, rows in self._rows.items():
            counts = [0.0, 0.0, 0.0, 0.0]
            for at, name, value in person.reached:
                if name != goal:
                    continue
                if start <= at < self._now:
                    counts[0] += 1.0
                    counts[1] += value / MICRO
                elif person.at - span <= at < person.at:
                    counts[2] += 1.0
                    counts[3] += value / MICRO
            rows[side].append(tuple(counts))

    def report(self, confidence: float = 0.95) -> HoldOutLift:
        """Compare both groups."""
        return HoldOutLift(
            name=self._name,
            treated=self._sizes[0],
            held=self._sizes[1],
            contaminated=self.contaminated,
            goals=[_compared(goal, *rows, confidence) for goal, rows in self._rows.items()],
        )


def _compared(
    goal: str,
    treated: list[tuple[float, ...]],
    held: list[tuple[float, ...]],
    confidence: float,
) -> GoalLift:
    outcomes = _lift(treated, held, 0, confidence)
    return GoalLift(
        goal=goal,
        treated_mean=_mean(treated),
        held_mean=_mean(held),
        outcomes=outcomes,
        value=_lift(treated, held, 1, confidence),
        says=_sentence(outcomes, treated, held, confidence),
    )


def _mean(rows: list[tuple[float, ...]]) -> float:
    return sum(row[0] for row in rows) / len(rows) if rows else 0.0


def _lift(
    treated: list[tuple[float, ...]], held: list[tuple[float, ...]], column: int, confidence: float
) -> Lift | None:
    groups = [
        moments_of([row[column] for row in rows], [row[column + 2] for row in rows])
        for rows in (treated, held)
    ]
    try:
        return lift(*groups, confidence=confidence)
    except InputError as error:
        if error.code != "small_group":
            raise
        return None


def _sentence(
    found: Lift | None,
    treated: list[tuple[float, ...]],
    held: list[tuple[float, ...]],
    confidence: float,
) -> str:
    if found is None:
        people = f"{len(treated):,} treated and {len(held):,} held out"
        return f"Not yet sure: {people}, and each group takes {GROUP_MIN} people at least."
    low, high = (100.0 * end for end in found.watched)
    if low == high == 0.0:
        reached = "both groups reached it alike" if _mean(treated) else "nobody reached it"
        return f"Not yet sure: {reached} so far."
    ends = f"{low:+.2f} to {high:+.2f} outcomes on 100 people"
    if not found.is_sure:
        return f"Not yet sure: {ends} at {confidence:.0%} confidence, whenever you look."
    verb = "brought about" if found.difference > 0.0 else "cost"
    amount = f"{100.0 * abs(found.difference):.2f} outcomes on 100 people"
    return f"Acting {verb} {amount}: {ends} at {confidence:.0%} confidence, whenever you look."
