"""What `step` hands to the learner: one row for each thing that became known of a decision."""

from __future__ import annotations

from typing import Literal

import msgspec

from heedful.kernel import MICRO

RowState = Literal["pending", "maturing", "converted", "expired", "withdrawn"]
"""`pending` when decided; `maturing` each time that a part of the conversions would have come and
this one has not; then one of: the goal was reached, its window closed, or nothing is to be learned:
the message could not be delivered, or newer decisions pushed this one out of the case."""


class LearningRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One outcome of one decision for one goal, with all that any estimator learns from.

    Notes
    -----
    Rows are folded in the order of `learn_seq`, never inside `step`. `feature_ids` and
    `feature_values` are the sparse context as it was at the decision, ids ascending.
    """

    learn_seq: int
    """Place among the rows of the workspace, from 1; gaps are allowed."""
    decision_id: str
    arm: str
    goal: str
    state: RowState
    outcome: int = 0
    """How far the goal was reached, in millionths: 0 to 1,000,000."""
    value: int = 0
    """What it was worth, in micro-units of the goal's currency."""
    weight: int = MICRO
    """How much the row counts, in millionths. Of a maturing row the share of conversions that would
    have come since the row before; of an expired one the share that was still to come."""
    retract: int = 0
    """What maturing rows of this decision and goal have counted, for a row that contradicts them:
    one that converted or was withdrawn; in millionths."""
    decided_at: int
    at: int
    """When this became known, ms since 1970; of a pending row the time of the decision."""
    window_ms: int = 0
    """How long after the decision the goal counts; 0 where nobody said."""
    p_choose: int = 0
    """Selection probability of the arm as an integer of 2^-32; 0 when nothing was drawn."""
    parts: tuple[str, ...] = ()
    """The arm from coarse to fine: group, action, channel, treatment, moment."""
    prior_p: float = 0.0
    """Declared belief about the action: expected chance, and how many outcomes it is worth; a
    strength of 0 declares none."""
    prior_strength: float = 0.0
    model: str = ""
    model_seq: int = 0
    """`learn_seq` of the snapshot that the decision was made with."""
    is_unsent: bool = False
    """Whether its message was withdrawn before it went out, so that its price was not paid."""
    is_beside: bool = False
    """Whether the goal is one of another arm that might have been drawn: for whoever compares what
    was drawn; models do not learn it."""
    goals: int = 1
    """How many goals the decision waits for."""
    p_ppm: int = 0
    """Chance of the goal that the model gave the arm, in millionths; 0 where none was asked."""
    cost: int = 0
    """What the action costs, in micro-units of the goal's currency."""
    trials: tuple[tuple[str, str, int], ...] = ()
    """(line, model, slice) where models are tried: which one answered for this customer, and the
    slice of the customers that they stand in."""
    shadows: tuple[tuple[str, str, int, int], ...] = ()
    """(line, model, slice, p) of models that looked on: the selection probability that they give
    to what was chosen, as an integer of 2^-32."""
    feature_ids: tuple[int, ...] = ()
    feature_values: tuple[float, ...] = ()
