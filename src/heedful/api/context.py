"""What all routes share: the app, the metrics, the log, and whether the server is stopping."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any, Final

import structlog
from litestar.di import NamedDependency

from heedful.api.metrics import Metrics
from heedful.app import App, Identity

_BEARER: Final = "bearer"
CALLER: Final = "caller"
"""Where a request's state holds who makes it."""
_OWNER: Final = Identity("owner", "command-line")


class Context:
    """One server around one app."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.metrics = Metrics()
        self.log: Any = structlog.get_logger("heedful.api")
        self.stopping = threading.Event()
        self.watchers: set[asyncio.Event] = set()
        self.replaying = threading.Lock()
        self.training = threading.Lock()

    def stop(self) -> None:
        """Tell watchers and long work to end; called on the loop's thread."""
        self.stopping.set()
        for watcher in self.watchers:
            watcher.set()

    def bearer(self, authorization: str | None, client: str | None) -> Identity | None:
        """Find who holds a Bearer token; the command line's own counts from this machine only."""
        scheme, _, token = (authorization or "").strip().partition(" ")
        token = token.strip()
        if scheme.lower() != _BEARER or not token:
            return None
        found = self.app.authenticate(token)
        if found is None and self.app.keys.is_owner_token(token) and is_loopback(client):
            return _OWNER
        return found


Here = NamedDependency[Context]
"""The context as a handler asks for it."""


def is_loopback(client: str | None) -> bool:
    """Whether an address is this machine's own."""
    try:
        return client is not None and ip_address(client).is_loopback
    except ValueError:
        return False


def header_map(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Read an ASGI scope's headers; of a repeated one the first counts."""
    found: dict[str, str] = {}
    for name, value in raw:
        found.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return found
