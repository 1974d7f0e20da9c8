"""Remembering: last, first, recency and distinct. Slots are mutable.

Law: last and first keep the greatest or least event by (instant, key), a total order. Distinct
keeps the N values with the greatest (last instant, value): since all that is kept of a value *is*
its rank, a value that was pushed out and comes back is the same in every order.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from heedful.events import Event
from heedful.kernel import SECOND_MS, canonical
from heedful.sense import ring
from heedful.sense.limits import DISTINCT_VALUES_MAX, VALUE_CHARACTERS_MAX
from heedful.sense.rule import Rule
from heedful.sense.tail import Visits
from heedful.sense.types import Reader, Scope, Value, text_of

_INTEGER_MAX: Final = (1 << 63) - 1


class _Moment(msgspec.Struct, array_like=True):
    at: int
    key: int
    value: str | int | float | bool | None


class _Values(msgspec.Struct, array_like=True):
    ats: list[int]
    values: list[str]


_MOMENTS: Final = msgspec.msgpack.Decoder(_Moment)
_VALUES: Final = msgspec.msgpack.Decoder(_Values)


def _scalar(value: Any) -> str | int | float | bool | None:
    if isinstance(value, str):
        return value[:VALUE_CHARACTERS_MAX]
    if isinstance(value, bool | float):
        return value
    return value if isinstance(value, int) and abs(value) <= _INTEGER_MAX else None


class MomentRule(Rule):
    """The last or the first event: its value, or with no `of` the seconds since it."""

    def __init__(self, of: Reader | None, window: int | None = None, is_first: bool = False):
        self._of = of
        self._window = window
        self._is_first = is_first

    def _wins(self, a: tuple[int, int], b: tuple[int, int]) -> bool:
        return a < b if self._is_first else a > b

    def _moment(self, event: Event, scope: Scope) -> _Moment | None:
        if self._of is None:
            return _Moment(event.at, 0, None)
        value = _scalar(self._of(event, scope))
        return None if value is None else _Moment(event.at, event.key, value)

    def fold(self, body: bytes | None, event: Event, mask: int, scope: Scope) -> bytes | None:
        if body is not None:
            held = _MOMENTS.decode(body)
            if not self._wins((event.at, event.key), (held.at, held.key)):
                return body
        moment = self._moment(event, scope)
        return body if moment is None else canonical.encode(moment)

    def merge(self, a: bytes, b: bytes) -> bytes:
        one, other = _MOMENTS.decode(a), _MOMENTS.decode(b)
        return a if self._wins((one.at, one.key), (other.at, other.key)) else b

    def value(self, body: bytes | None, now: int, visits: Visits) -> Value:
        if body is None:
            return None
        held = _MOMENTS.decode(body)
        if self._window is not None and held.at <= now - self._window:
            return None
        return held.value if self._of is not None else max(now - held.at, 0) / SECOND_MS

    def contributes(
        self, body: bytes | None, event: Event, mask: int, scope: Scope, now: int, visits: Visits
    ) -> Any:
        moment = self._moment(event, scope)
        if moment is None or body is None or self.value(body, now, visits) is None:
            return None
        held = _MOMENTS.decode(body)
        if (moment.at, moment.key) != (held.at, held.key):
            return None
        return held.value if self._of is not None else 1


class DistinctRule(Rule):
    """How many different values were seen."""

    def __init__(self, of: Reader, window: int | None) -> None:
        self._of = of
        self._window = window

    def fold(self, body: bytes | None, event: Event, mask: int, scope: Scope) -> bytes | None:
        value = text_of(self._of(event, scope))
        if value is None:
            return body
        slot = _Values([], []) if body is None else _VALUES.decode(body)
        at = event.at
        if value in slot.values:
            index = slot.values.index(value)
            if ring.instants(slot.ats)[index] >= at:
                return body
            ring.remove(slot.ats, slot.values, index)
        ring.push_item(slot.ats, slot.values, at, value)
        self._settle(slot)
        return canonical.encode(slot)

    def merge(self, a: bytes, b: bytes) -> bytes:
        one, other = _VALUES.decode(a), _VALUES.decode(b)
        newest: dict[str, int] = {}
        for at, value in ring.unite_items(one.ats, one.values, other.ats, other.values):
            newest.setdefault(value, at)
        slot = _Values(ring.deltas_of(list(newest.values())), list(newest))
        self._settle(slot)
        return canonical.encode(slot)

    def _settle(self, slot: _Values) -> None:
        if self._window is not None:
            ring.cut_before(slot.ats, slot.values, slot.ats[0] - self._window + 1)
        del slot.ats[DISTINCT_VALUES_MAX:]
        del slot.values[DISTINCT_VALUES_MAX:]

    def value(self, body: bytes | None, now: int, visits: Visits) -> Value:
        if body is None:
            return 0
        ats = ring.instants(_VALUES.decode(body).ats)
        if self._window is None:
            return len(ats)
        return sum(now - self._window < at <= now for at in ats)

    def contributes(
        self, body: bytes | None, event: Event, mask: int, scope: Scope, now: int, visits: Visits
    ) -> Any:
        value = text_of(self._of(event, scope))
        if value is None or event.at > now:
            return None
        if self._window is not None and event.at <= now - self._window:
            return None
        return value

    def is_exact(self, body: bytes | None) -> bool:
        return body is None or len(_VALUES.decode(body).ats) < DISTINCT_VALUES_MAX
