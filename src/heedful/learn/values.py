"""What an arm may be worth, in money: a distribution by family, and families as columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import attrgetter
from typing import Final, Self, TypeAlias

import msgspec
import numpy as np

from heedful.kernel import InputError, expected
from heedful.learn.quadrature import TAIL_NATS, Block, Floats, Indices

_CERTAIN: Final = 1e-9  # a deviation below this share of the value cannot be told from none
_LESS_THAN_ONE: Final = 1.0 - 2.0**-53


class ArmValue(msgspec.Struct, frozen=True, gc=False):
    """An arm worth `gain * p + offset` in money, where `p ~ Beta(alpha, beta)`."""

    alpha: float
    beta: float
    gain: float
    """Money when the goal is reached; negative for a goal that costs. 0 makes the value certain."""
    offset: float
    """Money that is certain: minus cost, minus fatigue."""


class NormalValue(msgspec.Struct, frozen=True, gc=False):
    """An arm whose value in money is normal; a deviation of 0 makes it certain."""

    mean: float
    sd: float


Value: TypeAlias = ArmValue | NormalValue


class Columns:
    """Values of any family as certain values and blocks of one family each."""

    def __init__(self, values: Sequence[Value]) -> None:
        beta = [i for i, value in enumerate(values) if isinstance(value, ArmValue)]
        normal = [i for i, value in enumerate(values) if isinstance(value, NormalValue)]
        blocks: list[tuple[Indices, Floats, type[BetaBlock] | type[NormalBlock]]] = []
        if beta:
            table = _table(values, beta, ArmValue.__struct_fields__)
            _require_positive(table[:2], beta)
            blocks.append((np.asarray(beta), table, BetaBlock))
        if normal:
            table = _table(values, normal, NormalValue.__struct_fields__)
            blocks.append((np.asarray(normal), table, NormalBlock))
        self.count = len(values)
        self.known: float | None = None
        self.known_arms: list[int] = []
        self.blocks: list[Block] = []
        places = []
        for where, table, family in blocks:
            certain, worth = family.certain(table)
            self._add_known(where[certain], worth[certain])
            if not certain.all():
                self.blocks.append(family(table[:, ~certain]))
                places.append(where[~certain])
        self.places = np.concatenate(places) if places else np.empty(0, dtype=np.intp)

    def _add_known(self, where: Indices, worth: Floats) -> None:
        for arm, value in zip(where.tolist(), worth.tolist(), strict=True):
            if self.known is None or value > self.known:
                self.known, self.known_arms = value, [arm]
            elif value == self.known:
                self.known_arms.append(arm)


def _table(values: Sequence[Value], arms: Sequence[int], fields: Sequence[str]) -> Floats:
    # Single precision: a record that keeps these terms with 24 bits computes the same again.
    taken = values if len(arms) == len(values) else [values[arm] for arm in arms]
    rows = [list(map(attrgetter(field), taken)) for field in fields]
    with np.errstate(over="ignore"):
        table = np.array(rows, dtype=np.float32).astype(np.float64)
    if not np.isfinite(table).all():
        row, place = (int(index[0]) for index in np.nonzero(~np.isfinite(table)))
        path = f"$[{arms[place]}].{fields[row]}"
        got = expected("a finite number", repr(rows[row][place]), path)
        raise InputError("bad_arm_value", got)
    return table


def _require_positive(shapes: Floats, arms: Sequence[int]) -> None:
    if not (shapes > 0.0).all():
        row, place = (int(index[0]) for index in np.nonzero(~(shapes > 0.0)))
        path = f"$[{arms[place]}].{('alpha', 'beta')[row]}"
        got = expected("a shape above 0", repr(float(shapes[row, place])), path)
        raise InputError("bad_arm_value", got)


class NormalBlock:
    """Normal values: rows mean, sd."""

    def __init__(self, table: Floats) -> None:
        self._mean, self._sd = table

    def __len__(self) -> int:
        return len(self._mean)

    def take(self, arms: Indices) -> Self:
        """Give the block of these arms alone."""
        return type(self)(np.stack((self._mean[arms], self._sd[arms])))

    @staticmethod
    def certain(table: Floats) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], Floats]:
        """Say which values are certain, and what they are then."""
        mean, sd = table
        return sd <= _CERTAIN * np.abs(mean), mean

    def bounds(self) -> tuple[Floats, Floats, Floats]:
        """Give lower end, upper end and standard deviation of every arm."""
        reach = self._sd * np.sqrt(2.0 * TAIL_NATS)
        return self._mean - reach, self._mean + reach, self._sd

    def density(self, z: Floats, arms: Indices) -> Floats:
        """Give the densities of these arms at `z`, of shape (len(z), len(arms))."""
        sd = self._sd[arms]
        density: Floats = (z[:, None] - self._mean[arms]) / sd
        np.square(density, out=density)
        density *= -0.5
        np.exp(density, out=density)
        density /= sd * math.sqrt(2.0 * math.pi)
        return density

    def singular(self) -> tuple[Floats, Floats]:
        """Give no point: a normal density is smooth."""
        return np.empty(0), np.empty(0)


class BetaBlock:
    """Values `gain * p + offset` with `p ~ Beta(alpha, beta)`: rows alpha, beta, gain, offset."""

    def __init__(self, table: Floats) -> None:
        alpha, beta, gain, offset = table
        # A loss on p is a gain on 1 - p.
        turned = gain < 0.0
        a = np.where(turned, beta, alpha)
        b = np.where(turned, alpha, beta)
        # Infinite density at the top of the range would decide between values that differ by
        # nothing; it is read as a finite one with the same mean.
        self._a = a / np.minimum(b, 1.0)
        self._b = np.maximum(b, 1.0)
        self._offset = np.where(turned, offset + gain, offset)
        self._gain = np.abs(gain)
        self._constant: Floats | None = None

    def __len__(self) -> int:
        return len(self._a)

    def take(self, arms: Indices) -> Self:
        """Give the block of these arms alone."""
        return type(self)(
            np.stack((self._a[arms], self._b[arms], self._gain[arms], self._offset[arms]))
        )

    @staticmethod
    def certain(table: Floats) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], Floats]:
        """Say which values are certain, and what they are then."""
        alpha, beta, gain, offset = table
        mean = alpha / (alpha + beta)
        sd = np.abs(gain) * np.sqrt(mean * (1.0 - mean) / (alpha + beta + 1.0))
        worth = offset + gain * mean
        return sd <= _CERTAIN * np.maximum(np.abs(worth), np.abs(offset)), worth

    def bounds(self) -> tuple[Floats, Floats, Floats]:
        """Give lower end, upper end and standard deviation of every arm.

        Notes
        -----
        On the logit scale the density is `C * exp(-(a + b) * KL(mean, x))`, so the ends solve
        `KL = TAIL_NATS / (a + b)`. Both sides of the divergence bound it from below by a gamma
        form that can be solved; the tighter of the two is taken.
        """
        a, b = self._a, self._b
        total = a + b
        mean = a / total
        up, down = _stretch(TAIL_NATS / a)
        other_up, other_down = _stretch(TAIL_NATS / b)
        low = np.maximum(mean * down, 1.0 - (1.0 - mean) * other_up)
        high = np.minimum(mean * up, 1.0 - (1.0 - mean) * other_down)
        sd = self._gain * np.sqrt(mean * (1.0 - mean) / (total + 1.0))
        return self._offset + self._gain * low, self._offset + self._gain * high, sd

    def density(self, z: Floats, arms: Indices) -> Floats:
        """Give the densities of these arms at `z`, of shape (len(z), len(arms))."""
        if self._constant is None:
            self._constant = _log_constant(self._a, self._b) - np.log(self._gain)
        x = (z[:, None] - self._offset[arms]) / self._gain[arms]
        outside = x >= 1.0
        np.clip(x, 1e-300, _LESS_THAN_ONE, out=x)
        density: Floats = np.log1p(-x)
        density *= self._b[arms] - 1.0
        np.log(x, out=x)
        x *= self._a[arms] - 1.0
        density += x
        density += self._constant[arms]
        np.exp(density, out=density)
        density[outside] = 0.0
        return density

    def singular(self) -> tuple[Floats, Floats]:
        """Give the bottoms of infinite density, and the tops where a density jumps or bends."""
        return self._offset[self._a < 1.0], (self._offset + self._gain)[self._b < 2.0]


def _stretch(c: Floats) -> tuple[Floats, Floats]:
    # Solutions of u - log(1 + u) = c above and below 0, bounded outwards: u^2 / (2 + 4u/3) and,
    # with u = e^-s - 1, s^2 / (2 + s) lie below the left side.
    up = 1.0 + 2.0 * c / 3.0 + np.sqrt(np.square(2.0 * c / 3.0) + 2.0 * c)
    down = np.exp(-0.5 * (c + np.sqrt(c * c + 8.0 * c)))
    return up, down


def _log_constant(a: Floats, b: Floats) -> Floats:
    # log 1 / B(a, b) without the cancellation of three great logarithms of gamma.
    total = a + b
    entropy = a * np.log(a / total) + b * np.log(b / total)
    corrections = _stirling(np.stack((total, a, b)))
    result: Floats = 0.5 * np.log(a * b / (2.0 * np.pi * total)) - entropy
    result += corrections[0] - corrections[1] - corrections[2]
    return result


def _stirling(x: Floats) -> Floats:
    """Give log gamma(x) minus Stirling's (x - 1/2) log x - x + log(2 pi) / 2; error below 1e-9."""
    small = x < 6.0
    product = np.where(small, x * (x + 1) * (x + 2) * (x + 3) * (x + 4) * (x + 5), 1.0)
    shifted = np.where(small, x + 6.0, x)
    inverse = 1.0 / shifted
    square = inverse * inverse
    series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square / 1260.0))
    shift = (shifted - 0.5) * np.log(shifted) - shifted - (x - 0.5) * np.log(x) + x
    result: Floats = series + np.where(small, shift - np.log(product), 0.0)
    return result
