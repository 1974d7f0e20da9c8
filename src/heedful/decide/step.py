"""One event of one customer, and all that follows from it for deciding.

Law: a step is a function of its arguments. Its only clock is the event's `received_at`, its only
randomness is keyed by the decision, and it changes nothing but the case that it was given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from heedful.decide.arbitrate import decide
from heedful.decide.carry import mute
from heedful.decide.case import Case, Standing, decode_case, encode_case
from heedful.decide.limits import ACT_WITHIN_MS
from heedful.decide.needs import close_needs, expire_needs, open_needs, open_unseen_needs
from heedful.decide.outcomes import miss_goals, reach_goals, report, settle_effect
from heedful.decide.record import standing_decision
from heedful.decide.release import agree, release_due, still_stands
from heedful.decide.rules import SLOT_CHANNEL, SLOT_PREFIX, Rules, Slot
from heedful.decide.run import Run
from heedful.decide.triggers import end_silences, expire_effects, fired, forget, recheck
from heedful.decide.types import (
    DECISION_APPROVED,
    DECISION_REFUSED,
    DECISION_REQUESTED,
    EFFECT_DUE,
    EFFECT_SETTLED,
    OUTCOME_REPORTED,
    SILENCE_SET,
    Decision,
    Person,
    Step,
    Surroundings,
)
from heedful.effects import MessageClass
from heedful.events import Event

_ANY: Final = Slot()


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
    run = Run(rules, surroundings, person, case, event, fragment)
    answer = _ANSWERS.get(event.name) if event.type == "own" else None
    triggers = _observe(run)
    if event.type == "own" and event.name in (DECISION_REQUESTED, EFFECT_DUE):
        # Nothing is answered and nothing goes out past a need that no event has led to.
        triggers += _look_again(run)
    if answer is not None:
        answer(run)
        triggers += run.flipped + recheck(run)
    if event.type == "own" and event.name == DECISION_REQUESTED:
        run.answer = _answer(run)
    _decide(run, triggers)
    forget(run)
    return run.outcome()


def preview(
    rules: Rules, surroundings: Surroundings, person: Person, case: Case, event: Event
) -> Decision:
    """Say what a request would be answered, without anything coming of it."""
    run = Run(rules, surroundings, person, decode_case(encode_case(case)), event, 0)
    _observe(run)
    _look_again(run)
    return _answer(run)


def _observe(run: Run) -> list[str]:
    """Take in what happened, and the time that passed; gives what triggers a decision."""
    expire_effects(run)
    closed = expire_needs(run)
    triggers = end_silences(run)
    closed += close_needs(run)
    opened = open_needs(run, just_closed=closed)
    triggers += recheck(run)
    reach_goals(run)
    miss_goals(run)
    triggers = [f"need_closed:{name}" for name in closed] + triggers
    return [f"need_opened:{need.name}" for need in opened] + triggers


def _decide(run: Run, triggers: list[str]) -> None:
    """Decide once for messages and once for each slot that a rule names."""
    rules_fired = fired(run)
    slots: dict[Slot, str] = {}
    if triggers and run.is_fresh(ACT_WITHIN_MS):
        slots[_ANY] = triggers[0]
    for name, slot in rules_fired:
        slots.setdefault(slot, name)
    if not slots:
        return
    _look_again(run)
    for slot, name in slots.items():
        decide(run, slot, name)


def _look_again(run: Run) -> list[str]:
    """Before anything is decided, look at needs that no event has led to."""
    opened = open_unseen_needs(run)
    return [f"need_opened:{need.name}" for need in opened] + (recheck(run) if opened else [])


def _answer(run: Run) -> Decision:
    """Answer a request: with what still stands, else with a new decision."""
    slot = slot_of(run.event)
    for standing in reversed(run.case.standing):
        if standing.stands_until > run.now and _fits(run, standing, slot):
            if standing.channel and still_stands(run, standing) is not None:
                break
            return standing_decision(run, standing)
    decision = decide(run, slot, DECISION_REQUESTED, is_asked=True)
    assert decision is not None  # somebody asked
    return decision


def _fits(run: Run, standing: Standing, slot: Slot) -> bool:
    """Say whether a decision that stands answers a request.

    Notes
    -----
    What is shown in a place answers for that place, on the channel that is asked. A message that
    goes by the channel asked answers whatever it was decided for, unless a need has opened since;
    one that passes tiers answers for nothing but itself.
    """
    if standing.slot == slot.key:
        return slot.placement is None or standing.channel in ("", slot.channel)
    is_message = bool(standing.channel) and not standing.slot.startswith(SLOT_PREFIX)
    if slot.placement is not None or not is_message or slot.channel not in (None, standing.channel):
        return False
    is_free = standing.message_class in ("transactional", "mandatory")
    is_else = any(need.opened_at > standing.at for need in run.case.open_needs())
    return not (is_free or is_else)


def slot_of(event: Event) -> Slot:
    """Read which slot a request is about."""
    said = event.properties
    placement, channel = said.get("placement"), said.get("channel")
    if isinstance(placement, str) and placement:
        name = channel if isinstance(channel, str) and channel else SLOT_CHANNEL
        return Slot(placement=placement, channel=name, is_answered=True)
    return Slot(channel=channel if isinstance(channel, str) and channel else None)


def _silence(run: Run) -> None:
    """Take in a silence that somebody else has set; its event is in the log already."""
    said = run.event.properties
    until, message_class = said.get("until"), said.get("class")
    if isinstance(until, int) and message_class in ("promotional", "service"):
        muted: MessageClass = "promotional" if message_class == "promotional" else "service"
        mute(run, muted, until, str(said.get("reason") or ""), is_said=True)


_ANSWERS: Final[dict[str, Callable[[Run], None]]] = {
    OUTCOME_REPORTED: report,
    EFFECT_DUE: release_due,
    EFFECT_SETTLED: settle_effect,
    SILENCE_SET: _silence,
    DECISION_APPROVED: lambda run: agree(run, is_agreed=True),
    DECISION_REFUSED: lambda run: agree(run, is_agreed=False),
}
