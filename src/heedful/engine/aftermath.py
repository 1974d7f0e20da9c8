"""What became of a decision: what went out of it, and what was reported of it since."""

from __future__ import annotations

from typing import Final

import msgspec

from heedful.decide import OUTCOME_REPORTED
from heedful.events import decode_event
from heedful.kernel import format_instant, public_id
from heedful.ports import DecisionRow, EffectRow, Transaction

EVENTS_READ_MAX: Final = 5_000
"""Events since a decision that are looked through for outcomes; later ones are not."""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """One effect of a decision, as it stands now."""

    effect_id: str
    destination: str
    status: str
    """As `heedful effects list --status` names it."""
    code: str
    """What became of it last, such as `connect_failed`; empty before its first try."""
    attempts: int
    due: str | None
    """When it is tried next; null where it is settled."""


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """One outcome that was reported."""

    outcome: str
    at: str


class Aftermath(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a decision."""

    effects: tuple[Sent, ...]
    outcomes: tuple[Reported, ...]
    """The earliest first."""


def aftermath(tx: Transaction, row: DecisionRow) -> Aftermath:
    """Read what became of a decision."""
    effects = (one for one in tx.effects_of([row.fragment]) if one.decision == row.id)
    return Aftermath(
        effects=tuple(_sent(one) for one in effects), outcomes=tuple(_outcomes(tx, row))
    )


def _sent(row: EffectRow) -> Sent:
    is_open = row.status in ("waiting", "released")
    return Sent(
        effect_id=row.id,
        destination=row.destination,
        status=row.status,
        code=row.code,
        attempts=row.attempts,
        due=format_instant(row.due) if is_open else None,
    )


def _outcomes(tx: Transaction, row: DecisionRow) -> list[Reported]:
    name, meant = OUTCOME_REPORTED.encode(), public_id("d", row.id)
    found = []
    for one in tx.events_of([row.fragment], from_at=row.at, limit=EVENTS_READ_MAX):
        if name not in one.body:
            continue
        event = decode_event(one.body)
        if event.name == OUTCOME_REPORTED and event.properties.get("decision_id") == meant:
            outcome = str(event.properties.get("outcome"))
            found.append(Reported(outcome=outcome, at=format_instant(event.at)))
    return found
