"""From `heedful serve` to ready, and what the process then holds in memory.

The workspace is the shop's with customers in it. Ready is the first answer of `/readyz` that says
yes, which makes an empty transaction durable first.

    python benchmarks/bench_start.py [--customers 100000] [--times 5]
"""

from __future__ import annotations

import argparse
import shutil

from machine import cpu_s, print_head, print_table, resident_mb
from serving import measure, served
from shop import workspace


def main() -> None:
    """Start a few times, load the last one, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0, help="of load, for the memory")
    given = parser.parse_args()
    print_head(f"Start and memory, {given.customers:,} customers.")
    folder = workspace(given.customers, decides=True)
    waits, cpus = [], []
    for _ in range(given.times):
        with served(folder) as server:
            waits.append(server.ready_s)
            cpus.append(cpu_s(server.pid))
            idle = resident_mb(server.pid)
    with served(folder) as server:
        measure(server, "--seconds", str(given.seconds), "--customers", str(given.customers))
        loaded = resident_mb(server.pid)
    shutil.rmtree(folder)
    print_table(
        ("what", "measured", "bar"),
        [
            ("ready, the fastest of all, s", f"{min(waits):.2f}", "2"),
            ("ready, the slowest, s", f"{max(waits):.2f}", ""),
            ("CPU until ready, s", f"{min(cpus):.2f}", ""),
            ("resident when ready, MB", f"{idle:.0f}", "250"),
            (f"resident after {given.seconds:.0f} s of load, MB", f"{loaded:.0f}", "250"),
        ],
    )


if __name__ == "__main__":
    main()
