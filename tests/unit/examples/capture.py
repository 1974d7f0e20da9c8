"""A server that keeps what an SDK sends; tests wait for its events, never for time to pass."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any


class Capture:
    """Messages in the order of arrival, and what is answered: each fault once, then `status`."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.write_keys: set[str] = set()
        self.agents: set[str] = set()
        self.sent_at: list[str] = []
        self.status = 200
        self.faults: list[int] = []
        self.first_batch = Event()
        self.url = ""
        self._lock = Lock()

    def take(self, headers: Any, raw: bytes) -> int:
        """Keep one request and give the status to answer."""
        body = json.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
        with self._lock:
            self.write_keys.add(body["writeKey"])
            self.agents.add(headers["User-Agent"])
            self.sent_at.append(body["sentAt"])
            status = self.faults.pop(0) if self.faults else self.status
            if status == 200:
                self.messages.extend(body["batch"])
        self.first_batch.set()
        return status


@contextmanager
def capture_server() -> Iterator[Capture]:
    """Run a capture server on a free port of 127.0.0.1."""
    capture = Capture()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            status = capture.take(self.headers, raw) if self.path == "/v1/batch" else 404
            answer = {"success": True} if status == 200 else {"code": "no", "message": "No."}
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing: the test says what went wrong."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    capture.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield capture
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
