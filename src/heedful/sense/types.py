"""The state of a customer's signals, and what every rule works with.

Law: a state is a commutative monoid over the *set* of stamped events. `Senses()` is its zero,
`fold` adds an event, `merge` joins two disjoint sets; any permutation and any split gives the same
canonical bytes. Duplicates are removed before events come here.

`Senses` is mutable: a fold changes a copy that its caller has just decoded and owns, which costs a
tenth of building a new one. Never hand the same `Senses` to two owners.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Any, Final

import msgspec

from heedful.events import Event
from heedful.expr import UNKNOWN
from heedful.expr.types import Unknown
from heedful.kernel import canonical
from heedful.sense.limits import VALUE_CHARACTERS_MAX

Value = int | float | bool | str | None | Unknown | dict[str, Any] | list[str]
"""What a signal can be: a scalar, none, unknown (it warms up), a map by category, or a list."""

SIGNAL_WARMING: Final = "signal_warming"
FEATURE_OVERFLOWED: Final = "feature_overflowed"


class Senses(msgspec.Struct, array_like=True):
    """The signals of one customer.

    Notes
    -----
    Slots stay encoded until somebody touches them: an event touches few, so decoding and encoding
    a customer costs a few microseconds however many signals are declared. An empty slot is absent.
    """

    set_id: str = ""
    """The signal set under which this is complete, but for `warming`; "" before any event."""
    warming: list[str] = []
    """Sorted keys of definitions that were published later and are not refolded yet."""
    declared: dict[str, bytes] = {}
    """Slot of each touched definition, by the hash of the definition."""
    features: list[int] = []
    """Sorted ids of the automatic features that were touched."""
    lengths: bytes = b""
    """Bytes of each feature's counter, a byte each: a counter has at most 20 numbers."""
    counters: bytes = b""
    """The counters of the features, one behind the other; a person has hundreds, and to unpack
    them one by one took half the time of reading a person."""
    tail: bytes = b""
    """The newest events of any name, as (instant, id of the name); see `tail.py`."""


_DECODER: Final = msgspec.msgpack.Decoder(Senses)


def decode_senses(body: bytes) -> Senses:
    """Read a state that the caller then owns."""
    return _DECODER.decode(body)


def encode_senses(senses: Senses) -> bytes:
    """Write a state as its canonical bytes."""
    return canonical.encode(senses)


def copy_senses(senses: Senses) -> Senses:
    """Copy a state, for a caller who must keep the original."""
    return Senses(
        senses.set_id,
        list(senses.warming),
        dict(senses.declared),
        list(senses.features),
        senses.lengths,
        senses.counters,
        senses.tail,
    )


def counter_at(senses: Senses, place: int) -> bytes:
    """Cut out the counter of the feature at a place."""
    start = sum(senses.lengths[:place])
    return senses.counters[start : start + senses.lengths[place]]


def counters_of(senses: Senses) -> dict[int, bytes]:
    """Cut out all counters, by the ids of their features."""
    ends = list(accumulate(senses.lengths))
    return {
        id_: senses.counters[end - length : end]
        for id_, length, end in zip(senses.features, senses.lengths, ends, strict=True)
    }


def put_counters(senses: Senses, counters: Mapping[int, bytes]) -> None:
    """Replace all counters of a state that the caller owns."""
    senses.features = sorted(counters)
    senses.lengths = bytes(len(counters[id_]) for id_ in senses.features)
    senses.counters = b"".join(counters[id_] for id_ in senses.features)


class Scope:
    """One event as expressions read it; the map is made when the first expression asks."""

    __slots__ = ("_event", "_values")

    def __init__(self, event: Event) -> None:
        self._event = event
        self._values: dict[str, Any] | None = None

    def values(self) -> dict[str, Any]:
        if self._values is None:
            event = self._event
            self._values = {
                "event": {
                    "name": event.name,
                    "type": event.type,
                    "at": event.at,
                    "source": event.source,
                    "properties": event.properties,
                    "traits": event.traits,
                    "context": event.context,
                }
            }
        return self._values


Reader = Callable[[Event, Scope], Any]
"""Reads one value of an event; None where there is none."""


def text_of(value: Any) -> str | None:
    """Write a scalar as a category or a distinct value; None for what is no scalar or empty.

    Examples
    --------
    >>> text_of(20.0), text_of("20"), text_of(True), text_of([1]), text_of("")
    ('20', '20', 'true', None, None)
    """
    if isinstance(value, str):
        return value[:VALUE_CHARACTERS_MAX] or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int | float):
        return str(value)[:VALUE_CHARACTERS_MAX]
    return None


def is_known(value: Any) -> bool:
    """Say whether a value is neither none nor unknown."""
    return value is not None and value is not UNKNOWN
