"""Whom does acting change? A learner chosen on people of a hold-out that it had not seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from heedful import core
from heedful.core import World
from heedful.engine.attributing import require_goal
from heedful.engine.histories import History, histories
from heedful.engine.lifting import LIFT_PEOPLE_MAX, draws_of
from heedful.kernel import InputError, expected, format_instant
from heedful.measure import Tried, choose_uplift, trial
from heedful.measure.reaching import GoalReader
from heedful.measure.special import Floats
from heedful.ports import Store

UPLIFT_GROUP_MIN: Final = 50
"""People of each group below which no learner is tried."""

DRIVERS_SHOWN: Final = 8
"""Signals that a report names as going with the change, the strongest ones."""

_SPREAD_MIN: Final = 1e-12


class Driver(msgspec.Struct, frozen=True, kw_only=True):
    """How a signal goes with how much acting changes a person."""

    signal: str
    correlation: float
    """With the score, over everybody; -1 to 1."""


class UpliftReport(msgspec.Struct, frozen=True, kw_only=True):
    """How well it is known whom acting changes."""

    goal: str
    hold_out: str
    until: str
    treated: int
    held: int
    waiting: int
    """People whose window is not over, left out."""
    learner: str
    """The one with the best held-out Qini coefficient, `response` included; empty where none
    could be tried."""
    is_useful: bool
    tried: list[Tried]
    drivers: list[Driver]
    says: str


class _One(NamedTuple):
    is_held: bool
    has_reached: bool
    features: tuple[float, ...]


def measure_uplift(
    store: Store,
    world: World,
    goal: str,
    now: int,
    *,
    hold_out: str | None = None,
    people_max: int = LIFT_PEOPLE_MAX,
    seed: int,
) -> UpliftReport:
    """Choose a learner and say whether it ranks people better than chance.

    Raises
    ------
    InputError
        `unknown_goal`, or `unknown_hold_out` when nobody was drawn for it.
    """
    require_goal(world, goal)
    name = hold_out or world.rules.contact.holdout
    reader = GoalReader(world.rules, world.dictionary)
    signals = sorted(world.signals.signals)
    people: list[_One] = []
    waiting = 0
    for history in histories(store, people_max):
        draw = draws_of(history.case.holdouts).get(name)
        if draw is None:
            continue
        if draw.at + world.rules.goals[goal].within_ms > now:
            waiting += 1
            continue
        people.append(_one(history, reader, world, goal, draw.at, draw.is_held, signals))
    if hold_out is not None and not people and not waiting:
        what = expected("a hold-out that somebody was drawn for", repr(name), "$.hold_out")
        raise InputError("unknown_hold_out", what)
    return _report(people, signals, goal, name, now, waiting, seed)


def _one(
    history: History,
    reader: GoalReader,
    world: World,
    goal: str,
    at: int,
    is_held: bool,
    signals: list[str],
) -> _One:
    """Describe a person as they were when the hold-out was drawn, and what they did since."""
    until = at + world.rules.goals[goal].within_ms
    reached = reader.reached(history.events)
    before = core.folded(world, (event for event in history.events if event.at < at))
    known = core.signals(world, before, at)
    features = tuple(_number(known, name) for name in signals)
    has_reached = any(one.goal == goal and at <= one.at <= until for one in reached)
    return _One(is_held, has_reached, features)


def _number(known: Mapping[str, Any], name: str) -> float:
    value = known.get(name)
    return float(value) if isinstance(value, bool | int | float) else 0.0


def _report(
    people: list[_One],
    signals: list[str],
    goal: str,
    name: str,
    now: int,
    waiting: int,
    seed: int,
) -> UpliftReport:
    held = sum(one.is_held for one in people)
    report = UpliftReport(
        goal=goal,
        hold_out=name,
        until=format_instant(now),
        treated=len(people) - held,
        held=held,
        waiting=waiting,
        learner="",
        is_useful=False,
        tried=[],
        drivers=[],
        says=_too_few(len(people) - held, held),
    )
    reached = sum(one.has_reached for one in people)
    if min(report.treated, held) < UPLIFT_GROUP_MIN or reached in (0, len(people)):
        return report
    x = np.array([one.features for one in people], dtype=np.float64)
    kept = np.flatnonzero(x.std(axis=0) > _SPREAD_MIN)
    # Many signals run over decades: their logarithms are closer to what a linear score can use.
    x = np.sign(x[:, kept]) * np.log1p(np.abs(x[:, kept]))
    found = trial([not one.is_held for one in people], [one.has_reached for one in people])
    chosen = choose_uplift(x, found, seed=seed)
    return msgspec.structs.replace(
        report,
        learner=chosen.model.learner,
        is_useful=chosen.is_useful,
        tried=list(chosen.tried),
        drivers=_drivers(chosen.model.score(x), x, [signals[k] for k in kept]),
        says=_sentence(chosen.model.learner, is_useful=chosen.is_useful),
    )


def _drivers(score: Floats, x: Floats, names: list[str]) -> list[Driver]:
    if score.std() <= _SPREAD_MIN:
        return []
    found = [
        Driver(signal=name, correlation=float(np.corrcoef(score, x[:, k])[0, 1]))
        for k, name in enumerate(names)
    ]
    return sorted(found, key=lambda one: (-abs(one.correlation), one.signal))[:DRIVERS_SHOWN]


def _too_few(treated: int, held: int) -> str:
    people = f"{treated:,} treated and {held:,} held out whose window is over"
    return f"Not yet sure: {people}; it takes {UPLIFT_GROUP_MIN} of each, and some who reached it."


def _sentence(learner: str, *, is_useful: bool) -> str:
    what = "who responds" if learner == "response" else "whom it changes"
    if is_useful:
        return f"People can be told apart: ranking by {what} ({learner}) beats chance."
    return (
        f"Not yet sure that people can be told apart: the best ranking, by {what}, may be chance."
    )
