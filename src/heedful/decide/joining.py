"""Joining two cases and taking them apart: the laws that `case.py` states.

Equal entries are joined field by field, each by an operation that commutes, associates and changes
nothing when repeated: the greatest status, the union of what was tried, the earliest closing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from heedful.decide.case import (
    SCHEMA,
    Case,
    EffectNote,
    Firing,
    GoalWindow,
    OpenNeed,
    Standing,
    assignment_key,
    bounded_assignments,
    bounded_firings,
    bounded_silences,
    bounded_standing,
    firing_key,
    mute_key,
    need_key,
    standing_key,
)
from heedful.kernel import canonical

E = TypeVar("E")
_NEVER: Final = 1 << 62


def merge_cases(left: Case, right: Case) -> Case:
    """Join two cases; the arguments must not be used again, since the result shares their parts."""
    return Case(
        SCHEMA,
        # Not bounded: which one is open changes, and an order over that would depend on the
        # order of joins. The next step forgets what is closed and old.
        _joined(left.needs, right.needs, need_key, _join_needs),
        bounded_standing(_joined(left.standing, right.standing, standing_key, _join_standing)),
        bounded_silences(_joined(left.silences, right.silences, mute_key, _first)),
        bounded_firings(_joined(left.firings, right.firings, firing_key, _join_firings)),
        bounded_assignments(_joined(left.holdouts, right.holdouts, assignment_key, _first)),
    )


def split_case(case: Case, fragments: frozenset[int]) -> tuple[Case, Case]:
    """Take a case apart: what came of events inside `fragments`, and the rest."""

    def side(is_inside: bool) -> Case:
        def part(entries: list[Any]) -> list[Any]:
            return [e for e in entries if (e.fragment in fragments) is is_inside]

        return Case(
            SCHEMA,
            part(case.needs),
            part(case.standing),
            part(case.silences),
            part(case.firings),
            part(case.holdouts),
        )

    return side(True), side(False)


# Joins of equal entries


def _joined(
    left: list[E],
    right: list[E],
    key: Callable[[E], Any],
    join: Callable[[E, E], E],
) -> list[E]:
    if not right:
        return left
    if not left:
        return right
    entries = {key(entry): entry for entry in left}
    for entry in right:
        name = key(entry)
        known = entries.get(name)
        entries[name] = entry if known is None else join(known, entry)
    return [entries[name] for name in sorted(entries)]


def _first(left: E, right: E) -> E:
    return left if canonical.encode(left) <= canonical.encode(right) else right


def _join_needs(left: OpenNeed, right: OpenNeed) -> OpenNeed:
    # Closed is above open; of two closings the earlier one happened.
    closed_at, reason = min((need.closed_at or _NEVER, need.reason) for need in (left, right))
    return msgspec.structs.replace(
        left,
        closed_at=0 if closed_at == _NEVER else closed_at,
        reason="" if closed_at == _NEVER else reason,
        is_rearmed=left.is_rearmed or right.is_rearmed,
        tried=sorted({*left.tried, *right.tried}),
    )


def _join_standing(left: Standing, right: Standing) -> Standing:
    return msgspec.structs.replace(
        left,
        stands_until=min(left.stands_until, right.stands_until),
        status=max(left.status, right.status),
        approval=max(left.approval, right.approval),
        effects=_joined(left.effects, right.effects, _effect_key, _join_effects),
        goals=_joined(left.goals, right.goals, _goal_key, _join_goals),
    )


def _effect_key(effect: EffectNote) -> str:
    return effect.id


def _goal_key(goal: GoalWindow) -> str:
    return goal.goal


def _join_effects(left: EffectNote, right: EffectNote) -> EffectNote:
    # Where it goes is settled with its status, by the release.
    status, code, to = max((effect.status, effect.code, effect.to) for effect in (left, right))
    return msgspec.structs.replace(
        left,
        due=max(left.due, right.due),
        expires_at=max(left.expires_at, right.expires_at),
        status=status,
        code=code,
        to=to,
    )


def _join_goals(left: GoalWindow, right: GoalWindow) -> GoalWindow:
    outcome, value = max((goal.outcome, goal.value) for goal in (left, right))
    stage, matured = max(left.stage, right.stage), max(left.matured, right.matured)
    return msgspec.structs.replace(left, outcome=outcome, value=value, stage=stage, matured=matured)


def _join_firings(left: Firing, right: Firing) -> Firing:
    at, holds = max((firing.at, firing.holds) for firing in (left, right))
    return msgspec.structs.replace(left, at=at, holds=holds)
