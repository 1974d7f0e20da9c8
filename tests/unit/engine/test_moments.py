"""A message that may wait: the later slot is an arm of its own, and its gates are asked then."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from heedful.decide import DO_NOTHING, Decision
from heedful.kernel import HOUR_MS, MINUTE_MS, InputError
from heedful.strategy import check, load, play_scenarios
from tests.unit.engine.acting import Acting, acting
from tests.unit.engine.strategies import CART_MAIL, changed

LATER = "default@4h"
WAITING = {
    **CART_MAIL,
    "actions/cart-mail.yaml": CART_MAIL["actions/cart-mail.yaml"] + "may_wait: [4h]\n",
}


def of_arm(here: Acting, treatment: str) -> Iterator[tuple[str, Decision]]:
    """Have one person after another leave a cart; gives those for whom an arm was drawn."""
    for number in range(100):
        who = f"u{number}"
        here.meet(who)
        here.track("Product Added", user_id=who)
        decision = here.decided(who)[0]
        if decision.treatment == treatment:
            yield who, decision
        else:
            here.dispatch()


def test_the_later_slot_is_drawn_like_any_arm_and_compared_with_silence() -> None:
    with acting(WAITING) as here:
        drawn = [next(of_arm(here, treatment))[1] for treatment in ("default", LATER)]
    for decision in drawn:
        arms = {(c.action, c.treatment): c.weight for c in decision.candidates}
        assert set(arms) == {("cart_mail", "default"), ("cart_mail", LATER), (DO_NOTHING, "")}
        assert sum(arms.values()) == 1 << 32
        assert decision.p_choose == arms["cart_mail", decision.treatment or ""]


def test_a_message_in_a_later_slot_goes_out_then_and_is_learned_as_its_own_arm() -> None:
    with acting(WAITING) as here:
        who, _ = next(of_arm(here, LATER))
        (row,) = [row for row in here.effects() if row.status == "waiting"]
        assert row.due == here.now + 4 * HOUR_MS
        assert row.expires_at == here.now + 28 * HOUR_MS
        sent = len(here.messages())
        here.dispatch()
        here.later(4 * HOUR_MS - MINUTE_MS)
        here.dispatch()
        assert len(here.messages()) == sent
        here.later(MINUTE_MS)
        here.dispatch()
        assert len(here.messages()) == sent + 1
        here.track("Order Completed", user_id=who, properties={"revenue": 10})
        (lesson,) = [row for row in here.lessons() if row.state == "converted"]
        assert lesson.arm == f"cart_mail/email/{LATER}"
        assert lesson.parts[1:] == ("cart_mail", "email", "default", "4h")
        why = here.engine.decisions.explain(here.decided(who)[-1])
        assert why.sentence.startswith("cart_mail by email in 4h was chosen")


def purchase_comes(here: Acting, who: str) -> None:
    here.track("Order Completed", user_id=who)


def consent_goes(here: Acting, who: str) -> None:
    here.consent("marketing", "withdrawn", who)


def stop_comes(here: Acting, who: str) -> None:
    here.engine.governing.stop("action:cart_mail", "ann", "a wrong price")


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (purchase_comes, "not_applicable"),
        (consent_goes, "consent_refused"),
        (stop_comes, "stopped"),
    ],
    ids=["purchase", "consent", "stop"],
)
def test_all_gates_are_asked_again_when_the_slot_comes(
    happens: Callable[[Acting, str], None], code: str
) -> None:
    with acting(WAITING) as here:
        who, _ = next(of_arm(here, LATER))
        sent = len(here.messages())
        here.later(HOUR_MS)
        happens(here, who)
        here.later(3 * HOUR_MS)
        here.dispatch()
        assert len(here.messages()) == sent
        assert ("email", "withdrawn", code) in here.states()


def test_what_is_decided_meanwhile_takes_the_place_of_what_waits() -> None:
    with acting(WAITING) as here:
        who, _ = next(of_arm(here, LATER))
        sent = len(here.messages())
        for _ in range(5):
            here.later(2 * MINUTE_MS)
            here.track("Product Added", user_id=who)
        assert len([row for row in here.effects() if row.status == "waiting"]) == 1
        here.later(5 * HOUR_MS)
        here.dispatch()
        assert len(here.messages()) == sent + 1


def test_who_asks_for_a_place_is_answered_for_now() -> None:
    files = changed(WAITING, "actions/cart-mail.yaml", "channels: [email]", "channels: [inapp]")
    with acting(files) as here:
        here.meet()
        here.now += HOUR_MS
        decision = here.ask(placement="home")
        assert {c.treatment for c in decision.candidates} <= {"", "default"}


NIGHT = {
    **changed(
        WAITING,
        "policies/contact.yaml",
        "quiet_hours: null",
        'quiet_hours: {start: "21:00", end: "08:00"}\nzones_assumed: [UTC]',
    ),
    "actions/cart-mail.yaml": CART_MAIL["actions/cart-mail.yaml"]
    + "may_wait: [4h, 12h]\nexpires_after: 1h\n",
    "tests/night.yaml": """
at: "2026-11-03T22:00:00Z"
customer:
  user_id: u1
  traits: {email: ada@example.org}
  consents: {marketing: granted}
scenarios:
  - scenario: What is of no use in the morning may still be said at ten
    events:
      - at: 0m
        track: Product Added
        expect:
          decision: {action: cart_mail, channel: email, treatment: default@12h}
          quiet: true
    until: 14h
    expect:
      effects: [{action: cart_mail, channel: email}]
  - scenario: Who buys in the night is left in peace
    events:
      - {at: 0m, track: Product Added}
      - {at: 1h, track: Order Completed}
    until: 14h
    never: [cart_mail]
""",
}


def test_in_the_night_the_slot_is_chosen_that_is_open_then() -> None:
    assert check(NIGHT) == []
    verdicts = play_scenarios(NIGHT)
    assert [(v.scenario, v.failures) for v in verdicts if v.failures] == []
    assert len(verdicts) == 2


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("may_wait: [soon]", "soon"),
        ("may_wait: [4h, 240m]", "each slot once"),
        ("may_wait: [3d]", "within the window of the goal purchase"),
        ("may_wait: [4h]\ntreatments: [{name: a@b}]", "a name without @"),
    ],
)
def test_a_slot_that_cannot_be_is_refused_in_words(written: str, said: str) -> None:
    text = CART_MAIL["actions/cart-mail.yaml"] + written + "\n"
    files = {**CART_MAIL, "actions/cart-mail.yaml": text}
    assert any(said in problem.text for problem in check(files))
    with pytest.raises(InputError):
        load(files)


def test_help_never_waits() -> None:
    help_ = CART_MAIL["actions/offer-help.yaml"] + "may_wait: [4h]\n"
    (problem,) = check({**CART_MAIL, "actions/offer-help.yaml": help_})
    assert "an action of retention or growth" in problem.text
