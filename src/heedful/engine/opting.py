"""What a person says in their own words about hearing from us, as statements of consent.

Law: a function of the event and of what the person had agreed to when it arrived. The statement is
made at the instant of the message, so an old one from an import undoes no consent that came later.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from heedful.core import Customer
from heedful.customer import ANY_CHANNEL
from heedful.engine.deciding import derived_event
from heedful.events import CONSENT_CHANGED, MESSAGE_RECEIVED, Event
from heedful.govern import opt_out

_ALWAYS: Final = ("marketing", "service")
"""Purposes that are withdrawn though nobody ever granted them; what is owed needs none."""


def opted_out(secret: bytes, event: Event, customer: Customer) -> list[Event]:
    """Give the consents that a message withdraws; empty where it says something else."""
    if event.type != "track" or event.name != MESSAGE_RECEIVED:
        return []
    text, locale = event.properties.get("text"), event.context.get("locale")
    if not isinstance(text, str):
        return []
    said = opt_out(text, locale if isinstance(locale, str) else None)
    if said is None:
        return []
    here = event.properties.get("channel")
    channels: tuple[str, ...] = (ANY_CHANNEL,)
    if said.scope == "channel":
        where = here.strip().lower() if isinstance(here, str) and here.strip() else ANY_CHANNEL
        channels = said.channels or (where,)
    granted = {name.partition("|")[0] for name in customer.profile.consents}
    purposes = sorted(granted.difference(ANY_CHANNEL).union(_ALWAYS))
    statements: list[dict[str, Any]] = [
        {
            "purpose": purpose,
            "channel": channel,
            "status": "withdrawn",
            "source": f"message:{said.confidence}",
            "proof": event.message_id,
        }
        for channel in channels
        for purpose in purposes
    ]
    # Below zero, so that no consequence of a decision about this event has the same key.
    made = (
        derived_event(secret, CONSENT_CHANGED, one, event.received_at, event.key, -1 - n)
        for n, one in enumerate(statements)
    )
    return [msgspec.structs.replace(one, at=event.at) for one in made]
