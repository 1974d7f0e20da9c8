"""The long game learned over the log: in force by an event, replayed, and told of erasures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from heedful.app.worlds import world_of
from heedful.decide import Decision
from heedful.engine import register
from heedful.engine.engine import Engine
from heedful.engine.meeting import Told, meet
from heedful.engine.pasts import TRAINING
from heedful.engine.replay import decisions_differing, rebuild
from heedful.events import Event, EventType
from heedful.kernel import DAY_MS, MICRO, InputError, format_instant, public_id
from heedful.learn import LaterTable
from heedful.sense.ahead import GRID
from heedful.store.memory import MemoryStore
from heedful.strategy import load
from tests.unit.engine.acting import Acting, acting
from tests.unit.engine.living import SECRET, START

FILES = {
    "signals.yaml": (
        "signals: [{name: buying, kind: buying, on: Order Completed, of: event.properties.total}]\n"
    ),
    "consent.yaml": "purposes: [marketing, training]\n",
    "models/ahead.yaml": "model: ahead\nahead: {at_most: 100}\n",
    "models/value.yaml": "model: value\nlifetime: {buying: buying, assumed: {}}\n",
    "goals.yaml": (
        "goals:\n  order: {on: Order Completed, within: 3d, value: event.properties.total, "
        "margin: 20, prior: {p: 0.05}}\n"
    ),
    "policies/decision-types.yaml": (
        "decision_types: [{name: offer, risk: minimal, owner: Head of growth}]\n"
    ),
    "policies/contact.yaml": "caps: []\nfloor: 0\n",
    "actions/sale.yaml": """
action: sale
tier: growth
class: promotional
decision_type: offer
goal: order
prior: {p: 0.35, strength: 100000}
channels: [inapp]
treatments: [{title: Sale, body: Everything must go.}]
""",
}
PEOPLE = 160
WEEKS = 30
WEEK = 7 * DAY_MS
OWN = ("Message Released", "Outcome Reported")


def send_lives(here: Acting, people: int = PEOPLE) -> None:
    """Live half a year: a sale brings an order from the rested, and drives the tired away for good.

    Each person buys of themselves every third week or so. Who heard of two sales within 28 days
    unsubscribes from every other further one and is gone; sales go on to reach them.
    """
    draws = np.random.default_rng(5)
    for person in range(people):
        told: list[int] = []
        events: list[Event] = []
        user = f"u{person}"

        def happen(name: str, at: int, user: str = user, **said: object) -> Event:
            type_: EventType = "own" if name in OWN else "track"
            return here.event(name, at, type=type_, user_id=user, properties=said)

        is_gone = False
        for week in range(WEEKS):
            at = START - (WEEKS - week) * WEEK + int(draws.integers(DAY_MS))
            chance = 0.3
            if not is_gone:
                events.append(happen("Page Viewed", at))
            if draws.random() < 0.5:
                tired = sum(at - one < 28 * DAY_MS for one in told)
                said = {"class": "promotional", "action": "sale", "channel": "inapp"}
                events.append(happen("Message Released", at + 1, **said))
                told.append(at)
                chance = 0.6 if tired < 2 else 0.3
                if not is_gone and tired >= 2 and draws.random() < 0.5:
                    is_gone = True
                    said = {"outcome": "unsubscribed", "action": "sale", "channel": "inapp"}
                    events.append(happen("Outcome Reported", at + 2, **said))
            if not is_gone and draws.random() < chance:
                events.append(happen("Order Completed", at + DAY_MS, total=20.0))
        here.send(*events)


def train(here: Acting) -> register.DataSet:
    return here.engine.trainer.train(here.strategy.models, "ahead", "tests")


def ask(here: Acting, user: str, told: int) -> Decision:
    """Ask for somebody new who looked at a page and heard of so many sales this month."""
    here.meet(user)
    for _ in range(told):
        said = {"class": "promotional", "action": "sale", "channel": "inapp"}
        here.track("Message Released", type="own", user_id=user, properties=said)
    here.now += DAY_MS
    here.track("Page Viewed", user_id=user)
    return here.ask(user)


def ahead(decision: Decision) -> int | None:
    return next(c.terms for c in decision.candidates if c.action == "sale").get("ahead")


@pytest.fixture(scope="module")
def shop() -> Iterator[Acting]:
    with acting(FILES) as here:
        send_lives(here)
        yield here


def test_what_a_sale_costs_later_is_learned_and_spares_the_tired(shop: Acting) -> None:
    before = [ask(shop, f"before{told}", told).action for told in (0, 3)]
    assert before == ["sale", "sale"]
    seen = train(shop)
    assert (seen.model, seen.version, seen.customers) == ("ahead", 1, PEOPLE + 2)
    known = shop.engine.world.trained["ahead"].model
    assert isinstance(known, LaterTable)
    assert known.arms == ("", "sale")
    assert known.centre > 0
    assert seen.report["actions"]["sale"]["later"] < 0.0
    rested, tired = ask(shop, "rested", 0), ask(shop, "tired", 3)
    assert (rested.action, tired.action) == ("sale", "do_nothing")
    cheap, dear = ahead(rested), ahead(tired)
    assert cheap is not None
    assert dear is not None
    assert dear < cheap
    assert dear < -5 * MICRO
    assert tired.ahead is not None
    assert GRID.point(tired.ahead.state) == (0, 2, 2, 0)
    assert tired.models["trained/ahead"] == 1
    told = shop.engine.decisions.explain(tired).ahead
    assert told[-1].startswith("Next nothing; if nothing happens, then ")


def test_people_who_refused_training_are_left_out_and_erasures_are_told() -> None:
    with acting(FILES) as here:
        send_lives(here, 40)
        statement = {"purpose": TRAINING, "status": "denied", "source": "tests"}
        here.engine.state_consent(here.who("user_id", "u3"), statement)
        theirs = here.engine.fragments(here.who("user_id", "u3"))
        seen = train(here)
        assert (seen.customers, seen.refused) == (39, 1)
        assert register.packed(theirs) not in seen.fragments
        decided = here.engine.decisions.read(public_id("d", ask(here, "u4", 0).id))
        assert decided.ahead is not None
        told = here.engine.export(here.who("user_id", "u4"))
        assert told["models"] == ["ahead"]
        assert told["decisions"][0]["at"] == format_instant(decided.at)
        assert here.engine.export(here.who("user_id", "u3"))["models"] == []
        assert here.engine.erase(here.who("user_id", "u4")).retrain == ("ahead",)
        left = here.engine.decisions.read(public_id("d", decided.id))
        assert (left.flags, left.ahead) == (("erased",), None)
        (state, _) = here.engine.trainer.states(here.strategy.models)
        assert (state["kind"], state["retrain"]) == ("ahead", ["people_erased"])
        again = train(here)
        assert (again.version, again.erased, again.customers) == (2, 0, 38)


def test_a_replay_decides_the_same_with_each_table_from_where_it_came_into_force() -> None:
    store, again = MemoryStore(), MemoryStore()
    with acting(FILES, store=store) as here:
        send_lives(here, 60)
        decided = [ask(here, "first", 3)]
        train(here)
        decided.append(ask(here, "second", 3))
        here.now += DAY_MS
        train(here)
        decided.append(ask(here, "third", 3))
        assert [one.models.get("trained/ahead") for one in decided] == [None, 1, 2]
        restarted = Engine(store, here.world, SECRET, lambda: here.now)
        assert restarted.world.trained == here.engine.world.trained
    rebuilt = rebuild(store, again, world_of(load(FILES)), SECRET, 0)
    assert rebuilt.trained["ahead"].version == 2
    assert decisions_differing(store, again) == []


def test_a_what_if_meets_decisions_with_the_table_of_their_time() -> None:
    store = MemoryStore()
    with acting(FILES, store=store) as here:
        since = here.now
        send_lives(here, 60)
        asked = [ask(here, "first", 3)]
        train(here)
        asked.append(ask(here, "second", 3))
        world = here.engine.world
        told = Told(SECRET, world_of(load(FILES)), lambda version: world, ())
        met = meet(store, world, told, since, 100)
    assert [one.models.get("trained/ahead") for one in asked] == [None, 1]
    assert met.logged >= 2
    assert met.repeated == met.logged
    for one in met.meetings:
        assert one.logged is not None
        assert one.target is not None
        assert one.target.weights == one.logged.weights


def test_where_nothing_was_said_nothing_is_learned() -> None:
    with acting(FILES) as here:
        for person in range(40):
            here.track("Page Viewed", START - 60 * DAY_MS, user_id=f"u{person}")
        with pytest.raises(InputError, match="one action was the first message"):
            train(here)
        assert here.engine.world.trained == {}
