"""Decisions as they fall, each with who it is about and the whole of why.

The notices of `/v1/stream` come on one thread, and each decision is read on another: a burst makes
the telling late, never the watching.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from heedful.cli.client import Api
from heedful.cli.demo_words import Told, Wording, read_wording, tell
from heedful.cli.person import name_of
from heedful.kernel import HeedfulError, format_instant

UNTOLD_MAX: Final = 500
"""Decisions that wait to be read; beyond that the newest are counted and not told."""
NAME_HOLDS_S: Final = 5.0
"""For how long a person's record is taken as it was read last."""
PEOPLE_MAX: Final = 5_000
"""People whose record is remembered; then all are read anew."""

Notice = dict[str, Any]
"""As `/v1/stream` sends it."""


class Decided(NamedTuple):
    """One decision, told."""

    at: str
    """Instant, ISO 8601 in UTC."""
    customer_id: str
    who: str
    decision_id: str
    need: str
    tier: str
    told: Told
    answer: dict[str, Any]
    """As `GET /v1/decisions/{id}` gives it."""


class DecisionFeed:
    """Follow what is decided in a running workspace.

    Parameters
    ----------
    api
        The server to follow.
    on_notice
        Called with every notice, on the thread that follows.
    on_decided
        Called with every decision, on the thread that reads them.
    """

    def __init__(
        self,
        api: Api,
        on_notice: Callable[[Notice], None],
        on_decided: Callable[[Decided], None],
    ) -> None:
        self._api = api
        self._on_notice, self._on_decided = on_notice, on_decided
        self.wording: Wording = read_wording(api.get("/v1/strategy")["files"])
        self._untold: queue.Queue[Notice | None] = queue.Queue(UNTOLD_MAX)
        self._people: dict[str, tuple[float, dict[str, Any]]] = {}
        self.untold = 0
        """Decisions that were counted and not told."""
        self.failure: HeedfulError | None = None
        self.is_ended = False
        self._threads = [
            threading.Thread(target=self._follow, name="decisions", daemon=True),
            threading.Thread(target=self._tell, name="telling", daemon=True),
        ]

    def start(self) -> None:
        """Begin to follow."""
        for thread in self._threads:
            thread.start()

    def person(self, customer_id: str) -> dict[str, Any] | None:
        """Give the record of a person, a few seconds old at most; None where there is none."""
        held = self._people.get(customer_id)
        now = time.monotonic()
        if held is not None and now - held[0] < NAME_HOLDS_S:
            return held[1]
        try:
            record: dict[str, Any] = self._api.get(f"/v1/customers/{customer_id}")
        except HeedfulError:
            return None if held is None else held[1]
        if len(self._people) >= PEOPLE_MAX:
            self._people.clear()
        self._people[customer_id] = (now, record)
        return record

    def drain(self, wait_s: float) -> None:
        """Wait until what has been decided so far is told, or for so long."""
        ends = time.monotonic() + wait_s
        while self._untold.unfinished_tasks and time.monotonic() < ends:
            time.sleep(0.02)

    def _follow(self) -> None:
        try:
            for _, notice in self._api.messages("GET", "/v1/stream", wait=True):
                if isinstance(notice, dict) and "kind" in notice:
                    self._take(notice)
        except HeedfulError as error:
            self.failure = error
        finally:
            self.is_ended = True
            self._untold.put(None)

    def _take(self, notice: Notice) -> None:
        if notice["kind"] == "strategy":
            self.wording = read_wording(self._api.get("/v1/strategy")["files"])
        self._on_notice(notice)
        if notice["kind"] == "decision":
            try:
                self._untold.put_nowait(notice)
            except queue.Full:
                self.untold += 1

    def _tell(self) -> None:
        while (notice := self._untold.get()) is not None:
            try:
                self._on_decided(self._decided(notice))
            except HeedfulError:
                self.untold += 1  # erased meanwhile, or the server is going
            finally:
                self._untold.task_done()

    def _decided(self, notice: Notice) -> Decided:
        customer_id, decision_id = notice["customer_id"], notice["decision_id"]
        answer = self._api.get(f"/v1/decisions/{decision_id}")
        record = self.person(customer_id)
        at = notice["at"]
        return Decided(
            at=at if isinstance(at, str) else format_instant(int(at)),
            customer_id=customer_id,
            who=name_of(record) if record else customer_id,
            decision_id=decision_id,
            need=answer["need"] or "",
            tier=answer["tier"],
            told=tell(answer, self.wording),
            answer=answer,
        )
