"""People with all that happened to them, for whoever measures: read page by page, never at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from heedful import decide
from heedful.decide import Case
from heedful.engine.graph import fragments_of
from heedful.events import Event, decode_event
from heedful.ports import CustomerRow, Store, Transaction

PEOPLE_PAGE: Final = 100
"""People whose events are in memory at once while a workspace is measured."""


class Placed(NamedTuple):
    """An event with its place in the log."""

    seq: int
    fragment: int
    event: Event


class History(NamedTuple):
    """One person and their events."""

    key: int
    case: Case
    """What is under way for them now: needs, decisions, the draws of hold-outs."""
    placed: list[Placed]
    """In the order of `(at, key)`."""

    @property
    def events(self) -> list[Event]:
        """All of them, in the order of `(at, key)`."""
        return [one.event for one in self.placed]


def histories(store: Store, limit: int, from_at: int | None = None) -> Iterator[History]:
    """Read the first people by key, which are a fair sample: keys are hashes.

    Parameters
    ----------
    limit
        Most people to read.
    from_at
        Leaves out what happened before it.
    """
    after, left = -1, limit
    while left > 0:
        count = min(left, PEOPLE_PAGE)
        page = store.read(lambda tx, a=after, n=count: _page(tx, a, n, from_at))  # type: ignore[misc]
        if not page:
            return
        yield from page
        after, left = page[-1].key, left - len(page)


def _page(tx: Transaction, after: int, count: int, from_at: int | None) -> list[History]:
    return [_history(tx, row, from_at) for row in tx.scan_customers(after, count)]


def _history(tx: Transaction, row: CustomerRow, from_at: int | None) -> History:
    rows = tx.events_of(fragments_of(tx, row), from_at=from_at)
    placed = [Placed(one.seq, one.fragment, decode_event(one.body)) for one in rows]
    case = decide.decode_case(row.process) if row.process else decide.new_case()
    return History(row.key, case, placed)


def seq_at(tx: Transaction, since: int) -> int:
    """Find a place in the log before which everything was received before an instant."""
    low, high = 0, tx.last_seq()
    while low < high:
        middle = (low + high) // 2
        rows = tx.log(middle, 1)
        if rows and decode_event(rows[0].body).received_at < since:
            low = middle + 1
        else:
            high = middle
    return max(0, low - 1)
