"""A year of a closed world on the screen: how Heedful learns, and whom it leaves in peace."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from examples.worlds.drawing import picture, regret_lines, silence_lines
from examples.worlds.heeding import Heedful
from examples.worlds.parameters import load
from examples.worlds.playing import Morning, Policy, play
from examples.worlds.policies import Chance, Insider, Rules
from examples.worlds.scoring import compared, figures
from examples.worlds.world import NOTHING, YEAR, Bools, Marks, Numbers, Seen, World

SAID_EVERY_DAYS = 28
Say = Callable[[str], None]


@dataclass
class Watched:
    """A policy with a line said of every four weeks."""

    policy: Policy
    say: Say

    def __post_init__(self) -> None:
        self.name = self.policy.name
        self._asked = self._silent = 0
        self._orders = 0.0

    def begin(self, marks: Marks, people: int) -> None:
        """Let it begin."""
        self.policy.begin(marks, people)

    def choose(self, morning: Morning) -> Numbers:
        """Let it choose; count silence."""
        chosen = self.policy.choose(morning)
        self._asked += len(chosen)
        self._silent += int((chosen == NOTHING).sum())
        return chosen

    def learn(self, day: int, message: Numbers, seen: Seen) -> None:
        """Let it learn; say what four weeks were like."""
        self.policy.learn(day, message, seen)
        self._orders += _count(seen.ordered)
        if (day + 1) % SAID_EVERY_DAYS == 0:
            share = self._silent / max(self._asked, 1)
            said = f"{self._asked:,} choices, {share:4.0%} silence, {self._orders:,.0f} orders"
            self.say(f"  day {day + 1:>3}: {said}")
            self._asked = self._silent = 0
            self._orders = 0.0


def _count(flags: Bools) -> int:
    return int(np.count_nonzero(flags))


def show(
    world: str, people: int, seed: int, into: Path | None, say: Say = print, days: int = YEAR
) -> None:
    """Play a year and print what came of it: regret over time, and silence by kind of people.

    Parameters
    ----------
    into
        Where to write the picture; none is written where absent or matplotlib is missing.
    """
    parameters = load(world)
    say(f"{parameters.name}: {parameters.about}")
    say(
        f"{people:,} people, {days} days. Heedful decides each mail; the world knows nothing of it."
    )
    mine = play(parameters, Watched(Heedful(seed), say), people, seed, days)
    others = [play(parameters, one, people, seed, days) for one in (Rules(), Chance(seed))]
    kind = World(parameters, people, seed).kind
    insider = play(parameters, Insider(parameters, kind), people, seed, days)
    say("")
    say("Earned less than an insider who knows of what kind everybody is, added up over the days:")
    for line in regret_lines([mine, *others], insider):
        say(line)
    say("")
    say("Share of silence, by kind of people:")
    for line in silence_lines(mine, parameters.kinds):
        say(line)
    say("")
    rules = others[0]
    revenue, contacts = (compared(mine, rules, one).percent() for one in ("revenue", "contacts"))
    said = figures(mine)
    say(f"Against batch rules: revenue {revenue}, contacts {contacts}.")
    stay, left = said["is_retained"].shown(), said["unsubscribed"].shown()
    say(f"Still customers {stay}, unsubscribed {left}.")
    if into is None:
        return
    if importlib.util.find_spec("matplotlib") is None:
        say("No picture: matplotlib is not installed (`make setup` installs it).")
        return
    picture(into, [mine, *others], insider, parameters.kinds)
    say(f"Picture: {into}")
