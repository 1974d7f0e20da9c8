"""What decisions brought under each model that is tried, by slice of the customers.

Law: sums of integers over learning rows, so any order and any split of them merges to the same
bytes. A customer stands in one slice for good, so slices are independent and their spread says how
sure a comparison is, however many decisions one customer had.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, Self

import msgspec

from heedful.kernel import MICRO, canonical
from heedful.learn.rows import LearningRow
from heedful.learn.stored import read_stored

SCHEMA: Final = 1

SLICES: Final = 256
"""Slices that the customers of a trial fall into, by their place in it."""

TRIALS_MAX: Final = 256
"""Pairs of a line and a model whose outcomes are summed; of more, the first by name."""

WEIGHT_MAX: Final = 100
"""How many decisions one may stand for where a model that only looked on would have chosen more
often what was chosen; a greater weight is cut to this."""

Pair = tuple[str, str]


class Outcome(NamedTuple):
    """Sums over decisions; all in millionths, money in micros."""

    decisions: int
    """Decisions whose outcome is known, each by the part of its goals and windows that is."""
    reached: int
    """Goals reached."""
    value: int
    """What they were worth, less what the actions cost."""

    def plus(self, other: Outcome) -> Outcome:
        return Outcome(*(a + b for a, b in zip(self, other, strict=True)))


NOTHING: Final = Outcome(0, 0, 0)


class _Snapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="trial_counts"):
    schema: Literal[1]
    learn_seq: int
    sums: list[tuple[str, str, list[tuple[int, int, int, int]]]]


_DECODER: Final = msgspec.msgpack.Decoder(_Snapshot)


class TrialCounts:
    """Outcomes of the decisions that were made under each model of each line.

    Notes
    -----
    A line is the name that actions ask a model by; which model answers for a customer stands in
    the row (`LearningRow.trials`), and what models that only looked on would have done
    (`LearningRow.shadows`): their outcome is that of the decisions made, each weighed by how much
    more often they would have chosen the same.

    References
    ----------
    D. Horvitz, D. Thompson, "A Generalization of Sampling Without Replacement from a Finite
    Universe", 1952.
    """

    def __init__(self) -> None:
        self.learn_seq = 0
        self._sums: dict[Pair, dict[int, Outcome]] = {}

    def learn_one(self, row: LearningRow) -> bool:
        """Add one row; a row at or before `learn_seq` was added already and is left out.

        Returns
        -------
        Whether it is about a trial and says anything of its outcome.
        """
        if row.learn_seq <= self.learn_seq:
            return False
        self.learn_seq = row.learn_seq
        weight = 0 if row.state in ("pending", "withdrawn") else row.weight
        if weight == row.retract == 0 or not row.trials:
            return False
        known = weight - row.retract
        reached = row.outcome * weight // MICRO
        outcome = Outcome(known // row.goals, reached, row.value - row.cost * known // MICRO)
        for line, model, slice_ in row.trials:
            self._add((line, model), slice_, outcome)
        for line, model, slice_, p_shadow in row.shadows:
            self._add((line, model), slice_, _weighed(outcome, p_shadow, row.p_choose))
        return True

    def _add(self, pair: Pair, slice_: int, outcome: Outcome) -> None:
        known = self._sums.get(pair)
        if known is None:
            if len(self._sums) >= TRIALS_MAX:
                last = max(self._sums)
                if pair > last:
                    return
                del self._sums[last]
            known = self._sums[pair] = {}
        known[slice_] = known.get(slice_, NOTHING).plus(outcome)

    def pairs(self) -> list[Pair]:
        """List the pairs of line and model that anything is known of, in order."""
        return sorted(self._sums)

    def slices(self, line: str, model: str) -> dict[int, Outcome]:
        """Give the sums of each slice, by slice."""
        return dict(sorted(self._sums.get((line, model), {}).items()))

    def total(self, line: str, model: str) -> Outcome:
        """Give the sums over all slices."""
        total = NOTHING
        for outcome in self._sums.get((line, model), {}).values():
            total = total.plus(outcome)
        return total

    def merge(self, other: TrialCounts) -> TrialCounts:
        """Add the sums of two folds of different rows."""
        merged = TrialCounts()
        merged.learn_seq = max(self.learn_seq, other.learn_seq)
        for pair in sorted({*self._sums, *other._sums})[:TRIALS_MAX]:
            sums = dict(self._sums.get(pair, {}))
            for slice_, outcome in other._sums.get(pair, {}).items():
                sums[slice_] = sums.get(slice_, NOTHING).plus(outcome)
            merged._sums[pair] = sums
        return merged

    def copy(self) -> Self:
        """Give a copy that shares nothing that is learned into."""
        other = type(self)()
        other.learn_seq = self.learn_seq
        other._sums = {pair: dict(sums) for pair, sums in self._sums.items()}
        return other

    def encode(self) -> bytes:
        """Write the sums as canonical bytes: equal sums give equal bytes."""
        sums = [
            (*pair, [(slice_, *outcome) for slice_, outcome in sorted(found.items())])
            for pair, found in sorted(self._sums.items())
        ]
        return canonical.encode(_Snapshot(SCHEMA, self.learn_seq, sums))

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read sums back.

        Raises
        ------
        InputError
            `bad_snapshot` when the bytes are no snapshot of this kind and schema.
        """
        snapshot = read_stored(_DECODER, body, "trials")
        counts = cls()
        counts.learn_seq = snapshot.learn_seq
        counts._sums = {
            (line, model): {slice_: Outcome(*sums) for slice_, *sums in slices}
            for line, model, slices in snapshot.sums
        }
        return counts


def _weighed(outcome: Outcome, p_shadow: int, p_choose: int) -> Outcome:
    """Count a decision as often as the model that looked on would have made it."""
    if p_choose <= 0:
        return NOTHING
    top = min(p_shadow, p_choose * WEIGHT_MAX)
    return Outcome(*(part * top // p_choose for part in outcome))
