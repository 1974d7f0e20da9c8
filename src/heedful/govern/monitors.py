"""What a strategy says about watching itself: drift of its models, fairness of its decisions."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from heedful.kernel import Span

NOT_SAID: Final = "not_said"
"""The group of people of whom the trait is not known, or lies in no declared group."""

Shown = str | int | float | bool


class Group(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """People who are compared with others: by the values of a trait, or by where it lies."""

    name: str
    """Unique within its trait."""
    values: tuple[Shown, ...] = ()
    """Values of the trait; of a trait with several values any one of them."""
    at_least: float | None = None
    """Least number of a numeric trait, inclusive."""
    below: float | None = None
    """Bound of a numeric trait, exclusive."""

    def holds(self, value: Any) -> bool:
        """Say whether a value of the trait puts a person into the group."""
        if isinstance(value, list | tuple):
            return any(self.holds(one) for one in value)
        if self.values:
            # 1 and true are equal in Python and not the same trait.
            return any(type(one) is type(value) and one == value for one in self.values)
        if value.__class__ not in (int, float):
            return False
        is_low = self.at_least is not None and value < self.at_least
        return not (is_low or (self.below is not None and value >= self.below))


class ProtectedTrait(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A trait by which nobody may be worse off, used for measuring and for nothing else."""

    trait: str
    """As in traits.yaml. No condition and no model reads it, unless a decision type says why."""
    groups: tuple[Group, ...]
    """At least two; a person is in the first that fits."""


class FairnessFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`policies/fairness.yaml`: whose treatment is compared, and what gap is too wide."""

    protected: tuple[ProtectedTrait, ...] = ()
    """Traits that are measured by; nothing is measured where there are none."""
    window: Span = "28d"
    """Sliding window of the counters."""
    ratio_min: float = 0.8
    """Least selection rate of a group over that of the best-off group: four fifths."""
    outcome_ratio_min: float | None = None
    """Least rate of reached goals of a group over that of the best-off group, where it matters."""
    value_ratio_min: float | None = None
    """Least mean worth of a decision in a group over that of the best-off group."""
    calibration_gap_max: float | None = None
    """Most by which a model's error in a group may differ from its error in another one."""
    trials_min: int = 100
    """Fewest decisions in a group from which anything is concluded."""
    factor: float | None = None
    """What the limit of an action is multiplied by when a gap is surely too wide, above 0 and
    below 1; an event alone where absent."""


class DriftFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`policies/drift.yaml`: how far models and what they see may move before it is said."""

    window: Span = "7d"
    """The present: its last decisions."""
    reference: Span = "28d"
    """The past right before the window, which the present is compared with. An alarm of which
    nothing is heard for as long is over."""
    psi_max: float = 0.25
    """Most population stability index of a model's chances, or of a value that it sees or
    conditions read."""
    calibration_max: float = 0.05
    """Most mean distance between the chances that a model saw and what came, as a share."""
    reward_max: float = 0.25
    """Most change of the mean worth of a decision, as a share of what it was."""
    evidence_max: float = 8.0
    """Most evidence, in nats, that the goal of an action comes more, or less, often than a model
    foresees; beyond it an alarm is raised. Each 2.3 more make false alarms ten times rarer."""
    trials_min: int = 200
    """Fewest decisions on either side from which anything is concluded."""
    factor: float | None = None
    """What the limit of a model is multiplied by when its calibration or reward has surely
    drifted, above 0 and below 1; an event alone where absent."""


def group_of(protected: ProtectedTrait, value: Any) -> str:
    """Name the group that a value of the trait puts a person into.

    Examples
    --------
    >>> young = Group(name="young", below=30)
    >>> group_of(ProtectedTrait(trait="age", groups=(young,)), 29)
    'young'
    >>> group_of(ProtectedTrait(trait="age", groups=(young,)), None)
    'not_said'
    """
    return next((one.name for one in protected.groups if one.holds(value)), NOT_SAID)
