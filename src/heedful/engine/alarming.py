"""Drift alarms as an engine raises them: what was foreseen of an outcome, and how it is told."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from heedful.core import World
from heedful.decide import DO_NOTHING, Decision
from heedful.decide.models import Serving
from heedful.engine import ledger
from heedful.engine.crossing import Crossing
from heedful.engine.stream import Notice
from heedful.kernel import format_instant, parse_span
from heedful.learn import Alarm, AlarmChange, DriftAlarms, Forgot, LearningRow, LogisticArms

ALARM: Final = "alarm"
"""Kind of the notices that somebody has to look at something."""


def begin(world: World, body: bytes = b"") -> DriftAlarms:
    """Give what was written of the alarms, under the limits of the policy in force."""
    policy = world.drift
    limits = (policy.evidence_max, parse_span(policy.reference))
    return DriftAlarms.decode(body, *limits) if body else DriftAlarms(*limits)


def foreseen(world: World, row: LearningRow, decision: Decision) -> LearningRow:
    """Give a row the chance that stood in its decision, and the model that said so.

    Notes
    -----
    The chance of doing nothing stands beside every action, for that action's goal.
    """
    if decision.action != DO_NOTHING:
        chosen = next((c for c in decision.candidates if c.verdict == "chosen"), None)
        p_ppm = 0 if chosen is None else chosen.terms.get("p_ppm", 0)
        return msgspec.structs.replace(row, p_ppm=p_ppm)
    for candidate in decision.candidates:
        action = world.rules.actions.get(candidate.action)
        p_ppm = candidate.terms.get("p_nothing_ppm", 0)
        if p_ppm and action is not None and action.goal.name == row.goal:
            model = Serving(tuple(decision.routed.items()), world.rules.scores).model_of(action)
            seq = decision.models.get(model, 0)
            return msgspec.structs.replace(row, model=model, model_seq=seq, p_ppm=p_ppm)
    return row


def written(change: AlarmChange) -> tuple[str, dict[str, Any]]:
    """Write an alarm as the log has it: the name of its event, and what that says."""
    name = ledger.DRIFT_ALARM_RAISED if change.is_raised else ledger.DRIFT_ALARM_ENDED
    return name, _written(change.alarm)


def forgot(one: Forgot) -> tuple[str, dict[str, Any]]:
    """Write what made a model forget as the log has it."""
    said = {**_written(one.alarm), "forgot_at": format_instant(one.at)}
    return ledger.MODEL_FORGOT, said


def forgotten(world: World, now: int) -> list[Forgot]:
    """Give what made the models in force forget within the window of the policy, newest first."""
    since = now - parse_span(world.drift.window)
    found = [
        one.by(name)
        for name, model in sorted(world.models.items())
        if isinstance(model, LogisticArms)
        for one in model.changes.forgotten()
        if one.at > since
    ]
    return sorted(found, key=lambda one: (-one.at, one.alarm[:4]))


def _written(alarm: Alarm) -> dict[str, Any]:
    return {
        **alarm._asdict(),
        "evidence": round(alarm.evidence, 3),
        "foreseen": round(alarm.foreseen, 6),
        "since": format_instant(alarm.since),
    }


def announced(change: AlarmChange, seq: int, at: int) -> Notice:
    """Announce an alarm to whoever watches: `name` is its action, `source` its model."""
    alarm = change.alarm
    state = "raised" if change.is_raised else "ended"
    return Notice(
        seq, ALARM, at, "", name=alarm.action, type=state, source=alarm.model, reason=alarm.says
    )


def relearning(one: Forgot, seq: int, at: int) -> Notice:
    """Announce that a model forgot: `name` is the action, `source` the model."""
    alarm = one.alarm
    return Notice(
        seq, ALARM, at, "", name=alarm.action, type="forgot", source=alarm.model, reason=one.says
    )


def crossed(one: Crossing, seq: int, at: int) -> Notice:
    """Announce a limit that was crossed, or no longer is: `name` is what moved, or who."""
    said = one.said
    about = said["series"] if one.kind == "drift" else f"{said['trait']} {said['group']}"
    state = "raised" if one.is_crossed else "ended"
    reason = f"{about}: {said['measure']} at {said['amount']:.3f}, limit {said['limit']:g}."
    return Notice(seq, ALARM, at, "", name=about, type=state, source=one.kind, reason=reason)
