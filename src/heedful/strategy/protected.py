"""Protected traits: declared for measuring, and read by no condition without a reason."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

import msgspec

from heedful.decide.definitions import Action, GoalsFile, NeedsFile, RulesFile
from heedful.expr import Names, Open, Type, compile_expression
from heedful.govern.definitions import DecisionTypesFile
from heedful.govern.monitor_checks import check_drift, check_fairness
from heedful.govern.monitors import DriftFile, FairnessFile
from heedful.kernel import InputError
from heedful.strategy.parts import Part, Parts, did_you_mean, told
from heedful.strategy.sections import SignalsFile, TraitsFile
from heedful.strategy.yaml import StrategyProblem

_EXPRESSIONS: Final = frozenset(
    (
        "applicable",
        "by",
        "closes_when",
        "eligible",
        "of",
        "opens_when",
        "suitable",
        "value",
        "weight",
        "when",
        "where",
    )
)
"""Fields that hold an expression, in any file."""

_ROOTS: Final = ("accounts", "consents", "context", "event", "properties", "signals", "traits")
_NAMES: Final = Names(roots={**{root: Open() for root in _ROOTS}, "now": Type.NUMBER})
_TRAITS: Final = "traits"


def check_fairness_file(parts: Parts) -> Iterator[StrategyProblem]:
    """Find traits that are not declared, and conditions that read a protected one."""
    for file in parts.of(FairnessFile):
        yield from told(file, check_fairness(file.section))
        yield from _unknown_traits(file, parts)
    protected = protected_of(parts)
    if not protected:
        return
    reasons = {
        one.name: one.reads_protected for one in parts.only(DecisionTypesFile).decision_types
    }
    for action in parts.of(Action):
        said = reasons.get(action.section.decision_type, {})
        allowed = frozenset(trait for trait, why in said.items() if why.strip())
        yield from _reading(action, protected - allowed, action.section.decision_type)
    for kind in (NeedsFile, GoalsFile, RulesFile, SignalsFile):
        for part in parts.of(kind):
            yield from _reading(part, protected, None)


def check_drift_file(parts: Parts) -> Iterator[StrategyProblem]:
    """Find spans and limits that could never be crossed."""
    for part in parts.of(DriftFile):
        yield from told(part, check_drift(part.section))


def protected_of(parts: Parts) -> frozenset[str]:
    """Name the protected traits."""
    return frozenset(one.trait for one in parts.only(FairnessFile).protected)


def _unknown_traits(part: Part[FairnessFile], parts: Parts) -> Iterator[StrategyProblem]:
    known = [entry.name for entry in parts.only(TraitsFile).traits]
    if not known or not parts.is_whole(TraitsFile):
        return
    for i, one in enumerate(part.section.protected):
        if one.trait not in known:
            remedy = did_you_mean(one.trait, known, "List it in traits.yaml.")
            yield part.problem(f"$.protected[{i}].trait", "a declared trait", one.trait, remedy)


def _reading(
    part: Part[Any], protected: frozenset[str], decision_type: str | None
) -> Iterator[StrategyProblem]:
    """Find the expressions of a file that read a protected trait."""
    where = "policies/decision-types.yaml"
    remedy = "Protected traits are for measuring; ask for it in an action with a reason."
    if decision_type is not None:
        remedy = f"Leave it out, or say why under `reads_protected` of {decision_type} in {where}."
    for path, text in _expressions(msgspec.to_builtins(part.section, str_keys=True), "$"):
        for trait in sorted(_traits_in(text) & protected):
            got = f"one that reads the protected trait {trait}"
            yield part.problem(path, "a condition that reads no protected trait", got, remedy)


def _expressions(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from _expressions(item, f"{path}[{i}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            place = f"{path}.{key}"
            if key in _EXPRESSIONS and isinstance(item, str):
                yield place, item
            else:
                yield from _expressions(item, place)


def _traits_in(text: str) -> frozenset[str]:
    """Name the traits that an expression reads, of the person or of the event; empty for a word."""
    try:
        paths = compile_expression(text, _NAMES).paths
    except InputError:
        return frozenset()  # no expression, or one whose fault is told elsewhere
    return frozenset(name for path in paths for before, name in pairwise(path) if before == _TRAITS)
