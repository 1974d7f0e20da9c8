"""Identity, traits and consent: what has to hold beyond the types, and the rules made of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from heedful.customer import IdentityRules, Namespace, ProfileRules, TraitRule
from heedful.customer.rules import NAMESPACE_CHARS_MAX
from heedful.ingest import WebhookMapping
from heedful.kernel import parse_span
from heedful.strategy.parts import (
    Part,
    Parts,
    check_span,
    did_you_mean,
    misnamed,
    repeated,
)
from heedful.strategy.sections import (
    SERVICE,
    ConsentFile,
    IdentityFile,
    SourcesFile,
    TraitEntry,
    TraitsFile,
)
from heedful.strategy.yaml import StrategyProblem

_READABLE: Final = ("traits", "properties", "context")
"""The parts of an event in which an identifier may stand."""

_OPTIONS_LISTED_MAX: Final = 8


def check_identity(parts: Parts) -> Iterator[StrategyProblem]:
    """Find limits that nothing satisfies, and names that stand twice or nowhere."""
    for part in parts.of(IdentityFile):
        rules = part.section
        spaces = [(f"$.namespaces[{i}]", space) for i, space in enumerate(rules.namespaces)]
        for path, space in spaces:
            yield from _check_namespace(part, path, space)
        named = [(part, f"{path}.name", space.name) for path, space in spaces]
        yield from repeated(named, "each namespace once")
        if rules.alias_max < 1:
            yield part.problem("$.alias_max", "at least 1 user id", str(rules.alias_max))
        known = [space.name for space in rules.namespaces]
        for name in rules.blocked:
            if name not in known:
                remedy = did_you_mean(name, known, "List it under `namespaces`.")
                what = "one of the namespaces"
                yield part.problem(f"$.blocked.{name}", what, repr(name), remedy)


def _check_namespace(
    part: Part[IdentityFile], path: str, space: Namespace
) -> Iterator[StrategyProblem]:
    if not 0 < len(space.name) <= NAMESPACE_CHARS_MAX:
        what = f"a name of 1 to {NAMESPACE_CHARS_MAX} characters"
        yield part.problem(f"{path}.name", what, f"{len(space.name)} characters")
    if space.limit < 1:
        yield part.problem(f"{path}.limit", "a limit of at least 1", str(space.limit))
    if space.shared_after < 0:
        remedy = "0 means never."
        got = str(space.shared_after)
        yield part.problem(f"{path}.shared_after", "0 partners or more", got, remedy)
    if space.from_ is not None:
        steps = space.from_.split(".")
        if len(steps) < 2 or not all(steps) or steps[0] not in _READABLE:
            remedy = did_you_mean(steps[0], _READABLE)
            what = "a path such as traits.email, properties.card or context.device.id"
            yield part.problem(f"{path}.from", what, repr(space.from_), remedy)


def check_traits(parts: Parts) -> Iterator[StrategyProblem]:
    """Find unknown purposes and sources, spans that are none, and rules that say nothing."""
    files = parts.of(TraitsFile)
    purposes = known_purposes(parts) if parts.is_whole(ConsentFile) else None
    sources = _known_sources(parts)
    for part in files:
        for i, entry in enumerate(part.section.traits):
            path = f"$.traits[{i}]"
            if not entry.name:
                yield part.problem(f"{path}.name", "the name of a trait", "an empty text")
            if purposes is not None and entry.purpose not in purposes:
                yield unknown_purpose(part, f"{path}.purpose", entry.purpose, purposes)
            if entry.top < 1:
                yield part.problem(f"{path}.top", "at least 1 value", str(entry.top))
            yield from _check_expiry(part, path, entry)
            yield from _check_sources(part, path, entry, sources)
        if part.section.undeclared_max < 0:
            got = str(part.section.undeclared_max)
            yield part.problem("$.undeclared_max", "0 traits or more", got)
    named = [
        (part, f"$.traits[{i}].name", entry.name)
        for part in files
        for i, entry in enumerate(part.section.traits)
    ]
    yield from repeated(named, "each trait once")


def _check_expiry(
    part: Part[TraitsFile], path: str, entry: TraitEntry
) -> Iterator[StrategyProblem]:
    if entry.expires_after is None:
        return
    yield from check_span(part, f"{path}.expires_after", entry.expires_after)


def _check_sources(
    part: Part[TraitsFile], path: str, entry: TraitEntry, known: tuple[str, ...] | None
) -> Iterator[StrategyProblem]:
    if entry.keep == "source_priority" and not entry.sources:
        remedy = "Add for example `sources: [backend, web]`."
        yield part.problem(f"{path}.keep", "`sources`, best first", "none", remedy)
    if entry.keep != "source_priority" and entry.sources:
        remedy = "Write `keep: source_priority`, or leave `sources` out."
        got = f"`keep: {entry.keep}`"
        yield part.problem(f"{path}.sources", "no sources with this rule", got, remedy)
    for i, source in enumerate(entry.sources):
        if known is not None and source not in known:
            remedy = did_you_mean(source, known, "List it in sources.yaml.")
            what = "the name of a source"
            yield part.problem(f"{path}.sources[{i}]", what, repr(source), remedy)


def check_consent(parts: Parts) -> Iterator[StrategyProblem]:
    """Find purposes that stand twice and categories that stand for an unknown one."""
    for part in parts.of(ConsentFile):
        section = part.section
        named = [(part, f"$.purposes[{i}]", name) for i, name in enumerate(section.purposes)]
        for _, path, name in named:
            yield from misnamed(part, path, name)
        yield from repeated(named, "each purpose once")
        for category, purpose in section.categories.items():
            if purpose not in (known := known_purposes(parts)):
                yield unknown_purpose(part, f"$.categories.{category}", purpose, known)


def unknown_purpose(
    part: Part[Any], path: str, name: str, known: tuple[str, ...]
) -> StrategyProblem:
    """Say which purposes there are instead of one that nothing declares."""
    listed = f"Known are {', '.join(known[:_OPTIONS_LISTED_MAX])}; consent.yaml declares them."
    return part.problem(path, "a known purpose", repr(name), did_you_mean(name, known, listed))


def _known_sources(parts: Parts) -> tuple[str, ...] | None:
    # Without sources.yaml any name may send, so nothing is known to be wrong.
    if not parts.of(SourcesFile) or not (
        parts.is_whole(SourcesFile) and parts.is_whole(WebhookMapping)
    ):
        return None
    listed = [entry.name for file in parts.sections(SourcesFile) for entry in file.sources]
    return (*listed, *(mapping.name for mapping in parts.sections(WebhookMapping)))


def purposes_of(parts: Parts) -> tuple[str, ...]:
    """List what a person can agree to."""
    files = parts.sections(ConsentFile) or (ConsentFile(),)
    return tuple(name for file in files for name in file.purposes)


def known_purposes(parts: Parts) -> tuple[str, ...]:
    """List the purposes that a trait, and later an action, may name."""
    return tuple(dict.fromkeys((SERVICE, *purposes_of(parts))))


def identity_of(parts: Parts) -> IdentityRules:
    """Give the rules of identity; the defaults where there is no file."""
    file = (*parts.sections(IdentityFile), IdentityFile())[0]
    return IdentityRules(namespaces=file.namespaces, blocked=file.blocked, alias_max=file.alias_max)


def profile_of(parts: Parts) -> ProfileRules:
    """Make the rules of the profile from files without problems."""
    file = (*parts.sections(TraitsFile), TraitsFile())[0]
    consent = (*parts.sections(ConsentFile), ConsentFile())[0]
    return ProfileRules(
        traits={entry.name: _trait(entry) for entry in file.traits},
        categories=dict(consent.categories),
        undeclared_max=file.undeclared_max,
    )


def _trait(entry: TraitEntry) -> TraitRule:
    return TraitRule(
        name=entry.name,
        keep=entry.keep,
        purpose=entry.purpose,
        type=entry.type,
        top=entry.top,
        sources=entry.sources,
        expires_after_ms=None if entry.expires_after is None else parse_span(entry.expires_after),
    )
