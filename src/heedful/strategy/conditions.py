"""Conditions of needs, rules and actions: what they may read, and each fault at its own column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from heedful.decide.names import AUTOMATIC, condition_names
from heedful.expr import Expression, Names, Open, Record, Shape, Type, compile_expression
from heedful.kernel import InputError
from heedful.sense import EVENT_NAMES, SignalSet, compile_signals
from heedful.sense.definitions import On, Pattern, read_patterns
from heedful.sense.evaluate import parse_automatic
from heedful.strategy.contradictions import contradiction
from heedful.strategy.parts import Part, Parts
from heedful.strategy.people import profile_of, purposes_of
from heedful.strategy.sections import ConsentFile, SignalsFile, TraitsFile
from heedful.strategy.signals import automatic_of, signals_of
from heedful.strategy.yaml import StrategyProblem

_AUTO: Final = ("signals", "auto")


def signals_compiled(parts: Parts) -> SignalSet:
    """Compile the signals of all files that have no fault; the faults are told elsewhere."""
    return compile_signals(signals_of(parts), automatic_of(parts), faults=[])


def names_of(parts: Parts) -> Names:
    """Give what a condition may read; any name where a file that declares it cannot be read."""
    signals = parts.once(signals_compiled)
    profile = profile_of(parts) if _is_right(parts, TraitsFile) else None
    names = condition_names(signals, profile.traits if profile else {}, purposes_of(parts))
    roots: dict[str, Shape] = dict(names.roots)
    if parts.is_whole(SignalsFile):
        # A signal with a fault of its own is not told again by those who read it.
        written: dict[str, Shape] = {s.name: Type.ANY for s in signals_of(parts)}
        compiled = {name: signal.type for name, signal in signals.signals.items()}
        roots["signals"] = Record(fields={**written, **compiled, "auto": AUTOMATIC})
    else:
        roots["signals"] = Open()
    if not parts.is_whole(ConsentFile):
        roots["consents"] = Open()
    return Names(roots=roots)


def _is_right(parts: Parts, kind: type[TraitsFile]) -> bool:
    if not parts.is_whole(kind):
        return False
    try:
        profile_of(parts)
    except InputError:
        return False
    return True


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
    read = compiled(part, path, text, parts.once(names_of), problems)
    if read is None:
        return None
    problems += _automatic_faults(part, path, text, read, parts)
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


def _automatic_faults(
    part: Part[Any], path: str, text: str, read: Expression, parts: Parts
) -> list[StrategyProblem]:
    signals = parts.once(signals_compiled)
    found = []
    for names in read.paths:
        if names[:2] != _AUTO:
            continue
        try:
            parse_automatic(".".join(names[1:]), signals)
        except InputError:
            at = max(text.find(".".join(names[:3])), 0)
            sentence = part.problem(
                path,
                "an automatic signal such as signals.auto.event['Order Completed'].count",
                ".".join(names),
                "`automatic` in signals.yaml lists properties and half-lives.",
            ).text
            found.append(part.problem_saying(path, sentence, offset=at))
    return found


def patterns(
    part: Part[Any], path: str, on: On | None, problems: list[StrategyProblem]
) -> list[Pattern]:
    """Read the events of a field with their conditions, or tell what is wrong with them."""
    if on is None:
        return []
    if isinstance(on, list) and on:
        nested = [patterns(part, f"{path}[{i}]", one, problems) for i, one in enumerate(on)]
        return [pattern for found in nested for pattern in found]
    try:
        found = read_patterns(on, path)
    except InputError as error:
        problems.append(part.problem_saying(str(error.detail.get("path", path)), error.message))
        return []
    if found and found[0].where is not None:
        compiled(part, f"{path}.where", found[0].where, EVENT_NAMES, problems)
    return found
