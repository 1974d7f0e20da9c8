"""What a benchmark ran on and how busy that was, and how its results are written.

python benchmarks/machine.py
"""

from __future__ import annotations

import json
import os
import platform
import resource
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import NamedTuple, Self

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("msgspec", "uvicorn", "uvloop", "httptools", "litestar", "numpy")
REST = ROOT / "build" / "bench" / "fastest-turn"
"""Where the CPU seconds of the fastest turn are kept from run to run."""
TURN_WAIT_S = 0.1
_WORK = json.dumps([{"a": i, "b": "x" * (i % 40), "c": [i] * 10} for i in range(150)])
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_name() -> str:
    """Name the processor where the system says it."""
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def describe() -> str:
    """Describe the machine and all versions in two sentences."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    return (
        f"{cpu_name()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} "
        f"{platform.release()}. Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}, "
        f"{versions}."
    )


class Sample(NamedTuple):
    """CPU seconds since boot at one instant."""

    wall: float
    machine: float
    """Of every process, waiting for the disk not counted."""
    process: dict[int, float]


class Use(NamedTuple):
    """What was used between two samples."""

    wall: float
    process: dict[int, float]
    """CPU seconds of each watched process."""
    others: float
    """Cores that everybody else used, on average."""

    @property
    def note(self) -> str:
        """Say how quiet the machine was."""
        return f"others used {self.others:.2f} of {os.cpu_count()} cores"


def sample(pids: Iterable[int]) -> Sample:
    """Read the clocks of the machine and of some processes."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(part) for part in file.readline().split()[1:9]]
    user, nice, system, _idle, _wait, irq, soft, steal = ticks
    busy = (user + nice + system + irq + soft + steal) / TICKS
    return Sample(time.perf_counter(), busy, {pid: cpu_s(pid) for pid in pids})


def used(before: Sample, after: Sample) -> Use:
    """Subtract two samples of the same processes."""
    wall = after.wall - before.wall
    own = {pid: after.process[pid] - before.process[pid] for pid in before.process}
    others = max(0.0, after.machine - before.machine - sum(own.values())) / wall
    return Use(wall, own, others)


def cpu_s(pid: int) -> float:
    """Read the CPU seconds of a process, all its threads together."""
    text = Path(f"/proc/{pid}/stat").read_text("ascii")
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mb(pid: int) -> float:
    """Read the resident memory of a process, in MiB."""
    text = Path(f"/proc/{pid}/status").read_text("ascii")
    line = next(line for line in text.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def own_peak_mb() -> float:
    """Read the most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def turn() -> float:
    """Take the CPU seconds of a fixed piece of work: how fast the machine is at this moment.

    On cores that are shared with others the same work takes up to three times the CPU time.
    """
    begun = time.thread_time()
    for _ in range(4):
        decoded = json.loads(_WORK)
        sorted((str(one["b"]), one["a"]) for one in decoded)
    return time.thread_time() - begun


class Watcher:
    """Looks again and again, on a thread beside what is measured, until the block ends.

    Parameters
    ----------
    look
        Takes one look.
    wait_s
        Between two looks.
    """

    def __init__(self, look: Callable[[], None], wait_s: float) -> None:
        self._look = look
        self._wait_s = wait_s
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over.wait(self._wait_s):
            self._look()


class Pace(Watcher):
    """How slow the machine is while something is measured, as a multiple of it at rest."""

    def __init__(self) -> None:
        self._turns: list[float] = []
        super().__init__(lambda: self._turns.append(turn()), TURN_WAIT_S)

    @property
    def slowdown(self) -> float:
        """The mean turn over the fastest one that was ever seen here."""
        taken = self._turns or [turn()]
        fastest = min(*taken, *(turn() for _ in range(50)))
        if REST.exists():
            fastest = min(fastest, float(REST.read_text("ascii")))
        REST.parent.mkdir(parents=True, exist_ok=True)
        REST.write_text(f"{fastest:.9f}", "ascii")
        return sum(taken) / len(taken) / fastest


def percentile(values: Iterable[float], share: float) -> float:
    """Give a percentile: the value that `share` of all do not exceed; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def print_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table of Markdown, its first column to the left."""
    print("| " + " | ".join(heads) + " |")
    print("| --- |" + " ---: |" * (len(heads) - 1))
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |", flush=True)
    print(flush=True)


def print_head(about: str) -> None:
    """Print what is measured, and on what."""
    print(f"{about}\n\n{describe()} Load {os.getloadavg()[0]:.1f} at the start.\n", flush=True)


if __name__ == "__main__":
    print_head("The machine.")
