"""What the writer takes first: what somebody waits for, and never that alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from heedful.app.worlds import world_of
from heedful.engine.writer import Writer
from heedful.events import Event
from heedful.ports import Transaction
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
