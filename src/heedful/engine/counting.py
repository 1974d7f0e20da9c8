"""What is counted beside the models: responses by bin, and what decisions brought under each.

Nothing here decides anything: it is what reports and promotions read. It is folded from the same
rows as the models, and kept every so many rows, so that a start need not read them all again.
"""

from __future__ import annotations

import threading
from typing import Final

import msgspec

from heedful.learn import BinCounts, LearningRow, TrialCounts
from heedful.ports import Store, Transaction

BINS: Final = "bins"
"""Name under which responses by bin are kept."""

TRIALS: Final = "trials"
"""Name under which the sums of trials are kept."""

COUNT_WAIT_S: Final = 10.0
"""How often learning rows are counted; whoever asks for a report has them counted up to then."""

COUNTED_ROWS: Final = 2_000
"""Learning rows counted at once."""

KEPT_ROWS: Final = 20_000
"""Learning rows after which the counts are kept; what is between is counted again at a start."""

_ROWS: Final = msgspec.msgpack.Decoder(LearningRow)


class Counting:
    """Counts of one workspace; every method may be called from any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._bins: BinCounts | None = None
        self._trials = TrialCounts()
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
        rows = self._store.read(lambda tx: tx.lessons(bins.learn_seq, COUNTED_ROWS))
        for _, body in rows:
            row = _ROWS.decode(body)
            bins.learn_one(row)
            self._trials.learn_one(row)
        if bins.learn_seq - self._kept >= KEPT_ROWS:
            self._store.write(self._keep)
            self._kept = bins.learn_seq
        return bool(rows)

    def _load(self, tx: Transaction) -> None:
        bins, trials = tx.snapshot(BINS), tx.snapshot(TRIALS)
        if bins is None or trials is None:
            self._bins = BinCounts()
            return
        self._bins, self._trials = BinCounts.decode(bins[1]), TrialCounts.decode(trials[1])
        self._kept = self._bins.learn_seq

    def _keep(self, tx: Transaction) -> None:
        assert self._bins is not None  # loaded
        # Under one number, so that each replaces the one before.
        tx.put_snapshot(BINS, 0, self._bins.encode())
        tx.put_snapshot(TRIALS, 0, self._trials.encode())
