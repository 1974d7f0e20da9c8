"""The shop's pages and app, as customers meet them: they ask what to show, and say what came of it.

A page asks `/v1/decide` for its place while it loads, fetches what waits in the person's inbox,
and reports how the person answered. How somebody answers is drawn from the decision's id, so the
same decision gets the same answer.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from random import Random
from typing import Any, Final, NamedTuple

import httpx

from examples.shop.calls import Call
from examples.shop.population import Errand, Population

WAITING_MAX: Final = 500
"""Things to do that wait at most; a page beyond that is shown without asking."""
LOADING_S: Final = 0.4
"""From the call to the question: the page's own event is on its way, too."""
LOOKS_S: Final = (0.5, 1.5, 3.0, 6.0)
"""When the inbox is looked into after a page was shown."""
MAKES_UP_THEIR_MIND_S: Final = (1.5, 5.0)
TIMEOUT_S: Final = 15.0

PLACES: Final = {
    "Home": "home",
    "Products Searched": "search",
    "Product Viewed": "product",
    "Payment Failed": "checkout",
}
"""The place that is filled when a page is shown or something happens on it."""


class Answer(NamedTuple):
    """How people answer what is done for them."""

    accepted: float
    """Share who take it up."""
    rejected: float
    """Share who wave it away."""
    then: Errand | None = None
    """What those who took it up do next."""


ANSWERS: Final = {
    "offer_help": Answer(0.75, 0.1, "pay"),
    "pay_by_invoice": Answer(0.6, 0.1, "pay"),
    "answer_first": Answer(0.7, 0.05, "resolve"),
    "payments_down_notice": Answer(0.3, 0.1),
    "pause_reminders": Answer(0.8, 0.02),
    "cart_reminder": Answer(0.2, 0.2, "pay"),
    "free_shipping": Answer(0.3, 0.1, "pay"),
}
OTHERWISE: Final = Answer(0.12, 0.12)
LEAVES: Final = 0.05
"""Share of those who are advertised to that have enough of it: they unsubscribe or object."""


class Reaction(NamedTuple):
    """What one person makes of one decision."""

    outcome: str
    after_s: float
    then: Errand | None = None


def react(decision_id: str, action: str, class_: str) -> Reaction:
    """Draw from its id how a decision is answered."""
    rng = Random(decision_id)
    after_s, drawn, enough = rng.uniform(*MAKES_UP_THEIR_MIND_S), rng.random(), rng.random()
    answer = ANSWERS.get(action, OTHERWISE)
    if class_ == "promotional" and enough < LEAVES / 2:
        return Reaction("complained", after_s)
    if class_ == "promotional" and enough < LEAVES:
        return Reaction("unsubscribed", after_s, "leave")
    if drawn < answer.accepted:
        return Reaction("accepted", after_s, answer.then)
    return Reaction("rejected" if drawn < answer.accepted + answer.rejected else "ignored", after_s)


Said = Callable[[dict[str, Any]], None]
"""What is called with each outcome that was reported."""


class Front:
    """What the shop shows to whom, on a thread of its own.

    Parameters
    ----------
    host
        Base URL of the server.
    key
        A key of the role `service`.
    population
        Who does something about what was shown to them.
    pace
        Factor on all waiting.
    transport
        What carries the requests; the network where absent.
    """

    def __init__(
        self,
        host: str,
        key: str,
        population: Population,
        said: Said,
        *,
        pace: float = 1.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(
            base_url=host,
            headers={"Authorization": f"Bearer {key}"},
            timeout=TIMEOUT_S,
            trust_env=False,
            transport=transport,
        )
        self._population, self._said, self._pace = population, said, pace
        self._numbers: dict[str, int] = {}
        for person in population.people:
            if person.user_id is not None:
                self._numbers[person.user_id] = person.number
            for device in person.devices:
                if not device.is_shared:
                    self._numbers[device.anonymous_id] = person.number
        self._todo: list[tuple[float, int, Callable[[], None]]] = []
        self._added = 0
        self._looking: dict[str, float] = {}
        self._cursors: dict[str, int] = {}
        self._seen: set[str] = set()
        self._wake = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._work, name="shop-front", daemon=True)
        self._thread.start()

    def see(self, call: Call) -> None:
        """Fill the place that a call shows, unless it is told late or too much waits already."""
        place = PLACES.get(call.name or "")
        if place is not None and not call.late_ms:
            whom = {"user_id": call.user_id, "anonymous_id": call.anonymous_id}
            named = {name: value for name, value in whom.items() if value not in (None, "null")}
            if named:
                self._do(LOADING_S, lambda: self._ask(named, place))

    def close(self) -> None:
        """Leave what is not done; nobody looks at the pages any more."""
        with self._wake:
            self._is_closed = True
            self._wake.notify()
        self._thread.join()
        self._http.close()

    def _do(self, in_s: float, what: Callable[[], None]) -> None:
        with self._wake:
            if len(self._todo) < WAITING_MAX:
                self._added += 1
                due_s = time.monotonic() + in_s * self._pace
                heapq.heappush(self._todo, (due_s, self._added, what))
                self._wake.notify()

    def _work(self) -> None:
        while True:
            with self._wake:
                if self._is_closed:
                    return
                due = self._todo[0][0] if self._todo else None
                rest = None if due is None else due - time.monotonic()
                if rest is None or rest > 0:
                    self._wake.wait(rest)
                    continue
                what = heapq.heappop(self._todo)[2]
            try:
                what()
            except httpx.HTTPError as error:
                # A page whose question has no answer is shown as it is.
                self._said({"kind": "unanswered", "why": type(error).__name__})

    def _call(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        answer = self._http.request(method, path, json=body, params=params)
        if answer.status_code == 404:
            return None  # erased meanwhile, or not there yet
        answer.raise_for_status()
        return answer.json()

    def _ask(self, whom: dict[str, str], place: str) -> None:
        asked = {"customer": whom, "placement": place, "context": {"page": place}}
        decided = self._call("POST", "/v1/decide", asked)
        if decided is None:
            return
        customer_id = decided["customer_id"]
        number = next((self._numbers[v] for v in whom.values() if v in self._numbers), None)
        decision_id = decided["decision_id"]
        if decided["content"] is not None and decision_id not in self._seen:
            self._seen.add(decision_id)
            self._report(decision_id, decided["action"], "shown")
            self._answer(decision_id, decided["action"], decided["class"], customer_id, number)
        until = time.monotonic() + LOOKS_S[-1]
        if self._looking.get(customer_id, 0.0) < time.monotonic():
            self._looking[customer_id] = until
            for wait_s in LOOKS_S:
                self._do(wait_s, lambda: self._look(customer_id, number))

    def _look(self, customer_id: str, number: int | None) -> None:
        """Fetch what waits in a person's inbox and show it."""
        path = f"/v1/customers/{customer_id}/inbox"
        page = self._call("GET", path, after=self._cursors.get(customer_id, 0))
        for item in page["items"] if page else ():
            message = item["message"]
            self._call("POST", f"{path}/{item['effect_id']}", {"mark": "shown"})
            self._tell(item["decision_id"], message["action"], "shown")
            self._answer(
                item["decision_id"],
                message["action"],
                message["message_class"],
                customer_id,
                number,
            )
        if page and page["next_cursor"] is not None:
            self._cursors[customer_id] = page["next_cursor"]

    def _answer(
        self, decision_id: str, action: str, class_: str, customer_id: str, number: int | None
    ) -> None:
        """Have the person make up their mind, and do what they made it up to."""
        reaction = react(decision_id, action, class_)
        if reaction.then is not None and number is not None:
            self._population.wish(reaction.then, number)

        def report() -> None:
            if reaction.outcome == "complained":
                said = {"purpose": "marketing", "source": "shop"}
                self._call("POST", f"/v1/customers/{customer_id}/object", said)
            self._report(decision_id, action, reaction.outcome)

        self._do(reaction.after_s, report)

    def _report(self, decision_id: str, action: str, outcome: str) -> None:
        said = {
            "decision_id": decision_id,
            "outcome": outcome,
            "message_id": f"{decision_id}:{outcome}",
        }
        self._call("POST", "/v1/outcomes", said)
        self._tell(decision_id, action, outcome)

    def _tell(self, decision_id: str, action: str, outcome: str) -> None:
        told = {"kind": "outcome", "outcome": outcome}
        self._said(told | {"action": action, "decision_id": decision_id})
