"""An HTTP server that misbehaves on demand, for the tests of connectors. It listens on loopback."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, cast

Trouble = Literal["unreachable", "busy", "refusing", "silent", "dripping", "lost_answer", "garbled"]

TROUBLES: Final[tuple[Trouble, ...]] = (
    "unreachable",
    "busy",
    "refusing",
    "silent",
    "dripping",
    "lost_answer",
    "garbled",
)
"""What may happen on the other side. `unreachable`: nobody listens. `busy`: it says that it takes
nothing now. `refusing`: it says that it will never take this. `silent`: it takes the connection
and answers nothing. `dripping`: it answers a byte at a time, for ever. `lost_answer`: it acts, and
its answer is lost. `garbled`: it answers nonsense."""

_STATUSES: Final = {"busy": 503, "refusing": 400}
_DROP_S: Final = 0.05
_RELEASE_S: Final = 60.0  # a silent connection is let go then, should a test forget it


class HttpRequest(NamedTuple):
    """What arrived; the names of headers in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class HttpStandIn:
    """Stands in for somebody else's HTTP server.

    Parameters
    ----------
    tls
        Speaks TLS with it where given.

    Notes
    -----
    `acted_on` holds what the other side would have acted on: requests that it answered with 2xx or
    whose answer was lost. `requests` holds all that were read, `connection_count` says over how
    many connections.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._scripted: deque[tuple[int, Mapping[str, str]]] = deque()
        self._released = threading.Event()
        self.trouble: Trouble | None = None
        self.requests: list[HttpRequest] = []
        self.acted_on: list[HttpRequest] = []
        self.connection_count = 0
        self._server: _Server | None = None
        self.port = 0
        self._listen()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self._tls else 'http'}://localhost:{self.port}"

    def __enter__(self) -> HttpStandIn:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def answer(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        """Answer one of the next requests so, each in its turn, before any trouble."""
        self._scripted.append((status, headers or {}))

    def stage(self, trouble: Trouble | None) -> None:
        """Behave so from now on; None is well."""
        self._released.set()
        self._released = threading.Event()
        self.trouble = trouble
        if trouble == "unreachable":
            self._stop()
        elif self._server is None:
            self._listen()

    def close(self) -> None:
        """Stop, and cut every connection."""
        self._released.set()
        self._stop()

    def _listen(self) -> None:
        self._server = _Server(("127.0.0.1", self.port), _Handler, self)
        self.port = self._server.server_address[1]
        if self._tls is not None:
            # The handshake waits for the thread of its connection, else one peer holds up all.
            self._server.socket = self._tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        serve = self._server.serve_forever
        threading.Thread(target=serve, args=(0.05,), name="stand-in", daemon=True).start()

    def _stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def opened(self, connection: socket.socket) -> None:
        """Note a connection, so that it can be cut."""
        with self._lock:
            self._connections.add(connection)
            self.connection_count += 1

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._lock:
            self._connections.discard(connection)

    def react(self, request: HttpRequest) -> tuple[int, Mapping[str, str]] | Iterable[bytes]:
        """Say what to answer: a status with headers, or raw bytes before the connection is cut."""
        released = self._released
        self.requests.append(request)
        if self._scripted:
            status, headers = self._scripted.popleft()
        elif self.trouble == "silent":
            released.wait(_RELEASE_S)
            return ()
        elif self.trouble == "dripping":
            return _drops(released)
        elif self.trouble == "lost_answer":
            self.acted_on.append(request)
            return ()
        elif self.trouble == "garbled":
            return (b"\x00\xff this is no HTTP\r\n\r\n",)
        else:
            status, headers = _STATUSES.get(self.trouble or "", 200), {}
        if 200 <= status < 300:
            self.acted_on.append(request)
        return status, headers


def _drops(released: threading.Event) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nX-Long: "
    while not released.wait(_DROP_S):
        yield b"x"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: Any, stand_in: HttpStandIn) -> None:
        self.stand_in = stand_in
        super().__init__(address, handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: callers that go away are what is tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def stand_in(self) -> HttpStandIn:
        return cast(_Server, self.server).stand_in

    def setup(self) -> None:
        self.stand_in.opened(self.request)
        super().setup()

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        self.stand_in.closed(self.request)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reaction = self.stand_in.react(HttpRequest(self.command, self.path, headers, body))
        if isinstance(reaction, tuple):
            status, more = reaction
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()
            return
        self.close_connection = True
        with contextlib.suppress(OSError):
            for piece in reaction:
                self.wfile.write(piece)

    do_GET = do_PUT = do_PATCH = do_POST  # noqa: N815 - the names are http.server's

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""
