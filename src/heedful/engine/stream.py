"""What has just been committed, for whoever wants to watch: a bounded ring and its listeners.

The ring is a convenience of one process. The log is the truth: a watcher that fell behind the ring
continues from the log at the `seq` it saw last.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from heedful.decide import Decision
from heedful.kernel import public_id

RING_MAX: Final = 10_000
"""Notices kept in memory for late watchers; older ones are read from the log."""


class Notice(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing to see: an event that landed, a merge, a signal that changed by itself."""

    seq: int
    kind: str
    """`event`, `merge`, `split`, `decision`, `due`, `refold`, `erase`, `strategy`, `alarm`."""
    at: int
    customer_id: str
    name: str = ""
    type: str = ""
    source: str = ""
    absorbed: tuple[str, ...] = ()
    decision_id: str = ""
    need: str = ""
    reason: str = ""


def decided(seq: int, customer_id: str, decision: Decision) -> Notice:
    """Announce a decision: `name` is its action, `type` its tier, `source` its channel."""
    return Notice(
        seq,
        "decision",
        decision.at,
        customer_id,
        name=decision.action,
        type=decision.tier,
        source=decision.channel or "",
        decision_id=public_id("d", decision.id),
        need=decision.need or "",
        reason=decision.reason,
    )


class Stream:
    """A ring of notices; listeners are called on the writer's thread and must return at once."""

    def __init__(self) -> None:
        self._ring: deque[tuple[int, Notice]] = deque(maxlen=RING_MAX)
        """Each with the highest `seq` up to it: what is said of now names an older one."""
        self._highest = 0
        self._listeners: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def publish(self, notices: list[Notice]) -> None:
        """Add notices and wake every listener."""
        if not notices:
            return
        with self._lock:
            for notice in notices:
                self._highest = max(self._highest, notice.seq)
                self._ring.append((self._highest, notice))
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def after(self, seq: int, limit: int = 500) -> list[Notice]:
        """Read the notices beyond a `seq`, the oldest first."""
        with self._lock:
            # A watcher has seen nearly all: only what is new is looked at.
            new: list[Notice] = []
            for highest, notice in reversed(self._ring):
                if highest <= seq:
                    break
                if notice.seq > seq:
                    new.append(notice)
        return new[: -limit - 1 : -1]

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have `listener` called after each publication; returns the way to stop that."""
        with self._lock:
            self._listeners.append(listener)

        def stop() -> None:
            with self._lock:
                self._listeners.remove(listener)

        return stop
