"""What was decided is decided again from the log, byte for byte."""

from __future__ import annotations

from heedful.app.worlds import world_of
from heedful.engine import ledger
from heedful.engine.deciding import read_decision
from heedful.engine.engine import Engine, read_lineage, under
from heedful.engine.replay import Strategies, decisions_differing, rebuild, verify
from heedful.govern import IncidentScope
from heedful.kernel import DAY_MS, HOUR_MS, MINUTE_MS, public_id
from heedful.ports import Delivery, Store
from heedful.store.memory import MemoryStore
from heedful.strategy import load
from tests.unit.engine.acting import DELIVERED, Acting, Way, acting
from tests.unit.engine.living import SECRET, named
from tests.unit.engine.strategies import CART_MAIL, SHOP, changed

GIFT = """
action: gift
tier: growth
class: promotional
decision_type: offer
goal: purchase
channels: [email, inapp]
prior: {p: 0.8, strength: 10}
benefit: 6
cost: 3
budget: gifts
stands_for: 1m
"""
CREDIT = """
action: pay_in_parts
tier: service
needs: [cannot_pay]
class: service
decision_type: credit
goal: purchase
channels: [email]
benefit: 50
"""
POLICY = """
caps: [{at_most: 3, within: 7d}]
floor: 0.05
fatigue_cost: 0.1
budgets: {gifts: {amount: 4, per: day}}
holdout: {name: t, share: 0.2}
"""
FIRST = {**SHOP, "actions/gift.yaml": GIFT, "policies/contact.yaml": POLICY}
SECOND = {
    **FIRST,
    "signals.yaml": SHOP["signals.yaml"]
    + "  - {name: adds, kind: count, on: Product Added, window: 30d}\n",
    "actions/gift.yaml": GIFT + "applicable: signals.adds >= 2\n",
    "actions/cart-mail.yaml": CART_MAIL["actions/cart-mail.yaml"],
    "policies/contact.yaml": POLICY.replace("at_most: 3", "at_most: 5"),
    "actions/pay-in-parts.yaml": CREDIT,
    "policies/approvals.yaml": "decision: {required: 1}\nswitch_on: {required: 0}\n",
    "policies/incidents.yaml": "incidents: [{name: outage, growth_off: true}]\n",
}
THIRD = changed(SECOND, "actions/gift.yaml", "p: 0.8", "p: 0.3")
PUBLISHED = (FIRST, SECOND, THIRD, SECOND)
"""Three publications, and back to the second."""

ARMS = """
models:
  - {name: arms, kind: logistic, half_life: 30d, features: {traits: [firstName, plan]}}
default: arms
"""
ARMS_FIRST = {**FIRST, "policies/models.yaml": ARMS}
ARMS_CHANGED = {
    **SECOND,
    "policies/models.yaml": ARMS.replace("30d", "5d").replace(
        "default", "  - {name: counts, kind: beta, half_life: 9d}\ndefault"
    ),
}
LEARNED = (SECOND, ARMS_FIRST, ARMS_CHANGED, SECOND)
"""Counts, a model that looks at people, one that learns otherwise, and back."""


def strategies(store: Store) -> Strategies:
    """Give what the application would: worlds that know which signals others had before."""
    lineage = read_lineage(store)
    files = (*PUBLISHED, *LEARNED)
    known = {loaded.version: world_of(loaded, lineage) for loaded in map(load, files)}
    return lambda world, version: under(world, known[version])


def publish(here: Acting, files: dict[str, str]) -> None:
    strategy = load(files)
    world = world_of(strategy, read_lineage(here.store))
    here.engine.publish(world, strategy.version, "ann")


def shop(here: Acting, day: int) -> None:
    """A day in which people do what makes the strategy decide."""
    for number in range(6):
        who = f"u{number}"
        here.now += 7 * MINUTE_MS
        if day == 0:
            here.meet(who)
        here.track("Product Added", user_id=who)
        here.dispatch()
        here.ask(who, placement="home")
        if (number + day) % 3 == 0:
            here.fail_to_pay(who)
            here.dispatch()
        if (number + day) % 2 == 0:
            here.now += 2 * MINUTE_MS
            here.track("Order Completed", user_id=who, properties={"revenue": 12.5 * number})
        here.later(MINUTE_MS)
        here.learner.step()
    decided = here.decided("u1")[0]
    here.engine.decisions.report(public_id("d", decided.id), "unsubscribed").result()
    here.later(DAY_MS - 48 * MINUTE_MS)
    here.dispatch()


def live(here: Acting) -> None:
    governing = here.engine.governing
    for day, files in enumerate(PUBLISHED):
        publish(here, files)
        if day == 1:
            governing.stop("channel:push", "ann", "a bad token")
            governing.declare("outage", IncidentScope(), "ann", "all is dark", here.now + HOUR_MS)
        if day == 2:
            governing.switch_on("channel:push", "ann", "it works again")
            for asked in governing.approvals():
                governing.vote(asked.id, "bob", True, "agreed")
        shop(here, day)
        if day == 1:
            here.track("Home", type="page", user_id="u2", anonymous_id="tablet")
            here.track("Home", type="page", user_id="u3", anonymous_id="phone")
            here.engine.unmerge(here.who("user_id", "u2"), [named("anonymous_id", "tablet")])


def test_decisions_are_the_same_after_three_publications_and_a_rollback() -> None:
    store, again = MemoryStore(), MemoryStore()
    with acting(FIRST, store=store) as here:
        live(here)
        made = store.read(lambda tx: tx.decisions_after(0, 10_000))
        decided = [decision for n in range(6) for decision in here.decided(f"u{n}")]
        reasons = {decision.reason for decision in decided}
        codes = {candidate.reason_code for one in decided for candidate in one.candidates}
        world = here.engine.world
    assert len(made) > 60
    assert {"drawn", "best_value", "holdout", "all_gated", "growth_shut"} <= reasons
    assert {"budget_spent", "cap_reached", "silenced", "consent_refused"} <= codes
    begun = world_of(load(FIRST))
    rebuilt = rebuild(store, again, begun, SECRET, 5 * DAY_MS, strategies=strategies(store))
    assert decisions_differing(store, again) == []
    assert rebuilt.governance == world.governance
    assert rebuilt.models["beta"].encode() == world.models["beta"].encode()
    assert verify(again, rebuilt).is_equal
    logs = [s.read(lambda tx: tx.log(0, 1_000_000)) for s in (store, again)]
    assert logs[0] == logs[1]


def test_decisions_of_models_that_learned_in_between_are_the_same() -> None:
    store, again = MemoryStore(), MemoryStore()
    with acting(SECOND, store=store) as here:
        for day, files in enumerate(LEARNED):
            publish(here, files)
            shop(here, day)
            if files is not SECOND:
                assert here.engine.world.models["arms"].learn_seq == store.read(ledger.last_learned)
        made = store.read(lambda tx: tx.decisions_after(0, 10_000))
        world = here.engine.world
    decided = [read_decision(row.body) for row in made]
    looked = [decision for decision in decided if decision.because]
    assert len(looked) > 10
    assert len({decision.models["arms"] for decision in looked}) > 5, "It learned in between"
    assert {"arms", "beta", "counts"} == {name for one in decided for name in one.models}
    begun = world_of(load(SECOND))
    rebuilt = rebuild(store, again, begun, SECRET, 9 * DAY_MS, strategies=strategies(store))
    assert decisions_differing(store, again) == []
    encoded = [{n: m.encode() for n, m in w.models.items()} for w in (world, rebuilt)]
    assert encoded[0] == encoded[1]
    logs = [s.read(lambda tx: tx.log(0, 1_000_000)) for s in (store, again)]
    assert logs[0] == logs[1]


def test_a_restart_goes_on_with_what_a_contextual_model_had_learned() -> None:
    store = MemoryStore()
    with acting(ARMS_FIRST, store=store) as here:
        publish(here, ARMS_FIRST)
        shop(here, 0)
        learned = here.engine.world.models["arms"].encode()
        restarted = Engine(store, here.world, SECRET, lambda: here.now)
        assert restarted.world.models["arms"].encode() == learned
        # What somebody taught stays learned once they are erased, though nothing of them is left.
        here.engine.erase(here.who("user_id", "u1"))
        learned = here.engine.world.models["arms"].encode()
        restarted = Engine(store, here.world, SECRET, lambda: here.now)
        assert restarted.world.models["arms"].encode() == learned
        rows = store.read(lambda tx: tx.decisions_after(0, 10_000))
        flagged = [one for row in rows if "erased" in (one := read_decision(row.body)).flags]
        assert flagged
        assert not any(one.features or one.because for one in flagged)
        assert not any(row.feature_ids for row in here.lessons())


def test_a_model_that_is_declared_late_learns_what_was_there() -> None:
    store = MemoryStore()
    with acting(SECOND, store=store) as here:
        publish(here, ARMS_FIRST)
        shop(here, 0)
        before = here.engine.world.models["arms"].encode()
        publish(here, ARMS_CHANGED)
        here.meet("fresh")
        assert here.ask("fresh", placement="home").models.keys() == {"beta"}
        while here.learner.step():
            pass
        changed_ = here.engine.world.models["arms"]
        assert changed_.learn_seq == here.engine.world.models["beta"].learn_seq > 0
        assert changed_.encode() != before
        here.now += HOUR_MS
        found = here.ask("fresh", placement="search").models
        assert found.keys() == {"arms", "beta", "counts"}


def test_a_dead_letter_that_was_driven_again_replays() -> None:
    store, again = MemoryStore(), MemoryStore()
    answers = iter((Delivery("failed", "smtp_550"), DELIVERED))
    with acting(CART_MAIL, store=store, way=Way(answer=lambda effect: next(answers))) as here:
        here.meet()
        here.track("Product Added", user_id="u1")
        here.dispatch()
        here.later(4 * DAY_MS)
        here.engine.decisions.redrive(here.effects()[0].id)
        here.now += MINUTE_MS
        here.track("identify", user_id="u1", traits={"email": "new@example.org"})
        here.dispatch()
        assert [call.effect.to["email"] for call in here.way.calls] == [
            "u1@example.org",
            "new@example.org",
        ]
        assert here.states() == [("email", "delivered", "done")]
    rebuild(store, again, world_of(load(CART_MAIL)), SECRET, 0)
    kept = [s.read(lambda tx: tx.effects_in("delivered", "", 10)) for s in (store, again)]
    assert kept[0] == kept[1]
    logs = [s.read(lambda tx: tx.log(0, 1_000_000)) for s in (store, again)]
    assert logs[0] == logs[1]


def test_a_replay_under_another_strategy_differs() -> None:
    store, again = MemoryStore(), MemoryStore()
    with acting(FIRST, store=store) as here:
        publish(here, FIRST)
        shop(here, 0)
    other = world_of(load(THIRD))
    rebuild(store, again, other, SECRET, 0, strategies=lambda world, version: other)
    assert decisions_differing(store, again) != []


def test_an_erased_person_is_the_only_one_whose_decisions_a_replay_lacks() -> None:
    store, again = MemoryStore(), MemoryStore()
    with acting(FIRST, store=store) as here:
        publish(here, FIRST)
        shop(here, 0)
        erased = {decision.id for decision in here.decided("u2")}
        here.engine.erase(here.who("user_id", "u2"))
    rebuild(store, again, world_of(load(FIRST)), SECRET, 0, strategies=strategies(store))
    left = {row.id for row in store.read(lambda tx: tx.decisions_after(0, 10_000))}
    made = {row.id for row in again.read(lambda tx: tx.decisions_after(0, 10_000))}
    assert erased
    assert left - made == erased
    assert decisions_differing(store, again) == []
