"""Hand calls to the unmodified Segment SDK and know how many have arrived.

Nothing of the SDK is changed or reached around: a `Client` per source, its own queue, its own
retries. What has arrived is what its queue counts as done, less what it reports as given up.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping
from datetime import datetime
from threading import Lock, Thread
from typing import Any, Final
from urllib.parse import urlsplit

from segment.analytics.client import Client
from segment.analytics.request import APIError

from examples.shop.calls import SOURCES, Call

WAITING_MAX: Final = 5_000
"""Calls kept in the SDKs' queues. A queue drops silently beyond 10,000, and a rate-limited
batch needs room to go back into it, so the shop stops at half."""

UPLOAD_INTERVAL_S: Final = 0.2
REFUSED: Final = (401, 403)


def is_reachable(host: str, timeout_s: float = 2.0) -> bool:
    """Say whether something listens where `host`, an http URL, points."""
    parts = urlsplit(host)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=timeout_s):
            return True
    except OSError:
        return False


class Delivery:
    """The shop's SDK clients, one per source.

    Parameters
    ----------
    host
        Base URL of the server.
    write_keys
        The write key of each source.
    """

    def __init__(self, host: str, write_keys: Mapping[str, str]) -> None:
        # The SDK logs its retries through `logging`; the shop says what matters in its own words.
        logging.getLogger("segment").addHandler(logging.NullHandler())
        logging.getLogger("segment").propagate = False
        self.handed = 0
        self.given_up = 0
        self.refusal: APIError | None = None
        self._lock = Lock()
        by_key = {
            key: Client(
                key,
                host=host,
                on_error=self._on_error,
                upload_interval=UPLOAD_INTERVAL_S,
                gzip=True,
            )
            for key in write_keys.values()
        }
        self._clients = tuple(by_key.values())
        self._by_source = {source: by_key[write_keys[source]] for source in SOURCES}

    def _on_error(self, error: Exception, batch: list[Any]) -> None:
        # Called on the SDK's thread, once for each batch that it will not send again.
        with self._lock:
            self.given_up += len(batch)
        if isinstance(error, APIError) and error.status in REFUSED:
            self.refusal = error

    @property
    def waiting(self) -> int:
        """Calls handed over and neither acknowledged nor given up."""
        return sum(client.queue.unfinished_tasks for client in self._clients)

    @property
    def arrived(self) -> int:
        """Calls that the server has acknowledged."""
        return max(0, self.handed - self.waiting - self.given_up)

    def has_room(self) -> bool:
        """Say whether another call may be handed over."""
        return self.waiting < WAITING_MAX

    def hand(self, call: Call, timestamp: datetime) -> None:
        """Put one call into its source's SDK queue."""
        client = self._by_source[call.source]
        # The SDK writes its library's name into the context it is given: give it a copy.
        common: dict[str, Any] = {
            "context": dict(call.context),
            "timestamp": timestamp,
            "message_id": call.message_id,
        }
        ids = {"user_id": call.user_id, "anonymous_id": call.anonymous_id}
        if call.kind == "track":
            client.track(event=call.name, properties=call.fields, **ids, **common)
        elif call.kind == "identify":
            client.identify(traits=call.fields, **ids, **common)
        elif call.kind == "page":
            client.page(name=call.name, properties=call.fields, **ids, **common)
        elif call.kind == "screen":
            client.screen(name=call.name, properties=call.fields, **ids, **common)
        elif call.kind == "group":
            client.group(group_id=call.group_id, traits=call.fields, **ids, **common)
        else:
            client.alias(previous_id=call.previous_id, user_id=call.user_id, **common)
        self.handed += 1

    def start_flush(self) -> Thread:
        """Begin to wait until every queue is empty; the thread ends when they are.

        `flush()` blocks for as long as the server is away, so it must not hold the caller.
        """
        thread = Thread(target=self._shut_down, name="shop-flush", daemon=True)
        thread.start()
        return thread

    def _shut_down(self) -> None:
        for client in self._clients:
            client.shutdown()
