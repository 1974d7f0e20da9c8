"""What many arms may be worth, as columns: family by family, prepared once and taken from often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from heedful.learn.quadrature import Block, Floats, Indices
from heedful.learn.values import (
    FAMILIES,
    AnyBlock,
    ArmValue,
    BetaBlock,
    LogitNormalBlock,
    LogitNormalValue,
    Value,
    checked,
    table_of,
)

_CERTAIN: Final = 1e-9  # a deviation below this share of the value cannot be told from none


class _Part(NamedTuple):
    """The arms of one family, and their places among all."""

    block: AnyBlock
    places: Indices


class ArmColumns:
    """Values of many arms as columns: prepared once, and taken from for many choices.

    Parameters
    ----------
    values
        In the order of the arms.
    """

    def __init__(self, values: Sequence[Value]) -> None:
        self._count = len(values)
        self._parts = [_prepared(part) for part in _parts(values)]

    def __len__(self) -> int:
        return self._count

    def take(self, arms: Sequence[int] | Indices) -> ArmColumns:
        """Give the values of these arms, in this order."""
        wanted = np.asarray(arms, dtype=np.intp)
        if len(self._parts) == 1:
            block = self._parts[0].block.take(wanted)
            return _of([_Part(block, np.arange(len(wanted)))], len(wanted))
        found = []
        for block, places in self._parts:
            place = np.full(self._count, -1)
            place[places] = np.arange(len(places))
            of_part = place[wanted]
            where = np.flatnonzero(of_part >= 0)
            if len(where):
                found.append(_Part(block.take(of_part[where]), where))
        return _of(found, len(wanted))

    def with_last(self, other: ArmColumns) -> ArmColumns:
        """Give the values with those of others at the end."""
        if not self._count or not other._count:
            return other if not self._count else self
        parts = list(self._parts)
        for block, places in other._parts:
            places = places + self._count
            last = parts[-1]
            if isinstance(last.block, BetaBlock) and isinstance(block, BetaBlock):
                rows = np.concatenate((last.block.prepared(), block.prepared()), axis=1)
                joined = np.concatenate((last.places, places))
                parts[-1] = _Part(BetaBlock.of_rows(rows), joined)
            else:
                parts.append(_Part(block, places))
        return _of(parts, self._count + other._count)


def _of(parts: list[_Part], count: int) -> ArmColumns:
    columns = ArmColumns.__new__(ArmColumns)  # the parts are there: nothing is to be prepared
    columns._parts, columns._count = parts, count
    return columns


def _prepared(part: _Part) -> _Part:
    block = part.block
    if isinstance(block, BetaBlock):
        block = BetaBlock.of_rows(block.prepared())
    return _Part(block, part.places)


def beta_columns(alpha: Floats, beta: Floats, gain: Floats, offset: Floats) -> ArmColumns:
    """Make columns of arms worth `gain * p + offset` with `p ~ Beta(alpha, beta)`."""
    fields = ArmValue.__struct_fields__
    arms = range(len(alpha))
    table = checked((alpha, beta, gain, offset), arms, fields, BetaBlock.positive)
    return _of([_prepared(_Part(BetaBlock(table), np.arange(len(alpha))))], len(alpha))


def logit_normal_columns(mean: Floats, sd: Floats, gain: Floats, offset: Floats) -> ArmColumns:
    """Make columns of arms worth `gain * p + offset` with normal log-odds of p."""
    fields = LogitNormalValue.__struct_fields__
    arms = range(len(mean))
    table = checked((mean, sd, gain, offset), arms, fields, LogitNormalBlock.positive)
    return _of([_Part(LogitNormalBlock(table), np.arange(len(mean)))], len(mean))


def columns_together(found: Sequence[tuple[ArmColumns, Indices]], count: int) -> ArmColumns:
    """Put columns together, each with the places of its arms among `count`."""
    parts = [
        _Part(block, where[places]) for columns, where in found for block, places in columns._parts
    ]
    return _of(parts, count)


class Columns:
    """Values of any family as certain values and blocks of one family each."""

    def __init__(self, values: Sequence[Value] | ArmColumns) -> None:
        self.count = len(values)
        self.known: float | None = None
        self.known_arms: list[int] = []
        self.blocks: list[tuple[Block, Indices]] = []
        for block, places in _parts(values):
            certain = block.sd <= _CERTAIN * np.maximum(np.abs(block.worth), block.size)
            if certain.any():
                self._add_known(places[certain], block.worth[certain])
                left = np.flatnonzero(~certain)
                if not len(left):
                    continue
                block, places = block.take(left), places[left]
            self.blocks.append((block, places))

    def _add_known(self, where: Indices, worth: Floats) -> None:
        for arm, value in zip(where.tolist(), worth.tolist(), strict=True):
            if self.known is None or value > self.known:
                self.known, self.known_arms = value, [arm]
            elif value == self.known:
                self.known_arms.append(arm)


def moments(values: Sequence[Value] | ArmColumns) -> tuple[Floats, Floats]:
    """Give the mean and the standard deviation of each value in money, both of shape (n,).

    Examples
    --------
    >>> from heedful.learn.values import NormalValue
    >>> mean, sd = moments([ArmValue(2.0, 6.0, 20.0, -1.0), NormalValue(3.0, 0.5)])
    >>> mean.tolist(), sd.round(3).tolist()
    ([4.0, 3.0], [2.887, 0.5])
    """
    mean, sd = np.empty(len(values)), np.empty(len(values))
    for block, places in _parts(values):
        mean[places], sd[places] = block.moments()
    return mean, sd


def _parts(values: Sequence[Value] | ArmColumns) -> Iterator[_Part]:
    if isinstance(values, ArmColumns):
        yield from values._parts
        return
    kinds = list(map(type, values))
    for kind, family in FAMILIES:
        of_kind = kinds.count(kind)
        if not of_kind:
            continue
        arms: Sequence[int] = range(len(values))
        if of_kind < len(values):
            arms = [arm for arm, its_kind in enumerate(kinds) if its_kind is kind]
        table = table_of(values, arms, kind.__struct_fields__, family.positive)
        yield _Part(family(table), np.array(arms))
