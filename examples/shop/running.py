"""What runs while the shop is open: the server on a thread, the others as own processes."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import structlog
import typer

from examples.shop.desk import SECRET_NAME
from examples.shop.send import FRONT_KEY_NAME
from heedful.api.server import Server, make_server
from heedful.app import App

ROOT: Final = Path(__file__).resolve().parents[2]
PORTS_TRIED: Final = 20
FLUSH_S_MAX: Final = 20.0
"""How long a process that was asked to end may take to finish what it has in hand."""

Heard = Callable[[dict[str, Any]], None]
"""What is called, on a thread of its own, with each line of JSON that a process prints."""


def free_port(wanted: int) -> int:
    """Take the wanted port, or the next one that is free; any for 0."""
    for port in range(wanted, min(wanted + PORTS_TRIED, 65_536)) if wanted else (0,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1])
    return 0


@contextlib.contextmanager
def logging_to(path: Path) -> Iterator[None]:
    """Write the server's log to a file: the terminal belongs to the screen."""
    with path.open("a", encoding="utf-8") as file:
        structlog.configure(
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(),
            ],
            logger_factory=structlog.WriteLoggerFactory(file),
        )
        handler, uvicorn = logging.StreamHandler(file), logging.getLogger("uvicorn")
        uvicorn.addHandler(handler)
        uvicorn.propagate = False
        try:
            yield
        finally:
            uvicorn.removeHandler(handler)
            structlog.reset_defaults()


@contextlib.contextmanager
def served(app: App, port: int) -> Iterator[str]:
    """Serve the app on a thread of this process; gives the address, drains at the end."""
    ready = threading.Event()
    said: list[str] = []

    def on_ready(url: str) -> None:
        said.append(url)
        ready.set()

    server: Server = make_server(app, "127.0.0.1", port, on_ready)

    def run() -> None:
        with contextlib.suppress(SystemExit):
            server.run()
        ready.set()

    thread = threading.Thread(target=run, name="server")
    thread.start()
    try:
        ready.wait()
        if not said:
            raise typer.Exit(3)
        yield said[0]
    finally:
        server.stop()
        thread.join()


@contextlib.contextmanager
def process(
    command: list[str], log: Path, heard: Heard, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a process that prints lines of JSON, and end it by its id."""
    with log.open("ab") as said:
        # Its own session: Ctrl-C is for us, and we end it in order.
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            encoding="utf-8",
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )
        listener = threading.Thread(target=_listen, args=(child, heard), daemon=True)
        listener.start()
        try:
            yield child
        finally:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(FLUSH_S_MAX)
            except (subprocess.TimeoutExpired, KeyboardInterrupt):
                child.kill()  # asked twice, or too slow
                child.wait()
            listener.join()


def _listen(child: subprocess.Popen[str], heard: Heard) -> None:
    assert child.stdout is not None
    with child.stdout as lines:
        for line in lines:
            with contextlib.suppress(ValueError):
                heard(json.loads(line))


@contextlib.contextmanager
def desk(log: Path, secret: str, port: int, mail_port: int, heard: Heard) -> Iterator[None]:
    """Run the service desk and the letter box; gives control once both listen."""
    listens = threading.Event()

    def hear(said: dict[str, Any]) -> None:
        if said.get("kind") == "listening":
            listens.set()
        else:
            heard(said)

    command = [sys.executable, "-m", "examples.shop.desk", "--json"]
    command += ["--port", str(port), "--mail-port", str(mail_port)]
    with process(command, log, hear, {SECRET_NAME: secret}) as child:
        while not listens.wait(0.05):
            if child.poll() is not None:
                print(f"The service desk did not start; {log} says why.", file=sys.stderr)
                raise typer.Exit(3)
        yield


@contextlib.contextmanager
def crowd(
    url: str,
    keys: Mapping[str, str],
    front_key: str,
    log: Path,
    heard: Heard,
    **options: float,
) -> Iterator[subprocess.Popen[str]]:
    """Let the shop's customers loose on a server, with options of `send.py` such as `people`."""
    command = [sys.executable, "-m", "examples.shop.send", "--forever", "--host", url]
    command += [part for s, k in keys.items() for part in ("--write-key", f"{s}={k}")]
    for name, value in options.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    with process(command, log, heard, {FRONT_KEY_NAME: front_key}) as child:
        yield child
