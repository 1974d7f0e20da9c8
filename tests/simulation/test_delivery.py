"""A seeded world of bad luck: what was acknowledged is in the facts exactly once, whatever happens.

Devices send through the real parser; the network loses, doubles and reorders; clients retry with
another `sentAt`; clocks jump; the server dies at any call into its store, before or after the
commit. Set HEEDFUL_SEEDS to run more worlds, HEEDFUL_SEED to repeat one.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import pytest

from heedful import core
from heedful.core import World
from heedful.engine.batch import Batch, Filing
from heedful.engine.replay import rebuild, verify
from heedful.events import decode_event
from heedful.ingest import SourceRules, parse_request
from heedful.kernel import format_instant
from heedful.ports import Transaction
from heedful.sense import FeatureDictionary
from heedful.store.memory import MemoryStore, MemoryTransaction
from tests.property.test_facts import SECRET, WORLD, facts

T = TypeVar("T")
SOURCE = SourceRules(name="web", kind="browser")
START = 1_790_000_000_000
HOUR = 3_600_000

if "HEEDFUL_SEED" in os.environ:
    SEEDS = [int(os.environ["HEEDFUL_SEED"])]
else:
    SEEDS = list(range(int(os.environ.get("HEEDFUL_SEEDS", "200"))))


class Crash(Exception):
    """The process is gone."""


class _FragileTransaction(MemoryTransaction):
    """A transaction during which the process may die at any call."""

    calls_left = -1

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__(self, name)
        if name != "commit" and callable(found) and not name.startswith("_"):
            self.calls_left -= 1
            if self.calls_left == 0:
                raise Crash(name)
        return found


class FragileStore(MemoryStore):
    """A store whose owner dies on request: inside a transaction, or just after its commit."""

    def __init__(self) -> None:
        super().__init__()
        self.dies_at_call = -1
        self.dies_after_commit = False

    def write(self, work: Callable[[Transaction], T]) -> T:
        transaction = _FragileTransaction(self._tables)
        transaction.calls_left = self.dies_at_call
        result = work(transaction)
        transaction.calls_left = -1
        transaction.commit(self._tables)
        if self.dies_after_commit:
            raise Crash("after the commit")
        return result


class Server:
    """The parser and the transaction; when they die the memory is lost, the store is not."""

    def __init__(self) -> None:
        self.store = FragileStore()
        self.world = WORLD
        self.crashes = 0

    def handle(self, body: bytes, now: int) -> bool:
        """Answer whether the request was acknowledged."""
        intake = parse_request("/v1/batch", body, source=SOURCE, secret=SECRET, received_at=now)
        assert not intake.refused

        def work(tx: Transaction) -> World:
            filing = Filing(self.world, SECRET)
            return Batch(tx, self.world, SECRET, filing, now).run(intake.events, []).world

        try:
            self.world = self.store.write(work)
        except Crash:
            self.crashes += 1
            self.world = _restarted(self.store)
            return False
        return True


def _restarted(store: MemoryStore) -> World:
    rows = store.read(lambda tx: tx.features())
    keys = [core.read_feature(name) for _, name in rows]
    dictionary = FeatureDictionary({}, WORLD.dictionary.limit).extended(keys)
    return msgspec.structs.replace(WORLD, dictionary=dictionary)


class Device:
    """A client with a wrong clock, a queue, and the patience of an SDK."""

    def __init__(self, number: int, luck: random.Random) -> None:
        self.luck = luck
        self.number = number
        self.skew = luck.choice([0, 0, 0, -5 * HOUR, 3 * 24 * HOUR, 90])
        self.queue: list[dict[str, Any]] = []
        self.sent: list[tuple[list[dict[str, Any]], bytes]] = []
        self.count = 0

    def act(self, now: int) -> None:
        """Let something happen to the device's person."""
        luck = self.luck
        if luck.random() < 0.05:
            self.skew += luck.choice([-HOUR, HOUR])  # daylight saving, or a battery taken out
        self.count += 1
        call: dict[str, Any] = {
            "messageId": f"d{self.number}-{self.count}",
            "anonymousId": f"a{self.number}",
            "timestamp": format_instant(now + self.skew - luck.choice([0, 0, 0, 48 * HOUR])),
        }
        person = f"u{luck.randrange(4)}"
        kind = luck.random()
        if kind < 0.7:
            call |= {"type": "track", "event": "Product Viewed", "properties": {"class": "boots"}}
            if luck.random() < 0.4:
                call["userId"] = person
        elif kind < 0.95:
            traits = {"email": f"{luck.choice('xyz')}@e.io", "city": luck.choice(["Ulm", "Graz"])}
            call |= {"type": "identify", "userId": person, "traits": traits}
        else:
            call |= {"type": "alias", "userId": person, "previousId": f"a{self.number}"}
        self.queue.append(call)

    def request(self, now: int) -> bytes:
        """Write what waits as a batch; every try carries its own `sentAt`."""
        return msgspec.json.encode({"batch": self.queue, "sentAt": format_instant(now + self.skew)})


CRASHES: list[int] = []


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_acknowledged_is_there_exactly_once(seed: int) -> None:
    luck = random.Random(seed)
    server = Server()
    devices = [Device(number, luck) for number in range(5)]
    acknowledged: set[str] = set()
    delayed: list[bytes] = []
    now = START
    for _ in range(60):
        now += luck.choice([1, 500, 60_000, HOUR, 20 * HOUR])
        device = luck.choice(devices)
        device.act(now)
        if luck.random() < 0.6:
            _deliver(server, device, delayed, acknowledged, luck, now)
        if delayed and luck.random() < 0.3:
            _restore_luck(server)
            server.handle(delayed.pop(luck.randrange(len(delayed))), now)
    _restore_luck(server)
    CRASHES.append(server.crashes)
    for device in devices:
        if device.queue:
            assert server.handle(device.request(now), now), f"seed {seed}"
            acknowledged.update(call["messageId"] for call in device.queue)
    rows = server.store.read(lambda tx: tx.log(0, 10_000))
    landed = [decode_event(row.body).message_id for row in rows]
    assert len(landed) == len(set(landed)), f"seed {seed}: a message landed twice"
    assert acknowledged <= set(landed), f"seed {seed}: an acknowledged message is lost"
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1)), f"seed {seed}"
    verdict = verify(server.store, server.world)
    assert verdict.is_equal, f"seed {seed}: {verdict}"
    assert verdict.events == len(rows), f"seed {seed}"
    again = MemoryStore()
    rebuild(server.store, again, WORLD, SECRET, now)
    assert _without_timers(again) == _without_timers(server.store), f"seed {seed}"


def _deliver(
    server: Server,
    device: Device,
    delayed: list[bytes],
    acknowledged: set[str],
    luck: random.Random,
    now: int,
) -> None:
    body = device.request(now)
    fate = luck.random()
    if fate < 0.15:
        return  # lost on the way; the client keeps its queue
    if fate < 0.3:
        delayed.append(body)  # stuck in the network: arrives later, and the client retries too
        return
    server.store.dies_at_call = luck.randrange(1, 12) if luck.random() < 0.3 else -1
    server.store.dies_after_commit = luck.random() < 0.1
    answered = server.handle(body, now)
    _restore_luck(server)
    if answered and luck.random() < 0.9:
        acknowledged.update(call["messageId"] for call in device.queue)
        device.queue = []
        if luck.random() < 0.2:
            server.handle(body, now)  # doubled by a proxy


def _restore_luck(server: Server) -> None:
    server.store.dies_at_call, server.store.dies_after_commit = -1, False


def _without_timers(store: MemoryStore) -> bytes:
    # `due` is derived from the instant of the last look, which a replay has only once.
    store._tables["customers"] = {
        key: row._replace(due=None) for key, row in store._tables["customers"].items()
    }
    return facts(store)


def test_the_worlds_do_crash() -> None:
    """Luck that never strikes would prove nothing."""
    if len(CRASHES) >= 50:
        assert sum(CRASHES) >= len(CRASHES)


def test_the_simulation_would_notice_a_lost_commit() -> None:
    """Plant the fault that the simulation is for: an acknowledgement without a commit."""
    server = Server()
    server.store.write = lambda work: work(MemoryTransaction(server.store._tables))  # type: ignore[method-assign]
    device = Device(0, random.Random(1))
    device.act(START)
    assert server.handle(device.request(START), START)
    assert server.store.read(lambda tx: tx.log(0, 10)) == []
