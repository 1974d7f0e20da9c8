"""How fast the log is folded again: proving what is stored, and rebuilding it from nothing.

"verify" folds every customer from their own events and compares bytes; "rebuild" lands the whole
log in an empty store through the same code as ingest.

    python benchmarks/bench_replay.py [--events 20000] [--people 500]
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from heedful.app import App, init_workspace, open_app
from heedful.app.worlds import world_of
from heedful.engine import replay
from heedful.ports import Store
from heedful.store import SqliteStore
from machine import print_head, print_table
from shop import STORES, STRATEGY, history, parsed


def filled(folder: Path, people: int, events: int) -> App:
    """Make a workspace of the shop and take in a log."""
    init_workspace(folder)
    shutil.rmtree(folder / "strategy")
    shutil.copytree(STRATEGY, folder / "strategy")
    app = open_app(folder)
    app.start()
    now = app.clock()
    texts = history(people, events, now)
    for start in range(0, events, 500):
        taken = parsed(texts[start : start + 500], app.secret, now, "import")
        app.engine.ingest(taken, []).result()
    return app


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Run it; gives wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.thread_time()
    work()
    return time.perf_counter() - wall, time.thread_time() - cpu


def main() -> None:
    """Fill a store, then time both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--people", type=int, default=500)
    given = parser.parse_args()
    print_head(f"Replay of {given.events:,} events of {given.people:,} people.")
    STORES.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="replay_", dir=STORES))
    try:
        app = filled(folder / "workspace", given.people, given.events)
        store: Store = app.store
        logged = store.stats().events
        world, again = app.engine.world, SqliteStore(str(folder / "again.db"))
        if not replay.verify(store, world).is_equal:
            raise SystemExit("What is stored is not what the log says.")
        first, now = world_of(app.strategy), app.clock()
        works: dict[str, Callable[[], object]] = {
            "verify": lambda: replay.verify(store, world),
            "rebuild": lambda: replay.rebuild(store, again, first, app.secret, now),
        }
        rows = []
        for name, work in works.items():
            wall, cpu = timed(work)
            rows.append((name, f"{logged:,}", f"{logged / wall:,.0f}", f"{cpu / logged * 1e6:.0f}"))
        again.close()
        app.close()
    finally:
        shutil.rmtree(folder)
    print_table(("what", "events", "events/s", "CPU us/event"), rows)


if __name__ == "__main__":
    main()
