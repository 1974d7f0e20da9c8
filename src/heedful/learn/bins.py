"""Responses by arm, predictor and bin, kept beside any model: what its reports are made of.

Law: counts are integers, a value's finest bin is a function of the value alone, and what is left
out at a bound is what is last in a total order. So any order and any split of the rows over
several learners merges to the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Final, Literal, NamedTuple, Self, TypeVar

import msgspec

from heedful.kernel import MICRO, canonical
from heedful.learn.rows import LearningRow
from heedful.learn.stored import read_stored

SCHEMA: Final = 1

BINS_MAX: Final = 64
"""Bins of one predictor of one arm; at one more, neighbours are joined two by two."""

PREDICTORS_MAX: Final = 256
"""Predictors of one arm that are counted; of more, those with the lowest ids."""

COUNTED_ARMS_MAX: Final = 4_096
"""Arms and goals that are counted, and of each model those whose scores are; of more, the first by
name."""

_OCTAVE_MIN: Final = -29  # magnitudes below 2^-30 count as 0
_OCTAVE_MAX: Final = 62
_PARTS: Final = 16  # of an octave: bins are at most 1/16 wide, relative to their values


class Tally(NamedTuple):
    """Responses in millionths."""

    positives: int
    negatives: int

    @property
    def responses(self) -> int:
        return self.positives + self.negatives


class Bin(NamedTuple):
    """The responses of those whose value lies in `[lower, upper)`."""

    lower: float
    upper: float
    tally: Tally


Cells = dict[int, tuple[int, int]]
_Written = tuple[int, list[tuple[int, int, int]]]


class _Predictor(msgspec.Struct, array_like=True):
    level: int
    """How often neighbours were joined."""
    cells: Cells

    def add(self, key: int, positive: int, negative: int) -> None:
        key >>= self.level
        known = self.cells.get(key)
        if known is not None:
            self.cells[key] = (known[0] + positive, known[1] + negative)
            return
        self.cells[key] = (positive, negative)
        self.bound()

    def bound(self) -> None:
        while len(self.cells) > BINS_MAX:
            self.join(self.level + 1)

    def join(self, level: int) -> None:
        by = level - self.level
        if by <= 0:
            return
        joined: Cells = {}
        for key, (positive, negative) in self.cells.items():
            known = joined.get(key >> by, (0, 0))
            joined[key >> by] = (known[0] + positive, known[1] + negative)
        self.level, self.cells = level, joined

    def plus(self, other: _Predictor) -> _Predictor:
        total = _Predictor(self.level, dict(self.cells))
        total.join(other.level)
        theirs = _Predictor(other.level, other.cells)
        theirs.join(total.level)
        for key, (positive, negative) in theirs.cells.items():
            known = total.cells.get(key, (0, 0))
            total.cells[key] = (known[0] + positive, known[1] + negative)
        total.bound()
        return total

    def written(self) -> _Written:
        return self.level, [(key, *cell) for key, cell in sorted(self.cells.items())]

    def bins(self) -> list[Bin]:
        return [
            Bin(_edge(key << self.level), _edge(key + 1 << self.level), Tally(*cell))
            for key, cell in sorted(self.cells.items())
        ]


def _new_predictor() -> _Predictor:
    return _Predictor(0, {})


def _read_predictor(written: _Written) -> _Predictor:
    level, cells = written
    return _Predictor(level, {key: (positive, negative) for key, positive, negative in cells})


class _Arm(msgspec.Struct, array_like=True):
    positive: int = 0
    negative: int = 0
    predictors: dict[int, _Predictor] = {}

    def predictor(self, id_: int) -> _Predictor | None:
        """Find or begin a predictor; None for one that is past the bound."""
        known = self.predictors.get(id_)
        if known is None:
            if len(self.predictors) >= PREDICTORS_MAX:
                last = max(self.predictors)
                if id_ > last:
                    return None
                del self.predictors[last]
            known = self.predictors[id_] = _new_predictor()
        return known


ArmKey = tuple[str, str]
ScoreKey = tuple[str, str, str]
Key = TypeVar("Key", int, tuple[str, str], tuple[str, str, str])
Kept = TypeVar("Kept")


class _Snapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="bin_counts"):
    schema: Literal[1]
    learn_seq: int
    arms: list[tuple[str, str, int, int, list[tuple[int, _Written]]]]
    scores: list[tuple[str, str, str, _Written]]


_DECODER: Final = msgspec.msgpack.Decoder(_Snapshot)


class BinCounts:
    """Positive and negative responses for each goal, arm, predictor and bin of its value.

    Notes
    -----
    The finest bins are sixteenths of an octave. When a predictor has more than `BINS_MAX` of them
    neighbours are joined two by two, which depends on the set of values and not on their order.
    Memory is bounded by arms x predictors x bins.

    Examples
    --------
    >>> counts = BinCounts()
    >>> for seq, (state, visits) in enumerate([("expired", 1.0), ("converted", 6.0)], 1):
    ...     taught = counts.learn_one(LearningRow(
    ...         learn_seq=seq, decision_id="d", arm="tips", goal="purchase", state=state,
    ...         outcome=1_000_000 if state == "converted" else 0, decided_at=0, at=seq,
    ...         feature_ids=(7,), feature_values=(visits,),
    ...     ))
    >>> [(round(one.lower, 2), one.tally) for one in counts.bins("purchase", "tips", 7)]
    [(1.0, Tally(positives=0, negatives=1000000)), (6.0, Tally(positives=1000000, negatives=0))]

    References
    ----------
    I. Epicoco et al., "UDDSketch: Accurate Tracking of Quantiles in Data Streams", 2020, on
    joining bins uniformly.
    """

    def __init__(self) -> None:
        self.learn_seq = 0
        self._arms: dict[ArmKey, _Arm] = {}
        self._scores: dict[ScoreKey, _Predictor] = {}

    def learn_one(self, row: LearningRow) -> bool:
        """Count one row; a row at or before `learn_seq` was counted already and is left out.

        Returns
        -------
        Whether it counted: a pending row only moves `learn_seq`.
        """
        if row.learn_seq <= self.learn_seq:
            return False
        self.learn_seq = row.learn_seq
        weight = 0 if row.state in ("pending", "withdrawn") else row.weight
        if weight == row.retract == 0:
            return False
        positive = row.outcome * weight // MICRO
        negative = weight - positive - row.retract
        score = _held(self._scores, (row.model, row.goal, row.arm), _new_predictor)
        if score is not None:
            score.add(bin_of(row.p_ppm / MICRO), positive, negative)
        arm = _held(self._arms, (row.goal, row.arm), _Arm)
        if arm is None:
            return False
        arm.positive += positive
        arm.negative += negative
        for id_, value in zip(row.feature_ids, row.feature_values, strict=True):
            predictor = arm.predictor(id_)
            if predictor is not None:
                predictor.add(bin_of(value), positive, negative)
        return True

    def arms(self) -> list[ArmKey]:
        """List the pairs of goal and arm that were counted, in order."""
        return sorted(self._arms)

    def tally(self, goal: str, arm: str) -> Tally:
        """Give all responses of an arm for a goal."""
        known = self._arms.get((goal, arm))
        return Tally(0, 0) if known is None else Tally(known.positive, known.negative)

    def predictors(self, goal: str, arm: str) -> list[int]:
        """List the predictors that an arm was counted by, ascending."""
        known = self._arms.get((goal, arm))
        return [] if known is None else sorted(known.predictors)

    def bins(self, goal: str, arm: str, predictor: int) -> list[Bin]:
        """List the bins of a predictor that anything was counted in, by value.

        Notes
        -----
        A row that does not name the predictor stands in none of them: what is missing is the
        arm's tally less theirs.
        """
        known = self._arms.get((goal, arm))
        found = None if known is None else known.predictors.get(predictor)
        return [] if found is None else found.bins()

    def scored(self) -> list[ScoreKey]:
        """List the models with the goals and arms that they gave a chance, in order."""
        return sorted(self._scores)

    def scores(self, model: str, goal: str, arm: str) -> list[Bin]:
        """List the bins of the chances that a model gave an arm, by chance."""
        found = self._scores.get((model, goal, arm))
        return [] if found is None else found.bins()

    def merge(self, other: BinCounts) -> BinCounts:
        """Add the counts of two folds of different rows."""
        merged = BinCounts()
        merged.learn_seq = max(self.learn_seq, other.learn_seq)
        for key in _first(set(self._arms) | set(other._arms), COUNTED_ARMS_MAX):
            mine, theirs = self._arms.get(key, _Arm()), other._arms.get(key, _Arm())
            total = _Arm(mine.positive + theirs.positive, mine.negative + theirs.negative)
            ids = set(mine.predictors) | set(theirs.predictors)
            for id_ in _first(ids, PREDICTORS_MAX):
                one = mine.predictors.get(id_, _new_predictor())
                total.predictors[id_] = one.plus(theirs.predictors.get(id_, _new_predictor()))
            merged._arms[key] = total
        for scored in _first(set(self._scores) | set(other._scores), COUNTED_ARMS_MAX):
            one = self._scores.get(scored, _new_predictor())
            merged._scores[scored] = one.plus(other._scores.get(scored, _new_predictor()))
        return merged

    def encode(self) -> bytes:
        """Write the counts as canonical bytes: equal counts give equal bytes."""
        arms = [
            (
                *key,
                arm.positive,
                arm.negative,
                [(id_, one.written()) for id_, one in sorted(arm.predictors.items())],
            )
            for key, arm in sorted(self._arms.items())
        ]
        scores = [(*key, one.written()) for key, one in sorted(self._scores.items())]
        return canonical.encode(_Snapshot(SCHEMA, self.learn_seq, arms, scores))

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read counts back.

        Raises
        ------
        InputError
            `bad_snapshot` when the bytes are no snapshot of this kind and schema.
        """
        snapshot = read_stored(_DECODER, body, "bin counts")
        counts = cls()
        counts.learn_seq = snapshot.learn_seq
        for goal, arm, positive, negative, predictors in snapshot.arms:
            counts._arms[goal, arm] = _Arm(
                positive,
                negative,
                {id_: _read_predictor(written) for id_, written in predictors},
            )
        for model, goal, arm, written in snapshot.scores:
            counts._scores[model, goal, arm] = _read_predictor(written)
        return counts


def bin_of(value: float) -> int:
    """Give the finest bin of a value: an integer that rises with it, 0 for nearly nothing.

    Examples
    --------
    >>> [bin_of(value) for value in (-1.0, 0.0, 1e-12, 1.0, 1.05, 1.07, 2.0)]
    [-481, 0, 0, 481, 481, 482, 497]
    """
    mantissa, octave = math.frexp(abs(value))
    if octave < _OCTAVE_MIN or mantissa == 0.0:
        return 0
    if octave > _OCTAVE_MAX or not math.isfinite(value):
        octave, mantissa = _OCTAVE_MAX, 0.999
    key = (octave - _OCTAVE_MIN) * _PARTS + int((mantissa - 0.5) * 2 * _PARTS) + 1
    return key if value > 0.0 else -key


def _edge(key: int) -> float:
    """Give the lower bound of a finest bin."""
    if key <= 0:
        return -_magnitude(1 - key)
    return _magnitude(key)


def _magnitude(key: int) -> float:
    octaves, part = divmod(key - 1, _PARTS)
    return math.ldexp(0.5 + part / (2 * _PARTS), octaves + _OCTAVE_MIN)


def _held(kept: dict[Key, Kept], key: Key, new: Callable[[], Kept]) -> Kept | None:
    """Find or begin an entry; None for one that is past the bound."""
    known = kept.get(key)
    if known is None:
        if len(kept) >= COUNTED_ARMS_MAX:
            last = max(kept)
            if key > last:
                return None
            del kept[last]
        known = kept[key] = new()
    return known


def _first(keys: Iterable[Key], limit: int) -> list[Key]:
    return sorted(keys)[:limit]
