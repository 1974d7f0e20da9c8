"""The shop's story, end to end: three refused payments, over HTTP, through the unmodified SDK."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples.shop.calls import Call
from examples.shop.delivery import Delivery
from examples.shop.desk import Mail, Ticket, desk_server, letter_box
from examples.shop.running import free_port, served
from examples.shop.send import read_clock
from examples.shop.workspace import (
    front_key,
    make_workspace,
    new_desk_secret,
    ways_out,
    write_keys,
)
from heedful.app import App, open_app
from heedful.kernel import HOUR_MS, parse_instant

WAIT_S = 60
ADA = {"name": "Ada Bauer", "firstName": "Ada", "email": "ada@example.org", "country": "DE"}


class Shop:
    """An open shop with its desk; what arrives there is kept in order."""

    def __init__(self, app: App, url: str, keys: dict[str, str], front: str) -> None:
        self.app = app
        self.tickets: queue.Queue[Ticket] = queue.Queue()
        self.mails: queue.Queue[Mail] = queue.Queue()
        self.refused: list[str] = []
        self._delivery = Delivery(url, keys)
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {front}"}, trust_env=False
        )
        self._count = 0

    def said(self, what: Ticket | Mail | str) -> None:
        if isinstance(what, Ticket):
            self.tickets.put(what)
        elif isinstance(what, Mail):
            self.mails.put(what)
        else:
            self.refused.append(what)

    def send(self, kind: str, name: str | None = None, /, **fields: Any) -> None:
        self._count += 1
        call = Call(
            kind=kind,  # type: ignore[arg-type]
            source="web",  # one source, one queue: what is sent first arrives first
            occurs_ms=0,
            sends_ms=0,
            message_id=f"story-{self._count:03d}",
            name=name,
            user_id="u1",
            fields=fields,
            context={"consent": {"categoryPreferences": {"Advertising": True}}},
        )
        self._delivery.hand(call, read_clock())

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask(self, placement: str) -> Any:
        said = {"customer": {"user_id": "u1"}, "placement": placement, "explain": True}
        return self.call("POST", "/v1/decide", said)

    def until(self, found: Callable[[], Any]) -> Any:
        """Look again whenever something was committed, until something is found."""
        news = threading.Event()
        stop = self.app.engine.stream.listen(news.set)
        try:
            while not (what := found()):
                assert news.wait(WAIT_S), "nothing more happened"
                news.clear()
            return what
        finally:
            stop()

    def close(self) -> None:
        self._delivery.start_flush().join()
        self._http.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    directory = tmp_path / "shop"
    make_workspace(directory)
    secret, mail_port = new_desk_secret(), free_port(0)
    heard: list[Shop] = []

    def said(what: Ticket | Mail | str) -> None:
        heard[0].said(what)

    with desk_server(secret, said) as desk_url, letter_box(said, mail_port):
        desk_port = httpx.URL(desk_url).port
        assert desk_port is not None
        with (
            ways_out(directory, secret, desk_port, mail_port),
            open_app(directory) as app,
            served(app, 0) as url,
        ):
            opened = Shop(app, url, write_keys(app, directory), front_key(app, directory))
            heard.append(opened)
            try:
                yield opened
            finally:
                opened.close()


def test_three_refused_payments_bring_help_a_ticket_and_silence(shop: Shop) -> None:
    shop.send("identify", **ADA)
    shop.send("track", "Product Added", product_id="p101", quantity=1)
    for attempt in (1, 2, 3):
        shop.send("track", "Payment Failed", attempt=attempt, payment_method="card")

    # The desk knows: a call that was signed for it, and no other.
    ticket = shop.tickets.get(timeout=WAIT_S)
    assert (ticket.event, ticket.number) == ("customer.needs_help", 1)
    assert ticket.says == "Ada Bauer cannot pay: 3 payments were refused. Offer a hand."
    assert shop.refused == []

    # The shop says so itself, where the customer is.
    inbox = f"/v1/customers/{ticket.customer_id}/inbox"
    first = shop.until(lambda: shop.call("GET", inbox)["items"])[0]
    assert first["decision_id"] == ticket.decision_id
    assert first["message"]["content"]["title"] == "Can we help?"
    assert first["message"]["message_class"] == "service"
    assert "Hello Ada" in first["message"]["content"]["body"]
    shop.call("POST", f"{inbox}/{first['effect_id']}", {"mark": "shown"})

    # Nobody advertises meanwhile, on any channel, and the reason can be read.
    answer = shop.ask("home")
    assert (answer["action"], answer["reason"]) == ("do_nothing", "growth_shut")
    gated = {one["action"]: one["reason_code"] for one in answer["explanation"]["candidates"]}
    assert gated["member_evening"] == "growth_shut"

    # Once they have paid, the receipt goes out, and the promotions stay silent for 48 hours.
    shop.send("track", "Order Completed", order_id="o-1", revenue=189.0, total=189.0)
    mail = shop.mails.get(timeout=WAIT_S)
    assert (mail.to, mail.subject) == ("ada@example.org", "Your order o-1")
    customer = shop.app.engine.key(ticket.customer_id)
    told = shop.app.engine.decisions.withheld(customer)
    assert "need_open" not in dict(told)
    silenced = next(why for code, why in told if code == "silenced")
    until = parse_instant(silenced.split()[-1].rstrip("."))
    assert until is not None
    left_ms = until - shop.app.clock()
    assert 47 * HOUR_MS < left_ms <= 48 * HOUR_MS
    record = shop.app.engine.customer(ticket.customer_id)
    assert sorted(c["class"] for c in record["contacts"]) == ["service", "transactional"]
    assert shop.tickets.empty()
