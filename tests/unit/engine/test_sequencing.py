"""What people do next, learned from the log in the background: in force, replayed, forgotten."""

from __future__ import annotations

import pytest

from heedful.app.worlds import world_of
from heedful.engine import sequencing
from heedful.engine.engine import Engine, read_lineage, under
from heedful.engine.ledger import SEQUENCES_LEARNED
from heedful.engine.replay import decisions_differing, rebuild
from heedful.engine.sequencing import SequenceLearner
from heedful.kernel import HOUR_MS, MINUTE_MS
from heedful.ports import Store
from heedful.store.memory import MemoryStore
from heedful.strategy import load
from tests.unit.engine.acting import Acting, acting
from tests.unit.engine.living import SECRET
from tests.unit.engine.strategies import SHOP

BAG = """
action: bag_for_the_tent
tier: growth
class: promotional
decision_type: offer
goal: purchase
channels: [inapp]
applicable: "'bag' in signals.next_items and signals.next_event != 'Session Ended'"
prior: {p: 0.9, strength: 1000}
stands_for: 1m
"""
FILES = {
    **{name: text for name, text in SHOP.items() if name != "actions/sale.yaml"},
    "signals.yaml": SHOP["signals.yaml"] + "sequences: {}\n",
    "rules.yaml": "builtin: []\n",
    "actions/bag-for-the-tent.yaml": BAG,
}
OTHERS = {**FILES, "signals.yaml": SHOP["signals.yaml"] + "sequences: {looked: Item Seen}\n"}


def look(here: Acting, who: str, item: str, name: str = "Product Viewed") -> None:
    here.now += MINUTE_MS
    here.track(name, user_id=who, properties={"product_id": item, "category": "camping"})


def people(here: Acting, count: int, first: int = 0) -> None:
    """People who look at a tent and then at a bag, one after another."""
    for number in range(first, first + count):
        look(here, f"p{number}", "tent")
        look(here, f"p{number}", "bag")
        here.now += HOUR_MS


def learned(here: Acting, learner: SequenceLearner) -> None:
    while learner.step():
        pass


def sequences(here: Acting) -> SequenceLearner:
    return SequenceLearner(here.store, here.writer)


def proposed(here: Acting, who: str) -> list[str]:
    found: list[str] = here.shown("user_id", who)["signals"]["next_items"]
    return found


def test_what_others_went_on_to_is_proposed_and_decides_and_is_replayed() -> None:
    store, again = MemoryStore(), MemoryStore()
    with acting(FILES, store=store) as here:
        learner = sequences(here)
        here.meet()
        look(here, "u1", "tent")
        assert here.ask(placement="home").action == "do_nothing"
        people(here, 5)
        learned(here, learner)
        look(here, "u1", "tent")
        decision = here.ask(placement="home")
        assert decision.action == "bag_for_the_tent"
        assert decision.models["sequences"] == here.engine.world.sequences.seq
        assert proposed(here, "u1") == ["bag"]
        people(here, 3, first=5)
        learned(here, learner)
        here.now += HOUR_MS
        look(here, "u1", "tent")
        later = here.ask(placement="side")
        assert later.models["sequences"] > decision.models["sequences"]
    world = rebuild(store, again, world_of(load(FILES)), SECRET, 0)
    assert decisions_differing(store, again) == []
    live = here.engine.world.sequences
    assert world.sequences.seq == live.seq
    assert world.sequences.model.encode() == live.model.encode()


def test_a_session_of_their_own_is_seen_with_the_very_event() -> None:
    with acting(FILES) as here:
        people(here, 4)
        learned(here, sequences(here))
        assert proposed(here, "p0") == []
        look(here, "p0", "tent")
        assert proposed(here, "p0") == ["bag"]
        look(here, "p0", "bag")
        assert proposed(here, "p0") == ["tent"]


def test_nothing_is_written_while_nobody_does_anything() -> None:
    with acting(FILES) as here:
        learner = sequences(here)
        people(here, 2)
        learned(here, learner)
        notes = len(here.said(SEQUENCES_LEARNED))
        for _ in range(5):
            assert not learner.step()
        here.meet("u7")
        assert not learner.step()
        assert len(here.said(SEQUENCES_LEARNED)) == notes


def test_a_strategy_without_sequences_learns_none() -> None:
    with acting(SHOP) as here:
        people(here, 2)
        assert not sequences(here).step()
        assert here.said(SEQUENCES_LEARNED) == []
        assert here.engine.world.sequences is None


@pytest.mark.parametrize("rows", [4, 10_000], ids=["from a snapshot", "from the log"])
def test_a_restart_comes_to_the_same_model(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencing, "SEQUENCE_SNAPSHOT_ROWS", rows)
    monkeypatch.setattr(sequencing, "SEQUENCE_ROWS", 3)
    store = MemoryStore()
    with acting(FILES, store=store) as here:
        people(here, 6)
        learned(here, sequences(here))
        people(here, 1, first=6)
        live = here.engine.world.sequences
        restarted = Engine(store, here.world, SECRET, lambda: here.now).world.sequences
        assert bool(store.read(lambda tx: tx.get_meta(sequencing.SNAPSHOT))) == (rows == 4)
    assert (restarted.key, restarted.since, restarted.seq) == (live.key, live.since, live.seq)
    assert restarted.model.encode() == live.model.encode()


def strategies(store: Store):
    lineage = read_lineage(store)
    known = {one.version: world_of(one, lineage) for one in map(load, (FILES, OTHERS))}
    return lambda world, version: under(world, known[version])


def test_another_declaration_is_learned_anew_from_the_log_and_replayed() -> None:
    store, again = MemoryStore(), MemoryStore()
    with acting(FILES, store=store) as here:
        learner = sequences(here)
        here.meet()
        people(here, 4)
        learned(here, learner)
        look(here, "u1", "tent")
        assert here.ask(placement="home").action == "bag_for_the_tent"
        strategy = load(OTHERS)
        world = world_of(strategy, read_lineage(store))
        here.engine.publish(world, strategy.version, "ann")
        assert here.engine.world.sequences is None
        for number in range(4):
            look(here, f"q{number}", "tent", "Item Seen")
            look(here, f"q{number}", "bag", "Item Seen")
            here.now += HOUR_MS
        learned(here, learner)
        look(here, "u1", "tent", "Item Seen")
        assert here.ask(placement="side").action == "do_nothing"  # the moment warms up
        here.later(MINUTE_MS)
        assert len(here.engine.world.sequences.model.items) == 3  # the last one goes on
        assert here.ask(placement="side").action == "bag_for_the_tent"
    rebuild(store, again, world_of(load(FILES)), SECRET, 0, strategies=strategies(store))
    assert decisions_differing(store, again) == []


def test_what_an_erased_person_did_is_learned_no_more() -> None:
    store = MemoryStore()
    with acting(FILES, store=store) as here:
        learner = sequences(here)
        people(here, 3)
        for item in ("tent", "a thing of hers"):
            look(here, "eva", item)
        here.now += HOUR_MS
        people(here, 1, first=3)
        learned(here, learner)
        look(here, "p0", "tent")
        assert "a thing of hers" in proposed(here, "p0")
        learned(here, learner)
        assert not learner.step()
        here.engine.erase(here.who("user_id", "eva"))
        assert proposed(here, "p0") == []
        learned(here, learner)
        assert proposed(here, "p0") == ["bag"]
        restarted = Engine(store, here.world, SECRET, lambda: here.now).world.sequences
        live = here.engine.world.sequences
        assert restarted.model.encode() == live.model.encode()
        assert b"a thing of hers" not in live.model.encode()
