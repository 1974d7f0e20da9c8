"""What is learned from outcomes, and what decisions make of it."""

from __future__ import annotations

import pytest

from heedful.app.worlds import world_of
from heedful.decide.models import BETA
from heedful.engine import learning, ledger
from heedful.engine.engine import Engine
from heedful.engine.ledger import MODEL_LEARNED
from heedful.engine.replay import decisions_differing, rebuild
from heedful.kernel import HOUR_MS, public_id
from heedful.store.memory import MemoryStore
from heedful.strategy import load
from tests.unit.engine.acting import Acting, acting
from tests.unit.engine.living import SECRET
from tests.unit.engine.strategies import SHOP, changed

UNSTATED = changed(SHOP, "goals.yaml", "margin: 20,", "")
"""A goal whose worth is known from its outcomes only."""


def margin(here: Acting) -> int:
    """Give the margin that the sale is valued with now."""
    decision = here.ask(placement="search")
    (terms,) = (one.terms for one in decision.candidates if one.terms and one.action == "sale")
    return terms["margin"]


def buy(here: Acting, revenue: float) -> None:
    """Buy after a sale was shown; what follows is learned."""
    here.ask(placement="home")
    here.now += 60_000
    here.track("Order Completed", user_id="u1", properties={"revenue": revenue})
    here.now += HOUR_MS
    here.learner.step()


def test_a_goal_without_a_margin_is_worth_what_its_outcomes_were_on_average() -> None:
    store, again = MemoryStore(), MemoryStore()
    with acting(UNSTATED, store=store) as here:
        here.meet()
        assert margin(here) == 0
        here.now += HOUR_MS
        buy(here, 40)  # half of it is the value, and both decisions that wait for it get it
        first = margin(here)
        assert first == 20_000_000
        here.now += HOUR_MS
        buy(here, 100)
        assert first < margin(here) < 50_000_000
        learned = here.engine.world.models
        restarted = Engine(store, here.world, SECRET, lambda: here.now)
        assert restarted.world.models["margins"] == learned["margins"]
        assert restarted.world.models[BETA].encode() == learned[BETA].encode()
    rebuild(store, again, world_of(load(UNSTATED)), SECRET, 0)
    assert decisions_differing(store, again) == []


def test_a_goal_with_a_margin_keeps_it() -> None:
    with acting(SHOP) as here:
        here.meet()
        assert margin(here) == 20_000_000
        here.now += HOUR_MS
        buy(here, 400)
        assert margin(here) == 20_000_000


def test_a_decision_names_the_models_and_nothing_beside() -> None:
    with acting(UNSTATED) as here:
        here.meet()
        buy(here, 40)
        decision = here.engine.decisions.read(public_id("d", here.ask(channel="sms").id))
        assert list(decision.models) == [BETA]
        assert decision.models[BETA] == here.engine.world.models[BETA].learn_seq > 0


def test_a_restart_goes_on_with_what_was_learned_and_keeps_few_snapshots(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(learning, "SNAPSHOT_ROWS", 5)
    store = MemoryStore()
    with acting(SHOP, store=store) as here:
        here.meet()
        for _ in range(6):
            buy(here, 10)
        steps = len(here.said(MODEL_LEARNED))
        learned = here.engine.world.models
        here.ask(placement="home")  # a row that nobody has learned from yet
        numbers = store.read(lambda tx: {tx.snapshot(BETA, n) for n in range(tx.last_lesson() + 1)})
        assert 1 < len(numbers) < steps + 1, "None, and fewer snapshots than steps"
        restarted = Engine(store, here.world, SECRET, lambda: here.now)
        assert restarted.world.models[BETA].encode() == learned[BETA].encode()
        assert restarted.world.models["margins"] == learned["margins"]


def test_what_is_learned_every_second_is_not_read_with_what_people_said() -> None:
    with acting(SHOP) as here:
        here.meet()
        buy(here, 10)
        names = {event.name for event in here.store.read(ledger.happened)}
        assert names == set()
        assert here.store.read(ledger.last_learned) == here.engine.world.models[BETA].learn_seq


def test_a_row_that_a_model_refuses_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with acting(SHOP) as here:
        here.meet()
        monkeypatch.setattr(here.engine.world.models[BETA], "cells_max", 1)
        buy(here, 10)
        buy(here, 10)
        model = here.engine.world.models[BETA]
        assert model.cells_max == 1
        assert model.learn_seq == here.store.read(lambda tx: tx.last_lesson())
