"""What a strategy says about governing, as it is written under `policies/`; plain frozen data.

Spans and scopes are texts here; `check_policies` finds what is wrong with them, and names that
stand nowhere.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from heedful.kernel import Span

Risk = Literal["minimal", "limited", "high", "prohibited"]
Oversight = Literal["none", "review_after", "approve_before"]
Fallback = Literal["transparent", "person"]
Explanation = Literal["short", "full"]
Watched = Literal[
    "complained", "unsubscribed", "rejected", "ignored", "accepted", "converted", "failed"
]
Base = Literal["released", "shown"]

TRANSPARENCY_MIN: Final = 1
"""Transparency of a model whose answer nobody can explain."""

TRANSPARENCY_MAX: Final = 5
"""Transparency of a rule or a counted rate, which can be read and checked as it stands."""


class DecisionType(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind of decision: how much is at stake for the person, and what is demanded for it."""

    name: str
    """As actions name it in `decision_type`; unique."""
    risk: Risk = "limited"
    """Risk class. No action may use a `prohibited` type, which stands here so that it is said."""
    owner: str
    """Who answers for decisions of this type: a person or a role, never a system."""
    transparency: int = 2
    """Least transparency of the model that may decide, 1 (none) to 5 (readable as it stands)."""
    oversight: Oversight = "none"
    """Whether a person looks at such decisions: never, afterwards, or before the release."""
    fallback: Fallback = "transparent"
    """What decides where the model is too opaque: the transparent model or a person."""
    explanation: Explanation = "short"
    """What the person is owed on request: one sentence, or all factors and alternatives."""
    reads_protected: dict[str, str] = {}
    """Protected traits that conditions of its actions may read, each with the reason why: such as
    an age below which the law forbids what is offered. Nothing else may read one."""
    note: str = ""
    """For people: why it is classed as it is."""


class DecisionTypesFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`policies/decision-types.yaml`: kinds of decisions, and how transparent each model is."""

    decision_types: tuple[DecisionType, ...] = ()
    """Every action names one of them."""
    models: dict[str, int] = msgspec.field(default_factory=lambda: {"beta": TRANSPARENCY_MAX})
    """Transparency of each model by name, 1 to 5; a model that is not listed has 1."""
    fallback_model: str = "beta"
    """The transparent model that decides where another is too opaque."""


class Guardrail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A limit that tightens by itself when a ratio goes bad, and loosens only by approval.

    Notes
    -----
    At least one of `ratio_max`, `ratio_min` and `drift_max` stands. A ratio counts as bad once
    its Wilson interval lies wholly on the wrong side, so a few complaints among a few messages
    tighten nothing.
    """

    name: str
    """Unique."""
    scope: str = "all"
    """What is watched and limited: `all`, or a kind and a name such as `action:free_shipping`,
    `channel:email`, `model:beta`, `playbook:NAME`, `placement:NAME`."""
    watches: Watched
    """The outcome that is counted."""
    over: Base = "released"
    """What it is counted over: messages released, or those known to have been shown."""
    window: Span = "7d"
    """Sliding window of the counters."""
    ratio_max: float | None = None
    """Tighten when the ratio is surely above this, such as 0.001 complaints a message."""
    ratio_min: float | None = None
    """Tighten when the ratio is surely below this, such as a share of shown ones accepted."""
    drift_max: float | None = None
    """Tighten when the ratio is surely further than this from what the model had expected."""
    trials_min: int = 100
    """Fewest messages in the window from which anything is concluded."""
    factor: float = 0.5
    """What the limit is multiplied by at each tightening, above 0 and below 1."""
    factor_min: float = 0.0
    """Least product of all tightenings; below it the scope keeps that share."""


class GuardrailsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`policies/guardrails.yaml`: limits that react to complaints and drift."""

    guardrails: tuple[Guardrail, ...] = ()
    """In any order: where several cover a message the smallest factor counts."""


class ValueStatement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One value that the workspace stands for, tied to what enforces, measures and proves it."""

    name: str
    """Unique."""
    statement: str
    """The value in one sentence, as customers may read it."""
    gates: tuple[str, ...]
    """Gates that enforce it; at least one."""
    metrics: tuple[str, ...]
    """Metrics that show whether it holds; at least one."""
    proofs: tuple[str, ...]
    """Tests or proofs that would fail if it did not hold; at least one."""


class ValuesFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`policies/values.yaml`: what the workspace stands for, each value with its evidence."""

    values: tuple[ValueStatement, ...] = ()
    """A value without a gate, a metric and a proof is refused: it would be a wish."""


class ApprovalRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many people must agree to one kind of request, and how long it may wait."""

    required: int = 1
    """Approvals by different people beside the asker, 0 to 5; 0 needs nobody."""
    expires_after: Span = "3d"
    """Span after which the request lapses, approved or not."""


class ApprovalsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`policies/approvals.yaml`: what needs four eyes."""

    publish: ApprovalRule = ApprovalRule(required=0)
    """Publishing a strategy; nobody by default, so that one person alone can start."""
    decision: ApprovalRule = ApprovalRule(expires_after="1d")
    """Releasing a decision whose type demands approval before."""
    switch_on: ApprovalRule = ApprovalRule()
    """Switching on what was stopped."""
    guardrail_loosen: ApprovalRule = ApprovalRule()
    """Giving back what a guardrail took."""
    promote: ApprovalRule = ApprovalRule()
    """Making a model the champion of a line that decides anything of a high risk, or before its
    trial has shown that it brings more."""
    whatif_within: Span | None = None
    """Span, such as `7d`, within which `heedful whatif` has to have met what is published; nobody
    has to ask where absent. Going back to what was in force before needs none."""


class PromotionRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a challenger has shown enough to become the champion."""

    outcomes_min: int = 1_000
    """Decisions under it whose outcome is known, before anything is concluded."""
    confidence: float = 0.95
    """Of the interval of its value over the champion's, which has to lie wholly above 0. It holds
    however often one looks."""
    is_automatic: bool = False
    """Whether it is promoted as soon as that holds; where people have to agree they are asked."""


class IncidentPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A disturbance that was thought of before: what is said, what rests, for how long."""

    name: str
    """Unique."""
    message: str | None = None
    """The pre-approved action that tells people about it; silence where absent."""
    growth_off: bool = True
    """Whether growth rests for everybody in the incident's scope."""
    expires_after: Span = "24h"
    """Span after which the incident ends by itself."""


class IncidentsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`policies/incidents.yaml`: the incidents that can be declared, with their messages."""

    incidents: tuple[IncidentPlan, ...] = ()
    """Published like everything else: that is what makes their messages pre-approved."""
