"""Deciding over HTTP, answered after the commit: alone, and beside a load of events.

`POST /v1/decide` for a slot of a page, for customers drawn at random, by one keep-alive client that
waits for each answer. Most people are asked about once, so the answer is a new decision.

    python benchmarks/bench_request.py [--customers 100000] [--decisions 1000] [--rate 1000]
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import time

from machine import percentile, print_head, print_table, sample, used
from serving import Api, loading, served
from shop import SEED, workspace

WARM_UP = 50
BARS = ("15", "50")
HEADS = (
    "beside",
    "decisions",
    "p50 ms",
    "p99 ms",
    "most ms",
    "bar p99 ms",
    "server CPU ms",
    "machine",
)


def decide(api: Api, customers: int, count: int, draw: random.Random) -> list[float]:
    """Ask for decisions one after another; gives the waits in ms."""
    waits = []
    for _ in range(count):
        whom = {"user_id": f"user-{draw.randrange(customers)}"}
        begun = time.perf_counter()
        status, said = api.call("POST", "/v1/decide", {"customer": whom, "placement": "home"})
        waits.append((time.perf_counter() - begun) * 1e3)
        if status != 200:
            raise SystemExit(f"A question was answered {status}: {said}")
    return waits


def main() -> None:
    """Measure alone and beside a load, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--decisions", type=int, default=1_000)
    parser.add_argument("--rate", type=int, default=1_000, help="events a second of the load")
    given = parser.parse_args()
    print_head(f"Decide over HTTP, {given.customers:,} customers.")
    folder, draw = workspace(given.customers, decides=True), random.Random(SEED)
    rows = []
    with served(folder) as server:
        api = Api(server)
        decide(api, given.customers, WARM_UP, draw)
        for rate, bar in zip((0, given.rate), BARS, strict=True):
            options = ("--seconds", "600", "--clients", "4", "--rate", str(rate))
            load = loading(server, *options, "--customers", str(given.customers))
            with load if rate else contextlib.nullcontext():
                before = sample([server.pid])
                waits = decide(api, given.customers, given.decisions, draw)
                use = used(before, sample([server.pid]))
            cpu = use.process[server.pid] / len(waits) * 1e3
            rows.append(
                (
                    f"{rate:,} events/s" if rate else "nothing",
                    f"{len(waits):,}",
                    f"{percentile(waits, 0.5):.1f}",
                    f"{percentile(waits, 0.99):.1f}",
                    f"{max(waits):.1f}",
                    bar,
                    "-" if rate else f"{cpu:.2f}",
                    use.note,
                )
            )
    shutil.rmtree(folder)
    print_table(HEADS, rows)


if __name__ == "__main__":
    main()
