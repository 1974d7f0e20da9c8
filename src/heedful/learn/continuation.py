"""What comes after: the value of a state under good later choices, fitted from what was seen.

A model counts, for each state and arm, what followed: a reward in money, the time until the next
choice, and the state there, or that there was none any more. Fitting turns the counts into a
Markov decision process and solves it, so that an arm that pays now may lose to one that pays
later.

Law: counts and sums are integers, so any split of the transitions over several learners merges to
the same bytes. A fit is rounded to whole micros; it is exact on one platform fingerprint.
"""

from __future__ import annotations

from typing import Final, Literal, Self

import msgspec
import numpy as np

from heedful.kernel import InputError, canonical, expected
from heedful.learn.grid import GONE, Grid
from heedful.learn.plan import SILENT, ContinuationSettings, Plan, Rows, solve

SCHEMA: Final = 1

FOLLOWING_ARMS_MAX: Final = 64
"""Arms of one model of what follows; a transition by another one is refused."""


class Transition(msgspec.Struct, frozen=True):
    """From one choice to the next."""

    state: int
    arm: str
    """`SILENT` for doing nothing."""
    reward: int
    """Micros that came in between: margins, less costs and penalties."""
    span_ms: int
    """Until the next choice, above 0."""
    after: int
    """State there, or `GONE`."""


class _Snapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="continuation"):
    schema: Literal[1]
    learn_seq: int
    grid: Grid
    cells: list[tuple[int, str, int, int, int]]
    """State, arm, state after, times, micros."""
    spans: list[tuple[int, str, int]]


_DECODER: Final = msgspec.msgpack.Decoder(_Snapshot)


class Continuation:
    """Counts of what followed on each state and arm.

    Examples
    --------
    >>> from heedful.kernel import DAY_MS
    >>> model = Continuation(Grid((2,)))
    >>> week = 7 * DAY_MS
    >>> for _ in range(50):  # to speak tires (state 1), where nothing is earned; silence rests
    ...     model.learn_one(Transition(0, "offer", 3_000_000, week, 1))
    ...     model.learn_one(Transition(0, "", 2_000_000, week, 0))
    ...     model.learn_one(Transition(1, "offer", 0, week, 1))
    ...     model.learn_one(Transition(1, "", 0, week, 0))
    >>> plan = model.fit(ContinuationSettings(borrowed=0.0))
    >>> plan.best(0), plan.later("offer", 0) < -1_000_000
    ('', True)

    References
    ----------
    M. Puterman, "Markov Decision Processes", 1994 (semi-Markov processes, value iteration).
    G. Gordon, "Stable Function Approximation in Dynamic Programming", 1995 (why borrowing by
    averages keeps value iteration stable).
    D. Ormoneit, S. Sen, "Kernel-Based Reinforcement Learning", 2002.
    """

    transparency: Final = 4.0
    """Counts and a sum that anybody can redo, though not in their head."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.learn_seq = 0
        """Transitions folded so far, or the number that the learner gives."""
        self._cells: dict[tuple[int, str, int], tuple[int, int]] = {}
        self._spans: dict[tuple[int, str], int] = {}
        self._arms: set[str] = set()

    def learn_one(self, seen: Transition) -> None:
        """Fold one transition.

        Raises
        ------
        InputError
            `bad_transition` for a state outside the grid or a span of nothing; `too_many_arms`
            for one arm too many.
        """
        size = self.grid.size
        if not (0 <= seen.state < size and GONE <= seen.after < size and seen.span_ms > 0):
            what = expected("states of the grid and a span above 0", f"{seen}", "$")
            raise InputError("bad_transition", what)
        if seen.arm not in self._arms:
            if len(self._arms) >= FOLLOWING_ARMS_MAX:
                what = expected(f"at most {FOLLOWING_ARMS_MAX} arms", "one more", "$.arm")
                raise InputError("too_many_arms", what)
            self._arms.add(seen.arm)
        key = (seen.state, seen.arm, seen.after)
        times, micros = self._cells.get(key, (0, 0))
        self._cells[key] = (times + 1, micros + seen.reward)
        about = (seen.state, seen.arm)
        self._spans[about] = self._spans.get(about, 0) + seen.span_ms
        self.learn_seq += 1

    def merge(self, other: Continuation) -> Continuation:
        """Add the counts of two models that folded different transitions.

        Raises
        ------
        InputError
            `bad_grid` when they stand on different grids.
        """
        if self.grid != other.grid:
            got = f"{self.grid} and {other.grid}"
            raise InputError("bad_grid", expected("one grid", got, "$.grid"))
        merged = self.copy()
        merged.learn_seq = max(self.learn_seq, other.learn_seq)
        merged._arms |= other._arms
        for key, (times, micros) in other._cells.items():
            known = merged._cells.get(key, (0, 0))
            merged._cells[key] = (known[0] + times, known[1] + micros)
        for about, span in other._spans.items():
            merged._spans[about] = merged._spans.get(about, 0) + span
        return merged

    def copy(self) -> Self:
        """Give a copy that shares nothing that is learned into."""
        other = type(self)(self.grid)
        other.learn_seq, other._arms = self.learn_seq, set(self._arms)
        other._cells, other._spans = dict(self._cells), dict(self._spans)
        return other

    def encode(self) -> bytes:
        """Write the model as canonical bytes: equal models give equal bytes."""
        cells = [(*key, *cell) for key, cell in sorted(self._cells.items())]
        spans = [(*about, span) for about, span in sorted(self._spans.items())]
        return canonical.encode(_Snapshot(SCHEMA, self.learn_seq, self.grid, cells, spans))

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a model back.

        Raises
        ------
        InputError
            `bad_snapshot` when the bytes are of no known schema.
        """
        try:
            held = _DECODER.decode(body)
        except msgspec.MsgspecError as error:
            what = expected(f"counts of what followed, schema {SCHEMA}", str(error), "$")
            raise InputError("bad_snapshot", what) from error
        model = cls(held.grid)
        model.learn_seq = held.learn_seq
        model._cells = {(s, arm, after): (n, micros) for s, arm, after, n, micros in held.cells}
        model._spans = {(s, arm): span for s, arm, span in held.spans}
        model._arms = {arm for _, arm, _, _, _ in held.cells}
        return model

    # Fitting

    def fit(self, settings: ContinuationSettings | None = None) -> Plan:
        """Solve for the value of every state under the best later choices."""
        settings = settings or ContinuationSettings()
        arms = (SILENT, *sorted(self._arms - {SILENT}))
        return solve(self.grid, arms, self._rows(arms), settings)

    def _rows(self, arms: tuple[str, ...]) -> Rows:
        number = {arm: place for place, arm in enumerate(arms)}
        times: dict[tuple[int, str], int] = {}
        for (state, arm, _), (count, _) in self._cells.items():
            times[state, arm] = times.get((state, arm), 0) + count
        listed = [
            (s, number[arm], after, n, micros, self._spans[s, arm] / times[s, arm] * n)
            for (s, arm, after), (n, micros) in sorted(self._cells.items())
        ]
        columns = np.array(listed, dtype=np.float64).reshape(-1, 6).T
        state, arm, after = columns[:3].astype(np.int64)
        return Rows(state, arm, after, columns[3], columns[4], columns[5])
