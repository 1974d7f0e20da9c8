"""kill -9 under load: what was acknowledged is there exactly once, however often the server dies.

Clients behave as SDKs do: a batch without a 200 is sent again, with the same messageIds, to
whoever answers next. The first server is started by the command; the others are forked, since
fifty starts of an interpreter would be most of the test. HEEDFUL_KILLS sets another number.
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

from heedful.store import SqliteStore
from tests.faults.processes import Client, Forks, heedful, make_workspace, serving, track
from tests.landed import sent_ids

pytestmark = pytest.mark.faults

KILLS = int(os.environ.get("HEEDFUL_KILLS", "50"))
CLIENTS = 4
BATCH_EVENTS = 20
BATCHES_A_LIFE_MAX = 12
WAIT_S = 60


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
    require_exactly_once(folder, load)
    verdict = json.loads(heedful("replay", "--dir", folder, "--json"))
    assert verdict["is_equal"], verdict
    assert verdict["events"] == len(load.acknowledged)


def require_exactly_once(folder: Path, load: Load) -> None:
    """Look into the file itself."""
    store = SqliteStore(str(folder / "heedful.db"))
    rows = store.read(lambda tx: tx.log(0, 10_000_000))
    landed = Counter(sent_ids(store))
    store.close()
    assert [i for i, n in landed.items() if n > 1] == [], "landed twice"
    assert set(load.acknowledged) - set(landed) == set(), "acknowledged and lost"
    assert len(load.acknowledged) == len(set(load.acknowledged)) == len(landed)
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    connection = sqlite3.connect(folder / "heedful.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
