"""A whole strategy over people whom nothing moves: what is measured of every action is nothing.

What happens to each person is drawn before anything is decided: looks, carts, purchases, words on
consent, at any hour. The strategy waits for the morning and for later slots, draws again, closes
needs, mutes, caps and learns on the way. Whatever then seems to be brought about is a fault of how
decisions are recorded, settled or compared. Set HEEDFUL_PEOPLE for more people.

So far: three such faults were found and mended. What waited was drawn again until it lost; whoever
bought while a mail waited was no longer counted for it; silence had the money of all goals, an
action that of its own.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any, Final, NamedTuple

import pytest
from msgspec.structs import replace

from heedful.decide import DO_NOTHING, Action, ContactPolicy, Decision, Goal, Need, Rule
from heedful.decide.definitions import Cap, ModelEntry, Prior, QuietHours
from heedful.decide.lessons import with_features
from heedful.kernel import DAY_MS, MICRO, MINUTE_MS, public_id
from heedful.learn import PROBABILITY_ONE, LearningRow
from heedful.measure.contrast import Draw, contrast
from heedful.sense import SignalDefinition
from tests.unit.decide.world import NOON, World, offer, written

PEOPLE = int(os.environ.get("HEEDFUL_PEOPLE", "500"))
DAYS: Final = 3
GOALS: Final = {
    "purchase": Goal(on="Order Completed", within="1d", value=20.0, prior=Prior(0.2, 20.0)),
    "look": Goal(on="Product Viewed", within="2h", value=3.0, prior=Prior(0.2, 20.0)),
}
SIGNALS: Final = (
    SignalDefinition(name="cart", kind="count", on="Product Added", reset_on="Order Completed"),
    SignalDefinition(name="looks", kind="count", on="Product Viewed", window="1d"),
)
LIMIT: Final = 3.0
"""Standard deviations that chance seldom brings about among a handful of actions."""


def mail(name: str, goal: str, **more: Any) -> Action:
    given = {"channels": ("email",), "goal": goal, "prior": Prior(0.25, 20.0), "stands_for": "10m"}
    return offer(name, **{**given, **more})


STRATEGY: Final = written(
    goals=GOALS,
    needs=(
        Need(
            name="left_cart",
            tier="growth",
            opens_when="signals.cart >= 1",
            closes_on="Order Completed",
            expires_after="1d",
        ),
    ),
    actions=(
        mail("cart_mail", "purchase", applicable="signals.cart >= 1", may_wait=("4h",)),
        mail("cart_help", "purchase", needs=("left_cart",), cost=1.0),
        mail("news", "look", eligible="signals.looks < 4", cost=0.1),
        mail("tips", "look", channels=("inapp",), placements=("home",)),
    ),
    rules=(Rule(name="looked", on="Product Viewed"), Rule(name="added", on="Product Added")),
    contact=ContactPolicy(
        caps=(Cap(at_most=3, within="1d"),),
        quiet_hours=QuietHours(start="15:00", end="12:00"),
        floor=0.15,
    ),
    model_entries=(ModelEntry(name="people"),),
    default_model="people",
)


class Settled(NamedTuple):
    """A decision and all that was learned of it."""

    person: int
    decision: Decision
    rows: list[LearningRow]


def lived(person: int, models: dict[str, Any]) -> World:
    """Let one person live for some days through what was drawn for them before."""
    luck = Random(f"nothing moves {person}")
    here = World(STRATEGY, SIGNALS, customer_key=person, models=models)
    here.now = start = NOON + luck.randrange(DAY_MS)
    here.consent()
    here.identify(plan=luck.choice(["pro", "basic"]))
    is_keen, moments = luck.random() < 0.5, sorted(luck.randrange(DAYS * DAY_MS) for _ in range(24))
    names = ("Product Viewed", "Product Added", "Order Completed", "ask", "withdraw")
    weights = (6.0, 3.0, 3.0 if is_keen else 1.0, 3.0, 0.1)
    for moment in moments:
        here.until(max(start + moment, here.now + MINUTE_MS))
        name = luck.choices(names, weights)[0]
        if name == "ask":
            here.ask(placement="home")
        elif name == "withdraw":
            here.consent(status="withdrawn")
        else:
            here.track(name)
    here.wait("3d")
    return here


def settled(people: int = PEOPLE) -> list[Settled]:
    """Give every decision of all of them; models learn on the way, from person to person."""
    found: list[Settled] = []
    models: dict[str, Any] = {}
    seq = 0
    for person in range(people):
        here = lived(person, models)
        models = models or {name: rule.new() for name, rule in here.rules.models.items()}
        rows: dict[str, list[LearningRow]] = defaultdict(list)
        features = {public_id("d", one.id): one.features for one in here.decisions}
        for row in with_features(here.learned, features):
            seq += 1
            rows[row.decision_id].append(row)
            if not row.is_beside:
                for model in models.values():
                    model.learn_one(replace(row, learn_seq=seq))
        found += [Settled(person, d, rows[public_id("d", d.id)]) for d in here.decisions]
    return found


def brought(rows: Iterable[LearningRow], goal: str | None = None) -> float:
    """Add up the money of one goal, or of all."""
    return sum(row.value for row in rows if goal in (None, row.goal)) / MICRO


def doubts(found: Sequence[Settled], *, of_all_goals: bool = False) -> dict[str, float]:
    """Give by how many standard deviations each action seems to differ from silence."""
    draws: dict[str, list[Draw]] = defaultdict(list)
    goals = {one.action: one.goal for one in STRATEGY.actions}
    for person, decision, rows in found:
        if decision.reason != "drawn" or any(row.state == "withdrawn" for row in rows):
            continue
        chances: dict[str, float] = defaultdict(float)
        for one in decision.candidates:
            chances[one.action] += one.weight / PROBABILITY_ONE
        silence = chances.pop(DO_NOTHING)
        has_acted = decision.action != DO_NOTHING
        for action in (decision.action,) if has_acted else tuple(chances):
            if chances[action] and silence:
                money = brought(rows, None if of_all_goals else goals[action])
                draws[action].append(Draw(person, has_acted, chances[action], silence, money))
    seen: dict[str, float] = {}
    for action, its in sorted(draws.items()):
        lift = contrast(its)
        assert lift is not None, f"{action} was hardly ever drawn"
        seen[action] = 3.92 * lift.difference / (lift.interval.high - lift.interval.low)
    return seen


@pytest.fixture(scope="module", name="found")
def _found() -> list[Settled]:
    return settled()


def test_no_action_seems_to_bring_anything(found: list[Settled]) -> None:
    seen = doubts(found)
    assert set(seen) == {one.action for one in STRATEGY.actions}
    assert max(map(abs, seen.values())) < LIMIT, seen
    together = doubts(found, of_all_goals=True)
    assert max(map(abs, together.values())) < LIMIT, together


def test_every_arm_is_chosen_as_often_as_was_logged(found: list[Settled]) -> None:
    for action in (*(one.action for one in STRATEGY.actions), DO_NOTHING):
        excess = variance = 0.0
        for _, decision, _ in found:
            if decision.reason == "drawn":
                p = sum(c.weight for c in decision.candidates if c.action == action)
                p /= PROBABILITY_ONE
                excess += (decision.action == action) - p
                variance += p * (1.0 - p)
        assert abs(excess) < LIMIT * variance**0.5, action


def test_everything_that_may_mislead_has_happened(found: list[Settled]) -> None:
    drawn = [one for one in found if one.decision.reason == "drawn"]
    assert any(row.is_unsent for one in drawn for row in one.rows)
    assert any(row.is_beside for one in drawn for row in one.rows)
    assert any("@" in (one.decision.treatment or "") for one in drawn)
    assert {one.decision.reason for one in found} >= {"drawn", "all_gated"}


def test_leaving_out_what_was_withdrawn_would_be_noticed(found: list[Settled]) -> None:
    sent = [one for one in found if not any(row.is_unsent for row in one.rows)]
    assert max(map(abs, doubts(sent).values())) > LIMIT


def test_the_money_of_other_goals_would_be_noticed(found: list[Settled]) -> None:
    own = [one._replace(rows=[row for row in one.rows if not row.is_beside]) for one in found]
    assert max(map(abs, doubts(own, of_all_goals=True).values())) > LIMIT
