"""The customer's newest events of any name, from which the length of a visit is read.

Law: the tail keeps the N greatest of the set by (instant, name id). Entries that are equal in
both are interchangeable.

It is packed, newest first: 8 bytes of instant and 3 of name id, then for every older entry 6 bytes
of distance from the entry before and 3 of name id. Appending in order is then three slices, and
decoding a customer does not touch it.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from heedful.sense.limits import TAIL_ENTRIES_MAX

if TYPE_CHECKING:
    from heedful.sense.foresight import Foresight

_HEAD_BYTES: Final = 11
_DISTANCE_BYTES: Final = 6
_ENTRY_BYTES: Final = 9
_SIZE_MAX: Final = _HEAD_BYTES + (TAIL_ENTRIES_MAX - 1) * _ENTRY_BYTES
# Six bytes hold the distance between any two instants of this range, the years -260 to 4199.
_INSTANT_MAX: Final = (1 << 46) - 1
_ID_MASK: Final = (1 << 24) - 1


def tail_id(feature_id: int) -> int:
    """Shorten the id of an event name to what the tail keeps of it."""
    return feature_id & _ID_MASK


def _distance(span: int) -> bytes:
    return span.to_bytes(_DISTANCE_BYTES, "big")


def _entry(tail: bytes, place: int) -> tuple[int, int]:
    middle = place + _DISTANCE_BYTES
    return int.from_bytes(tail[place:middle], "big"), int.from_bytes(
        tail[middle : middle + 3], "big"
    )


def push_tail(tail: bytes, at: int, name_id: int) -> bytes:
    """Put one event in its place and keep the newest."""
    at = min(max(at, -_INSTANT_MAX), _INSTANT_MAX)
    # The head as one number orders as (instant, name id) does.
    head = at << 24 | name_id
    if not tail:
        return head.to_bytes(_HEAD_BYTES, "big", signed=True)
    held = int.from_bytes(tail[:_HEAD_BYTES], "big", signed=True)
    newest = held >> 24
    if head >= held:
        start = head.to_bytes(_HEAD_BYTES, "big", signed=True)
        return (start + _distance(at - newest) + tail[8:])[:_SIZE_MAX]
    here, place, earlier = newest, _HEAD_BYTES, at
    while place < len(tail):
        distance, earlier_id = _entry(tail, place)
        earlier = here - distance
        if at > earlier or (at == earlier and name_id >= earlier_id):
            break
        here, place = earlier, place + _ENTRY_BYTES
    entry = _distance(here - at) + name_id.to_bytes(3, "big")
    if place < len(tail):
        entry += _distance(at - earlier) + tail[place + _DISTANCE_BYTES :]
    return (tail[:place] + entry)[:_SIZE_MAX]


def merge_tails(a: bytes, b: bytes) -> bytes:
    """Join two tails and keep the newest."""
    return _packed(sorted(read_tail(a) + read_tail(b), reverse=True)) if a and b else a or b


def read_tail(tail: bytes) -> list[tuple[int, int]]:
    """Write the entries out, newest first."""
    if not tail:
        return []
    held = int.from_bytes(tail[:_HEAD_BYTES], "big", signed=True)
    at, name_id = held >> 24, held & _ID_MASK
    entries = [(at, name_id)]
    for place in range(_HEAD_BYTES, len(tail), _ENTRY_BYTES):
        distance, name_id = _entry(tail, place)
        at -= distance
        entries.append((at, name_id))
    return entries


def _packed(entries: list[tuple[int, int]]) -> bytes:
    kept = entries[:TAIL_ENTRIES_MAX]
    at, name_id = kept[0]
    parts = [(at << 24 | name_id).to_bytes(_HEAD_BYTES, "big", signed=True)]
    for (later, _), (at, name_id) in pairwise(kept):
        parts.append(_distance(later - at) + name_id.to_bytes(3, "big"))
    return b"".join(parts)


class Visits:
    """What a tail says about visits; unpacked when first asked."""

    __slots__ = ("_entries", "_instants", "_tail", "foresight")

    def __init__(self, tail: bytes, foresight: Foresight | None = None) -> None:
        self.foresight = foresight
        """The model that says what comes next, where there is one."""
        self._tail = tail
        self._entries: list[tuple[int, int]] | None = None
        self._instants: list[int] = []

    def entries(self) -> list[tuple[int, int]]:
        if self._entries is None:
            self._entries = read_tail(self._tail)
            self._instants = [at for at, _ in reversed(self._entries)]
        return self._entries

    def dwell_ms(self, at: int, now: int, cap_ms: int) -> int | None:
        """Measure from `at` to the person's next later event, or to `now` while there is none.

        None where the tail no longer reaches back to `at`.
        """
        entries = self.entries()
        if len(entries) == TAIL_ENTRIES_MAX and at < self._instants[0]:
            return None
        index = bisect_right(self._instants, at)
        until = min(self._instants[index], now) if index < len(self._instants) else now
        return min(max(until - at, 0), cap_ms)
