"""Powers of two in integers, so that a decayed count is the same on every processor.

Law: `2.0 ** x` may differ in its last bit between platforms and sums of floats depend on their
order. A weight is therefore an integer of 1 / 65,536 read from a table that is itself computed
with integers, and only integers are added.

An event at `at` falls into bin `at // w`, where `w` is 8 half-lives, with the weight
`2^16 * 2^((at - b*w) / h)`. Bins are relative to nothing but the epoch, so adding commutes; the
two newest bins are kept, so an event is forgotten 8 to 16 half-lives later, at a weight below
1 / 256.
"""

from __future__ import annotations

from math import isqrt
from typing import Final

HALF_LIVES_PER_BIN: Final = 8
WEIGHT_BITS: Final = 16

_STEP_BITS: Final = 8  # 256 table steps to a half-life, straight lines between: error below 1e-6
_STEPS: Final = 1 << _STEP_BITS
_MANTISSA_BITS: Final = 32
_GUARD_BITS: Final = 128


def _table() -> tuple[int, ...]:
    # roots[k] = 2^(1 / 2^(k + 1)) in fixed point, each the integer square root of the one before.
    roots, value = [], 2 << _GUARD_BITS
    for _ in range(_STEP_BITS):
        value = isqrt(value << _GUARD_BITS)
        roots.append(value)
    table = []
    for step in range(_STEPS + 1):
        power = 2 << _GUARD_BITS if step == _STEPS else 1 << _GUARD_BITS
        for place, root in enumerate(roots):
            if step < _STEPS and step >> (_STEP_BITS - 1 - place) & 1:
                power = power * root >> _GUARD_BITS
        table.append(power >> (_GUARD_BITS - _MANTISSA_BITS))
    return (*table, table[-1])


_TABLE: Final = _table()


def _power(fraction: int) -> int:
    """2^(fraction / 65536) as an integer of 2^-32, for a fraction of 0 to 65536."""
    step, rest = fraction >> 8, fraction & 255
    low = _TABLE[step]
    return low + ((_TABLE[step + 1] - low) * rest >> 8)


def weight(offset: int, half_life: int) -> int:
    """Weigh an event that lies `offset` into its bin: round(2^16 * 2^(offset / half_life))."""
    whole, fraction = divmod((offset << 16) // half_life, 65_536)
    return ((_power(fraction) << whole) + 32_768) >> 16


def decayed(total: int, age: int, half_life: int) -> float:
    """Show a bin's sum of weights `age` after the bin's start: total / 2^16 * 2^(-age / h)."""
    whole, fraction = divmod((max(age, 0) << 16) // half_life, 65_536)
    if fraction:
        whole, fraction = whole + 1, 65_536 - fraction
    if whole > 128:
        return 0.0
    # Kept to 2^-20; both the shift and the division by a power of two are exact.
    return (total * _power(fraction) >> (whole + 28)) / 1_048_576
