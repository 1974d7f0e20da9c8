"""Sources, their tracking plans and webhooks: what has to hold, and the rules made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from heedful.ingest import (
    EventPlan,
    IngestLimits,
    PropertyRule,
    SourceRules,
    TrackingPlan,
    WebhookMapping,
    load_mapping,
)
from heedful.kernel import InputError
from heedful.strategy.parts import Part, Parts, did_you_mean, misnamed, repeated
from heedful.strategy.sections import SourceEntry, SourcesFile
from heedful.strategy.yaml import StrategyProblem

_LIMITS: Final = IngestLimits.__struct_fields__
_BOUNDED: Final = ("number", "integer", "any")


def check_sources(parts: Parts) -> Iterator[StrategyProblem]:
    """Find names that stand twice, plans that stand nowhere, and limits below 1."""
    files = parts.of(SourcesFile)
    entries = [
        (part, f"$.sources[{i}]", entry)
        for part in files
        for i, entry in enumerate(part.section.sources)
    ]
    plans = [part.file for part in parts.of(TrackingPlan)]
    for part, path, entry in entries:
        yield from misnamed(part, f"{path}.name", entry.name)
        for limit in _LIMITS:
            value = getattr(entry.limits, limit)
            if value < 1:
                yield part.problem(f"{path}.limits.{limit}", "at least 1", str(value))
        plan, place = entry.tracking_plan, f"{path}.tracking_plan"
        if isinstance(plan, TrackingPlan):
            yield from _check_plan(part, place, plan)
        elif plan is not None and plan not in plans and parts.is_whole(TrackingPlan):
            remedy = did_you_mean(plan, plans, "Write one as tracking-plans/NAME.yaml.")
            yield part.problem(place, "the file of a tracking plan", repr(plan), remedy)
    named = [(part, f"{path}.name", entry.name) for part, path, entry in entries]
    yield from repeated(named, "each source once")
    webhooks = {mapping.name for mapping in parts.sections(WebhookMapping)}
    for part, path, entry in entries:
        if entry.name in webhooks and entry.kind != "webhook":
            what = f"`kind: webhook`, since there is a webhook {entry.name!r}"
            yield part.problem(f"{path}.kind", what, f"`{entry.kind}`")


def check_plans(parts: Parts) -> Iterator[StrategyProblem]:
    """Find rules of a tracking plan that no value satisfies, or that never apply."""
    for part in parts.of(TrackingPlan):
        yield from _check_plan(part, "$", part.section)


def _check_plan(part: Part[Any], path: str, plan: TrackingPlan) -> Iterator[StrategyProblem]:
    for event, planned in plan.events.items():
        yield from _check_event(part, f"{path}.events.{event}.properties", planned)


def _check_event(part: Part[Any], path: str, planned: EventPlan) -> Iterator[StrategyProblem]:
    for name, rule in planned.properties.items():
        yield from _check_property(part, f"{path}.{name}", rule)


def _check_property(part: Part[Any], path: str, rule: PropertyRule) -> Iterator[StrategyProblem]:
    for bound in ("minimum", "maximum"):
        if getattr(rule, bound) is not None and rule.type not in _BOUNDED:
            got = f"`type: {rule.type}`"
            yield part.problem(f"{path}.{bound}", f"a number where there is a {bound}", got)
    if rule.minimum is not None and rule.maximum is not None and rule.minimum > rule.maximum:
        what = f"a maximum of at least {rule.minimum:g}"
        yield part.problem(f"{path}.maximum", what, f"{rule.maximum:g}")
    if rule.chars_max is not None and rule.chars_max < 1:
        yield part.problem(f"{path}.chars_max", "at least 1 character", str(rule.chars_max))


def check_webhooks(parts: Parts) -> Iterator[StrategyProblem]:
    """Find mappings that could not read a delivery, and names that stand twice."""
    files = parts.of(WebhookMapping)
    for part in files:
        yield from misnamed(part, "$.name", part.section.name)
        yield from _check_mapping(part)
    named = [(part, "$.name", part.section.name) for part in files]
    yield from repeated(named, "a webhook of its own name")


def _check_mapping(part: Part[WebhookMapping]) -> Iterator[StrategyProblem]:
    # Ingest refuses a mapping as a whole; one rule at a time says which rule it is.
    data = part.document.data
    without = {**data, "rules": []}
    if (error := _refusal(without)) is not None:
        yield from _refused(part, "$", without, error)
        return
    for i, rule in enumerate(data["rules"]):
        if (error := _refusal({**without, "rules": [rule]})) is not None:
            yield from _refused(part, f"$.rules[{i}]", rule, error)


def _refusal(data: Mapping[str, Any]) -> InputError | None:
    try:
        load_mapping(data)
    except InputError as error:
        return error
    return None


def _refused(
    part: Part[WebhookMapping], path: str, data: Any, error: InputError
) -> Iterator[StrategyProblem]:
    place = next((p for p, text in _texts(data, path) if f"got {text!r} " in error.message), path)
    wanted, _, _ = error.message.partition(" - at `")
    yield part.problem_saying(place, f"{wanted} - at `{place}`.")


def _texts(data: Any, path: str) -> Iterator[tuple[str, str]]:
    """Walk the texts of a tree, names of entries included, with their paths."""
    if isinstance(data, str):
        yield path, data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield f"{path}.{key}", key
            yield from _texts(value, f"{path}.{key}")
    elif isinstance(data, list):
        for i, value in enumerate(data):
            yield from _texts(value, f"{path}[{i}]")


def sources_of(parts: Parts) -> dict[str, SourceRules]:
    """Make the rules of every source; a webhook is one without being listed."""
    plans = {part.file: part.section for part in parts.of(TrackingPlan)}
    rules = {name: SourceRules(name=name, kind="webhook") for name in webhooks_of(parts)}
    for file in parts.sections(SourcesFile):
        for entry in file.sources:
            rules[entry.name] = _source(entry, plans)
    return dict(sorted(rules.items()))


def _source(entry: SourceEntry, plans: Mapping[str, TrackingPlan]) -> SourceRules:
    plan = entry.tracking_plan
    return SourceRules(
        name=entry.name,
        kind=entry.kind,
        limits=IngestLimits(**msgspec.structs.asdict(entry.limits)),
        plan=plans[plan] if isinstance(plan, str) else plan,
        enabled=entry.enabled,
    )


def webhooks_of(parts: Parts) -> dict[str, WebhookMapping]:
    """Give the mappings of all webhooks by their names."""
    return {mapping.name: mapping for mapping in parts.sections(WebhookMapping)}
