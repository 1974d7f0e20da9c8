"""Reach another machine within one bound of time for all of it: name, connection, talk.

The time-outs of sockets hold for one operation each, so a peer that sends one byte a second is
never late. Here a call has a deadline, and a watchdog that cuts its connection when it comes.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from types import TracebackType
from typing import Final, TypeVar

import certifi

T = TypeVar("T")
Resolver = Callable[[str, int], Sequence[str]]
"""Name and port to addresses, the best first; raises OSError."""

ADDRESSES_MAX: Final = 4
"""Addresses of one name that are tried; further ones are left out."""


class NameUnknown(OSError):
    """A name that cannot be resolved now."""


def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver for the addresses of a name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Watchdog:
    """One call's time: how much is left, and an end to its connections when none is.

    Notes
    -----
    The watchdog holds a duplicate of the socket and shuts that down, so it does not matter what
    TLS has wrapped around it meanwhile, nor that another thread is reading from it: the read ends.
    """

    def __init__(self, timeout_s: float) -> None:
        self._ends_at = time.monotonic() + timeout_s
        self._timer = threading.Timer(timeout_s, self._bite)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._guarded: dict[int, socket.socket] = {}
        self.has_bitten = False

    def __enter__(self) -> Watchdog:
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for guarded in self._guarded.values():
                guarded.close()
            self._guarded.clear()

    def left_s(self) -> float:
        """Say how many seconds are left; raises TimeoutError when none are."""
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def guard(self, connection: socket.socket) -> None:
        """Cut this connection, too, when the time is over."""
        descriptor = connection.fileno()
        with self._lock:
            if descriptor in self._guarded:
                return
            duplicate = socket.socket.dup(connection)
            self._guarded[descriptor] = duplicate
            if self.has_bitten:
                _cut(duplicate)

    def _bite(self) -> None:
        with self._lock:
            self.has_bitten = True
            for guarded in self._guarded.values():
                _cut(guarded)


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def tls_context(ca_file: str = "") -> ssl.SSLContext:
    """Say whom to believe: the public certificate authorities, or those of a file in PEM.

    Raises
    ------
    OSError
        The file cannot be read or holds no certificate.
    """
    return ssl.create_default_context(cafile=ca_file or certifi.where())


def addresses_of(host: str, port: int, watchdog: Watchdog, resolver: Resolver) -> list[str]:
    """Resolve a name within the time.

    Raises
    ------
    NameUnknown
        It has no address now.
    TimeoutError
        The resolver did not answer in time.
    """
    with contextlib.suppress(ValueError):
        return [str(ip_address(host))]
    # A resolver cannot be told to hurry: it is left behind and ends by its own time-outs.
    found: list[Sequence[str]] = []
    thread = threading.Thread(
        target=_resolve_into, args=(found, resolver, host, port), name="resolve", daemon=True
    )
    thread.start()
    thread.join(watchdog.left_s())
    if thread.is_alive():
        raise TimeoutError
    if not found or not found[0]:
        raise NameUnknown(host)
    return list(found[0][:ADDRESSES_MAX])


def _resolve_into(found: list[Sequence[str]], resolver: Resolver, host: str, port: int) -> None:
    # UnicodeError: the system's resolver encodes a name before it looks, and some cannot be.
    with contextlib.suppress(OSError, UnicodeError):
        found.append(resolver(host, port))


def first_that_connects(
    addresses: Sequence[str], watchdog: Watchdog, connect: Callable[[str, float], T]
) -> T:
    """Connect to the first address that lets us, each given its share of the time left.

    Parameters
    ----------
    connect
        Called with an address and seconds; raises whatever it likes, and the last such error is
        raised when no address lets us.
    """
    for index, address in enumerate(addresses):
        share = watchdog.left_s() / (len(addresses) - index)
        try:
            return connect(address, share)
        except Exception:
            if index == len(addresses) - 1:
                raise
    raise NameUnknown
