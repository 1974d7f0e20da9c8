"""kill -9 under load: what was acknowledged is there exactly once, however often the server dies.

Clients behave as SDKs do: a batch without a 200 is sent again, with the same messageIds, to
whoever answers next. The first server is started by the command; the others are forked, since
fifty starts of an interpreter would be most of the test. HEEDFUL_KILLS sets another number.

Some of what is sent makes the strategy act, so events of Heedful's own stand between the others: as
many as follow, and on a slow machine a few more, since who is quiet for a minute is looked at.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import threading
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from heedful.engine.ledger import WORKSPACE_FRAGMENTS
from heedful.events import OWN_SOURCE, decode_event
from heedful.store import SqliteStore
from tests.faults.processes import Client, Forks, heedful, make_workspace, serving, track

pytestmark = pytest.mark.faults

KILLS = int(os.environ.get("HEEDFUL_KILLS", "50"))
CLIENTS = 4
BATCH_EVENTS = 20
BATCHES_A_LIFE_MAX = 12
WAIT_S = 60
CALL = 1
"""Of each batch, the call that says that a payment failed: the second of a person opens a need."""


class Load:
    """Clients that send until they are told to stop, and what they were told."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.url = ""
        self.acknowledged: list[str] = []
        self.tries = Counter[str]()
        self._changed = threading.Condition()
        self._is_ending = False
        self._threads = [
            threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(CLIENTS)
        ]

    def start(self, url: str) -> None:
        self.url = url
        for thread in self._threads:
            thread.start()

    def moved(self, url: str) -> None:
        """Tell where the next server listens."""
        with self._changed:
            self.url = url
            self._changed.notify_all()

    def wait_for(self, batches: int) -> None:
        """Wait until so many more batches are acknowledged."""
        with self._changed:
            wanted = len(self.acknowledged) + batches * BATCH_EVENTS
            assert self._changed.wait_for(lambda: len(self.acknowledged) >= wanted, WAIT_S)

    def end(self) -> None:
        """Let every client finish the batch that it is sending."""
        self._is_ending = True
        for thread in self._threads:
            thread.join(WAIT_S)
            assert not thread.is_alive()

    def _run(self, number: int) -> None:
        client = Client(lambda: self.url, self.key)
        luck = random.Random(number)
        batch = 0
        while not self._is_ending:
            batch += 1
            ids = [f"c{number}-b{batch}-{n}" for n in range(BATCH_EVENTS)]
            calls = [track(i, f"u{luck.randrange(200)}") for i in ids]
            calls[CALL] = track(ids[CALL], f"u{luck.randrange(10)}", event="Payment Failed")
            self._deliver(client, {"batch": calls}, ids)
        client.close()

    def _deliver(self, client: Client, body: object, ids: list[str]) -> None:
        while True:
            url = self.url
            answer = client.send("/v1/batch", body)
            with self._changed:
                self.tries[ids[0]] += 1
                if answer is not None and answer.status == 200:
                    self.acknowledged += ids
                    self._changed.notify_all()
                    return
                if answer is None:
                    # The server is gone: come again when the next one listens.
                    assert self._changed.wait_for(partial(self._is_elsewhere, url), WAIT_S)

    def _is_elsewhere(self, url: str) -> bool:
        return self.url != url


def test_every_acknowledged_message_is_there_exactly_once(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    load = Load(make_workspace(folder))
    luck = random.Random(20_261_121)
    with serving(folder) as first:
        load.start(first.url)
        load.wait_for(3)
        first.process.kill()
        first.process.wait()
    with Forks() as forks:
        for _ in range(KILLS - 1):
            load.moved(forks.start(folder))
            load.wait_for(luck.randrange(1, BATCHES_A_LIFE_MAX))
            forks.kill()
        load.moved(forks.start(folder))
        load.end()

    assert max(load.tries.values()) > 1, "no batch was ever cut off: the load was none"
    about_people = require_exactly_once(folder, load)
    verdict = json.loads(heedful("replay", "--dir", folder, "--json"))
    assert verdict["is_equal"], verdict
    assert verdict["events"] == about_people


def require_exactly_once(folder: Path, load: Load) -> int:
    """Look into the file itself; count the events about people, ours and those that were sent."""
    store = SqliteStore(str(folder / "heedful.db"))
    rows = store.read(lambda tx: tx.log(0, 10_000_000))
    store.close()
    events = [decode_event(row.body) for row in rows]
    landed = Counter((event.source, event.message_id) for event in events)
    assert [i for i, n in landed.items() if n > 1] == [], "landed twice"
    sent = {i for source, i in landed if source != OWN_SOURCE}
    assert set(load.acknowledged) - sent == set(), "acknowledged and lost"
    # Every batch was sent until it was acknowledged, so nothing else may be there.
    assert len(load.acknowledged) == len(set(load.acknowledged)) == len(sent)
    names = {event.name for event in events if event.source == OWN_SOURCE}
    assert "Need Opened" in names, "nothing followed: the load was too simple"
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    connection = sqlite3.connect(folder / "heedful.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    return sum(row.fragment not in WORKSPACE_FRAGMENTS for row in rows)
