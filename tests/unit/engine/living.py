"""An engine on a store in memory with a clock that stands still until it is told to go on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from heedful.app.worlds import world_of
from heedful.connectors import Connectors
from heedful.engine import BatchResult, Engine
from heedful.events import Event, EventType, Identifier
from heedful.kernel import hash_key
from heedful.ports import Store
from heedful.store.memory import MemoryStore
from heedful.strategy import load

SECRET = b"a secret of tests"
START = 1_800_000_000_000


class Living:
    """An engine at work and the clock that it reads."""

    def __init__(self, store: Store, files: Mapping[str, str]) -> None:
        self.now = START
        self.store = store
        self.strategy = load(files)
        self.world = world_of(self.strategy)
        self.engine = Engine(store, self.world, SECRET, lambda: self.now)
        self._number = 0

    def event(self, name: str, at: int | None = None, **said: Any) -> Event:
        """Make an event as ingest stamps it; `identify` and `alias` are known by their names."""
        self._number += 1
        types: dict[str, EventType] = {"identify": "identify", "alias": "alias", "group": "group"}
        message_id = said.pop("message_id", f"m{self._number}")
        moment = self.now if at is None else at
        return Event(
            type=said.pop("type", types.get(name, "track")),
            name=name,
            at=moment,
            key=hash_key(SECRET, "event", "web", message_id),
            source="web",
            message_id=message_id,
            received_at=self.now,
            original_at=moment,
            **said,
        )

    def send(self, *events: Event) -> BatchResult:
        """Land events in one batch."""
        result = self.engine.ingest(events, ()).result()
        assert result is not None
        return result

    def track(self, name: str, at: int | None = None, **said: Any) -> BatchResult:
        """Land one event."""
        return self.send(self.event(name, at, **said))

    def who(self, namespace: str, value: str) -> str:
        """Find the customer who holds an identifier."""
        return self.engine.lookup(namespace, value)

    def shown(self, namespace: str, value: str) -> dict[str, Any]:
        """Show the customer who holds an identifier."""
        return self.engine.customer(self.who(namespace, value))


@contextmanager
def living(
    files: Mapping[str, str] | None = None,
    *,
    store: Store | None = None,
    connectors: Connectors | None = None,
) -> Iterator[Living]:
    """Run an engine until the block ends."""
    alive = Living(store or MemoryStore(), files or {})
    alive.engine.start(connectors)
    try:
        yield alive
    finally:
        alive.engine.close()


def named(namespace: str, value: str) -> Identifier:
    """Name an identifier."""
    return Identifier(namespace, value)
