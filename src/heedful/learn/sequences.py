"""What people do one after another, learned from a stream: the next item and the next event.

Law: a fold. The model is a function of the happenings in their order and of nothing else, however
they are cut into pieces, so a snapshot with the happenings since gives the same bytes as all of
them from the start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, Self

import msgspec

from heedful.kernel import MINUTE_MS, InputError, canonical, expected
from heedful.learn.markov import VariableOrder
from heedful.learn.neighbours import SessionNeighbours
from heedful.learn.stored import read_stored

SCHEMA: Final = 1

SESSION_END: Final = "Session Ended"
"""The event that stands for nothing more in a session."""

PAUSE_MS: Final = 30 * MINUTE_MS
"""A session ends where nothing happened for so long, by default."""

OPEN_MAX: Final = 20_000
"""Sessions that may be open at once; beyond, the one that rests longest ends."""

OPEN_ITEMS_MAX: Final = 64
"""Items of an open session that are remembered, the last ones."""


class Happening(NamedTuple):
    """One event of one person, as sequences are learned from it."""

    person: int
    name: str
    at: int
    """When it happened, in ms since 1970."""
    seen_at: int
    """When it became known; the clock by which sessions end that nobody goes on with."""
    item: str | None = None
    """The item that it is about, where it is about one."""


class _Open(msgspec.Struct, array_like=True):
    at: int
    seen_at: int
    events: list[str]
    items: list[str]

    def copied(self) -> _Open:
        return _Open(self.at, self.seen_at, list(self.events), list(self.items))


class _Snapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="sequences"):
    schema: Literal[1]
    pause_ms: int
    clock: int
    open: list[tuple[int, _Open]]
    items: bytes
    events: bytes


_DECODER: Final = msgspec.msgpack.Decoder(_Snapshot)


class SequenceModel:
    """Cuts a stream into sessions and learns both models from them.

    Parameters
    ----------
    pause_ms
        How long nothing has to happen for a session to be over.

    Notes
    -----
    An event is learned at once. A session is learned as a neighbour once it is over, since an open
    one would be found to resemble itself.

    Examples
    --------
    >>> model = SequenceModel()
    >>> for person in range(3):
    ...     for minute, item in enumerate(("tent", "bag")):
    ...         at = person * PAUSE_MS * 2 + minute * 60_000
    ...         model.learn_one(Happening(person, "Product Viewed", at, at, item))
    >>> [item for item, _ in model.items.predict_one(["tent"])]
    ['bag']
    >>> model.events.predict_one(["Product Viewed", "Product Viewed"])[0][0]
    'Session Ended'

    References
    ----------
    Of the models; see `SessionNeighbours` and `VariableOrder`.
    """

    def __init__(self, pause_ms: int = PAUSE_MS) -> None:
        if pause_ms < 1:
            raise InputError("bad_pause", expected("a span above 0", str(pause_ms), "$.pause"))
        self.pause_ms = pause_ms
        self.items = SessionNeighbours()
        self.events = VariableOrder()
        self._clock = 0
        self._open: dict[int, _Open] = {}
        """By person; who did something last stands last."""

    def learn_one(self, happening: Happening) -> None:
        """Fold one event."""
        person, name, at, seen_at, item = happening
        self._clock = max(self._clock, seen_at)
        self._end_resting()
        session = self._open.pop(person, None)
        if session is not None and abs(at - session.at) > self.pause_ms:
            self._end(session)
            session = None
        if session is None:
            if len(self._open) >= OPEN_MAX:
                self._end(self._open.pop(next(iter(self._open))))
            session = _Open(at, self._clock, [], [])
        self.events.learn_one(session.events, name)
        session.at, session.seen_at = max(session.at, at), self._clock
        session.events = [*session.events, name][-self.events.order :]
        if item is not None:
            session.items = [*session.items, item][-OPEN_ITEMS_MAX:]
        self._open[person] = session

    def _end_resting(self) -> None:
        while self._open:
            person, session = next(iter(self._open.items()))
            if self._clock - session.seen_at <= self.pause_ms:
                return
            del self._open[person]
            self._end(session)

    def _end(self, session: _Open) -> None:
        self.events.learn_one(session.events, SESSION_END)
        self.items.learn_one(session.items, session.at)

    def next_items(self, items: Sequence[str], count: int) -> list[str]:
        """Propose the next items of a session; `items` of the session so far, the newest last."""
        return [item for item, _ in self.items.predict_one(items, count)]

    def next_event(self, events: Sequence[str]) -> str | None:
        """Name the most likely next event; None where nothing was learned."""
        found = self.events.predict_one(events, 1)
        return found[0][0] if found else None

    def copied(self) -> SequenceModel:
        """Give a model of its own that goes on from here."""
        copy = SequenceModel(self.pause_ms)
        copy.items, copy.events = self.items.copied(), self.events.copied()
        copy._clock = self._clock
        copy._open = {person: session.copied() for person, session in self._open.items()}
        return copy

    def encode(self) -> bytes:
        """Write the model as canonical bytes: equal models give equal bytes."""
        items, events = self.items.encode(), self.events.encode()
        waiting = list(self._open.items())
        said = _Snapshot(SCHEMA, self.pause_ms, self._clock, waiting, items, events)
        return canonical.encode(said)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a model back.

        Raises
        ------
        InputError
            `bad_snapshot` when the bytes are no snapshot of this kind and schema.
        """
        said = read_stored(_DECODER, body, "sequences", "Learn the log again.")
        model = cls(said.pause_ms)
        model.items = SessionNeighbours.decode(said.items)
        model.events = VariableOrder.decode(said.events)
        model._clock, model._open = said.clock, dict(said.open)
        return model
