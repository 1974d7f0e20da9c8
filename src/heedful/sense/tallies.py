"""Counting: count, sum, rate and gap, over a window, since a reset, or ever. Slots are mutable.

Law: a slot is a function of the set of its events. Let `newest` be its newest instant and `g` the
width of a bin. An event is *live* when its bin is not before the bin of `newest - window + 1`, nor
before the bin of the last reset. The ring holds the N greatest live events by (instant, amount),
the bins the rest of the live ones. Liveness is decided by whole bins on purpose: were it decided
by the instant, an event that was dropped from the ring would be missing from a bin that another
order had filled with it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from operator import neg
from typing import Any, Final, Literal

import msgspec

from heedful.events import Event
from heedful.kernel import SECOND_MS, canonical, from_micros, to_micros
from heedful.sense import ring
from heedful.sense.limits import RESET_BIN_MS, RING_ENTRIES_MAX, WINDOW_BINS
from heedful.sense.rule import ON, Rule
from heedful.sense.tail import Visits
from heedful.sense.types import Reader, Scope, Value

RESET: Final = 2

Shown = Literal["count", "sum", "rate", "gap"]

_EMPTY: Final[dict[Shown, Value]] = {"count": 0, "sum": 0.0, "rate": 0.0, "gap": None}
# MessagePack: lists of one to fifteen entries, and the mark of a number of eight bytes.
_ONE, _FIFTEEN = 0x91, 0x9F
_WIDE: Final = 1 << 32
_WIDE_MARK: Final = b"\xcf"
_HALF: Final = 1 << 63
_WHOLE: Final = 1 << 64


def wrapped(total: int) -> int:
    """Keep a sum within 64 bits by wrapping, which commutes where clipping does not."""
    return total if -_HALF <= total < _HALF else (total + _HALF) % _WHOLE - _HALF


class _Tally(msgspec.Struct, array_like=True):
    ats: list[int]
    amounts: list[int]  # micros beside `ats`; empty where only events are counted
    bins: list[int]
    counts: list[int]
    sums: list[int]
    reset: int | None


class _Total(msgspec.Struct, array_like=True):
    count: int
    amount: int  # micros


class _Span(msgspec.Struct, array_like=True):
    count: int
    last: int
    spread: int  # from the first instant to the last


_TALLIES: Final = msgspec.msgpack.Decoder(_Tally)
_TOTALS: Final = msgspec.msgpack.Decoder(_Total)
_SPANS: Final = msgspec.msgpack.Decoder(_Span)


class TallyRule(Rule):
    """Count, sum, rate or gap over a window or since a reset."""

    def __init__(
        self, shown: Shown, window: int | None, of: Reader | None = None, per: int = 0
    ) -> None:
        self._shown = shown
        self._window = window
        self._of = of
        self._per = per
        self._bin = RESET_BIN_MS if window is None else max(window // WINDOW_BINS, 1)

    def fold(self, body: bytes | None, event: Event, mask: int, scope: Scope) -> bytes | None:
        amount: int | None = 0
        if mask & ON and self._of is not None:
            amount = to_micros(self._of(event, scope))
            if amount is None:
                mask &= ~ON
        if not mask:
            return body
        slot = _TALLIES.decode(body) if body else _Tally([], [], [], [], [], None)
        if mask & RESET and (slot.reset is None or event.at > slot.reset):
            slot.reset = event.at
        if mask & ON:
            if self._of is None:
                ring.push(slot.ats, event.at)
            else:
                ring.push_item(slot.ats, slot.amounts, event.at, amount)
        self._settle(slot)
        return canonical.encode(slot)

    def merge(self, a: bytes, b: bytes) -> bytes:
        slot, other = _TALLIES.decode(a), _TALLIES.decode(b)
        if other.reset is not None and (slot.reset is None or other.reset > slot.reset):
            slot.reset = other.reset
        if self._of is None:
            slot.ats = ring.deltas_of(ring.unite(slot.ats, other.ats))
        else:
            entries = ring.unite_items(slot.ats, slot.amounts, other.ats, other.amounts)
            slot.ats = ring.deltas_of([at for at, _ in entries])
            slot.amounts = [amount for _, amount in entries]
        sums = other.sums or [0] * len(other.bins)
        for index, count, amount in zip(other.bins, other.counts, sums, strict=True):
            self._put(slot, index, count, amount)
        self._settle(slot)
        return canonical.encode(slot)

    def _settle(self, slot: _Tally) -> None:
        """Drop what is no longer live, then move what exceeds the ring into bins."""
        ats = slot.ats
        amounts = slot.amounts if self._of is not None else None
        floor = None
        if self._window is not None and ats:
            floor = (ats[0] - self._window + 1) // self._bin
        if slot.reset is not None and (floor is None or slot.reset // self._bin > floor):
            floor = slot.reset // self._bin
        if floor is not None:
            ring.cut_before(ats, amounts, floor * self._bin)
            if slot.bins and slot.bins[0] < floor:
                dead = bisect_left(slot.bins, floor)
                del slot.bins[:dead]
                del slot.counts[:dead]
                del slot.sums[:dead]
        if len(ats) > RING_ENTRIES_MAX:
            last = ring.oldest(ats)
            while len(ats) > RING_ENTRIES_MAX:
                self._put(slot, last // self._bin, 1, 0 if amounts is None else amounts.pop())
                last += ats.pop()

    def _put(self, slot: _Tally, index: int, count: int, amount: int) -> None:
        # What leaves a ring in order falls into the newest bin.
        place = len(slot.bins) - 1
        if place < 0 or slot.bins[place] != index:
            place = bisect_left(slot.bins, index)
        if place == len(slot.bins) or slot.bins[place] != index:
            slot.bins.insert(place, index)
            slot.counts.insert(place, 0)
            if self._of is not None:
                slot.sums.insert(place, 0)
        slot.counts[place] += count
        if self._of is not None:
            slot.sums[place] = wrapped(slot.sums[place] + amount)

    def _after(self, slot: _Tally, now: int) -> int | None:
        """The instant after which events count."""
        after = None if self._window is None else now - self._window
        if slot.reset is not None and (after is None or slot.reset > after):
            after = slot.reset
        return after

    def value(self, body: bytes | None, now: int, visits: Visits) -> Value:
        if body is None:
            return _EMPTY[self._shown]
        slot = _TALLIES.decode(body)
        after = self._after(slot, now)
        if after is not None and not slot.bins and (not slot.ats or slot.ats[0] <= after):
            return _EMPTY[self._shown]  # most of what is read: its newest event has left
        if (
            self._shown == "count"
            and not slot.bins
            and slot.ats
            and slot.ats[0] <= now
            and (after is None or ring.oldest(slot.ats) > after)
        ):
            return len(slot.ats)  # all of it is inside the window
        ats = ring.instants(slot.ats)
        # Newest first: what is inside the window lies between `start` and `end`.
        start = 0 if not ats or ats[0] <= now else bisect_left(ats, -now, key=neg)
        end = len(ats)
        if ats and after is not None and ats[-1] <= after:
            end = bisect_left(ats, -after, key=neg)
        if self._shown == "gap":
            if end - start < 2:
                return None
            return (ats[start] - ats[end - 1]) / (end - start - 1) / SECOND_MS
        # Beyond the ring the edge is known to one bin; the bin that it cuts counts whole.
        older = [
            place
            for place, index in enumerate(slot.bins)
            if index * self._bin <= now and (after is None or (index + 1) * self._bin - 1 > after)
        ]
        if self._shown == "sum":
            total = sum(slot.amounts[start:end]) + sum(slot.sums[i] for i in older)
            return from_micros(wrapped(total))
        count = max(end - start, 0) + sum(slot.counts[i] for i in older)
        if self._shown == "rate" and self._window is not None:
            return count * self._per / self._window
        return count

    def live(self, slots: Mapping[str, bytes], now: int) -> Iterable[tuple[str, bytes]]:
        # A category that was seen once is kept for good, so most have left the window long ago.
        # Those are told by their bytes: a short list of instants, its newest one first, and the
        # bytes of instants of one width order as the instants do.
        after = 0 if self._window is None else now - self._window
        if after < _WIDE:
            return slots.items()
        edge = _WIDE_MARK + after.to_bytes(8, "big")
        return [
            (category, body)
            for category, body in slots.items()
            if not (_ONE <= body[1] <= _FIFTEEN and body[2:11] <= edge)
        ]

    def contributes(
        self, body: bytes | None, event: Event, mask: int, scope: Scope, now: int, visits: Visits
    ) -> Any:
        after = None if body is None else self._after(_TALLIES.decode(body), now)
        if not mask & ON or event.at > now or (after is not None and event.at <= after):
            return None
        if self._of is None:
            return 1
        amount = to_micros(self._of(event, scope))
        return None if amount is None else from_micros(amount)

    def is_exact(self, body: bytes | None) -> bool:
        return body is None or not _TALLIES.decode(body).bins


class TotalRule(Rule):
    """Count or sum of everything that ever happened."""

    def __init__(self, of: Reader | None = None) -> None:
        self._of = of

    def fold(self, body: bytes | None, event: Event, mask: int, scope: Scope) -> bytes | None:
        amount = 0 if self._of is None else to_micros(self._of(event, scope))
        if amount is None:
            return body
        if body is None:
            return canonical.encode(_Total(1, amount))
        slot = _TOTALS.decode(body)
        return canonical.encode(_Total(slot.count + 1, wrapped(slot.amount + amount)))

    def merge(self, a: bytes, b: bytes) -> bytes:
        one, other = _TOTALS.decode(a), _TOTALS.decode(b)
        return canonical.encode(_Total(one.count + other.count, wrapped(one.amount + other.amount)))

    def value(self, body: bytes | None, now: int, visits: Visits) -> Value:
        slot = _Total(0, 0) if body is None else _TOTALS.decode(body)
        return slot.count if self._of is None else from_micros(slot.amount)

    def contributes(
        self, body: bytes | None, event: Event, mask: int, scope: Scope, now: int, visits: Visits
    ) -> Any:
        if self._of is None:
            return 1
        amount = to_micros(self._of(event, scope))
        return None if amount is None else from_micros(amount)


class MeanGapRule(Rule):
    """Mean pause between all events that ever happened: (last - first) / (count - 1)."""

    def fold(self, body: bytes | None, event: Event, mask: int, scope: Scope) -> bytes | None:
        one = _Span(1, event.at, 0)
        return canonical.encode(one if body is None else _joined(_SPANS.decode(body), one))

    def merge(self, a: bytes, b: bytes) -> bytes:
        return canonical.encode(_joined(_SPANS.decode(a), _SPANS.decode(b)))

    def value(self, body: bytes | None, now: int, visits: Visits) -> Value:
        slot = None if body is None else _SPANS.decode(body)
        if slot is None or slot.count < 2:
            return None
        return slot.spread / (slot.count - 1) / SECOND_MS

    def contributes(
        self, body: bytes | None, event: Event, mask: int, scope: Scope, now: int, visits: Visits
    ) -> Any:
        return 1


def _joined(a: _Span, b: _Span) -> _Span:
    last = max(a.last, b.last)
    first = min(a.last - a.spread, b.last - b.spread)
    return _Span(a.count + b.count, last, last - first)
