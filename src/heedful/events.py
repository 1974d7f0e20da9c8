"""What happened, as frozen values: the one language between ingest, the log and every fold.

An event is stamped once, when it is first committed: `at` (its corrected time) and `key` never
change after that, however often the same message is sent again. Facts order events by
`(at, key)`, a total order that no arrival can change.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

import msgspec

from heedful.kernel import hash_key

EventType = Literal["track", "identify", "page", "screen", "group", "alias", "own"]
"""Segment's six calls, and `own` for the events that Heedful itself writes."""


class Identifier(NamedTuple):
    """One way to address a person: a namespace such as `user_id` and the value in it."""

    namespace: str
    value: str


class Event(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One thing that happened to one person, stamped.

    Notes
    -----
    `at = received_at - (sent_at - original_at)` where the client sent both, cut to `received_at`;
    `flags` say what was corrected, such as `future_clamped` or `skew_absurd`.
    All times are int64 milliseconds since 1970 in UTC.
    """

    type: EventType
    name: str
    """The `event` of a track call, the name of a page or screen, else the type itself."""
    at: int
    key: int
    """63-bit hash of (source, message_id): the event's identity and the tie-breaker of `at`."""
    source: str
    message_id: str
    received_at: int
    original_at: int | None = None
    sent_at: int | None = None
    user_id: str | None = None
    anonymous_id: str | None = None
    previous_id: str | None = None
    group_id: str | None = None
    identifiers: tuple[Identifier, ...] = ()
    """Further identifiers that the event itself names (`context.externalIds`, own events)."""
    properties: dict[str, Any] = {}
    traits: dict[str, Any] = {}
    context: dict[str, Any] = {}
    integrations: dict[str, Any] = {}
    flags: tuple[str, ...] = ()


OWN_SOURCE: Final = "heedful"
"""Source of the events that Heedful itself writes."""

# Names of our own events (type `own`). What they carry stands in `properties`.
MESSAGE_RELEASED: Final = "Message Released"
"""A message went out to the person: every gate had passed, and the caps count it."""
CONSENT_CHANGED: Final = "Consent Changed"
"""A purpose was granted, denied or withdrawn, with its channel, text version and proof."""
IDENTIFIERS_SEPARATED: Final = "Identifiers Separated"
"""The identifiers of two sides are not one person: what `unmerge` writes."""
OBJECTION_RECORDED: Final = "Objection Recorded"
"""The person objected to a purpose, on every channel."""
SIGNALS_WARMED: Final = "Signals Warmed"
"""From here on what was published since the person's first event is known of them, too."""

# Names in the commerce vocabulary that Segment's specification lacks; ours, and said to be so.
PAYMENT_FAILED: Final = "Payment Failed"
"""A payment was tried and refused."""
MESSAGE_RECEIVED: Final = "Message Received"
"""A person wrote to us: `text`, `channel`. One who asks for no more messages gets no more."""

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Event)


def own_event(
    secret: bytes,
    name: str,
    message_id: str,
    now: int,
    properties: dict[str, Any],
    *,
    key: int | None = None,
    identifiers: tuple[Identifier, ...] = (),
    flags: tuple[str, ...] = (),
) -> Event:
    """Write an event of our own, stamped with the present.

    Parameters
    ----------
    message_id
        Names the event: writing it twice is one event.
    key
        Its key, where it is not the keyed hash of source and message id.
    """
    return Event(
        type="own",
        name=name,
        at=now,
        key=hash_key(secret, "event", OWN_SOURCE, message_id) if key is None else key,
        source=OWN_SOURCE,
        message_id=message_id,
        received_at=now,
        original_at=now,
        identifiers=identifiers,
        properties=properties,
        flags=flags,
    )


def encode_event(event: Event) -> bytes:
    """Write an event as the bytes of a log row."""
    return _ENCODER.encode(event)


def decode_event(body: bytes) -> Event:
    """Read an event back from the bytes of a log row."""
    return _DECODER.decode(body)
