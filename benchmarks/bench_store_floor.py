"""What the embedded store costs an event, split by call, beside bare SQLite inserting the rows.

One transaction claims the messages, reads fragments and customers, writes the customers back and
appends the events. Customers are drawn at random, so every event rewrites another page, as it does
when many people are about at once. "bare" inserts the same claims and events and updates the same
customers, reading nothing and finding no event by its fragment.

    python benchmarks/bench_store_floor.py [--customers 20000] [--seconds 10] [--dir .]
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from heedful.ports import Claim, CustomerRow, FragmentRow, LogRow, Transaction
from heedful.store import SqliteSettings, SqliteStore

BODY_BYTES = 2_048
EVENT_BYTES = 700
SLOT_BITS = 30
BATCHES = (1, 10, 100, 500)
CALLS = ("claim", "fragments", "customers", "last_seq", "put_customers", "append", "commit")


class Timing(NamedTuple):
    """Sums over one run, in seconds; `walls` has one entry per transaction."""

    events: int
    wall: float
    cpu: float
    walls: list[float]
    split: dict[str, float]


class Load:
    """Random events over a fixed population, made before the clock starts."""

    def __init__(self, customers: int) -> None:
        self._random = random.Random(20_261_120)
        self.customers = [self._random.getrandbits(63) for _ in range(customers)]
        self.bodies = [self._random.randbytes(BODY_BYTES) for _ in range(64)]
        self.events = [self._random.randbytes(EVENT_BYTES) for _ in range(64)]
        self._at = 1_795_000_000_000

    def batches(self, size: int) -> Iterator[list[tuple[Claim, int, int, bytes]]]:
        """Give batches of (claim, customer, at, event) for ever."""
        draw = self._random
        while True:
            batch = []
            for _ in range(size):
                self._at += 1
                slot = (self._at // 1_000 << SLOT_BITS) | draw.getrandbits(SLOT_BITS)
                claim = Claim(slot, draw.getrandbits(63), draw.getrandbits(63))
                batch.append(
                    (claim, draw.choice(self.customers), self._at, draw.choice(self.events))
                )
            yield batch


def fill(store: SqliteStore, load: Load) -> None:
    """Write the population, each customer with one fragment of the same key."""
    keys = load.customers
    for start in range(0, len(keys), 1_000):
        part = keys[start : start + 1_000]

        def work(tx: Transaction, part: list[int] = part) -> None:
            tx.put_fragments([FragmentRow(key, 0, key, key) for key in part])
            tx.put_customers([CustomerRow(k, 0, k, 1, None, 0, load.bodies[0]) for k in part])

        store.write(work)


def run_store(store: SqliteStore, load: Load, size: int, seconds: float) -> Timing:
    """Drive the port with transactions of `size` events."""
    split: dict[str, float] = defaultdict(float)
    walls: list[float] = []
    events, clock = 0, time.perf_counter
    batches = load.batches(size)
    cpu = 0.0
    body = load.bodies[1]
    while sum(walls) < seconds:
        batch = next(batches)

        def work(tx: Transaction, batch: list[tuple[Claim, int, int, bytes]] = batch) -> float:
            marks = [clock()]
            tx.claim([claim for claim, *_ in batch])
            marks.append(clock())
            tx.fragments([key for _, key, *_ in batch])
            marks.append(clock())
            rows = tx.customers(list({key for _, key, *_ in batch}))
            marks.append(clock())
            seq = tx.last_seq() + 1
            marks.append(clock())
            tx.put_customers([row._replace(body=body) for row in rows.values()])
            marks.append(clock())
            tx.append(
                [
                    LogRow(key, at, claim.check, seq + i, event)
                    for i, (claim, key, at, event) in enumerate(batch)
                ]
            )
            marks.append(clock())
            for name, start, end in zip(CALLS, marks, marks[1:], strict=False):
                split[name] += end - start
            return marks[-1]

        before, began = time.thread_time(), clock()
        worked = store.write(work)
        ended = clock()
        cpu += time.thread_time() - before
        split["commit"] += ended - worked
        walls.append(ended - began)
        events += size
    return Timing(events, sum(walls), cpu, walls, split)


def run_bare(path: str, load: Load, size: int, seconds: float) -> Timing:
    """Insert the same rows with one statement per table and nothing else."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA cache_size = -65536")
    connection.execute("CREATE TABLE seen (slot INTEGER PRIMARY KEY, chk, content)")
    connection.execute("CREATE TABLE customers (key INTEGER PRIMARY KEY, version, body)")
    connection.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, fragment, at, key, body)")
    connection.executemany(
        "INSERT INTO customers VALUES (?, 1, ?)", [(key, load.bodies[0]) for key in load.customers]
    )
    walls: list[float] = []
    events, cpu = 0, 0.0
    batches = load.batches(size)
    while sum(walls) < seconds:
        batch = next(batches)
        before, began = time.thread_time(), time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO seen VALUES (?, ?, ?)", [row[0] for row in batch])
        connection.executemany(
            "UPDATE customers SET body = ? WHERE key = ?",
            [(load.bodies[1], key) for _, key, *_ in batch],
        )
        connection.executemany(
            "INSERT INTO events VALUES (NULL, ?, ?, ?, ?)",
            [(key, at, claim.check, event) for claim, key, at, event in batch],
        )
        connection.execute("COMMIT")
        walls.append(time.perf_counter() - began)
        cpu += time.thread_time() - before
        events += size
    connection.close()
    return Timing(events, sum(walls), cpu, walls, {})


def percentile(walls: list[float], share: float) -> float:
    """Give a percentile in milliseconds."""
    ordered = sorted(walls)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1e3


def cpu_name() -> str:
    """Name the processor where the system says it."""
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main() -> None:
    """Run every batch size and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=10.0, help="per batch size")
    parser.add_argument("--batches", type=int, nargs="*", default=BATCHES)
    parser.add_argument("--page-bytes", type=int, default=SqliteSettings().page_bytes)
    parser.add_argument("--dir", type=Path, default=Path(), help="on the disk to be measured")
    given = parser.parse_args()
    print(
        f"{cpu_name()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, load "
        f"{os.getloadavg()[0]:.1f}; Python {sys.version.split()[0]}, SQLite "
        f"{sqlite3.sqlite_version}; {given.customers:,} customers of {BODY_BYTES} B, events of "
        f"{EVENT_BYTES} B, pages of {given.page_bytes} B\n"
    )
    heads = ("batch", "events/s", "CPU us/ev", "p50 ms", "p99 ms", "bare ev/s", "ratio", *CALLS)
    print("| " + " | ".join(heads) + " |")
    print("|" + " ---: |" * len(heads))
    for size in given.batches:
        folder = tempfile.mkdtemp(prefix="store_floor_", dir=given.dir)
        try:
            load = Load(given.customers)
            settings = SqliteSettings(page_bytes=given.page_bytes)
            store = SqliteStore(os.path.join(folder, "heedful.db"), settings)
            fill(store, load)
            ours = run_store(store, load, size, given.seconds)
            store.close()
            bare = run_bare(
                os.path.join(folder, "bare.db"), Load(given.customers), size, given.seconds
            )
        finally:
            shutil.rmtree(folder)
        rate, floor = ours.events / ours.wall, bare.events / bare.wall
        cells = [
            f"{size}",
            f"{rate:,.0f}",
            f"{ours.cpu / ours.events * 1e6:.1f}",
            f"{percentile(ours.walls, 0.5):.2f}",
            f"{percentile(ours.walls, 0.99):.1f}",
            f"{floor:,.0f}",
            f"{rate / floor:.2f}",
            *(f"{ours.split[name] / ours.events * 1e6:.1f}" for name in CALLS),
        ]
        print("| " + " | ".join(cells) + " |", flush=True)
    print("\nThe columns of calls are microseconds of wall time an event.")


if __name__ == "__main__":
    main()
