"""The shop's credit desk: a second person reads each payment plan and agrees, or does not.

Heedful asks, so Heedful cannot agree: four eyes are hers and whoever made the rules. She votes as
anybody would, over HTTP with a key of her own, and what she agreed to goes out by itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final

from examples.shop.workspace import CREDIT
from heedful.cli.client import Api
from heedful.kernel import HeedfulError

READS_S: Final = 4.0
"""How long she reads a plan before she says anything."""
LOOKS_EVERY_S: Final = 1.0

Heard = Callable[[dict[str, Any]], None]


class CreditDesk:
    """Votes on the decisions that wait for a person, on a thread of its own.

    Parameters
    ----------
    api
        The server, spoken to with her key.
    heard
        Called with each vote: `decision_id`, `customer_id`, `by`, `is_approved`, `reason`.
    """

    def __init__(self, api: Api, heard: Heard) -> None:
        self._api, self._heard = api, heard
        self._seen: dict[str, float] = {}
        self._has_plan: set[str] = set()
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="credit desk", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def close(self) -> None:
        """Go home."""
        self._is_closing.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._is_closing.wait(LOOKS_EVERY_S):
            try:
                self.look(time.monotonic())
            except HeedfulError:
                continue  # the server is busy or going: what waits, waits

    def look(self, now_s: float) -> None:
        """Vote on what has been read for long enough by now."""
        for asked in self._api.get("/v1/governance/approvals")["items"]:
            if (asked["kind"], asked["status"]) != ("decision", "pending"):
                continue
            if now_s - self._seen.setdefault(asked["id"], now_s) >= READS_S:
                self._vote(asked["id"], asked["subject"])

    def _vote(self, approval_id: str, decision_id: str) -> None:
        customer_id = self._api.get(f"/v1/decisions/{decision_id}")["customer_id"]
        is_approved = customer_id not in self._has_plan
        reason = "Read it: no fee, no interest." if is_approved else "One plan at a time."
        ballot = {"is_approved": is_approved, "reason": reason}
        self._api.post(f"/v1/governance/approvals/{approval_id}", ballot)
        self._has_plan.add(customer_id)
        said = {"decision_id": decision_id, "customer_id": customer_id, "by": CREDIT}
        self._heard({**said, **ballot})
