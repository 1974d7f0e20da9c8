"""When to decide without being asked, and when to decide anew.

A need that opens or closes, a silence that ends while a need waits, a declared rule, hesitation, a
change of channel, and a gate that closes on a message that waits. Only what is fresh triggers: an
import of the past opens no mailbox.
"""

from __future__ import annotations

from heedful.decide.builtin import CHANNEL_CHANGE, HESITATION
from heedful.decide.carry import mute
from heedful.decide.case import (
    DECIDED,
    Firing,
    Standing,
    bounded_firings,
    bounded_needs,
    firing_key,
    sort_in,
)
from heedful.decide.compiled import TriggerRule
from heedful.decide.limits import ACT_WITHIN_MS, FIRINGS_MAX
from heedful.decide.release import still_stands, void
from heedful.decide.rules import Slot
from heedful.decide.run import Run

_ANY = Slot()


def recheck(run: Run) -> list[str]:
    """Withdraw what waits and would not be decided any more; gives the names of the triggers."""
    flipped = []
    for standing in run.case.standing:
        if not standing.is_waiting:
            continue
        code = still_stands(run, standing)
        if code is not None:
            void(run, standing, code)
            flipped.append(f"gate_closed:{code}")
    return flipped[:1]


def expire_effects(run: Run) -> None:
    """Withdraw effects that waited for too long to be of use."""
    for standing in run.case.standing:
        if any(e.status == DECIDED and e.expires_at <= run.now for e in standing.effects):
            run.withdraw(standing, "expired")


def end_silences(run: Run) -> list[str]:
    """Forget silences that are over; one that ends is a trigger while a need is open."""
    case = run.case
    over = [mute for mute in case.silences if mute.until <= run.now]
    if not over:
        return []
    case.silences = [mute for mute in case.silences if mute.until > run.now]
    return ["silence_ended"] if case.open_needs() else []


def fired(run: Run) -> list[tuple[str, Slot]]:
    """List the rules that fire now, with the slots that they want decided."""
    found = [
        (f"rule:{rule.name}", Slot(placement=rule.placement))
        for rule in _declared(run)
        if _is_let(run, rule)
    ]
    names = _builtin(run)
    return [*found, *((name, _ANY) for name in names[:1])]


def _declared(run: Run) -> list[TriggerRule]:
    """List the declared rules that the event fires, and mute what they mute."""
    by_event = run.rules.fired_by(run.event, run.readings)
    found = []
    for rule in run.rules.triggers:
        if rule.on:
            is_met = rule in by_event and (rule.when is None or run.readings.holds(rule.when))
        else:
            is_met = rule.when is not None and _has_begun(
                run, rule.name, run.readings.holds(rule.when)
            )
        if is_met and run.is_fresh(rule.act_within_ms):
            found.append(rule)
    return found


def _is_let(run: Run, rule: TriggerRule) -> bool:
    """Say whether a rule may fire again, and note that it does."""
    last = last_fired(run, rule.name)
    if rule.pause_ms and last is not None and run.now - last < rule.pause_ms:
        return False
    if rule.pause_ms or not rule.on:
        _note(run, rule.name, holds=not rule.on)
    if rule.silence is not None:
        message_class, span_ms = rule.silence
        mute(run, message_class, run.now + span_ms, f"rule:{rule.name}")
    return True


def last_fired(run: Run, name: str) -> int | None:
    """Say when a rule last fired for the person."""
    found = [f.at for f in run.case.firings if f.name == name and f.at]
    return max(found, default=None)


def _has_begun(run: Run, name: str, holds: bool) -> bool:
    """Say whether a state began: it holds, and did not when it was last looked at."""
    held = any(f.name == name and f.holds for f in run.case.firings)
    if held and not holds:
        for firing in run.case.firings:
            if firing.name == name:
                firing.holds = False
    return holds and not held


def _note(run: Run, name: str, *, holds: bool) -> None:
    case = run.case
    for firing in case.firings:
        if firing.name == name and firing.fragment == run.fragment:
            firing.at, firing.holds = run.now, holds
            return
    sort_in(case.firings, Firing(run.now, name, run.fragment, holds), firing_key)
    if len(case.firings) > FIRINGS_MAX:
        case.firings = bounded_firings(case.firings)


def _builtin(run: Run) -> list[str]:
    """List the built-in triggers that fire now."""
    names = []
    for noticed in run.rules.builtin.notice(run.event, run.readings):
        kind = CHANNEL_CHANGE if noticed.name == CHANNEL_CHANGE else HESITATION
        trigger = kind if noticed.name == kind else f"{kind}:{noticed.name}"
        if noticed.is_edge:
            if not _has_begun(run, trigger, noticed.holds):
                continue
            _note(run, trigger, holds=True)
        if noticed.holds and run.is_fresh(ACT_WITHIN_MS):
            names.append(trigger)
    return names


def forget(run: Run) -> None:
    """Drop what can matter no more."""
    case = run.case
    case.standing = [s for s in case.standing if not _is_over(run, s)]
    known = run.rules.need_by_name
    needs = [need for need in case.needs if not need.closed_at or need.name in known]
    case.needs = bounded_needs(needs)
    pauses = {rule.name: rule.pause_ms for rule in run.rules.triggers}
    case.firings = [
        firing
        for firing in case.firings
        if firing.holds or run.now - firing.at < pauses.get(firing.name, 0)
    ]


def _is_over(run: Run, standing: Standing) -> bool:
    return standing.is_finished(run.now) and standing.stands_until <= run.now
