"""Between the decision and the call: all gates again, caps, retries, breakers, dead letters."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from itertools import pairwise

import pytest

from heedful.app.readiness import examine
from heedful.cli.diagnosis import diagnose
from heedful.decide import EFFECT_WITHDRAWN
from heedful.effects import OutboundEffect
from heedful.engine.outbox import Outbox, Verdict
from heedful.engine.rewards import Reward, rewards
from heedful.kernel import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, InputError, public_id
from heedful.ports import Delivery
from heedful.strategy import load
from tests.unit.engine.acting import DELIVERED, WAIT_S, Acting, Way, acting, idle
from tests.unit.engine.strategies import CART_MAIL, SHOP, changed

RETRY = Delivery("retry", "http_503")
UNKNOWN = Delivery("unknown", "timeout")


def only(here: Acting) -> tuple[str, str]:
    """Give status and code of the only effect."""
    (row,) = here.effects()
    return row.status, row.code


# What changes between the decision and the release


def test_a_promotion_that_is_queued_dies_when_the_customer_cancels() -> None:
    with acting(SHOP) as here:
        here.meet()
        here.track("Product Viewed", user_id="u1")
        assert only(here) == ("waiting", "")
        here.track("Subscription Cancelled", user_id="u1")
        here.dispatch()
        assert only(here) == ("withdrawn", "growth_shut")
        assert (here.way.calls, here.messages()) == ([], [])
        (said,) = here.said(EFFECT_WITHDRAWN)
        assert said.properties["reason_code"] == "growth_shut"


def test_a_cart_mail_that_is_queued_dies_when_the_purchase_comes() -> None:
    with acting(CART_MAIL) as here:
        here.meet()
        here.track("Product Added", user_id="u1")
        assert only(here) == ("waiting", "")
        here.track("Order Completed", user_id="u1", properties={"revenue": 20})
        here.dispatch()
        assert only(here) == ("withdrawn", "not_applicable")
        assert (here.way.calls, here.messages()) == ([], [])


def test_what_a_purchase_stopped_is_worth_the_purchase_and_was_not_paid_for() -> None:
    with acting(CART_MAIL) as here:
        for who, buys_first in (("u1", True), ("u2", False)):
            here.meet(who)
            here.track("Product Added", user_id=who)
            if not buys_first:
                here.dispatch()
            here.track("Order Completed", user_id=who, properties={"revenue": 20})
            here.dispatch()
        assert sorted(status for _, status, _ in here.states()) == ["delivered", "withdrawn"]
        found = rewards(here.store, 0)
        assert [found[here.decided(who)[-1].id] for who in ("u1", "u2")] == [
            Reward({"purchase": 10.0}, is_unsent=True),
            Reward({"purchase": 10.0}, is_unsent=False),
        ]


def test_an_objection_between_the_decision_and_the_release_is_obeyed() -> None:
    with acting(CART_MAIL) as here:
        here.meet()
        here.track("Product Added", user_id="u1")
        here.engine.object_to(here.who("user_id", "u1"), "marketing", "preference centre")
        here.dispatch()
        assert only(here) == ("withdrawn", "objected")
        assert here.way.calls == []


def test_an_objection_in_one_batch_with_the_release_wins_in_the_order_of_the_log() -> None:
    with acting(CART_MAIL) as here:
        here.meet()
        here.track("Product Added", user_id="u1")
        (row,) = here.effects()
        due = here.outbox._asked(row, here.now)
        said = {"purpose": "marketing", "source": "phone"}
        no = here.event("Objection Recorded", type="own", user_id="u1", properties=said)
        result = here.writer.submit([no, due]).result()
        assert result is not None
        assert result.released == {}
        assert only(here) == ("withdrawn", "objected")


def test_a_mail_in_a_language_that_the_person_gave_up_meanwhile_dies() -> None:
    words = "stands_for: 1m\ntreatments: [{language: de, title: Dein Korb}]"
    german = changed(CART_MAIL, "actions/cart-mail.yaml", "stands_for: 1m", words)
    with acting(german) as here:
        here.meet(language="de")
        here.track("Product Added", user_id="u1")
        assert only(here) == ("waiting", "")
        here.track("identify", user_id="u1", traits={"language": "fr"})
        here.dispatch()
        assert only(here) == ("withdrawn", "other_language")
        assert here.way.calls == []


def test_what_waits_for_too_long_is_of_no_use() -> None:
    with acting(CART_MAIL) as here:
        here.meet()
        here.track("Product Added", user_id="u1")
        here.later(24 * HOUR_MS)
        here.dispatch()
        assert only(here) == ("withdrawn", "expired")
        assert here.way.calls == []


def test_a_mail_in_quiet_hours_waits_for_their_end() -> None:
    night = changed(
        CART_MAIL,
        "policies/contact.yaml",
        "quiet_hours: null",
        'quiet_hours: {start: "10:00", end: "12:00"}',
    )
    with acting(night) as here:
        here.meet(timezone="Europe/Berlin")
        here.track("Product Added", user_id="u1")
        here.now += 70 * MINUTE_MS  # it was 9 o'clock: now it is quiet
        here.dispatch()
        assert only(here) == ("waiting", "quiet_hours")
        here.later(2 * HOUR_MS - 11 * MINUTE_MS)
        here.dispatch()
        assert here.way.calls == []
        here.later(MINUTE_MS)
        here.dispatch()
        assert only(here) == ("delivered", "done")


# Calls that fail


def test_retries_wait_longer_and_longer_and_end_after_four_hours() -> None:
    tries: list[int] = []
    with acting(CART_MAIL) as here:

        def refuse(effect: OutboundEffect) -> Delivery:
            tries.append(here.now)
            return RETRY

        here.way.answer = refuse
        here.meet()
        here.track("Product Added", user_id="u1")
        begun = here.now
        here.dispatch()
        while only(here)[0] == "waiting":
            (row,) = here.effects()
            assert row.due > here.now
            here.now = row.due
            # Each try looks at every gate again, and the breaker may ask for patience
            here.dispatch()
            if here.effects()[0].due <= here.now:
                here.now += 5 * MINUTE_MS
                here.dispatch()
        assert only(here) == ("dead", "http_503")
        waits = [after - before for before, after in pairwise(tries)]
        assert max(waits[:3]) <= 20 * SECOND_MS
        assert max(waits) > 5 * MINUTE_MS
        assert 3 * HOUR_MS < tries[-1] - begun < 4 * HOUR_MS
        assert here.messages() == [("cart_mail", "email")]


def test_who_asks_for_time_gets_it() -> None:
    way = Way(answer=lambda effect: Delivery("retry", "http_429", retry_after_s=600.0))
    with acting(CART_MAIL, way=way) as here:
        here.meet()
        here.track("Product Added", user_id="u1")
        here.dispatch()
        (row,) = here.effects()
        assert row.due >= here.now + 600 * SECOND_MS


def test_two_effects_that_failed_together_come_back_apart() -> None:
    with acting(CART_MAIL, way=Way(answer=lambda effect: RETRY)) as here:
        for who in ("u1", "u2"):
            here.meet(who)
            here.track("Product Added", user_id=who)
        here.dispatch()
        first, second = here.effects()
        assert first.due != second.due


def test_a_retry_that_the_person_objected_to_meanwhile_is_not_made() -> None:
    with acting(CART_MAIL, way=Way(answer=lambda effect: RETRY)) as here:
        here.meet()
        here.track("Product Added", user_id="u1")
        here.dispatch()
        assert only(here) == ("waiting", "http_503")
        here.consent("marketing", "withdrawn")
        here.later(HOUR_MS)
        here.dispatch()
        assert only(here) == ("withdrawn", "consent_refused")
        assert len(here.way.calls) == 1


@pytest.mark.parametrize("is_once", [True, False], ids=["at_most_once", "at_least_once"])
def test_an_answer_that_never_came(is_once: bool) -> None:
    answers = iter((UNKNOWN, DELIVERED))
    way = Way(answer=lambda effect: next(answers), is_once=is_once)
    with acting(CART_MAIL, way=way) as here:
        here.meet()
        here.track("Product Added", user_id="u1")
        here.dispatch()
        here.later(MINUTE_MS)
        here.dispatch()
        ids = [call.id for call in way.calls]
        if is_once:
            assert (only(here), len(ids)) == (("dead", "unknown_timeout"), 1)
        else:
            assert (only(here), len(ids), len(set(ids))) == (("delivered", "done"), 2, 1)
        assert here.messages() == [("cart_mail", "email")]


@pytest.mark.parametrize("is_once", [True, False], ids=["at_most_once", "at_least_once"])
def test_a_lease_that_ran_out_is_an_answer_that_never_came(is_once: bool) -> None:
    with acting(CART_MAIL, way=Way(is_once=is_once)) as here:
        here.meet()
        here.track("Product Added", user_id="u1")
        (row,) = here.effects()
        # Released and committed, and then the process died before it called
        here.writer.submit([here.outbox._asked(row, here.now)]).result()
        assert only(here) == ("released", "")
        here.now += 119 * SECOND_MS
        here.dispatch()
        assert here.way.calls == []
        here.now += SECOND_MS
        here.dispatch()
        here.later(MINUTE_MS)
        here.dispatch()
        if is_once:
            assert (only(here), here.way.calls) == (("dead", "unknown_lease_ended"), [])
        else:
            assert (only(here), len(here.way.calls)) == (("delivered", "done"), 1)


def test_an_answer_to_an_earlier_try_does_not_end_the_later_one() -> None:
    with acting(CART_MAIL) as here:
        here.meet()
        here.track("Product Added", user_id="u1")
        (row,) = here.effects()
        here.writer.submit([here.outbox._asked(row, here.now)]).result()
        (first,) = here.effects()
        here.now += 2 * MINUTE_MS
        here.writer.submit([here.outbox._asked(first, here.now)]).result()
        (row,) = here.effects()
        assert (row.status, row.code) == ("waiting", "lease_ended")
        here.now = row.due
        here.writer.submit([here.outbox._asked(row, here.now)]).result()
        (second,) = here.effects()
        assert (second.status, second.attempts) == ("released", 2)
        late = here.outbox._settlement(first, Verdict("waiting", "late", here.now), "", here.now)
        here.writer.submit([late]).result()
        assert here.effects() == [second]
        delivered = Verdict("delivered", "late", here.now)
        arrived = here.outbox._settlement(first, delivered, "", here.now + 1)
        here.writer.submit([arrived]).result()
        assert only(here) == ("delivered", "late")


# Commits


def count_commits(here: Acting) -> list[int]:
    """Note how many events each commit from here on holds."""
    sizes: list[int] = []
    here.engine.on_batch = lambda result, seconds: sizes.append(len(result.landed))
    return sizes


def test_answers_are_settled_together_and_with_the_next_releases() -> None:
    with acting(CART_MAIL) as here:
        for number in range(30):
            here.meet(f"u{number}")
            here.track("Product Added", user_id=f"u{number}")
        sizes = count_commits(here)
        here.dispatch()
        assert {(status, code) for _, status, code in here.states()} == {("delivered", "done")}
        # 20 places in the lane: 20 are released, settled while 10 more are, and those settled.
        # Beside each `Effect Due` stands what follows from it, `Message Released`.
        assert sizes == [20 * 2, 20 + 10 * 2, 10]


def test_what_was_released_and_not_called_at_the_end_waits_for_the_next_start() -> None:
    begun: queue.Queue[str] = queue.Queue()
    go_on = threading.Event()

    def slow(effect: OutboundEffect) -> Delivery:
        begun.put(effect.id)
        assert go_on.wait(WAIT_S)
        return DELIVERED

    with acting(CART_MAIL, way=Way(answer=slow, is_once=True)) as here:
        for number in range(6):
            here.meet(f"u{number}")
            here.track("Product Added", user_id=f"u{number}")
        here.outbox.start()
        for _ in range(4):  # threads of a lane
            begun.get(timeout=WAIT_S)
        closing = threading.Thread(target=here.outbox.close)
        closing.start()
        while here.outbox._lanes.capacity("email"):
            closing.join(0.01)
        go_on.set()
        closing.join()
        assert sorted((status, code) for _, status, code in here.states()) == [
            *[("delivered", "done")] * 4,
            *[("waiting", "not_called")] * 2,
        ]
        again = here.dispatcher()
        here.dispatch(again)
        assert {status for _, status, _ in here.states()} == {"delivered"}
        assert len(here.way.calls) == 6


# Dead letters


def doctor(here: Acting) -> list[str]:
    report = examine(here.store, here.engine, load(CART_MAIL), here.now)
    return [finding.says for finding in diagnose(report)]


def test_a_dead_letter_is_driven_again_and_looks_at_every_gate() -> None:
    answers = iter((Delivery("failed", "smtp_550"), DELIVERED))
    with acting(CART_MAIL, way=Way(answer=lambda effect: next(answers))) as here:
        here.meet()
        here.track("Product Added", user_id="u1")
        here.dispatch()
        assert only(here) == ("dead", "smtp_550")
        (dead,) = here.engine.decisions.effects("dead", "", 10)
        assert "1 dead letter (smtp_550 1). See `heedful effects list`." in doctor(here)
        here.engine.decisions.redrive(dead["effect_id"])
        assert only(here) == ("waiting", "redriven")
        assert not any("dead letter" in says for says in doctor(here))
        here.dispatch()
        assert only(here) == ("delivered", "done")
        assert here.messages() == [("cart_mail", "email")]


def test_the_doctor_tells_of_a_destination_that_fails_again_and_again() -> None:
    with acting(CART_MAIL, way=Way(answer=lambda effect: Delivery("retry", "http_503"))) as here:
        here.meet()
        here.track("Product Added", user_id="u1")
        here.dispatch()
        assert not any("again and again" in says for says in doctor(here))
        here.later(HOUR_MS)
        here.dispatch()
        assert only(here) == ("waiting", "http_503")
        told = "1 effect tried again and again: http_503."
        assert f"{told} See `heedful effects list --status waiting`." in doctor(here)


def test_a_dead_letter_whose_gate_has_closed_stays_unsent() -> None:
    way = Way(answer=lambda effect: Delivery("failed", "smtp_550"))
    with acting(CART_MAIL, way=way) as here:
        here.meet()
        here.track("Product Added", user_id="u1")
        here.dispatch()
        here.consent("marketing", "withdrawn")
        here.engine.decisions.redrive(here.effects()[0].id)
        here.dispatch()
        assert only(here) == ("withdrawn", "consent_refused")
        assert len(way.calls) == 1


def dead_for_days(here: Acting, *, is_forgotten: bool = True) -> str:
    """Let a destination refuse a mail, four days ago; the case may have forgotten what it was."""
    here.meet()
    here.track("Product Added", user_id="u1")
    here.dispatch()
    assert only(here) == ("dead", "smtp_550")
    here.later(4 * DAY_MS)
    if is_forgotten:
        (decision,) = here.decided()
        here.engine.decisions.report(public_id("d", decision.id), "ignored").result()
    assert (here.case().standing == []) is is_forgotten
    (row,) = here.effects()
    assert row.expires_at < here.now
    return row.id


@pytest.mark.parametrize("is_forgotten", [False, True], ids=["known", "forgotten"])
def test_a_mail_that_expired_is_driven_again_for_an_hour(is_forgotten: bool) -> None:
    answers = iter((Delivery("failed", "smtp_550"), Delivery("retry", "smtp_450"), DELIVERED))
    with acting(CART_MAIL, way=Way(answer=lambda effect: next(answers))) as here:
        effect = dead_for_days(here, is_forgotten=is_forgotten)
        here.engine.decisions.redrive(effect)
        (row,) = here.effects()
        assert (row.status, row.code, row.expires_at) == ("waiting", "redriven", here.now + HOUR_MS)
        here.dispatch()
        assert only(here) == ("dead", "smtp_450"), "once more is once"
        here.later(DAY_MS)
        here.engine.decisions.redrive(effect)
        here.dispatch()
        assert only(here) == ("delivered", "done")
        assert {call.id for call in here.way.calls} == {effect}
        assert here.messages() == [("cart_mail", "email")], "it is counted once"


def test_a_dead_letter_that_waits_for_the_morning_is_of_use_no_more() -> None:
    quiet = changed(
        CART_MAIL,
        "policies/contact.yaml",
        "quiet_hours: null",
        'quiet_hours: {start: "21:00", end: "08:00"}\nzones_assumed: [UTC]',
    )
    with acting(quiet, way=Way(answer=lambda effect: Delivery("failed", "smtp_550"))) as here:
        here.now += 4 * HOUR_MS  # noon
        effect = dead_for_days(here)
        here.now += 14 * HOUR_MS
        here.engine.decisions.redrive(effect)
        here.dispatch()
        assert only(here) == ("withdrawn", "quiet_hours")


def consent_goes(here: Acting) -> None:
    here.consent("marketing", "withdrawn")


def purchase_comes(here: Acting) -> None:
    here.track("Order Completed", user_id="u1")


def stop_comes(here: Acting) -> None:
    here.engine.governing.stop("action:cart_mail", "ann", "wrong price")


@pytest.mark.parametrize(
    ("closes", "code"),
    [
        (consent_goes, "consent_refused"),
        (purchase_comes, "not_applicable"),
        (stop_comes, "stopped"),
    ],
    ids=["consent", "purchase", "stop"],
)
def test_a_mail_that_expired_is_driven_again_past_no_gate(
    closes: Callable[[Acting], None], code: str
) -> None:
    with acting(CART_MAIL, way=Way(answer=lambda e: Delivery("failed", "smtp_550"))) as here:
        effect = dead_for_days(here)
        closes(here)
        here.engine.decisions.redrive(effect)
        here.dispatch()
        assert only(here) == ("withdrawn", code)
        assert len(here.way.calls) == 1


@pytest.mark.parametrize("is_stopped", [False, True], ids=["free", "stopped"])
def test_a_call_that_expired_is_driven_again_unless_it_was_stopped(is_stopped: bool) -> None:
    with acting(SHOP, way=Way(answer=lambda effect: Delivery("failed", "http_410"))) as here:
        here.meet()
        here.fail_to_pay()
        here.dispatch()
        here.later(4 * DAY_MS)
        here.way.answer = lambda effect: DELIVERED
        (call,) = [row for row in here.effects() if row.destination == "service_desk"]
        if is_stopped:
            here.engine.governing.stop("action:offer_help", "ann", "the desk is closed")
        here.engine.decisions.redrive(call.id)
        here.dispatch()
        end = ("withdrawn", "stopped") if is_stopped else ("delivered", "done")
        assert here.states()[-1] == ("service_desk", *end)


def test_only_a_dead_letter_is_driven_again() -> None:
    with acting(CART_MAIL) as here:
        here.meet()
        here.track("Product Added", user_id="u1")
        with pytest.raises(InputError) as refused:
            here.engine.decisions.redrive(here.effects()[0].id)
        assert refused.value.code == "effect_not_dead"
        with pytest.raises(InputError) as refused:
            here.engine.decisions.redrive("f_0")
        assert refused.value.code == "effect_not_found"


# Destinations and dispatchers


def test_a_dead_destination_is_left_alone_and_the_healthy_one_gets_all() -> None:
    def answer(effect: OutboundEffect) -> Delivery:
        return UNKNOWN if effect.destination == "service_desk" else DELIVERED

    with acting(SHOP, way=Way(answer=answer)) as here:
        for number in range(30):
            here.meet(f"u{number}")
            here.fail_to_pay(f"u{number}")
            here.dispatch()
        asked = [call.destination for call in here.way.calls]
        assert asked.count("inapp") == 30
        assert asked.count("service_desk") == 5  # then the breaker opens
        here.now += 30 * SECOND_MS
        here.dispatch()
        assert [c.destination for c in here.way.calls].count("service_desk") == 6  # one probe
        here.way.answer = lambda effect: DELIVERED
        for _ in range(40):
            here.later(MINUTE_MS)
            here.dispatch()
        assert {status for _, status, _ in here.states()} == {"delivered"}


CAPPED = changed(
    changed(SHOP, "policies/contact.yaml", "caps: []", "caps: [{at_most: 2, within: 7d}]"),
    "actions/sale.yaml",
    "stands_for: 1m",
    "stands_for: 1s",
)


def queued(here: Acting) -> int:
    """Queue more messages than the cap lets through, as after a merge; say how many."""
    here.meet("u1")
    said = {"purpose": "marketing", "channel": "*", "status": "granted"}
    for number in range(6):
        device = f"d{number}"
        here.track("Consent Changed", type="own", anonymous_id=device, properties=said)
        here.track("Product Viewed", anonymous_id=device)
    for number in range(6):
        here.track("identify", user_id="u1", anonymous_id=f"d{number}")
    here.now += 2_000  # none of the decisions stands any more, so the same may be said again
    return sum(status == "waiting" for _, status, _ in here.states())


def test_of_messages_that_wait_after_a_merge_only_as_many_go_out_as_caps_allow() -> None:
    with acting(CAPPED) as here:
        assert queued(here) == 6
        here.dispatch()
        assert len(here.messages()) == 2
        assert len(here.way.calls) == 2
        codes = [code for _, status, code in here.states() if status == "withdrawn"]
        assert codes == ["cap_reached"] * 4


def test_two_dispatchers_never_send_one_effect_twice() -> None:
    with acting(CART_MAIL) as here:
        here.meet()
        here.track("Product Added", user_id="u1")
        (row,) = here.effects()
        events = []
        for outbox in (here.outbox, here.dispatcher()):
            events.append(outbox._asked(row, here.now))
            here.now += 1
        released = [here.writer.submit([event]).result() for event in events]
        assert [len(one.released) for one in released if one is not None] == [1, 0]
        assert here.effects()[0].attempts == 1


def test_two_dispatchers_at_once_never_exceed_a_cap() -> None:
    with acting(CAPPED) as here:
        assert queued(here) == 6
        begin = threading.Barrier(2)
        outboxes = (here.outbox, here.dispatcher())

        def run(outbox: Outbox) -> None:
            begin.wait(WAIT_S)
            while outbox.step():
                pass

        threads = [threading.Thread(target=run, args=(outbox,)) for outbox in outboxes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT_S)
        for outbox in outboxes:
            idle(outbox._lanes)
        assert len(here.messages()) == 2
        ids = [call.id for call in here.way.calls]
        assert (len(ids), len(set(ids))) == (2, 2)
