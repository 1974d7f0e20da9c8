"""The stories that the room was asked for by name, each with its cause and its end."""

from __future__ import annotations

from heedful.decide import (
    DO_NOTHING,
    EFFECT_DUE,
    NEED_OPENED,
    SILENCE_SET,
    Definitions,
    Need,
    Rule,
)
from heedful.decide.definitions import (
    ActionEffects,
    SilenceEffect,
    Treatment,
    WebhookEffect,
)
from heedful.events import OBJECTION_RECORDED
from heedful.kernel import HOUR_MS
from heedful.sense import SignalDefinition
from tests.unit.decide.world import World, help_with, offer, written

FAILURES = SignalDefinition(
    name="payment_failures", kind="count", on="Payment Failed", reset_on="Order Completed"
)
CART = SignalDefinition(
    name="cart_items", kind="count", on="Product Added", reset_on="Order Completed"
)
CANNOT_PAY = Need(
    name="cannot_pay",
    tier="service",
    opens_when="signals.payment_failures >= 3",
    closes_on="Order Completed",
    expires_after="48h",
)


def payment_world() -> World:
    helping = help_with(
        "payment_help",
        treatments=(Treatment(title="Can we help, {traits.firstName|there}?"),),
        effects=ActionEffects(
            silence=SilenceEffect(),
            webhooks=(
                WebhookEffect(
                    destination="service_desk",
                    event="customer.needs_help",
                    data={"name": "{traits.firstName|somebody}", "tries": 3},
                ),
            ),
        ),
    )
    channels = ("inapp", "email", "push", "sms")
    world = World(
        written(
            needs=(CANNOT_PAY,),
            actions=(helping, offer("sale", channels=channels)),
            rules=(Rule(name="browse", on="Product Viewed"),),
        ),
        [FAILURES],
    )
    world.identify(firstName="Ada", phone="+491701234567")
    world.consent()
    return world


def test_three_failed_payments_help_in_the_app_and_silence_promotions_everywhere() -> None:
    world = payment_world()
    world.track("Product Viewed")
    world.send()
    assert world.contacts() == ["sale"]
    for _ in range(3):
        world.wait("1m")
        world.track("Payment Failed")
    world.send()
    assert [need["need"] for need in world.said(NEED_OPENED)] == ["cannot_pay"]
    assert world.messages()[-1].content.title == "Can we help, Ada?"
    (call,) = world.calls()
    assert (call.destination, call.event_type) == ("service_desk", "customer.needs_help")
    assert call.data == {"name": "Ada", "tries": 3}
    (silence,) = world.said(SILENCE_SET)
    assert silence["class"] == "promotional"
    assert silence["until"] == world.now + 48 * HOUR_MS
    # Bought after all: the need is closed, and the silence still holds on every channel.
    world.wait("1h")
    world.track("Order Completed")
    world.wait("46h")
    world.track("Product Viewed")
    last = world.decisions[-1]
    assert last.action == DO_NOTHING
    assert {c.reason_code for c in last.candidates if c.action == "sale"} == {"silenced"}
    assert world.contacts() == ["sale", "payment_help"]
    world.wait("2h")
    world.track("Product Viewed")
    world.send()
    assert world.contacts() == ["sale", "payment_help", "sale"]


def mail_world(definitions: Definitions) -> World:
    world = World(definitions, [CART])
    world.consent()
    return world


def test_a_promotion_that_waits_dies_when_the_customer_cancels() -> None:
    leaving = Need(
        name="leaving",
        tier="retention",
        opens_when="event.name == 'Subscription Cancelled'",
        expires_after="7d",
    )
    world = mail_world(
        written(
            needs=(leaving,),
            actions=(offer("sale", channels=("email",)),),
            rules=(Rule(name="browse", on="Product Viewed"),),
        )
    )
    world.track("Product Viewed")
    (waiting,) = world.waiting.values()
    world.track("Subscription Cancelled")
    assert world.withdrawn == {waiting.id: "growth_shut"}
    assert world.contacts() == []
    # A due event that was on its way already finds it dead.
    made = world.say(EFFECT_DUE, {"effect_id": waiting.id})
    assert made.released == ()
    assert [effect_id for effect_id, _ in made.withdrawn] == [waiting.id]


def cart_world() -> World:
    reminder = offer("cart_mail", channels=("email",), applicable="signals.cart_items >= 1")
    rule = Rule(name="cart", on="Product Added")
    return mail_world(written(actions=(reminder,), rules=(rule,)))


def test_a_cart_mail_that_waits_dies_with_the_purchase() -> None:
    world = cart_world()
    world.track("Product Added")
    (waiting,) = world.waiting.values()
    world.track("Order Completed")
    assert world.withdrawn == {waiting.id: "not_applicable"}
    assert world.send() == []


def test_a_cart_mail_dies_at_its_release_when_the_purchase_was_only_folded() -> None:
    world = cart_world()
    world.track("Product Added")
    (waiting,) = world.waiting.values()
    world.fold(world.event("track", "Order Completed"))
    world.send()
    assert world.withdrawn == {waiting.id: "not_applicable"}
    assert world.contacts() == []


def test_an_objection_between_decision_and_release_is_heard() -> None:
    world = cart_world()
    world.track("Product Added")
    (waiting,) = world.waiting.values()
    world.fold(world.event("own", OBJECTION_RECORDED, properties={"purpose": "marketing"}))
    made = world.say(EFFECT_DUE, {"effect_id": waiting.id})
    assert made.released == ()
    assert world.withdrawn == {waiting.id: "objected"}
    assert world.contacts() == []
