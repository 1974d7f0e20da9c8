"""Counts in bins of time that add up in any order, split or grouping.

Law: cells are sums of integers, and a bin is dropped only by its distance to the newest one, so
merging commutes and associates to the byte, whatever was dropped before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from heedful.kernel import InputError, canonical, expected

T = TypeVar("T")

BINS_MAX: Final = 64
"""Bins that are kept; what is older than the newest by more is dropped."""


def bin_for(bins: dict[int, T], index: int, make: Callable[[], T]) -> T | None:
    """Find or make the bin of an index, dropping what it makes too old; None for what is so."""
    found = bins.get(index)
    if found is not None:
        return found
    newest = max(bins, default=index)
    if index <= newest - BINS_MAX:
        return None
    made = bins[index] = make()
    if index > newest:
        for old in [one for one in bins if one <= index - BINS_MAX]:
            del bins[old]
    return made


def joined_bins(left: dict[int, T], right: dict[int, T], join: Callable[[T, T], T]) -> dict[int, T]:
    """Join the bins of two counts."""
    newest = max((*left, *right), default=0)
    joined = {}
    for index in sorted({*left, *right}):
        if index <= newest - BINS_MAX:
            continue
        one, other = left.get(index), right.get(index)
        if one is None or other is None:
            held = one if other is None else other
            assert held is not None
            joined[index] = held
        else:
            joined[index] = join(one, other)
    return joined


def require_width(left: int, right: int) -> None:
    """Refuse to add counts of bins of two widths; raises `bad_width`."""
    if left != right:
        what = expected("bins of one width", f"{left} and {right} ms", "$.width_ms")
        raise InputError("bad_width", what)


def encode_bins(width_ms: int, bins: dict[int, T], write: Callable[[T], Any]) -> bytes:
    """Write bins as canonical bytes: equal counts give equal bytes."""
    return canonical.encode((width_ms, [(index, write(bins[index])) for index in sorted(bins)]))
