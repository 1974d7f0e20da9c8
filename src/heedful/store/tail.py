"""The addresses of the newest events, in memory until they are filed in bulk.

An index entry for each event at once would write a page for each event, since fragments are
hashes. So the entries of the last few thousand events are kept here, and filed together: sorted,
each page of the index is then written once for many of them. Nothing here is the only copy: the
log itself says what is not filed yet, and opening the store reads it back.

Notes
-----
The writer adds before it commits and takes back what it rolls back; a reader passes over what is
beyond the `last_seq` of its snapshot. When a part has been filed it is kept until the next is, so
that a reader whose snapshot is from just before still finds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Address = tuple[int, int, int]
"""`(at, key, seq)` of one event."""


class TailPart:
    """Addresses by fragment of the events after `floor`; changes, since the writer adds to it."""

    __slots__ = ("by_fragment", "count", "floor")

    def __init__(self, floor: int) -> None:
        self.floor = floor
        self.by_fragment: dict[int, list[Address]] = {}
        self.count = 0


class Tail:
    """The part that grows, and the one that was filed last."""

    __slots__ = ("_live", "parts")

    def __init__(self, floor: int) -> None:
        self._live = TailPart(floor)
        self.parts: tuple[TailPart, ...] = (self._live,)

    def __len__(self) -> int:
        return self._live.count

    @property
    def floor(self) -> int:
        """The `seq` up to which all events are filed."""
        return self._live.floor

    def add(self, rows: Sequence[tuple[int, int, int, int]]) -> None:
        """Note `(fragment, at, key, seq)` of new events."""
        by_fragment = self._live.by_fragment
        for fragment, at, key, seq in rows:
            held = by_fragment.get(fragment)
            if held is None:
                by_fragment[fragment] = [(at, key, seq)]
            else:
                held.append((at, key, seq))
        self._live.count += len(rows)

    def take_back(self, fragments: Iterable[int], last_seq: int) -> None:
        """Forget what a rolled-back transaction added after `last_seq`."""
        live = self._live
        for fragment in fragments:
            held = live.by_fragment.get(fragment, [])
            while held and held[-1][2] > last_seq:
                held.pop()
                live.count -= 1
            if not held:
                live.by_fragment.pop(fragment, None)

    def turn(self, floor: int) -> None:
        """Begin a new part: everything up to `floor` has been filed and committed."""
        filed, self._live = self._live, TailPart(floor)
        self.parts = (filed, self._live)


def addresses(parts: Sequence[TailPart], fragment: int, above: int, up_to: int) -> list[Address]:
    """Find a fragment's events with `above < seq <= up_to`, in the order of `seq`."""
    return [
        address
        for part in parts
        # A copy is taken whole, so a writer that adds meanwhile cannot disturb the loop.
        for address in tuple(part.by_fragment.get(fragment, ()))
        if above < address[2] <= up_to
    ]
