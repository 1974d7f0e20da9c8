"""How a message is told from a repeated one, and how what cannot land is kept."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Final

import msgspec

from heedful.events import Event, encode_event
from heedful.kernel import SECOND_MS, canonical
from heedful.ports import Claim, QuarantineRow

_SLOT_BITS: Final = 32
_SLOT_MASK: Final = (1 << _SLOT_BITS) - 1
_SECOND_MAX: Final = (1 << 31) - 1  # in 2038: later seconds, of clocks that are wrong, share it
_CONTENT: Final = msgspec.msgpack.Encoder()
_KEYS: Final = msgspec.msgpack.Decoder(list[int])


def slot_of(at: int, key: int) -> int:
    """Give the slot that a message of this time claims first; it fits 63 bits whatever the time."""
    second = min(max(at, 0) // SECOND_MS, _SECOND_MAX)
    return second << _SLOT_BITS | (key & _SLOT_MASK)


def claim_of(event: Event) -> Claim:
    """Compute an event's claim to be new.

    Notes
    -----
    The slot's high bits are the second of the *raw* timestamp, which a retry repeats, while its
    corrected time differs with every `sentAt`. `context` is left out of the content: SDKs write
    there how often they retried.
    """
    said = (
        event.type,
        event.name,
        event.user_id,
        event.anonymous_id,
        event.properties,
        event.traits,
    )
    slot = slot_of(event.original_at or 0, event.key)
    return Claim(slot, event.key, zlib.crc32(_CONTENT.encode(said)))


def quarantined(event: Event, reason: str, message: str, keys: Sequence[int]) -> QuarantineRow:
    """Write an event that cannot land as a row of the quarantine."""
    return QuarantineRow(
        0,
        event.received_at,
        event.source,
        reason,
        message,
        canonical.encode(sorted(keys)),
        encode_event(event),
    )


def named_in(row: QuarantineRow) -> list[int]:
    """List the keys of the identifiers that a row of the quarantine names."""
    return _KEYS.decode(row.identifiers)
