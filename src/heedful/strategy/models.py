"""Models that are trained over the log: compiled over their files, each fault at its own place."""

from __future__ import annotations

from collections.abc import Iterator

from heedful.decide.foreseeing import foreseeing
from heedful.kernel import InputError
from heedful.sense.models import ModelFile
from heedful.strategy.conditions import signals_sensed
from heedful.strategy.needs import check_name
from heedful.strategy.parts import Parts, repeated, told
from heedful.strategy.yaml import StrategyProblem


def check_models(parts: Parts) -> Iterator[StrategyProblem]:
    """Find models that cannot be trained, and those that say what another one says."""
    files = parts.of(ModelFile)
    for part in files:
        yield from check_name(part, "$.model", part.section.model)
    named = [(part, "$.model", part.section.model) for part in files]
    yield from repeated(named, "each model once")
    faults: list[tuple[int, InputError]] = []
    foreseeing(parts.once(signals_sensed), models_of(parts), faults=faults)
    for place, fault in faults:
        yield from told(files[place], [fault])


def models_of(parts: Parts) -> tuple[ModelFile, ...]:
    """List the models of all files, in the order of their files."""
    return parts.sections(ModelFile)
