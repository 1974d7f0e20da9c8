"""Learning rows: what became known of a decision, as models learn it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec

from heedful.decide.case import WITHDRAWN, GoalWindow, Standing
from heedful.decide.compiled import said_and_when
from heedful.decide.definitions import DO_NOTHING
from heedful.decide.rules import Rules
from heedful.kernel import MICRO, public_id
from heedful.learn import LearningRow, RowState, unpack_features


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
    action, wanted = rules.actions.get(standing.action), rules.goals.get(goal.goal)
    prior = None
    if standing.action == DO_NOTHING:
        group, prior = DO_NOTHING, None if wanted is None else wanted.prior
    elif action is not None:
        group, prior = action.group or action.tier, action.prior
    else:
        group = standing.tier
    return LearningRow(
        learn_seq=0,
        decision_id=decision_name(standing.id),
        arm=arm_name(standing),
        goal=goal.goal,
        state=state,
        outcome=MICRO if state == "converted" else 0,
        value=goal.value if state == "converted" else 0,
        weight=MICRO - goal.matured if state == "expired" else MICRO,
        retract=goal.matured if state in ("converted", "withdrawn") else 0,
        decided_at=standing.at,
        at=at,
        window_ms=goal.until - standing.at,
        p_choose=standing.p_choose,
        parts=(group, standing.action, standing.channel, *said_and_when(standing.treatment)),
        prior_p=0.0 if prior is None else prior.p,
        prior_strength=0.0 if prior is None else prior.strength,
        model=standing.model,
        model_seq=standing.model_seq,
        is_unsent=standing.status == WITHDRAWN,
        is_beside=goal.is_beside,
        goals=len(standing.goals),
    )


def with_features(rows: Sequence[LearningRow], seen: Mapping[str, bytes]) -> list[LearningRow]:
    """Give learning rows what their decisions saw of the person.

    Parameters
    ----------
    seen
        `Decision.features` by the decision's public id; of an erased person there is nothing.

    Notes
    -----
    The features stand in the decision alone, so erasing a person takes them away everywhere.
    """
    found = []
    for row in rows:
        body = seen.get(row.decision_id)
        if body:
            ids, values = unpack_features(body)
            row = msgspec.structs.replace(row, feature_ids=ids, feature_values=values)
        found.append(row)
    return found
