"""The intent of the moment: what a person is after in these minutes, and how far they are.

Law: a slot is a function of the *set* of events. It holds the N greatest by (instant, role,
category, item) of those that are neither older than the last purchase nor too old to matter at the
newest; a split loses none of them, since what stands above one of them in a part stands above it in
the whole.

Nothing here is learned: the moment is there at the first event, before any model has seen the shop.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from heedful.events import Event
from heedful.kernel import MINUTE_MS, canonical
from heedful.sense import ring
from heedful.sense.limits import MOMENT_CHARACTERS_MAX, MOMENT_ENTRIES_MAX
from heedful.sense.rule import Rule
from heedful.sense.tail import Visits
from heedful.sense.types import Reader, Scope, Value, text_of

ROLES: Final = ("searched", "looked", "added", "buying", "left", "bought")
"""What an event can be to a moment; the greater counts where it is several."""
SEARCHED, LOOKED, ADDED, BUYING, LEFT, BOUGHT = range(len(ROLES))

STRENGTH_HIGH: Final = 0.6
"""Strength from which an intent is high: a search and three looks in one category, and nothing
else, reach it."""

LEAVE_MS: Final = 5 * MINUTE_MS
"""Who did nothing for so long is leaving."""

PAUSE_MS: Final = MINUTE_MS
"""Who did nothing for so long hesitates."""

# How much each role says about what is wanted, and the evidence at which half of the doubt is gone:
# set so that a search and three looks are a high intent and three looks alone are none.
_WEIGHTS: Final = (2, 1, 3, 0, 0, 0)
_HALF: Final = 3
_SIGNS: Final = 3


class Moment(NamedTuple):
    """What a person is after."""

    category: str | None
    """The one that most speaks for; None where no event named one."""
    stage: str
    """`browsing`, `comparing`, `buying` or `leaving`."""
    strength: float
    """0 to 1: how much was done for the category, and how little for others."""
    hesitation: float
    """0 to 1: the share of three signs; went back to an item, took something back or made to leave,
    has done nothing for a minute."""
    items: tuple[str, ...]
    """Looked at or added, the newest last."""


class _Entry(NamedTuple):
    at: int
    role: int
    category: str
    item: str


class _Slot(msgspec.Struct, array_like=True):
    """Entries by column, the newest first; a category is None where the newer one has the same."""

    ats: list[int]
    roles: bytes
    categories: list[str | None]
    items: list[str]


_SLOTS: Final = msgspec.msgpack.Decoder(_Slot)


class IntentRule(Rule):
    """The last few things that a person did about items, in one visit.

    Parameters
    ----------
    item, category
        Readers of an event.
    lasts_ms
        How long a moment lasts after its last event, and how far it looks back.
    """

    def __init__(self, item: Reader, category: Reader, lasts_ms: int) -> None:
        self._item = item
        self._category = category
        self.lasts_ms = lasts_ms
        # Several signals are read of one slot at one instant.
        self._known: tuple[bytes, int, Moment | None] = (b"", 0, None)

    def item_of(self, event: Event, scope: Scope) -> str | None:
        """Read the item that an event is about."""
        return text_of(self._item(event, scope))

    def fold(self, body: bytes | None, event: Event, mask: int, scope: Scope) -> bytes | None:
        category = (text_of(self._category(event, scope)) or "")[:MOMENT_CHARACTERS_MAX]
        item = (text_of(self._item(event, scope)) or "")[:MOMENT_CHARACTERS_MAX]
        entry = _Entry(event.at, mask.bit_length() - 1, category, item)
        if body is None:
            return _written([entry])
        slot = _SLOTS.decode(body)
        if entry.at > slot.ats[0] and entry.role != BOUGHT:
            return self._appended(slot, entry)
        return self._settled([*_entries(slot), entry])

    def _appended(self, slot: _Slot, entry: _Entry) -> bytes:
        """Put an entry that is the newest before the others, as `_settled` would."""
        at, role, category, item = entry
        held = slot.categories[0] or ""
        slot.categories[0] = None if held == category else held
        slot.categories.insert(0, category or None)
        slot.items.insert(0, item)
        slot.ats[0] = at - slot.ats[0]
        many, age = 1, 0
        for distance in slot.ats:
            age += distance
            if age >= self.lasts_ms or many == MOMENT_ENTRIES_MAX:
                break
            many += 1
        slot.ats.insert(0, at)
        slot.roles = (bytes((role,)) + slot.roles)[:many]
        del slot.ats[many:], slot.categories[many:], slot.items[many:]
        return canonical.encode(slot)

    def merge(self, a: bytes, b: bytes) -> bytes:
        return self._settled(_entries(_SLOTS.decode(a)) + _entries(_SLOTS.decode(b)))

    def _settled(self, entries: list[_Entry]) -> bytes:
        entries.sort(reverse=True)
        floor = entries[0].at - self.lasts_ms
        kept = []
        for entry in entries[:MOMENT_ENTRIES_MAX]:
            if entry.at <= floor:
                break
            kept.append(entry)
            if entry.role == BOUGHT:
                break
        return _written(kept)

    def value(self, body: bytes | None, now: int, visits: Visits) -> Value:
        """Not read as it is: signals show parts of the moment."""
        return None

    def moment(self, body: bytes | None, now: int) -> Moment | None:
        """Say what the person is after; None where no moment lasts."""
        if body is None:
            return None
        known = self._known
        if known[0] is not body or known[1] != now:
            known = self._known = body, now, self._moment(body, now)
        return known[2]

    def _moment(self, body: bytes, now: int) -> Moment | None:
        entries = []
        for entry in _entries(_SLOTS.decode(body)):
            if entry.role == BOUGHT or entry.at <= now - self.lasts_ms:
                break
            if entry.at <= now:
                entries.append(entry)
        return _moment_of(entries, now) if entries else None

    def contributes(
        self, body: bytes | None, event: Event, mask: int, scope: Scope, now: int, visits: Visits
    ) -> Any:
        is_recent = now - self.lasts_ms < event.at <= now
        return ROLES[mask.bit_length() - 1] if is_recent else None

    def is_exact(self, body: bytes | None) -> bool:
        return body is None or len(_SLOTS.decode(body).ats) < MOMENT_ENTRIES_MAX


def _entries(slot: _Slot) -> list[_Entry]:
    entries, newer = [], ""
    for at, role, category, item in zip(
        ring.instants(slot.ats), slot.roles, slot.categories, slot.items, strict=True
    ):
        newer = newer if category is None else category
        entries.append(_Entry(at, role, newer, item))
    return entries


def _written(entries: list[_Entry]) -> bytes:
    categories: list[str | None] = []
    newer = ""
    for entry in entries:
        categories.append(None if entry.category == newer else entry.category)
        newer = entry.category
    return canonical.encode(
        _Slot(
            ring.deltas_of([entry.at for entry in entries]),
            bytes(entry.role for entry in entries),
            categories,
            [entry.item for entry in entries],
        )
    )


def _moment_of(entries: list[_Entry], now: int) -> Moment:
    """Read entries, the newest first, of which there is one at least."""
    scores: dict[str, int] = {}
    following = ""
    for entry in entries:
        # A search without a category counts for what was looked at after it.
        following = entry.category or following
        weight = _WEIGHTS[entry.role]
        if following and weight:
            scores[following] = scores.get(following, 0) + weight
    # Of two that are equal the newer one, which was counted first.
    category = max(scores, key=scores.__getitem__, default=None)
    strength = 0.0
    if category is not None:
        lead = scores[category]
        strength = round(lead / (lead + _HALF) * lead / sum(scores.values()), 3)
    items = tuple(entry.item for entry in reversed(entries) if entry.item and entry.role < LEFT)
    rests = now - entries[0].at
    is_back = any(
        items[n] in items[: n - 1] and items[n] != items[n - 1] for n in range(2, len(items))
    )
    took_back = any(entry.role == LEFT for entry in entries)
    signs = is_back + took_back + (rests >= PAUSE_MS)
    stage = "browsing"
    if entries[0].role == LEFT or rests >= LEAVE_MS:
        stage = "leaving"
    elif any(entry.role in (ADDED, BUYING) for entry in entries):
        stage = "buying"
    elif len(set(items)) > 1:
        stage = "comparing"
    return Moment(category, stage, strength, round(signs / _SIGNS, 3), items)
