"""`tests/*.yaml` as it is written: somebody, what happens to them, and what must follow.

Scenarios stand in a strategy's folder and are checked with it; they change nothing about how it
decides, so they are no part of its version.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from heedful.decide.definitions import Tier
from heedful.effects import MessageClass
from heedful.kernel import Span

AT_DEFAULT = "2026-01-07T10:00:00Z"
"""When a scenario begins that does not say: a Wednesday, 11 o'clock in Berlin."""

Status = Literal["granted", "denied", "withdrawn", "objected"]
OutcomeName = Literal[
    "shown", "accepted", "rejected", "ignored", "converted", "unsubscribed", "complained"
]


class Somebody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom a scenario is about, as known before it begins."""

    user_id: str | None = "ada"
    """The known id; none for a stranger."""
    anonymous_id: str | None = None
    """The cookie or device."""
    traits: dict[str, Any] = {}
    """As `identify` would bring them; `email` and `phone` are addresses, too."""
    consents: dict[str, Status | dict[str, Status]] = {}
    """By purpose: the status on every channel, or the status by channel."""
    held_out: bool = False
    """Whether the person is in the hold-out."""
    held_out_of: tuple[str, ...] = ()
    """Actions whose own hold-outs the person is in."""


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody asks what to do now, as `POST /v1/decide` does."""

    placement: str | None = None
    """The slot that is to be filled."""
    channel: str | None = None
    """The channel that it is asked for."""
    context: dict[str, Any] = {}
    """What the asker knows, read by conditions as `context.NAME`."""


class Feedback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of a decision, as `POST /v1/outcomes` says it."""

    of: str
    """The action of the decision; the newest decision for it is meant."""
    outcome: OutcomeName
    """What the person did."""
    value: float | None = None
    """Money, where the outcome is worth some."""


class ConsentStated(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The person agrees to something, or no longer does."""

    purpose: str
    """One of `consent.yaml`."""
    status: Status
    """What they said."""
    channel: str | None = None
    """The channel that it is about; every one where absent."""


class ExpectedDecision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a decision must be; what is not given may be anything."""

    action: str | None = None
    """Name of the action, `do_nothing` for silence."""
    need: str | None = None
    """The need that it answers."""
    tier: Tier | None = None
    """The tier that it was made in."""
    message_class: MessageClass | None = msgspec.field(name="class", default=None)
    """Class of the chosen action."""
    channel: str | None = None
    """Where it is said."""
    treatment: str | None = None
    """How it is said."""
    placement: str | None = None
    """The slot that it fills."""
    reason: str | None = None
    """The decision's own reason code, such as `holdout`."""


class ExpectedEffect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message or call that must have gone out; what is not given may be anything."""

    action: str | None = None
    """Action of the message."""
    channel: str | None = None
    """Channel of the message."""
    message_class: MessageClass | None = msgspec.field(name="class", default=None)
    """Class of the message."""
    webhook: str | None = None
    """Destination of a call."""
    event: str | None = None
    """Event type of a call."""
    says: str | None = None
    """Words that stand in the title or body of the message."""


class Expect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must hold at one place of the story; what is not given may be anything.

    Notes
    -----
    Beside an event it is about what happened since the event before it; at the end of a scenario
    it is about the whole story.
    """

    decision: str | ExpectedDecision | None = None
    """One of the decisions, by its action or in detail; `none` where nothing is decided."""
    gates: dict[str, str] = {}
    """Reason code by action: in that decision every arm of it was stopped, one for this."""
    needs: tuple[str, ...] | None = None
    """The needs that are open, no more and no fewer."""
    silences: dict[MessageClass, Span] | None = None
    """How long each class is still muted, such as `48h`; classes that are not named are not."""
    effects: tuple[ExpectedEffect, ...] = ()
    """Messages and calls that went out."""
    withdrawn: dict[str, str] = {}
    """Reason code by action: its message had been waiting and died."""
    quiet: bool = False
    """Whether nothing at all went out."""


class Happening(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that happens: one of the fields from `track` on, or none to let time pass."""

    at: Span
    """Span since the scenario began, such as `10m`; never before the one above."""
    track: str | None = None
    """Name of a track call."""
    page: str | None = None
    """Name of a page that was opened."""
    screen: str | None = None
    """Name of a screen that was opened."""
    identify: dict[str, Any] | None = None
    """Traits that became known."""
    consent: ConsentStated | None = None
    """What the person agreed to."""
    decide: Request | None = None
    """A question what to do now."""
    outcome: Feedback | None = None
    """What became of a decision."""
    approve: str | None = None
    """The action whose newest decision a person agrees to."""
    refuse: str | None = None
    """The action whose newest decision a person refuses."""
    stop: str | None = None
    """A switch that somebody throws, such as `action:free_shipping` or `channel:email`."""
    start: str | None = None
    """A switch that is thrown back."""
    incident: str | None = None
    """An incident of `policies/incidents.yaml` that is declared, for everybody."""
    properties: dict[str, Any] = {}
    """Of a track, page or screen call."""
    context: dict[str, Any] = {}
    """Of the call: where and on what it happened."""
    source: str = "backend"
    """Where it comes from."""
    expect: Expect | None = None
    """What must hold right after it."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One story with its expectations."""

    scenario: str
    """What it shows, in one sentence."""
    at: str | None = None
    """When it begins; the file's where absent."""
    customer: Somebody | None = None
    """Whom it is about; the file's where absent."""
    events: tuple[Happening, ...] = ()
    """What happens, in order."""
    until: Span | None = None
    """How long the clock runs, since the beginning; to the last event where absent."""
    expect: Expect | None = None
    """What must hold at the end."""
    never: tuple[str | ExpectedEffect, ...] = ()
    """Actions, or messages in detail, that must not reach the person at any time."""


class ScenariosFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`tests/*.yaml`: stories that prove what the strategy does."""

    at: str = AT_DEFAULT
    """When its scenarios begin."""
    customer: Somebody = Somebody()
    """Whom its scenarios are about."""
    scenarios: tuple[Scenario, ...] = ()
    """Each starts from nothing."""
