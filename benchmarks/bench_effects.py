"""Effects a second through the outbox: all gates again, released, called, settled, durable.

One mail for each of many customers waits in an embedded store with `synchronous=FULL`; the outbox
and its lanes carry all of them out through a connector that answers at once, or after a pause such
as an SMTP server makes. Commits are counted, since each is a sync to disk.

    python benchmarks/bench_effects.py [--effects 2000] [--pause-ms 0]
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path

from heedful.app.worlds import world_of
from heedful.connectors import Connectors
from heedful.effects import OutboundEffect
from heedful.engine import Engine
from heedful.engine.batch import BatchResult
from heedful.engine.outbox import Outbox
from heedful.events import CONSENT_CHANGED, Event
from heedful.ports import Delivery
from heedful.store import SqliteStore
from heedful.strategy import load
from machine import Pace, print_head, print_table

SECRET = b"bench-secret-bench-secret-bench!"
NOW = 1_800_000_000_000
AT_ONCE = 500
HEADS = ("answer after", "effects", "effects/s", "commits", "CPU us an effect", "slowdown")
STRATEGY = {
    "signals.yaml": "signals: [{name: cart, kind: count, on: Product Added, window: 7d}]\n",
    "goals.yaml": (
        "currency: EUR\ngoals: {purchase: {on: Order Completed, within: 3d, margin: 20}}\n"
    ),
    "rules.yaml": "builtin: []\nrules: [{name: added, on: Product Added}]\n",
    "policies/decision-types.yaml": (
        "decision_types: [{name: offer, risk: minimal, owner: Nobody, transparency: 1}]\n"
    ),
    "policies/contact.yaml": "caps: []\nquiet_hours: null\nfloor: 0\n",
    "actions/cart-mail.yaml": (
        "action: cart_mail\ntier: growth\nclass: promotional\ndecision_type: offer\n"
        "goal: purchase\nchannels: [email]\napplicable: signals.cart >= 1\n"
        "prior: {p: 0.9, strength: 1000}\n"
    ),
}


class Letterbox:
    """A way out that answers after a pause and counts."""

    name = "letterbox"
    channels = ("email",)
    destinations: tuple[str, ...] = ()
    timeout_s = 5.0

    def __init__(self, expected: int, pause_s: float) -> None:
        self._left, self._pause_s = expected, pause_s
        self._guard = threading.Lock()
        self.is_done = threading.Event()

    def is_at_most_once(self, effect: OutboundEffect) -> bool:
        return True

    def deliver(self, effect: OutboundEffect) -> Delivery:
        if self._pause_s:
            time.sleep(self._pause_s)
        with self._guard:
            self._left -= 1
            if not self._left:
                self.is_done.set()
        return Delivery("delivered", "done")

    def close(self) -> None:
        """Hold nothing."""


def event(number: int, name: str, **rest: object) -> Event:
    """Make an event of one customer."""
    given = {"type": "track", "source": "web", "received_at": NOW, "user_id": f"u{number}", **rest}
    key = hash((number, name)) & (1 << 62) - 1
    return Event(  # type: ignore[arg-type]
        key=key, message_id=f"{name}:{number}", at=NOW, original_at=NOW, name=name, **given
    )


def queue_mails(engine: Engine, count: int) -> None:
    """Have one mail wait for each customer."""
    said = {"purpose": "marketing", "channel": "*", "status": "granted"}
    for first in range(0, count, AT_ONCE):
        found = []
        for number in range(first, min(first + AT_ONCE, count)):
            traits = {"email": f"u{number}@example.org"}
            found += [
                event(number, "", type="identify", traits=traits),
                event(number, CONSENT_CHANGED, type="own", properties=said),
                event(number, "Product Added"),
            ]
        engine.ingest(found, []).result()


def run(count: int, pause_s: float) -> tuple[str, ...]:
    """Carry out so many effects; gives a row."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(str(Path(folder) / "bench.db"))
        engine = Engine(store, world_of(load(STRATEGY)), SECRET, lambda: NOW)
        engine.start()
        queue_mails(engine, count)
        commits = 0

        def committed(result: BatchResult, seconds: float) -> None:
            nonlocal commits
            commits += 1

        engine.on_batch = committed
        way = Letterbox(count, pause_s)
        outbox = Outbox(store, engine._writer, SECRET, Connectors([way]))
        with Pace() as pace:
            wall, cpu = time.perf_counter(), time.process_time()
            outbox.start()
            way.is_done.wait()
            while store.read(lambda tx: tx.effects_in("released", "", 1)):
                time.sleep(0.01)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        outbox.close()
        engine.close()
        delivered = store.read(lambda tx: tx.effects_in("delivered", "", count + 1))
        assert len(delivered) == count
        store.close()
    return (
        f"{pause_s * 1e3:.0f} ms",
        f"{count:,}",
        f"{count / wall:,.0f}",
        f"{commits:,}",
        f"{cpu / count * 1e6:,.0f}",
        f"{pace.slowdown:.2f}",
    )


def main() -> None:
    """Measure with a way out that answers at once, and with one that takes its time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--effects", type=int, default=2_000)
    parser.add_argument("--pause-ms", type=float, default=20.0)
    given = parser.parse_args()
    print_head("Effects through the outbox, one destination.")
    print_table(HEADS, [run(given.effects, pause) for pause in (0.0, given.pause_ms / 1e3)])


if __name__ == "__main__":
    main()
