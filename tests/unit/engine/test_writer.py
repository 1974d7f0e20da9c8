"""What the writer takes first: what somebody waits for, and never that alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from heedful.app.worlds import world_of
from heedful.engine.batch import BatchResult
from heedful.engine.writer import ASKED_WITHIN_S, BATCH_EVENTS_MAX, Writer
from heedful.events import Event
from heedful.ports import StoreUnavailable, Transaction
from heedful.store.memory import MemoryStore
from heedful.strategy import load

NOW = 1_795_000_000_000


def event(number: int) -> Event:
    return Event(
        type="track",
        name="Viewed",
        at=NOW,
        key=number,
        source="web",
        message_id=str(number),
        received_at=NOW,
        user_id=f"user-{number}",
    )


def noting(name: str, order: list[str]) -> Callable[[Transaction], Any]:
    return lambda tx: order.append(name)


def test_urgent_work_goes_first_and_lets_events_go_between() -> None:
    writer = Writer(MemoryStore(), world_of(load({})), b"s" * 32, lambda: NOW)
    order: list[str] = []
    begun, go = threading.Event(), threading.Event()

    def hold(tx: Transaction) -> None:
        begun.set()
        go.wait(30)

    held = writer.transact(hold)
    writer.start()
    assert begun.wait(30)  # the writer is busy: all that follows waits and is taken in its order
    done: list[Future[Any]] = [writer.transact(noting("plain", order))]
    landed = writer.submit([event(1)])
    landed.add_done_callback(lambda _: order.append("events"))
    for name in ("urgent 1", "urgent 2"):
        done.append(writer.transact(noting(name, order), is_urgent=True))
    go.set()
    for future in (held, *done, landed):
        future.result(30)
    writer.close()
    assert order == ["urgent 1", "plain", "urgent 2", "events"]


class Busy:
    """A writer that is held while work is queued, and what it then takes together."""

    def __init__(self) -> None:
        self.sizes: list[list[str]] = []
        self.now_s = 0.0
        self.writer = Writer(
            MemoryStore(),
            world_of(load({})),
            b"s" * 32,
            lambda: NOW,
            self._committed,
            timer=lambda: self.now_s,
        )
        self._begun, self._go = threading.Event(), threading.Event()
        held = self.writer.transact(self._hold)
        self.writer.start()
        assert self._begun.wait(30)
        self.futures: list[Future[Any]] = [held]

    def _hold(self, tx: Transaction) -> None:
        self._begun.set()
        self._go.wait(30)

    def _committed(self, result: BatchResult) -> None:
        self.sizes.append([landed.event.message_id for landed in result.landed])

    def submit(self, numbers: range, **urgency: bool) -> Future[Any]:
        future = self.writer.submit([event(n) for n in numbers], **urgency)
        self.futures.append(future)
        return future

    def run(self) -> list[int]:
        """Let it go; gives how many events each commit held."""
        self._go.set()
        for future in self.futures:
            future.result(30)
        self.writer.close()
        return [len(found) for found in self.sizes]


def test_while_questions_come_in_transactions_are_small_and_questions_share_none() -> None:
    busy = Busy()
    load = busy.submit(range(100))
    questions = [busy.submit(range(n, n + 1), is_urgent=True, is_question=True) for n in (200, 201)]
    assert busy.run() == [2, 32, 32, 32, 4]
    assert busy.sizes[0] == ["200", "201"]
    assert [n for part in busy.sizes[1:] for n in part] == [str(n) for n in range(100)]
    assert all(future.result().landed for future in (load, *questions))


def test_events_wait_for_no_more_than_one_commit_of_questions() -> None:
    busy = Busy()
    busy.submit(range(40))
    for number in range(200, 350):
        busy.submit(range(number, number + 1), is_urgent=True, is_question=True)
    # The questions fill more than one commit: the second one takes events along.
    assert busy.run() == [100, 50 + 32, 8]


def test_without_questions_transactions_are_large() -> None:
    busy = Busy()
    busy.submit(range(900, 901), is_urgent=True, is_question=True)
    busy.now_s = 2 * ASKED_WITHIN_S
    busy.submit(range(400))
    busy.submit(range(400, 800))
    assert busy.run() == [100, 500, 201]


class Failing(MemoryStore):
    """A store that is away for one transaction."""

    def __init__(self, fails_at: int) -> None:
        super().__init__()
        self.writes, self.fails_at = 0, fails_at

    def write(self, work: Callable[[Transaction], Any], *, makes_room: bool = False) -> Any:
        self.writes += 1
        if self.writes == self.fails_at:
            raise StoreUnavailable("disk_full", "Expected room, got none - at the disk.")
        return super().write(work, makes_room=makes_room)


@pytest.mark.parametrize("fails_at", [1, 2])
def test_what_is_committed_in_parts_is_acknowledged_only_as_a_whole(fails_at: int) -> None:
    store = Failing(fails_at)
    writer = Writer(store, world_of(load({})), b"s" * 32, lambda: NOW)
    done = writer.submit([event(n) for n in range(BATCH_EVENTS_MAX + 1)])
    after = writer.submit([event(9_999)])
    writer.start()
    with pytest.raises(StoreUnavailable):
        done.result(30)
    assert writer.submit([event(n) for n in range(BATCH_EVENTS_MAX + 1)]).result(30) is not None
    if fails_at == 1:
        after.result(30)
    else:
        with pytest.raises(StoreUnavailable):
            after.result(30)  # it shared the commit of the part that failed
    writer.close()
    assert writer.pending == 0
    assert store.read(lambda tx: tx.last_seq()) == BATCH_EVENTS_MAX + 1 + (fails_at == 1)


def test_nobody_waiting_any_more_stops_nothing() -> None:
    busy = Busy()
    assert busy.submit(range(3)).cancel()
    busy.futures.pop()
    busy.submit(range(3, 4))
    assert busy.run() == [4]
