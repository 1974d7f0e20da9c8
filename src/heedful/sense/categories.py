"""`by`: one slot per category, bounded without regard to order. Slots are mutable.

Law: keeping the categories seen last, or most, would depend on order (one that was pushed out and
comes back has lost its past). So the categories that stay are those with the least hash among all
ever seen, which is decided by the set alone, and the slots of the others are merged into one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final
from zlib import crc32

import msgspec

from heedful.events import Event
from heedful.kernel import canonical
from heedful.sense.limits import CATEGORIES_MAX, CATEGORY_OTHER
from heedful.sense.rule import Rule
from heedful.sense.tail import Visits
from heedful.sense.types import Reader, Scope, Value, text_of


class _Categories(msgspec.Struct, array_like=True):
    slots: dict[str, bytes]
    other: bytes | None


_CATEGORIES: Final = msgspec.msgpack.Decoder(_Categories)


@lru_cache(maxsize=8_192)
def _rank(category: str) -> tuple[int, str]:
    return crc32(category.encode("utf-8", "surrogatepass")), category


class CategoryRule(Rule):
    """Another rule, once per category."""

    def __init__(self, by: Reader, inner: Rule, *, hides_zero: bool) -> None:
        self._by = by
        self._inner = inner
        self._hides_zero = hides_zero

    def fold(self, body: bytes | None, event: Event, mask: int, scope: Scope) -> bytes | None:
        category = text_of(self._by(event, scope))
        if category is None:
            return body
        slot = _Categories({}, None) if body is None else _CATEGORIES.decode(body)
        if self._is_other(slot, category):
            slot.other = self._inner.fold(slot.other, event, mask, scope)
        else:
            held = self._inner.fold(slot.slots.get(category), event, mask, scope)
            if held is None:
                return body
            slot.slots[category] = held
            self._settle(slot)
        return canonical.encode(slot)

    def _is_other(self, slot: _Categories, category: str) -> bool:
        if category == CATEGORY_OTHER:
            return True
        if category in slot.slots or len(slot.slots) < CATEGORIES_MAX:
            return False
        return _rank(category) > max(map(_rank, slot.slots))

    def _settle(self, slot: _Categories) -> None:
        while len(slot.slots) > CATEGORIES_MAX:
            last = max(slot.slots, key=_rank)
            slot.other = self._join(slot.other, slot.slots.pop(last))

    def _join(self, a: bytes | None, b: bytes | None) -> bytes | None:
        if a is None or b is None:
            return b if a is None else a
        return self._inner.merge(a, b)

    def merge(self, a: bytes, b: bytes) -> bytes:
        slot, more = _CATEGORIES.decode(a), _CATEGORIES.decode(b)
        slot.other = self._join(slot.other, more.other)
        for category, body in more.slots.items():
            held = self._join(slot.slots.get(category), body)
            if held is not None:
                slot.slots[category] = held
        self._settle(slot)
        return canonical.encode(slot)

    def value(self, body: bytes | None, now: int, visits: Visits) -> Value:
        if body is None:
            return {}
        slot = _CATEGORIES.decode(body)
        value, shown = self._inner.value, {}
        slots = self._inner.live(slot.slots, now) if self._hides_zero else slot.slots.items()
        for category, held in slots:
            found = value(held, now, visits)
            # A category whose events have all left the window is absent, as one that never was.
            if found is not None and not (self._hides_zero and found == 0):
                shown[category] = found
        values: dict[str, Any] = {category: shown[category] for category in sorted(shown)}
        if slot.other is not None:
            rest = value(slot.other, now, visits)
            if rest is not None and not (self._hides_zero and rest == 0):
                values[CATEGORY_OTHER] = rest
        return values

    def contributes(
        self, body: bytes | None, event: Event, mask: int, scope: Scope, now: int, visits: Visits
    ) -> Any:
        category = text_of(self._by(event, scope))
        if category is None or body is None:
            return None
        slot = _CATEGORIES.decode(body)
        if category not in slot.slots:
            category = CATEGORY_OTHER
        held = slot.other if category == CATEGORY_OTHER else slot.slots[category]
        part = self._inner.contributes(held, event, mask, scope, now, visits)
        return None if part is None else {category: part}

    def is_exact(self, body: bytes | None) -> bool:
        if body is None:
            return True
        slot = _CATEGORIES.decode(body)
        return slot.other is None and all(map(self._inner.is_exact, slot.slots.values()))
