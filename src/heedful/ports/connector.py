"""The connector: a way out into another system."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

from heedful.effects import OutboundEffect


class Delivery(NamedTuple):
    """What became of one call of a connector.

    `delivered`: the other side has it. `retry`: it has it not, and it may work later (429, 5xx, no
    connection). `failed`: it will never work (4xx, unknown address). `unknown`: the request left
    and no answer came; it is sent again under the same id, unless it goes out at most once.
    """

    status: Literal["delivered", "retry", "failed", "unknown"]
    code: str
    """Stable, snake_case, such as `http_503` or `smtp_550`; free of personal data."""
    retry_after_s: float | None = None
    """How long the other side asks to be left alone."""
    reference: str = ""
    """Id of what was made on the other side, where there is one."""
    is_gone: bool = False
    """Whether the destination says that it is gone: nothing more is sent there until a person
    switches it on again."""


class Connector(Protocol):
    """A way out: carries effects of one kind into another system.

    Obligations: `deliver` uses nothing but the effect and the connector's own settings; it never
    raises for what the other side does; it ends within `timeout_s`; an effect whose time is over
    is not sent; the same effect id delivered twice leaves one thing on the other side, unless it
    is at most once. An implementer runs `heedful.connectors.contract`.
    """

    @property
    def name(self) -> str:
        """Of the connector, as settings and kill switches know it."""

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels whose messages it carries; empty where it carries no messages."""

    @property
    def destinations(self) -> tuple[str, ...]:
        """Names under which `CallWebhook` reaches it; empty where it takes none."""

    @property
    def timeout_s(self) -> float:
        """Longest that `deliver` takes."""

    def is_at_most_once(self, effect: OutboundEffect) -> bool:
        """Say whether a call of this effect whose end is unknown must not be repeated."""

    def deliver(self, effect: OutboundEffect) -> Delivery:
        """Carry out one effect now; called on worker threads, several at once."""

    def close(self) -> None:
        """Let go of connections."""
