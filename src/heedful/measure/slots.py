"""Any value as one of a few hundred slots, the same for everybody and at all times.

Law: the slot of a value depends on the value alone, so counts by slot from any machine, day or
order of arrival add up. A text is kept as a hash of six bits: what was counted names nobody.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from heedful.kernel import hash_key

NONE: Final = 0
UNKNOWN: Final = 1
FALSE: Final = 2
TRUE: Final = 3
OTHER: Final = 4
_TEXT: Final = 16
TEXT_SLOTS: Final = 64
"""Slots of texts; of more distinct texts some share one."""
ZERO: Final = 2_000
"""Slot of the number 0; numbers around it stand in their order, four to each power of two."""
_QUARTERS: Final = 4
_EXPONENT_MIN: Final = -30
_EXPONENT_MAX: Final = 60
_KEY: Final = b"heedful.measure.slots"

GROUPS_MAX: Final = 10
"""Groups of about equal size that numbers are compared in: what the index was tabulated for."""
CATEGORIES_MAX: Final = 20
"""Categories that are compared one by one, the most frequent; the others together."""


def slot_of(value: Any) -> int:
    """Give the slot of a value as decisions record it.

    Examples
    --------
    >>> slot_of(0) < slot_of(0.9) < slot_of(1.3) < slot_of(1e9)
    True
    >>> slot_of(True) == slot_of(1), slot_of("DE") == slot_of("DE")
    (False, True)
    """
    kind = value.__class__
    if value is None:
        return NONE
    if kind is bool:
        return TRUE if value else FALSE
    if kind is int or kind is float:
        return _number(value)
    if kind is str:
        return _TEXT + hash_key(_KEY, value) % TEXT_SLOTS
    return UNKNOWN if value == {"unknown": True} else OTHER


def _number(value: float) -> int:
    if value != value:
        return UNKNOWN
    if value == 0:
        return ZERO
    if abs(value) >= 2.0**_EXPONENT_MAX:
        mantissa, exponent = 0.5, _EXPONENT_MAX + 1
    else:
        mantissa, exponent = math.frexp(abs(float(value)))
    place = 1
    if exponent > _EXPONENT_MIN:
        quarter = int((mantissa - 0.5) * 2 * _QUARTERS)
        place = _QUARTERS * (exponent - _EXPONENT_MIN) + quarter
    return ZERO + (place if value > 0 else -place)


def is_number(slot: int) -> bool:
    """Say whether a slot holds numbers, which have an order."""
    return slot > ZERO // 2


def groups_of(before: Mapping[int, int], now: Mapping[int, int]) -> list[tuple[int, ...]]:
    """Put slots into groups that can be compared: numbers by the quantiles of the reference.

    Parameters
    ----------
    before, now
        Counts by slot.
    """
    slots = sorted({*before, *now})
    total = sum(count for slot, count in before.items() if is_number(slot))
    groups: list[list[int]] = []
    filled, share = 0, max(total, 1) / GROUPS_MAX
    for slot in (slot for slot in slots if is_number(slot)):
        if not groups or (filled >= len(groups) * share and len(groups) < GROUPS_MAX):
            groups.append([])
        groups[-1].append(slot)
        filled += before.get(slot, 0)
    texts = sorted((s for s in slots if not is_number(s)), key=lambda s: (-before.get(s, 0), s))
    groups += [[slot] for slot in texts[: CATEGORIES_MAX - 1]]
    if rest := texts[CATEGORIES_MAX - 1 :]:
        groups.append(rest)
    return [tuple(group) for group in groups]
