"""What is known of the person at the decision, as numbers: a dense part and a sparse one.

The dense part is the few features that a model relates to every action with full covariance; all
others are crossed by hash. Feature ids are given by whoever makes the rows, and mean the same in
every row of a workspace.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from heedful.kernel import InputError, expected
from heedful.learn.quadrature import Floats

Hashes: TypeAlias = npt.NDArray[np.uint64]
Ids: TypeAlias = npt.NDArray[np.int64]

DENSE_MAX: Final = 64
"""Features of a basis; more are refused. The work of a decision grows with their square."""

SPARSE_MAX: Final = 128
"""Sparse features of one context; of more, those with the lowest ids are read."""

VALUE_MAX: Final = 8.0
"""Magnitude at which a feature's value is cut, so that one odd value cannot carry a decision."""

CONSTANTS_MAX: Final = 4
"""Weights that an arm has whatever the context: on, said, when, arm."""

FIELD_SHIFT: Final = 32
"""Bits of a feature's id below those that name its field: what they say is the value in it."""

_QUANTUM: Final = 1_024  # steps of a packed value between 0 and 1
_ONES: Final = (1.0,) * (CONSTANTS_MAX + 1)
_NOTHING_RARE: Final[tuple[Hashes, Floats]] = (np.zeros(0, dtype=np.uint64), np.zeros(0))
_MIX: Final = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9))


class Context(NamedTuple):
    """One person at one moment."""

    led: Floats
    """`CONSTANTS_MAX` ones and the dense features: what crosses that are always there are worth."""
    dense: Floats
    """Shape (1 + features of the basis,), the end of `led`; the first is 1."""
    sparse_ids: Hashes
    """Shape (n,), the ids mixed to 64 bits."""
    sparse_values: Floats


class Basis(msgspec.Struct, frozen=True):
    """Which features are dense, and how they are scaled: `(value - center) / scale`."""

    ids: tuple[int, ...] = ()
    """Ascending."""
    centers: tuple[float, ...] = ()
    scales: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a basis that is none.

        Raises
        ------
        ValueError
            When ids do not ascend, are too many, or do not match centers and scales.
        """
        if len(self.ids) > DENSE_MAX:
            got = f"{len(self.ids)}"
            raise ValueError(expected(f"at most {DENSE_MAX} dense features", got, "$.basis.ids"))
        if list(self.ids) != sorted(set(self.ids)):
            raise ValueError(expected("ids that ascend", "others", "$.basis.ids"))
        if not len(self.ids) == len(self.centers) == len(self.scales):
            raise ValueError(expected("a center and a scale for each id", "others", "$.basis"))
        if not all(0.0 < scale < float("inf") for scale in self.scales):
            raise ValueError(expected("scales above 0", "others", "$.basis.scales"))

    @property
    def width(self) -> int:
        """Length of the dense part, the constant included."""
        return 1 + len(self.ids)


class Reader:
    """Reads sparse rows by a basis.

    Parameters
    ----------
    fields
        Fields whose features are read, ascending; None for all.
    """

    def __init__(self, basis: Basis, fields: tuple[int, ...] | None = None) -> None:
        self.basis = basis
        self._fields = None if fields is None else frozenset(fields)
        self._ids = np.array(basis.ids, dtype=np.int64)
        self._centers = np.array(basis.centers)
        self._scales = np.array(basis.scales)
        self._blank = np.array(_ONES + (0.0,) * len(basis.ids))
        self._is_plain = not any(basis.centers) and all(scale == 1.0 for scale in basis.scales)

    def read(self, ids: Sequence[int], values: Sequence[float]) -> Context:
        """Split a sparse row into a dense and a sparse part.

        Parameters
        ----------
        ids, values
            Ids ascending and the finite value of each; a feature that is not named is 0.

        Raises
        ------
        InputError
            `bad_features` when ids and values do not match or a value is not finite.
        """
        if self._fields is not None and len(ids) == len(values):
            kept = [place for place, id_ in enumerate(ids) if id_ >> FIELD_SHIFT in self._fields]
            if len(kept) < len(ids):
                ids, values = [ids[i] for i in kept], [values[i] for i in kept]
        if len(ids) != len(values):
            raise _unreadable(ids, values)
        is_whole = tuple(ids) == self.basis.ids
        if is_whole:
            led = np.array((*_ONES, *values), dtype=np.float64)
            # Squares that sum to so little are of finite numbers, none of which has to be cut.
            if self._is_plain and led.dot(led) <= VALUE_MAX * VALUE_MAX:
                return Context(led, led[CONSTANTS_MAX:], *_NOTHING_RARE)
            numbers = led[len(_ONES) :]
        else:
            led, numbers = self._blank.copy(), np.array(values, dtype=np.float64)
        # The square of a finite number may overflow, so it only clears them, and quickly.
        if not (math.isfinite(numbers.dot(numbers)) or np.isfinite(numbers).all()):
            raise _unreadable(ids, values)
        rest, rare = led[len(_ONES) :], _NOTHING_RARE
        if not is_whole:
            rare = self._split(np.array(ids, dtype=np.int64), numbers, rest)
        if not self._is_plain:
            rest -= self._centers
            rest /= self._scales
        _cut(rest)
        return Context(led, led[CONSTANTS_MAX:], *rare)

    def _split(self, ids: Ids, numbers: Floats, dense: Floats) -> tuple[Hashes, Floats]:
        """Write the features of the basis into `dense`; give the others."""
        if len(self._ids) and len(ids):
            place = self._ids.searchsorted(ids)
            np.minimum(place, len(self._ids) - 1, out=place)
            is_dense = self._ids[place] == ids
            dense[place[is_dense]] = numbers[is_dense]
            is_rare = ~is_dense
            ids, numbers = ids[is_rare], numbers[is_rare]
        if not len(ids):
            return _NOTHING_RARE
        return mixed(ids[:SPARSE_MAX].astype(np.uint64)), _cut(numbers[:SPARSE_MAX])


def _unreadable(ids: Sequence[int], values: Sequence[float]) -> InputError:
    got = f"{len(ids)} ids and {len(values)} values"
    what = expected("a finite value for each id", got, "$.feature_values")
    return InputError("bad_features", what)


def _cut(numbers: Floats) -> Floats:
    """Cut values in place to `VALUE_MAX`; `np.clip` takes five times as long for a few."""
    np.minimum(numbers, VALUE_MAX, out=numbers)
    np.maximum(numbers, -VALUE_MAX, out=numbers)
    return numbers


def mixed(keys: Hashes) -> Hashes:
    """Mix 64-bit keys so that their high bits depend on all bits (SplitMix64's finaliser)."""
    keys = keys * _MIX[0]
    keys ^= keys >> np.uint64(31)
    keys *= _MIX[1]
    keys ^= keys >> np.uint64(29)
    return keys


def pack_features(ids: Sequence[int], values: Sequence[float]) -> bytes:
    """Write a row of features as bytes: eight for an id, two for a value in 1,024ths.

    Examples
    --------
    >>> unpack_features(pack_features((3, 5), (1.0, -0.25)))
    ((3, 5), (1.0, -0.25))
    """
    if values and not -VALUE_MAX <= min(values) <= max(values) <= VALUE_MAX:
        values = [max(-VALUE_MAX, min(value, VALUE_MAX)) for value in values]
    steps = [round(value * _QUANTUM) for value in values]
    return struct.pack(f"<{len(ids)}q{len(values)}h", *ids, *steps)


def unpack_features(body: bytes) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Read a row of features from its bytes.

    Raises
    ------
    InputError
        `bad_features` when the bytes are no such row.
    """
    count, rest = divmod(len(body), 10)
    if rest:
        what = expected("ten bytes for each feature", f"{len(body)} bytes", "$.features")
        raise InputError("bad_features", what)
    row = struct.unpack(f"<{count}q{count}h", body)
    return row[:count], tuple(step / _QUANTUM for step in row[count:])


def frequent_features(rows: Iterable[Sequence[int]], limit: int) -> tuple[int, ...]:
    """Give the ids that stand in the most rows, ascending; ties go to the lower id.

    Examples
    --------
    >>> frequent_features([(1, 5), (5, 9), (9,)], limit=2)
    (5, 9)
    """
    counts: dict[int, int] = {}
    for ids in rows:
        for feature in ids:
            counts[feature] = counts.get(feature, 0) + 1
    ranked = sorted(counts, key=lambda feature: (-counts[feature], feature))
    return tuple(sorted(ranked[:limit]))
