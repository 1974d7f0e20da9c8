"""What goes into ingest besides the bytes, and what comes out."""

from __future__ import annotations

from typing import Literal

import msgspec

from heedful.events import Event
from heedful.ingest.limits import IngestLimits
from heedful.ingest.plan import TrackingPlan

SourceKind = Literal["browser", "server", "mobile", "webhook", "import"]


class SourceRules(msgspec.Struct, frozen=True, kw_only=True):
    """Say how the events of one source are read.

    Notes
    -----
    `browser` and `mobile` are client-side: the address of the caller is the customer's and stands
    in `context.ip`. The timestamps of `import` (history) and `webhook` (a provider's servers) are
    taken as they stand, since both are already correct.
    """

    name: str
    kind: SourceKind = "server"
    """Where its events are made, which says whose address and clock they carry."""
    limits: IngestLimits = IngestLimits()
    """What one request and one event of it may ask of us."""
    plan: TrackingPlan | None = None
    """What its events should look like; None for anything."""
    enabled: bool = True
    """Whether its events are accepted at all; otherwise `source_disabled`."""


class RequestHeaders(msgspec.Struct, frozen=True, kw_only=True):
    """Hold the request headers that change what an event means.

    Notes
    -----
    `sec_gpc` is the Global Privacy Control; `anonymous_id` and `sent_at` are what RudderStack's
    browser SDK sends beside the body, used only where the body is silent.
    """

    sec_gpc: str | None = None
    anonymous_id: str | None = None
    sent_at: str | None = None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One item that did not become an event, with what a person needs to mend and resend it.

    Notes
    -----
    `message` is free of personal data; `raw` is not, and belongs to the quarantine alone.
    A `reject` is answered and counted but not kept: the tracking plan asked for that.
    """

    index: int
    """Place of the item in its batch, from 0."""
    code: str
    message: str
    raw: bytes
    is_cut: bool = False
    """Whether `raw` is only the head of the item."""
    disposition: Literal["quarantine", "reject"] = "quarantine"


class Intake(msgspec.Struct, frozen=True):
    """What one request brought: each item is an event or a refusal, both in the order sent."""

    events: list[Event]
    refused: list[Refusal]
