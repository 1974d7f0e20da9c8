"""What waits for the writer: events that somebody wants to be durable, and any other work.

Law: what is committed in parts is acknowledged with its last part, and refused as a whole.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from typing import Any, NamedTuple

from heedful.engine.batch import BatchResult, Inner
from heedful.events import Event, encode_event
from heedful.ports import QuarantineRow


class Landing(Future[BatchResult | None]):
    """Done once all that was submitted is durable."""

    def __init__(self) -> None:
        super().__init__()
        self.quarantined = 0
        """How much of it went to the quarantine instead of the log."""
        self.suppressed = 0
        """How much of it is kept nowhere, since it named somebody who was erased."""


class Submission(NamedTuple):
    """What one request brought to be made durable together."""

    events: Sequence[Event | Inner]
    refused: Sequence[QuarantineRow]
    done: Landing
    """Done after the commit of its last part; the result is of the whole batch in which that
    landed, None where a poisonous event of it was quarantined."""
    is_last: bool = True
    """Whether this is the last part of what was submitted, or all of it."""

    def split(self, room: int) -> tuple[Submission, Submission | None]:
        """Take the first events off; what is left, if anything, goes into the next transaction."""
        if len(self.events) <= room:
            return self, None
        first = self._replace(events=self.events[:room], is_last=False)
        return first, self._replace(events=self.events[room:], refused=())

    @property
    def has_failed(self) -> bool:
        """Whether an earlier part was not committed, so that all of it has to be sent again."""
        return self.done.done() and not self.done.cancelled()

    def tally(self, result: BatchResult) -> None:
        """Count what of this part its transaction put aside, and what it kept nowhere."""
        if not (result.refused or result.suppressed):
            return
        events = [event for event in self.events if isinstance(event, Event)]
        mine = [row.body for row in self.refused]
        if result.refused or any(isinstance(one, QuarantineRow) for one in result.suppressed):
            mine += map(encode_event, events)
        bodies = {row.body for row in result.refused}
        gone = {one.key if isinstance(one, Event) else one.body for one in result.suppressed}
        self.done.quarantined += sum(body in bodies for body in mine)
        self.done.suppressed += sum(body in gone for body in mine)
        self.done.suppressed += sum(event.key in gone for event in events)

    def land(self, result: BatchResult | None) -> None:
        """Tell whoever waits, once all of it is durable."""
        if self.is_last:
            with contextlib.suppress(InvalidStateError):  # nobody waits any more
                self.done.set_result(result)

    def fail(self, error: BaseException) -> None:
        """Tell whoever waits that it is not durable."""
        with contextlib.suppress(InvalidStateError):
            self.done.set_exception(error)


class Job(NamedTuple):
    """Any other work of the writer, run between batches."""

    work: Callable[[], Any]
    done: Future[Any]
