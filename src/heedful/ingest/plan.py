"""A source's tracking plan: what its events should look like, and what happens when they do not.

A light cousin of JSON Schema. Properties that the plan does not name are always kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

import msgspec

from heedful.ingest.stamp import read_instant

Mode = Literal["allow", "warn", "quarantine", "reject"]
PropertyType = Literal[
    "any", "string", "number", "integer", "boolean", "object", "array", "timestamp"
]

_GRAVITY: Final = {"allow": 0, "warn": 1, "quarantine": 2, "reject": 3}
_FINDINGS_MAX: Final = 20


class PropertyRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one property must be. A missing one is no violation unless it is required."""

    type: PropertyType = "any"
    """What the value is in JSON; `timestamp` is any instant that ingest can read."""
    required: bool = False
    """Whether the property must be there."""
    nullable: bool = False
    """Whether null satisfies the rule; otherwise null counts as missing."""
    enum: tuple[str | int | float | bool, ...] = ()
    """The values that it may have; empty for any."""
    minimum: float | None = None
    """Least number that it may be."""
    maximum: float | None = None
    """Greatest number that it may be."""
    chars_max: int | None = None
    """Characters of a text beyond which it is wrong."""


class EventPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The properties of one event (for `identify` and `group`: the traits)."""

    properties: dict[str, PropertyRule] = {}
    """Rules by the property's name; a property without a rule is kept as it is."""
    mode: Mode | None = None
    """Overrides the plan's mode for every violation of this event."""


class TrackingPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold the planned events by name, and the mode for each kind of violation.

    Notes
    -----
    `warn` lands the event with the flag `tracking_plan` and the findings in
    `context.plan_findings`; `quarantine` keeps it aside for a later redrive; `reject` refuses it
    for good. The gravest mode among an event's findings decides. Calls other than track are
    planned under the name of their call, and pages and screens under theirs, when listed.
    """

    events: dict[str, EventPlan] = {}
    """The planned events by name."""
    unplanned_event: Mode = "allow"
    """What happens to a track call whose name is not planned."""
    missing_property: Mode = "quarantine"
    """What happens when a required property is missing or null."""
    wrong_type: Mode = "quarantine"
    """What happens when a value is of another type."""
    wrong_value: Mode = "warn"
    """What happens when a value is outside its enum, bounds or length."""


class Verdict(msgspec.Struct, frozen=True):
    """What a plan says about one event: the gravest mode and every finding in words."""

    mode: Mode
    findings: tuple[str, ...]


_CONFORMS: Final = Verdict("allow", ())


def check_plan(plan: TrackingPlan, call: str, name: str, values: dict[str, Any]) -> Verdict:
    """Compare one event with the plan.

    Examples
    --------
    >>> rules = {"order_id": PropertyRule(type="string", required=True)}
    >>> plan = TrackingPlan(events={"Order Completed": EventPlan(properties=rules)})
    >>> check_plan(plan, "track", "Order Completed", {"total": 3})
    Verdict(mode='quarantine', findings=('order_id: missing',))
    """
    event = plan.events.get(name)
    if event is None:
        if call != "track" or plan.unplanned_event == "allow":
            return _CONFORMS
        return Verdict(plan.unplanned_event, ("unplanned event",))
    mode: Mode = "allow"
    findings: list[str] = []
    for key, rule in event.properties.items():
        found = _violation(rule, values.get(key), key in values)
        if found is None:
            continue
        kind, words = found
        its_mode = event.mode or _mode_of(plan, kind)
        if its_mode == "allow":
            continue
        mode = max(mode, its_mode, key=_GRAVITY.__getitem__)
        if len(findings) < _FINDINGS_MAX:
            findings.append(f"{key}: {words}")
    return Verdict(mode, tuple(findings)) if findings else _CONFORMS


_Kind = Literal["missing", "type", "value"]


def _mode_of(plan: TrackingPlan, kind: _Kind) -> Mode:
    if kind == "missing":
        return plan.missing_property
    return plan.wrong_type if kind == "type" else plan.wrong_value


def _violation(rule: PropertyRule, value: Any, is_there: bool) -> tuple[_Kind, str] | None:
    if value is None:
        if not rule.required or (is_there and rule.nullable):
            return None
        return "missing", "missing"
    if not _TYPES[rule.type](value):
        return "type", f"is no {rule.type}"
    if rule.enum and not any(_is_same(value, one) for one in rule.enum):
        return "value", "is none of the allowed values"
    if isinstance(value, str):
        if rule.chars_max is not None and len(value) > rule.chars_max:
            return "value", f"is longer than {rule.chars_max} characters"
    elif isinstance(value, int | float):
        if rule.minimum is not None and value < rule.minimum:
            return "value", f"is less than {rule.minimum:g}"
        if rule.maximum is not None and value > rule.maximum:
            return "value", f"is more than {rule.maximum:g}"
    return None


def _is_same(value: Any, one: Any) -> bool:
    # Python holds True for 1; JSON does not.
    return value == one and (type(value) is bool) == (type(one) is bool)


def _is_number(value: Any) -> bool:
    return type(value) is int or type(value) is float


_TYPES: Final[Mapping[str, Callable[[Any], bool]]] = MappingProxyType(
    {
        "any": lambda _: True,
        "string": lambda value: type(value) is str,
        "number": _is_number,
        "integer": lambda v: type(v) is int or (type(v) is float and v.is_integer()),
        "boolean": lambda value: type(value) is bool,
        "object": lambda value: type(value) is dict,
        "array": lambda value: type(value) is list,
        "timestamp": lambda value: read_instant(value) is not None,
    }
)
