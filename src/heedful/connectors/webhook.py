"""The webhook connector: calls other systems, signed as Standard Webhooks.

The body is `{"type", "timestamp", "data", "customer_id", "decision_id"}`; the timestamp is when
the call became due and stays the same over retries, as does the id in the header, so a receiver
that keeps ids acts once. The time in the headers is that of the attempt, and is signed.

References
----------
Standard Webhooks, specification 1.0.0.
"""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final, cast
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta
from standardwebhooks import Webhook

from heedful import __version__
from heedful.connectors.acceptance import Clock, refusal, wall_clock
from heedful.connectors.plugin import Plugin, Secret, Surroundings
from heedful.connectors.posting import Poster
from heedful.connectors.reaching import Resolver, resolve
from heedful.effects import CallWebhook, OutboundEffect
from heedful.kernel import SECOND_MS, InputError, expected, format_instant
from heedful.ports import Delivery

SECRET_BYTES_MIN: Final = 24
"""Bytes of a signing secret, as the standard asks. Refused with `bad_signing_secret`."""

SECRETS_MAX: Final = 4
"""Secrets of one destination; more than one stands there while one is being replaced."""

_ID: Final = re.compile(r"[!-~]{1,256}")  # what may stand in a header


class WebhookDestination(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One system that is called."""

    url: str
    """Where to post; `https`, or `http` where `allow_private` is set."""
    secrets: Annotated[tuple[Secret, ...], Meta(min_length=1, max_length=SECRETS_MAX)]
    """Signing secrets, each `env:NAME` of a text such as `whsec_...`. Every call is signed with
    all of them, so a receiver can change over while both stand here."""
    allow_private: bool = False
    """Whether it may stand at an address that is not public, such as one in your own network."""
    ca_file: str = ""
    """Certificate authorities in PEM that are believed instead of the public ones."""
    timeout_s: Annotated[float, Meta(gt=0, le=60)] | None = None
    """Seconds for this one; the connector's own where absent."""

    def __post_init__(self) -> None:
        fault = _fault_of(self.url, self.allow_private)
        if fault:
            raise ValueError(fault)


class WebhookSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a connector of type `webhook`."""

    destinations: dict[str, WebhookDestination]
    """By the name that a strategy's effects use."""
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 15.0
    """Seconds for one call, name, connection and answer together."""


def _fault_of(url: str, allow_private: bool) -> str:
    try:
        parts = urlsplit(url)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return "no URL"
    if not url.isascii() or not url.isprintable() or " " in url:
        return "a URL in ASCII; write an international name as xn--"
    if parts.scheme not in ("http", "https") or not parts.hostname or not has_port:
        return "a URL such as https://desk.example.com/hooks"
    if parts.username is not None or parts.fragment:
        return "a URL without a password and a fragment; the signature says who calls"
    if parts.scheme == "http" and not allow_private:
        return "an https URL; http is for destinations with allow_private"
    return ""


class WebhookConnector:
    """Posts `CallWebhook` effects to their destinations."""

    def __init__(
        self,
        name: str,
        settings: WebhookSettings,
        *,
        clock: Clock = wall_clock,
        resolver: Resolver = resolve,
    ) -> None:
        self.name: Final = name
        self.channels: Final[tuple[str, ...]] = ()
        self.destinations: Final = tuple(sorted(settings.destinations))
        self.timeout_s: Final = max(
            (d.timeout_s or settings.timeout_s for d in settings.destinations.values()),
            default=settings.timeout_s,
        )
        self._clock = clock
        self._targets = {
            key: _Target(key, destination, destination.timeout_s or settings.timeout_s, resolver)
            for key, destination in sorted(settings.destinations.items())
        }

    def is_at_most_once(self, effect: OutboundEffect) -> bool:
        """Never: a receiver knows a repeated call by its `webhook-id`."""
        return False

    def deliver(self, effect: OutboundEffect) -> Delivery:
        """Post one call.

        Returns
        -------
        Delivery
            As `Poster.deliver`; before anybody is called `failed` with `unknown_destination`, or
            `bad_content` for an effect id that cannot stand in a header.
        """
        now = self._clock()
        refused = refusal(effect, CallWebhook, now)
        if refused is not None:
            return refused
        call = cast(CallWebhook, effect.effect)
        target = self._targets.get(call.destination)
        if target is None:
            return Delivery("failed", "unknown_destination")
        if not _ID.fullmatch(effect.id):
            return Delivery("failed", "bad_content")
        body = body_of(effect, call)
        return target.poster.deliver(target.headers(effect.id, now, body), body, self._clock)

    def close(self) -> None:
        """Close the connections."""
        for target in self._targets.values():
            target.poster.close()


def body_of(effect: OutboundEffect, call: CallWebhook) -> bytes:
    """Write the body of a call: JSON in UTF-8.

    Examples
    --------
    >>> call = CallWebhook("desk", "customer.needs_help", {"need": "cannot_pay"})
    >>> body = body_of(OutboundEffect("e_1", "d_1", "c_1", call, 0, 1, "webhook:desk"), call)
    >>> sorted(msgspec.json.decode(body))
    ['customer_id', 'data', 'decision_id', 'timestamp', 'type']
    """
    body: dict[str, Any] = {
        "type": call.event_type,
        "timestamp": format_instant(effect.due),
        "data": call.data,
        "customer_id": effect.customer_id,
        "decision_id": effect.decision_id,
    }
    return msgspec.json.encode(body)


class _Target:
    """One destination, ready to be called."""

    def __init__(
        self, name: str, destination: WebhookDestination, timeout_s: float, resolver: Resolver
    ) -> None:
        self._signers = [_signer(name, secret) for secret in destination.secrets]
        try:
            self.poster = Poster(
                destination.url,
                timeout_s=timeout_s,
                allow_private=destination.allow_private,
                ca_file=destination.ca_file,
                resolver=resolver,
            )
        except OSError as error:
            what = expected("a file of certificates in PEM", "none that can be read", name)
            raise InputError("bad_ca_file", what) from error

    def headers(self, effect_id: str, now: int, body: bytes) -> list[tuple[str, str]]:
        """Sign a body with every secret."""
        at = datetime.fromtimestamp(now // SECOND_MS, UTC)
        text = body.decode()
        signatures = [signer.sign(effect_id, at, text) for signer in self._signers]
        return [
            ("Content-Type", "application/json"),
            ("User-Agent", f"heedful/{__version__}"),
            ("webhook-id", effect_id),
            ("webhook-timestamp", str(now // SECOND_MS)),
            ("webhook-signature", " ".join(signatures)),
        ]


def _signer(destination: str, secret: Secret) -> Webhook:
    remedy = "Make one of 32 random bytes, in base64 after `whsec_`."
    what = f"a signing secret of at least {SECRET_BYTES_MIN} bytes in base64"
    path = f"{destination}: {secret.reference}"
    try:
        raw = _decoded(secret.reveal())
    except ValueError as error:
        raise InputError(
            "bad_signing_secret", expected(what, "other text", path, remedy)
        ) from error
    if len(raw) < SECRET_BYTES_MIN:
        raise InputError("bad_signing_secret", expected(what, "a shorter one", path, remedy))
    return Webhook(raw)


def _decoded(secret: str) -> bytes:
    text = secret.strip().removeprefix("whsec_")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def _open(name: str, settings: WebhookSettings, given: Surroundings) -> WebhookConnector:
    return WebhookConnector(name, settings, clock=given.clock)


PLUGIN: Final = Plugin(WebhookSettings, _open)
