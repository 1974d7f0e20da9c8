"""Who just stops coming is noticed: value falls without any event, and a need opens by itself."""

from __future__ import annotations

from heedful.app.worlds import world_of
from heedful.decide import NEED_OPENED, TIME_PASSED
from heedful.engine.replay import decisions_differing, rebuild
from heedful.kernel import DAY_MS
from heedful.sense.buying import SILENCE_LOOK_DAYS
from heedful.store.memory import MemoryStore
from heedful.strategy import load
from tests.unit.engine.acting import Acting, acting
from tests.unit.engine.living import SECRET
from tests.unit.engine.strategies import SHOP, changed

FILES = {
    **{name: text for name, text in SHOP.items() if name != "rules.yaml"},
    "signals.yaml": SHOP["signals.yaml"]
    + "  - {name: buying, kind: buying, on: Order Completed, of: event.properties.revenue}\n",
    "models/value.yaml": "model: value\nlifetime: {buying: buying, assumed: {}}\n",
    "needs.yaml": SHOP["needs.yaml"]
    + """
  - {name: drifting, tier: retention, expires_after: 30d,
     opens_when: signals.clv_peak > 20 and signals.clv_drop > 0.5}
""",
}


def buys_weekly_and_stops(here: Acting) -> int:
    """Buy ten times, a week apart; gives the instant of the last purchase."""
    here.meet()
    for _ in range(10):
        here.later(7 * DAY_MS)
        here.track("Order Completed", user_id="u1", properties={"revenue": 100})
    return here.now


def due(here: Acting) -> int | None:
    """Say when the person is looked at next though nothing happens."""
    (row,) = here.store.read(lambda tx: tx.scan_customers(-1, 10))
    return row.due


def test_a_value_that_falls_in_silence_opens_a_need_by_itself() -> None:
    store, again = MemoryStore(), MemoryStore()
    with acting(FILES, store=store) as here:
        last = buys_weekly_and_stops(here)
        assert here.said(NEED_OPENED) == []
        looks = []
        while (look := due(here)) is not None:
            looks.append(look)
            here.later(look - here.now)
        assert {last + days * DAY_MS for days in SILENCE_LOOK_DAYS} <= set(looks)
        (opened,) = here.said(NEED_OPENED)
        assert opened.properties["need"] == "drifting"
        # Looking leaves no trace where nothing came of it.
        passed = here.said(TIME_PASSED)
        assert passed[0].at == opened.at
        assert {look for look in looks if look < opened.at}.isdisjoint(e.at for e in passed)
    rebuild(store, again, world_of(load(FILES)), SECRET, 0)
    assert decisions_differing(store, again) == []


def test_a_purchase_begins_the_silence_anew() -> None:
    with acting(FILES) as here:
        last = buys_weekly_and_stops(here)
        assert due(here) == last + SILENCE_LOOK_DAYS[0] * DAY_MS
        here.later(6 * DAY_MS)
        here.track("Order Completed", user_id="u1", properties={"revenue": 100})
        assert due(here) == last + (6 + SILENCE_LOOK_DAYS[0]) * DAY_MS


def test_nobody_is_looked_at_for_a_need_that_waits_for_an_event() -> None:
    waiting = changed(
        FILES,
        "needs.yaml",
        "opens_when: signals.clv_peak",
        "opens_when: event.name == 'Payment Failed' and signals.clv_peak",
    )
    with acting(waiting) as here:
        buys_weekly_and_stops(here)
        assert due(here) is None
