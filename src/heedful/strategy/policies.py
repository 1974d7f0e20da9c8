"""Policies about governing: what that room finds, at its place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from heedful.decide.definitions import Action, ModelsFile
from heedful.decide.gates import GATES
from heedful.govern.checks import (
    check_approvals,
    check_decision_types,
    check_guardrails,
    check_incidents,
    check_values,
)
from heedful.govern.definitions import (
    ApprovalsFile,
    DecisionTypesFile,
    GuardrailsFile,
    IncidentsFile,
    ValuesFile,
)
from heedful.strategy.parts import Parts, misnamed, told
from heedful.strategy.scenario_file import ScenariosFile
from heedful.strategy.yaml import StrategyProblem

METRICS: Final = (
    "shown",
    "accepted",
    "rejected",
    "ignored",
    "converted",
    "unsubscribed",
    "complained",
    "released",
    "withdrawn",
    "decisions_by_tier",
    "gated_by_reason",
    "silences",
    "lift",
)
"""What a value may name as its metric: the counts of outcomes, releases, gates and the lift."""


def check_decision_types_file(parts: Parts) -> Iterator[StrategyProblem]:
    """Find types without an owner, and high risk without its oversight."""
    for part in parts.of(DecisionTypesFile):
        yield from told(part, check_decision_types(part.section))


def check_models_file(parts: Parts) -> Iterator[StrategyProblem]:
    """Find models whose name could not stand in a command; compiling finds the rest."""
    for part in parts.of(ModelsFile):
        for i, entry in enumerate(part.section.models):
            yield from misnamed(part, f"$.models[{i}].name", entry.name)


def check_guardrails_file(parts: Parts) -> Iterator[StrategyProblem]:
    """Find guardrails that never tighten."""
    for part in parts.of(GuardrailsFile):
        yield from told(part, check_guardrails(part.section))


def check_approvals_file(parts: Parts) -> Iterator[StrategyProblem]:
    """Find numbers of approvals that nobody can give."""
    for part in parts.of(ApprovalsFile):
        yield from told(part, check_approvals(part.section))


def check_incidents_file(parts: Parts) -> Iterator[StrategyProblem]:
    """Find plans that announce themselves by an action that is not there."""
    actions = [action.action for action in parts.sections(Action)]
    for part in parts.of(IncidentsFile):
        faults = check_incidents(part.section, actions)
        if not parts.is_whole(Action):
            faults = [fault for fault in faults if fault.code != "unknown_name"]
        yield from told(part, faults)


def check_values_file(parts: Parts) -> Iterator[StrategyProblem]:
    """Find values that no gate enforces, no metric shows and no scenario of the folder proves."""
    proofs = [part.file for part in parts.of(ScenariosFile)]
    for part in parts.of(ValuesFile):
        faults = check_values(part.section, GATES, METRICS, proofs)
        if not parts.is_whole(ScenariosFile):
            faults = [f for f in faults if ".proofs[" not in str(f.detail.get("path"))]
        yield from told(part, faults)
