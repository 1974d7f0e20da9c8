"""What an arm may be worth, in money: a distribution by family, and families as columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import attrgetter
from typing import Final, Self, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from heedful.kernel import InputError, expected
from heedful.learn.quadrature import TAIL_NATS, Bounds, Floats, Indices


def _hermite() -> tuple[Floats, Floats]:
    x, w = np.polynomial.hermite_e.hermegauss(12)
    return x, w / w.sum()


LOG_ODDS_SD_MAX: Final = 2.0
"""Deviation of log-odds beyond which more would say nothing: at 2 the chance of an even belief lies
anywhere between 0.02 and 0.98."""

_HERMITE: Final = _hermite()
_STEEP_SD: Final = 0.7
_NO_POINTS: Final[tuple[list[float], list[float]]] = ([], [])
_NORMAL_REACH: Final = math.sqrt(2.0 * TAIL_NATS)
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


class LogitNormalValue(msgspec.Struct, frozen=True, gc=False):
    """An arm worth `gain * p + offset` in money, where the log-odds of p are normal."""

    mean: float
    """Mean of the log-odds."""
    sd: float
    """Their deviation, above 0; one beyond `LOG_ODDS_SD_MAX` is read as that."""
    gain: float
    """Money when the goal is reached; negative for a goal that costs. 0 makes the value certain."""
    offset: float
    """Money that is certain: minus cost, minus fatigue."""


Value: TypeAlias = ArmValue | NormalValue | LogitNormalValue


def table_of(
    values: Sequence[Value], arms: Sequence[int], fields: Sequence[str], positive: slice
) -> Floats:
    """Write the values of some arms, all of one family, as a table: a row for each field."""
    taken = values if len(arms) == len(values) else [values[arm] for arm in arms]
    rows = [list(map(attrgetter(field), taken)) for field in fields]
    return checked(rows, arms, fields, positive)


def checked(
    rows: Sequence[Sequence[float] | Floats],
    arms: Sequence[int],
    fields: Sequence[str],
    positive: slice,
) -> Floats:
    """Write rows of terms as a table that a block can be made of.

    Raises
    ------
    InputError
        `bad_arm_value` when a term is not finite, or a shape or deviation is not above 0.
    """
    # Single precision: a record that keeps these terms with 24 bits computes the same again.
    single = np.empty((len(rows), len(rows[0])), dtype=np.float32)
    with np.errstate(over="ignore"):
        for place, row in enumerate(rows):
            single[place] = row
    table: Floats = single.astype(np.float64)
    flat = table.ravel()
    if not math.isfinite(flat.dot(flat)):  # squares of single precision never overflow
        _refuse("a finite number", ~np.isfinite(table), rows, arms, fields)
    if table[positive].size and table[positive].min() <= 0.0:
        bad = np.zeros(table.shape, dtype=np.bool_)
        bad[positive] = table[positive] <= 0.0
        _refuse("a number above 0", bad, rows, arms, fields)
    return table


def _refuse(
    what: str,
    bad: npt.NDArray[np.bool_],
    rows: Sequence[Sequence[float] | Floats],
    arms: Sequence[int],
    fields: Sequence[str],
) -> None:
    """Refuse the first bad number.

    Raises
    ------
    InputError
        `bad_arm_value` when a term is not finite, or a shape or deviation is not above 0.
    """
    row, place = (int(index[0]) for index in np.nonzero(bad))
    path = f"$[{arms[place]}].{fields[row]}"
    raise InputError("bad_arm_value", expected(what, repr(float(rows[row][place])), path))


class NormalBlock:
    """Normal values: rows mean, sd."""

    positive: Final = slice(0)

    def __init__(self, table: Floats) -> None:
        self._table = table
        self.worth, self.sd = table
        self.size = np.abs(self.worth)

    def take(self, arms: Indices) -> Self:
        """Give the block of these arms, in this order."""
        return type(self)(self._table[:, arms])

    def moments(self) -> tuple[Floats, Floats]:
        """Give mean and standard deviation of every arm, in money."""
        return self.worth, self.sd

    def bounds(self) -> Bounds:
        """Give lower end, upper end and standard deviation of every arm."""
        reach = self.sd * _NORMAL_REACH
        return Bounds(self.worth - reach, self.worth + reach, self.sd)

    def density(self, z: Floats, count: int) -> Floats:
        """Give the densities of the first `count` arms at `z`, of shape (len(z), count)."""
        sd = self.sd[:count]
        density: Floats = (z[:, None] - self.worth[:count]) / sd
        np.square(density, out=density)
        density *= -0.5
        np.exp(density, out=density)
        density *= (0.5 / math.pi) ** 0.5 / sd
        return density

    def rough(self) -> tuple[list[float], list[float]]:
        """Give no point: a normal density is smooth."""
        return _NO_POINTS


class LogitNormalBlock:
    """Values `gain * p + offset` with normal log-odds of p: rows mean, sd, gain, offset."""

    positive: Final = slice(1, 2)

    def __init__(self, table: Floats) -> None:
        mean, sd, gain, offset = table
        if gain.min(initial=0.0) < 0.0:
            # A loss on p is a gain on 1 - p.
            is_loss = gain < 0.0
            mean, offset = np.where(is_loss, -mean, mean), np.where(is_loss, offset + gain, offset)
            gain = np.abs(gain)
        sd = np.minimum(sd, LOG_ODDS_SD_MAX)
        rows = np.empty((7, len(mean)))
        rows[0], rows[1], rows[2], rows[3] = mean, sd, gain, offset
        p = 1.0 / (1.0 + np.exp(-mean))
        # Of a wide belief the density in money is steeper than its deviation tells.
        np.multiply(gain * np.minimum(sd, 1.0) * p, 1.0 - p, out=rows[4])
        np.add(offset, gain * p, out=rows[5])
        np.abs(offset, out=rows[6])
        self._set(rows)

    def _set(self, rows: Floats) -> None:
        self._rows = rows
        self._mean, self._sd, self._gain, self._offset, self.sd, self.worth, self.size = rows
        self._shape: tuple[Floats, Floats, Floats] | None = None

    def take(self, arms: Indices) -> Self:
        """Give the block of these arms, in this order."""
        block = type(self).__new__(type(self))
        block._set(self._rows.take(arms, axis=1))
        return block

    def moments(self) -> tuple[Floats, Floats]:
        """Give mean and standard deviation of every arm, in money, by Gauss-Hermite quadrature."""
        p = 1.0 / (1.0 + np.exp(-self._mean[:, None] - self._sd[:, None] * _HERMITE[0]))
        mean = p @ _HERMITE[1]
        variance = np.square(p - mean[:, None]) @ _HERMITE[1]
        return self._offset + self._gain * mean, self._gain * np.sqrt(variance)

    def bounds(self) -> Bounds:
        """Give lower end, upper end and standard deviation of every arm."""
        reach = self._sd * _NORMAL_REACH
        lower = self._offset + self._gain / (1.0 + np.exp(reach - self._mean))
        upper = self._offset + self._gain / (1.0 + np.exp(-reach - self._mean))
        return Bounds(lower, upper, np.minimum(self.sd, (upper - lower) / (2.0 * _NORMAL_REACH)))

    def density(self, z: Floats, count: int) -> Floats:
        """Give the densities of the first `count` arms at `z`, of shape (len(z), count)."""
        if self._shape is None:
            lowest_top = np.minimum.accumulate(self._offset + self._gain)
            level = np.log((0.5 / math.pi) ** 0.5 / (self._sd * self._gain))
            self._shape = lowest_top, 0.5**0.5 / self._sd, level
        lowest_top, slope, level = self._shape
        x = z[:, None] - self._offset[:count]
        x /= self._gain[:count]
        outside = None
        if z.max() >= lowest_top[count - 1]:
            outside = x >= 1.0
            np.minimum(x, _LESS_THAN_ONE, out=x)
        jacobian = 1.0 - x
        odds = x / jacobian
        jacobian *= x
        density: Floats = np.log(odds, out=odds)
        density -= self._mean[:count]
        density *= slope[:count]
        np.square(density, out=density)
        np.subtract(level[:count], density, out=density)
        np.exp(density, out=density)
        density /= jacobian
        if outside is not None:
            density[outside] = 0.0
        return density

    def rough(self) -> tuple[list[float], list[float]]:
        """Give the bottoms towards which a wide belief is steep."""
        wide = self._sd > _STEEP_SD
        return self._offset[wide].tolist(), []


class BetaBlock:
    """Values `gain * p + offset` with `p ~ Beta(alpha, beta)`: rows alpha, beta, gain, offset."""

    positive: Final = slice(2)

    def __init__(self, table: Floats, is_upright: bool = False) -> None:
        if not is_upright:
            table = _upright(table)
        self._table = table
        self._a, self._b, self._gain, self._offset = table
        self._total = self._a + self._b
        self._mean = self._a / self._total
        self.sd = self._gain * np.sqrt(self._mean * (1.0 - self._mean) / (self._total + 1.0))
        self.worth = self._offset + self._gain * self._mean
        self.size = np.abs(self._offset)
        self._constant: Floats | None = None
        self._rows: Floats | None = None

    def prepared(self) -> Floats:
        """Give all that is worked out of each arm alone, as rows that a block is made of."""
        if self._rows is not None:
            return self._rows
        bounds = self.bounds()
        with np.errstate(divide="ignore"):  # of an arm that is certain nobody asks the density
            constant = self._log_scale()
        rows = (*self._table, self.worth, self.sd, self.size, *bounds[:2], constant)
        stacked: Floats = np.stack(rows)
        return stacked

    @classmethod
    def of_rows(cls, rows: Floats) -> Self:
        """Make a block of what was prepared."""
        block = cls.__new__(cls)
        block._rows, block._table = rows, rows[:4]
        block._a, block._b, block._gain, block._offset = rows[:4]
        block.worth, block.sd, block.size, _, _, block._constant = rows[4:]
        return block

    def take(self, arms: Indices) -> Self:
        """Give the block of these arms, in this order."""
        if self._rows is not None:
            return self.of_rows(self._rows.take(arms, axis=1))
        return type(self)(self._table[:, arms], is_upright=True)

    def moments(self) -> tuple[Floats, Floats]:
        """Give mean and standard deviation of every arm, in money."""
        return self.worth, self.sd

    def _log_scale(self) -> Floats:
        scale: Floats = _log_constant(self._a, self._b, self._total) - np.log(self._gain)
        return scale

    def bounds(self) -> Bounds:
        """Give lower end, upper end and standard deviation of every arm.

        Notes
        -----
        On the logit scale the density is `C * exp(-(a + b) * KL(mean, x))`, so the ends solve
        `KL = TAIL_NATS / (a + b)`. Both sides of the divergence bound it from below by a gamma
        form that can be solved; the tighter of the two is taken.
        """
        if self._rows is not None:
            return Bounds(self._rows[7], self._rows[8], self.sd)
        c = TAIL_NATS / self._table[:2]
        # Solutions of u - log(1 + u) = c above and below 0, bounded outwards: u^2 / (2 + 4u/3)
        # and, with u = e^-s - 1, s^2 / (2 + s) lie below the left side.
        third = c * (2.0 / 3.0)
        up = third + np.sqrt(third * third + 2.0 * c)
        down = np.exp(-0.5 * (c + np.sqrt(c * (c + 8.0))))
        mean, miss = self._mean, 1.0 - self._mean
        low = np.maximum(mean * down[0], mean - miss * up[1])
        high = np.minimum(mean + mean * up[0], 1.0 - miss * down[1])
        return Bounds(self._offset + self._gain * low, self._offset + self._gain * high, self.sd)

    def density(self, z: Floats, count: int) -> Floats:
        """Give the densities of the first `count` arms at `z`, of shape (len(z), count)."""
        if self._constant is None:
            self._constant = self._log_scale()
        gain, offset = self._gain[:count], self._offset[:count]
        x = z[:, None] - offset
        x /= gain
        outside = None
        if z.max() >= (offset + gain).min():
            outside = x >= 1.0
            np.minimum(x, _LESS_THAN_ONE, out=x)
        density: Floats = 1.0 - x
        np.log(density, out=density)
        density *= self._b[:count] - 1.0
        np.log(x, out=x)
        x *= self._a[:count] - 1.0
        density += x
        density += self._constant[:count]
        np.exp(density, out=density)
        if outside is not None:
            density[outside] = 0.0
        return density

    def rough(self) -> tuple[list[float], list[float]]:
        """Give the bottoms of infinite density, and the tops where a density jumps or bends."""
        if self._table[0].min() >= 1.0 and self._table[1].min() >= 2.0:
            return _NO_POINTS
        tops = self._offset + self._gain
        return self._offset[self._a < 1.0].tolist(), tops[self._b < 2.0].tolist()


AnyBlock: TypeAlias = NormalBlock | LogitNormalBlock | BetaBlock

FAMILIES: Final[tuple[tuple[type[Value], type[AnyBlock]], ...]] = (
    (ArmValue, BetaBlock),
    (NormalValue, NormalBlock),
    (LogitNormalValue, LogitNormalBlock),
)


def _upright(table: Floats) -> Floats:
    """Turn losses on p into gains on 1 - p, and make every top finite."""
    alpha, beta, gain, offset = table
    if gain.min() < 0.0:
        turned = gain < 0.0
        alpha, beta = np.where(turned, beta, alpha), np.where(turned, alpha, beta)
        offset, gain = np.where(turned, offset + gain, offset), np.abs(gain)
        table = np.stack((alpha, beta, gain, offset))
    if beta.min() < 1.0:
        # Infinite density at the top of the range would decide between values that differ by
        # nothing; it is read as a finite one with the same mean.
        raised = np.minimum(beta, 1.0)
        table = np.stack((alpha / raised, beta / raised, gain, offset))
    return table


def _log_constant(a: Floats, b: Floats, total: Floats) -> Floats:
    # log 1 / B(a, b). Stirling's series at x + 4, of which three are summed; its error is 1e-9.
    x = np.stack((total, a, b))
    y = x + 4.0
    inverse = 1.0 / y
    square = inverse * inverse
    series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0)))
    series += (y - 0.5) * np.log(y) - y
    series -= np.log(x * (x + 1.0) * (x + 2.0) * (x + 3.0))
    result: Floats = series[0] - series[1] - series[2] - 0.5 * math.log(2.0 * math.pi)
    return result
