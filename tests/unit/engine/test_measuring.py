"""Drift and fairness of what an engine decides: counted once, told when it crosses, tightened."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Final

import pytest

from heedful.app.readiness import _drift
from heedful.app.watching import drift_report
from heedful.app.worlds import world_of
from heedful.engine.measuring import Measurer
from heedful.engine.replay import decisions_differing, rebuild
from heedful.kernel import DAY_MS, MICRO, MINUTE_MS
from heedful.store.memory import MemoryStore
from heedful.strategy import load
from tests.unit.engine.acting import Acting, acting
from tests.unit.engine.living import SECRET
from tests.unit.engine.strategies import CART_MAIL, changed

PEOPLE: Final = 60
FAIR: Final = {
    **CART_MAIL,
    "traits.yaml": "traits: [{name: gender}, {name: plan}, {name: firstName}, {name: email}, "
    "{name: phone}]\n",
    "policies/fairness.yaml": "protected:\n  - {trait: gender, groups: [{name: women, values: "
    "[f]}, {name: men, values: [m]}]}\ntrials_min: 20\nfactor: 0.5\n",
    "policies/drift.yaml": "window: 4d\nreference: 8d\ntrials_min: 20\nfactor: 0.5\n",
}
BIASED: Final = changed(
    FAIR,
    "actions/cart-mail.yaml",
    "applicable: signals.cart_items >= 1",
    "eligible: traits.plan == 'gold'\napplicable: signals.cart_items >= 1",
)
"""Nothing reads the gender, but a plan that mostly men have."""


def shop(here: Acting, people: range) -> None:
    """Have people add something to their cart: every other one a woman."""
    for number in people:
        is_woman = number % 2 == 0
        has_gold = number % 8 == 0 if is_woman else number % 8 != 1
        plan = "gold" if has_gold else "plain"
        said = {"gender": "f" if is_woman else "m", "plan": plan}
        here.meet(f"u{number}", **said)
        here.track("Product Added", user_id=f"u{number}")


def count(here: Acting) -> Measurer:
    while here.engine.measuring.step():
        pass
    return here.engine.measuring


def test_a_proxy_of_a_protected_trait_is_noticed_and_tightened() -> None:
    with acting(BIASED) as here:
        shop(here, range(PEOPLE))
        found = count(here).found()
        (gap, *_) = found.gaps
        assert (gap.trait, gap.group, gap.reference, gap.is_crossed) == (
            "gender",
            "women",
            "men",
            True,
        )
        noticed = here.said("Gap Noticed")
        assert [(e.properties["action"], e.properties["is_crossed"]) for e in noticed] == [
            ("*", True),
            ("cart_mail", True),
        ]
        name = "fairness:gender:women:cart_mail:selection"
        assert here.engine.world.governance.factors.by_name[name].ppm == MICRO // 2
        assert [(s.name, s.factor_ppm) for s in here.engine.governing.guardrails()] == [
            (name, MICRO // 2)
        ]
        # Once is enough, until it was over; only an approval gives back what was taken.
        shop(here, range(PEOPLE, PEOPLE + 8))
        count(here)
        assert len(here.said("Gap Noticed")) == 2
        asked = here.engine.governing.loosen(name, "ann", "the plan is open to all now")
        assert asked is not None
        here.engine.governing.vote(asked.id, "bob", True, "I looked")
        assert here.engine.world.governance.factors.by_name[name].ppm == MICRO


def test_a_fair_strategy_is_left_alone() -> None:
    with acting(FAIR) as here:
        shop(here, range(PEOPLE))
        found = count(here).found()
        assert [g.ratio for g in found.gaps if g.measure == "selection"] == pytest.approx([1, 1])
        assert found.crossed == {}
        assert here.said("Gap Noticed") == []


def test_a_gap_that_closes_is_told_too() -> None:
    with acting(BIASED) as here:
        shop(here, range(PEOPLE))
        count(here)
        here.now += 40 * DAY_MS
        for number in range(PEOPLE):
            here.meet(f"u{number}", gender="f" if number % 2 == 0 else "m", plan="gold")
            here.track("Product Added", user_id=f"u{number}")
        count(here)
        said = [
            (e.properties["action"], e.properties["is_crossed"]) for e in here.said("Gap Noticed")
        ]
        assert sorted(said[2:]) == [("*", False), ("cart_mail", False)]
        crossed = here.engine.measuring.found().crossed
        assert [name for name in crossed if name.startswith("fairness:")] == []


def test_gaps_of_outcome_and_value_are_told_where_a_limit_is_declared() -> None:
    limits = "trials_min: 20\noutcome_ratio_min: 0.8\nvalue_ratio_min: 0.8\n"
    files = changed(FAIR, "policies/fairness.yaml", "trials_min: 20\n", limits)
    with acting(files) as here:
        shop(here, range(PEOPLE))
        here.dispatch()
        for number in range(PEOPLE):
            if number % 2 or number % 6 == 0:  # all men, and a third of the women
                here.track("Order Completed", user_id=f"u{number}", properties={"revenue": 40})
        here.later(4 * DAY_MS)
        count(here)
        told = [event.properties for event in here.said("Gap Noticed")]
        assert {(one["action"], one["measure"], one["group"]) for one in told} == {
            (action, measure, "women")
            for action in ("*", "cart_mail")
            for measure in ("outcome", "value")
        }
        tightened = here.engine.world.governance.factors.by_name
        assert "fairness:gender:women:cart_mail:outcome" in tightened


def test_a_declared_reason_is_told_and_takes_nothing() -> None:
    reason = "{name: offer, reads_protected: {gender: It is made for one of them.}, "
    files = changed(BIASED, "policies/decision-types.yaml", "{name: offer, ", reason)
    with acting(files) as here:
        shop(here, range(PEOPLE))
        count(here)
        assert len(here.said("Gap Noticed")) == 2
        assert here.engine.world.governance.factors.by_name == {}


def test_what_conditions_read_and_what_models_believed_may_drift() -> None:
    with acting(FAIR) as here:
        for day in range(3):
            shop(here, range(PEOPLE))
            here.dispatch()
            for number in range(PEOPLE):
                if (number + day) % 10:
                    here.track("Order Completed", user_id=f"u{number}", properties={"revenue": 9})
            here.later(4 * DAY_MS)
        count(here)
        assert here.said("Drift Noticed") == [] == here.said("Guardrail Tightened")
        # Everybody fills their cart, and nobody buys what was thought sure.
        for _ in range(9):
            for number in range(PEOPLE):
                here.track("Product Added", user_id=f"u{number}")
            here.dispatch()
            here.later(2 * MINUTE_MS)
        count(here)
        here.later(4 * DAY_MS)
        count(here)
        noticed = {
            (e.properties["series"], e.properties["measure"]) for e in here.said("Drift Noticed")
        }
        assert ("signals.cart_items", "psi") in noticed
        assert ("model:beta", "calibration") in noticed
        tightened = here.engine.world.governance.factors.by_name
        assert {one.scope for one in tightened.values()} == {"model:beta"}


ALARMED: Final = {
    **CART_MAIL,
    "policies/drift.yaml": "window: 4d\nreference: 8d\n",
}
"""Its prior is as sure as a thousand outcomes that nine in ten will buy."""


def disappoint(here: Acting, rounds: int) -> None:
    """Have half of all people buy after the mail, round by round."""
    for _ in range(rounds):
        for number in range(PEOPLE):
            here.track("Product Added", user_id=f"u{number}")
        here.dispatch()
        for number in range(0, PEOPLE, 2):
            here.track("Order Completed", user_id=f"u{number}", properties={"revenue": 9})
        here.later(5 * DAY_MS)
        while here.learner.step():
            pass
        count(here)


def test_a_drift_alarm_is_raised_told_once_and_ends() -> None:
    store, again = MemoryStore(), MemoryStore()
    with acting(ALARMED, store=store) as here:
        shop(here, range(PEOPLE))
        here.dispatch()
        here.later(5 * DAY_MS)
        disappoint(here, 4)
        (raised,) = here.said("Drift Alarm Raised")
        said = raised.properties
        assert (said["model"], said["action"], said["goal"]) == ("beta", "cart_mail", "purchase")
        assert said["direction"] == "less"
        assert said["evidence"] > here.engine.world.drift.evidence_max
        assert said["reached"] / said["outcomes"] < said["foreseen"]
        assert said["learn_seq"] <= here.lessons()[-1].learn_seq
        assert here.engine.decisions.read(said["decision_id"]).action == "cart_mail"
        (alarm,) = here.engine.measuring.found().alarms
        assert alarm.action == "cart_mail"
        notices = [n for n in here.engine.stream.after(-1, 10_000) if n.kind == "alarm"]
        assert [(n.name, n.type, n.seq) for n in notices] == [
            ("cart_mail", "raised", raised_at(here))
        ]
        app: Any = SimpleNamespace(engine=here.engine)
        (shown,) = drift_report(app).alarms
        assert (shown.decision_id, shown.outcomes) == (said["decision_id"], alarm.outcomes)
        assert [one["says"] for one in _drift(here.engine)["alarms"]] == [shown.says]
        # A measurer that starts again knows of it, and tells it to nobody.
        assert Measurer(store, here.writer).found().alarms == [alarm]
        disappoint(here, 1)
        assert len(here.said("Drift Alarm Raised")) == 1
        # Nobody is written to any more: after the window it is over.
        here.later(9 * DAY_MS)
        here.meet("u999")
        here.track("Product Added", user_id="u999")
        count(here)
        (ended,) = here.said("Drift Alarm Ended")
        assert ended.properties["outcomes"] > said["outcomes"]
        assert ended.properties["learn_seq"] == said["learn_seq"]
        assert here.engine.measuring.found().alarms == []
    rebuild(store, again, world_of(load(ALARMED)), SECRET, 0)
    assert decisions_differing(store, again) == []


def raised_at(here: Acting) -> int:
    """Find the place in the log of the one alarm that was raised."""
    (seq,) = (
        seq for seq, e in here.engine.events_after(0, 1_000_000) if e.name == "Drift Alarm Raised"
    )
    return seq


SEEING: Final = {
    **CART_MAIL,
    "traits.yaml": "traits: [{name: plan}, {name: firstName}, {name: email}, {name: phone}]\n",
    "policies/models.yaml": "models: [{name: arms, features: {traits: [plan]}}]\ndefault: arms\n",
    "policies/drift.yaml": "window: 4d\nreference: 8d\ntrials_min: 20\n",
}
"""No condition reads the plan; the model does."""


def test_a_feature_that_moves_is_told_though_no_condition_reads_it() -> None:
    with acting(SEEING) as here:
        for plan in ("gold", "gold", "plain"):
            for number in range(PEOPLE):
                here.meet(f"u{number}", plan=plan)
                here.track("Product Added", user_id=f"u{number}")
            count(here)
            here.later(4 * DAY_MS)
        said = [e.properties for e in here.said("Drift Noticed") if e.properties["is_crossed"]]
        moved = {one["series"] for one in said if one["measure"] == "psi"}
        assert "feature:traits.plan" in moved
        bins = here.engine.measuring.counted().drift.bins
        watched = {series for bin_ in bins.values() for series in bin_}
        assert {"feature:traits.plan", "feature:fatigue.ignored", "signals.cart_items"} <= watched
        # Under one name only, and not what moves with the clock.
        assert not watched & {"feature:signals.cart_items", "feature:time.weekend"}
        notices = [n for n in here.engine.stream.after(-1, 10_000) if n.kind == "alarm"]
        assert ("feature:traits.plan", "raised") in [(n.name, n.type) for n in notices]


def test_a_measurer_that_starts_again_goes_on_where_it_was() -> None:
    with acting(BIASED) as here:
        shop(here, range(PEOPLE))
        before = count(here).counted()
        again = Measurer(here.store, here.writer)
        assert again.counted().fairness.encode() == before.fairness.encode()
        assert again.step() is False
        shop(here, range(PEOPLE, PEOPLE + 2))
        again.step()
        whole = Measurer(here.store, here.writer)
        assert whole.counted().drift.encode() == again.counted().drift.encode()
        assert again.counted().seq > before.seq


def test_what_was_noticed_replays_and_decides_the_same() -> None:
    store, again = MemoryStore(), MemoryStore()
    with acting(BIASED, store=store) as here:
        shop(here, range(PEOPLE))
        count(here)
        here.later(DAY_MS)
        shop(here, range(PEOPLE))
        assert here.engine.world.governance.factors.by_name
    rebuild(store, again, world_of(load(BIASED)), SECRET, 0)
    assert decisions_differing(store, again) == []


def test_groups_that_are_declared_anew_are_counted_anew_from_the_log() -> None:
    with acting(CART_MAIL) as here:
        shop(here, range(PEOPLE))
        assert count(here).found().gaps == []
        loaded = load(BIASED)
        here.engine.publish(world_of(loaded), loaded.version, "ann")
        shop(here, range(2))
        found = count(here).found()
        (gap, *_) = [g for g in found.gaps if g.action == "cart_mail"]
        assert gap.ratio == pytest.approx(1.0, abs=0.1), "all were treated alike until then"
        assert gap.asked > PEOPLE // 2 - 1


def test_people_who_try_things_out_are_not_counted() -> None:
    with acting(BIASED) as here:
        shop(here, range(PEOPLE))
        here.meet("tester", qa=True, gender="f", plan="gold")
        here.track("Product Added", user_id="tester")
        before = count(here).counted().fairness.window(here.now)["*"]["gender=women"].asked
        assert before == PEOPLE // 2
