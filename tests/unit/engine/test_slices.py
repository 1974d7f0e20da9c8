"""Several workers spend one budget from slices of their own, and never more than there is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from heedful.app.worlds import world_of
from heedful.connectors import Connectors
from heedful.core import World
from heedful.engine.outbox import Outbox
from heedful.engine.slices import SLICE_LEASE_MS, SLICES_PER_BUDGET, Slices
from heedful.engine.writer import Writer
from heedful.kernel import DAY_MS, MICRO, InvariantError
from heedful.ports import Store
from heedful.store import SqliteSettings, SqliteStore
from heedful.store.memory import MemoryStore
from heedful.strategy import load
from tests.unit.engine.acting import acting, idle
from tests.unit.engine.living import SECRET, START
from tests.unit.engine.strategies import CART_MAIL

AMOUNT = 100
POLICY = CART_MAIL["policies/contact.yaml"] + f"budgets: {{gifts: {{amount: {AMOUNT}}}}}\n"
GIFTS = {
    **CART_MAIL,
    "policies/contact.yaml": POLICY,
    "actions/cart-mail.yaml": CART_MAIL["actions/cart-mail.yaml"]
    + "budget: gifts\ncost: 2\nbenefit: 20\n",
}
WORLD = world_of(load(GIFTS))
PERIOD = START // DAY_MS


class Workers:
    """Workers at one store, each transaction one call."""

    def __init__(self, store: Store, world: World = WORLD) -> None:
        self.store, self.world, self.now = store, world, START

    def left(self, worker: str) -> int:
        left: dict[str, int] = self._do(worker, lambda slices: slices.left(self.now))
        return left["gifts"]

    def spend(self, worker: str, micros: int) -> None:
        self._do(worker, lambda slices: slices.spend("gifts", micros, self.now))

    def end(self, worker: str) -> None:
        self._do(worker, lambda slices: slices.give_back())

    def spent(self) -> int:
        """Micros that all workers have spent."""
        return sum(row.used for row in self.store.read(lambda tx: tx.slices("gifts", PERIOD)))

    def _do(self, worker: str, work: Callable[[Slices], Any]) -> Any:
        return self.store.write(lambda tx: work(Slices(tx, self.world, worker)))


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    settings = SqliteSettings(ballast_bytes=0, free_bytes_min=0)
    held = SqliteStore(str(tmp_path / "heedful.db"), settings)
    yield held
    held.close()


def test_one_worker_sees_all_that_is_left(store: Store) -> None:
    workers = Workers(store)
    for number in range(1, 11):
        workers.spend("a", 10 * MICRO)
        assert workers.left("a") == (AMOUNT - 10 * number) * MICRO
    with pytest.raises(InvariantError) as refused:
        workers.spend("a", 1)
    assert refused.value.code == "budget_overspent"
    assert workers.spent() == AMOUNT * MICRO


def test_a_worker_writes_the_shared_row_once_a_slice(store: Store) -> None:
    workers = Workers(store)
    slice_ = AMOUNT * MICRO // SLICES_PER_BUDGET
    seen = set()
    for _ in range(10):
        workers.spend("a", slice_ // 5)
        seen.add(store.read(lambda tx: tx.promised("gifts", PERIOD)))
    assert seen == {slice_, 2 * slice_}


def test_what_another_worker_holds_is_its_own_until_its_lease_ends(store: Store) -> None:
    workers = Workers(store)
    workers.spend("a", MICRO)
    assert workers.left("b") == 95 * MICRO, "a slice is a twentieth: 5, of which 4 are left"
    workers.now += SLICE_LEASE_MS
    assert workers.left("b") == 99 * MICRO
    workers.spend("b", 99 * MICRO)
    # The first worker was paused all the time; its clock still says that its slice is its own.
    workers.now -= SLICE_LEASE_MS
    assert workers.left("a") == 0
    with pytest.raises(InvariantError):
        workers.spend("a", MICRO)
    assert workers.spent() == AMOUNT * MICRO


def test_a_worker_that_ends_gives_back_what_is_left(store: Store) -> None:
    workers = Workers(store)
    workers.spend("a", MICRO)
    workers.end("a")
    workers.end("a")
    assert workers.left("b") == 99 * MICRO


def test_a_new_period_is_a_new_budget_and_forgets_the_slices_before(store: Store) -> None:
    workers = Workers(store)
    workers.spend("a", AMOUNT * MICRO)
    workers.now += DAY_MS
    assert workers.left("a") == AMOUNT * MICRO
    workers.spend("a", MICRO)
    assert store.read(lambda tx: tx.slices("gifts", PERIOD)) == []


def test_a_budget_that_was_cut_leaves_nothing_that_is_not_there(store: Store) -> None:
    workers = Workers(store)
    workers.spend("a", 60 * MICRO)
    budget = msgspec.structs.replace(WORLD.budgets["gifts"], amount=50)
    workers.world = msgspec.structs.replace(WORLD, budgets={"gifts": budget})
    assert workers.left("a") <= 0
    assert workers.left("b") <= 0


@pytest.mark.parametrize("seed", range(20))
def test_whatever_workers_do_no_more_is_spent_than_there_is(store: Store, seed: int) -> None:
    draw, workers = Random(seed), Workers(store)
    for _ in range(120):
        worker = draw.choice("abc")
        what = draw.random()
        if what < 0.1:
            workers.end(worker)
        elif what < 0.25:  # each worker has a clock of its own
            workers.now = START + draw.randrange(3 * SLICE_LEASE_MS)
        else:
            left, micros = workers.left(worker), draw.randrange(1, 9 * MICRO)
            if micros <= left:
                workers.spend(worker, micros)
        assert workers.spent() <= AMOUNT * MICRO
        assert store.read(lambda tx: tx.promised("gifts", PERIOD)) <= AMOUNT * MICRO
    for worker in "abc":
        workers.end(worker)
    assert store.read(lambda tx: tx.promised("gifts", PERIOD)) == workers.spent()
    assert workers.left("d") == AMOUNT * MICRO - workers.spent()


def test_two_dispatchers_of_two_workers_never_exceed_a_budget_and_leave_no_more_than_a_slice() -> (
    None
):
    with acting(GIFTS) as here:
        for number in range(60):
            here.meet(f"u{number}")
            here.track("Product Added", user_id=f"u{number}")
        other = Writer(here.store, here.world, SECRET, lambda: here.now, worker="other")
        other.start()
        second = Outbox(here.store, other, SECRET, Connectors([here.way]))
        dispatchers = [here.outbox, second]

        def carry_out(outbox: Outbox) -> None:
            while outbox.step():
                idle(outbox._lanes)

        threads = [threading.Thread(target=carry_out, args=(one,)) for one in dispatchers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        other.close()
        sent = len(here.way.calls)
        assert len({call.id for call in here.way.calls}) == sent
        # 50 mails of 2 fit into 100; each worker may be left with what two of them would cost.
        assert 46 <= sent <= 50
        assert Workers(here.store).spent() == 2 * MICRO * sent
        codes = {code for _, status, code in here.states() if status == "withdrawn"}
        assert codes == {"budget_spent"}
