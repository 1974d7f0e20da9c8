"""Learning rows: what became known of a decision, as models learn it."""

from __future__ import annotations

from functools import lru_cache

from heedful.decide.case import GoalWindow, Standing
from heedful.decide.definitions import DO_NOTHING
from heedful.decide.rules import Rules
from heedful.kernel import MICRO, public_id
from heedful.learn import LearningRow, RowState


@lru_cache(maxsize=64)
def decision_name(decision_id: int) -> str:
    """Give the public id of a decision, which one step writes several times."""
    return public_id("d", decision_id)


def arm_name(standing: Standing) -> str:
    """Name the arm of a decision as models know it."""
    if standing.action == DO_NOTHING:
        return DO_NOTHING
    return f"{standing.action}/{standing.channel}/{standing.treatment}"


def lesson_of(
    rules: Rules, standing: Standing, goal: GoalWindow, state: RowState, at: int
) -> LearningRow:
    """Write one row; its `learn_seq` is given where it is stored."""
    action = rules.actions.get(standing.action)
    group = "" if action is None or action.group is None else action.group
    return LearningRow(
        learn_seq=0,
        decision_id=decision_name(standing.id),
        arm=arm_name(standing),
        goal=goal.goal,
        state=state,
        outcome=MICRO if state == "converted" else 0,
        value=goal.value if state == "converted" else 0,
        decided_at=standing.at,
        at=at,
        p_choose=standing.p_choose,
        parts=(group, standing.action, standing.channel, standing.treatment),
        model=standing.model,
        model_seq=standing.model_seq,
    )
