"""Decisions about people who become one, or two, or nobody."""

from __future__ import annotations

import pytest

from heedful.decide import NEED_OPENED
from heedful.engine.deciding import read_effect
from heedful.engine.decisions import Asked
from heedful.events import CONSENT_CHANGED
from heedful.kernel import DAY_MS, HOUR_MS, InputError, public_id
from tests.unit.engine.acting import acting
from tests.unit.engine.living import named
from tests.unit.engine.strategies import CART_MAIL, SHOP, changed
from tests.unit.engine.test_deciding import gates


def test_two_people_who_need_help_become_one_who_is_helped_once() -> None:
    with acting(SHOP) as here:
        here.meet("u1")
        here.track("Home", type="page", anonymous_id="laptop")
        here.track("identify", anonymous_id="laptop", traits={"firstName": "Ada"})
        for _ in range(3):
            here.track("Payment Failed", user_id="u1")
            here.track("Payment Failed", anonymous_id="laptop")
        assert len(here.said(NEED_OPENED)) == 2
        here.track("identify", user_id="u1", anonymous_id="laptop")
        case = here.case()
        assert [need.name for need in case.open_needs()] == ["cannot_pay"]
        assert len(case.needs) == 2
        assert {s.action for s in case.standing} == {"offer_help"}
        here.track("Order Completed", user_id="u1")
        assert here.case().open_needs() == []


def test_each_side_of_an_unmerge_keeps_its_own_needs_decisions_and_silences() -> None:
    with acting(SHOP) as here:
        here.meet("u1")
        for _ in range(3):
            here.track("Payment Failed", anonymous_id="laptop")
        before = here.case("anonymous_id", "laptop")
        here.track("Home", type="page", user_id="u1", anonymous_id="laptop")
        assert [n.name for n in here.case().open_needs()] == ["cannot_pay"]
        assert gates(here.ask(channel="email"))["sale"] == "growth_shut"
        here.engine.unmerge(here.who("user_id", "u1"), [named("anonymous_id", "laptop")])
        theirs, mine = here.case("anonymous_id", "laptop"), here.case()
        assert [n.name for n in theirs.open_needs()] == ["cannot_pay"]
        assert theirs.silences == before.silences
        assert mine.open_needs() == []
        assert mine.silences == []
        assert here.ask(channel="email").action == "sale"


def test_caps_and_silences_follow_the_person_over_a_merge() -> None:
    capped = changed(SHOP, "policies/contact.yaml", "caps: []", "caps: [{at_most: 1, within: 7d}]")
    with acting(capped) as here:
        here.meet("u1")
        here.track("identify", anonymous_id="laptop", traits={"phone": "+4917000"})
        here.track(
            "Consent Changed",
            type="own",
            anonymous_id="laptop",
            properties={"purpose": "marketing", "channel": "*", "status": "granted"},
        )
        first = here.engine.decisions.ask(Asked(anonymous_id="laptop", channel="inapp")).result()
        assert first.action == "sale"
        here.dispatch()
        assert here.messages() == [("sale", "inapp")]
        here.track("identify", user_id="u1", anonymous_id="laptop")
        here.now += HOUR_MS
        assert gates(here.ask(channel="email"))["sale"] == "cap_reached"


def test_an_erased_person_leaves_the_arm_and_nothing_of_themselves() -> None:
    with acting(CART_MAIL) as here:
        here.meet()
        here.track("Product Added", user_id="u1")
        decision = here.decided()[0]
        assert [status for _, status, _ in here.states()] == ["waiting"]
        here.engine.erase(here.who("user_id", "u1"))
        here.dispatch()
        assert here.way.calls == []
        assert here.effects() == []
        left = here.engine.decisions.read(public_id("d", decision.id))
        assert (left.action, left.p_choose) == (decision.action, decision.p_choose)
        assert left.flags == ("erased",)
        assert (left.customer != decision.customer, left.seen, left.trigger) == (True, {}, 0)
        # A report that comes late is about nobody, and asking again is refused
        here.engine.decisions.report(public_id("d", decision.id), "shown").result()
        with pytest.raises(InputError) as refused:
            here.ask()
        assert refused.value.code == "no_usable_identifier"


def test_a_mail_that_waits_for_one_side_of_an_unmerge_does_not_reach_the_other() -> None:
    with acting(CART_MAIL) as here:
        here.meet()
        here.track("Home", type="page", user_id="u1", anonymous_id="laptop")
        here.track("Product Added", anonymous_id="laptop")
        assert [status for _, status, _ in here.states()] == ["waiting"]
        here.engine.unmerge(here.who("user_id", "u1"), [named("anonymous_id", "laptop")])
        here.dispatch()
        assert [(status, code) for _, status, code in here.states()] == [
            ("withdrawn", "no_consent")
        ]
        assert here.way.calls == []


@pytest.mark.parametrize("is_theirs", [True, False], ids=["with_address", "without_address"])
def test_a_mail_to_an_address_that_went_with_the_other_side_is_decided_anew(
    is_theirs: bool,
) -> None:
    with acting(CART_MAIL) as here:
        here.meet()
        here.track("identify", anonymous_id="laptop", traits={"email": "zoe@example.org"})
        said = {"purpose": "marketing", "channel": "*", "status": "granted"}
        here.track(CONSENT_CHANGED, type="own", anonymous_id="laptop", properties=said)
        here.track("Home", type="page", user_id="u1", anonymous_id="laptop")
        here.now += HOUR_MS
        here.track("identify", user_id="u1", traits={"email": "u1@example.org"})
        here.track("Product Added", anonymous_id="laptop")
        (queued,) = here.effects()
        assert read_effect(queued).effect.to == {"email": "u1@example.org"}
        goes = [named("anonymous_id", "laptop")]
        if is_theirs:
            goes.append(named("email", "zoe@example.org"))
        here.engine.unmerge(here.who("user_id", "u1"), goes)
        here.dispatch()
        found = {row.id: (row.status, row.code) for row in here.effects()}
        assert found.pop(queued.id) == ("withdrawn", "no_address")
        # The side that has the cart gets a mail of its own, where it has an address of its own.
        called = [(call.id, call.effect.to) for call in here.way.calls]
        assert called == [(id_, {"email": "zoe@example.org"}) for id_ in found]
        assert len(found) == is_theirs


@pytest.mark.parametrize("address", ["anew@example.org", "zoe@example.org"])
def test_a_mail_that_waits_goes_to_the_address_that_they_have_now(address: str) -> None:
    with acting(CART_MAIL) as here:
        here.meet()
        here.track("Product Added", user_id="u1")
        here.now += HOUR_MS
        here.track("identify", user_id="u1", traits={"email": address})
        here.dispatch()
        assert [call.effect.to for call in here.way.calls] == [{"email": address}]
        assert here.messages() == [("cart_mail", "email")]
        here.later(4 * DAY_MS)
        here.track("Product Added", user_id="u1")
        here.dispatch()
        assert [call.effect.to for call in here.way.calls] == [{"email": address}] * 2
