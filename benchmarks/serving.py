"""A Heedful server and a load generator, each a process of its own, from beginning to end."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from machine import ROOT, Pace, Use, sample, used
from shop import OWNER_FILE

COMMAND = Path(sys.executable).with_name("heedful")
READY_S_MAX = 60.0


class Served(NamedTuple):
    """A running server."""

    url: str
    owner_key: str
    pid: int
    ready_s: float
    """From the start of the process to the first answer of `/readyz` that says yes."""


class Loaded(NamedTuple):
    """What the load generator saw, and what the processes used meanwhile."""

    said: dict[str, Any]
    use: Use
    pid: int
    """Of the generator."""
    slowdown: float
    """How much slower than at rest the machine was; see `Pace`."""


def free_port() -> int:
    """Find a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def served(workspace: Path) -> Iterator[Served]:
    """Serve a workspace by the command that users run; drained and ended at the end."""
    port = free_port()
    command = [str(COMMAND), "serve", str(workspace), "--port", str(port)]
    with (workspace / "server.log").open("wb") as log:
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            while not _is_ready(port):
                if process.poll() is not None or time.perf_counter() - begun > READY_S_MAX:
                    raise SystemExit((workspace / "server.log").read_text("utf-8"))
                time.sleep(0.005)
            ready = time.perf_counter() - begun
            key = (workspace / OWNER_FILE).read_text("ascii")
            yield Served(f"http://127.0.0.1:{port}", key, process.pid, ready)
        finally:
            process.terminate()
            process.wait()


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@contextlib.contextmanager
def loading(server: Served, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Run a load generator beside what is measured; it is measuring when this yields."""
    command = [sys.executable, str(ROOT / "benchmarks" / "load.py"), server.url, *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        wait_for(process, "measuring")
        yield process
    finally:
        process.terminate()
        process.wait()


def wait_for(process: subprocess.Popen[str], state: str) -> dict[str, Any]:
    """Read the generator's lines until one of a state."""
    assert process.stdout is not None
    for line in process.stdout:
        said: dict[str, Any] = json.loads(line)
        if said["state"] == state:
            return said
    raise SystemExit("The load generator ended too soon.")


def measure(server: Served, *options: str) -> Loaded:
    """Load a server and take its CPU time over exactly the measured seconds."""
    with loading(server, *options) as process:
        pids = (server.pid, process.pid)
        with Pace() as pace:
            before = sample(pids)
            wait_for(process, "measured")
            after = sample(pids)
        said = wait_for(process, "done")
        return Loaded(said, used(before, after), process.pid, pace.slowdown)


class Api:
    """A keep-alive connection to the server with an owner's key."""

    def __init__(self, server: Served) -> None:
        parts = urlsplit(server.url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        self._connect()
        self._headers = {
            "Authorization": f"Bearer {server.owner_key}",
            "Content-Type": "application/json",
        }

    def _connect(self) -> None:
        self._connection.close()
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Make one request; gives the status and what was answered."""
        wire = None if body is None else json.dumps(body)
        try:
            self._connection.request(method, path, wire, self._headers)
            answer = self._connection.getresponse()
        except (http.client.HTTPException, OSError):
            self._connect()  # the server lets go of a connection that is idle for seconds
            self._connection.request(method, path, wire, self._headers)
            answer = self._connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None

    def get(self, path: str) -> Any:
        """Read what must be there."""
        status, found = self.call("GET", path)
        if status != 200:
            raise SystemExit(f"GET {path} was answered {status}: {found}")
        return found
