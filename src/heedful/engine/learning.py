"""The learner: folds learning rows into snapshots, and puts each newer one in force.

Law: nothing is learned inside a step. Rows are folded in the order of their numbers, and a
snapshot comes into force between two batches by an event in the log, so a decision can name it and
a replay meets it at the same place.
"""

from __future__ import annotations

import threading
from typing import Final

import msgspec

from heedful.core import World
from heedful.engine import ledger
from heedful.engine.writer import Writer
from heedful.kernel import PeerError
from heedful.learn import BetaArms, LearningRow
from heedful.ports import Store, Transaction

BETA: Final = "beta"
"""The transparent model that every workspace has."""

LEARN_WAIT_S: Final = 1.0
"""How often the learner looks for rows: a decision sees what was learned up to about then."""

ROWS: Final = 2_000
"""Learning rows folded at once."""

_ROWS: Final = msgspec.msgpack.Decoder(LearningRow)


def read_models(tx: Transaction) -> dict[str, BetaArms]:
    """Read the snapshots in force."""
    held = tx.snapshot(BETA)
    return {BETA: BetaArms() if held is None else BetaArms.decode(held[1])}


def folded(tx: Transaction, model: BetaArms, up_to: int | None = None) -> BetaArms:
    """Give a model with the rows beyond its own folded in; the argument stays as it is."""
    newer = BetaArms.decode(model.encode())
    while rows := tx.lessons(newer.learn_seq, ROWS):
        for number, body in rows:
            if up_to is not None and number > up_to:
                return newer
            newer.learn_one(_ROWS.decode(body))
        if up_to is None:
            break
    return newer


def learned(tx: Transaction, world: World, name: str, learn_seq: int) -> World:
    """Give the world with a model's snapshot as of a learning row."""
    newer = folded(tx, world.models.get(name, BetaArms()), learn_seq)
    return msgspec.structs.replace(world, models={**world.models, name: newer})


class Learner:
    """A thread that learns from outcomes."""

    def __init__(self, store: Store, writer: Writer) -> None:
        self._store = store
        self._writer = writer
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heedful-learner", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Stop after the step at hand."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                is_busy = self.step()
            except PeerError:
                is_busy = False  # the store is away or full: the rows stay where they are
            self._stop.wait(0.0 if is_busy else LEARN_WAIT_S)

    def step(self) -> bool:
        """Fold what is new; False when nothing was."""
        before: BetaArms = self._writer.world.models[BETA]
        newer = self._store.read(lambda tx: folded(tx, before))
        if newer.learn_seq == before.learn_seq:
            return False

        def change(tx: Transaction, world: World) -> World:
            tx.put_snapshot(BETA, newer.learn_seq, newer.encode())
            said = {"model": BETA, "learn_seq": newer.learn_seq}
            ledger.note(tx, self._writer.secret, ledger.MODEL_LEARNED, said, self._writer.now())
            return msgspec.structs.replace(world, models={**world.models, BETA: newer})

        self._writer.change_world(change)
        return True
