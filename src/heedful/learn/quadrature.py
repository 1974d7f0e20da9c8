"""The chance of each arm to have the greatest value, by quadrature over independent values.

`P(arm k is best) = integral of f_k(z) * product of F_j(z) over j != k`. The integral runs from the
top down over panels of Gauss-Legendre nodes whose width follows the narrowest arm that is in the
race at `z`. Every F comes from its own density by integrating down from the top, so no special
function is needed and any density can take part. An arm joins when the integral reaches its upper
end; the integral stops at the greatest lower end of any arm, or where the best is almost surely
above.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple, Protocol, Self, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Indices: TypeAlias = npt.NDArray[np.intp]

TAIL_NATS: Final = 11.0
"""Where an arm ends: its tail beyond holds about e^-11 = 2e-5, and less than that of the best."""

PANEL_DEVIATIONS: Final = 3.0
"""Width of a panel in standard deviations of the narrowest arm in the race; it has six nodes."""

KINKS_MAX: Final = 16
"""Points inside the range where a density jumps or bends that end a panel, the greatest first."""

_NODES: Final = 6
_CHUNK_PANELS: Final = 6
_CHUNK_CELLS: Final = 8_192  # nodes x arms of one step: few enough for the cache, many for numpy
_SCALES_APART: Final = 1.3  # an arm narrower by this factor begins a panel where it joins
_GRADES: Final = (8.0**-1, 8.0**-2, 8.0**-3, 8.0**-4)
_BELOW_MIN: Final = 1e-7  # chance that the best lies lower, at which the integral stops
_TINY: Final = 1e-12


class Bounds(NamedTuple):
    """Where the arms of a block lie, each of shape (n,)."""

    lower: Floats
    upper: Floats
    sd: Floats


class Block(Protocol):
    """Arms of one family of distributions, as columns of length `n`."""

    def bounds(self) -> Bounds:
        """Give lower end, upper end and standard deviation of every arm."""

    def take(self, arms: Indices) -> Self:
        """Give the block of these arms, in this order."""

    def density(self, z: Floats, count: int) -> Floats:
        """Give the densities of the first `count` arms at `z`, of shape (len(z), count)."""

    def rough(self) -> tuple[list[float], list[float]]:
        """Give the bottoms of infinite density, and the tops where a density jumps or bends."""


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


def _from_above(panels: int) -> Floats:
    """Give the matrix that integrates from each node of some panels, highest first, to the top."""
    whole = np.kron(np.tril(np.ones((panels, panels)), -1), np.tile(_W, (_NODES, 1)))
    return whole + np.kron(np.eye(panels), _TO_END)


_FROM_ABOVE: Final = [_from_above(panels) for panels in range(1, _CHUNK_PANELS + 1)]
_WEIGHTS: Final = [np.tile(_W, panels) for panels in range(1, _CHUNK_PANELS + 1)]


def chances(
    blocks: Sequence[tuple[Block, Indices]], known: float | None, count: int
) -> tuple[Floats, float]:
    """Integrate the chance of every arm to be the best.

    Parameters
    ----------
    blocks
        The uncertain arms, family by family, each with the places of its arms in the answer.
    known
        The best of the values that are certain, or None when there is none.
    count
        Length of the answer; places that no block names stay 0.

    Returns
    -------
    Chances of shape (count,), and the chance that `known` is best. Together they sum to 1; the
    error is below 1e-5 for densities without rough points.
    """
    best = np.zeros(count)
    ends = [block.bounds() for block, _ in blocks]
    low = max(float(bound.lower.max()) for bound in ends)
    if known is not None and known < low:
        known = None  # some arm lies above it, however sharply its density rises towards its end
    if known is not None:
        low = known
    race = _Race(low)
    for (block, places), bound in zip(blocks, ends, strict=True):
        race.enter(block, places, bound)
    if not race.entrants:
        return best, 1.0
    rest = race.run()
    total = rest
    for entrant in race.entrants:
        shares = entrant.best
        if known is None and rest > 0.0:
            # What lies below the last panel is shared by the arms as their hazards stand at its
            # last node, which is exact for powers of one origin.
            shares = shares + entrant.hazard * (rest / race.hazard)
        best[entrant.places] = shares
        total += float(entrant.best.sum())
    best /= total
    return best, 0.0 if known is None else rest / total


class _Entrant:
    """The arms of one block that can win, highest upper end first."""

    def __init__(self, block: Block, places: Indices, upper: Floats, sd: Floats) -> None:
        self.block = block
        self.places = places
        self.upper = upper
        self.sd = sd
        self.above = np.zeros(len(upper))
        self.best = np.zeros(len(upper))
        self.hazard = np.zeros(len(upper))

    def racing(self, edges: Floats) -> list[int]:
        """Count, for each edge, the arms whose upper end lies above it."""
        count = len(self.upper)
        return [
            count - last for last in self.upper[::-1].searchsorted(edges, side="right").tolist()
        ]


class _Race:
    """The integral from the top down, in chunks of panels that fit the cache."""

    def __init__(self, low: float) -> None:
        self._low = low
        self.entrants: list[_Entrant] = []
        self.hazard = 0.0

    def enter(self, block: Block, places: Indices, bound: Bounds) -> None:
        """Enter the arms of a block that reach above the lowest edge."""
        order = (-bound.upper).argsort(kind="stable")
        upper = bound.upper.take(order)
        count = len(upper) - int(upper[::-1].searchsorted(self._low, side="right"))
        if count:
            order = order[:count]
            sd, places = bound.sd.take(order), places.take(order)
            self.entrants.append(_Entrant(block.take(order), places, upper[:count], sd))

    def run(self) -> float:
        """Integrate; give the chance that no arm lies above the lowest edge."""
        edges = np.array(self._edges())
        width = (edges[:-1] - edges[1:])[:, None]
        z = edges[1:, None] + width * _X
        racing = list(zip(*(entrant.racing(edges) for entrant in self.entrants), strict=True))
        cells = [_NODES * sum(counts) for counts in racing]
        first, last, below = 0, len(width), 1.0
        for end in range(1, last + 1):
            panels = end - first
            is_full = panels == _CHUNK_PANELS or panels * cells[end] >= _CHUNK_CELLS
            if is_full or end == last:
                below = self._step(z[first:end], width[first:end], racing[end])
                if below < _BELOW_MIN:
                    return 0.0
                first = end
        self.hazard = sum(float(entrant.hazard.sum()) for entrant in self.entrants)
        return below

    def _edges(self) -> list[float]:
        stops, is_graded = self._stops()
        edge = stops[0][0]
        edges = [edge]
        for (_, sd), (stop, _) in pairwise(stops):
            panels = max(math.ceil((edge - stop) / (PANEL_DEVIATIONS * sd)), 1)
            step = (edge - stop) / panels
            if stop == self._low and is_graded:
                edges += [edge - step * panel for panel in range(1, panels - 1)]
                edges.append(self._low + step)
                edges += [self._low + step * grade for grade in _GRADES]
            else:
                edges += [edge - step * panel for panel in range(1, panels)]
            edges.append(stop)
            edge = stop
        return edges

    def _stops(self) -> tuple[list[tuple[float, float]], bool]:
        """Give forced edges from the top down, each with the narrowest scale until the next."""
        upper, sd = self.entrants[0].upper, self.entrants[0].sd
        if len(self.entrants) > 1:
            upper = np.concatenate([entrant.upper for entrant in self.entrants])
            sd = np.concatenate([entrant.sd for entrant in self.entrants])
            order = np.argsort(-upper, kind="stable")
            upper, sd = upper[order], sd[order]
        narrowest = np.minimum.accumulate(sd)
        joins = np.flatnonzero(narrowest[1:] < narrowest[:-1])
        joins += 1
        reference = float(narrowest[0])
        stops = [(float(upper[0]), reference)]
        joining = upper.take(joins).tolist(), narrowest.take(joins).tolist()
        for join, scale in zip(*joining, strict=True):
            if scale * _SCALES_APART < reference:
                reference = scale
                stops.append((join, scale))
            else:
                stops[-1] = (stops[-1][0], scale)
        bottoms: list[float] = []
        kinks: list[float] = []
        for entrant in self.entrants:
            its_bottoms, its_kinks = entrant.block.rough()
            bottoms += its_bottoms
            kinks += its_kinks
        for kink in sorted({k for k in kinks if self._low < k < stops[0][0]})[-KINKS_MAX:]:
            place = next((i for i, stop in enumerate(stops) if stop[0] <= kink), len(stops))
            stops.insert(place, (kink, stops[place - 1][1]))
        is_graded = bool(bottoms) and max(bottoms) > self._low - stops[-1][1]
        return [*stops, (self._low, 1.0)], is_graded

    def _step(self, nodes: Floats, width: Floats, counts: Sequence[int]) -> float:
        """Add some panels, a row of `nodes` each; gives the chance that the best lies below."""
        z, panels = nodes.ravel(), len(nodes)
        columns = [
            # A family may lie below these panels as a whole.
            entrant.block.density(z, count) if count else np.empty((len(z), 0))
            for entrant, count in zip(self.entrants, counts, strict=True)
        ]
        mass = columns[0] if len(columns) == 1 else np.concatenate(columns, axis=1)
        mass = (mass.reshape(panels, -1) * width).reshape(mass.shape)
        racing = [e.above[:count] for e, count in zip(self.entrants, counts, strict=True)]
        above = racing[0] if len(racing) == 1 else np.concatenate(racing)
        below = _FROM_ABOVE[panels - 1] @ mass
        below += above
        np.subtract(1.0, below, out=below)
        np.maximum(below, _TINY, out=below)
        weights = _WEIGHTS[panels - 1]
        all_below = np.multiply.reduce(below, axis=1)
        all_below *= weights
        whole = weights @ mass
        mass /= below
        best = all_below @ mass
        start, lowest = 0, float(width[-1, 0])
        for entrant, count in zip(self.entrants, counts, strict=True):
            end = start + count
            entrant.above[:count] += whole[start:end]
            entrant.best[:count] += best[start:end]
            # Nodes ascend within a panel, so the lowest is the first of the last panel. One without
            # a width holds nothing, and hazards stay as they stood above it.
            if lowest > 0.0:
                entrant.hazard[:count] = mass[-_NODES, start:end] / lowest
            start = end
        return self._below()

    def _below(self) -> float:
        product = 1.0
        for entrant in self.entrants:
            product *= float(np.multiply.reduce(np.maximum(1.0 - entrant.above, 0.0)))
        return product
