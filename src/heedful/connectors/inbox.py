"""Where messages for an app or a page wait until they are fetched."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

from heedful.effects import OutboundEffect

Mark = Literal["shown", "read", "dismissed"]


class InboxItem(NamedTuple):
    """One stored message."""

    cursor: int
    """Its place: later messages have greater ones."""
    effect: OutboundEffect
    put_at: int
    """Milliseconds."""
    mark: Mark | None = None
    """The furthest that the person came with it."""


class Inbox(Protocol):
    """Stored messages of a workspace, by customer.

    Obligations: `put` returns only after the message is durable; what is out of date is not
    listed; a cursor stays good after messages before it are gone; any thread may call. What cannot
    be done now raises PeerError.
    """

    def put(self, effect: OutboundEffect, at: int) -> bool:
        """Keep a message under its effect id; False when one of that id is kept already."""

    def list(self, customer_id: str, after: int, limit: int, now: int) -> list[InboxItem]:
        """Read a person's messages whose cursor is above `after`, ascending.

        Expired and dismissed ones are left out. `now` is in milliseconds.
        """

    def mark(self, customer_id: str, effect_id: str, mark: Mark, at: int) -> bool:
        """Note how far the person came; a mark never goes back. False when there is none such."""
