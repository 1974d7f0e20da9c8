"""Limits that tighten by themselves on what people say, and loosen only by approval."""

from __future__ import annotations

import pytest

from heedful.app.worlds import world_of
from heedful.kernel import DAY_MS, MICRO, InputError, public_id
from heedful.strategy import load
from tests.unit.engine.acting import Acting, acting
from tests.unit.engine.strategies import CART_MAIL
from tests.unit.engine.test_deciding import gates

GUARDED = {
    **CART_MAIL,
    "policies/guardrails.yaml": """
guardrails:
  - {name: complaints, watches: complained, window: 7d, ratio_max: 0.01, factor: 0.5,
     trials_min: 10, scope: "action:cart_mail"}
""",
}


def send_and_hear(here: Acting, people: range, outcome: str | None) -> None:
    """Send everybody a mail, and have them say what they think of it."""
    for number in people:
        who = f"u{number}"
        here.meet(who)
        here.track("Product Added", user_id=who)
    here.dispatch()
    for number in people:
        decided = [one for one in here.decided(f"u{number}") if one.action == "cart_mail"]
        if outcome is not None and decided:
            here.engine.decisions.report(public_id("d", decided[0].id), outcome).result()
    here.guard.step()


def test_complaints_tighten_a_limit_and_only_an_approval_loosens_it() -> None:
    with acting(GUARDED) as here:
        governing = here.engine.governing
        send_and_hear(here, range(20), "complained")
        (state,) = governing.guardrails()
        assert (state.trials, state.hits, state.factor_ppm) == (20, 20, MICRO // 2)
        assert here.engine.world.governance.factors.by_name["complaints"].ppm == MICRO // 2
        assert [e.properties["trials"] for e in here.said("Guardrail Tightened")] == [20]
        # About half of those who would get it do not, on the day
        here.now += DAY_MS
        before = len(here.way.calls)
        send_and_hear(here, range(100, 160), None)
        assert 15 < len(here.way.calls) - before < 45
        kept = [gates(here.decided(f"u{n}")[0]).get("cart_mail") for n in range(100, 160)]
        assert kept.count("guardrail") == 60 - (len(here.way.calls) - before)
        asked = governing.loosen("complaints", "ann", "the list was wrong, now it is right")
        assert asked is not None
        with pytest.raises(InputError) as refused:
            governing.vote(asked.id, "ann", True, "I agree with myself")
        assert refused.value.code == "own_approval"
        assert governing.guardrails()[0].factor_ppm == MICRO // 2
        governing.vote(asked.id, "bob", True, "I looked")
        assert governing.guardrails()[0].factor_ppm == MICRO
        with pytest.raises(InputError) as refused:
            governing.loosen("complaints", "ann", "more")
        assert refused.value.code == "not_tightened"


def test_what_people_like_tightens_nothing() -> None:
    with acting(GUARDED) as here:
        send_and_hear(here, range(20), "accepted")
        (state,) = here.engine.governing.guardrails()
        assert (state.trials, state.hits, state.factor_ppm) == (20, 0, MICRO)


def test_one_angry_person_who_says_it_ten_times_counts_once() -> None:
    with acting(GUARDED) as here:
        send_and_hear(here, range(20), None)
        decision = public_id("d", here.decided("u3")[0].id)
        for _ in range(10):
            here.engine.decisions.report(decision, "complained").result()
            here.guard.step()
        (state,) = here.engine.governing.guardrails()
        assert (state.trials, state.hits, state.factor_ppm) == (20, 1, MICRO)


def test_a_guard_that_starts_again_goes_on_where_it_was() -> None:
    with acting(GUARDED) as here:
        send_and_hear(here, range(20), None)
        here.guard = here.another_guard()
        send_and_hear(here, range(20, 40), "complained")
        (state,) = here.engine.governing.guardrails()
        assert (state.trials, state.hits, state.factor_ppm) == (40, 20, MICRO // 2)
        here.guard = here.another_guard()
        here.guard.step()
        assert here.engine.governing.guardrails() == [state]


def test_conversions_and_drift_are_watched_from_goals_that_were_reached() -> None:
    files = {
        **CART_MAIL,
        "policies/guardrails.yaml": "guardrails: [{name: believed, watches: converted,"
        " window: 7d, drift_max: 0.2, factor: 0.5, trials_min: 10}]\n",
    }
    with acting(files) as here:
        send_and_hear(here, range(30), None)
        assert here.engine.governing.guardrails()[0].factor_ppm == MICRO // 2, "none of 30 bought"
    with acting(files) as here:
        for number in range(30):
            here.meet(f"u{number}")
            here.track("Product Added", user_id=f"u{number}")
        here.dispatch()
        for number in range(27):
            here.track("Order Completed", user_id=f"u{number}", properties={"revenue": 5})
        here.guard.step()
        (state,) = here.engine.governing.guardrails()
        assert (state.trials, state.hits, state.factor_ppm) == (30, 27, MICRO)


def test_a_guardrail_that_is_published_later_counts_what_the_log_holds() -> None:
    with acting(CART_MAIL) as here:
        send_and_hear(here, range(20), "complained")
        assert here.engine.governing.guardrails() == []
        loaded = load(GUARDED)
        here.engine.publish(world_of(loaded), loaded.version, "ann")
        here.guard.step()
        (state,) = here.engine.governing.guardrails()
        assert (state.trials, state.hits, state.factor_ppm) == (20, 20, MICRO // 2)
