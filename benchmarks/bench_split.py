"""Where an event's CPU goes: parse, resolve, fold, decide, encode, store; in process, one thread.

The same batches as over HTTP, without HTTP: bytes are inflated and parsed, submitted to the engine
as a server does, and committed durably. Every part is timed by the CPU clock of its thread, less
what it called of another part; the clock itself takes 0.3 us a call.

    python benchmarks/bench_split.py [--events 20000] [--customers 100000] [--batch 500]
"""

from __future__ import annotations

import argparse
import gc
import random
import shutil
import time
import zlib
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from heedful import core
from heedful.api.server import GARBAGE_THRESHOLDS
from heedful.app import App, open_app
from heedful.engine import batch as batches
from heedful.engine import deciding, graph
from heedful.engine.batch import Batch, Filing
from heedful.events import Event
from heedful.ingest import SourceRules, inflate, parse_request
from heedful.kernel import format_instant
from heedful.ports import Transaction
from machine import print_head, print_table
from shop import SEED, Lives, batch_body, workspace

CALL_EVENTS = 100
PARTS = ("inflate", "parse", "resolve", "decode", "fold", "decide", "encode", "store", "rest")


class Clock:
    """CPU seconds by part; a part does not count what another part does within it."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self._open = ["rest"]
        self._since = time.thread_time_ns()

    def turn(self, part: str) -> None:
        """Count until now for the part that is open, then open another."""
        now = time.thread_time_ns()
        self.spent[self._open[-1]] += (now - self._since) / 1e9
        self._since = now
        self._open.append(part)

    def back(self) -> None:
        """Close a part; the one around it goes on."""
        now = time.thread_time_ns()
        self.spent[self._open.pop()] += (now - self._since) / 1e9
        self._since = now

    def timed(self, part: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Give a function that counts for a part."""

        def counted(*args: Any, **named: Any) -> Any:
            self.turn(part)
            try:
                return call(*args, **named)
            finally:
                self.back()

        return counted


class Counted:
    """A transaction whose every call counts for the store."""

    def __init__(self, tx: Transaction, clock: Clock) -> None:
        self._tx = tx
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        call = self._clock.timed("store", getattr(self._tx, name))
        setattr(self, name, call)
        return call


def instrument(clock: Clock) -> None:
    """Put the clock around the functions that begin a part."""
    for owner, name, part in (
        (core, "fold", "fold"),
        (core, "learn_features", "fold"),
        (core, "read", "decode"),
        (core, "encode", "encode"),
        (core, "next_due", "encode"),
        (batches, "encode_event", "encode"),
        (batches, "claim_of", "resolve"),
        (Filing, "file", "resolve"),
        (graph.Graph, "arrive", "resolve"),
        (deciding.Deciding, "consider", "decide"),
        (deciding.Deciding, "process", "decide"),
        (deciding.Deciding, "write", "decide"),
    ):
        setattr(owner, name, clock.timed(part, getattr(owner, name)))


def packed(customers: int, count: int) -> list[bytes]:
    """Write compressed batches before the clock starts."""
    draw, lives = random.Random(SEED), Lives()
    now = time.time_ns() // 1_000_000
    found = []
    for number in range(count):
        said = [
            lives.next(draw.randrange(customers), f"s{number}-{i}", format_instant(now))
            for i in range(CALL_EVENTS)
        ]
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)
        found.append(packer.compress(batch_body(said, format_instant(now))) + packer.flush())
    return found


def run(app: App, bodies: list[bytes], size: int, clock: Clock) -> int:
    """Take in all bodies in transactions of `size`; gives the number of events."""
    rules = SourceRules(name="bench")
    world, filing = app.engine.world, Filing(app.engine.world, app.secret)
    waiting: list[Event] = []
    done = 0
    for body in bodies:
        plain = clock.timed("inflate", inflate)(body, "gzip")
        taken = clock.timed("parse", parse_request)(
            "/v1/batch", plain, source=rules, secret=app.secret, received_at=app.clock()
        )
        waiting += taken.events
        if len(waiting) < size:
            continue

        def work(
            tx: Transaction, events: list[Event] = waiting, now: core.World = world
        ) -> core.World:
            clock.turn("rest")
            counted: Any = Counted(tx, clock)
            result = Batch(counted, now, app.secret, filing, app.clock()).run(events, ())
            clock.back()
            return result.world

        world = clock.timed("store", app.store.write)(work)
        done += len(waiting)
        waiting = []
    return done


def main() -> None:
    """Run both strategies and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=500)
    given = parser.parse_args()
    print_head(
        f"CPU us an event in process, {given.customers:,} customers, {given.events:,} events, "
        f"transactions of {given.batch}."
    )
    clock = Clock()
    instrument(clock)
    rows = []
    for name in ("facts", "decides"):
        folder = workspace(given.customers, decides=name == "decides")
        app = open_app(folder)
        bodies = packed(given.customers, given.events // CALL_EVENTS)
        run(app, bodies[: len(bodies) // 5], given.batch, clock)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        clock.spent.clear()
        events = run(app, bodies[len(bodies) // 5 :], given.batch, clock)
        app.close()
        shutil.rmtree(folder)
        us = {part: clock.spent[part] / events * 1e6 for part in PARTS}
        rows.append([name, *(f"{us[part]:.1f}" for part in PARTS), f"{sum(us.values()):.0f}"])
    print_table(("strategy", *PARTS, "all"), rows)


if __name__ == "__main__":
    main()
