"""Hold-outs that actions declare for themselves: who is drawn, what stays, what is measured."""

from __future__ import annotations

import pytest

from heedful.app.worlds import world_of
from heedful.decide import Decision
from heedful.engine.decisions import Asked
from heedful.engine.lifting import measure_lift
from heedful.engine.replay import decisions_differing, rebuild
from heedful.events import CONSENT_CHANGED
from heedful.kernel import DAY_MS, HOUR_MS
from heedful.store.memory import MemoryStore
from heedful.strategy import load
from tests.unit.engine.acting import Acting, acting
from tests.unit.engine.living import SECRET
from tests.unit.engine.strategies import SHOP, changed
from tests.unit.engine.test_routing import GIFT

NAME = "action:gift"
SPARED = {**SHOP, "actions/gift.yaml": GIFT + "hold_out: 0.5\n"}
BOTH = changed(SPARED, "policies/contact.yaml", "floor: 0", "floor: 0\nholdout: {share: 0.3}")


def gate(decision: Decision, action: str = "gift") -> str | None:
    """Give the code of the gate that stopped an action, None where none did."""
    codes = {c.reason_code for c in decision.candidates if c.action == action}
    return "action_held_out" if "action_held_out" in codes else None


def everybody(here: Acting, count: int = 24) -> dict[str, Decision]:
    found = {}
    for number in range(count):
        who = f"u{number}"
        here.meet(who)
        found[who] = here.ask(who, channel="inapp")
    return found


def test_an_action_is_withheld_alone_and_from_the_same_people_each_time() -> None:
    with acting(SPARED) as here:
        first = everybody(here)
        held = {who for who, one in first.items() if gate(one)}
        assert 6 <= len(held) <= 18
        for who, one in first.items():
            stopped = {c.action: c.verdict for c in one.candidates if c.action == "gift"}
            assert stopped == {"gift": "gated" if who in held else stopped["gift"]}
            assert any(c.action == "sale" and c.verdict != "gated" for c in one.candidates)
            assert one.reason == "drawn"
        here.now += 2 * HOUR_MS
        for who in first:
            again = here.ask(who, channel="email")
            assert (gate(again) is not None) == (who in held)
            (draw,) = here.case(value=who).holdouts
            assert (draw.name, draw.is_held) == (NAME, who in held)
        # Sticky, also when they become known by another name
        somebody = min(held)
        here.track("identify", user_id=somebody, anonymous_id="tablet")
        tablet = here.engine.decisions.ask(Asked(anonymous_id="tablet", placement="x")).result()
        assert gate(tablet)


def test_who_is_held_out_of_everything_is_not_drawn_for_one_action() -> None:
    with acting(BOTH) as here:
        found = everybody(here)
        reasons = {one.reason for one in found.values()}
        assert reasons == {"holdout", "drawn"}
        for who, one in found.items():
            names = [draw.name for draw in here.case(value=who).holdouts]
            # That of everything stands first, so that no bound ever drops it.
            assert names == (["global"] if one.reason == "holdout" else ["global", NAME])


def test_who_tries_things_out_is_never_drawn() -> None:
    with acting(SPARED) as here:
        for number in range(8):
            here.meet(f"q{number}", qa=True)
            assert gate(here.ask(f"q{number}", channel="inapp")) is None
            assert here.case(value=f"q{number}").holdouts == []


def test_two_who_are_one_are_marked_and_the_older_draw_stays() -> None:
    with acting(SPARED) as here:
        seen = {}
        for number in range(12):
            anonymous = f"x{number}"
            said = {"purpose": "marketing", "channel": "*", "status": "granted"}
            here.track(CONSENT_CHANGED, type="own", anonymous_id=anonymous, properties=said)
            asked = Asked(anonymous_id=anonymous, channel="inapp")
            seen[anonymous] = here.engine.decisions.ask(asked).result()
        here.now += HOUR_MS
        known = everybody(here, 12)
        pairs = [
            (who, other)
            for who, one in known.items()
            for other, its in seen.items()
            if bool(gate(one)) != bool(gate(its))
        ]
        user, anonymous = pairs[0]
        assert gate(known[user]) != gate(seen[anonymous])
        here.track("identify", user_id=user, anonymous_id=anonymous)
        here.now += HOUR_MS
        one = here.ask(user, placement="page")
        assert "holdout_contaminated" in one.flags
        assert gate(one) == gate(seen[anonymous])
        report = measure_lift(here.store, here.engine.world, 0, here.now)
        (own,) = report.hold_outs
        assert (own.name, own.contaminated) == (NAME, 1)


def test_lift_reports_it_beside_the_one_of_everything() -> None:
    with acting(BOTH) as here:
        since = here.now
        found = everybody(here, 60)
        for who, one in found.items():
            if one.reason == "drawn" and not gate(one):
                here.track("Order Completed", user_id=who, properties={"revenue": 40})
        here.later(4 * DAY_MS)
        report = measure_lift(here.store, here.engine.world, since, here.now)
        whole, own = report.hold_outs
        assert (whole.name, own.name) == ("global", NAME)
        assert whole.treated + whole.held == 60
        assert own.treated + own.held == whole.treated
        (purchase,) = own.goals
        assert (purchase.treated_mean, purchase.held_mean) == (1.0, 0.0)


def test_a_message_that_waits_dies_when_two_turn_out_to_be_one() -> None:
    only = {name: text for name, text in SPARED.items() if name != "actions/sale.yaml"}
    with acting(only) as here:
        said = {"purpose": "marketing", "channel": "*", "status": "granted"}
        for number in range(12):
            here.track(CONSENT_CHANGED, type="own", anonymous_id=f"x{number}", properties=said)
            here.engine.decisions.ask(Asked(anonymous_id=f"x{number}", channel="inapp")).result()
        held = [
            f"x{n}" for n in range(12) if here.case("anonymous_id", f"x{n}").holdouts[0].is_held
        ]
        here.now += HOUR_MS
        waiting = [who for who, one in everybody(here, 12).items() if one.action == "gift"]
        assert held
        assert waiting
        for one, other in zip(waiting, held, strict=False):
            here.track("identify", user_id=one, anonymous_id=other)
        here.dispatch()
        codes = {code for _, status, code in here.states() if status == "withdrawn"}
        assert codes == {"action_held_out"}


def test_decisions_with_such_a_hold_out_replay_byte_for_byte() -> None:
    store, again = MemoryStore(), MemoryStore()
    with acting(BOTH, store=store) as here:
        everybody(here, 12)
        here.later(DAY_MS)
        cases = [here.case(value=f"u{number}").holdouts for number in range(12)]
    rebuild(store, again, world_of(load(BOTH)), SECRET, 20 * DAY_MS)
    assert decisions_differing(store, again) == []
    assert sum(len(one) for one in cases) > 12


@pytest.mark.parametrize(
    ("old", "new"),
    [("hold_out: 0.5", "hold_out: 0.6"), ("hold_out: 0.5", "hold_out: -0.1")],
    ids=["large", "negative"],
)
def test_a_share_that_is_none_is_refused(old: str, new: str) -> None:
    with pytest.raises(Exception, match="a share"):
        world_of(load(changed(SPARED, "actions/gift.yaml", old, new)))
