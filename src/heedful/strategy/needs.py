"""Needs and goals: names, events and conditions that hang together, and money of one currency."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from heedful.decide.definitions import Goal, GoalsFile, Need, NeedsFile, Prior
from heedful.expr import Type
from heedful.kernel import DAY_MS, format_span, parse_span
from heedful.strategy.conditions import compiled, condition, condition_names, patterns
from heedful.strategy.parts import Part, Parts, check_span, repeated
from heedful.strategy.yaml import StrategyProblem

OPEN_SPAN_MS_MAX: Final = 180 * DAY_MS
"""Longest expiry of a need that nothing else closes; with a longer one it never closes in time."""

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
"""What needs, goals, actions and rules are called: the name stands in codes, files and reports."""

_CURRENCY: Final = re.compile(r"[A-Z]{3}")


def check_needs(parts: Parts) -> Iterator[StrategyProblem]:
    """Find needs that never open, never close, or close as they open."""
    files = parts.of(NeedsFile)
    placed = [
        (part, f"$.needs[{i}]", need) for part in files for i, need in enumerate(part.section.needs)
    ]
    for part, path, need in placed:
        yield from check_name(part, f"{path}.name", need.name)
        yield from _check_need(part, path, need, parts)
    named = [(part, f"{path}.name", need.name) for part, path, need in placed]
    yield from repeated(named, "each need once")


def check_name(part: Part[Any], path: str, name: str) -> Iterator[StrategyProblem]:
    """Find a name that could not stand in a code, a file name or a report."""
    if not NAME.fullmatch(name):
        remedy = "Use small letters, digits and `_`, at most 64, a letter first."
        yield part.problem(path, "a name such as cannot_pay", repr(name[:128]), remedy)


def _check_need(
    part: Part[NeedsFile], path: str, need: Need, parts: Parts
) -> Iterator[StrategyProblem]:
    problems: list[StrategyProblem] = []
    condition(part, f"{path}.opens_when", need.opens_when, parts, problems)
    closes = condition(part, f"{path}.closes_when", need.closes_when, parts, problems)
    patterns(part, f"{path}.closes_on", need.closes_on, parts, problems)
    if closes is not None and need.closes_when == need.opens_when:
        what = "another condition than the one that opens the need"
        problems.append(part.problem(f"{path}.closes_when", what, "the same"))
    yield from problems
    faults = list(check_span(part, f"{path}.expires_after", need.expires_after))
    yield from faults
    closes_itself = need.closes_on is not None or need.closes_when is not None
    if not faults and not closes_itself and parse_span(need.expires_after) > OPEN_SPAN_MS_MAX:
        what = f"`closes_on`, `closes_when`, or an expiry within {format_span(OPEN_SPAN_MS_MAX)}"
        remedy = "A need that stays open keeps every lower tier shut."
        yield part.problem(f"{path}.expires_after", what, need.expires_after, remedy)


def check_goals(parts: Parts) -> Iterator[StrategyProblem]:
    """Find goals of another currency, windows that are none, and values that are no money."""
    for part in parts.of(GoalsFile):
        currency = part.section.currency
        if not _CURRENCY.fullmatch(currency):
            yield part.problem("$.currency", "a code of three letters such as EUR", repr(currency))
        for name, goal in part.section.goals.items():
            path = f"$.goals.{name}"
            yield from check_name(part, path, name)
            yield from _check_goal(part, path, goal, currency, parts)


def _check_goal(
    part: Part[GoalsFile], path: str, goal: Goal, currency: str, parts: Parts
) -> Iterator[StrategyProblem]:
    problems: list[StrategyProblem] = []
    patterns(part, f"{path}.on", goal.on, parts, problems)
    condition(part, f"{path}.where", goal.where, parts, problems)
    if isinstance(goal.value, str):
        place = f"{path}.value"
        names = parts.once(condition_names)
        compiled(part, place, goal.value, names, problems, expects=Type.NUMBER)
    yield from problems
    yield from check_span(part, f"{path}.within", goal.within)
    if goal.currency is not None and goal.currency != currency:
        remedy = "A strategy counts in one currency; convert the value in its expression."
        what, got = f"{currency} as in all goals", goal.currency
        yield part.problem(f"{path}.currency", what, got, remedy)
    yield from check_prior(part, f"{path}.prior", goal.prior)


def check_prior(part: Part[Any], path: str, prior: Prior) -> Iterator[StrategyProblem]:
    """Find a belief that is no probability, or that is worth nothing."""
    if not 0 < prior.p < 1:
        what = "a probability above 0 and below 1"
        yield part.problem(f"{path}.p", what, f"{prior.p:g}", "4 % is 0.04.")
    if prior.strength <= 0:
        yield part.problem(f"{path}.strength", "more than 0 observations", f"{prior.strength:g}")


def is_worth_money(goal: Goal) -> bool:
    """Say whether reaching a goal counts as money."""
    if isinstance(goal.value, str):
        return True
    return goal.value > 0 or bool(goal.margin)
