"""A proxy that does to a request what a script says: the faults of networks, one after another."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import socket
import struct
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, ClassVar, Literal, NamedTuple
from urllib.parse import urlsplit

Kind = Literal["pass", "reset_before", "reset_after", "cut_in_answer", "status", "hold"]


class Fault(NamedTuple):
    """What happens to one request.

    `reset_before` and `reset_after` reset the connection before and after the server has answered;
    `cut_in_answer` sends the head of the answer and half of its body first; `status` answers
    without asking the server; `hold` keeps the server's answer until the client has given up.
    """

    kind: Kind
    status: int = 0
    retry_after_s: int | None = None


PASS = Fault("pass")
RESET_BEFORE = Fault("reset_before")
RESET_AFTER = Fault("reset_after")
CUT_IN_ANSWER = Fault("cut_in_answer")
HOLD = Fault("hold")
SLOW_DOWN = Fault("status", 429, 1)
UNAVAILABLE = Fault("status", 503, 1)
BARE_UNAVAILABLE = Fault("status", 503)


class Proxy:
    """What was scripted and what was seen; `url` is where a client sends to."""

    def __init__(self, upstream: str, script: Iterable[Fault]) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.url = ""
        self._script = deque(script)
        self._lock = Lock()
        self.tried: list[tuple[Kind, list[str]]] = []
        """Of each request: what happened to it, and the ids of the messages in it."""
        self.answers: list[int] = []
        """What the server answered to the requests that reached it."""

    @property
    def left(self) -> list[Fault]:
        """What was scripted and has not happened."""
        return list(self._script)

    def reached(self) -> list[str]:
        """Ids of the messages that reached the server, as often as they did."""
        lost = ("reset_before", "status")
        return [id_ for kind, ids in self.tried if kind not in lost for id_ in ids]

    def next(self, body: bytes) -> Fault:
        """Take the next fault of the script, for a request with this body."""
        plain = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        ids = [item["messageId"] for item in json.loads(plain)["batch"]]
        with self._lock:
            fault = self._script.popleft() if self._script else PASS
            self.tried.append((fault.kind, ids))
        return fault


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: ClassVar[Proxy]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fault = self.proxy.next(body)
        if fault.kind == "reset_before":
            self._reset()
            return
        if fault.kind == "status":
            self._say(fault)
            return
        status, headers, answer = self._ask(body)
        self.proxy.answers.append(status)
        if fault.kind == "reset_after":
            self._reset()
        elif fault.kind == "hold":
            self._wait_until_left()
        else:
            self._pass_on(status, headers, answer, cut=fault.kind == "cut_in_answer")

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.proxy.upstream)
        try:
            connection.request("POST", self.path, body, dict(self.headers))
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _say(self, fault: Fault) -> None:
        self.send_response(fault.status)
        if fault.retry_after_s is not None:
            self.send_header("Retry-After", str(fault.retry_after_s))
        body = b'{"code":"scripted","message":"A scripted fault."}'
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _pass_on(
        self, status: int, headers: list[tuple[str, str]], answer: bytes, *, cut: bool
    ) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer[: len(answer) // 2] if cut else answer)
        if cut:
            self._reset()

    def _wait_until_left(self) -> None:
        with suppress(OSError):
            self.connection.recv(1)
        self._reset()

    def _reset(self) -> None:
        # Closing with nothing left to linger for sends RST instead of FIN.
        self.close_connection = True
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        os.close(self.connection.detach())

    def log_message(self, *_: Any) -> None:
        """Say nothing: the test says what went wrong."""


@contextmanager
def faulty(upstream: str, script: Iterable[Fault]) -> Iterator[Proxy]:
    """Run a proxy; each request takes one step of the script, and after its end all pass."""
    proxy = Proxy(upstream, script)
    handler = type("Handler", (_Handler,), {"proxy": proxy})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
