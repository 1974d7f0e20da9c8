"""The sample shop in front of a real server: through the unmodified SDK, on a real terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from examples.shop.calls import Call
from examples.shop.delivery import Delivery
from examples.shop.people import KIOSK_ID
from examples.shop.population import Population
from examples.shop.running import ROOT, served
from examples.shop.workspace import make_workspace, write_keys
from heedful.app import App, open_app
from tests.children import start
from tests.landed import sent_ids

CALLS = 6_000
START = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def calls() -> list[Call]:
    return list(islice(Population(Random(7), 200).calls(), CALLS))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, calls: list[Call]) -> Iterator[App]:
    """A workspace into which the shop's first hours were sent over HTTP."""
    directory = tmp_path_factory.mktemp("shop") / "data"
    make_workspace(directory)
    with open_app(directory) as app, served(app, 0) as url:
        delivery = Delivery(url, write_keys(app, directory))
        for call in calls:
            delivery.hand(call, START + timedelta(milliseconds=call.occurs_ms - call.late_ms))
        delivery.start_flush().join()
        assert (delivery.arrived, delivery.given_up) == (CALLS, 0)
        yield app


def test_every_event_is_in_the_log_once(shop: App, calls: list[Call]) -> None:
    landed = sent_ids(shop.store)
    assert len(landed) == len(set(landed))
    assert set(landed) == {call.message_id for call in calls}
    assert shop.quarantine(0, 10) == []


def test_devices_become_people_and_the_kiosk_nobody(shop: App, calls: list[Call]) -> None:
    devices = {call.anonymous_id for call in calls if call.anonymous_id}
    users = {call.user_id for call in calls if call.user_id not in (None, "null")}
    assert shop.store.stats().customers < len(devices | users)
    found = [shop.engine.customer(shop.engine.lookup("user_id", user)) for user in sorted(users)]
    owners = [[i["value"] for i in one["identifiers"]] for one in found]
    assert max(len(values) for values in owners) >= 4
    assert not any(KIOSK_ID in values for values in owners)
    graph = shop.engine.graph(shop.engine.lookup("user_id", min(users)))
    assert graph["customer_id"].startswith("c_")


def test_more_than_2000_automatic_features_are_alive(shop: App) -> None:
    world = shop.engine.world
    readings = world.signals.automatic.values([], 0)
    assert len(world.dictionary.keys) * len(readings) > 2_000
    assert len(world.dictionary.keys) < world.dictionary.limit


def command(data: Path, *options: str) -> list[str]:
    heedful = str(Path(sys.executable).with_name("heedful"))
    return [heedful, "demo", "--data", str(data), "--port", "0", "--people", "40", *options]


SUMMARY = (
    re.compile(r"[\d,]+ customers?, [\d,]+ events?, [\d,]+ merges? seen"),
    re.compile(r"by tier: hardship [\d,]+ · service [\d,]+ · retention [\d,]+ · growth [\d,]+"),
    re.compile(r"nudges withheld: [\d,]+ from [\d,]+ (person|people)"),
    re.compile(r"outcomes: "),
    re.compile(r"people helped: [\d,]+ of [\d,]+ who needed it"),
)


def test_without_a_terminal_it_tells_a_line_a_decision_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    with start(
        command(tmp_path / "data"), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        while first.startswith("          desk: "):  # it may hear of a decision before we do
            first = process.stdout.readline()
        assert re.match(r"\d\d:\d\d:\d\d  (help|owed|offer|silence) +\S.*: .*\.", first)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 2, "the customers and the service desk"
        process.send_signal(signal.SIGINT)
        said, wrong = process.stdout.read(), process.stderr.read()
        assert (process.wait(120), wrong) == (0, "")
    assert [part.pattern for part in SUMMARY if not part.search(said)] == []
    assert "service desk: " in said
    assert "\x1b" not in said
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    assert not (tmp_path / "data" / "connectors.yaml").exists(), "nobody listens there any more"


class Terminal:
    """A terminal with somebody in front of it."""

    def __init__(self) -> None:
        self.leader, self.follower = pty.openpty()
        size = struct.pack("HHHH", 36, 120, 0, 0)
        fcntl.ioctl(self.follower, termios.TIOCSWINSZ, size)
        self.said = ""

    def read(self) -> bool:
        try:
            more = os.read(self.leader, 65_536)
        except OSError:  # Linux says EIO when the last writer has gone
            more = b""
        self.said += more.decode("utf-8", "ignore")
        return bool(more)

    def see(self, text: str) -> None:
        """Watch until a text stands on the screen."""
        self.said = ""
        while text not in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.said):
            assert self.read(), self.said[-2_000:]

    def press(self, keys: str) -> None:
        os.write(self.leader, keys.encode())


def test_on_a_terminal_the_story_is_told_why_is_shown_and_q_ends(tmp_path: Path) -> None:
    terminal = Terminal()
    environment = {**os.environ, "TERM": "xterm-256color"}
    environment = {k: v for k, v in environment.items() if k not in ("COLUMNS", "LINES")}
    follower = terminal.follower
    shop = [sys.executable, "-m", "examples.shop", "--past-days", "0.02"]
    with subprocess.Popen(
        [*shop, *command(tmp_path / "data")[2:]],
        cwd=ROOT,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment,
    ) as process:
        os.close(follower)
        terminal.see("Soon somebody's card will be refused three times")
        terminal.see("the story of ")
        terminal.see("No promotion for 48h, on every channel")
        terminal.see("signature checked")
        terminal.press("1")
        terminal.see("what could be done")
        terminal.press("\x1b")
        terminal.see("paused")
        terminal.press("q")
        while terminal.read():
            pass
        assert process.wait(120) == 0
    os.close(terminal.leader)
    _, _, after = terminal.said.partition("\x1b[?1049l")
    assert [part.pattern for part in SUMMARY if not part.search(after)] == []
