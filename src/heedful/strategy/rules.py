"""Rules: triggers that can fire, and no two that answer the same event in contradiction."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

from heedful.decide.definitions import Action, Rule, RulesFile
from heedful.expr import Expression
from heedful.sense.definitions import ANY_NAME, Pattern
from heedful.strategy.conditions import condition, patterns
from heedful.strategy.contradictions import contradiction
from heedful.strategy.needs import check_name
from heedful.strategy.parts import Part, Parts, check_span, did_you_mean, repeated
from heedful.strategy.yaml import StrategyProblem

BUILTIN = RulesFile().builtin
"""The rules that are shipped."""


class _Read(NamedTuple):
    part: Part[RulesFile]
    path: str
    rule: Rule
    patterns: list[Pattern]
    when: Expression | None


def check_rules(parts: Parts) -> Iterator[StrategyProblem]:
    """Find rules that never fire, and pairs that contradict each other on one event."""
    files = parts.of(RulesFile)
    read: list[_Read] = []
    for part in files:
        for i, name in enumerate(part.section.builtin):
            if name not in BUILTIN:
                remedy = did_you_mean(name, BUILTIN, f"Known are {', '.join(BUILTIN)}.")
                yield part.problem(f"$.builtin[{i}]", "a built-in rule", repr(name), remedy)
        for i, rule in enumerate(part.section.rules):
            problems: list[StrategyProblem] = []
            read.append(_read(part, f"$.rules[{i}]", rule, parts, problems))
            yield from problems
    named = [(one.part, f"{one.path}.name", one.rule.name) for one in read]
    yield from repeated(named, "each rule once")
    for first, second in combinations(read, 2):
        if _can_meet(first, second):
            yield from _contradicting(first, second, parts)


def _read(
    part: Part[RulesFile], path: str, rule: Rule, parts: Parts, problems: list[StrategyProblem]
) -> _Read:
    problems += check_name(part, f"{path}.name", rule.name)
    if rule.on is None and rule.when is None:
        remedy = "Without them it would answer every event."
        problems.append(part.problem(path, "`on` or `when`", "neither", remedy))
    if rule.silence is not None:
        problems += check_span(part, f"{path}.silence.for", rule.silence.span)
    problems += check_span(part, f"{path}.act_within", rule.act_within)
    problems += check_span(part, f"{path}.at_most_every", rule.at_most_every, least_ms=0)
    on = patterns(part, f"{path}.on", rule.on, parts, problems)
    when = condition(part, f"{path}.when", rule.when, parts, problems)
    return _Read(part, path, rule, on, when)


def _can_meet(first: _Read, second: _Read) -> bool:
    """Say whether one event may fire both."""
    if first.patterns and second.patterns:
        pairs = ((a, b) for a in first.patterns for b in second.patterns)
        if not any(_overlap(a, b) for a, b in pairs):
            return False
    trees = [one.when.tree for one in (first, second) if one.when is not None]
    return contradiction(trees) is None


def _overlap(one: Pattern, other: Pattern) -> bool:
    is_any = ANY_NAME in (one.name, other.name)
    return one.type == other.type and (is_any or one.name == other.name)


def _contradicting(first: _Read, second: _Read, parts: Parts) -> Iterator[StrategyProblem]:
    here, there = second.rule.silence, first.rule.silence
    if here is not None and there is not None:
        if here.of == there.of and here.span != there.span:
            what = f"`for: {there.span}` as in {first.rule.name}, which answers the same event"
            path = f"{second.path}.silence"
            yield second.part.problem(path, what, f"`for: {here.span}`")
        return
    for silent, loud in ((first, second), (second, first)):
        silence = silent.rule.silence
        if silence is None or loud.rule.silence is not None or not parts.is_whole(Action):
            continue
        classes = {action.message_class for action in _decided(loud.rule, parts)}
        if classes == {silence.of}:
            what = f"a rule that decides something else than {silence.of} messages"
            got = f"one on the same event that {silent.rule.name} answers with their silence"
            yield loud.part.problem(loud.path, what, got)


def _decided(rule: Rule, parts: Parts) -> Iterator[Action]:
    """List the actions that a rule's decision may choose."""
    for action in parts.sections(Action):
        fits = not action.placements or rule.placement in action.placements
        if fits or rule.placement is None:
            yield action
