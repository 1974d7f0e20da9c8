"""STOP, and how people really say it, in force at the next decision."""

from __future__ import annotations

import pytest

from heedful.engine.decisions import Asked
from heedful.engine.replay import decisions_differing, rebuild
from heedful.events import CONSENT_CHANGED, MESSAGE_RECEIVED
from heedful.kernel import DAY_MS
from heedful.store.memory import MemoryStore
from tests.unit.engine.acting import Acting, acting
from tests.unit.engine.living import SECRET
from tests.unit.engine.strategies import CART_MAIL, SHOP
from tests.unit.engine.test_deciding import gates


def hear(here: Acting, text: str, channel: str | None = "email") -> None:
    said = {"text": text} if channel is None else {"text": text, "channel": channel}
    here.track(MESSAGE_RECEIVED, user_id="u1", properties=said)


def refused(here: Acting, channel: str) -> bool:
    """Say whether the sale is stopped on a channel because the person does not want it."""
    return gates(here.ask(channel=channel)).get("sale") == "consent_refused"


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "Please unsubscribe me from these emails",
        "Bitte keine Mails mehr",
        "Ne m'écrivez plus",
        "No me envíen más correos",
        "Non scrivetemi più",
        "Não quero mais receber mensagens",
    ],
    ids=["keyword", "en", "de", "fr", "es", "it", "pt"],
)
def test_who_says_stop_gets_no_more(text: str) -> None:
    with acting(SHOP) as here:
        here.meet()
        hear(here, text)
        assert refused(here, "email")
        (first, *_) = here.said(CONSENT_CHANGED)[1:]
        assert first.flags == ("derived",)


def test_stop_on_one_channel_is_about_that_channel() -> None:
    with acting(SHOP) as here:
        here.meet()
        hear(here, "STOP", "SMS")
        assert refused(here, "sms")
        assert not refused(here, "inapp")


def test_stop_that_names_no_channel_is_about_all() -> None:
    with acting(SHOP) as here:
        here.meet()
        hear(here, "Lasciatemi in pace", None)
        assert refused(here, "sms")
        assert refused(here, "inapp")


@pytest.mark.parametrize("text", ["When does the sale stop?", "Don't stop!", "", "Where is it?"])
def test_who_says_something_else_hears_on(text: str) -> None:
    with acting(SHOP) as here:
        here.meet()
        hear(here, text)
        assert len(here.said(CONSENT_CHANGED)) == 1
        assert not refused(here, "email")


def test_a_no_in_one_batch_with_a_question_is_obeyed_by_its_answer() -> None:
    with acting(SHOP) as here:
        here.meet()
        said = {"text": "unsubscribe", "channel": "email"}
        no = here.event(MESSAGE_RECEIVED, user_id="u1", properties=said)
        question = here.engine.decisions._question(Asked(user_id="u1", channel="email"))
        result = here.send(no, question)
        decision = result.answers[question.key].decision
        assert gates(decision)["sale"] == "consent_refused"
        here.now += 2 * DAY_MS
        before = here.engine.decisions._question(Asked(user_id="u1", channel="inapp"))
        said = {"text": "STOP", "channel": "inapp"}
        result = here.send(before, here.event(MESSAGE_RECEIVED, user_id="u1", properties=said))
        assert result.answers[before.key].decision.action == "sale", (
            "it was asked before they said no"
        )


def test_a_no_withdraws_the_mail_that_waits() -> None:
    with acting(CART_MAIL) as here:
        here.meet()
        here.track("Product Added", user_id="u1")
        hear(here, "Please stop emailing me")
        here.dispatch()
        assert here.states() == [("email", "withdrawn", "consent_refused")]
        assert here.way.calls == []


def test_an_old_no_undoes_no_later_yes() -> None:
    with acting(SHOP) as here:
        here.meet()
        said = {"text": "STOP", "channel": "email"}
        old = here.now - 30 * DAY_MS
        here.track(MESSAGE_RECEIVED, at=old, user_id="u1", properties=said)
        here.consent("marketing", "granted", channel="email")
        assert not refused(here, "email")


def test_a_no_is_kept_where_nothing_is_decided_and_said_once_on_a_replay() -> None:
    store, again = MemoryStore(), MemoryStore()
    with acting({}, store=store) as here:
        here.track("identify", user_id="u1", traits={"email": "a@example.org"})
        hear(here, "STOP")
        consents = here.shown("user_id", "u1")["consents"]
        assert {c["purpose"]: c["status"] for c in consents} == {
            "marketing": "withdrawn",
            "service": "withdrawn",
        }
        rebuild(store, again, here.world, SECRET, 0)
        assert decisions_differing(store, again) == []
    logs = [s.read(lambda tx: tx.log(0, 1_000)) for s in (store, again)]
    assert logs[0] == logs[1]
