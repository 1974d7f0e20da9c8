"""What a scenario expects against what was found, each difference at its own line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, get_args

import msgspec

from heedful.decide import Decision
from heedful.effects import MessageClass
from heedful.kernel import format_span, parse_span
from heedful.strategy.parts import Part
from heedful.strategy.scenario_check import NO_DECISION
from heedful.strategy.scenario_file import (
    Expect,
    ExpectedDecision,
    ExpectedEffect,
    ScenariosFile,
)
from heedful.strategy.stage import Gone, Play, Record
from heedful.strategy.yaml import StrategyProblem

_CLASSES: Final[tuple[MessageClass, ...]] = get_args(MessageClass)
_SHOWN_MAX: Final = 6  # decisions or messages written out in a sentence


def unmet(
    part: Part[ScenariosFile], path: str, expect: Expect, seen: Record, play: Play
) -> Iterator[StrategyProblem]:
    """Tell what was expected and not found."""
    if expect.decision is not None:
        yield from _decision(part, f"{path}.decision", expect.decision, seen)
    for action, code in expect.gates.items():
        yield from _gate(part, f"{path}.gates.{action}", action, code, seen)
    if expect.needs is not None:
        found = sorted(need.name for need in play.case.open_needs())
        if found != sorted(expect.needs):
            what = f"open needs: {_listed(sorted(expect.needs))}"
            yield part.problem(f"{path}.needs", what, _listed(found))
    if expect.silences is not None:
        yield from _silences(part, f"{path}.silences", expect, play)
    for i, effect in enumerate(expect.effects):
        if not any(matches(effect, gone) for gone in seen.gone):
            what = f"{_written(effect)} to go out"
            yield part.problem(f"{path}.effects[{i}]", what, _listed(map(_told, seen.gone)))
    for action, code in expect.withdrawn.items():
        if not any((died.action, died.code) == (action, code) for died in seen.died):
            found = [f"{died.action} ({died.code})" for died in seen.died]
            what = f"{action} withdrawn as {code}"
            yield part.problem(f"{path}.withdrawn.{action}", what, _listed(found))
    if expect.quiet and seen.gone:
        yield part.problem(f"{path}.quiet", "nothing to go out", _listed(map(_told, seen.gone)))


def unwanted(
    part: Part[ScenariosFile], path: str, never: str | ExpectedEffect, story: Record
) -> Iterator[StrategyProblem]:
    """Tell what reached the person and never should."""
    effect = ExpectedEffect(action=never) if isinstance(never, str) else never
    found = [gone for gone in story.gone if matches(effect, gone)]
    if found:
        yield part.problem(path, f"never {_written(effect)}", _listed(map(_told, found)))


def matches(effect: ExpectedEffect, gone: Gone) -> bool:
    """Say whether what went out is what is meant."""
    return (
        effect.action in (None, gone.action)
        and effect.channel in (None, gone.channel)
        and effect.message_class in (None, gone.message_class)
        and effect.webhook in (None, gone.webhook)
        and effect.event in (None, gone.event)
        and (effect.says is None or effect.says in gone.words)
    )


def _decision(
    part: Part[ScenariosFile], path: str, wanted: str | ExpectedDecision, seen: Record
) -> Iterator[StrategyProblem]:
    found = [_named(decision) for decision in seen.decisions]
    if wanted == NO_DECISION:
        if found:
            yield part.problem(path, "no decision", _listed(found))
        return
    expected = ExpectedDecision(action=wanted) if isinstance(wanted, str) else wanted
    if any(_is(decision, expected) for decision in seen.decisions):
        return
    remedy = "" if expected.action is None else _why_not(expected.action, seen)
    yield part.problem(path, f"the decision {_written(expected)}", _listed(found), remedy)


def _is(decision: Decision, expected: ExpectedDecision) -> bool:
    fields = msgspec.structs.asdict(expected)
    return all(value in (None, getattr(decision, name)) for name, value in fields.items())


def _why_not(action: str, seen: Record) -> str:
    codes = _codes(action, seen)
    return f"{action}: {', '.join(codes)}." if codes else ""


def _codes(action: str, seen: Record) -> list[str]:
    """List the reasons of all arms of an action, each once."""
    candidates = [c for decision in seen.decisions for c in decision.candidates]
    return list(dict.fromkeys(c.reason_code for c in candidates if c.action == action))


def _gate(
    part: Part[ScenariosFile], path: str, action: str, code: str, seen: Record
) -> Iterator[StrategyProblem]:
    for decision in seen.decisions:
        arms = [c for c in decision.candidates if c.action == action]
        is_stopped = all(arm.verdict == "gated" for arm in arms)
        if is_stopped and any(arm.reason_code == code for arm in arms):
            return
    found = ", ".join(_codes(action, seen)) or "no decision that looked at it"
    yield part.problem(path, f"{action} stopped as {code}", found)


def _silences(
    part: Part[ScenariosFile], path: str, expect: Expect, play: Play
) -> Iterator[StrategyProblem]:
    for name in _CLASSES:
        wanted = (expect.silences or {}).get(name)
        until = play.case.silenced_until(name, play.now)
        left = until - play.now if until else 0
        if left == (0 if wanted is None else parse_span(wanted)):
            continue
        what = f"{name} messages muted for {wanted}" if wanted else f"{name} messages not muted"
        got = f"muted for {format_span(left)}" if left else "not muted"
        yield part.problem(f"{path}.{name}", what, got)


# In words


def _written(wanted: ExpectedDecision | ExpectedEffect) -> str:
    given = {k: v for k, v in msgspec.to_builtins(wanted).items() if v is not None}
    return ", ".join(f"{name} {value}" for name, value in given.items()) or "of any kind"


def _named(decision: Decision) -> str:
    about = (decision.channel, decision.need or decision.tier, decision.reason)
    return f"{decision.action} ({', '.join(filter(None, about))})"


def _told(gone: Gone) -> str:
    if gone.webhook:
        return f"{gone.action} (webhook {gone.webhook}, event {gone.event})"
    return f"{gone.action} ({gone.channel}, {gone.message_class})"


def _listed(names: Iterator[str] | list[str] | map[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _SHOWN_MAX} more" if len(listed) > _SHOWN_MAX else ""
    return (", ".join(listed[:_SHOWN_MAX]) + more) or "nothing"
