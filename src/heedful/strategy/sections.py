"""What stands in each kind of file, as it is written."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from heedful.customer import IdentityRules, ProfileRules
from heedful.ingest import IngestLimits, SourceKind, TrackingPlan
from heedful.kernel import Span
from heedful.sense import Automatic, Sequences, SignalDefinition

SERVICE: Final = "service"
"""The purpose that needs no consent: doing what the customer asked for. Always known."""

PURPOSES_DEFAULT: Final = ("marketing", "analytics", "personalisation")


class IdentityFile(IdentityRules, frozen=True, forbid_unknown_fields=True):
    """`identity.yaml`: which identifiers make two sets of events one person."""

    blocked: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """Values that name nobody, by namespace, beside those that name nobody anywhere."""


class TraitEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One trait: which value survives when several are known, what for, and how long.

    Notes
    -----
    `keep` is `most_recent`, `oldest`, `set_once`, `source_priority` (then `sources` lists them,
    best first) or `union` (then `top` is how many values are kept, those seen last). `purpose` is
    `service` or one of `consent.yaml`.
    """

    name: str
    keep: Literal["most_recent", "oldest", "set_once", "source_priority", "union"] = "most_recent"
    purpose: str = SERVICE
    type: Literal["text", "number", "bool", "time", "any"] = "any"
    """What a value is; `any` is whatever comes."""
    top: int = 20
    sources: tuple[str, ...] = ()
    expires_after: Span | None = None
    """A span such as `365d` after which a value that was not said again is forgotten."""


class TraitsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`traits.yaml`: what is kept of a person."""

    traits: tuple[TraitEntry, ...] = ()
    """A trait that is not listed is kept too, its most recent value, up to `undeclared_max`."""
    undeclared_max: int = ProfileRules().undeclared_max
    """Undeclared traits kept for one person: those touched last; the log keeps all."""


class ConsentFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`consent.yaml`: what a person can agree to."""

    purposes: tuple[str, ...] = PURPOSES_DEFAULT
    """What a person can agree to; `service` needs no agreement and is always known."""
    categories: dict[str, str] = {}
    """Categories of the consent banner, as the web shop sends them, to the purposes they mean."""


class SourceLimits(IngestLimits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits of ingest for one source; those that are not given keep their defaults."""


class SourceEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One place that events come from."""

    name: str
    kind: SourceKind = "server"
    """`browser` and `mobile` are the customer's own device; `import` and `webhook` bring times
    that are already right."""
    tracking_plan: TrackingPlan | str | None = None
    """A plan, or the file that holds it, such as `tracking-plans/web.yaml`."""
    limits: SourceLimits = SourceLimits()
    """See Limits for what each one bounds."""
    enabled: bool = True
    """Whether its events are accepted at all."""


class SourcesFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`sources.yaml`: where events come from."""

    sources: tuple[SourceEntry, ...] = ()
    """A webhook is a source of its own name without being listed."""


class SignalsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`signals.yaml` and `signals/*.yaml`: what is known of a customer at any moment."""

    automatic: Automatic | None = None
    """What is sensed without being declared; in one file only."""
    sequences: Sequences | None = None
    """The intent of the moment and what comes next, where it stands; in one file only."""
    signals: tuple[SignalDefinition, ...] = ()
    """Names are one space over all files."""
