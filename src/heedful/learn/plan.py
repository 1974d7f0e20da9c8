"""Solving for what comes after: from counted transitions to the value of every state.

Cells that were seen seldom borrow from their neighbours on the grid; an arm that nobody tried near
a state is believed to be like silence there. What follows is value iteration on the process that
the counts make.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from heedful.kernel import DAY_MS
from heedful.learn.grid import GONE, Grid

SILENT: Final = ""
"""The arm that every state has, and that an arm nobody tried is believed to be like."""

_SWEEPS_MAX: Final = 4_000
_SETTLED: Final = 1e-7
"""Part of the largest value by which a sweep may still change one."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class ContinuationSettings(msgspec.Struct, frozen=True):
    """How far a fit looks, and how much it trusts what it saw seldom."""

    horizon_ms: int = 365 * DAY_MS
    """Time after which money counts a third (e**-1) of what it counts now."""
    borrowed: float = 60.0
    """Transitions that what neighbours say is worth: of 0, 4, 8, 20 and 60 the best in eight small
    worlds whose optimum is known."""
    seen_min: float = 4.0
    """Transitions, of neighbours too, below which an arm is believed to be like silence."""


class Rows(NamedTuple):
    """Counted transitions, each of shape (n,)."""

    state: Ints
    arm: Ints
    after: Ints
    times: Floats
    micros: Floats
    spans: Floats


class _Table(NamedTuple):
    """A semi-Markov process: sparse chances, and rewards and spans of shape (states * arms,)."""

    cell: Ints
    """State and arm of each chance, as one number."""
    after: Ints
    chance: Floats
    reward: Floats
    span: Floats
    shape: tuple[int, int]

    def likely(self) -> Ints:
        """Give the most likely state after each state and arm, `GONE` where none was seen."""
        best = np.full(self.shape[0] * self.shape[1], GONE, dtype=np.int64)
        order = np.lexsort((-self.after, self.chance))
        stays = order[self.after[order] >= 0]
        best[self.cell[stays]] = self.after[stays]
        return best.reshape(self.shape)


class _Strange(NamedTuple):
    """States of which nothing is known."""

    states: Ints
    visited: Floats
    """Part of all transitions that began in each of the others, of shape (states,)."""


def solve(grid: Grid, arms: tuple[str, ...], rows: Rows, settings: ContinuationSettings) -> Plan:
    """Solve for the value of every state under the best later choices.

    Parameters
    ----------
    arms
        `SILENT` first; `rows` number them.
    """
    table, strange = _lent(rows, grid, len(arms), settings)
    value, worth, later = _solved(table, strange, settings)
    return Plan(grid, arms, value, worth, later, table.likely())


def _lent(
    rows: Rows, grid: Grid, arms: int, settings: ContinuationSettings
) -> tuple[_Table, _Strange]:
    """Let cells borrow from neighbours, unknown arms be like silence, and unknown silence usual."""
    table, is_known = _blended(rows, grid, arms, settings)
    whatever, is_lived = _blended(rows._replace(arm=np.zeros_like(rows.arm)), grid, 1, settings)
    silent = np.arange(grid.size) * arms
    # Where nobody was silent, silence is like whatever was done there; where nobody was, a state is
    # worth what states are on average. Worth nothing, it would punish every way that leads there.
    mixed = np.flatnonzero(~is_known[silent] & is_lived)
    strange = np.flatnonzero(~is_known[silent] & ~is_lived)
    table.reward[mixed * arms] = whatever.reward[mixed]
    table.span[mixed * arms] = whatever.span[mixed]
    visits = _counted(rows.state, rows.times, grid.size)
    visits[strange] = 0.0
    taken = np.isin(whatever.cell, mixed)
    cell = np.concatenate((table.cell, whatever.cell[taken] * arms))
    order = np.argsort(cell, kind="stable")
    table = table._replace(
        cell=cell[order],
        after=np.concatenate((table.after, whatever.after[taken]))[order],
        chance=np.concatenate((table.chance, whatever.chance[taken]))[order],
    )
    cells = np.arange(grid.size * arms)
    source = np.where(is_known, cells, cells // arms * arms)
    table = table._replace(reward=table.reward[source], span=table.span[source])
    return _spread(table, source), _Strange(strange, visits / max(visits.sum(), 1e-9))


def _blended(
    rows: Rows, grid: Grid, arms: int, settings: ContinuationSettings
) -> tuple[_Table, npt.NDArray[np.bool_]]:
    """Blend what cells saw with what neighbours did; give, too, which were seen often enough."""
    own = _summed([rows], grid.size * arms, arms)
    near = _summed(_shifted(rows, grid), grid.size * arms, arms)
    # What is not borrowed from neighbours has to be seen itself.
    seen = (near.total >= settings.seen_min) & ((settings.borrowed > 0.0) | (own.total > 0.0))
    # What neighbours say counts as so many transitions, whatever their number.
    lent = np.where(seen, settings.borrowed / np.maximum(near.total, 1e-9), 0.0)
    total = np.where(seen, own.total + lent * near.total, 1.0)
    reward = np.where(seen, (own.micros + lent * near.micros) / total, 0.0)
    span = np.where(seen, (own.spans + lent * near.spans) / total, 0.0)
    keys = np.concatenate((own.keys, near.keys))
    cells = keys // (grid.size + 1)
    weights = np.concatenate((own.times, near.times * lent[near.keys // (grid.size + 1)]))
    weights *= seen[cells]
    unique, back = np.unique(keys, return_inverse=True)
    summed = _counted(back, weights, len(unique))
    cell, after = unique // (grid.size + 1), unique % (grid.size + 1) - 1
    kept = summed > 0.0
    cell, after = cell[kept], after[kept]
    chance = summed[kept] / total[cell]
    return _Table(cell, after, chance, reward, span, (grid.size, arms)), seen


def _spread(table: _Table, source: Ints) -> _Table:
    """Copy the chances of silence to the arms that stand in its place."""
    borrowing = np.flatnonzero(source != np.arange(len(source)))
    first = np.searchsorted(table.cell, source[borrowing])
    many = np.searchsorted(table.cell, source[borrowing], side="right") - first
    starts = np.repeat(first - np.concatenate(([0], np.cumsum(many)[:-1])), many)
    taken = (np.arange(int(many.sum())) + starts).astype(np.int64)
    return table._replace(
        cell=np.concatenate((table.cell, np.repeat(borrowing, many))),
        after=np.concatenate((table.after, table.after[taken])),
        chance=np.concatenate((table.chance, table.chance[taken])),
    )


class _Sums(NamedTuple):
    keys: Ints
    """State, arm and state after, as one number."""
    times: Floats
    total: Floats
    """Times of each state and arm; micros and spans likewise."""
    micros: Floats
    spans: Floats


def _summed(parts: list[Rows], cells: int, arms: int) -> _Sums:
    state, arm, after, times, micros, spans = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    cell = state * arms + arm
    states = cells // arms
    keys, back = np.unique(cell * (states + 1) + after + 1, return_inverse=True)
    return _Sums(
        keys,
        _counted(back, times, len(keys)),
        *(_counted(cell, column, cells) for column in (times, micros, spans)),
    )


def _counted(place: Ints, weights: Floats, count: int) -> Floats:
    counted: Floats = np.bincount(place, weights, count).astype(np.float64)
    return counted


def _shifted(rows: Rows, grid: Grid) -> list[Rows]:
    """Give transitions as they would be one step aside on the grid, weighing a half a step.

    Notes
    -----
    Where the next state lies at an end of an axis, as after a reset, it stays there; else it moves
    as the state does.
    """
    levels = np.array(grid.levels)[:, None]
    at = np.array(np.unravel_index(rows.state, grid.levels))
    is_gone = rows.after < 0
    to = np.array(np.unravel_index(np.maximum(rows.after, 0), grid.levels))
    is_end = ((to == 0) | (to == levels - 1)) & (to != at)
    found = []
    steps = [(0,) if axis in grid.unordered else (-1, 0, 1) for axis in range(len(grid.levels))]
    for step in product(*steps):
        aside = np.array(step)[:, None]
        moved = at + aside
        inside = ((moved >= 0) & (moved < levels)).all(axis=0)
        then = np.clip(np.where(is_end, to, to + aside), 0, levels - 1)
        weight = 0.5 ** np.abs(aside).sum()
        state = np.ravel_multi_index(tuple(moved[:, inside]), grid.levels)
        after = np.where(is_gone, GONE, np.ravel_multi_index(tuple(then), grid.levels))[inside]
        part = rows._replace(
            state=state.astype(np.int64),
            after=after.astype(np.int64),
            arm=rows.arm[inside],
            times=rows.times[inside] * weight,
            micros=rows.micros[inside] * weight,
            spans=rows.spans[inside] * weight,
        )
        found.append(part)
    return found


def _solved(
    table: _Table, strange: _Strange, settings: ContinuationSettings
) -> tuple[Floats, Floats, Floats]:
    """Iterate to the value of every state; give it, what each arm is worth, and what follows it."""
    states, arms = table.shape
    discount = np.exp(-table.span / settings.horizon_ms)
    value = np.zeros(states)
    stays = table.after >= 0
    cell, after = table.cell[stays], table.after[stays]
    chance = table.chance[stays] * discount[cell]
    later = np.zeros(states * arms)
    for _ in range(_SWEEPS_MAX):
        later = _counted(cell, chance * value[after], states * arms)
        later.reshape(states, arms)[strange.states] = value.dot(strange.visited)
        newer = (table.reward + later).reshape(states, arms).max(axis=1)
        change = float(np.abs(newer - value).max())
        value = newer
        if change <= _SETTLED * max(float(np.abs(value).max()), 1.0):
            break
    worth = (table.reward + later).reshape(states, arms)
    return value, worth, later.reshape(states, arms)


class Next(NamedTuple):
    """What to do, and what then if nothing comes of it."""

    arm: str
    """`SILENT` for nothing."""
    then: str
    """The arm that is best where this one most likely leads."""


class Plan:
    """What every state is worth, and what each arm changes about that.

    Parameters
    ----------
    value
        Shape (states,), micros.
    worth, later
        Shape (states, arms): reward and what follows together, and what follows alone.
    likely
        Shape (states, arms): the most likely state after.
    """

    def __init__(
        self,
        grid: Grid,
        arms: tuple[str, ...],
        value: Floats,
        worth: Floats,
        later: Floats,
        likely: Ints,
    ) -> None:
        self.grid = grid
        self.arms = arms
        self._number: Mapping[str, int] = {arm: place for place, arm in enumerate(arms)}
        self._value, self._worth = np.rint(value), np.rint(worth)
        self._later, self._likely = np.rint(later), likely

    def value(self, state: int) -> int:
        """Give what a state is worth, in micros over the horizon."""
        return int(self._value[state])

    def later(self, arm: str, state: int) -> int:
        """Give what an arm changes about everything after the next choice, in micros.

        Notes
        -----
        `gamma (E[V(s') | s, arm] - E[V(s') | s, silence])`: what the arm brings at once is not in
        it. An arm that was never seen changes nothing.
        """
        number = self._number.get(arm)
        return 0 if number is None else int(self._later[state, number] - self._later[state, 0])

    def best(self, state: int) -> str:
        """Give the arm that is worth the most in a state; of equals silence, then by name."""
        return self.arms[int(np.argmax(self._worth[state]))]

    def best_of(self, arms: Sequence[str], state: int) -> str:
        """Give the best of some arms that the plan knows; of equals the first."""
        return max(arms, key=lambda arm: self._worth[state, self._number[arm]])

    def likely(self, arm: str, state: int) -> int:
        """Give the most likely state after an arm; `GONE` where none was seen."""
        return int(self._likely[state, self._number.get(arm, 0)])

    def next(self, state: int, arm: str | None = None) -> Next:
        """Give what to do next (the best, or this arm), and what if nothing comes of it."""
        chosen = self.best(state) if arm is None else arm
        after = self.likely(chosen, state)
        return Next(chosen, SILENT if after == GONE else self.best(after))

    def table(self) -> Any:
        """Give what every arm is worth in every state, in micros, shape (states, arms)."""
        return self._worth.copy()
