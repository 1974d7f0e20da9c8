"""What a plan leaves behind for serving: what every arm changes about later, in every state.

Law: whole micros in plain rows, rounded once when the table is made; asking it is a lookup, so it
says the same on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from heedful.learn.grid import GONE, Grid
from heedful.learn.plan import SILENT, Plan

Floats = npt.NDArray[np.float64]


class LaterTable(msgspec.Struct, frozen=True, tag="later"):
    """What arms change about everything that comes after the next choice, by state.

    Examples
    --------
    >>> grid = Grid((2,))
    >>> table = LaterTable(grid, ("", "offer"), ((-5, -9),), (-6, -6), (0, 1), ((1, 1), (1, 1)))
    >>> table.later("offer", 1), table.later("never seen", 1), table.then("offer", 0)
    (-9, -6, 'offer')
    """

    grid: Grid
    arms: tuple[str, ...]
    """Silence first."""
    rows: tuple[tuple[int, ...], ...]
    """Of every arm but silence, by state: micros beside silence."""
    usual: tuple[int, ...]
    """By state: what the arms change on average, which is believed of one that was not seen."""
    best: tuple[int, ...]
    """By state, the number of the arm that is worth the most."""
    likely: tuple[tuple[int, ...], ...]
    """Of every arm, silence included, by state: the most likely state after, or `GONE`."""
    centre: int = 0
    """Micros that a person of those learned from is foreseen to be worth, on average; 0 where
    nobody foresees it."""

    def later(self, arm: str, state: int) -> int:
        """Give what an arm changes about later, in micros; silence changes nothing."""
        if arm == SILENT:
            return 0
        if arm in self.arms:
            return self.rows[self.arms.index(arm) - 1][state]
        return self.usual[state]

    def then(self, arm: str, state: int) -> str:
        """Give the arm that is best where this one most likely leads; `SILENT` for none."""
        number = self.arms.index(arm) if arm in self.arms else 0
        after = self.likely[number][state]
        return SILENT if after == GONE else self.arms[self.best[after]]


def later_table(
    plan: Plan,
    without: Sequence[Plan],
    said: Mapping[str, int],
    said_min: int,
    at_most: int,
) -> LaterTable:
    """Write a plan as a table, as far as it is sure of what it says.

    Parameters
    ----------
    without
        Plans that each leave another part of the people out.
    said
        How often each arm was taken; one taken less than `said_min` times has no row.
    at_most
        Micros that no figure goes beyond, either way.

    Notes
    -----
    A figure L with the jackknife's standard error e is written as `L * max(0, 1 - e^2 / L^2)`: what
    the parts of the people do not agree on counts for little, what is noise for nothing.

    References
    ----------
    W. James, C. Stein, "Estimation with Quadratic Loss", 1961 (the positive part).
    B. Efron, "The Jackknife, the Bootstrap and Other Resampling Plans", 1982.
    """
    states = range(plan.grid.size)
    arms = (SILENT, *(arm for arm in plan.arms[1:] if said.get(arm, 0) >= said_min))
    rows = [_sure(_later(plan, arm), [_later(p, arm) for p in without]) for arm in arms[1:]]
    shares = np.array([said[arm] for arm in arms[1:]], dtype=np.float64)
    usual = np.average(rows, axis=0, weights=shares) if rows else np.zeros(len(states))
    number = {arm: place for place, arm in enumerate(arms)}
    return LaterTable(
        plan.grid,
        arms,
        tuple(_whole(row, at_most) for row in rows),
        _whole(usual, at_most),
        tuple(number.get(plan.best_of(arms, state), 0) for state in states),
        tuple(tuple(plan.likely(arm, state) for state in states) for arm in arms),
    )


def _later(plan: Plan, arm: str) -> Floats:
    return np.array([plan.later(arm, s) for s in range(plan.grid.size)], dtype=np.float64)


def _sure(whole: Floats, parts: Sequence[Floats]) -> Floats:
    """Shrink figures by how much they depend on who was looked at."""
    count = len(parts)
    if count < 2:
        return whole
    found = np.array(parts)
    squared = ((found - found.mean(axis=0)) ** 2).sum(axis=0) * (count - 1) / count
    doubt = squared / np.maximum(whole**2, 1.0)
    shrunk: Floats = whole * np.maximum(0.0, 1.0 - doubt)
    return shrunk


def _whole(row: Floats, at_most: int) -> tuple[int, ...]:
    return tuple(int(micros) for micros in np.clip(np.rint(row), -at_most, at_most).tolist())
