"""The customer's newest events of any name, from which the length of a visit is read.

Law: the tail keeps the N greatest of the set by (instant, name id). Entries that are equal in
both are interchangeable.

It is packed, newest first: 8 bytes of instant and 4 of name id, then for every older entry 6 bytes
of distance and 4 of name id. Appending in order is then three slices, and decoding a customer does
not touch it.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from struct import Struct
from typing import Final

from heedful.sense.limits import TAIL_ENTRIES_MAX

_HEAD: Final = Struct(">qI")
_ENTRY_BYTES: Final = 10
_SIZE_MAX: Final = _HEAD.size + (TAIL_ENTRIES_MAX - 1) * _ENTRY_BYTES
# Six bytes hold the distance between any two instants of this range, the years -260 to 4199.
_INSTANT_MAX: Final = (1 << 46) - 1


def push_tail(tail: bytes, at: int, name_id: int) -> bytes:
    """Put one event in its place and keep the newest."""
    at = min(max(at, -_INSTANT_MAX), _INSTANT_MAX)
    if not tail:
        return _HEAD.pack(at, name_id)
    newest: int
    newest_id: int
    newest, newest_id = _HEAD.unpack_from(tail)
    if at > newest or (at == newest and name_id >= newest_id):
        distance: bytes = (at - newest).to_bytes(6, "big")
        return (_HEAD.pack(at, name_id) + distance + tail[8:])[:_SIZE_MAX]
    entries = read_tail(tail)
    entries.append((at, name_id))
    return _pack(entries)


def merge_tails(a: bytes, b: bytes) -> bytes:
    """Join two tails and keep the newest."""
    return _pack(read_tail(a) + read_tail(b)) if a and b else a or b


def read_tail(tail: bytes) -> list[tuple[int, int]]:
    """Write the entries out, newest first."""
    if not tail:
        return []
    at, name_id = _HEAD.unpack_from(tail)
    entries = [(at, name_id)]
    for i in range(_HEAD.size, len(tail), _ENTRY_BYTES):
        at -= int.from_bytes(tail[i : i + 6], "big")
        entries.append((at, int.from_bytes(tail[i + 6 : i + 10], "big")))
    return entries


def _pack(entries: list[tuple[int, int]]) -> bytes:
    entries = sorted(entries, reverse=True)[:TAIL_ENTRIES_MAX]
    parts = [_HEAD.pack(*entries[0])]
    for (later, _), (at, name_id) in pairwise(entries):
        parts.append((later - at).to_bytes(6, "big") + name_id.to_bytes(4, "big"))
    return b"".join(parts)


class Visits:
    """What a tail says about the length of visits; unpacked when first asked."""

    __slots__ = ("_entries", "_instants", "_tail")

    def __init__(self, tail: bytes) -> None:
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
