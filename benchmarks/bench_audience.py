"""What deciding for an audience costs: `heedful decide --audience all`, from store to file.

A workspace is filled with customers, then the command is run as anybody runs it: it owns the store,
shares the people among processes, and writes a row for each. Each customer is decoded from stored
bytes, read by the conditions of every action (twenty signals, traits, consents, contacts), gated,
valued, and drawn with exact chances. For a sample the file is compared with what a question alone
is answered, whose CPU time is the peer.

CPU time is that of the command and all its processes, memory the most that all of them held
together. "At rest" it is divided by how slow the machine is meanwhile (`machine.Pace`).

    python benchmarks/bench_audience.py --customers 1000000 --processes 2
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import audience_workspace
import machine
from heedful import decide
from heedful.app import open_app
from heedful.app.audience_rows import shown, written
from heedful.app.audience_state import AskedAudience
from heedful.decide.columns import answer_of
from heedful.engine.audience import AudienceDecider
from heedful.kernel import MICRO, parse_public_id

MILLION = 1_000_000
SAMPLE = 300
BAR_S = 120.0
BAR_MB = 4_096
LOOK_S = 0.2


class Done(NamedTuple):
    """What a run took."""

    wall_s: float
    cpu_s: float
    slowdown: float
    peak_mb: float
    told: dict[str, object]


class Memory(machine.Watcher):
    """The most that a process and all that it started held together."""

    def __init__(self, pid: int) -> None:
        super().__init__(self._measure, LOOK_S)
        self.peak_mb = 0.0
        self._pid = pid

    def _measure(self) -> None:
        held = 0.0
        for pid in family(self._pid):
            try:
                held += machine.resident_mb(pid)
            except (OSError, StopIteration):  # it has just ended
                continue
        self.peak_mb = max(self.peak_mb, held)


def family(pid: int) -> list[int]:
    """List a process and those that it started."""
    found = [pid]
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in file.read_text("ascii").split()]
        except OSError:
            continue
    return found


def run(directory: Path, processes: int, out: Path) -> Done:
    """Run the command."""
    command = [sys.executable, "-c", "from heedful.cli import main; main()", "decide"]
    command += ["--audience", "all", "--placement", "home", "--run", "bench", "--json"]
    command += ["--processes", str(processes), "--out", str(out), "--dir", str(directory)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    with machine.Pace() as pace:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        with Memory(process.pid) as memory:
            said, _ = process.communicate()
    wall = time.perf_counter() - begun
    if process.returncode:
        raise SystemExit(f"the command ended with {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Done(wall, cpu, pace.slowdown, memory.peak_mb, json.loads(said))


def alone(directory: Path, out: Path) -> tuple[float, int]:
    """Decide for a sample one by one: CPU seconds of one person, and how many rows are the same."""
    with out.open(encoding="utf-8", newline="") as file:
        lines = file.readlines()[1:]
    step = max(len(lines) // SAMPLE, 1)
    sample = lines[::step][:SAMPLE]
    keys = [parse_public_id("c", row[0]) or 0 for row in csv.reader(sample)]
    with open_app(directory) as app:
        world, shared, now = app.engine.decisions.prepared()
        asked = AskedAudience("bench", None, "home").compiled(world)
        decider = AudienceDecider(world, shared, asked, now)
        questions = app.store.read(lambda tx: decider.asking(tx, keys))
        begun = time.thread_time()
        answers = [
            answer_of(decide.preview(world.rules, shared, one.person, one.case, one.event))
            for one in questions
        ]
        spent = (time.thread_time() - begun) / len(keys)
    one_by_one = [written([shown(answer)], "csv") for answer in answers]
    return spent, sum(a == b for a, b in zip(one_by_one, sample, strict=True))


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
    with tempfile.TemporaryDirectory() as folder:
        directory, out = Path(folder) / "shop", Path(folder) / "who.csv"
        filled = audience_workspace.make(directory, given.customers, given.actions)
        done = run(directory, given.processes, out)
        one, same = alone(directory, out)
        size = os.stat(out).st_size
    each, looked = done.cpu_s / given.customers, done.told["looked"]
    cores = min(given.processes, os.cpu_count() or 1)
    rows = [
        ("customers decided, and rows", f"{looked:,}", f"{given.customers:,}"),
        ("s of the whole command", f"{done.wall_s:.1f}", ""),
        ("CPU us of one person, at rest (as measured)",
         f"{each / done.slowdown * MICRO:.0f} ({each * MICRO:.0f})", ""),
        (f"s for 1,000,000 on {cores} cores, at rest (as measured)",
         f"{each / done.slowdown * MILLION / cores:.0f} ({each * MILLION / cores:.0f})",
         f"{BAR_S:.0f}"),
        ("alone, CPU us as measured", f"{one * MICRO:.0f}", ""),
        ("same rows on a sample", f"{same} of {SAMPLE}", "all"),
        ("decided one by one", f"{done.told['alone']:,}", ""),
        ("peak MiB of all processes together", f"{done.peak_mb:.0f}", f"{BAR_MB:,}"),
        ("MiB of the file", f"{size / 2**20:.1f}", ""),
        ("s to fill the store", f"{filled:.1f}", ""),
    ]  # fmt: skip
    machine.print_table(["audience", "measured", "bar"], rows)


if __name__ == "__main__":
    main()
