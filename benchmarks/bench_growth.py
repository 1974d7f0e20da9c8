"""What grows with the number of customers and of events: CPU, memory, file; as table and plot.

For each size a workspace of the shop is filled with customers of 300 events each and loaded over
HTTP by a generator of its own; then, on the smallest, the file and the memory are read again and
again while events land. By default up to 100,000 customers; making 1,000,000 takes a quarter of an
hour and 10 GB.

    python benchmarks/bench_growth.py [--upto 1000000] [--seconds 15] [--plot benchmarks/pictures]
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
from pathlib import Path
from typing import NamedTuple

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot

from heedful import core
from machine import percentile, print_head, print_table, resident_mb
from serving import measure, served
from shop import workspace

SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
MIB = 1 << 20
RESTING_MAX = 100_000
"""Customers beyond whom what one takes at rest is not measured: it is the same for each."""
BAR_BYTES = 6 * 1024
BAR_MB = 250


class Size(NamedTuple):
    """One number of customers."""

    customers: int
    rate: float
    cpu_us: float
    p99_ms: float
    resident_mb: float
    file_mb: float
    customer_bytes: float
    """Of the rows of a customer, their identifiers and cluster, pages included."""
    resting_bytes: float | None
    """The same once nothing has happened to them for a day; None where it was not measured."""
    others: float


class Step(NamedTuple):
    """What stands after so many events."""

    events: int
    file_mb: float
    resident_mb: float


def customer_bytes(database: Path, customers: int) -> float:
    """Measure what a customer takes in the file, all but the log."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    tables = "'customers', 'clusters', 'identifiers', 'fragments', 'customers_signal_set'"
    found = connection.execute(
        f"SELECT sum(pgsize) FROM dbstat WHERE name IN ({tables})"
    ).fetchone()[0]
    connection.close()
    return float(found) / customers


def pack_all(database: Path) -> None:
    """Write every customer as one to whom nothing has happened for a day."""
    connection = sqlite3.connect(database)
    connection.create_function("packed", 1, core.packed, deterministic=True)
    connection.execute("UPDATE customers SET body = packed(body)")
    connection.commit()
    connection.execute("VACUUM")
    connection.close()


def at_size(customers: int, seconds: float) -> Size:
    """Load a workspace with this many customers."""
    folder = workspace(customers, decides=True)
    database = folder / "heedful.db"
    each, file_mb = customer_bytes(database, customers), database.stat().st_size / MIB
    with served(folder) as server:
        run = measure(server, "--seconds", str(seconds), "--customers", str(customers))
        resident = resident_mb(server.pid)
    resting = None
    if customers <= RESTING_MAX:
        pack_all(database)
        resting = customer_bytes(database, customers)
    shutil.rmtree(folder)
    said, use = run.said, run.use
    cpu = use.process[server.pid] / said["events"] * 1e6
    p99 = percentile(said["acks_ms"], 0.99)
    rate = said["events"] / use.wall
    return Size(customers, rate, cpu, p99, resident, file_mb, each, resting, use.others)


def with_events(customers: int, seconds: float, steps: int) -> list[Step]:
    """Load one workspace for longer and read its size after each part."""
    folder = workspace(customers, decides=True)
    database, found, total = folder / "heedful.db", [], 0
    with served(folder) as server:
        found.append(Step(0, database.stat().st_size / MIB, resident_mb(server.pid)))
        for _ in range(steps):
            measure(server, "--seconds", str(seconds), "--customers", str(customers))
            reader = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
            total = reader.execute("SELECT max(seq) FROM events").fetchone()[0]
            pages = reader.execute("PRAGMA page_count").fetchone()[0]
            page = reader.execute("PRAGMA page_size").fetchone()[0]
            reader.close()
            found.append(Step(total, pages * page / MIB, resident_mb(server.pid)))
    shutil.rmtree(folder)
    return found


def plot(sizes: list[Size], steps: list[Step], folder: Path) -> None:
    """Draw both tables side by side."""
    pyplot.rcParams |= {"svg.hashsalt": "heedful", "svg.fonttype": "none", "font.size": 9}
    figure, axes = pyplot.subplots(1, 3, figsize=(10.5, 3.2), constrained_layout=True)
    people = [size.customers for size in sizes]
    axes[0].plot(people, [size.cpu_us for size in sizes], marker="o", color="#1b6ca8")
    axes[0].set(xscale="log", title="Server CPU an event, µs", xlabel="customers")
    axes[0].set_ylim(0, max(size.cpu_us for size in sizes) * 1.15)
    axes[1].plot(people, [size.file_mb for size in sizes], marker="o", color="#1b6ca8")
    bar = [count * BAR_BYTES / MIB for count in people]
    axes[1].plot(people, bar, linestyle="--", color="#999999", label="bar: 6 KiB each")
    axes[1].set(xscale="log", yscale="log", title="File before any event, MiB", xlabel="customers")
    axes[1].legend(frameon=False)
    axes[1].set_yticks([size.file_mb for size in sizes], [f"{s.file_mb:,.0f}" for s in sizes])
    for axis in axes[:2]:
        axis.set_xticks(people, [f"{count:,}" for count in people])
        axis.minorticks_off()
    events = [step.events / 1_000 for step in steps]
    axes[2].plot(events, [s.file_mb for s in steps], marker="o", color="#1b6ca8", label="file")
    axes[2].plot(
        events, [s.resident_mb for s in steps], marker="s", color="#c4622d", label="resident"
    )
    axes[2].axhline(BAR_MB, linestyle="--", color="#999999", label="bar: resident")
    title = f"MiB as events land, {steps_of(sizes):,} customers"
    axes[2].set(title=title, xlabel="thousand events")
    axes[2].set_ylim(bottom=0)
    axes[2].legend(frameon=False)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(visible=True, color="#eeeeee")
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "growth.svg", metadata={"Date": None})
    pyplot.close(figure)
    print(f"Drawn: {folder / 'growth.svg'}")


def steps_of(sizes: list[Size]) -> int:
    """Give the size on which the events were counted."""
    return sizes[0].customers


def main() -> None:
    """Run every size, then the events, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--upto", type=int, default=100_000, help="customers of the largest size")
    parser.add_argument("--seconds", type=float, default=15.0, help="of load for each size")
    parser.add_argument("--steps", type=int, default=5, help="readings while events land")
    parser.add_argument("--plot", type=Path, help="folder for the drawing")
    given = parser.parse_args()
    print_head("Growth, the shop's strategy with deciding, 8 clients.")
    sizes = [at_size(count, given.seconds) for count in SIZES if count <= given.upto]
    print_table(
        (
            "customers",
            "events/s",
            "CPU us/event",
            "ack p99 ms",
            "resident MB",
            "file MB",
            "bytes a customer",
            "at rest",
            "others' cores",
        ),
        [
            (
                f"{size.customers:,}",
                f"{size.rate:,.0f}",
                f"{size.cpu_us:.0f}",
                f"{size.p99_ms:.0f}",
                f"{size.resident_mb:.0f}",
                f"{size.file_mb:,.0f}",
                f"{size.customer_bytes:,.0f}",
                "" if size.resting_bytes is None else f"{size.resting_bytes:,.0f}",
                f"{size.others:.2f}",
            )
            for size in sizes
        ],
    )
    steps = with_events(sizes[0].customers, given.seconds, given.steps)
    print_table(
        ("events", "file MB", "resident MB"),
        [(f"{s.events:,}", f"{s.file_mb:,.0f}", f"{s.resident_mb:.0f}") for s in steps],
    )
    if given.plot is not None:
        plot(sizes, steps, given.plot)


if __name__ == "__main__":
    main()
