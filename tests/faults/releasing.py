"""A process that releases a message and dies by signal 9 before or after its call.

Run as `python -m tests.faults.releasing DATABASE CALLS ONCE WHEN`: the database is a file, CALLS a
file with one effect id a line for each call that arrived, ONCE is `once` or `least`, and WHEN says
when it dies: `before` the call, `after` it, or `never`. One that lives prints what it found.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from heedful.effects import OutboundEffect
from heedful.kernel import MINUTE_MS
from heedful.ports import Delivery
from heedful.store import SqliteStore
from tests.unit.engine.acting import DELIVERED, Way, acting
from tests.unit.engine.strategies import CART_MAIL

LIFE_MS = 10 * MINUTE_MS
"""How much later each process begins, beyond any lease."""


def main(database: str, calls: str, once: str, when: str) -> None:
    arrived = Path(calls)

    def deliver(effect: OutboundEffect) -> Delivery:
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        with arrived.open("a", encoding="utf-8") as file:
            file.write(effect.id + "\n")
        if when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return DELIVERED

    store = SqliteStore(database)
    way = Way(answer=deliver, is_once=once == "once")
    with acting(CART_MAIL, store=store, way=way) as here:
        if when == "never":
            here.now += LIFE_MS
        else:
            here.meet()
            here.track("Product Added", user_id="u1")
        here.dispatch()
        here.later(MINUTE_MS)
        here.dispatch()
        found = {"states": here.states(), "released": here.messages()}
    store.close()
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
