"""What somebody is after now silences what they liked once: seen at once, told, and soon over."""

from __future__ import annotations

from heedful.app.worlds import world_of
from heedful.decide import explain
from heedful.engine.replay import decisions_differing, rebuild
from heedful.kernel import DAY_MS, MINUTE_MS
from heedful.store.memory import MemoryStore
from heedful.strategy import load
from tests.unit.engine.acting import Acting, acting
from tests.unit.engine.living import SECRET
from tests.unit.engine.strategies import SHOP

BOOTS = """
action: new_boots
tier: growth
class: promotional
decision_type: offer
goal: purchase
channels: [inapp, email]
about: [boots]
applicable: signals['auto.prop.category.boots.count'] >= 2
prior: {p: 0.9, strength: 1000}
"""
FILES = {
    **{name: text for name, text in SHOP.items() if name != "actions/sale.yaml"},
    "signals.yaml": SHOP["signals.yaml"] + "automatic: {properties: [category]}\nsequences: {}\n",
    "rules.yaml": "builtin: []\nrules: [{name: mailed, on: Asked For News}]\n",
    "actions/new-boots.yaml": BOOTS,
}


def look(here: Acting, item: str, category: str, name: str = "Product Clicked") -> None:
    here.now += MINUTE_MS
    here.track(name, user_id="u1", properties={"product_id": item, "category": category})


def last_year(here: Acting) -> None:
    """Somebody looks at hiking boots, buys, and comes back a year later."""
    here.meet()
    for item in ("b1", "b2", "b3"):
        look(here, item, "boots", "Product Viewed")
    here.track("Order Completed", user_id="u1", properties={"revenue": 180})
    here.now += 365 * DAY_MS


def search_and_click(here: Acting, clicks: int = 3) -> None:
    said = {"query": "running shoes", "category": "running_shoes"}
    here.track("Products Searched", user_id="u1", properties=said)
    for number in range(clicks):
        look(here, f"r{number}", "running_shoes")


def test_a_search_for_running_shoes_and_three_clicks_silence_last_years_hiking_boots() -> None:
    store, again = MemoryStore(), MemoryStore()
    with acting(FILES, store=store) as here:
        last_year(here)
        assert here.ask(placement="home").action == "new_boots"
        here.now += DAY_MS
        search_and_click(here)
        decision = here.ask(placement="home")
        assert decision.action == "do_nothing"
        told = explain(decision, here.world.rules)
        (boots,) = (one for one in told.candidates if one.action == "new_boots")
        assert (boots.verdict, boots.reason_code) == ("gated", "other_intent")
        assert boots.why == "The person is after something else right now."
        (change,) = told.would_change
        assert change.actual == {
            "signals.intent_category": "running_shoes",
            "signals.intent_strength": 0.625,
        }
        assert "needed: boots, or a strength below 0.6" in change.sentence
        # The moment is over: what they liked counts again.
        here.now += 31 * MINUTE_MS
        assert here.ask(placement="home").action == "new_boots"
    rebuild(store, again, world_of(load(FILES)), SECRET, 0)
    assert decisions_differing(store, again) == []


def test_who_searches_for_boots_is_told_of_boots() -> None:
    with acting(FILES) as here:
        last_year(here)
        for item in ("b1", "b2", "b3", "b4", "b5"):
            look(here, item, "boots")
        assert here.ask(placement="home").action == "new_boots"


def test_a_purchase_ends_the_moment_that_silenced_them() -> None:
    with acting(FILES) as here:
        last_year(here)
        search_and_click(here)
        assert here.ask(placement="home").action == "do_nothing"
        here.track("Order Completed", user_id="u1", properties={"revenue": 90})
        assert here.ask(placement="side").action == "new_boots"


def test_an_answer_that_stands_falls_with_the_click_that_shows_another_intent() -> None:
    with acting(FILES) as here:
        last_year(here)
        assert here.ask(placement="home").action == "new_boots"
        search_and_click(here, 2)
        assert here.ask(placement="home").action == "new_boots"
        look(here, "r9", "running_shoes")
        assert here.ask(placement="home").reason == "all_gated"


def test_a_mail_that_waits_is_not_sent_into_another_intent() -> None:
    with acting(FILES) as here:
        last_year(here)
        here.track("Asked For News", user_id="u1")
        assert [effect.status for effect in here.effects()] == ["waiting"]
        search_and_click(here)
        here.dispatch()
        assert [(effect.status, effect.code) for effect in here.effects()] == [
            ("withdrawn", "other_intent")
        ]
        assert here.messages() == []
