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

STEP_BITS: Final = 12  # 4,096 steps to a half-life, cut to the lower one: error below 0.02 %
STEP_MASK: Final = (1 << STEP_BITS) - 1
_GUARD_BITS: Final = 128


def _table() -> tuple[int, ...]:
    # The root 2^(1 / 4096) is twelve integer square roots of 2 in fixed point; 4,096 products of
    # it are wrong by less than 2^-100, far below the 17 bits that are kept.
    root = 2 << _GUARD_BITS
    for _ in range(STEP_BITS):
        root = isqrt(root << _GUARD_BITS)
    table, power = [], 1 << _GUARD_BITS
    for _ in range(STEP_MASK + 1):
        table.append((power >> (_GUARD_BITS - WEIGHT_BITS - 1)) + 1 >> 1)
        power = power * root >> _GUARD_BITS
    return tuple(table)


POWERS: Final = _table()
"""round(2^16 * 2^(i / 4096))"""


def weight(offset: int, half_life: int) -> int:
    """Weigh an event that lies `offset` into its bin: 2^16 * 2^(offset / half_life)."""
    steps = (offset << STEP_BITS) // half_life
    return POWERS[steps & STEP_MASK] << (steps >> STEP_BITS)


def decayed(total: int, age: int, half_life: int) -> float:
    """Show a bin's sum of weights `age` after the bin's start: total / 2^16 * 2^(-age / h)."""
    steps = -((max(age, 0) << STEP_BITS) // half_life)
    shift = -(steps >> STEP_BITS)
    if shift > 128:
        return 0.0
    # Kept to 2^-20; both the shift and the division by a power of two are exact.
    return (total * POWERS[steps & STEP_MASK] >> (shift + 2 * WEIGHT_BITS - 20)) / 1_048_576
