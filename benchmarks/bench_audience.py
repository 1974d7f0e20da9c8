"""What deciding for an audience costs: stored customers in, one answer each out, over columns.

Each customer is decoded from the bytes that a store holds, read by the conditions of every action
(twenty signals, traits, consents, contacts), gated, valued, and drawn with exact chances. The
people are those of `bench_decide.py`, 2,000 different ones again and again. A request for each of a
sample of them is decided alone, too: the answers have to be the same, and its CPU time is the peer.

Two processes share the work, as two cores would. What is timed is CPU time; "at rest" it is divided
by how slow the machine is meanwhile (`machine.Pace`). A run of a part of a million is multiplied.

    python benchmarks/bench_audience.py --customers 1000000
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import time
from collections.abc import Sequence
from typing import NamedTuple

import bench_decide as bench
import machine
from heedful import core
from heedful.core import Customer
from heedful.decide import Person, Rules, Surroundings, compile_rules, new_case, preview
from heedful.decide.columns import Asking, ColumnarDecider, answer_of
from heedful.events import Identifier
from heedful.govern.governance import Governance
from heedful.kernel import MICRO

MILLION = 1_000_000
DIFFERENT = 2_000
SAMPLE = 300
BAR_S = 120.0
BATCH = 1_000


class Done(NamedTuple):
    """What one process did."""

    people: int
    cpu_s: float
    slowdown: float
    peak_mb: float
    columnar: int


class World(NamedTuple):
    """A strategy of many actions, what was learned, and the bytes of different people."""

    rules: Rules
    shared: Surroundings
    bodies: list[bytes]


def world_of(actions: int) -> World:
    """Make the strategy and the people."""
    draw = random.Random(20_261_121)
    signals = bench.signal_set()
    rules = compile_rules(bench.definitions(actions, draw), signals, version="bench")
    learned = bench.model(actions, draw)
    shared = Surroundings(
        secret=bench.SECRET, models={"beta": learned}, governance=Governance(), budgets={}
    )
    bodies = []
    while len(bodies) < DIFFERENT:
        for one in bench.people(signals, draw):
            bodies.append(core.encode(Customer(core.SCHEMA, one.profile, one.senses)))
    return World(rules, shared, bodies)


def asking(body: bytes, number: int) -> Asking:
    """Read one customer as a store keeps them, and ask about them."""
    state = core.decode(body)
    names = (Identifier("user_id", f"u{number}"), Identifier("email", f"u{number}@e.io"))
    person = Person(number, state.profile, state.senses, lambda: names)
    said = {"placement": "home"}
    asked = bench.event(number, "own", bench.DECISION_REQUESTED, bench.NOW, properties=said)
    return Asking(person, new_case(), asked)


HELD: list[World] = []
"""The one world; forked processes find it here, since what is compiled is not to be sent."""


def decide(numbers: Sequence[int]) -> Done:
    """Decide for a share of the people, a batch at a time."""
    (world,) = HELD
    decider = ColumnarDecider(world.rules, world.shared)
    columnar = 0
    with machine.Pace() as pace:
        begun = time.thread_time()
        for start in range(0, len(numbers), BATCH):
            batch = numbers[start : start + BATCH]
            asked = [asking(world.bodies[n % DIFFERENT], n) for n in batch]
            columnar += sum(answer.is_columnar for answer in decider.decide(asked))
        spent = time.thread_time() - begun
    return Done(len(numbers), spent, pace.slowdown, machine.own_peak_mb(), columnar)


def alone(world: World) -> tuple[float, bool]:
    """Decide for a sample one by one: CPU seconds of one person, and whether all are the same."""
    asked = [asking(world.bodies[n % DIFFERENT], n) for n in range(SAMPLE)]
    together = ColumnarDecider(world.rules, world.shared).decide(asked)
    begun = time.thread_time()
    one_by_one = [
        answer_of(preview(world.rules, world.shared, one.person, one.case, one.event))
        for one in asked
    ]
    spent = (time.thread_time() - begun) / SAMPLE
    return spent, [a._replace(is_columnar=False) for a in together] == one_by_one


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=40_000)
    parser.add_argument("--actions", type=int, default=100)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    machine.print_head(f"An audience of {given.customers:,} x {given.actions} actions.")
    world = world_of(given.actions)
    shares = [range(i, given.customers, given.processes) for i in range(given.processes)]
    begun = time.perf_counter()
    HELD.append(world)
    with multiprocessing.get_context("fork").Pool(given.processes) as pool:  # no thread runs yet
        done = pool.map(decide, shares)
    wall = time.perf_counter() - begun
    one, is_same = alone(world)
    cpu = sum(part.cpu_s for part in done) / given.customers
    rest = sum(part.cpu_s / part.slowdown for part in done) / given.customers
    per_core = MILLION / given.processes
    rows = [
        ("CPU us of one person, at rest", f"{rest * MICRO:.0f}", ""),
        ("CPU us of one person, as measured", f"{cpu * MICRO:.0f}", ""),
        ("alone, CPU us as measured", f"{one * MICRO:.0f}", ""),
        ("columns to alone", f"{cpu / one:.2f}", ""),
        ("same answers on a sample", f"{is_same} ({SAMPLE})", "True"),
        ("decided over columns", f"{sum(d.columnar for d in done) / given.customers:.1%}", ""),
        ("wall s of this run", f"{wall:.1f}", ""),
        ("s for 1,000,000 on 2 cores, at rest", f"{rest * per_core:.0f}", f"{BAR_S:.0f}"),
        ("s for 1,000,000 on 2 cores, as measured", f"{cpu * per_core:.0f}", f"{BAR_S:.0f}"),
        ("peak MiB of a process", f"{max(d.peak_mb for d in done):.0f}", "4,096 in all"),
    ]
    machine.print_table(["audience", "measured", "bar"], rows)


if __name__ == "__main__":
    main()
