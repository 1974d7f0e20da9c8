"""Open the sample shop: its workspace, its server, its customers, and a screen to watch them.

python -m examples.shop
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import structlog
import typer
from rich.console import Console
from rich.live import Live

if not __package__:  # run as a folder: the package `examples` is two folders up
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from examples.shop.calls import SOURCES
from examples.shop.screen import Picture, Scene, plain_line, weight
from heedful.api.server import Server, make_server
from heedful.app import App, init_workspace, open_app
from heedful.cli.client import Api, connect
from heedful.cli.feed import Feed, Seen
from heedful.cli.screen import count
from heedful.kernel import HeedfulError

ROOT: Final = Path(__file__).resolve().parents[2]
COMMAND: Final = Path(sys.executable).with_name("heedful")
STRATEGY: Final = Path(__file__).resolve().parent / "strategy"
WRITE_KEYS: Final = "write-keys.json"
SENDER_LOG: Final = "sender.log"
SERVER_LOG: Final = "server.log"
PORTS_TRIED: Final = 20
FRAME_S: Final = 0.25
FOCUS_S_MIN: Final = 6.0
"""How long a person stays in focus, so that one can read."""
RATE_SPAN_S: Final = 5.0
FLUSH_S_MAX: Final = 20.0


def make_workspace(directory: Path) -> None:
    """Make the shop's workspace, unless it is there: nothing of it is ever overwritten."""
    if directory.exists():
        return
    init_workspace(directory)
    for file in sorted(STRATEGY.glob("*.yaml")):
        shutil.copy(file, directory / "strategy" / file.name)


def write_keys(app: App, directory: Path) -> dict[str, str]:
    """Give the write key of each source; made on the first day, kept beside the data."""
    path = directory / WRITE_KEYS
    if path.exists():
        kept: dict[str, str] = json.loads(path.read_text("utf-8"))
        return kept
    held = {row.name for row in app.list_keys() if row.revoked_at is None}
    keys = {}
    for source in SOURCES:
        if source in held:
            app.revoke_key(source)
        keys[source] = app.create_key("source", source, f"shop_{secrets.token_urlsafe(16)}")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(keys, file)
    return keys


def free_port(wanted: int) -> int:
    """Take the wanted port, or the next one that is free."""
    for port in range(wanted, min(wanted + PORTS_TRIED, 65_536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
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
        logging.getLogger("uvicorn").addHandler(logging.StreamHandler(file))
        logging.getLogger("uvicorn").propagate = False
        try:
            yield
        finally:
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
def sending(
    url: str, keys: dict[str, str], people: int, speed: float, past: float, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the shop's customers in a process of their own, through the unmodified SDK."""
    command = [sys.executable, str(Path(__file__).with_name("send.py")), "--forever"]
    command += ["--host", url, "--people", str(people), "--speed", str(speed)]
    command += ["--past-days", str(past)]
    command += [part for s, k in keys.items() for part in ("--write-key", f"{s}={k}")]
    with log.open("wb") as said:
        # Its own session: Ctrl-C is for us, and we end it in order.
        child = subprocess.Popen(command, stderr=said, stdout=said, start_new_session=True)
        try:
            yield child
        finally:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(FLUSH_S_MAX)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


_NOBODY: Final[tuple[int, str, dict[str, Any] | None]] = (0, "", None)


class Watch:
    """Keep a scene up to date from the feed, the counts and the person in focus."""

    def __init__(self, app: App, api: Api, feed: Feed, url: str) -> None:
        self._app, self._api, self._feed = app, api, feed
        self.scene = Scene(url=url)
        self._counted: deque[tuple[float, int]] = deque()
        self._count_due = self._focus_until = self._focus_due = 0.0
        self._next = _NOBODY
        self._values_each = 0

    def look(self, wait_s: float = FRAME_S) -> Scene:
        """Take in what is new."""
        for seen in self._feed.take(wait_s):
            # In a flood not everybody is looked up; who has no name yet would be noise here.
            if self._feed.person(seen.customer_id) is not None:
                self.scene.newest.appendleft(seen)
                self._consider(seen)
        now = time.monotonic()
        self._turn(now)
        if now >= self._count_due:
            self._count_due = now + 1
            self._count(now)
        if now >= self._focus_due and self.scene.focus is not None:
            self._focus_due = now + 1
            self._refresh()
        return self.scene

    def _consider(self, seen: Seen) -> None:
        """Remember who is most worth a look next."""
        record = self._feed.person(seen.customer_id)
        worth, reason = weight(seen, record)
        if record is not None and worth > self._next[0]:
            self._next = (worth, reason, record)

    def _turn(self, now: float) -> None:
        """Turn to the next person, once the one in focus could be read."""
        worth, reason, record = self._next
        if worth and now > self._focus_until:
            self.scene.focus, self.scene.reason = record, reason
            self._next, self._focus_until = _NOBODY, now + FOCUS_S_MIN

    def _refresh(self) -> None:
        held: dict[str, Any] = self.scene.focus or {}
        with contextlib.suppress(HeedfulError):
            self.scene.focus = self._api.get(f"/v1/customers/{held['customer_id']}")

    def _count(self, now: float) -> None:
        scene, stats = self.scene, self._app.store.stats()
        self._counted.append((now, stats.events))
        while now - self._counted[0][0] > RATE_SPAN_S:
            self._counted.popleft()
        then, count = self._counted[0]
        scene.customers, scene.events = stats.customers, stats.events
        scene.per_second = (stats.events - count) / (now - then) if now > then else 0.0
        scene.merges = self._feed.counts["merge"]
        scene.kinds = self._feed.kinds
        world = self._app.engine.world
        # Every feature of the dictionary is a counter with each of these readings.
        self._values_each = self._values_each or len(world.signals.automatic.values([], 0))
        scene.automatic = len(world.dictionary.keys) * self._values_each


def watch(view: Watch, child: subprocess.Popen[bytes], seconds: float | None) -> None:
    """Show the scene until the time is over, Ctrl-C, or the sender's end."""
    console = Console()
    ends = None if seconds is None else time.monotonic() + seconds
    line_due = 0.0
    with contextlib.ExitStack() as stack:
        live = None
        if console.is_terminal:
            live = Live(console=console, screen=True, auto_refresh=False)
            stack.enter_context(live)
        while child.poll() is None and (ends is None or time.monotonic() < ends):
            scene = view.look()
            if live is not None:
                live.update(Picture(scene), refresh=True)
            elif time.monotonic() >= line_due:
                line_due = time.monotonic() + 1
                print(plain_line(scene), flush=True)


def farewell(scene: Scene, directory: Path) -> str:
    """Say what there is now and what to try next."""
    where = directory.resolve()
    if where.is_relative_to(Path.cwd()):
        where = where.relative_to(Path.cwd())
    heedful = "heedful" if shutil.which("heedful") else os.path.relpath(COMMAND)
    who = "c_..."
    if scene.focus is not None:
        named = {i["namespace"]: i["value"] for i in scene.focus["identifiers"]}
        known = next((n for n in ("email", "user_id") if n in named), "")
        who = f"{known}:{named[known]}" if known else scene.focus["customer_id"]
    return (
        f"{count(scene.customers, 'customer')}, {count(scene.events, 'event')}, "
        f"{count(scene.merges, 'merge')} seen, {count(scene.automatic, 'automatic signal')}.\n"
        f"All of it stands in {where}. Try next:\n"
        f"  {heedful} customer show {who} --dir {where}\n"
        f"  {heedful} customer graph {who} --dir {where}\n"
        f"  {heedful} doctor --dir {where}\n"
        f"  {heedful} serve {where}"
    )


def main(
    data: Annotated[Path, typer.Option(help="The workspace.", show_default="shop-data")] = ROOT
    / "shop-data",
    port: Annotated[int, typer.Option(envvar="HEEDFUL_PORT", help="Or the next free one.")] = 8765,
    people: Annotated[int, typer.Option(min=1, help="Size of the population.")] = 400,
    speed: Annotated[float, typer.Option(help="Virtual seconds per second.")] = 120.0,
    past_days: Annotated[float, typer.Option(min=0, help="Days of history sent first.")] = 0.25,
    seconds: Annotated[
        float | None, typer.Option("--for", min=0, help="End after so many seconds.")
    ] = None,
) -> None:
    """Open the sample shop and watch its customers live."""
    try:
        make_workspace(data)
        with contextlib.ExitStack() as stack:
            stack.enter_context(logging_to(data / SERVER_LOG))
            app = stack.enter_context(open_app(data))
            keys = write_keys(app, data)
            url = stack.enter_context(served(app, free_port(port)))
            api = stack.enter_context(connect(data))
            feed = Feed(api)
            feed.start()
            view = Watch(app, api, feed, url)
            child = stack.enter_context(
                sending(url, keys, people, speed, past_days, data / SENDER_LOG)
            )
            with contextlib.suppress(KeyboardInterrupt):
                watch(view, child, seconds)
            has_failed = child.poll() not in (None, 0)
            scene = view.look(0)
    except HeedfulError as error:
        print(error.message, file=sys.stderr)
        raise typer.Exit(3) from None
    print(farewell(scene, data))
    if has_failed:
        print(f"The sender ended by itself; {data / SENDER_LOG} says why.", file=sys.stderr)
        raise typer.Exit(3)


if __name__ == "__main__":
    typer.run(main)
