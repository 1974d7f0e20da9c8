"""What became of decisions: goals reached or missed, and what was reported.

A goal counts for every decision that waits for it (intention to treat; whose merit it was is the
business of attribution), once each. A window that closes is a miss. A decision that was withdrawn
before anybody saw it counts like any other; one whose message could not be delivered does not.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from heedful.customer import ANY_CHANNEL
from heedful.decide.case import (
    DELIVERED,
    FAILED,
    MISSED,
    RANK,
    REACHED,
    WAITING,
    GoalWindow,
    Standing,
)
from heedful.decide.compiled import GoalRule
from heedful.decide.lessons import lesson_of
from heedful.decide.margins import share_come
from heedful.decide.readings import Condition
from heedful.decide.run import Run
from heedful.events import CONSENT_CHANGED
from heedful.kernel import parse_public_id, public_id, to_micros
from heedful.learn import RowState

OUTCOMES: Final = (
    "shown",
    "ignored",
    "rejected",
    "accepted",
    "converted",
    "unsubscribed",
    "complained",
)
"""What can be reported of a decision, weakest first."""

_SETTLED: Final = {"delivered": DELIVERED, "dead": FAILED, "failed": FAILED}
"""What the outbox says of an effect; one that is tried again is still released."""

_UNWELCOME: Final = frozenset(("rejected", "unsubscribed", "complained"))


def reach_goals(run: Run) -> None:
    """Give an event that is an outcome to every decision that waits for it."""
    event = run.event
    for goal in run.rules.reached_by(event, run.readings):
        value: int | None = None
        for standing in run.case.standing:
            for window in standing.goals:
                if window.goal != goal.name or window.outcome != WAITING:
                    continue
                if standing.at <= event.at <= window.until and event.key != standing.trigger:
                    value = _worth(run, goal) if value is None else value
                    _settle(run, standing, window, REACHED, value)


def _worth(run: Run, goal: GoalRule) -> int:
    """Read what an outcome was worth, from its event where the goal says so."""
    if not isinstance(goal.value, Condition):
        return goal.value
    micros = to_micros(run.readings.value(goal.value))
    return 0 if micros is None else micros


def miss_goals(run: Run) -> None:
    """Close the windows whose end has come."""
    for standing in run.case.standing:
        for window in standing.goals:
            if window.outcome == WAITING and window.until < run.now:
                _settle(run, standing, window, MISSED, 0)
            else:
                _ripen(run, standing, window)


def _ripen(run: Run, standing: Standing, window: GoalWindow) -> None:
    """Learn the part of a miss that lies in an outcome not having come yet.

    Notes
    -----
    That nothing came by now is as likely as `1 - p * F`, where F is the share of outcomes that come
    by now: about as much evidence as F misses.

    References
    ----------
    O. Chapelle, "Modeling Delayed Feedback in Display Advertising", 2014.
    """
    stage, due = window.stage, window.ripens_at(standing.at)
    while due is not None and due <= run.now:
        window.stage += 1
        due = window.ripens_at(standing.at)
    if window.stage == stage:
        return
    come = share_come(run.surroundings.delays.get(window.goal), window.stage - 2)
    weight = come - window.matured
    if weight > 0:
        row = lesson_of(run.rules, standing, window, "maturing", run.now)
        run.learned.append(msgspec.structs.replace(row, weight=weight, retract=0))
        window.matured = come


def _settle(run: Run, standing: Standing, window: GoalWindow, outcome: int, value: int) -> None:
    window.outcome, window.value = outcome, value
    state: RowState = "converted" if outcome == REACHED else "expired"
    run.learned.append(lesson_of(run.rules, standing, window, state, run.now))


def report(run: Run) -> None:
    """Take in what somebody says became of a decision."""
    said = run.event.properties
    outcome = said.get("outcome")
    if outcome not in OUTCOMES:
        return
    standing = _named(run, said)
    if standing is not None:
        standing.status = max(standing.status, RANK[outcome])
        if outcome == "converted":
            _convert(run, standing, said)
        if outcome in _UNWELCOME:
            # Nobody is shown again what they turned down.
            standing.stands_until = min(standing.stands_until, run.now)
    if outcome in ("unsubscribed", "complained"):
        # However late it comes: the decision may be forgotten, the person's word is not.
        _object(run, said if standing is None else _told(standing), outcome)


def _named(run: Run, said: dict[str, Any]) -> Standing | None:
    id_ = parse_public_id("d", str(said.get("decision_id")))
    return None if id_ is None else run.case.find(id_)


def _told(standing: Standing) -> dict[str, Any]:
    """Say of a decision what the report of its outcome says, too."""
    return {
        "decision_id": public_id("d", standing.id),
        "action": standing.action,
        "channel": standing.channel,
        "treatment": standing.treatment,
        "class": standing.message_class,
    }


def _convert(run: Run, standing: Standing, said: dict[str, Any]) -> None:
    value = to_micros(said.get("value"))
    for window in standing.goals:
        if window.outcome == WAITING and window.goal in run.rules.goals and not window.is_beside:
            goal = run.rules.goals[window.goal]
            stated = goal.value if isinstance(goal.value, int) else 0
            _settle(run, standing, window, REACHED, stated if value is None else value)


def _object(run: Run, said: dict[str, Any], outcome: str) -> None:
    """Turn an unsubscription into a withdrawn consent, a complaint into an objection."""
    channel = str(said.get("channel") or "")
    arm = run.rules.arms.get((str(said.get("action")), channel, str(said.get("treatment") or "")))
    purposes = arm.purposes if arm is not None else ()
    default = "marketing" if said.get("class") == "promotional" else "service"
    is_complaint = outcome == "complained"
    status = "objected" if is_complaint else "withdrawn"
    where = ANY_CHANNEL if is_complaint else channel or ANY_CHANNEL
    for purpose in purposes[:1] or (default,):
        run.refused[purpose, where] = status
        run.say(
            CONSENT_CHANGED,
            {
                "purpose": purpose,
                "channel": where,
                "status": status,
                "source": f"outcome:{outcome}",
                "proof": str(said.get("decision_id")),
            },
        )


def settle_effect(run: Run) -> None:
    """Take in what became of a released effect."""
    said = run.event.properties
    found = run.case.find_effect(str(said.get("effect_id")))
    status = _SETTLED.get(str(said.get("status")))
    if found is None or status is None:
        return
    standing, effect = found
    if status > effect.status:
        effect.status, effect.code = status, str(said.get("code") or "")
    if effect.kind == "message":
        standing.status = max(standing.status, status)
        if effect.status == FAILED:
            run.unlearn(standing)
