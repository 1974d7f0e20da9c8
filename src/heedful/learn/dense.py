"""Gaussian beliefs about one weight vector for each action, shrunk to the mean of its group.

The belief of action `a` is `N(m_a, S_a)` with the prior `N(mu_g, 1 / lam_a)`, where `mu_g` moves as
the group learns. What the outcomes alone say is kept as `b_a = m_a - S_a (lam_a * mu_g)`, so a new
group mean reaches all its actions without touching them, and the less the more they know.

A person is seen beside the usual one of the action, the mean of those it was tried with, each by
what its outcome could tell. What is believed of the usual person, the first weight, is then
independent of all others: it is a level that is counted, and the others are filtered.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from heedful.kernel import InputError, expected
from heedful.learn.level import COUNTS, Level, Start, Told, start_at, start_of
from heedful.learn.prior import Prior
from heedful.learn.quadrature import Floats

ACTIONS_MAX: Final = 4_096
"""Actions that one model relates to the whole context, each goal counted apart; more are refused.
A block is 4 KB at 22 features and 33 KB at 64."""

SLOT_ARRAYS: Final = (
    "spread",
    "learned",
    "usual",
    "informed",
    "level",
    "offset",
    "bias_precision",
    "group",
    "at",
)
GROUP_ARRAYS: Final = ("weight", "total", "mean", "stale")

_GROUP_REFRESH: Final = 32  # updates between two solutions for the mean of a group
_WAITING_MAX: Final = 16  # outcomes of a group that are added together
_FIRST_CAPACITY: Final = 16

Key = tuple[str, str]

_Outcome = tuple[Floats, float, float]
"""What an update of an action says of its group: its reach, and how far that goes into the weight
and into the total. The first weight is not among it: levels are counted at once."""


class Score(NamedTuple):
    """One action's linear score and what an update needs."""

    mean: float
    variance: float
    x: Floats
    """The person beside the usual one, of shape (d,); the first is 1."""
    reach: Floats
    """S_a x, of shape (d,); 0 for the level."""
    pulled: float
    """What the group adds to the mean by its features."""
    at: float
    """What is believed of the usual person, log-odds."""
    level: Level
    start: Start

    @property
    def apart(self) -> float:
        """By how much the features set the person apart from the usual one, log-odds."""
        return self.mean - self.at


class _Group:
    """What the arrays say of one group, and the outcomes that are not added to them yet."""

    def __init__(self, blocks: DenseBlocks, number: int) -> None:
        self.number = number
        self.waiting: list[_Outcome] = []
        self.read(blocks)

    def read(self, blocks: DenseBlocks) -> None:
        """Read its mean, and how many outcomes may wait until it is solved for again."""
        mean = blocks.mean[self.number]
        self.bias = float(mean[0])
        self.pull: Floats = blocks.precision * mean
        """What it says of the features of its actions; 0 for the level."""
        self.pull[0] = 0.0
        self.room = _GROUP_REFRESH - int(blocks.stale[self.number])


class _Block:
    """What the arrays say of one action: views, so that an update need not look for them."""

    def __init__(self, blocks: DenseBlocks, slot: int, group: _Group) -> None:
        self.group = group
        self.offset = float(blocks.offset[slot])
        self.bias_precision = float(blocks.bias_precision[slot])
        self.spread: Floats = blocks.spread[slot]
        self.learned: Floats = blocks.learned[slot]
        self.usual: Floats = blocks.usual[slot]
        self.level: Floats = blocks.level[slot]


class DenseBlocks:
    """Beliefs for each (goal, action) and means for each (goal, group), as stacked arrays.

    Notes
    -----
    What outcomes say of a group waits until its mean is solved for or somebody reads it, and is
    then added in their order, so that when it was read changes no bit.
    """

    def __init__(self, width: int, feature_variance: float, group_strength: float) -> None:
        self.width = width
        self.precision = np.full(width, 1.0 / feature_variance)
        self._group_prior = np.diag(group_strength * self.precision)
        self.slots: dict[Key, int] = {}
        self.groups: dict[Key, int] = {}
        d, count = width, _FIRST_CAPACITY
        self.spread: Floats = np.zeros((count, d, d))
        self.learned: Floats = np.zeros((count, d))
        self.usual: Floats = np.zeros((count, d))
        self.informed: Floats = np.zeros(count)
        self.level: Floats = np.zeros((count, COUNTS))
        self.offset: Floats = np.zeros(count)
        self.bias_precision: Floats = np.zeros(count)
        self.group: npt.NDArray[np.int64] = np.zeros(count, dtype=np.int64)
        self.at: npt.NDArray[np.int64] = np.zeros(count, dtype=np.int64)
        self.weight: Floats = np.zeros((count, d, d))
        self.total: Floats = np.zeros((count, d))
        self.mean: Floats = np.zeros((count, d))
        self.stale: npt.NDArray[np.int64] = np.zeros(count, dtype=np.int64)
        self._blocks: dict[int, _Block] = {}
        self._groups: dict[int, _Group] = {}

    def slot(self, goal: str, action: str, group: str, prior: Prior, at: int) -> int:
        """Find the block of an action, or begin one at its prior.

        Raises
        ------
        InputError
            `too_many_arms` when the model is full.
        """
        found = self.slots.get((goal, action))
        if found is not None:
            return found
        slot = len(self.slots)
        if slot >= ACTIONS_MAX:
            what = expected(f"at most {ACTIONS_MAX} goals and actions", "one more", "$.model")
            raise InputError("too_many_arms", what)
        if slot == len(self.offset):
            self.reserve(2 * slot, 0)
        self.slots[goal, action] = slot
        offset, self.bias_precision[slot] = start_of(prior)
        self.offset[slot], self.informed[slot] = offset, self.bias_precision[slot]
        self.level[slot] = Level(0.0, 0.0, offset, offset)
        self.group[slot] = self._group_slot(goal, group)
        self.at[slot] = at
        self.spread[slot] = np.diag(1.0 / self.precisions(slot))
        return slot

    def _group_slot(self, goal: str, group: str) -> int:
        found = self.groups.get((goal, group))
        if found is not None:
            return found
        slot = len(self.groups)
        if slot == len(self.stale):
            self.reserve(0, 2 * slot)
        self.groups[goal, group] = slot
        return slot

    def reserve(self, slots: int, groups: int) -> None:
        """Make room for at least as many blocks and groups."""
        self.settle()
        self._blocks.clear()  # they are views of arrays that are replaced
        if slots > len(self.offset):
            _grow(self, SLOT_ARRAYS, slots)
        if groups > len(self.stale):
            _grow(self, GROUP_ARRAYS, groups)

    def copy_from(self, other: DenseBlocks) -> None:
        """Take over what another one has learned."""
        other.settle()
        self._blocks.clear()
        self._groups.clear()
        self.slots, self.groups = dict(other.slots), dict(other.groups)
        for name in (*SLOT_ARRAYS, *GROUP_ARRAYS):
            setattr(self, name, getattr(other, name).copy())

    def __getstate__(self) -> dict[str, Any]:
        """Leave the views out: a copy has arrays of its own."""
        self.settle()
        return {**self.__dict__, "_blocks": {}, "_groups": {}}

    def precisions(self, slot: int) -> Floats:
        """Give the prior precision of each weight of an action, of shape (d,)."""
        row: Floats = self.precision.copy()
        row[0] = self.bias_precision[slot]
        return row

    def pull(self, slot: int) -> Floats:
        """Give lam_a * mu_g: what the group says, weighed by the prior, of shape (d,)."""
        result: Floats = self.precisions(slot) * self.mean[self.group[slot]]
        return result

    def usual_of(self, slot: int) -> Floats:
        """Give the usual person of an action, of shape (d,); the first is 0."""
        return (self._blocks.get(slot) or self._block(slot)).usual

    def score(self, slot: int, x: Floats) -> Score:
        """Score a person, who is seen beside the usual one, under one action."""
        block = self._blocks.get(slot) or self._block(slot)
        group, reach = block.group, block.spread.dot(x)
        variance, doubt = float(reach.dot(x)), float(reach[0])
        reach[0] = 0.0
        own = float(block.learned[0])
        pulled = float(reach.dot(group.pull))
        at = block.offset + own + doubt * block.bias_precision * group.bias
        mean = at + float(block.learned.dot(x)) - own + pulled
        begin = start_at(block.offset + group.bias, block.bias_precision)
        level = Level(*block.level.tolist())
        return Score(mean, variance, x, reach, pulled, at, level, begin)

    def update(
        self, slot: int, score: Score, slope: float, curvature: float, told: Told, apart: float
    ) -> None:
        """Take in one outcome of a score: `m += slope * reach`, `S -= curvature * reach reach'`.

        Parameters
        ----------
        apart
            By how much all that is seen beside the usual person set this one apart, log-odds.
        """
        block = self._blocks.get(slot) or self._block(slot)
        group, reach = block.group, score.reach
        size = curvature**0.5
        root = size * reach
        step = slope + curvature * score.pulled
        spread, learned = block.spread, block.learned
        spread -= root[:, None].dot(root[None, :])
        learned += step * reach
        informed = float(self.informed[slot]) + told.informs
        part = told.informs / informed
        block.usual[1:] += part * score.x[1:]
        level = score.level.told(score.start, told, part * apart)
        self._count(slot, block, level, score.start, informed)
        waiting = group.waiting
        waiting.append((reach, size, step))
        if len(waiting) >= group.room:
            self._refresh(group)
        elif len(waiting) >= _WAITING_MAX:
            self._settle(group)

    def _count(self, slot: int, block: _Block, level: Level, begin: Start, informed: float) -> None:
        """Believe in a level, and tell the group."""
        number, precision, doubt = block.group.number, block.bias_precision, 1.0 / informed
        block.level[:], self.informed[slot] = level, informed
        own = level.log_odds(begin) - block.offset - doubt * precision * block.group.bias
        was, before = float(block.spread[0, 0]), float(block.learned[0])
        block.spread[0, 0], block.learned[0] = doubt, own
        self.weight[number, 0, 0] += precision * precision * (was - doubt)
        self.total[number, 0] += precision * (own - before)

    def _block(self, slot: int) -> _Block:
        number = int(self.group[slot])
        group = self._groups.get(number)
        if group is None:
            group = self._groups[number] = _Group(self, number)
        block = self._blocks[slot] = _Block(self, slot, group)
        return block

    def settle(self) -> None:
        """Add to the sums of the groups what was learned since; read them after it only."""
        for group in self._groups.values():
            self._settle(group)

    def _settle(self, group: _Group) -> None:
        if not group.waiting:
            return
        reach, roots, steps = zip(*group.waiting, strict=True)
        reached = np.array(reach)
        root, step = both = np.array((roots, steps))[:, :, None] * reached
        both *= self.precision
        weight, total = self.weight[group.number], self.total[group.number]
        count, width = step.shape
        rows = np.empty((1 + count, width + 1, width))
        rows[0, 1:], rows[0, 0], rows[1:, 0] = weight, total, step
        np.multiply(root[:, :, None], root[:, None, :], out=rows[1:, 1:])
        # Over the outer axis rows are added one after the other, as if none had waited.
        sums = np.add.reduce(rows, axis=0)
        total[:], weight[:] = sums[0], sums[1:]
        self.stale[group.number] += len(reached)
        group.room -= len(reached)
        group.waiting.clear()

    def means(self) -> Floats:
        """Give the means of all groups with all that they learned, of shape (groups, d).

        Notes
        -----
        To ask changes nothing: what is learned next must not depend on who asked when.
        """
        self.settle()
        means = self.mean[: len(self.groups)].copy()
        for group in np.flatnonzero(self.stale[: len(self.groups)]).tolist():
            means[group] = self._solved(group)
        return means

    def _solved(self, group: int) -> Floats:
        system = self.weight[group] + self._group_prior
        result: Floats = np.linalg.solve(system, self.total[group])
        return result

    def _refresh(self, group: _Group) -> None:
        self._settle(group)
        number = group.number
        self.mean[number] = self._solved(number)
        self.stale[number] = 0
        group.read(self)

    def forget(self, slot: int, factor: float) -> None:
        """Let what an action has learned count `1 / factor` as much, its best guess unchanged.

        Notes
        -----
        The information is discounted, not the covariance raised: `S' = f S (I + (f - 1) lam S)^-1`
        never exceeds the prior. The usual person moves back to whom the prior is about, and the
        level is that of this person, so that nobody's chance moves.
        """
        block = self._blocks.get(slot) or self._block(slot)
        group, number = block.group, block.group.number
        self._settle(group)
        group.room -= 1
        self.stale[number] += 1
        spread, precision = block.spread[1:, 1:], self.precision[1:]
        pull, learned, usual = group.pull[1:], block.learned[1:], block.usual[1:]
        guess = learned + spread @ pull
        known, prior = float(self.informed[slot]), block.bias_precision
        informed = prior + (known - prior) / factor
        was = usual.copy()
        usual *= known / (factor * informed)  # as who is usual before any outcome counts for more
        begin = start_at(block.offset + group.bias, prior)
        level = Level(*block.level.tolist()).faded(begin, factor, float(guess.dot(usual - was)))
        self._count(slot, block, level, begin, informed)
        system = np.eye(self.width - 1) + (factor - 1.0) * spread * precision
        faded = factor * np.linalg.solve(system, spread)
        # What is known by how people differ from who was usual is known from who is usual now.
        further = known * (factor - 1.0) * prior / (factor * factor * informed)
        reach = faded @ was
        faded -= np.multiply.outer(reach, reach) * (further / (1.0 + further * reach.dot(was)))
        faded = 0.5 * (faded + faded.T)
        own = guess - faded @ pull
        self.weight[number, 1:, 1:] += (spread - faded) * np.multiply.outer(precision, precision)
        self.total[number, 1:] += precision * (own - learned)
        spread[:], learned[:] = faded, own


def _grow(blocks: DenseBlocks, names: tuple[str, ...], count: int) -> None:
    for name in names:
        old = getattr(blocks, name)
        new = np.zeros((count, *old.shape[1:]), dtype=old.dtype)
        new[: len(old)] = old
        setattr(blocks, name, new)
