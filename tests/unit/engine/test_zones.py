"""What a person's device says of its zone and language counts where nobody said more."""

from __future__ import annotations

import msgspec
import pytest

from heedful import core
from heedful.engine.decisions import Asked
from heedful.engine.replay import verify
from heedful.kernel import DAY_MS, HOUR_MS, format_instant
from heedful.kernel.zones import BAD_TIMEZONE
from heedful.ports import Transaction
from tests.unit.engine.acting import Acting, acting
from tests.unit.engine.strategies import changed
from tests.unit.engine.test_outbox import CART_MAIL, only

# It is 8 o'clock in UTC: 9 in Berlin, 17 in Tokyo.
EVENING = changed(
    CART_MAIL,
    "policies/contact.yaml",
    "quiet_hours: null",
    'quiet_hours: {start: "17:00", end: "21:00"}\nzones_assumed: [UTC]',
)
TOKYO = {"timezone": "Asia/Tokyo"}


@pytest.mark.parametrize(
    ("traits", "context", "flags", "is_quiet"),
    [
        ({}, {}, (), False),
        ({}, TOKYO, (), True),
        ({"country": "DE"}, TOKYO, (), True),
        ({"timezone": "Europe/Berlin"}, TOKYO, (), False),
        ({"timezone": "Berlin"}, TOKYO, (), True),
        ({"timezone": "Asia/Tokyo"}, {"timezone": "Europe/Berlin"}, (), True),
        ({}, {"timezone": "UTC"}, (), False),
        ({}, TOKYO, (BAD_TIMEZONE,), False),
    ],
    ids=["nothing", "device", "country", "stated", "no zone", "both", "utc", "flagged"],
)
def test_what_was_stated_goes_before_the_device_and_that_before_the_country(
    traits: dict[str, str], context: dict[str, str], flags: tuple[str, ...], is_quiet: bool
) -> None:
    with acting(EVENING) as here:
        here.meet(**traits)
        here.track("Product Added", user_id="u1", context=context, flags=flags)
        here.later(HOUR_MS)
        here.dispatch()
        assert only(here)[0] == ("waiting" if is_quiet else "delivered")


def test_a_late_event_does_not_move_anybody_back() -> None:
    with acting(EVENING) as here:
        here.meet()
        here.track("Viewed", user_id="u1", context=TOKYO)
        said_at = format_instant(here.now)
        here.track("Viewed", here.now - DAY_MS, user_id="u1", context={"timezone": "Europe/Rome"})
        here.track("Viewed", user_id="u1", context={"timezone": "UTC"})
        assert here.shown("user_id", "u1")["device_zone"] == {"zone": "Asia/Tokyo", "at": said_at}
        here.meet("u2")
        assert here.shown("user_id", "u2")["device_zone"] is None


def test_what_a_device_said_lives_as_long_as_the_trait_would() -> None:
    traits = "traits: [{name: timezone, expires_after: 2d}, {name: firstName}]"
    with acting({**EVENING, "traits.yaml": traits}) as here:
        here.meet()
        here.track("Viewed", user_id="u1", context=TOKYO)
        here.now += 3 * DAY_MS
        here.track("Product Added", user_id="u1")
        here.later(HOUR_MS)
        here.dispatch()
        assert only(here) == ("delivered", "done")


@pytest.mark.parametrize(
    ("traits", "is_spoken_to"),
    [({}, True), ({"language": "fr"}, False), ({"locale": "de-AT"}, True)],
    ids=["device", "stated", "same"],
)
def test_a_person_is_spoken_to_as_their_device_was_where_nothing_is_stated(
    traits: dict[str, str], is_spoken_to: bool
) -> None:
    words = "stands_for: 1m\ntreatments: [{language: de, title: Dein Korb}]"
    with acting(changed(CART_MAIL, "actions/cart-mail.yaml", "stands_for: 1m", words)) as here:
        here.meet(**traits)
        here.track("Viewed", user_id="u1", context={"locale": "de-DE"})
        here.track("Viewed", here.now - DAY_MS, user_id="u1", context={"locale": "en-GB"})
        here.track("Viewed", user_id="u1", context={"locale": "C"})
        device = {"locale": "de-DE", "at": format_instant(here.now)}
        assert here.shown("user_id", "u1")["device_locale"] == device
        # As from a back end, which knows nothing of a browser's language.
        here.track("Product Added", user_id="u1")
        here.later(HOUR_MS)
        here.dispatch()
        assert [row.status for row in here.effects()] == (["delivered"] if is_spoken_to else [])


def test_a_question_says_where_somebody_is_as_an_event_does() -> None:
    with acting(EVENING) as here:
        here.meet()
        here.ask(placement="home", context={**TOKYO, "locale": "de-DE", "page": "x"})
        said_at = format_instant(here.now)
        shown = here.shown("user_id", "u1")
        assert shown["device_zone"] == {"zone": "Asia/Tokyo", "at": said_at}
        assert shown["device_locale"] == {"locale": "de-DE", "at": said_at}
        here.ask(placement="home", context={"timezone": "Mars/Phobos", "locale": 7})
        assert here.shown("user_id", "u1")["device_zone"]["zone"] == "Asia/Tokyo"
        here.track("Product Added", user_id="u1")
        here.later(HOUR_MS)
        here.dispatch()
        assert only(here)[0] == "waiting"
        verdict = verify(here.store, here.engine.world)
        assert (verdict.waiting, verdict.differing) == (0, [])


@pytest.mark.parametrize("context", [{}, {"locale": "de-DE"}], ids=["unsaid", "said"])
def test_a_rehearsed_question_is_answered_as_it_would_be(context: dict[str, str]) -> None:
    words = "treatments: [{language: de, title: Dein Korb}]\nstands_for: 1m"
    with acting(changed(CART_MAIL, "actions/cart-mail.yaml", "stands_for: 1m", words)) as here:
        here.meet()
        here.track("Product Added", user_id="u1")
        asked = Asked(user_id="u1", channel="email", context=context)
        rehearsed = here.engine.decisions.preview(asked)
        gates = [(one.action, one.reason_code) for one in rehearsed.candidates]
        decided = here.ask(channel="email", context=context)
        assert gates == [(one.action, one.reason_code) for one in decided.candidates]
        assert (("cart_mail", "other_language") in gates) == (not context), gates


def test_who_was_folded_before_there_were_zones_is_folded_anew() -> None:
    with acting(EVENING) as here:
        here.meet()
        here.track("Viewed", user_id="u1", context=TOKYO)
        here.writer.transact(lambda tx: as_schema_2(here, tx)).result()
        assert here.shown("user_id", "u1")["device_zone"] is None
        # An event that says nothing of a zone leaves them waiting, and their facts as they are.
        here.track("Viewed", user_id="u1")
        assert verify(here.store, here.engine.world).waiting == 1
        here.later(HOUR_MS)
        assert here.shown("user_id", "u1")["device_zone"]["zone"] == "Asia/Tokyo"
        verdict = verify(here.store, here.engine.world)
        assert (verdict.waiting, verdict.differing) == (0, [])


def as_schema_2(here: Acting, tx: Transaction) -> None:
    """Write the only customer as the version before did."""
    (row,) = tx.scan_customers(-1, 10)
    customer = core.decode(row.body)
    *profile, _, _ = msgspec.msgpack.decode(msgspec.msgpack.encode(customer.profile))
    body = msgspec.msgpack.encode([2, profile, customer.senses])
    tx.put_customers([row._replace(body=body, signal_set=1)])
