"""Ingest to committed over HTTP: gzip batches of 100, the full step, durable, beside bare SQLite.

The server is the command `heedful serve`, in a process of its own; the load generator is another
one on the same cores, with keep-alive clients that each wait for their acknowledgement. Every event
goes to a customer drawn at random, so each rewrites another customer: the worst case. With
`--together 10` as many in a row come from one person, as a browser or a phone sends them. 2 % of
the people are newcomers. "facts" resolves identity and folds 20 declared signals and the automatic
features; "decides" adds the shop's needs, actions and rules. "bare" inserts the rows that the run
has just written, in commits of the same size, into a database with the same settings and nothing
else. "slowdown" is what a fixed piece of Python took meanwhile, as a multiple of its best here: on
shared cores CPU time is no constant, and "CPU at rest" divides by it.

    python benchmarks/bench_ingest.py [--seconds 20] [--customers 100000] [--together 1 10]
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import tempfile
import time
from pathlib import Path

from machine import percentile, print_head, print_table, resident_mb
from serving import Loaded, Served, measure, served
from shop import STORES, workspace

BAR = 8_000
BARE_ROWS = 50_000
HEADS = (
    "strategy",
    "together",
    "clients",
    "events/s",
    "of the bar",
    "CPU us/event",
    "sender CPU us/event",
    "ack p50 ms",
    "ack p99 ms",
    "bare ev/s",
    "bare CPU us/event",
    "CPU to bare",
    "resident MB",
    "slowdown",
    "CPU at rest",
    "machine",
)


def bare(database: Path) -> tuple[float, float]:
    """Insert the newest rows of a run into a bare database; gives events/s and CPU us an event."""
    source = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    commits = source.execute("SELECT count(*) FROM commits").fetchone()[0]
    last = source.execute("SELECT max(seq) FROM events").fetchone()[0]
    first = source.execute("SELECT min(seq) FROM events").fetchone()[0]
    size = max(1, round((last - first) / max(commits, 1)))
    events = source.execute(
        "SELECT seq, fragment, at, key, body FROM events ORDER BY seq DESC LIMIT ?", (BARE_ROWS,)
    ).fetchall()[::-1]
    seen = source.execute("SELECT slot, chk, content FROM seen LIMIT ?", (len(events),)).fetchall()
    customers = source.execute(
        "SELECT key, body FROM customers ORDER BY random() LIMIT ?", (len(events),)
    ).fetchall()
    source.close()
    folder = Path(tempfile.mkdtemp(prefix="bare_", dir=STORES))
    try:
        return _insert(folder / "bare.db", events, seen, customers, size)
    finally:
        shutil.rmtree(folder)


def _insert(
    path: Path,
    events: list[tuple[object, ...]],
    seen: list[tuple[object, ...]],
    customers: list[tuple[object, ...]],
    size: int,
) -> tuple[float, float]:
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "cache_size = -65536"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE seen (slot INTEGER PRIMARY KEY, chk, content)")
    connection.execute("CREATE TABLE customers (key INTEGER PRIMARY KEY, body)")
    connection.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, fragment, at, key, body)")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO customers VALUES (?, ?)", customers)
    connection.execute("COMMIT")
    begun, cpu = time.perf_counter(), time.thread_time()
    for start in range(0, len(events), size):
        end = start + size
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO seen VALUES (?, ?, ?)", seen[start:end])
        connection.executemany(
            "UPDATE customers SET body = ?2 WHERE key = ?1", customers[start:end]
        )
        connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", events[start:end])
        connection.execute("COMMIT")
    wall, cpu = time.perf_counter() - begun, time.thread_time() - cpu
    connection.close()
    return len(events) / wall, cpu / len(events) * 1e6


def row(
    name: str,
    together: int,
    clients: int,
    run: Loaded,
    server: Served,
    resident: float,
    floor: tuple[float, float],
) -> list[str]:
    """Write one run as a row of the table."""
    said, use = run.said, run.use
    rate = said["events"] / use.wall
    cpu = use.process[server.pid] / said["events"] * 1e6
    return [
        name,
        str(together),
        str(clients),
        f"{rate:,.0f}",
        f"{rate / BAR:.0%}",
        f"{cpu:.0f}",
        f"{use.process[run.pid] / said['events'] * 1e6:.0f}",
        f"{percentile(said['acks_ms'], 0.5):.0f}",
        f"{percentile(said['acks_ms'], 0.99):.0f}",
        f"{floor[0]:,.0f}",
        f"{floor[1]:.0f}",
        f"{cpu / floor[1]:.1f}",
        f"{resident:.0f}",
        f"{run.slowdown:.2f}",
        f"{cpu / run.slowdown:.0f}",
        use.note,
    ]


def main() -> None:
    """Run both strategies and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument(
        "--together", type=int, nargs="*", default=[1], help="events in a row by one person"
    )
    parser.add_argument("--strategy", choices=("facts", "decides", "both"), default="both")
    given = parser.parse_args()
    print_head(f"Ingest over HTTP, {given.customers:,} customers, {given.seconds:.0f} s a row.")
    rows = []
    for name in ("facts", "decides"):
        if given.strategy not in (name, "both"):
            continue
        folder = workspace(given.customers, decides=name == "decides")
        for together in given.together:
            with served(folder) as server:
                run = measure(
                    server,
                    *("--seconds", str(given.seconds), "--clients", str(given.clients)),
                    *("--customers", str(given.customers), "--together", str(together)),
                )
                resident = resident_mb(server.pid)
            if set(run.said["statuses"]) != {"200"}:
                raise SystemExit(f"Expected every batch to be taken, got {run.said['statuses']}.")
            floor = bare(folder / "heedful.db")
            rows.append(row(name, together, given.clients, run, server, resident, floor))
        shutil.rmtree(folder)
    print_table(HEADS, rows)


if __name__ == "__main__":
    main()
