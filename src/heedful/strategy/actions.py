"""Actions: what they name is there, what they ask can be, and their class is what they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from heedful.decide.compile_actions import WAITING_TIERS
from heedful.decide.compiled import FREE_CLASSES, MOMENT
from heedful.decide.definitions import (
    DO_NOTHING,
    Action,
    ContactPolicy,
    GoalsFile,
    ModelsFile,
    Need,
    NeedsFile,
)
from heedful.decide.limits import LEVER_MAX, LEVER_MIN
from heedful.expr import Expression
from heedful.govern.checks import check_decision_type_use
from heedful.govern.definitions import DecisionTypesFile, IncidentsFile
from heedful.kernel import InputError, parse_span
from heedful.strategy.conditions import condition
from heedful.strategy.contact import cap_problems, channel_problem
from heedful.strategy.needs import check_name, check_prior, is_worth_money
from heedful.strategy.parts import Part, Parts, check_span, did_you_mean, repeated, told
from heedful.strategy.people import known_purposes
from heedful.strategy.placeholders import placeholder_problems, texts_of
from heedful.strategy.sections import SERVICE, ConsentFile
from heedful.strategy.yaml import StrategyProblem

MARKETING: Final = "marketing"
"""The purpose that a promotional action needs where it names no other."""

_CONDITIONS: Final = ("eligible", "applicable", "suitable")


def check_actions(parts: Parts) -> Iterator[StrategyProblem]:
    """Find names that stand nowhere, actions that can never pass, and classes that dodge caps."""
    files = parts.of(Action)
    for part in files:
        action = part.section
        yield from _check_name(part, action.action)
        yield from _check_names(part, action, parts)
        yield from _check_incident(part, action, parts)
        yield from _check_channels(part, action, parts)
        yield from _check_conditions(part, action, parts)
        yield from _check_money(part, action)
        yield from _check_class(part, action, parts)
        yield from _check_treatments(part, action, parts)
        yield from cap_problems(part, "$.caps", action.caps, parts)
        yield from _check_moments(part, action, parts)
        yield from check_span(part, "$.stands_for", action.stands_for)
        yield from check_span(part, "$.expires_after", action.expires_after)
        yield from _check_silence(part, action)
    yield from repeated(((part, "$.action", part.section.action) for part in files), "each once")


def _check_name(part: Part[Action], name: str) -> Iterator[StrategyProblem]:
    faults = list(check_name(part, "$.action", name))
    yield from faults
    if name == DO_NOTHING:
        remedy = "Silence is always there; it is no file."
        yield part.problem("$.action", "another name", f"`{DO_NOTHING}`", remedy)
    file = f"actions/{name.replace('_', '-')}.yaml"
    if not faults and part.file != file:
        yield part.problem("$.action", f"the name of its file, {part.file}", repr(name))


def _check_names(part: Part[Action], action: Action, parts: Parts) -> Iterator[StrategyProblem]:
    if parts.is_whole(GoalsFile):
        goals = [name for file in parts.sections(GoalsFile) for name in file.goals]
        if action.goal not in goals:
            remedy = did_you_mean(action.goal, goals, "goals.yaml declares them.")
            yield part.problem("$.goal", "a goal", repr(action.goal), remedy)
    if parts.is_whole(NeedsFile):
        yield from _check_needs(part, action, parts)
    if parts.is_whole(DecisionTypesFile):
        file = parts.only(DecisionTypesFile)
        yield from told(
            part,
            check_decision_type_use(action.decision_type, file.decision_types, "$.decision_type"),
        )
        known = [*file.models, *(one.name for one in parts.only(ModelsFile).models)]
        if action.model is not None and action.model not in known:
            listed = "policies/models.yaml declares them."
            remedy = did_you_mean(action.model, known, listed)
            yield part.problem("$.model", "a listed model", repr(action.model), remedy)
    if parts.is_whole(ContactPolicy) and action.budget is not None:
        yield from _check_budget(part, action.cost, action.budget, parts)


def _check_budget(
    part: Part[Action], cost: float, name: str, parts: Parts
) -> Iterator[StrategyProblem]:
    budgets = {n: one for file in parts.sections(ContactPolicy) for n, one in file.budgets.items()}
    budget = budgets.get(name)
    if budget is None:
        listed = "policies/contact.yaml declares them."
        yield part.problem("$.budget", "a budget", repr(name), did_you_mean(name, budgets, listed))
    elif 0 < budget.amount < cost:
        what = f"a cost within the budget {name}, {budget.amount:g} a {budget.per}"
        remedy = "With it the action can never be done."
        yield part.problem("$.cost", what, f"{cost:g}", remedy)


def _check_needs(part: Part[Action], action: Action, parts: Parts) -> Iterator[StrategyProblem]:
    known = {need.name: need for file in parts.sections(NeedsFile) for need in file.needs}
    for i, name in enumerate(action.needs):
        place = f"$.needs[{i}]"
        if name not in known:
            remedy = did_you_mean(name, known, "needs.yaml declares them.")
            yield part.problem(place, "a need", repr(name), remedy)
        elif known[name].tier != action.tier:
            what = f"a need of the action's tier, {action.tier}"
            yield part.problem(place, what, f"{name} of tier {known[name].tier}")
    is_free = action.message_class in FREE_CLASSES
    if action.needs or action.tier == "growth" or is_free or action.only_in_incidents:
        return
    if not _of_tier(known.values(), action.tier):
        remedy = "Without one the action can never be chosen."
        what = f"a need of tier {action.tier} in needs.yaml"
        yield part.problem("$.tier", what, "none", remedy)


def _of_tier(needs: Iterable[Need], tier: str) -> bool:
    return any(need.tier == tier for need in needs)


def _check_incident(part: Part[Action], action: Action, parts: Parts) -> Iterator[StrategyProblem]:
    if not action.only_in_incidents or not parts.is_whole(IncidentsFile):
        return
    plans = parts.only(IncidentsFile).incidents
    if all(plan.message != action.action for plan in plans):
        what = f"an incident of policies/incidents.yaml whose message is {action.action}"
        remedy = "Without one the action can never be chosen."
        yield part.problem("$.only_in_incidents", what, "none", remedy)


def _check_channels(part: Part[Action], action: Action, parts: Parts) -> Iterator[StrategyProblem]:
    if not action.channels and not action.effects.webhooks and action.effects.silence is None:
        remedy = "Without any of them it does nothing."
        yield part.problem("$.channels", "a channel, a webhook or a silence", "none", remedy)
    yield from repeated(
        ((part, f"$.channels[{i}]", name) for i, name in enumerate(action.channels)),
        "each channel once",
    )
    for i, name in enumerate(action.channels):
        yield from channel_problem(part, f"$.channels[{i}]", name, parts)
    if not parts.is_whole(ConsentFile):
        return
    purposes = known_purposes(parts)
    if action.purpose is not None and action.purpose not in purposes:
        remedy = did_you_mean(action.purpose, purposes, "consent.yaml declares them.")
        yield part.problem("$.purpose", "a known purpose", repr(action.purpose), remedy)
    elif action.message_class == "promotional":
        yield from _check_consent(part, action, purposes)


def _check_consent(
    part: Part[Action], action: Action, purposes: tuple[str, ...]
) -> Iterator[StrategyProblem]:
    what = f"a purpose that people consent to before promotion on {', '.join(action.channels)}"
    if action.purpose == SERVICE:
        remedy = "Nobody is asked for it; name one of consent.yaml."
        yield part.problem("$.purpose", what, f"`{SERVICE}`", remedy)
    elif action.purpose is None and MARKETING not in purposes:
        remedy = f"Give `purpose`, or list `{MARKETING}` in consent.yaml."
        yield part.problem("$.channels", what, "none", remedy)


def _check_conditions(
    part: Part[Action], action: Action, parts: Parts
) -> Iterator[StrategyProblem]:
    problems: list[StrategyProblem] = []
    beside: list[tuple[str, Expression]] = []
    for field in _CONDITIONS:
        text = getattr(action, field)
        read = condition(part, f"$.{field}", text, parts, problems, beside)
        if read is not None:
            beside.append((field, read))
    yield from problems


def _check_money(part: Part[Action], action: Action) -> Iterator[StrategyProblem]:
    if action.cost < 0:
        yield part.problem("$.cost", "a cost of 0 or more", f"{action.cost:g}")
    if action.benefit < 0:
        remedy = "What harms the person is never chosen."
        yield part.problem("$.benefit", "a benefit of 0 or more", f"{action.benefit:g}", remedy)
    if not LEVER_MIN <= action.lever <= LEVER_MAX:
        what = f"a factor of {LEVER_MIN:g} to {LEVER_MAX:g}"
        yield part.problem("$.lever", what, f"{action.lever:g}")
    yield from check_prior(part, "$.prior", action.prior)


def _check_class(part: Part[Action], action: Action, parts: Parts) -> Iterator[StrategyProblem]:
    """Tell what sells and stands in a class that consent, caps or silence do not stop."""
    if action.message_class == "service":
        goal = _goals(parts).get(action.goal)
        if action.tier == "growth" and goal is not None and is_worth_money(goal):
            what = f"`class: promotional` for growth whose goal {action.goal} is worth money"
            got = "`class: service`, which needs no consent and passes the silence of promotion"
            yield part.problem("$.class", what, got)
    if action.message_class not in FREE_CLASSES:
        return
    reason = _what_sells(action, parts)
    if reason is not None:
        got = f"`class: {action.message_class}`, which passes every cap and silence"
        what = f"`class: promotional` or `class: service` for an action {reason}"
        yield part.problem("$.class", what, got)


def _what_sells(action: Action, parts: Parts) -> str | None:
    """Say what about an action sells; None where nothing does."""
    if action.tier == "growth":
        return "of tier growth"
    goal = _goals(parts).get(action.goal)
    if goal is not None and is_worth_money(goal):
        return f"whose goal {action.goal} is worth money"
    words = set(_words(action))
    for other in parts.sections(Action):
        if other.message_class != "promotional" or other.action == action.action:
            continue
        if other.goal == action.goal:
            return f"with the goal of the promotional {other.action}"
        if words & set(_words(other)):
            return f"with the words of the promotional {other.action}"
    return None


def _check_silence(part: Part[Action], action: Action) -> Iterator[StrategyProblem]:
    silence = action.effects.silence
    if silence is None:
        return
    yield from check_span(part, "$.effects.silence.for", silence.span)
    is_muted = silence.of == action.message_class and silence.of not in FREE_CLASSES
    if action.channels and is_muted:
        what = f"the silence of another class than the action's own, {action.message_class}"
        remedy = "The action would mute itself and never go out."
        yield part.problem("$.effects.silence", what, silence.of, remedy)


def _check_moments(part: Part[Action], action: Action, parts: Parts) -> Iterator[StrategyProblem]:
    seen: list[int] = []
    for i, text in enumerate(action.may_wait):
        path = f"$.may_wait[{i}]"
        faults = list(check_span(part, path, text))
        yield from faults
        if faults:
            continue
        goal, wait = _goals(parts).get(action.goal), parse_span(text, path)
        if action.tier not in WAITING_TIERS or action.message_class in FREE_CLASSES:
            remedy = "Help, and what is owed, is said at once."
            got = f"tier {action.tier}, class {action.message_class}"
            yield part.problem(path, "an action of retention or growth", got, remedy)
        elif not action.channels:
            yield part.problem(path, "a channel whose message may wait", "none")
        elif goal is not None and wait >= _span_of(goal.within):
            remedy = "What is said later than that can no longer lead to it."
            what = f"a slot within the window of the goal {action.goal}, {goal.within}"
            yield part.problem(path, what, repr(text), remedy)
        elif wait in seen:
            yield part.problem(path, "each slot once", repr(text))
        seen.append(wait)
    for i, treatment in enumerate(action.treatments):
        if MOMENT in treatment.name:
            remedy = "It stands between a treatment and its later slot."
            path = f"$.treatments[{i}].name"
            yield part.problem(path, f"a name without {MOMENT}", repr(treatment.name), remedy)


def _span_of(text: str) -> int:
    """Read a span; one without end where it is none, which is told elsewhere."""
    try:
        return parse_span(text)
    except InputError:
        return 1 << 62


def _goals(parts: Parts) -> dict[str, Any]:
    return {name: goal for file in parts.sections(GoalsFile) for name, goal in file.goals.items()}


def _words(action: Action) -> list[str]:
    return [t.body.strip() for t in action.treatments if t.body.strip()]


def _check_treatments(
    part: Part[Action], action: Action, parts: Parts
) -> Iterator[StrategyProblem]:
    if not action.treatments:
        remedy = "Without one there is nothing to say; leave the field out for the default."
        yield part.problem("$.treatments", "at least one treatment", "none", remedy)
    arms = []
    for i, treatment in enumerate(action.treatments):
        path = f"$.treatments[{i}]"
        told_apart_by = (treatment.name, treatment.channel, treatment.language)
        arms.append((part, path, " ".join(filter(None, told_apart_by))))
        if treatment.channel is not None and treatment.channel not in action.channels:
            remedy = did_you_mean(treatment.channel, action.channels)
            what, got = "one of the action's channels", repr(treatment.channel)
            yield part.problem(f"{path}.channel", what, got, remedy)
    yield from repeated(arms, "one treatment for each name, channel and language")
    for path, text in texts_of(action):
        yield from placeholder_problems(part, path, text, parts)
