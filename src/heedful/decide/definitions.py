"""What a strategy says about deciding, as it is written: needs, goals, actions, rules, policies.

Everything here is plain frozen data with the names of the files. What names mean (expressions,
patterns of events, spans) is checked and compiled by `compile_rules`; money is written in units of
the strategy's currency and kept in micros.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from heedful.effects import MessageClass
from heedful.govern.definitions import DecisionType, PromotionRule
from heedful.kernel import Span
from heedful.sense.definitions import On

Tier = Literal["hardship", "service", "retention", "growth"]

TIERS: Final[tuple[Tier, ...]] = ("hardship", "service", "retention", "growth")
"""Strictly in this order: no weight buys a lower one open while a higher one has work to do."""

DO_NOTHING: Final = "do_nothing"
"""The action that is always there: silence, with its own learned outcome."""


class Prior(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is believed before anything was learned: `strength` is worth so many observations."""

    p: float
    """Probability of the goal, between 0 and 1."""
    strength: float = 20.0
    """Observations that the belief is worth; greater ones are unlearned more slowly."""


class Need(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something a person needs: opened by a condition, closed by an event, a condition or time.

    Notes
    -----
    A need latches: once closed or expired it opens again only on a new event on which the
    condition holds, never by the condition alone still being true.
    """

    name: str
    tier: Tier
    """Hardship, service, retention or growth: which needs go before it, and which wait for it."""
    opens_when: str
    """Condition over traits, signals, consents, accounts and the event at hand."""
    closes_on: On | None = None
    """Events that close it."""
    closes_when: str | None = None
    """Condition that closes it when it comes true."""
    expires_after: Span
    """Span after which an open need is closed by itself, such as `48h`."""
    description: str = ""
    """For people: shown by `why` and at the desk."""


class NeedsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`needs.yaml`: what people may need, over all tiers."""

    needs: tuple[Need, ...] = ()
    """Names are one space; within a tier the order says which one is answered first."""


class Goal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An outcome that counts: an event within a window after a decision, and what it is worth."""

    on: On
    """The event that is the outcome."""
    where: str | None = None
    """Condition that narrows it."""
    within: Span
    """Window after the decision, such as `3d`."""
    value: str | float = 0.0
    """Money that one outcome is worth: a number, or an expression that reads the event."""
    margin: float | None = None
    """Expected value of an outcome before it happens; the mean of those seen where absent."""
    currency: str | None = None
    """The strategy's own where absent; another one is refused."""
    prior: Prior = Prior(0.02, 50.0)
    """Belief about the goal when nothing is done."""


class GoalsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`goals.yaml`: the outcomes that actions aim at."""

    currency: str = "EUR"
    """Of all money in the strategy."""
    goals: dict[str, Goal] = {}
    """By name."""


class Treatment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an action is said: the words on one channel, or on every channel of the action."""

    name: str = "default"
    """Arms of one action are told apart by it."""
    channel: str | None = None
    """The channel it is for; all of the action's where absent."""
    language: str | None = None
    """Only for people of this language; for everybody where absent."""
    title: str = ""
    """Heading or subject; `{traits.firstName|there}` is filled in, `|` gives the fallback."""
    body: str = ""
    """The message; filled in as the title is."""
    url: str = ""
    """Where it leads."""


class SilenceEffect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Mute a class of messages for a while, on every channel, once the action is decided."""

    of: MessageClass = "promotional"
    """The class that is muted."""
    span: Span = msgspec.field(name="for", default="48h")
    """How long."""


class WebhookEffect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signed call to another system, once the action is decided."""

    destination: str
    """Name in the workspace's `connectors.yaml`."""
    event: str
    """Event type as the receiver knows it."""
    data: dict[str, Any] = {}
    """Body; texts are filled in as a treatment's are."""


class ActionEffects(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an action does beside saying something."""

    silence: SilenceEffect | None = None
    """A class that is muted with it."""
    webhooks: tuple[WebhookEffect, ...] = ()
    """Calls to other systems."""


class Cap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most so many released messages to one person in a window, over all devices."""

    at_most: int
    """Messages."""
    within: Span
    """Window, such as `7d`."""
    per: Literal["person", "action", "group", "channel", "class"] = "person"
    """What is counted together."""
    of: str | None = None
    """The one group, channel, class or action that it is about; each one where absent."""


class Action(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that can be done for a person: `actions/NAME.yaml`."""

    action: str
    """Its name; unique."""
    tier: Tier
    """The tier of need that it answers."""
    needs: tuple[str, ...] = ()
    """The needs that it answers; every need of its tier where empty (growth may have none)."""
    message_class: MessageClass = msgspec.field(name="class")
    """What the law and the caps see in it."""
    decision_type: str
    """One of `policies/decision-types.yaml`."""
    goal: str
    """The outcome it aims at."""
    channels: tuple[str, ...]
    """Where it can be said; `inapp` is always there, others are connectors."""
    placements: tuple[str, ...] = ()
    """Slots of an app or page that it fits; any where empty."""
    purpose: str | None = None
    """Consent it needs; `marketing` where promotional, else none."""
    eligible: str | None = None
    """May we? A condition that nobody argues with, such as country or age."""
    applicable: str | None = None
    """Does it make sense now?"""
    suitable: str | None = None
    """Is it good for them?"""
    about: tuple[str, ...] = ()
    """Categories that a promotional action is about: while somebody is strongly after another one
    (`sequences` in `signals.yaml`), it makes no sense now."""
    cost: float = 0.0
    """What doing it once costs us."""
    benefit: float = 0.0
    """What it is worth to the person, in money; below zero it is never chosen."""
    d_clv: float = 0.0
    """Change of the customer's long-term value that it brings by itself."""
    lever: float = 1.0
    """Factor on the value, logged and bounded to between 0.1 and 10."""
    weight: str | float = 1.0
    """Context weight where `value` of `policies/contact.yaml` is `product`: a number, or an
    expression that gives one."""
    prior: Prior = Prior(0.02, 20.0)
    """Belief about its goal before anything was learned."""
    group: str | None = None
    """Actions that are capped together and that new ones learn from."""
    hold_out: float = 0.0
    """Share of people, 0 to 0.5, from whom it alone is withheld, to prove what it brings beside
    everything else. Only for retention and growth, never for what people are owed."""
    budget: str | None = None
    """The budget of `policies/contact.yaml` that its cost is taken from."""
    caps: tuple[Cap, ...] = ()
    """Caps of its own, beside those of everybody."""
    stands_for: Span = "30m"
    """How long the decision stands before a request decides anew."""
    expires_after: Span = "24h"
    """How long its effects may wait for release before they are of no use."""
    model: str | None = None
    """The model that estimates it; the default of `policies/models.yaml` where absent. See
    `policies/decision-types.yaml` for what is allowed."""
    treatments: tuple[Treatment, ...] = (Treatment(),)
    """How it is said; each is an arm of its own."""
    may_wait: tuple[Span, ...] = ()
    """Spans such as `4h`: each is a later slot in which its message may go out instead of now, and
    an arm of its own, `TREATMENT@4h`, that silence and all others are compared with. All gates are
    asked again when its time has come. Only for retention and growth."""
    only_in_incidents: bool = False
    """Whether it is the message of an incident and answers no need without one."""
    effects: ActionEffects = ActionEffects()
    """What it does beside."""
    description: str = ""
    """For people."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Decide, or decide anew, when something happens: `rules.yaml`.

    Notes
    -----
    A need that opens or closes is a trigger without a rule.
    """

    name: str
    on: On | None = None
    """Events that trigger it; any event where only `when` stands."""
    when: str | None = None
    """Condition that must hold after the event."""
    placement: str | None = None
    """The slot that is decided; messages of any channel where absent."""
    silence: SilenceEffect | None = None
    """Mute a class at once, without an action."""
    act_within: Span = "15m"
    """Older events trigger nothing, so that an import of the past sends nothing."""
    at_most_every: Span = "0s"
    """Pause between two triggers of the rule for one person."""


class RulesFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`rules.yaml`: when to decide without being asked."""

    rules: tuple[Rule, ...] = ()
    """Beside those that are built in: hesitation and change of channel."""
    builtin: tuple[str, ...] = ("hesitation", "channel_change")
    """Built-in rules in force: `hesitation` (dwell, back and forth, idle cart, exit intent) and
    `channel_change`."""


class QuietHours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hours in which no message of some classes goes out, in the person's own zone."""

    start: str = "21:00"
    """Local time at which they begin."""
    end: str = "08:00"
    """Local time at which they end; may be on the next day."""
    channels: tuple[str, ...] = ("email", "sms", "push", "phone", "whatsapp")
    """Channels that make themselves heard; in-app does not."""
    classes: tuple[MessageClass, ...] = ("promotional", "service")
    """Classes that wait."""


class Holdout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A share of people from whom retention and growth are withheld, to prove the lift."""

    name: str = "global"
    """Part of the draw: another name draws another group."""
    share: float = 0.0
    """Between 0 and 0.5."""
    tiers: tuple[Tier, ...] = ("retention", "growth")
    """Withheld tiers; hardship and service are refused."""


class Budget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money for actions in a period, spent at release."""

    amount: float
    """For each period."""
    per: Literal["day", "week", "month"] = "day"
    """Calendar period in UTC."""


class ContactPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`policies/contact.yaml`: how often, when, to whom, and at what price of attention."""

    caps: tuple[Cap, ...] = (Cap(at_most=3, within="7d"),)
    """Over all channels and actions of the classes in `capped`."""
    capped: tuple[MessageClass, ...] = ("promotional", "service")
    """Classes that count against caps and wait for room in them."""
    quiet_hours: QuietHours | None = QuietHours()
    """None where there are none beside the law's."""
    zones_assumed: tuple[str, ...] = ("Europe/Berlin",)
    """Zones in which a person of unknown zone may live; quiet in one of them is quiet."""
    zone_trait: str = "timezone"
    """Trait with the IANA name of the person's zone; where it says none, their device's zone
    (`context.timezone`) counts, else their country's."""
    fatigue_cost: float = 0.0
    """Money that each contact of the last 7 days adds to the price of another."""
    floor: float = 0.02
    """Probability that every eligible arm keeps, so that learning goes on."""
    benefit_weight: float = 1.0
    """Weight of the person's own gain in the value."""
    value: Literal["increment", "product"] = "increment"
    """How an arm is valued: by what it adds to doing nothing, less its price; or by propensity x
    context x value x lever, which counts what would have happened anyway."""
    holdout: Holdout = Holdout()
    """Who is left in peace to prove the lift."""
    budgets: dict[str, Budget] = {}
    """By name."""
    purposes: dict[str, str] = {}
    """Consent purpose that a channel needs beside the action's, by channel."""
    channels: tuple[str, ...] = ("inapp", "email", "sms", "push", "phone", "whatsapp", "chat")
    """Channels that actions and policies may name; another one is taken for a slip of the pen."""


ModelKind = Literal["beta", "logistic"]
PolicyKind = Literal["thompson", "inverse_gap", "greedy", "fixed"]


class ModelFeatures(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a contextual model sees of a person; where nothing is named, a bounded choice."""

    traits: tuple[str, ...] | None = None
    """Traits by name; the first declared ones that do not tell who somebody is, where absent."""
    signals: tuple[str, ...] | None = None
    """Signals by name; the first declared ones that are numbers, where absent."""
    context: tuple[str, ...] | None = None
    """Keys of a request's `context`; whatever comes, up to a limit, where absent."""
    time: bool = True
    """The person's local time of day, and whether it is the weekend."""
    contact: bool = True
    """Fatigue and trust: contacts in 7 and 28 days, time since the last one, messages ignored,
    answers given, complaints."""


class ModelEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model that values actions: how it learns, what it sees, and how it is followed."""

    name: str
    """As actions name it in `model`; unique."""
    kind: ModelKind = "logistic"
    """`beta` counts how often each arm reached each goal, the same for everybody; `logistic` is a
    hierarchical Bayesian regression that looks at the person and the moment."""
    half_life: Span | None = None
    """Span after which an outcome counts half, such as `90d`; outcomes count for ever where
    absent."""
    features: ModelFeatures = ModelFeatures()
    """What a logistic model sees."""
    floor: float | None = None
    """Share of choices spread evenly over eligible arms; that of `policies/contact.yaml` where
    absent."""
    policy: PolicyKind = "thompson"
    """How what arms may be worth becomes chances: `thompson` (each as often as it may be the best),
    `inverse_gap`, `greedy` (the best and the floor), or `fixed` (declared shares)."""
    shares: dict[str, float] = {}
    """Of the fixed policy: share by action, `do_nothing` included; scaled to sum to 1."""
    exploration: float = 0.3
    """Of a logistic model: factor on its doubt, 1 being Thompson sampling as it stands; of doing
    nothing it is 1 at least."""
    detects_change: bool = True
    """Of a logistic model: whether an action forgets faster when its outcomes surprise."""


class ModelsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`policies/models.yaml`: the models that value actions; without it, counts decide."""

    models: tuple[ModelEntry, ...] = ()
    """Beside `beta`, which is always there."""
    default: str = "beta"
    """The model of actions that name none."""
    weighs_delay: bool = True
    """Whether a decision whose outcome is late teaches a part of a miss before its window closes:
    as much as the share of outcomes that would have come by then."""
    promotion: PromotionRule = PromotionRule()
    """When a challenger has shown enough to become the champion."""


class Definitions(msgspec.Struct, frozen=True, kw_only=True):
    """All that a strategy says about deciding, read from its files.

    Notes
    -----
    Paths of problems are those of this struct: `$.needs[3].opens_when`, `$.goals.purchase.value`,
    `$.actions[0].treatments[1].body`, `$.rules[2].on`, `$.contact.caps[0].within`.
    """

    needs: tuple[Need, ...] = ()
    """In the order in which they are answered within a tier."""
    goals: dict[str, Goal] = {}
    """By name."""
    currency: str = "EUR"
    """Of all money."""
    actions: tuple[Action, ...] = ()
    """In any order; a decision looks at them by name."""
    rules: tuple[Rule, ...] = ()
    """Triggers of the workspace."""
    builtin: tuple[str, ...] = ("hesitation", "channel_change")
    """Built-in triggers in force; their signals are `builtin_signals`."""
    contact: ContactPolicy = ContactPolicy()
    """How often, when and to whom."""
    decision_types: tuple[DecisionType, ...] = ()
    """What actions name in `decision_type`."""
    models: dict[str, int] = msgspec.field(default_factory=lambda: {"beta": 5})
    """Transparency of each model by name, 1 to 5."""
    fallback_model: str = "beta"
    """The transparent model that decides where another is too opaque."""
    model_entries: tuple[ModelEntry, ...] = ()
    """Models that `policies/models.yaml` declares."""
    default_model: str = "beta"
    """The model of actions that name none."""
    weighs_delay: bool = True
    """Whether late outcomes teach before their window closes, where `model_entries` stand."""
    promotion: PromotionRule = PromotionRule()
    """When a challenger has shown enough to become the champion."""
    protected: tuple[str, ...] = ()
    """Traits that `policies/fairness.yaml` measures by: no model sees them."""
