"""POST to one URL: within its time, to an address that was looked at, following nobody elsewhere.

The address is resolved, looked at and connected to in one go, by the backend that opens the
connection. So there is no moment between the look and the call in which a name could change its
address, and a redirect is an answer like any other.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import httpcore

from heedful.connectors.acceptance import Clock
from heedful.connectors.addresses import is_public
from heedful.connectors.reaching import (
    NameUnknown,
    Resolver,
    Watchdog,
    addresses_of,
    first_that_connects,
    resolve,
    tls_context,
)
from heedful.connectors.retry import parse_retry_after
from heedful.ports import Delivery

ANSWER_BYTES_MAX: Final = 64 * 1024
"""Bytes of an answer's body that are read so that the connection can be used again."""

_IDLE_CONNECTIONS: Final = 4
_IDLE_S: Final = 15.0  # below the idle time-outs of common servers, so that few are found closed
_CONNECTIONS: Final = 64
_TRY_AGAIN: Final = frozenset({408, 425, 429})
_GONE: Final = 410


class Answer(NamedTuple):
    """The status and headers of an answer, the names in lower case."""

    status: int
    headers: Mapping[str, str]


class CallFailed(Exception):
    """No answer came.

    Parameters
    ----------
    code
        Stable, snake_case.
    was_sent
        Whether the other side may have read the request.
    """

    def __init__(self, code: str, *, was_sent: bool) -> None:
        super().__init__(code)
        self.code = code
        self.was_sent = was_sent


class _AddressRefused(Exception):
    """The name leads to an address that is not public."""


class Poster:
    """Posts to one URL, over connections that it keeps for a while.

    Parameters
    ----------
    url
        Absolute, `http` or `https`, in ASCII.
    allow_private
        Whether addresses that are not public may be called.
    ca_file
        Certificate authorities in PEM that are believed instead of the public ones.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float,
        allow_private: bool = False,
        ca_file: str = "",
        resolver: Resolver = resolve,
    ) -> None:
        self._url = httpcore.URL(url)
        self._timeout_s = timeout_s
        self._backend = _Backend(allow_private, resolver)
        self._pool = httpcore.ConnectionPool(
            # To read the authorities takes longer than many a call.
            ssl_context=tls_context(ca_file) if self._url.scheme == b"https" else None,
            max_connections=_CONNECTIONS,
            max_keepalive_connections=_IDLE_CONNECTIONS,
            keepalive_expiry=_IDLE_S,
            network_backend=self._backend,
        )

    def post(self, headers: Sequence[tuple[str, str]], body: bytes) -> Answer:
        """Post a body; any status is an answer.

        Raises
        ------
        CallFailed
            When no answer came, and whether the request may have been read.
        """
        with Watchdog(self._timeout_s) as watchdog:
            call = self._backend.begin(watchdog)
            try:
                return self._post(headers, body, watchdog)
            except _NOT_CALLED as error:
                raise CallFailed(_code_of(error, watchdog), was_sent=False) from error
            except (httpcore.TimeoutException, httpcore.NetworkError) as error:
                is_late = watchdog.has_bitten or isinstance(error, httpcore.TimeoutException)
                code = "answer_timeout" if is_late else "connection_lost"
                # Of what never left whole, nobody has read the whole.
                raise CallFailed(code, was_sent=not call.is_cut_short) from error
            except httpcore.ProtocolError as error:
                code = "answer_timeout" if watchdog.has_bitten else "bad_answer"
                raise CallFailed(code, was_sent=not call.is_cut_short) from error

    def deliver(self, headers: Sequence[tuple[str, str]], body: bytes, clock: Clock) -> Delivery:
        """Post a body, and say what became of it.

        Returns
        -------
        Delivery
            2xx `delivered`; 408, 425, 429 and 5xx `retry`, with what `Retry-After` asks for; 410
            `failed` and gone; any other status, a redirect included, `failed`. Without an answer
            `retry` when the request cannot have been read, else `unknown`.
        """
        try:
            answer = self.post(headers, body)
        except CallFailed as failed:
            if failed.code == "private_address":
                return Delivery("failed", failed.code)
            return Delivery("unknown" if failed.was_sent else "retry", failed.code)
        code = f"http_{answer.status}"
        if 200 <= answer.status < 300:
            return Delivery("delivered", code)
        if answer.status in _TRY_AGAIN or answer.status >= 500:
            wait_s = parse_retry_after(answer.headers.get("retry-after"), clock())
            return Delivery("retry", code, retry_after_s=wait_s)
        return Delivery("failed", code, is_gone=answer.status == _GONE)

    def _post(self, headers: Sequence[tuple[str, str]], body: bytes, watchdog: Watchdog) -> Answer:
        left = watchdog.left_s()
        waits = {"connect": left, "read": left, "write": left, "pool": left}
        sent = [*headers, ("Content-Length", str(len(body)))]
        with self._pool.stream(
            "POST", self._url, headers=sent, content=body, extensions={"timeout": waits}
        ) as response:
            names = ((name.decode("latin-1").lower(), value) for name, value in response.headers)
            answer = Answer(response.status, {n: v.decode("latin-1") for n, v in names})
            _read_out(response)
        return answer

    def close(self) -> None:
        """Close the connections that are kept."""
        self._pool.close()


def _code_of(error: Exception, watchdog: Watchdog) -> str:
    if isinstance(error, _AddressRefused):
        return "private_address"
    if isinstance(error, NameUnknown):
        return "name_unknown"
    if not isinstance(error, httpcore.ConnectError) or watchdog.has_bitten:
        return "connect_timeout"
    is_tls = isinstance(error.__cause__ or error.__context__, ssl.SSLError)
    return "tls_failed" if is_tls else "connect_failed"


def _read_out(response: httpcore.Response) -> None:
    # The status has said what there is to say: a body that breaks off changes nothing.
    size = 0
    try:
        for chunk in response.iter_stream():
            size += len(chunk)
            if size > ANSWER_BYTES_MAX:
                return
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
        return


_NOT_CALLED: Final = (
    TimeoutError,
    NameUnknown,
    _AddressRefused,
    httpcore.ConnectTimeout,
    httpcore.ConnectError,
    httpcore.PoolTimeout,
)


class _Call:
    """One call of one thread."""

    __slots__ = ("is_cut_short", "watchdog")

    def __init__(self, watchdog: Watchdog) -> None:
        self.watchdog = watchdog
        self.is_cut_short = False
        """Whether some of the request could not be written."""


class _Backend(httpcore.NetworkBackend):
    """Resolves, looks and connects; what is connected is watched."""

    def __init__(self, allow_private: bool, resolver: Resolver) -> None:
        self._allow_private = allow_private
        self._resolver = resolver
        self._tcp = httpcore.SyncBackend()
        self._of_thread = threading.local()

    def begin(self, watchdog: Watchdog) -> _Call:
        """Bound what this thread does from now on by a new call."""
        self._of_thread.call = _Call(watchdog)
        return self.call()

    def call(self) -> _Call:
        """Give the call that this thread is in."""
        call: _Call = self._of_thread.call
        return call

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        watchdog = self.call().watchdog
        addresses = addresses_of(host.strip("[]"), port, watchdog, self._resolver)
        # One that is not public is enough: who mixes them wants something else than to be called.
        if not self._allow_private and not all(map(is_public, addresses)):
            raise _AddressRefused
        stream = first_that_connects(
            addresses, watchdog, lambda address, wait: self._tcp.connect_tcp(address, port, wait)
        )
        watchdog.guard(stream.get_extra_info("socket"))
        return _Watched(stream, self)


class _Watched(httpcore.NetworkStream):
    """A connection that is guarded by the watchdog of whoever uses it now."""

    def __init__(self, stream: httpcore.NetworkStream, backend: _Backend) -> None:
        self._stream = stream
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        call = self._backend.call()
        # Every request begins with a write: here a kept connection gets its new watchdog.
        call.watchdog.guard(self._stream.get_extra_info("socket"))
        try:
            self._stream.write(buffer, timeout)
        except (httpcore.WriteTimeout, httpcore.WriteError):
            call.is_cut_short = True
            raise

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _Watched(
            self._stream.start_tls(ssl_context, server_hostname, timeout), self._backend
        )

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
