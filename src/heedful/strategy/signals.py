"""Signals over all their files: compiled as one set, each fault at its own place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from heedful.decide.builtin import BUILTIN, builtin_signals
from heedful.kernel import InputError
from heedful.sense import Automatic, Sequences, SignalDefinition, compile_signals
from heedful.sense.views import VIEWS
from heedful.strategy.parts import Part, Parts, repeated
from heedful.strategy.sections import SignalsFile
from heedful.strategy.yaml import StrategyProblem

_BUILTIN: Final = frozenset((*(signal.name for signal in builtin_signals(BUILTIN)), *VIEWS))
_SIGNAL: Final = re.compile(r"\$\.signals\[(\d+)\]")
_STATED: Final = re.compile(r" - at `(\$[^`]*)`")


def check_signals(parts: Parts) -> Iterator[StrategyProblem]:
    """Find every fault of a definition, names defined twice, and what stands in a second file."""
    files = parts.of(SignalsFile)
    placed = [(part, f"$.signals[{i}]") for part in files for i in range(_count(part))]
    first: dict[str, Part[SignalsFile]] = {}
    for field in ("automatic", "sequences"):
        stated = [part for part in files if getattr(part.section, field) is not None]
        if files:
            first[field] = (*stated, *files)[0]
        for part in stated[1:]:
            got = f"a second one beside that of {stated[0].file}"
            yield part.problem(f"$.{field}", f"`{field}` in one file", got)
    signals = signals_of(parts)
    both = zip(placed, signals, strict=True)
    named = [(part, f"{path}.name", signal.name) for (part, path), signal in both]
    yield from repeated(named, "each signal once")
    for part, path, name in named:
        if name in _BUILTIN:
            what = "a name that no built-in signal has"
            yield part.problem(path, what, repr(name))
    faults: list[InputError] = []
    compile_signals(signals, automatic_of(parts), sequences_of(parts), faults=faults)
    defined = {signal.name for signal in signals}
    for fault in faults:
        if not _is_consequence(fault, defined):
            yield _placed(fault, placed, first)


def _count(part: Part[SignalsFile]) -> int:
    return len(part.section.signals)


def _is_consequence(fault: InputError, defined: set[str]) -> bool:
    """Say whether a fault only follows from one that is already told."""
    if fault.code == "unknown_signal":
        return any(f"got {name!r} " in fault.message for name in defined)
    return fault.code == "duplicate_name"


def _placed(
    fault: InputError,
    placed: list[tuple[Part[SignalsFile], str]],
    first: Mapping[str, Part[SignalsFile]],
) -> StrategyProblem:
    stated = _STATED.search(fault.message)
    path = str(fault.detail.get("path") or (stated.group(1) if stated else "$"))
    found = _SIGNAL.match(path)
    if found is None:
        field = "sequences" if path.startswith("$.sequences") else "automatic"
        return first[field].problem_saying(path, fault.message)
    part, signal = placed[int(found.group(1))]
    own = signal + path[found.end() :]
    text = fault.message.replace(f"`{path}`", f"`{own}`")
    return part.problem_saying(own, text, offset=int(fault.detail.get("column", 1)) - 1)


def signals_of(parts: Parts) -> tuple[SignalDefinition, ...]:
    """List the definitions of all files, in the order of their files."""
    return tuple(signal for file in parts.sections(SignalsFile) for signal in file.signals)


def automatic_of(parts: Parts) -> Automatic:
    """Give what is sensed without being declared; the default where no file says it."""
    stated = (file.automatic for file in parts.sections(SignalsFile))
    return next((automatic for automatic in stated if automatic is not None), Automatic())


def sequences_of(parts: Parts) -> Sequences | None:
    """Give what is declared about sequences; None where no file says it."""
    stated = (file.sequences for file in parts.sections(SignalsFile))
    return next((sequences for sequences in stated if sequences is not None), None)
