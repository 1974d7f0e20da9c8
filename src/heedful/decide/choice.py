"""What a decision chooses between, laid out so that gates are asked as rarely as possible.

Most of what a gate looks at is about the person and not about the action: whether they agreed to
marketing by e-mail is asked once, however many actions want to send some. Arms that share every
such answer form a lane, and conditions that say the same are one.
"""

from __future__ import annotations

from typing import NamedTuple

from heedful.decide.compiled import ActionRule, ArmRule
from heedful.decide.types import Candidate
from heedful.effects import MessageClass

NO_CONDITION = -1


class Lane(NamedTuple):
    """What arms have in common for the gates that are about the person."""

    channel: str
    purposes: tuple[str, ...]
    message_class: MessageClass
    is_loud: bool
    expires_ms: int


class Row(NamedTuple):
    """One action with the arms that fit a slot."""

    action: ActionRule
    arms: tuple[tuple[ArmRule, int], ...]
    """Each with the number of its lane."""
    eligible: int
    """Number of the condition, or `NO_CONDITION`; so for the other two."""
    applicable: int
    suitable: int
    is_special: bool
    """Whether language, caps of its own or a budget have to be asked about it."""
    records: dict[tuple[str, str, str], Candidate]
    """Candidates that a gate stopped, by channel, treatment and code: shared by all decisions."""

    def stopped(self, channel: str, treatment: str, code: str) -> Candidate:
        """Give the record of an arm, or of all arms (no channel), that a gate stopped."""
        key = (channel, treatment, code)
        known = self.records.get(key)
        if known is None:
            known = Candidate(self.action.name, channel, treatment, "gated", code)
            self.records[key] = known
        return known


class Choice(NamedTuple):
    """Actions that a decision chooses between."""

    rows: tuple[Row, ...]
    lanes: tuple[Lane, ...]
    signals: tuple[str, ...]
    """All that the conditions read, to be read together."""
    roots: tuple[str, ...]
    paths: tuple[tuple[str, ...], ...]


def choice_of(
    actions: tuple[ActionRule, ...], placement: str | None, channel: str | None
) -> Choice:
    """Lay out the actions that fit a slot."""
    lanes: dict[Lane, int] = {}
    rows = []
    for action in actions:
        if placement is not None and action.placements and placement not in action.placements:
            continue
        arms = tuple(
            (arm, lanes.setdefault(_lane(action, arm), len(lanes)))
            for arm in action.arms
            if channel is None or arm.channel == channel
        )
        if arms:
            rows.append(_row(action, arms))
    conditions = [condition for row in rows for condition in row.action.conditions]
    return Choice(
        rows=tuple(rows),
        lanes=tuple(lanes),
        signals=tuple(sorted({name for c in conditions for name in c.signals})),
        roots=tuple(sorted({root for c in conditions for root in c.roots})),
        paths=tuple(sorted({path for c in conditions for path in c.paths})),
    )


def _row(action: ActionRule, arms: tuple[tuple[ArmRule, int], ...]) -> Row:
    gates = (action.eligible, action.applicable, action.suitable)
    eligible, applicable, suitable = (
        NO_CONDITION if condition is None else condition.number for condition in gates
    )
    speaks = any(arm.language is not None for arm, _ in arms)
    is_special = speaks or bool(action.caps) or action.budget is not None
    return Row(action, arms, eligible, applicable, suitable, is_special, {})


def _lane(action: ActionRule, arm: ArmRule) -> Lane:
    return Lane(arm.channel, arm.purposes, action.message_class, arm.is_loud, action.expires_ms)
