"""The in-app connector: it keeps a message for the person's app or page to fetch."""

from __future__ import annotations

from typing import Final

import msgspec

from heedful.connectors.acceptance import Clock, refusal
from heedful.connectors.inbox import Inbox
from heedful.connectors.plugin import Plugin, Surroundings
from heedful.effects import OutboundEffect, SendMessage
from heedful.kernel import InputError, PeerError, expected
from heedful.ports import Delivery

MESSAGE_BYTES_MAX: Final = 64 * 1024
"""Bytes of one stored message as JSON; a larger one is refused with `content_too_large`."""


class InAppSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a connector of type `inapp`."""

    channels: tuple[str, ...] = ("inapp",)
    """Channels whose messages are kept; a page that asks names its own."""
    timeout_s: float = 10.0
    """Seconds that keeping one message may take; the store keeps to it by its own bounds."""


class InAppConnector:
    """Keeps messages in the workspace; the same effect id is kept once."""

    def __init__(self, name: str, settings: InAppSettings, inbox: Inbox, clock: Clock) -> None:
        self.name: Final = name
        self.channels: Final = settings.channels
        self.destinations: Final[tuple[str, ...]] = ()
        self.timeout_s: Final = settings.timeout_s
        self._inbox = inbox
        self._clock = clock

    def is_at_most_once(self, effect: OutboundEffect) -> bool:
        """Never: a message is kept under its effect id, so a repeat does no harm."""
        return False

    def deliver(self, effect: OutboundEffect) -> Delivery:
        """Keep a message.

        Returns
        -------
        Delivery
            `delivered` with `stored` or `stored_before`; `retry` with the store's own code when it
            cannot write now.
        """
        now = self._clock()
        refused = refusal(effect, SendMessage, now, bytes_max=MESSAGE_BYTES_MAX)
        if refused is not None:
            return refused
        try:
            is_new = self._inbox.put(effect, now)
        except PeerError as error:
            return Delivery("retry" if error.retryable else "failed", error.code)
        return Delivery("delivered", "stored" if is_new else "stored_before", reference=effect.id)

    def close(self) -> None:
        """Do nothing: the inbox belongs to the workspace."""


def _open(name: str, settings: InAppSettings, given: Surroundings) -> InAppConnector:
    if given.inbox is None:
        what = expected("a workspace that stores messages", "one that does not", name)
        raise InputError("no_inbox", what)
    return InAppConnector(name, settings, given.inbox, given.clock)


PLUGIN: Final = Plugin(InAppSettings, _open)
