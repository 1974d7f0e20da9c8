"""Conditions of needs, rules and actions: what they may read, and each fault at its own column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from heedful.customer import TraitRule
from heedful.decide.builtin import builtin_signals
from heedful.decide.definitions import RulesFile
from heedful.decide.foreseeing import foreseeing, signals_beside
from heedful.decide.readings import SignalFields, names_of
from heedful.expr import Expression, Names, Open, Record, Shape, Type, compile_expression
from heedful.kernel import InputError
from heedful.sense import SignalSet, compile_signals
from heedful.sense.definitions import On, Pattern, read_patterns
from heedful.sense.models import ModelFile
from heedful.strategy.contradictions import contradiction
from heedful.strategy.parts import Part, Parts
from heedful.strategy.people import profile_of, purposes_of
from heedful.strategy.sections import ConsentFile, SignalsFile, TraitsFile
from heedful.strategy.signals import automatic_of, sequences_of, signals_of
from heedful.strategy.yaml import StrategyProblem

_TRAIT_TYPES: Final = {
    "text": Type.TEXT,
    "number": Type.NUMBER,
    "bool": Type.BOOL,
    "time": Type.TEXT,
    "any": Type.ANY,
}


class _Written(SignalFields):
    """Signals by name; one with a fault of its own may be read, so that it is told once."""

    def __init__(self, signals: SignalSet, written: Iterable[str]) -> None:
        super().__init__(signals)
        self._written = dict.fromkeys(written)

    def __getitem__(self, name: str) -> Shape:
        try:
            return super().__getitem__(name)
        except KeyError:
            if name in self._written:
                return Type.ANY
            raise

    def __iter__(self) -> Iterator[str]:
        return iter({**dict.fromkeys(super().__iter__()), **self._written})


def signals_compiled(parts: Parts) -> SignalSet:
    """Compile the signals and models of all files that have no fault."""
    return foreseeing(parts.once(signals_sensed), parts.sections(ModelFile), faults=[])


def signals_sensed(parts: Parts) -> SignalSet:
    """Compile the signals of all files that have no fault, and those of built-in rules."""
    rules = parts.only(RulesFile)
    beside = signals_beside(parts.sections(ModelFile))
    definitions = (*signals_of(parts), *builtin_signals(rules.builtin), *beside)
    return compile_signals(definitions, automatic_of(parts), sequences_of(parts), faults=[])


def condition_names(parts: Parts) -> Names:
    """Give what a condition may read; any name where a file that declares it cannot be read.

    Notes
    -----
    Deciding reads any trait and any purpose; here one that nobody declared is taken for a slip
    of the pen, unless none is declared at all.
    """
    signals = parts.once(signals_compiled)
    roots: dict[str, Shape] = dict(names_of(signals).roots)
    written = (signal.name for signal in signals_of(parts))
    is_whole = parts.is_whole(SignalsFile) and parts.is_whole(ModelFile)
    roots["signals"] = Record(fields=_Written(signals, written)) if is_whole else Open()
    if traits := _declared_traits(parts):
        roots["traits"] = Record(fields=traits)
    if parts.is_whole(ConsentFile):
        roots["consents"] = Record(fields={purpose: Open() for purpose in purposes_of(parts)})
    return Names(roots=roots)


def _declared_traits(parts: Parts) -> dict[str, Shape]:
    if not parts.is_whole(TraitsFile):
        return {}
    try:
        rules = profile_of(parts).traits
    except InputError:
        return {}  # a span that is none, which is told with its trait
    return {name: _type_of(rule) for name, rule in rules.items()}


def _type_of(rule: TraitRule) -> Type:
    return Type.LIST if rule.keep == "union" else _TRAIT_TYPES[rule.type]


def compiled(
    part: Part[Any],
    path: str,
    text: str,
    names: Names,
    problems: list[StrategyProblem],
    *,
    expects: Type = Type.BOOL,
    offset: int = 0,
) -> Expression | None:
    """Compile an expression of a file, or tell its fault.

    Parameters
    ----------
    offset
        Characters of the field's text before the expression.
    """
    try:
        return compile_expression(text, names, path=path, expects=expects)
    except InputError as error:
        column = int(error.detail.get("column", 1))
        at = offset + column - 1
        said = error.message.replace(f" Column {column}.", f" Column {at + 1}.")
        problems.append(part.problem_saying(path, said, offset=at))
        return None


def condition(
    part: Part[Any],
    path: str,
    text: str | None,
    parts: Parts,
    problems: list[StrategyProblem],
    beside: Sequence[tuple[str, Expression]] = (),
) -> Expression | None:
    """Compile a condition over a person and tell it when it can never hold.

    Parameters
    ----------
    beside
        Conditions that must hold too, each with the name of its field.
    """
    if text is None:
        return None
    read = compiled(part, path, text, parts.once(condition_names), problems)
    if read is None:
        return None
    if (at := contradiction([read.tree])) is not None:
        got = f"one that asks the impossible of {at}" if at else "one that never holds"
        problems.append(part.problem(path, "a condition that can hold", got))
        return None
    trees = [other.tree for _, other in beside]
    if (at := contradiction([*trees, read.tree])) is not None:
        fields = " and ".join(f"`{field}`" for field, _ in beside)
        got = f"one that asks the impossible of {at}"
        problems.append(part.problem(path, f"a condition that can hold beside {fields}", got))
        return None
    return read


def patterns(
    part: Part[Any], path: str, on: On | None, parts: Parts, problems: list[StrategyProblem]
) -> list[Pattern]:
    """Read the events of a field with their conditions, or tell what is wrong with them."""
    if on is None:
        return []
    if isinstance(on, list) and on:
        nested = [patterns(part, f"{path}[{i}]", one, parts, problems) for i, one in enumerate(on)]
        return [pattern for found in nested for pattern in found]
    try:
        found = read_patterns(on, path)
    except InputError as error:
        problems.append(part.problem_saying(str(error.detail.get("path", path)), error.message))
        return []
    if found and found[0].where is not None:
        condition(part, f"{path}.where", found[0].where, parts, problems)
    return found
