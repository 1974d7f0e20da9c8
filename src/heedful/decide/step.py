"""One event of one customer, and all that follows from it for deciding."""

from __future__ import annotations

from heedful.decide.case import Case
from heedful.decide.definitions import DO_NOTHING
from heedful.decide.rules import Rules
from heedful.decide.types import DECISION_REQUESTED, Decision, Person, Step, Surroundings
from heedful.events import Event
from heedful.kernel import hash_key


def step(
    rules: Rules,
    surroundings: Surroundings,
    person: Person,
    case: Case,
    event: Event,
    fragment: int,
) -> Step:
    """Work out what follows from an event that is already folded into the person.

    Parameters
    ----------
    case
        A private copy; it is changed.
    event
        Its `received_at` is the only clock.
    fragment
        Under which the event stands in the log.

    Notes
    -----
    The events of the answer are logged and folded by the caller and never come back here: what
    follows from them happened in this step.
    """
    if event.type != "own" or event.name != DECISION_REQUESTED:
        return Step()
    slot = str(event.properties.get("placement") or event.properties.get("channel") or "")
    decision = Decision(
        id=hash_key(surroundings.secret, "decision", str(event.key), slot, "0"),
        customer=person.customer,
        at=event.received_at,
        trigger=event.key,
        trigger_name=event.name,
        strategy_version=rules.version,
        action=DO_NOTHING,
        tier="growth",
        reason="all_gated",
        placement=event.properties.get("placement"),
        expires_at=event.received_at,
    )
    return Step(decisions=(decision,), answer=decision)
