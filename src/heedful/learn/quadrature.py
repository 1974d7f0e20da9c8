"""The chance of each arm to have the greatest value, by quadrature over independent values.

`P(arm k is best) = integral of f_k(z) * product of F_j(z) over j != k`. The integral runs from the
greatest lower end of any arm, since the best value is never below it, over panels of Gauss-Legendre
nodes whose width follows the narrowest arm that is still in the race at `z`. Every F comes from
its own density by integrating down from the top, so no special function is needed and any density
can take part; an arm joins when the integral reaches its upper end, and the integral stops where
the best of all is almost surely above.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, Protocol, Self, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Indices: TypeAlias = npt.NDArray[np.intp]

TAIL_NATS: Final = 11.0
"""Where an arm ends: its tail beyond holds about e^-11 = 2e-5, and less than that of the best."""

PANEL_WIDTHS: Final = 3.0
"""Width of a panel in standard deviations of the narrowest arm in the race."""

PANELS_MAX: Final = 48
"""Panels of one integral, those that end at a change of scale or a rough point not counted; beyond
it they are made wider. A panel has six nodes."""

KINKS_MAX: Final = 16
"""Points inside the range where a density jumps or bends that begin a panel, the greatest first."""

_NODES: Final = 6
_GRADES: Final = (8.0**-4, 8.0**-3, 8.0**-2, 8.0**-1)
_TINY: Final = 1e-12
_BELOW_MIN: Final = 1e-7  # chance that the best lies lower, at which the integral stops
_CHUNK_CELLS: Final = 4_096  # nodes x arms of one step: few enough for the cache, many for numpy


class Block(Protocol):
    """Arms of one family of distributions, as columns of length `n`."""

    def __len__(self) -> int: ...

    def bounds(self) -> tuple[Floats, Floats, Floats]:
        """Give lower end, upper end and standard deviation of every arm, each of shape (n,)."""

    def take(self, arms: Indices) -> Self:
        """Give the block of these arms alone."""

    def density(self, z: Floats, arms: Indices) -> Floats:
        """Give the densities of these arms at `z`, of shape (len(z), len(arms))."""

    def singular(self) -> tuple[Floats, Floats]:
        """Give the bottoms of infinite density, and the points inside where a density is rough."""


def _rule() -> tuple[Floats, Floats, Floats]:
    x, w = np.polynomial.legendre.leggauss(_NODES)
    x, w = (x + 1) / 2, w / 2
    powers = np.arange(1, _NODES + 1)
    # Row i integrates the polynomial through the nodes from node i to the end of the panel.
    to_end = ((1 - x[:, None] ** powers) / powers) @ np.linalg.inv(
        np.vander(x, _NODES, increasing=True)
    )
    return x, w, to_end


_X, _W, _TO_END = _rule()


def chances(blocks: Sequence[Block], known: float | None) -> tuple[Floats, float]:
    """Integrate the chance of every arm to be the best.

    Parameters
    ----------
    blocks
        The uncertain arms, family by family.
    known
        The best of the values that are certain, or None when there is none.

    Returns
    -------
    Chances of shape (n,), arms in the order of the blocks, and the chance that `known` is best.
    They sum to 1; the error is below 1e-5 for densities without singular points.
    """
    ends = [block.bounds() for block in blocks]
    lower, upper, scale = (np.concatenate(column) for column in zip(*ends, strict=True))
    low = float(lower.max())
    if known is not None:
        low = max(low, known)
    kept = np.flatnonzero(upper > low)
    best = np.zeros(len(lower))
    if not len(kept):
        return best, 1.0
    race = _Race([*_taken(blocks, kept)], upper[kept])
    raced, rest = race.run(_edges(low, upper[kept], scale[kept], race.blocks))
    if known is None:
        raced += race.bottom_shares(rest)
        rest = 0.0
    total = float(raced.sum()) + rest
    best[kept] = raced / total
    return best, rest / total


def _taken(blocks: Sequence[Block], kept: Indices) -> Iterator[Block]:
    start = 0
    for block in blocks:
        end = start + len(block)
        inside = kept[np.searchsorted(kept, start) : np.searchsorted(kept, end)]
        if len(inside):
            yield block.take(inside - start)
        start = end


def _edges(low: float, upper: Floats, scale: Floats, blocks: Sequence[Block]) -> Floats:
    order = np.argsort(upper, kind="stable")
    ends = upper[order]
    # Every arm begins at or below `low`, so those still in the race at z are those that end above.
    rate = np.maximum.accumulate((1.0 / scale[order])[::-1])[::-1]
    widths = np.concatenate(([0.0], np.cumsum(np.diff(ends, prepend=low) * rate)))
    knots = np.concatenate(([low], ends))
    edges = np.interp(_places(rate, widths), widths, knots)
    first, high = float(edges[1]) - low, float(edges[-1])
    extra: list[float] = []
    for block in blocks:
        bottoms, kinks = block.singular()
        if len(bottoms) and bottoms.max() >= low - first:
            extra += [low + first * grade for grade in _GRADES]
        if len(kinks):
            extra += np.unique(kinks[(kinks > low) & (kinks < high)])[-KINKS_MAX:].tolist()
    return np.unique(np.concatenate((edges, extra))) if extra else edges


def _places(rate: Floats, widths: Floats) -> Floats:
    # A panel that reached from a narrow arm's range into a wide one's would miss the narrow arm,
    # so where the scale changes by a power of two a panel ends.
    level = np.floor(np.log2(rate))
    stops = [0.0, *widths[1:-1][level[:-1] != level[1:]].tolist(), float(widths[-1])]
    step = max(PANEL_WIDTHS, stops[-1] / PANELS_MAX)
    places = [
        np.linspace(start, stop, max(math.ceil((stop - start) / step), 1), endpoint=False)
        for start, stop in pairwise(stops)
        if stop > start
    ]
    return np.concatenate((*places, stops[-1:]))


class _Race:
    """The integral from the top down over panels, in chunks that fit the cache."""

    def __init__(self, blocks: Sequence[Block], upper: Floats) -> None:
        self.blocks = blocks
        self._upper = upper
        self._above = np.zeros(len(upper))
        self._best = np.zeros(len(upper))
        self._hazard = np.zeros(len(upper))

    def run(self, edges: Floats) -> tuple[Floats, float]:
        """Give the chances of shape (n,) and the chance that no arm is above the first edge."""
        end = len(edges) - 1
        while end > 0:
            racing = int(np.count_nonzero(self._upper > edges[end - 1]))
            size = max(_CHUNK_CELLS // (_NODES * racing), 2)
            start = max(end - size, 0)
            self._step(edges[start : end + 1])
            below = float(np.multiply.reduce(np.maximum(1.0 - self._above, 0.0)))
            if below < _BELOW_MIN:
                return self._best, 0.0
            end = start
        return self._best, below

    def bottom_shares(self, rest: float) -> Floats:
        """Share what lies below the first edge by hazards there: exact for powers of one origin."""
        return self._hazard * (rest / float(self._hazard.sum()))

    def _step(self, edges: Floats) -> None:
        arms = np.flatnonzero(self._upper > edges[0])
        width = np.diff(edges)
        z = (edges[:-1, None] + width[:, None] * _X).ravel()
        density = self._density(z, arms)
        panels = len(width)
        mass = density.reshape(panels, _NODES, len(arms))
        mass *= width[:, None, None]
        whole = _W @ mass
        above = np.empty((panels + 1, len(arms)))
        above[panels] = self._above[arms]
        above[:panels] = whole
        above = np.cumsum(above[::-1], axis=0)[::-1]
        below = _TO_END @ mass
        below += above[1:, None, :]
        np.subtract(1.0, below, out=below)
        np.maximum(below, _TINY, out=below)
        all_below = np.multiply.reduce(below, axis=2)
        np.divide(mass, below, out=mass)
        hazard = mass.reshape(panels * _NODES, len(arms))
        self._best[arms] += (all_below * _W).ravel() @ hazard
        self._above[arms] = above[0]
        self._hazard[arms] = hazard[0]

    def _density(self, z: Floats, arms: Indices) -> Floats:
        if len(self.blocks) == 1:
            return self.blocks[0].density(z, arms)
        columns, start = [], 0
        for block in self.blocks:
            end = start + len(block)
            inside = arms[np.searchsorted(arms, start) : np.searchsorted(arms, end)]
            columns.append(block.density(z, inside - start))
            start = end
        return np.concatenate(columns, axis=1)
