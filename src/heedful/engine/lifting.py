"""The lift of every hold-out of a workspace, from the draws in cases and the events in the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from heedful.core import World
from heedful.decide import DO_NOTHING, Decision
from heedful.decide.case import Assignment
from heedful.decide.compiled import ActionRule
from heedful.engine.deciding import read_decision
from heedful.engine.histories import History, histories, seq_at
from heedful.engine.rewards import Reward, rewards
from heedful.kernel import MICRO, format_instant
from heedful.measure.contrast import Draw, contrast
from heedful.measure.hold_out import GROUP_MIN, Lift
from heedful.measure.holding import Drawn, HoldOut, HoldOutLift
from heedful.measure.reaching import GoalReader
from heedful.ports import Store

LIFT_PEOPLE_MAX: Final = 200_000
"""People that one measurement looks at; of a larger workspace a fair sample of so many."""


_PAGE: Final = 500
_ONE: Final = 1 << 32


class ActionLift(msgspec.Struct, frozen=True, kw_only=True):
    """What one action brought over silence, where chance chose between them."""

    action: str
    acted: int
    """Decisions with a known outcome in which it was drawn."""
    silent: int
    """Those in which silence was drawn and it might have been."""
    value: Lift | None
    """Of the money that its goal brings by decision, its price taken off; None while too few people
    were drawn."""
    says: str


class LiftReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the workspace's hold-outs show."""

    since: str
    until: str
    people: int
    """Customers that were looked at, drawn for a hold-out or not."""
    hold_outs: list[HoldOutLift]
    """The one over everything first."""
    actions: list[ActionLift]
    """Each action against silence, by name: every drawn decision is a small hold-out."""


def measure_lift(
    store: Store,
    world: World,
    since: int,
    now: int,
    *,
    people_max: int = LIFT_PEOPLE_MAX,
    confidence: float = 0.95,
) -> LiftReport:
    """Compare who was left in peace with everybody else."""
    reader = GoalReader(world.rules, world.dictionary)
    found: dict[str, HoldOut] = {}
    looked = 0
    for history in histories(store, people_max):
        looked += 1
        _take(history, reader, world, found, since, now)
    reports = [hold_out.report(confidence) for _, hold_out in sorted(found.items())]
    reports.sort(key=lambda one: one.name.startswith("action:"))
    return LiftReport(
        since=format_instant(since),
        until=format_instant(now),
        people=looked,
        hold_outs=reports,
        actions=_by_action(store, world.rules.actions, since, confidence),
    )


def _by_action(
    store: Store, actions: Mapping[str, ActionRule], since: int, confidence: float
) -> list[ActionLift]:
    """Compare each action with silence over the decisions in which either might be drawn."""
    known = rewards(store, since)
    found: dict[str, list[Draw]] = {}
    after = store.read(lambda tx: seq_at(tx, since))
    while rows := store.read(lambda tx, a=after: tx.decisions_after(a, _PAGE)):  # type: ignore[misc]
        after = rows[-1].seq
        for row in rows:
            reward = known.get(row.id) if row.at >= since else None
            if reward is not None:
                _draw(read_decision(row.body), reward, actions, found)
    return [_action_lift(name, draws, confidence) for name, draws in sorted(found.items())]


def _draw(
    decision: Decision,
    reward: Reward,
    actions: Mapping[str, ActionRule],
    found: dict[str, list[Draw]],
) -> None:
    """Add a decision to the action that was drawn, or to all that silence was drawn over."""
    if decision.reason != "drawn":
        return
    chances: dict[str, int] = {}
    cost = 0
    for one in decision.candidates:
        chances[one.action] = chances.get(one.action, 0) + one.weight
        if one.verdict == "chosen" and not reward.is_unsent:
            cost = one.terms.get("cost", 0)
    silence = chances.pop(DO_NOTHING, 0)
    has_acted = decision.action != DO_NOTHING
    for action in (decision.action,) if has_acted else chances:
        weight, rule = chances[action], actions.get(action)
        # An action is measured by its own goal alone, which silence waited for, too.
        money = None if rule is None else reward.by_goal.get(rule.goal.name)
        if weight and silence and money is not None:
            net = money - cost / MICRO
            draw = Draw(decision.customer, has_acted, weight / _ONE, silence / _ONE, net)
            found.setdefault(action, []).append(draw)


def _action_lift(name: str, draws: list[Draw], confidence: float) -> ActionLift:
    value = contrast(draws, confidence=confidence)
    acted = sum(draw.has_acted for draw in draws)
    silent = len(draws) - acted
    few = f"Not yet sure: it takes {GROUP_MIN} people on each side."
    says = few if value is None else value.says
    return ActionLift(action=name, acted=acted, silent=silent, value=value, says=says)


def _take(
    history: History,
    reader: GoalReader,
    world: World,
    found: dict[str, HoldOut],
    since: int,
    now: int,
) -> None:
    draws = draws_of(history.case.holdouts)
    if not draws:
        return
    reached = reader.reached(history.events)
    for name, first in draws.items():
        hold_out = found.get(name)
        if hold_out is None:
            hold_out = found[name] = HoldOut(name, world.rules.goals, since, now)
        if first is None:
            hold_out.contaminated += 1
        else:
            hold_out.add(Drawn(first.at, first.is_held, reached))


def draws_of(holdouts: Iterable[Assignment]) -> dict[str, Assignment | None]:
    """Give a person's first draw of each hold-out; None where a merge brought both sides."""
    first: dict[str, Assignment | None] = {}
    sides: dict[str, set[bool]] = {}
    for draw in holdouts:
        first.setdefault(draw.name, draw)
        sides.setdefault(draw.name, set()).add(draw.is_held)
    return {name: one if len(sides[name]) == 1 else None for name, one in first.items()}
