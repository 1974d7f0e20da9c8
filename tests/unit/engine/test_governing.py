"""Stops, approvals, incidents and guardrails, in force at the next decision and the next call."""

from __future__ import annotations

import queue
import threading

import pytest

from heedful.decide import DO_NOTHING
from heedful.effects import OutboundEffect
from heedful.govern import Approval, IncidentScope, status_of
from heedful.kernel import DAY_MS, HOUR_MS, MINUTE_MS, InputError
from heedful.ports import Delivery, Transaction
from tests.unit.engine.acting import DELIVERED, WAIT_S, Acting, Way, acting, idle
from tests.unit.engine.strategies import CART_MAIL, SHOP
from tests.unit.engine.test_deciding import gates

MANY_EYES = {
    **CART_MAIL,
    "policies/approvals.yaml": "publish: {required: 1}\nswitch_on: {required: 1}\n",
}


def queue_mail(here: Acting) -> None:
    """Have a mail wait for its release."""
    here.meet()
    here.track("Product Added", user_id="u1")
    assert [status for _, status, _ in here.states()] == ["waiting"]


# Kill switches


@pytest.mark.parametrize("scope", ["action:cart_mail", "channel:email", "model:beta", "all"])
def test_a_stop_holds_what_is_queued_and_what_would_be_decided(scope: str) -> None:
    with acting(CART_MAIL) as here:
        queue_mail(here)
        here.engine.governing.stop(scope, "ann", "wrong price")
        here.dispatch()
        assert here.states() == [("email", "withdrawn", "stopped")]
        assert here.way.calls == []
        here.now += HOUR_MS
        assert gates(here.ask(channel="email"))["cart_mail"] == "stopped"


@pytest.mark.parametrize("scope", ["action:other", "channel:sms", "model:other", "playbook:any"])
def test_a_stop_of_something_else_holds_nothing(scope: str) -> None:
    with acting(CART_MAIL) as here:
        queue_mail(here)
        here.engine.governing.stop(scope, "ann", "wrong price")
        here.dispatch()
        assert here.states() == [("email", "delivered", "done")]


def test_a_stop_reaches_what_was_released_and_waits_for_its_call() -> None:
    begun: queue.Queue[str] = queue.Queue()
    go_on = threading.Event()

    def slow(effect: OutboundEffect) -> Delivery:
        begun.put(effect.id)
        assert go_on.wait(WAIT_S)
        return DELIVERED

    with acting(CART_MAIL, way=Way(answer=slow)) as here:
        for number in range(6):
            here.meet(f"u{number}")
            here.track("Product Added", user_id=f"u{number}")
        while here.outbox.step():
            pass
        for _ in range(4):  # threads of a lane
            begun.get(timeout=WAIT_S)
        assert {status for _, status, _ in here.states()} == {"released"}
        here.engine.governing.stop("all", "ann", "a wrong link")
        go_on.set()
        idle(here.outbox._lanes)
        here.later(MINUTE_MS)
        here.dispatch()
        found = here.states()
        assert found.count(("email", "delivered", "done")) == 4
        assert found.count(("email", "withdrawn", "stopped")) == 2
        assert len(here.way.calls) == 4


def test_a_stop_counts_from_the_moment_though_the_clock_goes_back() -> None:
    with acting({**CART_MAIL, "policies/approvals.yaml": "switch_on: {required: 0}\n"}) as here:
        governing = here.engine.governing
        queue_mail(here)
        governing.stop("all", "ann", "first")
        governing.switch_on("all", "ann", "all is well")
        assert governing.stops() == ()
        here.now -= HOUR_MS
        governing.stop("all", "ann", "again")
        assert [stop.reason for stop in governing.stops()] == ["again"]


def test_a_stop_ends_by_itself_when_it_was_meant_to() -> None:
    with acting(CART_MAIL) as here:
        here.engine.governing.stop("all", "ann", "a test", here.now + HOUR_MS)
        here.meet()
        assert gates(here.ask(channel="email"))["cart_mail"] == "stopped"
        here.now += HOUR_MS
        queue_mail(here)
        here.dispatch()
        assert here.states() == [("email", "delivered", "done")]


# Approvals


def test_who_stopped_may_not_switch_on_alone() -> None:
    with acting(MANY_EYES) as here:
        governing = here.engine.governing
        governing.stop("channel:email", "ann", "a wrong link")
        asked = governing.switch_on("channel:email", "ann", "it is right now")
        assert asked is not None
        assert [stop.scope for stop in governing.stops()] == ["channel:email"]
        for own in ("ann", " Ann "):
            with pytest.raises(InputError) as refused:
                governing.vote(asked.id, own, True, "I agree with myself")
            assert refused.value.code == "own_approval"
        governing.vote(asked.id, "bob", True, "I saw it")
        assert governing.stops() == ()
        governing.vote(asked.id, "bob", True, "I saw it")  # the answer was lost on the way
        governing.stop("channel:email", "ann", "wrong again")
        governing.vote(asked.id, "bob", True, "I saw it")
        assert [stop.scope for stop in governing.stops()] == ["channel:email"]
        again = governing.switch_on("channel:email", "ann", "right again")
        assert again is not None, "an approval is used up"


def test_asking_again_while_a_request_waits_gives_that_request() -> None:
    with acting(MANY_EYES) as here:
        governing = here.engine.governing
        governing.stop("all", "ann", "smoke")
        asked = governing.switch_on("all", "ann", "no fire")
        assert asked is not None
        for by in ("ann", "bob"):
            assert governing.switch_on("all", by, "surely no fire") == asked
        governing.stop("channel:email", "ann", "a wrong link")
        other = governing.switch_on("channel:email", "ann", "a right one")
        assert other is not None
        assert governing.approvals() == [asked, other]
        here.now += 3 * DAY_MS  # it lapsed: now asking again asks anew
        later = governing.switch_on("all", "ann", "no fire")
        assert later is not None
        assert later.id not in (asked.id, other.id)


def test_a_refusal_ends_it_and_a_late_approval_is_none() -> None:
    with acting(MANY_EYES) as here:
        governing = here.engine.governing
        governing.stop("all", "ann", "smoke")
        first = governing.switch_on("all", "ann", "no fire")
        assert first is not None
        refused = governing.vote(first.id, "bob", False, "there is fire")
        assert status_of(refused, here.now) == "rejected"
        second = governing.switch_on("all", "ann", "the fire is out")
        assert second is not None
        here.now += 3 * DAY_MS
        with pytest.raises(InputError) as late:
            governing.vote(second.id, "bob", True, "yes")
        assert late.value.code == "approval_expired"
        assert len(governing.stops()) == 1


@pytest.mark.parametrize(("by", "reason"), [("", "why"), ("ann", " ")], ids=["nobody", "no_reason"])
def test_nothing_is_stopped_without_a_name_and_a_reason(by: str, reason: str) -> None:
    with acting(MANY_EYES) as here, pytest.raises(InputError) as refused:
        here.engine.governing.stop("all", by, reason)
    assert refused.value.code in ("missing_person", "missing_reason")


CREDIT = {
    **CART_MAIL,
    "actions/pay-in-parts.yaml": """
action: pay_in_parts
tier: service
needs: [cannot_pay]
class: service
decision_type: credit
goal: purchase
channels: [email]
benefit: 50
expires_after: 2d
""",
}


def credit(here: Acting) -> str:
    """Decide something that a person has to agree to; give the request's id."""
    here.meet()
    here.fail_to_pay()
    here.dispatch()
    assert ("email", "waiting", "approval_required") in here.states()
    (asked,) = here.engine.governing.approvals()
    assert (asked.kind, asked.requested_by) == ("decision", "heedful")
    return asked.id


def test_a_decision_of_high_risk_waits_for_a_person_and_goes_out_when_they_agree() -> None:
    with acting(CREDIT) as here:
        asked = credit(here)
        here.later(HOUR_MS)
        here.dispatch()
        assert here.way.calls == []
        here.engine.governing.vote(asked, "bob", True, "they can pay it back")
        here.dispatch()
        assert here.messages() == [("pay_in_parts", "email")]
        decision = here.decided()[-1]
        assert decision.flags == ("approve_before",)


def test_a_decision_of_high_risk_that_is_refused_never_goes_out() -> None:
    with acting(CREDIT) as here:
        here.engine.governing.vote(credit(here), "bob", False, "they cannot")
        here.dispatch()
        assert ("email", "withdrawn", "refused") in here.states()
        assert here.messages() == []


def test_a_decision_of_high_risk_that_nobody_looked_at_expires() -> None:
    with acting(CREDIT) as here:
        asked = credit(here)
        here.later(DAY_MS + HOUR_MS)
        with pytest.raises(InputError) as late:
            here.engine.governing.vote(asked, "bob", True, "yes")
        assert late.value.code == "approval_expired"
        here.later(DAY_MS)
        here.dispatch()
        assert ("email", "withdrawn", "expired") in here.states()
        assert here.messages() == []


def test_an_approved_decision_still_obeys_every_gate() -> None:
    with acting(CREDIT) as here:
        asked = credit(here)
        here.engine.governing.stop("action:pay_in_parts", "ann", "the terms are wrong")
        here.engine.governing.vote(asked, "bob", True, "yes")
        here.dispatch()
        assert ("pay_in_parts", "email") not in here.messages()
        assert ("email", "withdrawn", "stopped") in here.states()


def test_publishing_needs_others_where_the_policy_in_force_says_so() -> None:
    with acting(MANY_EYES) as here:
        governing = here.engine.governing

        def ask(version: str, reason: str) -> Approval | None:
            return governing.ask_to_publish(version, "ann", reason, kept.append)

        kept: list[Transaction] = []
        asked = ask("v2", "a new season")
        assert asked is not None
        assert ask("v2", "a new season") == asked
        assert len(kept) == 1, "files are kept with their request"
        assert not governing.is_due(asked)
        agreed = governing.vote(asked.id, "bob", True, "fine")
        assert governing.is_due(agreed)
        assert ask("v3", "another one") is not None
        assert ask("v2", "a new season") is None
        here.engine.publish(here.world, "v2", "ann")
        assert not governing.is_due(agreed)
        assert ask("v2", "and back") is not None, "it is used up"


def test_what_was_published_last_is_in_force_though_the_clock_goes_back() -> None:
    with acting(SHOP) as here:
        for version in ("v2", "v3", "v4"):
            here.engine.publish(here.world, version, "ann")
            here.now -= HOUR_MS
        assert here.engine.published() == "v4"
        said = [event.properties["version"] for event in here.engine.publications()]
        assert said[-3:] == ["v2", "v3", "v4"]


# Incidents

OUTAGE = {
    **SHOP,
    "policies/incidents.yaml": "incidents: [{name: outage, message: notice, expires_after: 2h}]\n",
    "actions/notice.yaml": """
action: notice
tier: service
class: service
decision_type: help
goal: purchase
channels: [inapp]
only_in_incidents: true
treatments: [{title: We are down, body: Sorry.}]
""",
}


def test_an_incident_says_its_message_once_and_growth_rests_until_it_ends() -> None:
    with acting(OUTAGE) as here:
        here.meet()
        assert here.ask(channel="email").action == "sale"
        here.now += HOUR_MS
        incident = here.engine.governing.declare("outage", IncidentScope(), "ann", "no power")
        here.track("Product Viewed", user_id="u1")
        here.track("Product Viewed", user_id="u1")
        here.dispatch()
        assert here.messages().count(("notice", "inapp")) == 1
        assert gates(here.ask(channel="email"))["sale"] == "incident"
        here.engine.governing.end(incident, "ann", "power is back")
        assert here.engine.governing.incidents() == ()
        assert here.ask(channel="email").action == "sale"


def test_an_incident_withdraws_what_is_queued_and_ends_by_itself() -> None:
    with acting(OUTAGE) as here:
        here.meet()
        here.track("Product Viewed", user_id="u1")
        here.engine.governing.declare("outage", IncidentScope(), "ann", "no power")
        here.dispatch()
        assert [code for _, status, code in here.states() if status == "withdrawn"] == ["incident"]
        here.now += 2 * HOUR_MS
        assert here.engine.governing.incidents() == ()
        assert here.ask(channel="email").action == "sale"


def test_an_incident_touches_only_whom_it_is_about() -> None:
    with acting(OUTAGE) as here:
        here.meet("u1", country="DE")
        here.meet("u2", country="FR")
        here.engine.governing.declare("outage", IncidentScope(country="FR"), "ann", "no power")
        assert here.ask("u1", channel="email").action == "sale"
        assert here.ask("u2", channel="email").action == DO_NOTHING


def test_only_a_published_plan_is_declared() -> None:
    for files, plan, remedy in (
        (OUTAGE, "outrage", "Did you mean outage?"),
        (OUTAGE, "flood", "It has outage."),
        (SHOP, "outage", "Write one there and publish it."),
    ):
        with acting(files) as here, pytest.raises(InputError) as refused:
            here.engine.governing.declare(plan, IncidentScope(), "ann", "no power")
        assert refused.value.code == "incident_plan_not_found"
        assert str(refused.value).endswith(remedy)
