"""Numbers that must add up in any order: integers of a millionth.

Sums of floats depend on the order of their terms. Every amount that a fact keeps is therefore an
integer count of micro-units (1e-6 of the unit of the property or currency), rounded half to even.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any, Final

MICRO: Final = 1_000_000
MICROS_MAX: Final = 1 << 60
"""Largest magnitude kept, about 1.15e12 units; a number beyond it is read as absent."""


def to_micros(value: Any) -> int | None:
    """Read a number, or a text that is one, as micro-units; None when it is no finite number.

    Examples
    --------
    >>> to_micros(19.99), to_micros("19.99"), to_micros("n/a"), to_micros(True)
    (19990000, 19990000, None, None)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        micros = value * MICRO
    elif isinstance(value, float):
        if not math.isfinite(value) or abs(value) > MICROS_MAX:
            return None
        micros = round(value * MICRO)
    elif isinstance(value, str):
        try:
            amount = Decimal(value.strip())
            if not amount.is_finite() or abs(amount) > MICROS_MAX:
                return None
            micros = int((amount * MICRO).to_integral_value(ROUND_HALF_EVEN))
        except InvalidOperation:
            return None
    else:
        return None
    return micros if abs(micros) <= MICROS_MAX else None


def from_micros(micros: int) -> float:
    """Show micro-units as a number of units.

    Examples
    --------
    >>> from_micros(19_990_000)
    19.99
    """
    return micros / MICRO
