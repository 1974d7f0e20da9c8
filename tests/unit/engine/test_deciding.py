"""From an event to a decision and what becomes of it, through the real engine."""

from __future__ import annotations

import pytest

from heedful.decide import DO_NOTHING, NEED_CLOSED, NEED_OPENED, SILENCE_SET, Decision
from heedful.effects import CallWebhook, SendMessage
from heedful.engine.decisions import Asked
from heedful.kernel import HOUR_MS, MINUTE_MS, SECOND_MS, InputError, public_id
from tests.unit.engine.acting import Acting, acting
from tests.unit.engine.strategies import CHANNELS, SHOP, changed

HOURS_48 = 48 * HOUR_MS


def gates(decision: Decision) -> dict[str, str]:
    """Say which gate stopped which action."""
    return {c.action: c.reason_code for c in decision.candidates if c.verdict == "gated"}


def learned(here: Acting) -> list[tuple[str, int]]:
    """List (state, value in micros) of the learning rows that settle something."""
    found = here.lessons()
    return [(row.state, row.value) for row in found if row.state != "pending"]


# Three failed payments in a row


def test_three_failed_payments_bring_help_a_call_and_48_hours_of_silence() -> None:
    with acting(SHOP) as here:
        here.meet()
        here.fail_to_pay()
        here.dispatch()
        assert [e.properties["need"] for e in here.said(NEED_OPENED)] == ["cannot_pay"]
        (silence,) = here.said(SILENCE_SET)
        assert silence.properties["class"] == "promotional"
        assert silence.properties["until"] == here.now + HOURS_48
        assert here.messages() == [("offer_help", "inapp")]
        kinds = {type(call.effect): call.effect for call in here.way.calls}
        message, call = kinds[SendMessage], kinds[CallWebhook]
        assert isinstance(message, SendMessage)
        assert message.content.title == "Can we help?"
        assert message.content.body == "Hello Ada."
        assert isinstance(call, CallWebhook)
        assert (call.event_type, call.data) == ("customer.needs_help", {"failures": "3"})


@pytest.mark.parametrize("channel", CHANNELS)
def test_the_silence_holds_on_every_channel_and_ends_after_48_hours(channel: str) -> None:
    with acting(SHOP) as here:
        here.meet()
        assert here.ask(channel=channel).action == "sale"
        here.fail_to_pay()
        here.dispatch()
        # Where the help itself has gone it is the answer, for as long as it stands.
        asked = here.ask(channel=channel)
        told = "standing" if channel == "inapp" else "growth_shut"
        assert (asked.action, gates(asked).get("sale", asked.reason)) == (
            "offer_help" if channel == "inapp" else DO_NOTHING,
            told,
        )
        # Paid after all: no need is open any more, and the silence still holds
        here.track("Order Completed", user_id="u1", properties={"revenue": 50})
        assert [e.properties["reason"] for e in here.said(NEED_CLOSED)] == ["event"]
        here.later(HOURS_48 - SECOND_MS)
        assert gates(here.ask(channel=channel))["sale"] == "silenced"
        here.later(SECOND_MS)
        assert here.ask(channel=channel).action == "sale"


def test_a_promotion_that_waits_dies_when_help_is_needed() -> None:
    with acting(SHOP) as here:
        here.meet()
        here.track("Product Viewed", user_id="u1")
        assert [code for _, status, code in here.states() if status == "waiting"] == [""]
        here.fail_to_pay()
        here.dispatch()
        assert here.messages() == [("offer_help", "inapp")]
        assert "growth_shut" in [code for _, status, code in here.states() if status == "withdrawn"]


def test_two_failed_payments_are_nothing_and_an_order_between_begins_anew() -> None:
    with acting(SHOP) as here:
        here.meet()
        for name in ("Payment Failed", "Payment Failed", "Order Completed", "Payment Failed"):
            here.track(name, user_id="u1")
        assert here.said(NEED_OPENED) == []
        assert here.decided() == []


def test_a_closed_need_opens_again_only_by_something_new() -> None:
    with acting(SHOP) as here:
        here.meet()
        here.fail_to_pay()
        here.later(HOURS_48)
        assert [e.properties["reason"] for e in here.said(NEED_CLOSED)] == ["expired"]
        here.ask()
        assert len(here.said(NEED_OPENED)) == 1
        here.fail_to_pay()
        assert len(here.said(NEED_OPENED)) == 2


# Standing decisions and what makes them be decided anew


def test_a_decision_stands_until_it_expires() -> None:
    files = changed(SHOP, "actions/sale.yaml", "stands_for: 1m", "stands_for: 30m")
    with acting(files) as here:
        here.meet()
        first = here.ask(placement="home")
        again = here.ask(placement="home")
        assert (again.id, again.reason) == (first.id, "standing")
        assert here.ask(placement="search").id != first.id
        here.now += 30 * MINUTE_MS
        assert here.ask(placement="home").id != first.id


def test_a_standing_decision_falls_when_its_gate_closes() -> None:
    files = changed(SHOP, "actions/sale.yaml", "stands_for: 1m", "stands_for: 30m")
    with acting(files) as here:
        here.meet()
        first = here.ask(placement="home")
        here.consent("marketing", "withdrawn")
        second = here.ask(placement="home")
        assert (second.id != first.id, second.action) == (True, DO_NOTHING)
        assert gates(second)["sale"] == "consent_refused"


def test_a_standing_decision_falls_when_a_need_opens() -> None:
    files = changed(SHOP, "actions/sale.yaml", "stands_for: 1m", "stands_for: 30m")
    with acting(files) as here:
        here.meet()
        here.ask(placement="home")
        here.fail_to_pay()
        assert here.ask(placement="home").action == "offer_help"


def triggers(here: Acting) -> list[str]:
    """List what decisions were triggered by, the oldest first."""
    return [decision.trigger_name for decision in reversed(here.decided())]


QUIET_RULES = changed(SHOP, "rules.yaml", "- {name: looked, on: Product Viewed}", "")


def test_who_looks_at_one_thing_for_a_minute_hesitates() -> None:
    with acting(QUIET_RULES) as here:
        here.meet()
        here.track("Boots", type="page", user_id="u1", properties={"path": "/boots"})
        assert triggers(here) == []
        here.later(MINUTE_MS)
        assert triggers(here) == ["hesitation:dwell"]


def test_who_goes_back_and_forth_hesitates() -> None:
    with acting(QUIET_RULES) as here:
        here.meet()
        for path in ("/boots", "/coats", "/boots"):
            here.track(path, type="page", user_id="u1", properties={"path": path})
            here.now += 10 * SECOND_MS
        assert triggers(here) == []
        here.track("/coats", type="page", user_id="u1", properties={"path": "/coats"})
        assert triggers(here) == ["hesitation:back_and_forth"]


def test_who_leaves_a_cart_hesitates() -> None:
    with acting(QUIET_RULES) as here:
        here.meet()
        here.track("Cart Viewed", user_id="u1")
        here.later(20 * MINUTE_MS)
        assert triggers(here) == ["hesitation:idle_cart"]


def test_who_orders_within_twenty_minutes_does_not_hesitate() -> None:
    with acting(QUIET_RULES) as here:
        here.meet()
        here.track("Cart Viewed", user_id="u1")
        here.later(19 * MINUTE_MS)
        here.track("Order Completed", user_id="u1")
        here.later(HOUR_MS)
        assert triggers(here) == []


def test_who_is_about_to_leave_the_page_hesitates() -> None:
    with acting(QUIET_RULES) as here:
        here.meet()
        here.track("Exit Intent", user_id="u1")
        assert triggers(here) == ["hesitation:exit_intent"]


@pytest.mark.parametrize(
    ("name", "type_"),
    [("Email Opened", "track"), ("Conversation Started", "track"), ("Ticket Opened", "track")],
    ids=["mail", "chat", "desk"],
)
def test_who_comes_over_another_channel_is_decided_for_anew(name: str, type_: str) -> None:
    with acting(QUIET_RULES) as here:
        here.meet()
        here.track("Home", type="page", user_id="u1")
        assert triggers(here) == []
        here.now += 10 * SECOND_MS
        here.track(name, type=type_, user_id="u1")
        assert triggers(here) == ["channel_change"]
        here.now += 10 * SECOND_MS
        here.track(name, type=type_, user_id="u1")
        assert triggers(here) == ["channel_change"]


def test_an_import_of_the_past_triggers_nothing() -> None:
    with acting(SHOP) as here:
        here.meet()
        old = here.now - HOUR_MS
        for name in ("Product Viewed", "Exit Intent"):
            here.track(name, at=old, user_id="u1")
        assert here.decided() == []


# Who is asked about


def test_the_hold_out_gets_help_and_no_growth() -> None:
    held = SHOP["policies/contact.yaml"] + "holdout: {name: t, share: 0.5}\n"
    with acting({**SHOP, "policies/contact.yaml": held}) as here:
        seen: dict[str, str] = {}
        for number in range(20):
            who = f"u{number}"
            here.meet(who)
            seen[who] = here.ask(who, channel="inapp").reason
        assert set(seen.values()) == {"holdout", "drawn"}
        held_out = next(who for who, reason in seen.items() if reason == "holdout")
        why = here.engine.decisions.explain(here.decided(held_out)[-1])
        assert why.would_change[0].sentence.startswith("Outside the hold-out, ")
        assert why.would_change[0].sentence.endswith(" than doing nothing.")
        here.fail_to_pay(held_out)
        told = here.engine.export(here.who("user_id", held_out))
        assert [(one["name"], one["is_held"]) for one in told["hold_outs"]] == [("t", True)]
        assert [(one["tier"], one["closed_at"]) for one in told["needs"]] == [("service", None)]
        assert [one["class"] for one in told["silences"]] == ["promotional"]
        here.dispatch()
        assert here.messages().count(("offer_help", "inapp")) == 1
        here.track("Order Completed", user_id=held_out)
        here.later(HOURS_48)
        # Sticky, also when they become known by another name
        here.track("identify", user_id=held_out, anonymous_id="tablet")
        again = here.engine.decisions.ask(Asked(anonymous_id="tablet", channel="email")).result()
        assert again.reason == "holdout"
        assert again.p_choose == 1 << 32


def test_an_unknown_person_is_decided_for_and_exists_then() -> None:
    with acting(SHOP) as here:
        decision = here.engine.decisions.ask(Asked(anonymous_id="new", placement="home")).result()
        assert decision.action == DO_NOTHING
        assert gates(decision)["sale"] == "no_consent"
        assert here.who("anonymous_id", "new") == public_id("c", decision.customer)
        assert here.engine.decisions.read(public_id("d", decision.id)) == decision


def test_a_dry_run_leaves_nothing() -> None:
    with acting(SHOP) as here:
        here.meet()
        before = here.log()
        stranger = here.engine.decisions.preview(Asked(anonymous_id="new", placement="home"))
        known = here.engine.decisions.preview(Asked(user_id="u1", placement="home"))
        assert (stranger.action, known.action) == (DO_NOTHING, "sale")
        assert here.log() == before
        assert here.decided() == []
        assert here.lessons() == []
        with pytest.raises(InputError, match="customer"):
            here.who("anonymous_id", "new")
        assert here.ask(placement="home").action == known.action


def test_a_question_about_nobody_is_refused() -> None:
    with acting(SHOP) as here, pytest.raises(InputError) as refused:
        here.engine.decisions.ask(Asked(placement="home")).result()
    assert refused.value.code == "no_usable_identifier"


def test_a_strategy_that_only_keeps_facts_decides_nothing() -> None:
    with acting({}) as here, pytest.raises(InputError) as refused:
        here.ask()
    assert refused.value.code == "nothing_to_decide"


# What becomes of a decision


def test_an_outcome_that_is_reported_twice_counts_once() -> None:
    with acting(SHOP) as here:
        here.meet()
        decision = public_id("d", here.ask(placement="home").id)
        report = here.engine.decisions.report
        for _ in range(2):
            report(decision, "converted", value=7.0, message_id="r1").result()
        assert learned(here) == [("converted", 7_000_000)]
        report(decision, "converted", value=9.0, message_id="r2").result()
        assert learned(here) == [("converted", 7_000_000)]


def test_outcomes_out_of_order_never_go_back() -> None:
    with acting(SHOP) as here:
        here.meet()
        decision = here.ask(placement="home")
        report = here.engine.decisions.report
        for outcome in ("accepted", "shown", "ignored"):
            report(public_id("d", decision.id), outcome).result()
        (standing,) = here.case().standing
        assert standing.status == 7  # accepted
        assert learned(here) == []


def test_an_outcome_that_comes_after_its_window_is_a_miss_already() -> None:
    with acting(SHOP) as here:
        here.meet()
        decision = here.ask(placement="home")
        here.later(3 * 24 * HOUR_MS + 1)
        assert learned(here) == [("expired", 0)]
        here.engine.decisions.report(public_id("d", decision.id), "converted").result()
        assert learned(here) == [("expired", 0)]


def test_an_order_within_the_window_counts_though_it_arrives_late() -> None:
    with acting(SHOP) as here:
        here.meet()
        here.ask(placement="home")
        ordered = here.now + HOUR_MS
        here.now += 2 * 24 * HOUR_MS
        here.track("Order Completed", at=ordered, user_id="u1", properties={"revenue": 30})
        assert learned(here) == [("converted", 15_000_000)]


def test_an_order_before_the_decision_is_not_its_merit() -> None:
    with acting(SHOP) as here:
        here.meet()
        earlier = here.now - 1
        here.ask(placement="home")
        here.track("Order Completed", at=earlier, user_id="u1", properties={"revenue": 30})
        assert learned(here) == []


@pytest.mark.parametrize("days", [0, 40], ids=["soon", "after_all_is_forgotten"])
@pytest.mark.parametrize("outcome", ["unsubscribed", "complained"])
def test_who_unsubscribes_or_complains_gets_no_more(outcome: str, days: int) -> None:
    with acting(SHOP) as here:
        here.meet()
        decision = here.ask(channel="email")
        here.dispatch()
        for _ in range(days):
            here.later(24 * HOUR_MS)
        here.engine.decisions.report(public_id("d", decision.id), outcome).result()
        expected = {"unsubscribed": "consent_refused", "complained": "objected"}[outcome]
        assert gates(here.ask(channel="email"))["sale"] == expected
        elsewhere = here.ask(channel="inapp")
        assert (elsewhere.action == "sale") is (outcome == "unsubscribed")


def test_nobody_reports_what_is_not_known() -> None:
    with acting(SHOP) as here:
        here.meet()
        decision = public_id("d", here.ask(placement="home").id)
        with pytest.raises(InputError) as refused:
            here.engine.decisions.report(decision, "liked")
        assert refused.value.code == "bad_outcome"
        with pytest.raises(InputError) as refused:
            here.engine.decisions.report("d_0", "shown")
        assert refused.value.code == "decision_not_found"
