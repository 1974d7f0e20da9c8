"""Buying: how many purchases, since when, how lately and for how much, in one slot.

Law: count and amount are sums of integers, first and last a minimum and a maximum, so the slot is
the same in every order. It is all that a model of lifetime value asks of a customer.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from heedful.events import Event
from heedful.kernel import DAY_MS, SECOND_MS, canonical, from_micros, to_micros
from heedful.sense.rule import Rule
from heedful.sense.tail import Visits
from heedful.sense.tallies import wrapped
from heedful.sense.types import Reader, Scope, Value

SILENCE_LOOK_DAYS: Final = (7, 14, 21, 28, 42, 56, 84, 112, 168, 224, 336)
"""Days after the last purchase on which what a forecast says is looked at though nothing happened.
Each pause is at most half of the silence before it or a week; after these eleven the silence itself
has been heard."""


class _Buying(msgspec.Struct, array_like=True):
    purchases: int
    last: int
    spread: int  # from the first instant to the last
    amount: int  # micros


_SLOTS: Final = msgspec.msgpack.Decoder(_Buying)


class BuyingRule(Rule):
    """All purchases that ever happened; one without an amount is none."""

    def __init__(self, of: Reader) -> None:
        self._of = of

    def fold(self, body: bytes | None, event: Event, mask: int, scope: Scope) -> bytes | None:
        amount = to_micros(self._of(event, scope))
        if amount is None:
            return body
        one = _Buying(1, event.at, 0, amount)
        return canonical.encode(one if body is None else _joined(_SLOTS.decode(body), one))

    def merge(self, a: bytes, b: bytes) -> bytes:
        return canonical.encode(_joined(_SLOTS.decode(a), _SLOTS.decode(b)))

    def value(self, body: bytes | None, now: int, visits: Visits) -> Value:
        if body is None:
            return None
        slot = _SLOTS.decode(body)
        since_last = max(now - slot.last, 0)
        return {
            "purchases": slot.purchases,
            "since_first": (since_last + slot.spread) / SECOND_MS,
            "since_last": since_last / SECOND_MS,
            "spent": from_micros(slot.amount),
        }

    def due(self, body: bytes, now: int) -> int | None:
        """Name the next instant at which the silence is long enough to be looked at again."""
        last = _SLOTS.decode(body).last
        looks = (last + days * DAY_MS for days in SILENCE_LOOK_DAYS)
        return next((look for look in looks if look > now), None)

    def contributes(
        self, body: bytes | None, event: Event, mask: int, scope: Scope, now: int, visits: Visits
    ) -> Any:
        amount = to_micros(self._of(event, scope))
        return None if amount is None else from_micros(amount)


def _joined(a: _Buying, b: _Buying) -> _Buying:
    last = max(a.last, b.last)
    first = min(a.last - a.spread, b.last - b.spread)
    amount = wrapped(a.amount + b.amount)
    return _Buying(a.purchases + b.purchases, last, last - first, amount)
