"""Making a decision true: its effects, what the case remembers, what the learner is told."""

from __future__ import annotations

from collections.abc import Iterable

from heedful.decide.carry import carry_out
from heedful.decide.case import (
    DECIDED,
    RELEASED,
    GoalWindow,
    OpenNeed,
    Standing,
    bounded_standing,
    sort_in,
    standing_key,
)
from heedful.decide.choice import Option
from heedful.decide.compiled import ActionRule, GoalRule
from heedful.decide.contact import Contact
from heedful.decide.definitions import DO_NOTHING
from heedful.decide.lessons import decision_name, lesson_of
from heedful.decide.limits import NOTHING_STANDS_MS, STANDING_MAX
from heedful.decide.record import Picked
from heedful.decide.rules import Slot
from heedful.decide.run import Run
from heedful.decide.types import Decision
from heedful.events import MESSAGE_RELEASED


def commit(
    run: Run,
    slot: Slot,
    decision: Decision,
    option: Option,
    due: int,
    need: OpenNeed | None,
    contact: Contact,
    *,
    model: str,
    beside: Iterable[GoalRule] = (),
    stands_for: str = "",
) -> None:
    """Carry out a decision to act.

    Parameters
    ----------
    due
        When its message may go out.
    model
        The model that answered for the action.
    beside
        Goals of the arms that might have been drawn. Silence waits for all of them, so what is done
        does, too: else nobody could compare the two.
    stands_for
        What it answers where that is no need of the person, such as an incident.
    """
    action, arm = option.action, option.arm
    is_sent = bool(arm.channel) and not slot.is_answered
    notes = carry_out(run, decision, option, due, contact, is_sent=is_sent)
    standing = _standing(run, slot, decision, [action.goal], model)
    _wait_beside(run, standing, beside)
    standing.need = standing.need or stands_for
    standing.need_event = need.event if need is not None else 0
    standing.effects = notes
    standing.approval = int(action.needs_approval)
    if not is_sent:
        run.mark_tried(standing)
    if slot.is_answered and arm.channel:
        _release_in_slot(run, standing, action)
    _keep(run, standing)
    run.decisions.append(decision)


def commit_nothing(
    run: Run, slot: Slot, decision: Decision, picked: Picked, need: OpenNeed | None
) -> None:
    """Remember that nothing is done, and wait for the goals that something might have reached."""
    goals = {goal.name: goal for goal in picked.choice.goals_of(picked.arms)}
    model = picked.model or run.rules.fallback_model
    standing = _standing(run, slot, decision, list(goals.values()), model)
    standing.need_event = need.event if need is not None else 0
    _keep(run, standing)
    run.decisions.append(decision)


def _standing(
    run: Run, slot: Slot, decision: Decision, goals: list[GoalRule], model: str
) -> Standing:
    stands_ms = NOTHING_STANDS_MS
    if decision.action != DO_NOTHING:
        stands_ms = run.rules.actions[decision.action].stands_ms
    return Standing(
        at=run.now,
        id=decision.id,
        fragment=run.fragment,
        trigger=run.event.key,
        version=run.rules.version,
        slot=slot.key,
        action=decision.action,
        channel=decision.channel or "",
        treatment=decision.treatment or "",
        tier=decision.tier,
        message_class=decision.message_class,
        need=decision.need or "",
        need_event=0,
        p_choose=decision.p_choose,
        model=model,
        model_seq=decision.models.get(model, 0),
        stands_until=run.now + stands_ms,
        goals=[]
        if run.is_qa
        else [
            GoalWindow(goal.name, run.now + goal.within_ms, stage=int(run.rules.weighs_delay))
            for goal in sorted(goals, key=lambda goal: goal.name)
        ],
    )


def _wait_beside(run: Run, standing: Standing, goals: Iterable[GoalRule]) -> None:
    own = {window.goal for window in standing.goals}
    if not own:  # of somebody who tries things out
        return
    standing.goals += [
        GoalWindow(goal.name, run.now + goal.within_ms, is_beside=True)
        for goal in goals
        if goal.name not in own
    ]
    standing.goals.sort(key=lambda window: window.goal)  # as they are after a join


def _release_in_slot(run: Run, standing: Standing, action: ActionRule) -> None:
    """Let the answer to a request be the message: whoever asked shows it now."""
    standing.status = RELEASED
    say_released(run, standing, "")
    if action.budget is not None and action.cost:
        run.spent.append((action.budget, action.cost))


def say_released(run: Run, standing: Standing, effect_id: str) -> None:
    """Write the fact that a message goes out, which caps count."""
    run.say(
        MESSAGE_RELEASED,
        {
            "channel": standing.channel,
            "class": standing.message_class,
            "action": standing.action,
            "treatment": standing.treatment,
            "decision_id": decision_name(standing.id),
            "effect_id": effect_id,
        },
    )


def _keep(run: Run, standing: Standing) -> None:
    case = run.case
    run.learned += [
        lesson_of(run.rules, standing, window, "pending", run.now) for window in standing.goals
    ]
    sort_in(case.standing, standing, standing_key)
    if len(case.standing) > STANDING_MAX:
        for old in case.standing[:-STANDING_MAX]:
            if any(effect.status == DECIDED for effect in old.effects):
                run.withdraw(old, "too_many_decisions")
            run.unlearn(old)
        case.standing = bounded_standing(case.standing)
