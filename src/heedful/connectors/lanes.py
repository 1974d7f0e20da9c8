"""A lane per destination: a few threads and a short queue of its own.

A destination that does not answer fills its own lane and no other. What a lane cannot take is
refused at once, so whoever submits leaves it where it is durable, and nothing piles up here.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

import structlog

from heedful.connectors.acceptance import Clock, wall_clock
from heedful.effects import OutboundEffect
from heedful.ports import Connector, Delivery

THREADS_PER_LANE: Final = 4
"""Calls to one destination at once, where nothing else is said."""

WAITING_MAX: Final = 16
"""Effects that wait in one lane for a thread; further ones are not taken."""

Find = Callable[[OutboundEffect], Connector | None]
Done = Callable[[OutboundEffect, Delivery], None]


class _Lane:
    __slots__ = ("calling", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[OutboundEffect] = deque()
        self.calling = 0


class Lanes:
    """Carries effects out on threads, by `OutboundEffect.destination`.

    Parameters
    ----------
    find
        The connector of an effect, such as `Connectors.find`.
    done
        Called on the lane's thread with what came of every effect that was begun. What it raises
        is logged: the effect's lease then runs out, and it comes again.
    threads, waiting_max
        Of each lane.

    Notes
    -----
    A thread lives while its lane has work, so a thousand idle destinations cost nothing.
    """

    def __init__(
        self,
        find: Find,
        done: Done,
        *,
        threads: int = THREADS_PER_LANE,
        waiting_max: int = WAITING_MAX,
        clock: Clock = wall_clock,
    ) -> None:
        self._find = find
        self._done = done
        self._threads = threads
        self._places = threads + waiting_max
        self._clock = clock
        self._lanes: dict[str, _Lane] = {}
        self._lock = threading.Lock()
        self._is_idle = threading.Condition(self._lock)
        self._is_open = True
        self._log = structlog.get_logger("heedful.connectors")

    def capacity(self, destination: str) -> int:
        """Say how many effects a destination's lane takes now; 0 once closed."""
        with self._lock:
            return self._room(self._lanes.get(destination))

    def full(self) -> list[str]:
        """List the destinations whose lanes take nothing now."""
        with self._lock:
            return [name for name, lane in self._lanes.items() if self._room(lane) <= 0]

    def submit(self, effect: OutboundEffect) -> bool:
        """Take an effect, or refuse it when its lane is full or all are closed."""
        with self._lock:
            lane = self._lanes.get(effect.destination)
            if self._room(lane) <= 0:
                return False
            if lane is None:
                lane = self._lanes[effect.destination] = _Lane()
            if lane.calling >= self._threads:
                lane.waiting.append(effect)
                return True
            lane.calling += 1
        self._start(lane, effect)
        return True

    def _room(self, lane: _Lane | None) -> int:
        if not self._is_open:
            return 0
        taken = 0 if lane is None else lane.calling + len(lane.waiting)
        return self._places - taken

    def _start(self, lane: _Lane, effect: OutboundEffect) -> None:
        name = f"lane {effect.destination}"
        thread = threading.Thread(target=self._work, args=(lane, effect), name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The system gives no more threads: this one's work is done here instead.
            self._work(lane, effect)

    def _work(self, lane: _Lane, effect: OutboundEffect | None) -> None:
        while effect is not None:
            delivery = self._deliver(effect)
            try:
                self._done(effect, delivery)
            except Exception as error:
                kind = type(error).__name__
                self._log.error("delivery_not_recorded", effect=effect.id, error=kind)
            effect = self._next(lane, effect.destination)

    def _next(self, lane: _Lane, destination: str) -> OutboundEffect | None:
        with self._lock:
            if lane.waiting:
                return lane.waiting.popleft()
            lane.calling -= 1
            if lane.calling == 0:
                self._lanes.pop(destination, None)
                self._is_idle.notify_all()
            return None

    def _deliver(self, effect: OutboundEffect) -> Delivery:
        if effect.expires_at <= self._clock():
            return Delivery("failed", "expired")
        try:
            connector = self._find(effect)
            if connector is None:
                return Delivery("failed", "no_connector")
            return connector.deliver(effect)
        except BaseException as error:  # a plug-in that exits would take the lane with it
            # It broke its word. The call may have left, so its end is unknown. What the error
            # says stays out of the log: it may quote the message.
            kind = type(error).__name__
            self._log.error("connector_raised", destination=effect.destination, error=kind)
            return Delivery("unknown", "connector_raised")

    def close(self, wait_s: float = 0.0) -> list[OutboundEffect]:
        """Take nothing more, wait for the calls that are under way, give back what never began.

        Parameters
        ----------
        wait_s
            Seconds at most. A call that is still under way then is left to end by itself; its end
            is reported if the process lives so long.
        """
        with self._lock:
            self._is_open = False
            left = [effect for lane in self._lanes.values() for effect in lane.waiting]
            for lane in self._lanes.values():
                lane.waiting.clear()
            self._is_idle.wait_for(lambda: not self._lanes, wait_s)
        return left
