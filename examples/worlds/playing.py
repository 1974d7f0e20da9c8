"""A year of a world under a policy, and what it came to for each person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from examples.worlds.parameters import MESSAGES, Parameters
from examples.worlds.world import NOTHING, YEAR, Bools, Floats, Marks, Numbers, Seen, World

RHYTHM_DAYS = 7
"""Everybody can be written to on one day of the week, and on the day after they left a cart."""


@dataclass(frozen=True)
class Morning:
    """What a policy is told before it chooses, as arrays over all people."""

    day: int
    asked: Numbers
    """Whom it may write to today."""
    has_cart: Bools
    since_order: Numbers
    """Days since the last order; 999 where there was none."""
    told_7: Numbers
    told_28: Numbers
    """Messages of the last 7 and 28 days, today included."""


class Policy(Protocol):
    """Something that chooses messages."""

    name: str

    def begin(self, marks: Marks, people: int) -> None:
        """Get to know people before the first day."""

    def choose(self, morning: Morning) -> Numbers:
        """Give a message for each person that was asked about; -1 for none."""

    def learn(self, day: int, message: Numbers, seen: Seen) -> None:
        """Take in what became of the day; `message` is what arrived, by person."""


@dataclass
class Ledger:
    """Totals of a year, each of shape (people,)."""

    name: str
    revenue: Floats
    value: Floats
    """Margin less what messages cost."""
    contacts: Numbers
    unsubscribed: Bools
    complained: Bools
    is_retained: Bools
    gain: Floats
    kind: Numbers
    asked: Numbers
    """How often there was something to choose."""
    silent: Numbers
    """How often nothing was chosen."""
    value_by_day: Floats
    """Shape (days,)."""
    silence_by_day: Floats
    sent: dict[str, int] = field(default_factory=dict)


def play(
    parameters: Parameters,
    policy: Policy,
    people: int,
    seed: int,
    days: int = YEAR,
    since: int = 0,
) -> Ledger:
    """Let a policy do as it thinks best for a year.

    Parameters
    ----------
    since
        Day from which totals count: what comes before is for learning.
    """
    world = World(parameters, people, seed)
    policy.begin(world.marks, people)
    revenue, value = np.zeros(people), np.zeros(people)
    asked_of, silent_of = np.zeros(people, dtype=int), np.zeros(people, dtype=int)
    unsubscribed, complained = np.zeros(people, dtype=bool), np.zeros(people, dtype=bool)
    since_order = np.full(people, 999)
    history = np.zeros((27, people), dtype=int)  # with today these are 28 days
    contacts, sent = np.zeros(people, dtype=int), np.zeros(len(MESSAGES), dtype=int)
    by_day, silence = np.zeros(days), np.zeros(days)
    turn = np.arange(people) % RHYTHM_DAYS
    for day in range(days):
        can = world.is_here & world.is_reachable
        asked = np.flatnonzero(can & ((turn == day % RHYTHM_DAYS) | world.has_cart))
        told_7, told_28 = history[-6:].sum(0), history.sum(0)
        morning = Morning(day, asked, world.has_cart.copy(), since_order, told_7, told_28)
        message = np.full(people, NOTHING)
        message[asked] = policy.choose(morning)
        is_told = message != NOTHING
        cost = world.cost(message)
        seen = world.live(message)
        policy.learn(day, message, seen)
        history = np.vstack((history[1:], is_told))
        since_order = np.where(seen.ordered, 0, np.minimum(since_order + 1, 999))
        if day < since:
            continue
        revenue += seen.revenue
        value += seen.margin - cost
        unsubscribed |= seen.unsubscribed
        complained |= seen.complained
        contacts += is_told
        asked_of[asked] += 1
        silent_of[asked] += ~is_told[asked]
        sent += np.bincount(message[is_told], minlength=len(MESSAGES))
        by_day[day] = (seen.margin - cost).sum()
        silence[day] = 1.0 - is_told[asked].mean() if len(asked) else 1.0
    return Ledger(
        policy.name,
        revenue,
        value,
        contacts,
        unsubscribed,
        complained,
        world.is_here.copy(),
        world.gain.copy(),
        world.kind,
        asked_of,
        silent_of,
        by_day,
        silence,
        dict(zip(MESSAGES, sent.tolist(), strict=True)),
    )
