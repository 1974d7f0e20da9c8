"""Own events about governing: their names, and what stands in their `properties`.

Law: each event says the whole new state of what it is about (a scope, an incident, a factor), so
the newest by `(at, key)` is all that counts and any order of arrival gives the same bytes.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from heedful.events import Event

SWITCH_SET: Final = "Switch Set"
"""A scope was stopped or switched on: `scope`, `is_stopped`, `by`, `reason`."""
INCIDENT_DECLARED: Final = "Incident Declared"
"""A disturbance began: `incident_id`, `scope`, `message`, `is_growth_off`, `expires_at`."""
INCIDENT_ENDED: Final = "Incident Ended"
"""A disturbance is over before its expiry: `incident_id`, `by`, `reason`."""
APPROVAL_REQUESTED: Final = "Approval Requested"
"""Something waits for others to agree: `approval_id`, `kind`, `subject`, `requested_by`."""
APPROVAL_VOTED: Final = "Approval Voted"
"""Somebody agreed or refused: `approval_id`, `by`, `is_approved`, `reason`."""
GUARDRAIL_TIGHTENED: Final = "Guardrail Tightened"
"""A limit tightened by itself: `guardrail`, `scope`, `factor_ppm`, and what was counted."""
GUARDRAIL_LOOSENED: Final = "Guardrail Loosened"
"""A limit was given back by approval: `guardrail`, `scope`, `factor_ppm`, `by`."""
MODEL_ROUTED: Final = "Model Routed"
"""Other models answer for a line, or look on: `line`, `change`, `champion`, `challengers`, `by`."""
MODEL_IMPORTED: Final = "Model Imported"
"""What a model knows came from a file: `model`, `digest`, `learn_seq`, `learned`, `by`."""

ApprovalKind = Literal["publish", "decision", "switch_on", "guardrail_loosen", "promote"]
RouteChange = Literal["challenged", "shadowed", "promoted", "rolled_back"]
TraitValue = str | int | float | bool


class SwitchSet(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A scope was stopped, or switched on again."""

    scope: str
    is_stopped: bool
    by: str
    reason: str
    expires_at: int | None = None
    """When a stop ends by itself; never where absent."""
    approval_id: str | None = None
    """What allowed switching on."""


class IncidentScope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whom an incident touches: all that is given must be equal; nothing given is everybody."""

    traits: dict[str, TraitValue] = {}
    country: str | None = None
    """ISO 3166, such as `DE`, its parts included, or a part such as `US-FL`."""
    placement: str | None = None


class IncidentDeclared(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A disturbance began."""

    incident_id: str
    plan: str
    """The plan of `policies/incidents.yaml` that it follows."""
    scope: IncidentScope = IncidentScope()
    message: str | None = None
    """The pre-approved action that tells people about it."""
    is_growth_off: bool = True
    expires_at: int
    by: str
    reason: str


class IncidentEnded(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A disturbance is over before its expiry."""

    incident_id: str
    by: str
    reason: str


class ApprovalRequested(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something waits for others to agree."""

    approval_id: str
    kind: ApprovalKind
    subject: str
    """What is asked for, such as a strategy version or `channel:email@STOP`."""
    requested_by: str
    reason: str
    required: int
    """Approvals by different people beside the asker."""
    expires_at: int


class ApprovalVoted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody agreed or refused."""

    approval_id: str
    by: str
    is_approved: bool
    reason: str


class GuardrailTightened(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A limit tightened by itself, with what was counted."""

    guardrail: str
    scope: str
    factor_ppm: int
    """Product of all tightenings from now on, in millionths."""
    trials: int
    hits: int
    limit_ppm: int
    """The ratio that was surely passed, in millionths."""
    crossed: Literal["ratio_max", "ratio_min", "drift_max", "drift", "fairness"]
    """The bound of the guardrail, or which of the policies of that name took its place."""


class GuardrailLoosened(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A limit was given back."""

    guardrail: str
    scope: str
    factor_ppm: int
    by: str
    reason: str
    approval_id: str | None = None


class Challenger(msgspec.Struct, frozen=True):
    """A model that answers for a share of the customers."""

    model: str
    share_ppm: int
    """Share of the customers, in millionths."""


class ModelRouted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which models answer for a line from now on: its whole new state."""

    line: str
    """The name that actions ask a model by."""
    change: RouteChange
    champion: str
    challengers: tuple[Challenger, ...] = ()
    shadows: tuple[str, ...] = ()
    """Models that look on: they value what the others decide about, and nobody acts on it."""
    before: tuple[str, ...] = ()
    """Earlier champions, the latest last."""
    by: str
    reason: str
    approval_id: str | None = None
    """What allowed a promotion, where people had to agree."""


class ModelImported(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a model knows came from a file; what it answers for says `ModelRouted`."""

    model: str
    """The name under which it was imported."""
    digest: str
    """Of the file."""
    named: str
    """The model's name in the file."""
    learned: int
    """Outcome rows that it had learned elsewhere."""
    learn_seq: int
    """It learns here from the row behind this one."""
    by: str
    reason: str


Statement = (
    SwitchSet
    | IncidentDeclared
    | IncidentEnded
    | ApprovalRequested
    | ApprovalVoted
    | GuardrailTightened
    | GuardrailLoosened
    | ModelRouted
    | ModelImported
)

_TYPES: Final[dict[str, type[Statement]]] = {
    SWITCH_SET: SwitchSet,
    INCIDENT_DECLARED: IncidentDeclared,
    INCIDENT_ENDED: IncidentEnded,
    APPROVAL_REQUESTED: ApprovalRequested,
    APPROVAL_VOTED: ApprovalVoted,
    GUARDRAIL_TIGHTENED: GuardrailTightened,
    GUARDRAIL_LOOSENED: GuardrailLoosened,
    MODEL_ROUTED: ModelRouted,
    MODEL_IMPORTED: ModelImported,
}
_NAMES: Final = {kind: name for name, kind in _TYPES.items()}


class ApprovalNeeded(msgspec.Struct, frozen=True):
    """What has to be asked for first, instead of what was asked for now."""

    kind: ApprovalKind
    subject: str
    required: int


def write(statement: Statement) -> tuple[str, dict[str, Any]]:
    """Give the name and properties of the own event that makes a statement."""
    return _NAMES[type(statement)], msgspec.to_builtins(statement)


def read(event: Event) -> Statement | None:
    """Read an own event back, or None when it is about something else or misshapen.

    Notes
    -----
    Only events of type `own` count: a client that tracks `Switch Set` says nothing here.
    """
    kind = _TYPES.get(event.name) if event.type == "own" else None
    if kind is None:
        return None
    try:
        return msgspec.convert(event.properties, kind)
    except msgspec.ValidationError:
        return None
