"""The transparent estimator: how often each arm reached each goal, as a Beta posterior.

Law: without forgetting the counts are integers and the fold is exact, so any split of the rows
over several learners merges to the same bytes. With a half-life the counts are rounded as they
fade, which is exact on one platform fingerprint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, Self

import msgspec
import numpy as np

from heedful.kernel import MICRO, InputError, canonical, expected
from heedful.learn.context import Context
from heedful.learn.model import Beliefs, Panel
from heedful.learn.prior import Prior
from heedful.learn.rows import LearningRow
from heedful.learn.stored import read_stored

SCHEMA: Final = 1

CELLS_MAX: Final = 262_144
"""Pairs of arm and goal in one model by default; a row that would need another is refused."""


class Posterior(NamedTuple):
    """Shapes of a Beta distribution over the chance that the goal is reached."""

    alpha: float
    beta: float


class _Cell(NamedTuple):
    """Outcomes of one arm for one goal, in millionths, as they weigh at `at`."""

    positive: int
    negative: int
    at: int

    def faded(self, at: int, half_life_ms: int | None) -> _Cell:
        """Show the counts at a later time; an earlier one leaves them."""
        if half_life_ms is None or at <= self.at:
            return self._replace(at=max(at, self.at))
        factor = 2.0 ** ((self.at - at) / half_life_ms)
        return _Cell(round(self.positive * factor), round(self.negative * factor), at)

    def plus(self, other: _Cell, half_life_ms: int | None) -> _Cell:
        """Add two cells as they weigh at the later of their times."""
        at = max(self.at, other.at)
        mine, theirs = self.faded(at, half_life_ms), other.faded(at, half_life_ms)
        return _Cell(mine.positive + theirs.positive, mine.negative + theirs.negative, at)


class _Snapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="beta_arms"):
    schema: Literal[1]
    learn_seq: int
    half_life_ms: int | None
    cells: list[tuple[str, str, int, int, int]]


_EMPTY: Final = _Cell(0, 0, -(1 << 63))
_DECODER: Final = msgspec.msgpack.Decoder(_Snapshot)


class BetaScorer(NamedTuple):
    """Posteriors of many arms, the same in every context."""

    found: Beliefs

    def beliefs(self, context: Context | None) -> Beliefs:
        """Give the posteriors."""
        return self.found


class BetaArms:
    """Counts of outcomes for each arm and goal, folded from learning rows.

    Parameters
    ----------
    half_life_ms
        Age at which an outcome counts half; None keeps every outcome for ever.
    cells_max
        Pairs of arm and goal that are counted; a row that would need another is refused.

    Examples
    --------
    >>> model = BetaArms()
    >>> row = LearningRow(
    ...     learn_seq=1, decision_id="d_1", arm="tips", goal="purchase", state="converted",
    ...     outcome=1_000_000, decided_at=0, at=5,
    ... )
    >>> model.learn_one(row)
    True
    >>> model.posterior("tips", "purchase", Prior(p=0.04, strength=50))
    Posterior(alpha=3.0, beta=48.0)

    References
    ----------
    O. Chapelle, L. Li, "An Empirical Evaluation of Thompson Sampling", 2011.
    """

    transparency: Final = 1.0
    """Every probability is two counts and a declared belief: nothing is hidden."""

    def __init__(self, half_life_ms: int | None = None, cells_max: int = CELLS_MAX) -> None:
        if half_life_ms is not None and half_life_ms <= 0:
            raise InputError(
                "bad_half_life", expected("a span above 0", str(half_life_ms), "$.half_life")
            )
        self.half_life_ms = half_life_ms
        self.cells_max = cells_max
        self.learn_seq = 0
        self._cells: dict[tuple[str, str], _Cell] = {}

    def learn_one(self, row: LearningRow) -> bool:
        """Fold one row; a row at or before `learn_seq` was folded already and is left out.

        Returns
        -------
        Whether the row taught something: a pending or withdrawn one only moves `learn_seq`.

        Raises
        ------
        InputError
            `bad_learning_row` when outcome or weight is out of its range, `too_many_arms` when
            the model is full.
        """
        if row.learn_seq <= self.learn_seq:
            return False
        if not (0 <= row.outcome <= MICRO and row.weight >= 0 <= row.retract):
            got = f"outcome {row.outcome}, weight {row.weight}, retract {row.retract}"
            path = f"$.rows[{row.learn_seq}]"
            raise InputError("bad_learning_row", expected("millionths", got, path))
        weight = 0 if row.state in ("pending", "withdrawn") else row.weight
        if weight == row.retract == 0:
            self.learn_seq = row.learn_seq
            return False
        key = (row.arm, row.goal)
        if key not in self._cells and len(self._cells) >= self.cells_max:
            what = expected(f"at most {self.cells_max} arms and goals", "one more", "$.model")
            raise InputError("too_many_arms", what)
        positive = row.outcome * weight // MICRO
        taught = _Cell(positive, weight - positive - row.retract, row.at)
        known = self._cells.get(key)
        self._cells[key] = taught if known is None else known.plus(taught, self.half_life_ms)
        self.learn_seq = row.learn_seq
        return True

    def posterior(self, arm: str, goal: str, prior: Prior, at: int | None = None) -> Posterior:
        """Give the posterior of an arm's chance to reach a goal.

        Parameters
        ----------
        at
            Time at which the counts are weighed; None is the time of the arm's last outcome.
        """
        cell = self._cells.get((arm, goal), _EMPTY)
        if at is not None:
            cell = cell.faded(at, self.half_life_ms)
        # What is taken back has not faded as what was learned has, so a count may fall below 0.
        alpha = prior.p * prior.strength + max(cell.positive, 0) / MICRO
        beta = (1.0 - prior.p) * prior.strength + max(cell.negative, 0) / MICRO
        return Posterior(alpha, beta)

    @property
    def is_contextual(self) -> bool:
        """Give False: it says the same of everybody."""
        return False

    def context(self, ids: Sequence[int], values: Sequence[float]) -> None:
        """Read nothing."""

    def scorer(self, panel: Panel, at: int | None = None) -> BetaScorer:
        """Weigh the counts of many arms at once, as `posterior` does of one."""
        cells = [self._cells.get(key, _EMPTY) for key in panel.keys]
        if at is not None and self.half_life_ms is not None:
            cells = [cell.faded(at, self.half_life_ms) for cell in cells]
        counts = np.fromiter((cell.positive for cell in cells), np.float64, len(cells))
        misses = np.fromiter((cell.negative for cell in cells), np.float64, len(cells))
        alpha = panel.prior_alpha + np.maximum(counts, 0.0) / MICRO
        beta = panel.prior_beta + np.maximum(misses, 0.0) / MICRO
        return BetaScorer(Beliefs("beta", alpha, beta, alpha / (alpha + beta)))

    def copy(self) -> Self:
        """Give a copy that shares nothing that is learned into."""
        other = type(self)(self.half_life_ms, self.cells_max)
        other.learn_seq = self.learn_seq
        other._cells = dict(self._cells)
        return other

    def outcomes(self, arm: str, goal: str) -> tuple[int, int]:
        """Give the weights of the positive and negative outcomes, in millionths."""
        cell = self._cells.get((arm, goal), _EMPTY)
        return cell.positive, cell.negative

    def merge(self, other: BetaArms) -> BetaArms:
        """Add the counts of two models that folded different rows.

        Raises
        ------
        InputError
            `bad_half_life` when the models forget at different speeds.
        """
        if self.half_life_ms != other.half_life_ms:
            got = f"{self.half_life_ms} and {other.half_life_ms}"
            raise InputError("bad_half_life", expected("one half-life", got, "$.half_life"))
        merged = BetaArms(self.half_life_ms, max(self.cells_max, other.cells_max))
        merged.learn_seq = max(self.learn_seq, other.learn_seq)
        merged._cells = dict(self._cells)
        for key, cell in other._cells.items():
            known = merged._cells.get(key)
            merged._cells[key] = cell if known is None else known.plus(cell, self.half_life_ms)
        return merged

    def encode(self) -> bytes:
        """Write the model as canonical bytes: equal models give equal bytes."""
        cells = [(*key, *cell) for key, cell in sorted(self._cells.items())]
        return canonical.encode(_Snapshot(SCHEMA, self.learn_seq, self.half_life_ms, cells))

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a model back.

        Raises
        ------
        InputError
            `bad_snapshot` when the bytes are no snapshot of this kind and schema.
        """
        snapshot = read_stored(_DECODER, body, "Beta arms")
        model = cls(snapshot.half_life_ms)
        model.learn_seq = snapshot.learn_seq
        model._cells = {
            (arm, goal): _Cell(positive, negative, at)
            for arm, goal, positive, negative, at in snapshot.cells
        }
        return model
