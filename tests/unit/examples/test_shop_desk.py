"""The service desk takes what the shop signed, once, and nothing else."""

from __future__ import annotations

import json
import smtplib
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import httpx
import pytest
from standardwebhooks import Webhook

from examples.shop.desk import (
    BODY_BYTES_MAX,
    Desk,
    Mail,
    Refused,
    Ticket,
    desk_server,
    letter_box,
)
from examples.shop.running import free_port
from examples.shop.send import read_clock
from examples.shop.workspace import new_desk_secret

SECRET = new_desk_secret()
CALL = {
    "type": "customer.needs_help",
    "timestamp": "2026-11-01T10:00:00.000Z",
    "data": {"name": "Ada", "failures": "3"},
    "customer_id": "c_1",
    "decision_id": "d_1",
}


def signed(
    body: bytes, secret: str = SECRET, message_id: str = "f_1", at: datetime | None = None
) -> dict[str, str]:
    at = (at or read_clock()).replace(microsecond=0)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, at.astimezone(UTC), body.decode()),
    }


def test_a_signed_call_becomes_one_ticket_however_often_it_comes() -> None:
    desk, body = Desk(SECRET), json.dumps(CALL).encode()
    ticket = desk.take(signed(body), body)
    assert ticket is not None
    assert (ticket.number, ticket.customer_id, ticket.decision_id) == (1, "c_1", "d_1")
    assert ticket.says == "Ada cannot pay: 3 payments were refused. Offer a hand."
    assert desk.take(signed(body), body) is None
    second = desk.take(signed(body, message_id="f_2"), body)
    assert second is not None
    assert second.number == 2


BODY = json.dumps(CALL).encode()
FORGED = {
    "with another secret": (signed(BODY, new_desk_secret()), BODY),
    "of another body": (signed(BODY), BODY.replace(b"Ada", b"Eve")),
    "under another id": ({**signed(BODY), "webhook-id": "f_9"}, BODY),
    "of long ago": (signed(BODY, at=read_clock() - timedelta(hours=1)), BODY),
    "with garbage": ({**signed(BODY), "webhook-signature": "v1,%%% v1"}, BODY),
    "without any": ({}, BODY),
}


@pytest.mark.parametrize(("headers", "body"), FORGED.values(), ids=FORGED)
def test_a_call_that_is_not_signed_for_us_is_refused(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(Refused) as caught:
        Desk(SECRET).take(headers, body)
    assert caught.value.status == 401


@pytest.mark.parametrize("body", [b"[]", b"{}", b"nothing", b'{"type": "x", "data": 1}'])
def test_a_signed_call_that_says_nothing_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as caught:
        Desk(SECRET).take(signed(body), body)
    assert caught.value.status == 400


def test_over_http_the_answer_says_what_became_of_the_call() -> None:
    said: list[Ticket | Mail | str] = []
    with desk_server(SECRET, said.append) as url, httpx.Client(trust_env=False) as client:
        answers = [
            client.post(url, content=BODY, headers=signed(BODY)).status_code,
            client.post(url, content=BODY, headers=signed(BODY)).status_code,
            client.post(url, content=BODY).status_code,
            client.post(url + "/else", content=BODY, headers=signed(BODY)).status_code,
            client.post(url, content=bytes(BODY_BYTES_MAX + 1)).status_code,
        ]
    assert answers == [200, 200, 401, 404, 413]
    assert [type(what) for what in said] == [Ticket, str]


def test_a_letter_is_told_by_its_reader_and_its_subject() -> None:
    said: list[Ticket | Mail | str] = []
    port = free_port(0)
    letter = EmailMessage()
    letter["Subject"], letter["From"], letter["To"] = "Grüße", "shop@x.example", "ada@x.example"
    letter.set_content("Hello.")
    with letter_box(said.append, port), smtplib.SMTP("127.0.0.1", port) as client:
        client.send_message(letter)
    assert said == [Mail(to="ada@x.example", subject="Grüße")]
