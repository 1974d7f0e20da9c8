"""The sample shop in front of a real server: through the unmodified SDK, on a real terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from examples.shop.__main__ import ROOT, make_workspace, served, write_keys
from examples.shop.calls import Call
from examples.shop.delivery import Delivery
from examples.shop.people import KIOSK_ID
from examples.shop.population import Population
from heedful.app import App, open_app
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


def command(data: Path) -> list[str]:
    options = ("--port", "0", "--people", "40", "--past-days", "0.05", "--for", "3")
    return [sys.executable, "-m", "examples.shop", "--data", str(data), *options]


SUMMARY = re.compile(r"[\d,]+ customers, [\d,]+ events, [\d,]+ merges? seen")


def test_the_shop_ends_by_itself_with_a_summary(tmp_path: Path) -> None:
    done = subprocess.run(
        command(tmp_path / "data"), cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert SUMMARY.search(done.stdout)
    assert "customer show" in done.stdout
    assert "\x1b" not in done.stdout


def test_on_a_terminal_there_is_a_screen(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "36"}
    with subprocess.Popen(
        command(tmp_path / "data"), cwd=ROOT, stdout=follower, stderr=follower, env=environment
    ) as process:
        os.close(follower)
        said = b"".join(iter(lambda: read(leader), b"")).decode()
        assert process.wait(120) == 0
    os.close(leader)
    screen, _, after = said.partition("\x1b[?1049l")
    assert "\x1b[?1049h" in screen, "the screen is the terminal's second one, given back at the end"
    assert "automatic signals" in screen
    assert SUMMARY.search(after)


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # Linux says EIO when the last writer has gone
        return b""
