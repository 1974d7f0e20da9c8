"""The e-mail connector: one message over SMTP, promotional ones at most once.

Somebody who gets an offer twice is annoyed; somebody who does not get their one-time code is stuck.
So a promotional message whose end is unknown is left, and any other is sent again.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Any, Final, Literal, cast

import msgspec
from msgspec import Meta

from heedful.connectors.acceptance import Clock, refusal, wall_clock
from heedful.connectors.letter import BadAddress, Sender, compose, message_id, normal_address
from heedful.connectors.plugin import Plugin, Secret, Surroundings
from heedful.connectors.reaching import Resolver, resolve, tls_context
from heedful.connectors.smtp import Envelope, Server, submit
from heedful.connectors.unsubscribe import unsubscribe_token
from heedful.effects import OutboundEffect, SendMessage
from heedful.kernel import InputError, expected
from heedful.ports import Delivery

UNSUBSCRIBE_PATH: Final = "/v1/unsubscribe"
"""Route of the server that takes a token after it; only its POST may unsubscribe."""

DEFAULT_PURPOSE: Final = "marketing"
"""The purpose that a promotional message rests on when it names none."""

_PORTS: Final = {"starttls": 587, "tls": 465, "plain": 25}


class EmailSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"sender": "from"}
):
    """Settings of a connector of type `email`.

    Notes
    -----
    The server that takes the mail signs it (DKIM) with the headers that are there; without that,
    large mail providers do not offer the one-click link.
    """

    host: str
    """The SMTP server that takes our mail."""
    port: Annotated[int, Meta(ge=1, le=65_535)] | None = None
    """587 for `starttls`, 465 for `tls`, 25 for `plain` where absent."""
    security: Literal["starttls", "tls", "plain"] = "starttls"
    """`plain` is for a server on this machine alone: anything else would read along."""
    username: str = ""
    """Logs in where given."""
    password: Secret | None = None
    """As `env:NAME`."""
    ca_file: str = ""
    """Certificate authorities in PEM that are believed instead of the public ones."""
    sender: str
    """Address that mail comes from."""
    sender_name: str = ""
    """Name shown beside it."""
    reply_to: str = ""
    """Where answers go; to the sender where absent."""
    postal_address: str = ""
    """Stands below promotional mail, as the law asks; without it none is sent."""
    unsubscribe_url: str = ""
    """`https` address that takes a token after a slash; the server's own where absent. Without
    either no promotional mail is sent."""
    channels: tuple[str, ...] = ("email",)
    """Channels whose messages are sent."""
    timeout_s: Annotated[float, Meta(gt=0, le=120)] = 30.0
    """Seconds for one message, name, connection and hand-over together."""

    def __post_init__(self) -> None:
        if self.security == "plain" and not _is_this_machine(self.host):
            raise ValueError("security `starttls` or `tls` for a server on another machine")
        if bool(self.username) != (self.password is not None):
            raise ValueError("a username and a password, or neither")
        for address in filter(None, (self.sender, self.reply_to)):
            try:
                normal_address(address)
            except BadAddress:
                raise ValueError("an e-mail address in `from` and `reply_to`") from None


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class EmailConnector:
    """Sends `SendMessage` effects to the address `email` that they carry."""

    def __init__(
        self,
        name: str,
        settings: EmailSettings,
        *,
        secret: bytes,
        public_url: str = "",
        clock: Clock = wall_clock,
        resolver: Resolver = resolve,
    ) -> None:
        self.name: Final = name
        self.channels: Final = settings.channels
        self.destinations: Final[tuple[str, ...]] = ()
        self.timeout_s: Final = settings.timeout_s
        self._server = _server(name, settings)
        self._sender = _sender(settings)
        self._unsubscribe_url = _unsubscribe_url(settings.unsubscribe_url, public_url, name)
        self._secret = secret
        self._clock = clock
        self._resolver = resolver

    def is_at_most_once(self, effect: OutboundEffect) -> bool:
        """Say so of what is promotional."""
        message = effect.effect
        return isinstance(message, SendMessage) and message.message_class == "promotional"

    def deliver(self, effect: OutboundEffect) -> Delivery:
        """Send one message.

        Returns
        -------
        Delivery
            As `smtp.submit`; before anybody is called `failed` with `no_address`, `bad_address`,
            `no_unsubscribe_url` or `no_postal_address` (both only for promotional messages).
        """
        now = self._clock()
        refused = refusal(effect, SendMessage, now)
        if refused is not None:
            return refused
        message = cast(SendMessage, effect.effect)
        if message.message_class == "promotional":
            if not self._unsubscribe_url:
                return Delivery("failed", "no_unsubscribe_url")
            if not self._sender.postal_address:
                return Delivery("failed", "no_postal_address")
        if not message.to.get("email"):
            return Delivery("failed", "no_address")
        try:
            recipient = normal_address(message.to["email"])
        except BadAddress:
            return Delivery("failed", "bad_address")
        url = self._link(effect, message)
        mail = compose(effect, message, self._sender, recipient, now=now, unsubscribe_url=url)
        envelope = Envelope(self._sender.address, recipient)
        sent = submit(self._server, envelope, mail, self.timeout_s, resolver=self._resolver)
        return sent._replace(reference=message_id(effect.id, self._sender.address))

    def _link(self, effect: OutboundEffect, message: SendMessage) -> str:
        # What rests on a consent can be left with one click; a receipt cannot.
        rests_on_consent = message.message_class == "promotional" or message.purpose
        if not (rests_on_consent and self._unsubscribe_url):
            return ""
        token = unsubscribe_token(
            self._secret,
            effect.customer_id,
            message.channel,
            message.purpose or DEFAULT_PURPOSE,
            decision_id=effect.decision_id,
        )
        return f"{self._unsubscribe_url}/{token}"

    def close(self) -> None:
        """Do nothing: a connection lasts for one message."""


def _server(name: str, settings: EmailSettings) -> Server:
    try:
        tls = tls_context(settings.ca_file) if settings.security != "plain" else None
    except OSError as error:
        what = expected("a file of certificates in PEM", "none that can be read", name)
        raise InputError("bad_ca_file", what) from error
    return Server(
        host=settings.host,
        port=settings.port or _PORTS[settings.security],
        security=settings.security,
        username=settings.username,
        password=settings.password.reveal() if settings.password else "",
        our_name=normal_address(settings.sender).rpartition("@")[2],
        tls=tls,
    )


def _sender(settings: EmailSettings) -> Sender:
    return Sender(
        name=settings.sender_name,
        address=normal_address(settings.sender),
        reply_to=normal_address(settings.reply_to) if settings.reply_to else "",
        postal_address=settings.postal_address.strip(),
    )


def _unsubscribe_url(url: str, public_url: str, name: str) -> str:
    if not url and public_url:
        url = public_url.rstrip("/") + UNSUBSCRIBE_PATH
        if not url.startswith("https://"):
            return ""  # one-click asks for https; a workspace under trial has none
    is_plain = url.isascii() and url.isprintable() and not set(' <>,"').intersection(url)
    if url and not (url.startswith("https://") and is_plain):
        what = expected("an https URL in ASCII", "another text", f"{name}.unsubscribe_url")
        raise InputError("bad_unsubscribe_url", what)
    return url.rstrip("/")


def _open(name: str, settings: EmailSettings, given: Surroundings) -> EmailConnector:
    return EmailConnector(
        name, settings, secret=given.secret, public_url=given.public_url, clock=given.clock
    )


PLUGIN: Final[Plugin[Any]] = Plugin(EmailSettings, _open)
