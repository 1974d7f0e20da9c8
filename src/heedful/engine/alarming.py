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
from heedful.learn import AlarmChange, DriftAlarms, LearningRow

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
    alarm = change.alarm
    name = ledger.DRIFT_ALARM_RAISED if change.is_raised else ledger.DRIFT_ALARM_ENDED
    return name, {
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


def crossed(one: Crossing, seq: int, at: int) -> Notice:
    """Announce a limit that was crossed, or no longer is: `name` is what moved, or who."""
    said = one.said
    about = said["series"] if one.kind == "drift" else f"{said['trait']} {said['group']}"
    state = "raised" if one.is_crossed else "ended"
    reason = f"{about}: {said['measure']} at {said['amount']:.3f}, limit {said['limit']:g}."
    return Notice(seq, ALARM, at, "", name=about, type=state, source=one.kind, reason=reason)
