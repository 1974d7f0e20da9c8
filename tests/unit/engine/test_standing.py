"""A decision that stands is returned where it fits what is asked, and nowhere else."""

from __future__ import annotations

import pytest

from heedful.decide import DO_NOTHING
from tests.unit.engine.acting import acting
from tests.unit.engine.strategies import CHANNELS, SHOP, changed

STANDING = changed(SHOP, "actions/sale.yaml", "stands_for: 1m", "stands_for: 30m")
QUIET = {**STANDING, "rules.yaml": "builtin: []\nrules: []\n"}
"""Nothing decides but who asks."""
SILENT = changed(QUIET, "actions/sale.yaml", "p: 0.9", "p: 0.0001")


def test_a_message_on_any_channel_answers_for_the_channel_that_it_goes_by() -> None:
    with acting(QUIET) as here:
        here.meet()
        first = here.ask()
        assert first.action == "sale"
        again = here.ask(channel=first.channel)
        assert (again.id, again.channel, again.reason) == (first.id, first.channel, "standing")
        other = next(one for one in CHANNELS if one != first.channel)
        assert here.ask(channel=other).id != first.id
        assert len([row for row in here.effects() if row.decision == first.id]) == 1


def test_a_message_on_one_channel_answers_where_any_will_do() -> None:
    with acting(QUIET) as here:
        here.meet()
        first = here.ask(channel="email")
        assert (first.action, first.channel) == ("sale", "email")
        assert here.ask().id == first.id
        assert here.ask(channel="email").id == first.id
        assert here.ask(channel="sms").id != first.id


def test_a_place_is_answered_on_the_channel_that_is_asked() -> None:
    with acting(QUIET) as here:
        here.meet()
        shown = here.ask(placement="home")
        assert shown.channel == "inapp"
        assert here.ask(placement="home", channel="inapp").id == shown.id
        chat = here.ask(placement="home", channel="chat")
        assert chat.id != shown.id
        assert chat.channel in (None, "chat")


def test_a_place_and_a_message_do_not_answer_for_each_other() -> None:
    with acting(QUIET) as here:
        here.meet()
        sent = here.ask(channel="inapp")
        shown = here.ask(placement="home")
        assert shown.id != sent.id
        assert here.ask(channel="inapp").id == sent.id
        assert here.ask(placement="home").id == shown.id
        assert here.ask(placement="search").id not in (sent.id, shown.id)


@pytest.mark.parametrize("said", [{}, {"channel": "email"}])
def test_silence_stands_for_what_was_asked_and_for_nothing_else(said: dict[str, str]) -> None:
    with acting(SILENT) as here:
        here.meet()
        first = here.ask(**said)
        assert first.action == DO_NOTHING
        assert here.ask(**said).id == first.id
        assert here.ask(channel="sms").id != first.id


def test_what_falls_for_one_question_falls_for_the_other() -> None:
    with acting(QUIET) as here:
        here.meet()
        first = here.ask(channel="email")
        here.consent("marketing", "withdrawn")
        again = here.ask()
        assert (again.id != first.id, again.action) == (True, DO_NOTHING)


def test_once_a_need_has_opened_the_next_question_is_decided_anew() -> None:
    with acting(QUIET) as here:
        here.meet()
        first = here.ask(channel="inapp")
        here.now += 1
        here.fail_to_pay()
        again = here.ask()
        assert (again.id != first.id, again.action) == (True, "offer_help")


def test_what_passes_tiers_answers_for_nothing_but_itself() -> None:
    receipt = """
action: receipt
tier: service
class: transactional
decision_type: help
goal: seen
channels: [email]
needs: [cannot_pay]
stands_for: 30m
"""
    goals = QUIET["goals.yaml"] + "  seen: {on: Receipt Seen, within: 1d}\n"
    with acting({**QUIET, "goals.yaml": goals, "actions/receipt.yaml": receipt}) as here:
        here.meet()
        here.fail_to_pay()
        sent = [one for one in here.decided() if one.action == "receipt"]
        assert len(sent) == 1
        assert here.ask(channel="email").id != sent[0].id


def test_a_trigger_that_has_answered_already_is_not_answered_beside() -> None:
    with acting(STANDING) as here:
        here.meet()
        here.track("Product Viewed", user_id="u1")
        (first,) = here.decided()
        assert first.action == "sale"
        assert first.channel is not None
        assert here.ask(channel=first.channel).id == first.id
        assert here.ask().id == first.id
