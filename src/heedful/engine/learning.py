"""The learner: folds learning rows into snapshots, and puts each newer one in force.

Law: nothing is learned inside a step. Rows are folded in the order of their numbers, and a
snapshot comes into force between two batches by an event in the log, so a decision can name it and
a replay meets it at the same place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from heedful.core import World
from heedful.decide.margins import MARGINS, Margins
from heedful.engine import ledger
from heedful.engine.ledger import LEARNING_FRAGMENT
from heedful.engine.writer import Writer
from heedful.learn import BetaArms, LearningRow
from heedful.ports import Store, Transaction

BETA: Final = "beta"
"""The transparent model that every workspace has."""

LEARN_WAIT_S: Final = 1.0
"""How often the learner looks for rows: a decision sees what was learned up to about then."""

ROWS: Final = 2_000
"""Learning rows folded at once."""

SNAPSHOT_ROWS: Final = 10_000
"""Learning rows after which a snapshot is kept; what is between is learned again at a start."""

_ROWS: Final = msgspec.msgpack.Decoder(LearningRow)


def read_models(tx: Transaction) -> dict[str, Any]:
    """Read the models in force, and what outcomes were worth so far."""
    return models_at(tx, ledger.last_learned(tx))


def models_at(tx: Transaction, learn_seq: int) -> dict[str, Any]:
    """Give the models as of a learning row: from the snapshot before it, and the rows since."""
    held, worth = tx.snapshot(BETA, learn_seq), tx.snapshot(MARGINS, learn_seq)
    kept = {
        BETA: BetaArms() if held is None else BetaArms.decode(held[1]),
        MARGINS: Margins() if worth is None else Margins.decode(worth[1]),
    }
    return folded(tx, kept, learn_seq)


def folded(tx: Transaction, models: Mapping[str, Any], up_to: int | None = None) -> dict[str, Any]:
    """Give models with the rows beyond their own folded in; the argument stays as it is.

    Parameters
    ----------
    up_to
        Number of the last row; None for as many as are folded at once.
    """
    model = BetaArms.decode(models.get(BETA, BetaArms()).encode())
    worth: Margins = models.get(MARGINS, Margins())
    while rows := tx.lessons(model.learn_seq, ROWS):
        lessons = [_ROWS.decode(body) for number, body in rows if up_to is None or number <= up_to]
        for lesson in lessons:
            model.learn_one(lesson)
        worth = worth.plus(lessons)
        if up_to is None or len(lessons) < len(rows):
            break
    return {**models, BETA: model, MARGINS: worth}


def learned(tx: Transaction, world: World, learn_seq: int) -> World:
    """Give the world with its models as of a learning row."""
    return msgspec.structs.replace(world, models=folded(tx, world.models, learn_seq))


class Learner:
    """Learns from outcomes, in the background."""

    def __init__(self, store: Store, writer: Writer) -> None:
        self._store = store
        self._writer = writer

    def step(self) -> bool:
        """Fold what is new; False when nothing was."""
        before = self._writer.world.models
        newer = self._store.read(lambda tx: folded(tx, before))
        model: BetaArms = newer[BETA]
        if model.learn_seq == before[BETA].learn_seq:
            return False

        def change(tx: Transaction, world: World) -> World:
            if model.learn_seq // SNAPSHOT_ROWS > before[BETA].learn_seq // SNAPSHOT_ROWS:
                tx.put_snapshot(BETA, model.learn_seq, model.encode())
                tx.put_snapshot(MARGINS, model.learn_seq, newer[MARGINS].encode())
            said = {"model": BETA, "learn_seq": model.learn_seq}
            now, secret, fragment = self._writer.now(), self._writer.secret, LEARNING_FRAGMENT
            ledger.note(tx, secret, ledger.MODEL_LEARNED, said, now, fragment=fragment)
            return msgspec.structs.replace(world, models=newer)

        self._writer.change_world(change)
        return True
