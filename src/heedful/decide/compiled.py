"""A strategy's needs, goals, actions and rules once they are read: spans in ms, money in micros."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from heedful.decide.definitions import TIERS, Action, Tier
from heedful.decide.fill import Template
from heedful.decide.readings import Condition
from heedful.decide.touch import EventMatch
from heedful.effects import MessageClass
from heedful.govern.definitions import DecisionType
from heedful.govern.hours import QuietSpan
from heedful.govern.scopes import Subject
from heedful.learn import Prior

TIER_RANK: Final[dict[str, int]] = {tier: rank for rank, tier in enumerate(TIERS)}
GROWTH_RANK: Final = TIER_RANK["growth"]

FREE_CLASSES: Final = frozenset(("transactional", "mandatory"))
"""Classes that pass tiers, caps, silence and hold-outs; never consent, suppression, incidents."""

CapKind = Literal["person", "action", "group", "channel", "class"]


class NeedRule(NamedTuple):
    """A need that may open."""

    name: str
    tier: Tier
    rank: int
    position: int
    """Among all needs, in the order in which they are answered."""
    opens: Condition
    closes_on: tuple[EventMatch, ...]
    closes_when: Condition | None
    expires_ms: int


class GoalRule(NamedTuple):
    """An outcome that counts."""

    name: str
    on: tuple[EventMatch, ...]
    within_ms: int
    value: int | Condition
    """Micros, or what gives units of the currency when it is evaluated on the event."""
    margin: int | None
    """Micros that an outcome is expected to be worth; None where experience has to tell."""
    prior: Prior


class CapRule(NamedTuple):
    """At most so many messages in a window."""

    at_most: int
    within_ms: int
    per: CapKind
    of: str | None


MOMENT: Final = "@"
"""Between a treatment and the later slot that it is said in; no name of a treatment holds it."""


def said_and_when(treatment: str) -> tuple[str, str]:
    """Split what an arm is called into how it is said and the slot, empty for now.

    Examples
    --------
    >>> said_and_when("warm@4h"), said_and_when("warm")
    (('warm', '4h'), ('warm', ''))
    """
    said, _, moment = treatment.partition(MOMENT)
    return said, moment


class WebhookRule(NamedTuple):
    """A call to another system."""

    destination: str
    event: str
    data: object
    """As written, each text a template."""


class ArmRule(NamedTuple):
    """An action said in one way on one channel."""

    number: int
    """Among all arms of the strategy."""
    action: str
    channel: str
    treatment: str
    language: str | None
    title: Template
    body: Template
    url: Template
    subject: Subject
    """Under which it can be stopped."""
    purposes: tuple[str, ...]
    """Consents that it needs; `service` stands for one that nobody has to give."""
    is_loud: bool
    """Whether quiet hours of the workspace bind its channel and class."""
    wait_ms: int = 0
    """How long after the decision its slot is; its treatment then ends in `@` and the span."""

    @property
    def id(self) -> tuple[str, str, str]:
        """What tells it from every other arm."""
        return self.action, self.channel, self.treatment


class ActionRule(NamedTuple):
    """One thing that can be done."""

    name: str
    tier: Tier
    rank: int
    message_class: MessageClass
    needs: tuple[str, ...]
    decision_type: DecisionType
    goal: GoalRule
    eligible: Condition | None
    applicable: Condition | None
    suitable: Condition | None
    about: tuple[str, ...]
    """Categories; while a high intent is for another one, it makes no sense."""
    cost: int
    benefit: int
    d_clv: int
    lever_ppm: int
    weight: Condition | None
    """Context weight of the product formula; 1 where absent."""
    prior: Prior
    group: str | None
    budget: str | None
    caps: tuple[CapRule, ...]
    """Its own."""
    is_capped: bool
    """Whether everybody's caps bind its class."""
    stands_ms: int
    expires_ms: int
    model: str
    """The model that may decide it: its own, or the transparent fallback."""
    is_fallback: bool
    needs_person: bool
    """Whether no model is transparent enough for its decision type."""
    needs_approval: bool
    """Whether a person has to agree before its release."""
    silence: tuple[MessageClass, int] | None
    """A class that is muted with it, and for how long."""
    webhooks: tuple[WebhookRule, ...]
    placements: frozenset[str]
    arms: tuple[ArmRule, ...]
    conditions: tuple[Condition, ...]
    definition: Action
    hold_out_ppm: int = 0
    """Share of people from whom it is withheld to prove what it brings, in millionths."""

    @property
    def is_free(self) -> bool:
        """Whether its class passes tiers, caps, silence and hold-outs."""
        return self.message_class in FREE_CLASSES

    @property
    def is_momentary(self) -> bool:
        """Whether its conditions speak of the event at hand."""
        return any(condition.is_momentary for condition in self.conditions)


class TriggerRule(NamedTuple):
    """A declared rule: when to decide, or to mute, without being asked."""

    name: str
    on: tuple[EventMatch, ...]
    when: Condition | None
    placement: str | None
    silence: tuple[MessageClass, int] | None
    act_within_ms: int
    pause_ms: int


class ContactRules(NamedTuple):
    """How often, when, to whom, at what price."""

    caps: tuple[CapRule, ...]
    capped: frozenset[str]
    own_hours: tuple[QuietSpan, ...]
    zones_assumed: tuple[str, ...]
    zone_trait: str
    fatigue_micros: int
    floor: float
    benefit_ppm: int
    is_product: bool
    """Whether value is P x C x V x L instead of an increment."""
    holdout: str
    holdout_ppm: int
    holdout_tiers: frozenset[str]
    purposes: dict[str, str]
