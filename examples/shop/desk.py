"""The shop's service desk and letter box: they take what Heedful sends out and print it.

    SHOP_DESK_SECRET=whsec_... python -m examples.shop.desk

A call becomes a ticket only if its signature (Standard Webhooks) is good; one that comes twice is
one ticket. Both listen on the loopback address alone.
"""

from __future__ import annotations

import email
import email.policy
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from standardwebhooks import Webhook, WebhookVerificationError

if not __package__:  # run as a file: the package `examples` is two folders up
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

SECRET_NAME: Final = "SHOP_DESK_SECRET"
PATH: Final = "/tickets"
BODY_BYTES_MAX: Final = 65_536
"""Bytes of a call; a longer one is answered 413 unread."""

SENTENCES: Final = {
    "customer.needs_help": "{name} cannot pay: {failures} payments were refused. Offer a hand.",
    "customer.asked_again": "Had to ask again, {contacts} times in 30 days. Answer this one first.",
    "customer.personal_care": "Somebody died in the life of {name}. Take care of what is open.",
    "customer.payment_plan": "Pays in three parts now. Set it up.",
}
"""What a kind of call means to the people at the desk."""


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A call whose signature was good."""

    number: int
    event: str
    says: str
    customer_id: str
    decision_id: str
    message_id: str


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A letter that arrived."""

    to: str
    subject: str


class Refused(Exception):
    """A call that is not taken; `status` is what its sender is told."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Desk:
    """The tickets of the desk.

    Parameters
    ----------
    secret
        The signing secret, `whsec_...`.
    """

    def __init__(self, secret: str) -> None:
        self._webhook = Webhook(secret)
        self._lock = threading.Lock()
        self._by_message: dict[str, Ticket] = {}

    def take(self, headers: Mapping[str, str], body: bytes) -> Ticket | None:
        """Make a ticket of a call; None for one that came before.

        Raises
        ------
        Refused
            401 for a signature that is not ours, 400 for a body that is no call.
        """
        given = {name.lower(): value for name, value in headers.items()}
        try:
            self._webhook.verify(body, given, json_parse=False)
        except (WebhookVerificationError, ValueError) as error:
            raise Refused(401, f"not signed by the shop: {error}") from None
        try:
            call = json.loads(body)
            event, data = str(call["type"]), dict(call["data"])
            customer_id, decision_id = str(call["customer_id"]), str(call["decision_id"])
        except (ValueError, KeyError, TypeError):
            raise Refused(400, "no call as Heedful makes it") from None
        with self._lock:
            message_id = given["webhook-id"]
            if message_id in self._by_message:
                return None
            ticket = Ticket(
                number=len(self._by_message) + 1,
                event=event,
                says=say(event, data),
                customer_id=customer_id,
                decision_id=decision_id,
                message_id=message_id,
            )
            self._by_message[message_id] = ticket
            return ticket


def say(event: str, data: Mapping[str, Any]) -> str:
    """Say in a sentence what a call is about.

    Examples
    --------
    >>> say("customer.needs_help", {"name": "Ada", "failures": "3"})
    'Ada cannot pay: 3 payments were refused. Offer a hand.'
    >>> say("customer.other", {"reason": "x"})
    'customer.other: reason x'
    """
    known = {"name": "somebody", "failures": "several", "contacts": "several"} | dict(data)
    told = SENTENCES.get(event)
    if told is None:
        return f"{event}: " + ", ".join(f"{name} {value}" for name, value in data.items())
    return told.format_map({name: str(value) for name, value in known.items()})


Said = Callable[[Ticket | Mail | str], None]
"""What is called with each ticket, each letter, and each refusal in words."""


@contextmanager
def desk_server(secret: str, said: Said, port: int = 0) -> Iterator[str]:
    """Run the desk on 127.0.0.1; gives the address to post to."""
    desk = Desk(secret)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            status, why = self._take()
            body = json.dumps({"success": not why} | ({"why": why} if why else {})).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _take(self) -> tuple[int, str]:
            length = self.headers.get("Content-Length", "")
            if not length.isdigit() or int(length) > BODY_BYTES_MAX:
                self.close_connection = True
                return 413, "too long"
            body = self.rfile.read(int(length))
            if self.path != PATH:
                return 404, "nothing is here"
            try:
                ticket = desk.take(dict(self.headers.items()), body)
            except Refused as refused:
                said(f"A call was refused: {refused}.")
                return refused.status, str(refused)
            if ticket is not None:
                said(ticket)
            return 200, ""

        def log_message(self, *_: Any) -> None:
            """Say nothing: tickets are what is said here."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{PATH}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class LetterBox:
    """Takes every mail and says whom it is for and what stands above it."""

    def __init__(self, said: Said) -> None:
        self._said = said

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Take one mail."""
        letter = email.message_from_bytes(envelope.content or b"", policy=email.policy.default)
        self._said(Mail(to=", ".join(envelope.rcpt_tos), subject=str(letter["Subject"] or "")))
        return "250 2.0.0 Taken"


@contextmanager
def letter_box(said: Said, port: int) -> Iterator[None]:
    """Take mail on a port of 127.0.0.1."""
    controller = Controller(LetterBox(said), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield
    finally:
        controller.stop()


_PRINTING: Final = threading.Lock()


def _line(what: Ticket | Mail | str, as_json: bool) -> str:
    if as_json:
        kind = type(what).__name__.lower() if not isinstance(what, str) else "refused"
        fields = {"says": what} if isinstance(what, str) else msgspec.to_builtins(what)
        return json.dumps({"kind": kind} | fields, ensure_ascii=False)
    if isinstance(what, Ticket):
        return f"ticket {what.number}  {what.says}  ({what.customer_id})"
    if isinstance(what, Mail):
        return f"mail      {what.to}: {what.subject}"
    return what


def _print(line: str) -> None:
    # Calls and mails come on threads of their own; a line is whole or not there.
    with _PRINTING:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def main(
    port: Annotated[int, typer.Option(help="Of the desk; 0 takes a free one.")] = 8766,
    mail_port: Annotated[int, typer.Option(help="Of the letter box.")] = 8767,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
) -> None:
    """Run the service desk and the letter box until Ctrl-C."""
    secret = os.environ.get(SECRET_NAME, "")
    if not secret:
        print(f"Expected the signing secret in {SECRET_NAME}, got nothing.", file=sys.stderr)
        raise typer.Exit(2)
    ended = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: ended.set())

    def said(what: Ticket | Mail | str) -> None:
        _print(_line(what, as_json))

    try:
        with desk_server(secret, said, port) as url, letter_box(said, mail_port):
            listening = {"kind": "listening", "url": url, "mail_port": mail_port}
            told = f"The desk takes calls at {url}, the letter box mail at port {mail_port}."
            _print(json.dumps(listening) if as_json else told)
            ended.wait()
    except OSError as error:
        print(f"Cannot listen on port {port} or {mail_port}: {error.strerror}.", file=sys.stderr)
        raise typer.Exit(3) from None


if __name__ == "__main__":
    typer.run(main)
