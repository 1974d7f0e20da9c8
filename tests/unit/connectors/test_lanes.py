"""One dead destination slows no other."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Iterator

import msgspec
import pytest

from heedful.connectors import Lanes
from heedful.connectors.contract import HttpStandIn
from heedful.connectors.webhook import WebhookConnector, WebhookDestination, WebhookSettings
from heedful.effects import OutboundEffect
from heedful.ports import Connector, Delivery
from tests.unit.connectors.rigs import SECRET, call, message
from tests.unit.connectors.test_contract import Pigeons

WAIT_S = 30.0  # never waited for when all is well
DONE = Delivery("delivered", "done")


class Gate(Pigeons):
    """Keeps every call to a closed destination waiting until it is opened."""

    def __init__(self, *closed: str) -> None:
        super().__init__()
        self.opened = {destination: threading.Event() for destination in closed}
        self.begun: queue.Queue[str] = queue.Queue()
        self.calling: dict[str, int] = {}
        self.most: dict[str, int] = {}

    def deliver(self, effect: OutboundEffect) -> Delivery:
        where = effect.destination
        with self.lock:
            self.calling[where] = self.calling.get(where, 0) + 1
            self.most[where] = max(self.most.get(where, 0), self.calling[where])
        self.begun.put(effect.id)
        if where in self.opened:
            assert self.opened[where].wait(WAIT_S)
        with self.lock:
            self.calling[where] -= 1
        return DONE


class Ends:
    """Collects what came of effects."""

    def __init__(self) -> None:
        self.queue: queue.Queue[tuple[str, Delivery]] = queue.Queue()

    def __call__(self, effect: OutboundEffect, delivery: Delivery) -> None:
        self.queue.put((effect.id, delivery))

    def take(self, count: int) -> dict[str, Delivery]:
        """Wait for so many ends."""
        return dict(self.queue.get(timeout=WAIT_S) for _ in range(count))


def to(destination: str, effect_id: str) -> OutboundEffect:
    """Make an effect for a destination."""
    return msgspec.structs.replace(message(effect_id), destination=destination)


@pytest.fixture
def make() -> Iterator[Callable[..., tuple[Lanes, Ends]]]:
    """Make lanes that are closed at the end, however the test went."""
    made: list[tuple[Lanes, Connector | None]] = []

    def lanes_of(connector: Connector | None, **settings: int) -> tuple[Lanes, Ends]:
        ends = Ends()
        lanes = Lanes(lambda effect: connector, ends, **settings)  # type: ignore[arg-type]
        made.append((lanes, connector))
        return lanes, ends

    yield lanes_of
    for lanes, connector in made:
        for event in getattr(connector, "opened", {}).values():
            event.set()
        lanes.close(WAIT_S)


Make = Callable[..., tuple[Lanes, Ends]]


def test_a_destination_that_hangs_fills_its_own_lane_alone(make: Make) -> None:
    gate = Gate("dead")
    lanes, ends = make(gate, threads=2, waiting_max=3)
    taken = [lanes.submit(to("dead", f"d_{i}")) for i in range(7)]
    assert taken == [True] * 5 + [False] * 2
    assert lanes.capacity("dead") == 0
    assert lanes.capacity("alive") == 5
    for i in range(50):
        assert lanes.submit(to("alive", f"a_{i}"))
        assert ends.take(1) == {f"a_{i}": DONE}
    assert lanes.capacity("dead") == 0
    gate.opened["dead"].set()
    assert ends.take(5) == {f"d_{i}": DONE for i in range(5)}
    assert gate.most["dead"] == 2


def test_a_lane_takes_again_what_it_has_room_for(make: Make) -> None:
    gate = Gate("slow")
    lanes, ends = make(gate, threads=1, waiting_max=1)
    assert lanes.submit(to("slow", "e_1"))
    assert lanes.submit(to("slow", "e_2"))
    assert not lanes.submit(to("slow", "e_3"))
    gate.opened["slow"].set()
    ends.take(2)
    assert lanes.submit(to("slow", "e_4"))
    assert ends.take(1) == {"e_4": DONE}


def test_a_lane_keeps_the_order_on_one_thread(make: Make) -> None:
    gate = Gate()
    lanes, ends = make(gate, threads=1, waiting_max=100)
    for i in range(100):
        assert lanes.submit(to("one", f"e_{i}"))
    ends.take(100)
    assert [gate.begun.get() for _ in range(100)] == [f"e_{i}" for i in range(100)]


def test_many_submitters_lose_nothing(make: Make) -> None:
    lanes, ends = make(Gate(), threads=3, waiting_max=10_000)

    def submit(name: str) -> None:
        for i in range(200):
            assert lanes.submit(to(f"to_{i % 5}", f"{name}_{i}"))

    threads = [threading.Thread(target=submit, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert len(ends.take(800)) == 800
    assert ends.queue.empty()


def test_closing_gives_back_what_never_began(make: Make) -> None:
    gate = Gate("slow")
    lanes, ends = make(gate, threads=1, waiting_max=5)
    for i in range(4):
        lanes.submit(to("slow", f"e_{i}"))
    assert gate.begun.get(timeout=WAIT_S) == "e_0"
    left = lanes.close()
    assert [effect.id for effect in left] == ["e_1", "e_2", "e_3"]
    assert not lanes.submit(to("slow", "e_9"))
    assert not lanes.submit(to("other", "e_9"))
    assert lanes.capacity("slow") == lanes.capacity("other") == 0
    # What was begun is reported all the same.
    gate.opened["slow"].set()
    assert ends.take(1) == {"e_0": DONE}
    assert lanes.close(WAIT_S) == []
    assert ends.queue.empty()


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit], ids=["raises", "exits"])
def test_a_connector_that_breaks_its_word_leaves_the_end_open(
    make: Make, error: type[BaseException]
) -> None:
    class Raising(Pigeons):
        def deliver(self, effect: OutboundEffect) -> Delivery:
            raise error

    lanes, ends = make(Raising(), threads=1)
    for effect_id in ("e_1", "e_2", "e_3"):
        lanes.submit(to("x", effect_id))
    assert set(ends.take(3).values()) == {Delivery("unknown", "connector_raised")}


def test_a_report_that_fails_stops_no_lane() -> None:
    reported: queue.Queue[str] = queue.Queue()

    def done(effect: OutboundEffect, delivery: Delivery) -> None:
        reported.put(effect.id)
        raise OSError

    lanes = Lanes(lambda effect: Gate(), done, threads=1)
    for effect_id in ("e_1", "e_2", "e_3"):
        lanes.submit(to("x", effect_id))
    assert [reported.get(timeout=WAIT_S) for _ in range(3)] == ["e_1", "e_2", "e_3"]
    assert lanes.close(WAIT_S) == []


def test_what_nobody_carries_and_what_is_late_fails(make: Make) -> None:
    lanes, ends = make(None)
    lanes.submit(to("x", "e_1"))
    assert ends.take(1) == {"e_1": Delivery("failed", "no_connector")}
    gate = Gate()
    lanes, ends = make(gate)
    lanes.submit(msgspec.structs.replace(to("x", "e_2"), expires_at=1))
    assert ends.take(1) == {"e_2": Delivery("failed", "expired")}
    assert gate.begun.empty()


def test_where_no_thread_can_be_had_the_work_is_done_all_the_same(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    lanes, ends = make(Gate())
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert lanes.submit(to("x", "e_1"))
    assert ends.take(1) == {"e_1": DONE}


def test_idle_lanes_hold_no_thread(make: Make) -> None:
    lanes, ends = make(Gate())
    for i in range(100):
        lanes.submit(to(f"to_{i}", f"e_{i}"))
    ends.take(100)
    lanes.close(WAIT_S)
    names = [thread.name for thread in threading.enumerate() if thread.name.startswith("lane to_")]
    # A thread that has reported may be on its way out; it has nothing left to wait for.
    for thread in threading.enumerate():
        if thread.name in names:
            thread.join(WAIT_S)
            assert not thread.is_alive()


def test_a_socket_that_never_answers_beside_a_healthy_one(make: Make) -> None:
    with HttpStandIn() as healthy, socket.create_server(("127.0.0.1", 0)) as dead:
        dead_url = f"http://localhost:{dead.getsockname()[1]}"
        destinations = {
            name: WebhookDestination(
                url=url, secrets=(SECRET,), allow_private=True, timeout_s=timeout_s
            )
            for name, url, timeout_s in [("dead", dead_url, 2.0), ("healthy", healthy.url, WAIT_S)]
        }
        connector = WebhookConnector("webhook", WebhookSettings(destinations=destinations))
        lanes, ends = make(connector, threads=2, waiting_max=2)
        for i in range(4):
            assert lanes.submit(call(f"d_{i}", destination="dead"))
        order = []
        for i in range(40):
            assert lanes.submit(call(f"h_{i}", destination="healthy"))
            order.append(ends.queue.get(timeout=WAIT_S))
            while not order[-1][0].startswith("h_"):
                order.append(ends.queue.get(timeout=WAIT_S))
        assert len(healthy.acted_on) == 40
        missing = 4 - sum(1 for effect_id, _ in order if effect_id.startswith("d_"))
        order += [ends.queue.get(timeout=WAIT_S) for _ in range(missing)]
        dead_ends = {d for effect_id, d in order if effect_id.startswith("d_")}
        assert dead_ends == {Delivery("unknown", "answer_timeout")}
        connector.close()
