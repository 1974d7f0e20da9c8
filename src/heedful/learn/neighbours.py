"""The next item of a session, from the sessions that resemble it most: VMIS-kNN.

Law: what is kept is a function of the *set* of sessions that were learned, the N greatest by
(instant, content). Any order, duplication and split of the same sessions gives the same bytes, and
two models merge by union. Scores are integers, and ties are broken by the item.
What judged the switch (`repeats`) is a sum over the sessions in the order in which they came.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final, Literal, NamedTuple, Self

import msgspec

from heedful.kernel import InputError, canonical, expected, hash_key

SCHEMA: Final = 1

SESSIONS_MAX: Final = 20_000
"""Sessions that a model of the next item keeps by default, the newest; older ones are dropped."""

SESSION_ITEMS_MAX: Final = 32
"""Distinct items of one session that are learned, the last ones; the earlier are left out."""

QUERY_ITEMS_MAX: Final = 9
"""Items of the session at hand that count, the last ones."""

CANDIDATES_MAX: Final = 500
"""Matches, a session and an item that it shares with the one at hand, that are looked at: the
newest. With so many the figures of `bench_sequence.py` are those of all."""

NEIGHBOURS_MAX: Final = 100
"""Sessions that vote on the next item: the most similar of those that were compared."""

RANK_MAX: Final = 20
"""Rank up to which a held-back item counts as found."""

_HASH_BITS: Final = 20
_INSTANT_MAX: Final = 1 << 42
_WEIGHT_ONE: Final = 1 << 10
_RANK_ONE: Final = 232_792_560  # divides by every rank up to 20, so sums are exact
_HELD_BACK: Final = 16
_JUDGED_MAX: Final = 8_192
_SECRET: Final = b"heedful.learn.neighbours"


class Judgement(NamedTuple):
    """Reciprocal ranks of held-back items, the item at hand among the proposals and not."""

    with_last: int = 0
    without_last: int = 0
    judged: int = 0

    def faded(self) -> Judgement:
        """Halve all, once many were judged: shops and their pages change."""
        if self.judged < _JUDGED_MAX:
            return self
        return Judgement(self.with_last // 2, self.without_last // 2, self.judged // 2)


class _Snapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="session_neighbours"):
    schema: Literal[1]
    sessions_max: int
    items: list[str]
    keys: list[int]
    sessions: list[list[int]]
    judgement: tuple[int, int, int]


_DECODER: Final = msgspec.msgpack.Decoder(_Snapshot)


class SessionNeighbours:
    """Proposes what comes next in a session.

    Parameters
    ----------
    sessions_max
        Sessions that are kept; the oldest are dropped beyond.

    Notes
    -----
    A session is as similar as the items that it shares with the one at hand are recent in it: the
    p-th of L items weighs p / L. The most similar vote for their items; a vote weighs more the
    later the newest shared item stands, and a rare item more than a frequent one, by
    `ln((n + 1) / n_item)`. Whether the item at hand is proposed again is chosen by itself: before
    one session in sixteen (by a hash of it) is learned, its items are predicted both ways, and the
    way with the greater sum of reciprocal ranks is taken.

    Examples
    --------
    >>> model = SessionNeighbours()
    >>> for at, items in enumerate((["tent", "bag"], ["tent", "bag", "stove"], ["boot", "sock"])):
    ...     _ = model.learn_one(items, at)
    >>> [item for item, _ in model.predict_one(["tent"])]
    ['bag', 'stove']

    References
    ----------
    B. Kersbergen, O. Sprangers, S. Schelter, "Serenade: Low-Latency Session-Based Recommendation in
    e-Commerce at Scale", 2022.
    M. Ludewig, D. Jannach, "Evaluation of Session-based Recommendation Algorithms", 2018.
    """

    def __init__(self, sessions_max: int = SESSIONS_MAX) -> None:
        if sessions_max < 1:
            got = str(sessions_max)
            raise InputError("bad_sessions_max", expected("1 session", got, "$.sessions_max"))
        self.sessions_max = sessions_max
        self.judgement = Judgement()
        self._sessions: dict[int, tuple[str, ...]] = {}
        """Distinct items, sorted, by the key of the session, which orders as instants do."""
        self._order: list[int] = []
        self._holding: dict[str, list[int]] = {}
        """Keys of the sessions that hold an item, ascending."""
        self._weights: dict[str, int] = {}
        """Of items, as far as they were asked for since something was learned."""

    def __len__(self) -> int:
        return len(self._order)

    @property
    def repeats(self) -> bool:
        """Whether the item at hand may be proposed again."""
        return self.judgement.with_last > self.judgement.without_last

    def learn_one(self, items: Sequence[str], at: int) -> bool:
        """Learn one finished session.

        Parameters
        ----------
        items
            In their order, repeats included; shape (n_items,). Fewer than two teach nothing.
        at
            When it ended, in ms since 1970.

        Returns
        -------
        Whether it was kept: one that is known, or older than all of a full model, is not.
        """
        if len(items) < 2:
            return False
        key = session_key(items, at)
        if key in self._sessions:
            return False
        if key % _HELD_BACK == 0:
            self._judge(items)
        return self._keep(key, _distinct(items))

    def _keep(self, key: int, items: tuple[str, ...]) -> bool:
        if len(self._order) >= self.sessions_max:
            if key < self._order[0]:
                return False
            self._drop_oldest()
        self._weights = {}
        self._sessions[key] = items
        insort(self._order, key)
        for item in items:
            insort(self._holding.setdefault(item, []), key)
        return True

    def _drop_oldest(self) -> None:
        key = self._order.pop(0)
        for item in self._sessions.pop(key):
            held = self._holding[item]
            del held[0]  # the oldest of all is the oldest of each
            if not held:
                del self._holding[item]

    def _judge(self, items: Sequence[str]) -> None:
        with_last, without_last, judged = self.judgement
        for place in range(1, len(items)):
            scores, last, wanted = self._scores(items[:place]), items[place - 1], items[place]
            if wanted in scores:
                rank = _rank(scores, wanted)
                with_last += _RANK_ONE // rank if rank <= RANK_MAX else 0
                if wanted != last:
                    rank -= last in scores and _is_before(scores, last, wanted)
                    without_last += _RANK_ONE // rank if rank <= RANK_MAX else 0
            judged += 1
        self.judgement = Judgement(with_last, without_last, judged).faded()

    def predict_one(self, items: Sequence[str], count: int = RANK_MAX) -> list[tuple[str, int]]:
        """Propose the next items of a session.

        Parameters
        ----------
        items
            Of the session so far, the newest last; shape (n_items,).
        count
            How many to propose at most.

        Returns
        -------
        Items with their scores, the best first; none where nothing alike was learned.
        """
        scores = self._scores(items)
        if items and not self.repeats:
            scores.pop(items[-1], None)
        least = 0
        if len(scores) > count:
            least = sorted(scores.values(), reverse=True)[count - 1]
        likely = sorted(item for item, score in scores.items() if score >= least)
        best = sorted(likely, key=scores.__getitem__, reverse=True)[:count]
        return [(item, scores[item]) for item in best]

    def _scores(self, items: Sequence[str]) -> dict[str, int]:
        """Score every item of the neighbours."""
        query = items[-QUERY_ITEMS_MAX:]
        similar, newest = self._similar(query)
        # Of two that are as similar the newer one: the sort leaves equals as they stand.
        most = sorted(sorted(similar, reverse=True), key=similar.__getitem__, reverse=True)
        votes: dict[str, int] = {}
        known = votes.get
        sessions, later = self._sessions, QUERY_ITEMS_MAX - len(query)
        for key in most[:NEIGHBOURS_MAX]:
            vote = similar[key] * (newest[key] + later)
            for item in sessions[key]:
                votes[item] = known(item, 0) + vote
        weights = self._weights
        for item in votes:
            votes[item] *= weights.get(item) or self._weight(item)
        return votes

    def _similar(self, query: Sequence[str]) -> tuple[dict[int, int], dict[int, int]]:
        """Give the similarity of each session, and the place of the newest item that it shares."""
        places: dict[str, int] = {}
        for place in range(len(query), 0, -1):
            places.setdefault(query[place - 1], place)
        lists = [
            (self._holding[item][-CANDIDATES_MAX:], place)
            for item, place in places.items()
            if item in self._holding
        ]
        oldest = self._oldest_compared([keys for keys, _ in lists])
        similar: dict[int, int] = {}
        newest: dict[int, int] = {}
        for keys, place in lists:
            for key in keys[bisect_left(keys, oldest) :]:
                held = similar.get(key)
                if held is None:
                    similar[key], newest[key] = place, place
                else:
                    similar[key] = held + place
        return similar, newest

    def _oldest_compared(self, lists: list[list[int]]) -> int:
        if sum(map(len, lists)) <= CANDIDATES_MAX:
            return 0
        return sorted(chain.from_iterable(lists))[-CANDIDATES_MAX]

    def _weight(self, item: str) -> int:
        share = (len(self._order) + 1) / len(self._holding[item])
        weight = self._weights[item] = round(_WEIGHT_ONE * math.log(share))
        return weight

    def copied(self) -> SessionNeighbours:
        """Give a model of its own that goes on from here."""
        copy = SessionNeighbours(self.sessions_max)
        copy.judgement = self.judgement
        copy._sessions = dict(self._sessions)
        copy._order = list(self._order)
        copy._holding = {item: list(keys) for item, keys in self._holding.items()}
        return copy

    def merge(self, other: SessionNeighbours) -> SessionNeighbours:
        """Unite two models; a session that both know counts once, what they judged adds up."""
        merged = self.copied()
        merged.sessions_max = min(self.sessions_max, other.sessions_max)
        while len(merged._order) > merged.sessions_max:
            merged._drop_oldest()
        for key in other._order:
            if key not in merged._sessions:
                merged._keep(key, other._sessions[key])
        sums = zip(self.judgement, other.judgement, strict=True)
        merged.judgement = Judgement(*(a + b for a, b in sums))
        return merged

    def encode(self) -> bytes:
        """Write the model as canonical bytes: equal models give equal bytes."""
        items = sorted(self._holding)
        numbers = {item: number for number, item in enumerate(items)}
        sessions = [[numbers[item] for item in self._sessions[key]] for key in self._order]
        said = _Snapshot(SCHEMA, self.sessions_max, items, self._order, sessions, self.judgement)
        return canonical.encode(said)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a model back.

        Raises
        ------
        InputError
            `bad_snapshot` when the bytes are no snapshot of this kind and schema.
        """
        try:
            said = _DECODER.decode(body)
            model = cls(said.sessions_max)
            for key, numbers in zip(said.keys, said.sessions, strict=True):
                model._keep(key, tuple(said.items[number] for number in numbers))
        except (msgspec.DecodeError, ValueError, IndexError) as error:
            what = expected("a snapshot of sessions", str(error), "$", "Learn the log again.")
            raise InputError("bad_snapshot", what) from error
        model.judgement = Judgement(*said.judgement)
        return model


def session_key(items: Iterable[str], at: int) -> int:
    """Give the key of a session: orders by instant, then by what the session holds."""
    content = hash_key(_SECRET, *items) & ((1 << _HASH_BITS) - 1)
    return min(max(at, 0), _INSTANT_MAX) << _HASH_BITS | content


def _distinct(items: Sequence[str]) -> tuple[str, ...]:
    last = dict.fromkeys(reversed(items))
    return tuple(sorted(list(last)[:SESSION_ITEMS_MAX]))


def _is_before(scores: dict[str, int], item: str, other: str) -> bool:
    return (-scores[item], item) < (-scores[other], other)


def _rank(scores: dict[str, int], wanted: str) -> int:
    at = (-scores[wanted], wanted)
    return 1 + sum((-score, item) < at for item, score in scores.items())
