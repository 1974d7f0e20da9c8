"""From checked files to what deciding takes; what it finds itself is told at its place, too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from heedful.decide.compile import compile_rules
from heedful.decide.definitions import (
    Action,
    ContactPolicy,
    Definitions,
    GoalsFile,
    ModelsFile,
    NeedsFile,
    RulesFile,
)
from heedful.govern.definitions import DecisionTypesFile
from heedful.govern.monitors import FairnessFile
from heedful.kernel import InputError
from heedful.strategy.conditions import signals_compiled
from heedful.strategy.parts import Part, Parts
from heedful.strategy.people import profile_of
from heedful.strategy.yaml import StrategyProblem

_ACTION: Final = re.compile(r"\$\.actions\[(\d+)\]")
_PLACES: Final[tuple[tuple[str, str, type[Any]], ...]] = (
    ("$.contact", "$", ContactPolicy),
    ("$.needs", "$.needs", NeedsFile),
    ("$.goals", "$.goals", GoalsFile),
    ("$.rules", "$.rules", RulesFile),
    ("$.builtin", "$.builtin", RulesFile),
    ("$.decision_types", "$.decision_types", DecisionTypesFile),
    ("$.models", "$.models", DecisionTypesFile),
    ("$.model_entries", "$.models", ModelsFile),
    ("$.default_model", "$.default", ModelsFile),
    ("$.fallback_model", "$.fallback_model", DecisionTypesFile),
)
"""Where the parts of `Definitions` stand in files: their path, the path in the file, its kind."""


def definitions_of(parts: Parts) -> Definitions:
    """Put together what all files say about deciding."""
    goals = parts.only(GoalsFile)
    rules = parts.only(RulesFile)
    types = parts.only(DecisionTypesFile)
    models = parts.only(ModelsFile)
    return Definitions(
        needs=parts.only(NeedsFile).needs,
        goals=goals.goals,
        currency=goals.currency,
        actions=parts.sections(Action),
        rules=rules.rules,
        builtin=rules.builtin,
        contact=parts.only(ContactPolicy),
        decision_types=types.decision_types,
        models=types.models,
        fallback_model=types.fallback_model,
        model_entries=models.models,
        protected=tuple(one.trait for one in parts.only(FairnessFile).protected),
        default_model=models.default,
        weighs_delay=models.weighs_delay,
        promotion=models.promotion,
    )


def check_deciding(parts: Parts) -> Iterator[StrategyProblem]:
    """Compile what has no fault so far, and tell what only compiling finds."""
    faults: list[InputError] = []
    signals = parts.once(signals_compiled)
    definitions = definitions_of(parts)
    compile_rules(definitions, signals, version="", profile=profile_of(parts), faults=faults)
    for fault in faults:
        yield _placed(fault, parts)


def _placed(fault: InputError, parts: Parts) -> StrategyProblem:
    path = str(fault.detail.get("path", "$"))
    part, own = _place(path, parts)
    if part is None:
        return StrategyProblem("needs.yaml", 1, 1, fault.message, path)
    text = fault.message.replace(f"`{path}`", f"`{own}`")
    return part.problem_saying(own, text, offset=int(fault.detail.get("column", 1)) - 1)


def _place(path: str, parts: Parts) -> tuple[Part[Any] | None, str]:
    found = _ACTION.match(path)
    if found is not None:
        actions: Sequence[Part[Any]] = parts.of(Action)
        return actions[int(found.group(1))], "$" + path[found.end() :]
    for start, own, kind in _PLACES:
        if path.startswith(start) and parts.of(kind):
            return parts.of(kind)[0], own + path[len(start) :]
    return None, path
