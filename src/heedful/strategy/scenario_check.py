"""Scenarios before they are played: stories in order, and names that are there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from heedful.decide.definitions import DO_NOTHING, Action, NeedsFile
from heedful.decide.gates import REASONS
from heedful.govern.definitions import IncidentsFile
from heedful.govern.scopes import check_scope
from heedful.kernel import InputError, parse_instant, parse_span
from heedful.strategy.contact import channel_problem
from heedful.strategy.parts import Part, Parts, check_span, did_you_mean, repeated
from heedful.strategy.people import known_purposes, unknown_purpose
from heedful.strategy.scenario_file import (
    Expect,
    ExpectedDecision,
    ExpectedEffect,
    Happening,
    Scenario,
    ScenariosFile,
    Somebody,
)
from heedful.strategy.sections import ConsentFile
from heedful.strategy.yaml import StrategyProblem

NO_DECISION: Final = "none"
"""Stands for the decision that was not made."""

KINDS: Final = (
    "track",
    "page",
    "screen",
    "identify",
    "consent",
    "decide",
    "outcome",
    "approve",
    "refuse",
    "stop",
    "start",
    "incident",
)
"""What a happening may be."""


def check_scenarios(parts: Parts) -> Iterator[StrategyProblem]:
    """Find stories out of order, expectations of nothing, and names that stand nowhere."""
    for part in parts.of(ScenariosFile):
        yield from _check_instant(part, "$.at", part.section.at)
        yield from _check_somebody(part, "$.customer", part.section.customer, parts)
        named = []
        for i, scenario in enumerate(part.section.scenarios):
            path = f"$.scenarios[{i}]"
            named.append((part, f"{path}.scenario", scenario.scenario))
            yield from _check_scenario(part, path, scenario, parts)
        yield from repeated(named, "each scenario once")


def _check_instant(
    part: Part[ScenariosFile], path: str, text: str | None
) -> Iterator[StrategyProblem]:
    if text is not None and parse_instant(text) is None:
        yield part.problem(path, "a time such as 2026-01-07T10:00:00Z", repr(text))


def _check_scenario(
    part: Part[ScenariosFile], path: str, scenario: Scenario, parts: Parts
) -> Iterator[StrategyProblem]:
    yield from _check_instant(part, f"{path}.at", scenario.at)
    if scenario.customer is not None:
        yield from _check_somebody(part, f"{path}.customer", scenario.customer, parts)
    latest = 0
    for i, event in enumerate(scenario.events):
        place = f"{path}.events[{i}]"
        faults = list(check_span(part, f"{place}.at", event.at, least_ms=0))
        yield from faults
        if not faults:
            yield from _check_order(part, f"{place}.at", event.at, latest)
            latest = max(latest, parse_span(event.at))
        yield from _check_happening(part, place, event, parts)
    if scenario.until is not None:
        place = f"{path}.until"
        faults = list(check_span(part, place, scenario.until, least_ms=0))
        yield from faults
        if not faults:
            yield from _check_order(part, place, scenario.until, latest)
    if scenario.expect is not None:
        yield from _check_expect(part, f"{path}.expect", scenario.expect, parts)
    for i, one in enumerate(scenario.never):
        place = f"{path}.never[{i}]"
        if isinstance(one, str):
            yield from _check_action(part, place, one, parts)
        else:
            yield from _check_effect(part, place, one, parts)
    expects = [scenario.expect, *(event.expect for event in scenario.events)]
    if not scenario.never and not any(expects):
        yield part.problem(path, "`expect` or `never`", "neither, so nothing is proved")


def _check_somebody(
    part: Part[ScenariosFile], path: str, somebody: Somebody, parts: Parts
) -> Iterator[StrategyProblem]:
    for purpose, said in somebody.consents.items():
        place = f"{path}.consents.{purpose}"
        yield from _check_purpose(part, place, purpose, parts)
        for channel in () if isinstance(said, str) else said:
            yield from channel_problem(part, f"{place}.{channel}", channel, parts)
    if not parts.is_whole(Action):
        return
    known = [action.action for action in parts.sections(Action) if action.hold_out]
    for i, name in enumerate(somebody.held_out_of):
        what = "an action with `hold_out`"
        yield from _unknown(part, f"{path}.held_out_of[{i}]", name, known, what)


def _check_purpose(
    part: Part[ScenariosFile], path: str, purpose: str, parts: Parts
) -> Iterator[StrategyProblem]:
    if parts.is_whole(ConsentFile) and purpose not in (known := known_purposes(parts)):
        yield unknown_purpose(part, path, purpose, known)


def _check_order(
    part: Part[ScenariosFile], path: str, text: str, latest: int
) -> Iterator[StrategyProblem]:
    if parse_span(text) < latest:
        yield part.problem(path, "a time not before the event above", repr(text))


def _check_happening(
    part: Part[ScenariosFile], path: str, event: Happening, parts: Parts
) -> Iterator[StrategyProblem]:
    given = [kind for kind in KINDS if getattr(event, kind) is not None]
    if len(given) > 1:
        yield part.problem(path, "one thing that happens", " and ".join(given))
    if not given and event.expect is None:
        what = f"one of {', '.join(KINDS)}, or `expect`"
        yield part.problem(path, what, "neither")
    if (said := event.consent) is not None:
        place = f"{path}.consent"
        yield from _check_purpose(part, f"{place}.purpose", said.purpose, parts)
        if said.channel is not None:
            yield from channel_problem(part, f"{place}.channel", said.channel, parts)
    if event.outcome is not None:
        yield from _check_action(part, f"{path}.outcome.of", event.outcome.of, parts)
    for field in ("approve", "refuse"):
        name = getattr(event, field)
        if name is not None:
            yield from _check_action(part, f"{path}.{field}", name, parts)
    for switch in ("stop", "start"):
        scope = getattr(event, switch)
        if scope is not None:
            yield from _check_switch(part, f"{path}.{switch}", scope)
    if event.incident is not None and parts.is_whole(IncidentsFile):
        plans = [plan.name for file in parts.sections(IncidentsFile) for plan in file.incidents]
        if event.incident not in plans:
            remedy = did_you_mean(event.incident, plans, "policies/incidents.yaml declares them.")
            yield part.problem(f"{path}.incident", "an incident", repr(event.incident), remedy)
    if event.expect is not None:
        yield from _check_expect(part, f"{path}.expect", event.expect, parts)


def _check_switch(part: Part[ScenariosFile], path: str, scope: str) -> Iterator[StrategyProblem]:
    try:
        check_scope(scope, path)
    except InputError as error:
        yield part.problem_saying(path, error.message)


def _check_expect(
    part: Part[ScenariosFile], path: str, expect: Expect, parts: Parts
) -> Iterator[StrategyProblem]:
    decision = expect.decision
    if isinstance(decision, str):
        if decision != NO_DECISION:
            yield from _check_action(part, f"{path}.decision", decision, parts)
    elif decision is not None:
        yield from _check_decision(part, f"{path}.decision", decision, parts)
    for field in ("gates", "withdrawn"):
        for name in getattr(expect, field):
            yield from _check_action(part, f"{path}.{field}.{name}", name, parts)
    for name, code in expect.gates.items():
        yield from _unknown(part, f"{path}.gates.{name}", code, REASONS, "the code of a gate")
    for i, name in enumerate(expect.needs or ()):
        yield from _check_need(part, f"{path}.needs[{i}]", name, parts)
    for message_class, span in (expect.silences or {}).items():
        yield from check_span(part, f"{path}.silences.{message_class}", span)
    for i, effect in enumerate(expect.effects):
        yield from _check_effect(part, f"{path}.effects[{i}]", effect, parts)
    if expect.quiet and expect.effects:
        yield part.problem(f"{path}.quiet", "`effects` or `quiet`", "both")


def _check_decision(
    part: Part[ScenariosFile], path: str, decision: ExpectedDecision, parts: Parts
) -> Iterator[StrategyProblem]:
    if decision.action is not None:
        yield from _check_action(part, f"{path}.action", decision.action, parts)
    if decision.need is not None:
        yield from _check_need(part, f"{path}.need", decision.need, parts)
    if decision.channel is not None:
        yield from channel_problem(part, f"{path}.channel", decision.channel, parts)


def _check_effect(
    part: Part[ScenariosFile], path: str, effect: ExpectedEffect, parts: Parts
) -> Iterator[StrategyProblem]:
    if effect.action is not None:
        yield from _check_action(part, f"{path}.action", effect.action, parts)
    if effect.channel is not None:
        yield from channel_problem(part, f"{path}.channel", effect.channel, parts)


def _check_action(
    part: Part[ScenariosFile], path: str, name: str, parts: Parts
) -> Iterator[StrategyProblem]:
    if parts.is_whole(Action):
        known = (DO_NOTHING, *(action.action for action in parts.sections(Action)))
        yield from _unknown(part, path, name, known, "an action")


def _check_need(
    part: Part[ScenariosFile], path: str, name: str, parts: Parts
) -> Iterator[StrategyProblem]:
    if parts.is_whole(NeedsFile):
        known = [need.name for file in parts.sections(NeedsFile) for need in file.needs]
        yield from _unknown(part, path, name, known, "a need")


def _unknown(
    part: Part[ScenariosFile], path: str, name: str, known: Iterable[str], what: str
) -> Iterator[StrategyProblem]:
    listed = tuple(known)
    if name not in listed:
        yield part.problem(path, what, repr(name), did_you_mean(name, listed))
