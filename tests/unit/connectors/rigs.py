"""Our own connectors, each beside a stand-in for the other side."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from heedful.connectors import Inbox, InboxItem, Mark, Secret
from heedful.connectors.acceptance import wall_clock
from heedful.connectors.contract import HttpStandIn, Rig, Trouble
from heedful.connectors.email import EmailConnector, EmailSettings
from heedful.connectors.inapp import InAppConnector, InAppSettings
from heedful.connectors.webhook import WebhookConnector, WebhookDestination, WebhookSettings
from heedful.effects import CallWebhook, Content, MessageClass, OutboundEffect, SendMessage
from heedful.ports import Connector, StoreFull
from tests.unit.connectors.mail_server import MailServer

TIMEOUT_S = 2.5  # short, since the contract waits for it, and long enough for a busy machine
SECRET = Secret("env:HOOK", "whsec_" + base64.b64encode(bytes(range(32))).decode())
OTHER_SECRET = Secret("env:OLD_HOOK", "whsec_" + base64.b64encode(bytes(32)).decode())


class MemoryInbox(Inbox):
    """An inbox in memory that can be full."""

    def __init__(self) -> None:
        self.items: list[InboxItem] = []
        self.is_full = False
        self._lock = Lock()

    def put(self, effect: OutboundEffect, at: int) -> bool:
        with self._lock:
            if self.is_full:
                raise StoreFull("no room")
            if any(item.effect.id == effect.id for item in self.items):
                return False
            self.items.append(InboxItem(len(self.items) + 1, effect, at))
            return True

    def list(self, customer_id: str, after: int, limit: int, now: int) -> list[InboxItem]:
        found = [
            item
            for item in self.items
            if item.effect.customer_id == customer_id
            and item.cursor > after
            and item.effect.expires_at > now
            and item.mark != "dismissed"
        ]
        return found[:limit]

    def mark(self, customer_id: str, effect_id: str, mark: Mark, at: int) -> bool:
        for index, item in enumerate(self.items):
            if (item.effect.customer_id, item.effect.id) == (customer_id, effect_id):
                self.items[index] = item._replace(mark=mark)
                return True
        return False


def message(
    effect_id: str = "e_1",
    text: str = "Can we help?",
    expires_at: int | None = None,
    *,
    channel: str = "email",
    message_class: MessageClass = "service",
    to: str = "ann@example.com",
    purpose: str = "",
    is_generated: bool = False,
    language: str = "en",
    url: str = "",
) -> OutboundEffect:
    """Make a message."""
    content = Content(text, text, url, language, is_generated)
    send = SendMessage(channel, {"email": to}, message_class, content, "help", purpose=purpose)
    end = wall_clock() + 3_600_000 if expires_at is None else expires_at
    return OutboundEffect(effect_id, "d_1", "c_1", send, 0, end, channel)


def call(
    effect_id: str = "e_1",
    text: str = "Can we help?",
    expires_at: int | None = None,
    destination: str = "desk",
) -> OutboundEffect:
    """Make a webhook."""
    data = {"text": text, "nested": {text[:50]: [text, 3, 2.5, None, True]}}
    webhook = CallWebhook(destination, "customer.needs_help", data)
    end = wall_clock() + 3_600_000 if expires_at is None else expires_at
    return OutboundEffect(effect_id, "d_1", "c_1", webhook, 1_000, end, f"webhook:{destination}")


def webhooks(url: str, *, timeout_s: float = TIMEOUT_S, ca_file: str = "") -> WebhookConnector:
    """Open a webhook connector with one destination on this machine."""
    desk = WebhookDestination(
        url=url, secrets=(SECRET,), allow_private=True, ca_file=ca_file, timeout_s=timeout_s
    )
    return WebhookConnector("webhook", WebhookSettings(destinations={"desk": desk}))


def emails(port: int, *, timeout_s: float = TIMEOUT_S, **settings: object) -> EmailConnector:
    """Open an e-mail connector to a server on this machine."""
    given = {
        "host": "localhost",
        "security": "plain",
        "sender": "hello@shop.example",
        "sender_name": "The Shop",
        "postal_address": "The Shop\nStreet 1, 12345 Town",
        "unsubscribe_url": "https://shop.example/v1/unsubscribe",
        **settings,
    }
    made = EmailSettings(port=port, timeout_s=timeout_s, **given)  # type: ignore[arg-type]
    return EmailConnector("email", made, secret=b"secret")


class WebhookRig(Rig):
    """The webhook connector before a server that keeps what it has an id of once."""

    def __init__(self, server: HttpStandIn, connector: Connector) -> None:
        self._server = server
        self._connector = connector

    @property
    def connector(self) -> Connector:
        return self._connector

    def effect(self, effect_id: str, text: str, expires_at: int) -> OutboundEffect:
        return call(effect_id, text, expires_at)

    def things(self) -> Sequence[str]:
        return sorted({request.headers["webhook-id"] for request in self._server.acted_on})

    def stage(self, trouble: Trouble | None) -> bool:
        self._server.stage(trouble)
        return True


class EmailRig(Rig):
    """The e-mail connector before a mail server; mailboxes keep one of each Message-ID."""

    def __init__(self, server: MailServer, message_class: MessageClass) -> None:
        self._server = server
        self._class = message_class
        self._connector = emails(server.port)

    @property
    def connector(self) -> Connector:
        return self._connector

    def effect(self, effect_id: str, text: str, expires_at: int) -> OutboundEffect:
        return message(effect_id, text, expires_at, message_class=self._class)

    def things(self) -> Sequence[str]:
        # Somebody else's recipient, or a header that was not ours, is another thing.
        return sorted(
            {
                f"{envelope.rcpt_tos} {mail['Message-ID']} {mail['Bcc']} {mail['X-Injected']}"
                for envelope, mail in self._server.accepted
            }
        )

    def stage(self, trouble: Trouble | None) -> bool:
        return self._server.stage(trouble)


class InAppRig(Rig):
    """The in-app connector before an inbox in memory."""

    def __init__(self) -> None:
        self.inbox = MemoryInbox()
        self._connector = InAppConnector("inapp", InAppSettings(), self.inbox, wall_clock)

    @property
    def connector(self) -> Connector:
        return self._connector

    def effect(self, effect_id: str, text: str, expires_at: int) -> OutboundEffect:
        return message(effect_id, text, expires_at, channel="inapp")

    def things(self) -> Sequence[str]:
        return [item.effect.id for item in self.inbox.items]

    def stage(self, trouble: Trouble | None) -> bool:
        self.inbox.is_full = trouble == "busy"
        return trouble in (None, "busy")


@contextmanager
def webhook_rig() -> Iterator[Rig]:
    """A webhook connector and its server."""
    with HttpStandIn() as server:
        rig = WebhookRig(server, webhooks(server.url))
        try:
            yield rig
        finally:
            rig.connector.close()


@contextmanager
def email_rig() -> Iterator[Rig]:
    """An e-mail connector that sends again what may have been lost."""
    with MailServer() as server:
        yield EmailRig(server, "transactional")


@contextmanager
def promotional_email_rig() -> Iterator[Rig]:
    """An e-mail connector that sends at most once."""
    with MailServer() as server:
        yield EmailRig(server, "promotional")


@contextmanager
def inapp_rig() -> Iterator[Rig]:
    """An in-app connector and its inbox."""
    yield InAppRig()
