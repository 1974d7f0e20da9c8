"""The shop's pages ask, show, fetch and report; the server here is a table of answers."""

from __future__ import annotations

import json
import queue
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import httpx
import msgspec
import pytest

from examples.shop.calls import HOUR_MS, MINUTE_MS, Call
from examples.shop.front import ANSWERS, Front, react
from examples.shop.population import Population

WAIT_S = 30


class Server:
    """Answers as a server would, and keeps what it was asked in order."""

    def __init__(self, decided: dict[str, Any], waiting: list[dict[str, Any]]) -> None:
        self.decided, self.waiting = decided, waiting
        self.asked: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.is_away = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        self.asked.put((f"{request.method} {request.url.path}", body))
        if self.is_away:
            raise httpx.ConnectError("away")
        if request.url.path == "/v1/decide":
            return httpx.Response(200, json=self.decided)
        if request.url.path.endswith("/inbox"):
            after = int(request.url.params["after"])
            items = self.waiting if after == 0 else []
            return httpx.Response(200, json={"items": items, "next_cursor": 7 if items else None})
        return httpx.Response(200, json={"success": True})


def decided(content: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "decision_id": "d_slot",
        "customer_id": "c_1",
        "action": "pay_by_invoice",
        "class": "service",
        "content": content,
    }


MESSAGE = {"action": "offer_help", "message_class": "service"}
WAITING = [{"decision_id": "d_mail", "effect_id": "f_1", "message": MESSAGE}]


class People(Population):
    """A population that remembers what was wished of it."""

    def __init__(self) -> None:
        super().__init__(Random(7), 10)
        self.wished: list[tuple[str, int]] = []

    def wish(self, what: Any, number: int) -> None:
        self.wished.append((what, number))


@contextmanager
def opened(server: Server, people: People) -> Iterator[tuple[Front, queue.Queue[dict[str, Any]]]]:
    told: queue.Queue[dict[str, Any]] = queue.Queue()
    transport = httpx.MockTransport(server)
    front = Front("http://shop", "key", people, told.put, pace=0.0, transport=transport)
    try:
        yield front, told
    finally:
        front.close()


def failed(**ids: str | None) -> Call:
    known: dict[str, Any] = {"user_id": "u1000", "anonymous_id": None}
    return Call(
        kind="track",
        source="backend",
        occurs_ms=0,
        sends_ms=0,
        message_id="m",
        name="Payment Failed",
        **known | ids,
    )


def take(told: queue.Queue[Any], found: Callable[[Any], bool]) -> list[Any]:
    seen = []
    while not seen or not found(seen[-1]):
        seen.append(told.get(timeout=WAIT_S))
    return seen


def test_what_a_slot_is_filled_with_is_shown_and_answered() -> None:
    server, people = Server(decided({"title": "Pay by invoice"}), []), People()
    with opened(server, people) as (front, told):
        front.see(failed())
        said = take(told, lambda one: one["outcome"] != "shown")
    assert [one["outcome"] for one in said] == [
        "shown",
        react("d_slot", "pay_by_invoice", "").outcome,
    ]
    paths = [server.asked.get_nowait() for _ in range(server.asked.qsize())]
    asked = {"customer": {"user_id": "u1000"}, "placement": "checkout"}
    assert paths[0] == ("POST /v1/decide", asked | {"context": {"page": "checkout"}})
    reported = [body for path, body in paths if path == "POST /v1/outcomes"]
    assert len({body["message_id"] for body in reported}) == len(reported) == 2


def test_what_waits_in_the_inbox_is_shown_once_and_answered() -> None:
    server, people = Server(decided(), WAITING), People()
    with opened(server, people) as (front, told):
        front.see(failed())
        said = take(told, lambda one: one["outcome"] != "shown")
    assert {one["decision_id"] for one in said} == {"d_mail"}
    assert said[0]["outcome"] == "shown"
    paths = [server.asked.get_nowait() for _ in range(server.asked.qsize())]
    assert paths.count(("POST /v1/customers/c_1/inbox/f_1", {"mark": "shown"})) == 1
    answer = react("d_mail", "offer_help", "service")
    assert people.wished == ([(answer.then, 0)] if answer.then else [])


UNSEEN = {
    "of nobody": failed(user_id=None),
    "of the kiosk's null": failed(user_id="null"),
    "told late": msgspec.structs.replace(failed(), late_ms=1),
    "no page at all": msgspec.structs.replace(failed(), name="Order Refunded"),
}


@pytest.mark.parametrize("call", UNSEEN.values(), ids=UNSEEN)
def test_a_page_that_nobody_sees_asks_nothing(call: Call) -> None:
    server = Server(decided(), [])
    with opened(server, People()) as (front, _):
        front.see(call)
        front.see(failed(user_id="u1001"))
        _, asked = server.asked.get(timeout=WAIT_S)
    assert asked["customer"] == {"user_id": "u1001"}, "the first question is about the other page"


def test_a_server_that_is_away_leaves_the_page_as_it_is() -> None:
    server = Server(decided(), [])
    server.is_away = True
    with opened(server, People()) as (front, told):
        front.see(failed())
        assert told.get(timeout=WAIT_S) == {"kind": "unanswered", "why": "ConnectError"}
        front.see(failed())
        assert told.get(timeout=WAIT_S)["kind"] == "unanswered"


def test_people_answer_as_often_as_the_table_says() -> None:
    outcomes = Counter(react(f"d_{n}", "offer_help", "service").outcome for n in range(4_000))
    assert set(outcomes) == {"accepted", "rejected", "ignored"}
    assert abs(outcomes["accepted"] / 4_000 - ANSWERS["offer_help"].accepted) < 0.03
    offers = Counter(react(f"d_{n}", "size_guide", "promotional").outcome for n in range(4_000))
    assert offers["unsubscribed"] > 0 < offers["complained"]
    assert react("d_1", "offer_help", "service") == react("d_1", "offer_help", "service")


def test_trouble_comes_when_it_was_planned_to_somebody_who_reads_advertising() -> None:
    population = Population(Random(7), 30)
    population.have_trouble(20 * MINUTE_MS, HOUR_MS)
    calls = []
    for call in population.calls():
        if call.sends_ms > 2 * HOUR_MS:
            break
        calls.append(call)
    by_person: dict[str, list[Call]] = {}
    for call in calls:
        if call.name == "Payment Failed" and call.user_id:
            by_person.setdefault(call.user_id, []).append(call)
    first = min(by_person.values(), key=lambda own: own[0].sends_ms)
    assert len(first) == 3
    assert 20 * MINUTE_MS < first[0].sends_ms < 40 * MINUTE_MS
    person = population.people[int(str(first[0].user_id)[1:]) - 1000]
    assert person.consents["Advertising"]


def test_with_the_trouble_somebody_tells_that_money_is_short_who_may_pay_in_parts() -> None:
    population = Population(Random(7), 30)
    population.have_trouble(20 * MINUTE_MS, HOUR_MS)
    told = next(call for call in population.calls() if call.fields.get("hardship"))
    assert (told.kind, told.source, told.occurs_ms) == ("identify", "backend", 35 * MINUTE_MS)
    person = population.people[int(str(told.user_id)[1:]) - 1000]
    assert person.country in ("DE", "AT", "NL")


def test_who_is_helped_pays_soon() -> None:
    population = Population(Random(7), 30)
    population.have_trouble(20 * MINUTE_MS, 90 * HOUR_MS)
    stream = population.calls()
    third = next(c for c in stream if c.name == "Payment Failed" and c.fields["attempt"] == 3)
    number = int(str(third.user_id)[1:]) - 1000
    population.wish("pay", number)
    paid = next(c for c in stream if c.name == "Order Completed" and c.user_id == third.user_id)
    assert paid.fields["payment_method"] == "invoice"
    assert paid.sends_ms - third.sends_ms < 30 * MINUTE_MS


def test_who_has_enough_leaves_the_newsletter() -> None:
    population = Population(Random(7), 30)
    stream = population.calls()
    next(stream)
    number = next(p.number for p in population.people if p.consents["Advertising"] and p.user_id)
    population.wish("leave", number)
    left = next(c for c in stream if c.name == "Newsletter Unsubscribed")
    assert left.user_id == population.people[number].user_id
