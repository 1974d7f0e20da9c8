"""What is counted beside the models: responses by bin, what is awaited, what decisions brought.

Nothing here decides anything: it is what reports and promotions read. It is folded from the same
rows as the models, and kept every so many rows, so that a start need not read them all again.
"""

from __future__ import annotations

import threading
from typing import Final

import msgspec
from msgspec.structs import replace

from heedful.decide import Candidate, Terms
from heedful.decide.lessons import with_features
from heedful.decide.types import Shadow, Trial
from heedful.kernel import parse_public_id, public_id
from heedful.learn import PROBABILITY_ONE, BinCounts, LearningRow, OpenWindows, TrialCounts
from heedful.learn.waiting import OpenKey
from heedful.ports import Store, Transaction

BINS: Final = "bins"
"""Name under which responses by bin are kept."""

TRIALS: Final = "trials"
"""Name under which the sums of trials are kept."""

WINDOWS: Final = "windows"
"""Name under which the decisions that wait for a goal are kept."""

COUNT_WAIT_S: Final = 10.0
"""How often learning rows are counted; whoever asks for a report has them counted up to then."""

COUNTED_ROWS: Final = 2_000
"""Learning rows counted at once."""

KEPT_ROWS: Final = 20_000
"""Learning rows after which the counts are kept; what is between is counted again at a start."""

_DECISIONS_READ: Final = 500
_ROWS: Final = msgspec.msgpack.Decoder(LearningRow)


class _Counted(msgspec.Struct):
    """The part of a decision that is counted."""

    candidates: tuple[Candidate, ...] = ()
    trials: tuple[Trial, ...] = ()
    shadows: tuple[Shadow, ...] = ()
    features: bytes = b""


_COUNTED: Final = msgspec.msgpack.Decoder(_Counted)


def _read(tx: Transaction, after: int) -> list[LearningRow]:
    """Read rows with what their decisions say of them; of an erased person there is nothing."""
    rows = [_ROWS.decode(body) for _, body in tx.lessons(after, COUNTED_ROWS)]
    named = dict.fromkeys(row.decision_id for row in rows if row.state != "pending")
    ids = [id_ for name in named if (id_ := parse_public_id("d", name)) is not None]
    made: dict[str, _Counted] = {}
    for first in range(0, len(ids), _DECISIONS_READ):
        for id_, decision in tx.decisions(ids[first : first + _DECISIONS_READ]).items():
            made[public_id("d", id_)] = _COUNTED.decode(decision.body)
    features = {name: one.features for name, one in made.items()}
    return [_told(row, made.get(row.decision_id)) for row in with_features(rows, features)]


def _told(row: LearningRow, decision: _Counted | None) -> LearningRow:
    chosen = () if decision is None else decision.candidates
    terms = next((one.terms for one in chosen if one.verdict == "chosen"), Terms())
    if decision is None:
        return row
    slices = {trial.line: trial.slice for trial in decision.trials}
    # Only where something else might have been chosen does it say anything about another model.
    is_drawn = row.p_choose < PROBABILITY_ONE
    return replace(
        row,
        p_ppm=terms.get("p_ppm", terms.get("p_nothing_ppm", 0)),
        cost=0 if row.is_unsent or row.is_beside else terms.get("cost", 0),
        trials=tuple((one.line, one.model, one.slice) for one in decision.trials),
        shadows=tuple(
            (one.line, one.model, slices[one.line], one.p_choose)
            for one in decision.shadows
            if is_drawn and one.line in slices
        ),
    )


class Counting:
    """Counts of one workspace; every method may be called from any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._bins: BinCounts | None = None
        self._trials = TrialCounts()
        self._windows = OpenWindows()
        self._kept = 0

    def step(self) -> bool:
        """Count what is new; False when nothing was."""
        with self._lock:
            return self._step()

    def bins(self) -> BinCounts:
        """Give the responses by bin as of now; a copy."""
        with self._lock:
            self._catch_up()
            assert self._bins is not None  # caught up
            return self._bins.merge(BinCounts())

    def waiting(self, now: int) -> dict[OpenKey, int]:
        """Count the decisions that wait for an outcome, by model, goal and arm."""
        with self._lock:
            self._catch_up()
            return self._windows.open_at(now)

    def trials(self) -> TrialCounts:
        """Give what decisions brought under each model as of now; a copy."""
        with self._lock:
            self._catch_up()
            return self._trials.copy()

    def _catch_up(self) -> None:
        while self._step():
            pass

    def _step(self) -> bool:
        if self._bins is None:
            self._store.read(self._load)
        bins = self._bins
        assert bins is not None  # loaded
        rows = self._store.read(lambda tx: _read(tx, bins.learn_seq))
        for row in rows:
            self._trials.learn_one(row)
            if row.is_beside:
                bins.learn_seq = row.learn_seq
                continue
            bins.learn_one(row)
            self._windows.count(row)
        if bins.learn_seq - self._kept >= KEPT_ROWS:
            self._store.write(self._keep)
            self._kept = bins.learn_seq
        return bool(rows)

    def _load(self, tx: Transaction) -> None:
        kept = [tx.snapshot(name) for name in (BINS, TRIALS, WINDOWS)]
        bodies = [one[1] for one in kept if one is not None]
        if len(bodies) < len(kept):
            self._bins = BinCounts()
            return
        self._bins, self._trials = BinCounts.decode(bodies[0]), TrialCounts.decode(bodies[1])
        self._windows = OpenWindows.decode(bodies[2])
        self._kept = self._bins.learn_seq

    def _keep(self, tx: Transaction) -> None:
        assert self._bins is not None  # loaded
        # Under one number, so that each replaces the one before.
        tx.put_snapshot(BINS, 0, self._bins.encode())
        tx.put_snapshot(TRIALS, 0, self._trials.encode())
        tx.put_snapshot(WINDOWS, 0, self._windows.encode())
