"""The next event, from as many of the last ones as experience supports: a Markov model of variable
order.

Law: counts are integers and the fold only adds, so models that folded different events merge by
sums, until a bound is reached: then all counts are halved and what falls to nothing is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, Self

import msgspec

from heedful.kernel import InputError, canonical, expected
from heedful.learn.stored import read_stored

SCHEMA: Final = 1

BACK_OFF: Final = 4
"""Observations that each kind of follower leaves to the shorter run. Witten and Bell leave one; on
the sample shop's stream four take 0.14 bits an event less at order 4 (`bench_sequence.py`)."""

ORDER_MAX: Final = 4
"""Events back that a model of the next event looks by default."""

CONTEXTS_MAX: Final = 20_000
"""Runs of events that are counted by default; one more halves all counts, and what falls to
nothing is forgotten."""

FOLLOWERS_MAX: Final = 256
"""Different events that are counted after one run; one more halves the counts of that run."""


class _Snapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="variable_order"):
    schema: Literal[1]
    order: int
    contexts_max: int
    contexts: list[tuple[list[str], dict[str, int]]]


_DECODER: Final = msgspec.msgpack.Decoder(_Snapshot)


class VariableOrder:
    """Counts what followed each run of up to `order` events.

    Parameters
    ----------
    order
        Events back that are looked at, 0 to 8.
    contexts_max
        Runs that are counted.

    Notes
    -----
    `p(e | run) = (n(run, e) + 4 d(run) * p(e | shorter run)) / (n(run) + 4 d(run))` with n the
    counts and d the number of different followers: the more kinds of event have followed a run,
    the more is left to the shorter one. Below the empty run every known event is as likely as any
    other.

    Examples
    --------
    >>> model = VariableOrder()
    >>> for _ in range(3):
    ...     model.learn_one(["view", "add"], "buy")
    >>> model.learn_one(["view"], "leave")
    >>> model.predict_one(["view", "add"])[0][0]
    'buy'

    References
    ----------
    J. Cleary, I. Witten, "Data Compression Using Adaptive Coding and Partial String Matching",
    1984.
    I. Witten, T. Bell, "The Zero-Frequency Problem", 1991.
    R. Begleiter, R. El-Yaniv, G. Yona, "On Prediction Using Variable Order Markov Models", 2004.
    """

    def __init__(self, order: int = ORDER_MAX, contexts_max: int = CONTEXTS_MAX) -> None:
        if not 0 <= order <= 8:
            raise InputError("bad_order", expected("an order of 0 to 8", str(order), "$.order"))
        if contexts_max < 1:
            what = expected("1 run of events", str(contexts_max), "$.contexts_max")
            raise InputError("bad_contexts_max", what)
        self.order = order
        self.contexts_max = contexts_max
        self._counts: dict[tuple[str, ...], dict[str, int]] = {}

    def __len__(self) -> int:
        return len(self._counts)

    @property
    def symbols(self) -> Mapping[str, int]:
        """The events that are known, with how often each was seen."""
        return self._counts.get((), {})

    def learn_one(self, history: Sequence[str], event: str) -> None:
        """Count one event after what preceded it.

        Parameters
        ----------
        history
            The events before it, the newest last; shape (n_events,), the last `order` count.
        """
        for context in self._contexts(history):
            followers = self._counts.get(context)
            if followers is None:
                if len(self._counts) >= self.contexts_max:
                    self._halve()
                followers = self._counts.setdefault(context, {})
            followers[event] = followers.get(event, 0) + 1
            if len(followers) > FOLLOWERS_MAX:
                self._counts[context] = _halved(followers, event)

    def _contexts(self, history: Sequence[str]) -> list[tuple[str, ...]]:
        """List the runs that end a history, the empty one first."""
        longest = min(self.order, len(history))
        tail = tuple(history[len(history) - longest :])
        return [tail[longest - length :] for length in range(longest + 1)]

    def _halve(self) -> None:
        while len(self._counts) >= self.contexts_max:
            halved = {run: _halved(followers) for run, followers in self._counts.items()}
            self._counts = {run: followers for run, followers in halved.items() if followers}

    def predict_one(self, history: Sequence[str], count: int = 5) -> list[tuple[str, float]]:
        """Give the most likely next events.

        Returns
        -------
        Events with their probabilities, the most likely first; none where nothing was learned.
        """
        chances = self.chances(history)
        best = sorted((-p, event) for event, p in chances.items())
        return [(event, -p) for p, event in best[:count]]

    def chances(self, history: Sequence[str]) -> dict[str, float]:
        """Give the probability of every known event; they sum to 1."""
        known = self.symbols
        if not known:
            return {}
        chances = dict.fromkeys(known, 1.0 / len(known))
        for context in self._contexts(history):
            followers = self._counts.get(context)
            if followers is None:
                break  # a longer run was not seen either
            counts = [(event, n) for event, n in followers.items() if event in chances]
            left = BACK_OFF * len(counts)
            total = left + sum(n for _, n in counts)
            if total == 0:
                continue  # its followers are all forgotten
            for event in chances:
                chances[event] *= left / total
            for event, n in counts:
                chances[event] += n / total
        return chances

    def copied(self) -> VariableOrder:
        """Give a model of its own that goes on from here."""
        copy = VariableOrder(self.order, self.contexts_max)
        copy._counts = {run: dict(followers) for run, followers in self._counts.items()}
        return copy

    def merge(self, other: VariableOrder) -> VariableOrder:
        """Add the counts of two models that folded different events.

        Raises
        ------
        InputError
            `bad_order` when they look back differently far.
        """
        if self.order != other.order:
            got = f"{self.order} and {other.order}"
            raise InputError("bad_order", expected("one order", got, "$.order"))
        merged = self.copied()
        merged.contexts_max = min(self.contexts_max, other.contexts_max)
        for run, followers in other._counts.items():
            held = merged._counts.setdefault(run, {})
            for event, n in followers.items():
                held[event] = held.get(event, 0) + n
        for run, followers in merged._counts.items():
            if len(followers) > FOLLOWERS_MAX:
                merged._counts[run] = _halved(followers)
        if len(merged._counts) > merged.contexts_max:
            merged._halve()
        return merged

    def encode(self) -> bytes:
        """Write the model as canonical bytes: equal models give equal bytes."""
        contexts = [(list(run), followers) for run, followers in sorted(self._counts.items())]
        return canonical.encode(_Snapshot(SCHEMA, self.order, self.contexts_max, contexts))

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a model back.

        Raises
        ------
        InputError
            `bad_snapshot` when the bytes are no snapshot of this kind and schema.
        """
        said = read_stored(_DECODER, body, "runs", "Learn the log again.")
        model = cls(said.order, said.contexts_max)
        model._counts = {tuple(run): followers for run, followers in said.contexts}
        return model


def _halved(followers: Mapping[str, int], newest: str | None = None) -> dict[str, int]:
    """Halve counts until they fit, and forget what falls to nothing; the newest event stays."""
    while True:
        followers = {e: n // 2 or int(e == newest) for e, n in followers.items()}
        followers = {e: n for e, n in followers.items() if n}
        if len(followers) <= FOLLOWERS_MAX:
            return followers
