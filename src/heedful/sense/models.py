"""Models that are trained over the log, as they are written: `models/*.yaml`."""

from __future__ import annotations

from typing import Literal

import msgspec

from heedful.kernel import Span
from heedful.sense.definitions import On

Rights = Literal["not_refused", "granted"]
"""Whose data trains a model: everybody who has not refused the purpose `training`, or only those
who have granted it."""


class Setback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something bad that makes customers leave, and what it is believed to cost."""

    of: str
    """An expression that counts it, such as `signals.failed_logins_7d`."""
    costs: float = 0.1
    """Share of a customer's later purchases that one of it is believed to cost, 0 to below 1."""
    strength: float = 20.0
    """How many customers of evidence the belief is worth, above 0; training moves it from there."""


class Assumed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is believed of buying and spending before the first training; times in weeks.

    Notes
    -----
    `r` and `alpha` shape the rate of buying, `s` and `beta` that of leaving (Pareto/NBD); `p`, `q`
    and `v` what is spent at a purchase (Gamma-Gamma), with a mean of `p * v / (q - 1)`.
    """

    r: float = 0.553
    alpha: float = 10.578
    s: float = 0.606
    beta: float = 11.669
    p: float = 6.25
    q: float = 3.74
    v: float = 15.44


class LifetimeDefinition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lifetime value: how likely a customer still buys, and what they are still worth."""

    buying: str
    """Name of the signal of kind `buying` that knows the purchases."""
    horizon: Span = "365d"
    """How far ahead value is counted."""
    margin: float = 1.0
    """Share of the spend that is kept, above 0 and at most 1."""
    discount: float = 0.1
    """Rate of a year at which later money counts less, 0 to 1."""
    setbacks: tuple[Setback, ...] = ()
    """What makes customers leave, beside time."""
    assumed: Assumed | None = None
    """Used until the first training; without it the signals are unknown until then."""


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a propensity is the chance of."""

    on: On
    """The event, or several."""
    within: Span
    """How soon it has to come, such as `30d`."""
    absent: bool = False
    """Whether the chance is that none of them comes, as of a customer who leaves."""


class PropensityDefinition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A chance that something happens to a customer, or does not: accepting, leaving."""

    target: Target
    """What it is the chance of."""
    population: str | None = None
    """A condition that says whom it is about, such as `signals.orders >= 1`; everybody else."""
    features: tuple[str, ...]
    """Expressions that give numbers or true and false, such as `signals.orders`."""
    learner: Literal["linear", "trees"] = "linear"
    """Logistic regression, whose terms can be read, or boosted trees."""
    every: Span = "30d"
    """Time between the days on which training looks at every customer."""
    looks: int = 6
    """How many such days at most, 3 or more; the last ones judge and calibrate."""


class AheadDefinition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The long game: what a message changes about the months after it, by where a person stands.

    Notes
    -----
    Once it is trained, every candidate of retention and growth has the term `ahead`: what comes
    after it less what comes after silence, for a person who is as recent, as tired of us, as
    trusting and in such a need.
    """

    horizon: str = "365d"
    """Time after which money counts a third of what it counts now."""
    at_most: float = 20.0
    """Money that later may count for in a decision, either way."""
    by_value: bool = True
    """Whether it counts more for whom a model of lifetime value foresees to be worth more, from a
    quarter to four times; without such a model all count alike."""


class ModelFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`models/NAME.yaml`: one model that `heedful train` learns over the log.

    Notes
    -----
    Exactly one of `lifetime`, `propensity` and `ahead` is given.
    """

    model: str
    """Name of the model; a propensity is read as `signals.propensity_NAME`."""
    lifetime: LifetimeDefinition | None = None
    propensity: PropensityDefinition | None = None
    ahead: AheadDefinition | None = None
    rights: Rights = "not_refused"
    """Whose data trains it: `not_refused`, or `granted` where only consent will do."""
    description: str = ""
    """What it is for, in words for people."""

    @property
    def kind(self) -> str:
        """Which of its parts is given."""
        if self.lifetime is not None:
            return "lifetime"
        return "propensity" if self.propensity is not None else "ahead"
