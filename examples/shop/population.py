"""The whole shop: everybody's visits, returns and calls for help, woven into one stream.

Pure: the stream is a function of `random.Random(seed)` and the number of people. It never ends,
so a caller takes as many calls as it wants. Its disorder is that of real sources: doubled
messages, apps that were offline for hours, shared devices, orders that the backend reports
before the browser has said who somebody is.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from random import Random
from typing import Final, Literal

import msgspec

from examples.shop.calls import HOUR_MS, MINUTE_MS, SECOND_MS, Call
from examples.shop.catalogue import PRODUCTS
from examples.shop.notes import write_note
from examples.shop.people import Device, Person, draw_person
from examples.shop.sessions import Memory, Order, Visit, trouble, visit

Errand = Literal["visit", "return", "contact", "resolve", "hardship", "trouble", "pay", "leave"]

HOURS_BETWEEN_VISITS: Final = 6.0
_P_DOUBLED: Final = 0.02
_P_OFFLINE: Final = 0.15
_LATE_HOURS: Final = (1, 30)
_RESOLVED_AFTER_HOURS: Final = (1, 5)
_ONE_TELLS_OF_HARDSHIP: Final = 5
"""Of those who call about a payment and pay badly: every so many says that money is short."""

_CREDIT_COUNTRIES: Final = ("DE", "AT", "NL")
"""Where the shop may let people pay in parts; `payment-plan.yaml` says so, too."""


class Population:
    """People numbered from 0 and what they do.

    Parameters
    ----------
    rng
        From which the people are drawn.
    size
        How many there are.
    fate
        From which it is drawn what they do; the same stream goes on when there is none.
    first
        Number before that of the first visit, which is also the number of its order.
    """

    def __init__(self, rng: Random, size: int, fate: Random | None = None, first: int = 0) -> None:
        self.people = tuple(draw_person(rng, number) for number in range(size))
        self.rng = fate or rng
        self._memories = [Memory(dict(person.consents)) for person in self.people]
        self._ordinal = first
        # (when, ordinal, what, whose, topic); the ordinal makes ties impossible.
        self._errands: list[tuple[int, int, Errand, int, str]] = []
        self._wishes: deque[tuple[Errand, int]] = deque()
        self._trouble_every_ms = 0
        for person in self.people:
            # Everybody turns up early, so that a short run shows everybody.
            self._plan(
                self.rng.randrange(int(HOURS_BETWEEN_VISITS * HOUR_MS)), "visit", person.number
            )

    def calls(self) -> Iterator[Call]:
        """Give every call in the order in which devices send them, without end.

        Yields
        ------
        Call
            With non-decreasing `sends_ms`.
        """
        outbox: list[tuple[int, int, Call]] = []
        pushed = 0
        now_ms = 0
        while self._errands:
            while self._wishes:
                wish, whose = self._wishes.popleft()
                self._plan(now_ms + _MULLED_OVER_MS, wish, whose)
            now_ms, ordinal, what, number, topic = heapq.heappop(self._errands)
            # An errand sends nothing before its own start: what is due earlier is complete.
            while outbox and outbox[0][0] <= now_ms:
                yield heapq.heappop(outbox)[2]
            for call in self._doubled(self._run(now_ms, ordinal, what, number, topic)):
                pushed += 1
                heapq.heappush(outbox, (call.sends_ms, pushed, call))

    def wish(self, what: Errand, number: int) -> None:
        """Have a person do something soon, such as pay once they were helped; any thread may."""
        self._wishes.append((what, number))

    def have_trouble(self, first_ms: int, every_ms: int) -> None:
        """Have the card of one person after another refused three times in a row."""
        self._trouble_every_ms = every_ms
        # Not the same people in every run: who was helped often enough is left in peace.
        before = self.rng.randrange(len(self.people))
        self._plan(first_ms, "trouble", self._next_in_trouble(before))

    def _next_in_trouble(self, after: int) -> int:
        """Find who is next: somebody with an account who reads our advertising."""
        wanted = [p.number for p in self.people if p.user_id and p.consents["Advertising"]]
        later = [number for number in wanted if number > after]
        return (later or wanted or [0])[0]

    def _next_short(self, after: int) -> int:
        """Find who tells next that money is short: somebody who may be offered to pay in parts."""
        able = [p.number for p in self.people if p.user_id and p.country in _CREDIT_COUNTRIES]
        later = [number for number in able if number > after]
        return (later[1:] or able or [0])[0]

    def _plan(self, when_ms: int, what: Errand, number: int, topic: str = "") -> None:
        self._ordinal += 1
        heapq.heappush(self._errands, (when_ms, self._ordinal, what, number, topic))

    def _run(self, now_ms: int, ordinal: int, what: Errand, number: int, topic: str) -> list[Call]:
        person, memory = self.people[number], self._memories[number]
        if what == "visit":
            return self._visit(now_ms, ordinal, person, memory)
        if what == "trouble":
            next_ms = now_ms + self._trouble_every_ms
            self._plan(next_ms, "trouble", self._next_in_trouble(number))
            self._plan(now_ms + self._trouble_every_ms // 4, "hardship", self._next_short(number))
            return trouble(self.rng, person, memory, person.devices[0], now_ms, ordinal).calls
        desk = Visit(self.rng, person, memory, person.devices[0], now_ms, ordinal)
        desk.is_known = person.user_id is not None
        if what == "contact":
            self._contact(desk, topic)
        else:
            _ERRANDS[what](self, desk)
        return desk.calls

    def _visit(self, now_ms: int, ordinal: int, person: Person, memory: Memory) -> list[Call]:
        rng, number = self.rng, person.number
        device = self._device(person, now_ms)
        orders = len(memory.orders)
        stay = visit(rng, person, memory, device, now_ms, ordinal)
        gap_hours = rng.expovariate(1.0) * HOURS_BETWEEN_VISITS
        self._plan(stay.now_ms + int(gap_hours * HOUR_MS) + MINUTE_MS, "visit", number)
        if stay.failures and rng.random() < 0.5:
            self._plan(stay.now_ms + rng.randint(2, 40) * MINUTE_MS, "contact", number, "payment")
        if len(memory.orders) > orders:
            self._follow(stay, number)
        elif rng.random() < 0.015:
            self._plan(stay.now_ms + rng.randint(1, 30) * MINUTE_MS, "contact", number, "advice")
        if device.source == "app" and rng.random() < _P_OFFLINE:
            return self._offline(stay)
        return stay.calls

    def _follow(self, stay: Visit, number: int) -> None:
        """Plan what may come of an order: a return, a question about the parcel."""
        rng = self.rng
        if rng.random() < (0.5 if stay.person.returns_often else 0.1):
            self._plan(stay.now_ms + rng.randint(3, 72) * HOUR_MS, "return", number)
        if rng.random() < 0.08:
            self._plan(stay.now_ms + rng.randint(6, 60) * HOUR_MS, "contact", number, "delivery")

    def _device(self, person: Person, now_ms: int) -> Device:
        owned = [device for device in person.devices if device.from_ms <= now_ms]
        # Shared devices are used seldom; the own ones evenly.
        weights = [0.5 if device.is_shared else 1.0 for device in owned]
        return self.rng.choices(owned, weights)[0]

    def _offline(self, stay: Visit) -> list[Call]:
        """Hold a visit back until the phone has a network again, newest first at times."""
        late_ms = self.rng.randint(*_LATE_HOURS) * HOUR_MS
        held = [call for call in stay.calls if call.source == "app"]
        if self.rng.random() < 0.3:
            held.reverse()
        late = [
            msgspec.structs.replace(call, sends_ms=stay.now_ms, late_ms=late_ms) for call in held
        ]
        return [call for call in stay.calls if call.source != "app"] + late

    def _doubled(self, calls: list[Call]) -> Iterator[Call]:
        """Give each call, and some a second time: the same message, sent again later."""
        for call in calls:
            yield call
            if self.rng.random() < _P_DOUBLED:
                again_ms = call.sends_ms + self.rng.randint(1, 120) * SECOND_MS
                yield msgspec.structs.replace(call, sends_ms=again_ms)

    def _return(self, desk: Visit) -> None:
        order = self.rng.choice(desk.memory.orders)
        desk.memory.orders.remove(order)
        product, quantity = self.rng.choice(order.lines)
        fields = {
            "order_id": order.order_id,
            "total": product.price_cents * quantity / 100,
            "currency": "EUR",
            "reason": self.rng.choice(("too small", "too large", "damaged", "not as described")),
            "products": [product.properties() | {"quantity": quantity}],
        }
        desk.say("track", "Order Refunded", fields, source="backend")
        if self.rng.random() < 0.25:
            self._contact(desk, "return", order)

    def _resolve(self, desk: Visit) -> None:
        desk.say("track", "Support Resolved", {"channel": "phone"}, source="backend")

    def _hardship(self, desk: Visit) -> None:
        """Have the desk note what the person told it: that money is short."""
        if desk.person.user_id is not None:
            desk.say("identify", None, {"hardship": True}, source="backend")

    def _pay(self, desk: Visit) -> None:
        if desk.memory.open_cart:
            desk.pay("invoice")

    def _leave(self, desk: Visit) -> None:
        if desk.memory.consents["Advertising"]:
            desk.change_consent()

    def _contact(self, desk: Visit, topic: str, order: Order | None = None) -> None:
        rng, person = self.rng, desk.person
        order = order or (desk.memory.orders[-1] if desk.memory.orders else None)
        product = rng.choice(order.lines)[0] if order else rng.choice(PRODUCTS)
        order_id = order.order_id if order else "o-unknown"
        cross = rng.random() < (0.8 if person.is_irritable else 0.25)
        fields = {
            "channel": rng.choice(("phone", "phone", "chat", "email")),
            "topic": topic,
            "note": write_note(rng, topic, person.language, cross, product.name, order_id),
            "wait_seconds": rng.randint(5, 900),
            "category": product.category,
        }
        desk.say("track", "Support Contacted", fields, source="backend")
        # Drawn from the number of the errand, not from the stream: whoever calls is answered.
        hours = _RESOLVED_AFTER_HOURS[desk.ordinal % 2]
        self._plan(desk.now_ms + hours * HOUR_MS, "resolve", person.number)
        is_short = topic == "payment" and person.pays_badly
        if is_short and desk.ordinal % _ONE_TELLS_OF_HARDSHIP == 0:
            self._plan(desk.now_ms + MINUTE_MS, "hardship", person.number)


_MULLED_OVER_MS: Final = 2 * MINUTE_MS
"""How long it takes until somebody does what they made up their mind to do."""

_ERRANDS: Final[dict[Errand, Callable[[Population, Visit], None]]] = {
    "return": Population._return,
    "resolve": Population._resolve,
    "hardship": Population._hardship,
    "pay": Population._pay,
    "leave": Population._leave,
}
