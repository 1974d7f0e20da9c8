"""What to do, as frozen values: an effect carries all that its connector needs.

A connector looks nothing up: the address, the words and the key that makes the call idempotent
stand in the effect. Between decision and call an effect waits in the outbox; all gates are looked
at again when its time has come.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

MessageClass = Literal["promotional", "service", "transactional", "mandatory"]


class Content(msgspec.Struct, frozen=True, omit_defaults=True):
    """The words of a message, ready to be sent on any channel that can carry them."""

    title: str = ""
    body: str = ""
    url: str = ""
    language: str = "en"
    is_generated: bool = False
    """Whether a model wrote it: the message then says so in its provenance."""


class SendMessage(msgspec.Struct, frozen=True, tag="send_message", omit_defaults=True):
    """A message to a person on one channel."""

    channel: str
    to: dict[str, str]
    """Address by namespace: `email`, `phone`, `user_id`, `anonymous_id`, `push`."""
    message_class: MessageClass
    content: Content
    action: str
    treatment: str = ""
    purpose: str = ""
    """The consent that it rests on, which an unsubscribe link withdraws; `marketing` where a
    promotional message names none."""


class CallWebhook(msgspec.Struct, frozen=True, tag="call_webhook", omit_defaults=True):
    """A signed call to another system."""

    destination: str
    """Name of the destination in the workspace's settings, which hold address and secrets."""
    event_type: str
    """As the receiver knows it, such as `customer.needs_help`."""
    data: dict[str, Any]


class Silence(msgspec.Struct, frozen=True, tag="silence"):
    """No messages of some class until an instant; takes effect inside Heedful, calls nobody."""

    message_class: MessageClass
    until: int
    reason: str


Effect = SendMessage | CallWebhook | Silence


class OutboundEffect(msgspec.Struct, frozen=True, omit_defaults=True):
    """An effect in the outbox: what is to be done, for whom, since which decision, and when."""

    id: str
    """Idempotency key: the same decision, effect and destination give the same id."""
    decision_id: str
    customer_id: str
    effect: Effect
    due: int
    expires_at: int
    destination: str
    """What fails together: the connector's name, and of a webhook its destination."""
    redriven_at: int = 0
    """When a person last had this dead letter sent once more; 0 where nobody had."""
