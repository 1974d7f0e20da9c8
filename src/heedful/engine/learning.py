"""The learner: folds learning rows into snapshots, and puts each newer one in force.

Law: nothing is learned inside a step. Rows are folded in the order of their numbers, and a
snapshot comes into force between two batches by an event in the log, so a decision can name it and
a replay meets it at the same place. What a decision saw of the person stands in the decision alone;
rows are given it as they are folded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from heedful.core import World
from heedful.decide.lessons import with_features
from heedful.decide.margins import MARGINS, Margins
from heedful.decide.models import BETA, ModelRule
from heedful.decide.portable import Origin
from heedful.engine import alarming, ledger
from heedful.engine.ledger import LEARNING_FRAGMENT
from heedful.engine.stream import Notice
from heedful.engine.writer import Writer
from heedful.kernel import InputError, expected, parse_public_id, public_id
from heedful.learn import Forgot, Learned, LearningRow, Model
from heedful.ports import Store, Transaction

LEARN_WAIT_S: Final = 1.0
"""How often the learner looks for rows: a decision sees what was learned up to about then."""

ROWS: Final = 2_000
"""Learning rows folded at once."""

SNAPSHOT_ROWS: Final = 10_000
"""Learning rows after which a snapshot is kept; what is between is learned again at a start."""

_ROWS: Final = msgspec.msgpack.Decoder(LearningRow)
_DECISIONS_READ: Final = 500


class _Seen(msgspec.Struct):
    """The part of a decision that is learned from."""

    features: bytes = b""


_SEEN: Final = msgspec.msgpack.Decoder(_Seen)

Rules = Mapping[str, ModelRule]


def read_models(tx: Transaction, world: World) -> World:
    """Give the world with the models in force, and what outcomes were worth so far."""
    return restored(tx, world, ledger.last_said_of_learning(tx))


def restored(tx: Transaction, world: World, said: Mapping[str, Any]) -> World:
    """Give the world with its models as an event put them in force, whatever was before."""
    models = models_at(tx, world.rules.models, said)
    return msgspec.structs.replace(world, models=models, origins=origins_by(said))


def models_at(tx: Transaction, rules: Rules, said: Mapping[str, Any]) -> dict[str, Any]:
    """Give the models that an event put in force: from snapshots before it, and rows since."""
    reached = reached_by(said)
    models: dict[str, Any] = {}
    origins = origins_by(said)
    for name, seq in reached.items():
        if name in rules:
            models[name] = kept(tx, rules[name], seq, origins.get(name))
    models.setdefault(BETA, rules[BETA].new())
    upto = int(said.get("learn_seq", 0))
    worth = tx.snapshot(MARGINS, upto)
    models[MARGINS] = Margins() if worth is None else Margins.decode(worth[1])
    return fold(tx, models, {**reached, MARGINS: upto})


def reached_by(said: Mapping[str, Any]) -> dict[str, int]:
    """Read from an event up to which row each model has learned."""
    seqs = said.get("models")
    if isinstance(seqs, dict):
        return {str(name): int(seq) for name, seq in seqs.items()}
    return {BETA: int(said.get("learn_seq", 0))}


def origins_by(said: Mapping[str, Any]) -> dict[str, Origin]:
    """Read from an event which models came from files."""
    return msgspec.convert(said.get("origins", {}), dict[str, Origin])


def origin_key(rule: ModelRule, origin: Origin | None) -> str:
    """Name the snapshots of a model: what follows from an import is kept apart."""
    return rule.key if origin is None else f"{rule.key}#{origin.number}"


def kept(tx: Transaction, rule: ModelRule, at_most: int, origin: Origin | None = None) -> Model:
    """Read the newest snapshot of a model up to a row; a new one where there is none.

    Raises
    ------
    InputError
        `version_not_found` for a row before the one at which the model was imported.
    """
    held = tx.snapshot(origin_key(rule, origin), at_most)
    if held is None and origin is not None:
        what = f"a version of {rule.name} since it was imported"
        got = f"row {at_most:,}"
        raise InputError("version_not_found", expected(what, got, "$.version"))
    return rule.new() if held is None else rule.read(held[1])


def fold(
    tx: Transaction,
    models: dict[str, Any],
    up_to: Mapping[str, int],
    forgot: Callable[[Forgot], None] = lambda one: None,
) -> dict[str, Any]:
    """Fold rows into models, each up to a row of its own; the models are changed.

    Parameters
    ----------
    models
        By name, and what outcomes were worth under `MARGINS`; the caller owns them.
    forgot
        Is told whatever makes a model forget.
    """
    behind = {name for name, model in models.items() if model.learn_seq < up_to.get(name, 0)}
    while behind:
        after = min(models[name].learn_seq for name in behind)
        rows = [_ROWS.decode(body) for _, body in tx.lessons(after, ROWS)]
        if not rows:
            break
        is_seen = any(name != MARGINS and models[name].is_contextual for name in behind)
        rows = _seen(tx, rows) if is_seen else rows
        for name in sorted(behind):
            model, end = models[name], up_to[name]
            wanted = [row for row in rows if model.learn_seq < row.learn_seq <= end]
            if isinstance(model, Margins):
                models[name] = model = model.plus(wanted)
            else:
                for one in _learn(model, wanted):
                    forgot(one.by(name))
            if not wanted or wanted[-1].learn_seq >= end:
                behind.discard(name)
    return models


def _learn(model: Model, rows: list[LearningRow]) -> list[Forgot]:
    """Fold rows; goals beside an action's own are passed over, and what the model refuses, such as
    one arm too many.

    Returns
    -------
    What made it forget.
    """
    found: list[Forgot] = []
    for row in rows:
        if row.is_beside:
            model.learn_seq = row.learn_seq
            continue
        try:
            learned = model.learn_one(row)
        except InputError:
            model.learn_seq = row.learn_seq
            continue
        if isinstance(learned, Learned):
            found += learned.changes
    return found


def _seen(tx: Transaction, rows: list[LearningRow]) -> list[LearningRow]:
    """Give rows that teach what their decisions saw."""
    named = dict.fromkeys(row.decision_id for row in rows if row.state != "pending")
    ids = [id_ for name in named if (id_ := parse_public_id("d", name)) is not None]
    seen: dict[str, bytes] = {}
    for first in range(0, len(ids), _DECISIONS_READ):
        for id_, decision in tx.decisions(ids[first : first + _DECISIONS_READ]).items():
            seen[public_id("d", id_)] = _SEEN.decode(decision.body).features
    return with_features(rows, seen)


def learned(tx: Transaction, world: World, said: Mapping[str, Any]) -> World:
    """Give the world with its models as an event put them in force."""
    rules, reached, origins = world.rules.models, reached_by(said), origins_by(said)
    models: dict[str, Any] = {
        name: _own(world.models.get(name), rules[name])
        if origins.get(name) == world.origins.get(name)
        else kept(tx, rules[name], seq, origins.get(name))
        for name, seq in reached.items()
        if name in rules
    }
    upto = int(said["learn_seq"])
    models[MARGINS] = world.models.get(MARGINS, Margins())
    folded = fold(tx, models, {**reached, MARGINS: upto})
    return msgspec.structs.replace(world, models=folded, origins=origins)


def _own(model: Any, rule: ModelRule) -> Model:
    """Give a copy of a model that a rule still fits, else a new one."""
    return model.copy() if model is not None and rule.fits(model) else rule.new()


def keep_snapshots(tx: Transaction, world: World) -> None:
    """Keep what the models in force know, so that no row before has to be folded again."""
    for name, model in world.models.items():
        if name == MARGINS:
            tx.put_snapshot(MARGINS, model.learn_seq, model.encode())
        elif name in world.rules.models and world.rules.models[name].fits(model):
            key = origin_key(world.rules.models[name], world.origins.get(name))
            tx.put_snapshot(key, model.learn_seq, model.encode())


def note_learned(tx: Transaction, secret: bytes, now: int, world: World) -> None:
    """Say in the log which models are in force, as the world has them."""
    said: dict[str, Any] = {
        "model": BETA,
        "learn_seq": world.models[MARGINS].learn_seq,
        "models": {n: m.learn_seq for n, m in sorted(world.models.items()) if n != MARGINS},
    }
    if world.origins:
        said["origins"] = msgspec.to_builtins(dict(sorted(world.origins.items())))
    ledger.note(tx, secret, ledger.MODEL_LEARNED, said, now, fragment=LEARNING_FRAGMENT)


class Learner:
    """Learns from outcomes, in the background.

    Notes
    -----
    A model that a strategy declares anew learns from the rows that are there, some at each step,
    and comes into force once it has caught up with the others. What made it forget on the way is
    the past of a model that answered nobody, so nobody is told.
    """

    def __init__(
        self,
        store: Store,
        writer: Writer,
        announce: Callable[[list[Notice]], None] = lambda notices: None,
    ) -> None:
        self._store = store
        self._writer = writer
        self._announce = announce
        self._growing: dict[str, Model] = {}

    def step(self) -> bool:
        """Fold what is new; False when nothing was."""
        world = self._writer.world
        rules, before = world.rules.models, world.models
        last = self._store.read(lambda tx: tx.last_lesson())
        in_force = {n: m for n, m in before.items() if n in rules and rules[n].fits(m)}
        upto = min(before[MARGINS].learn_seq + ROWS, last)
        self._begin(rules, in_force, upto)
        is_behind = any(model.learn_seq < upto for model in self._growing.values())
        is_other = in_force.keys() | {MARGINS} != before.keys()
        if before[MARGINS].learn_seq == upto and not (self._growing or is_other):
            return False
        models = {name: model.copy() for name, model in in_force.items()}
        newer: dict[str, Any] = {**models, **self._growing, MARGINS: before[MARGINS]}
        targets = dict.fromkeys(newer, upto)
        for name, model in self._growing.items():
            targets[name] = min(model.learn_seq + ROWS, upto)
        forgot: list[Forgot] = []
        newer = self._store.read(lambda tx: fold(tx, newer, targets, forgot.append))
        ready = {name: model for name, model in newer.items() if model.learn_seq >= upto}
        if is_behind and before[MARGINS].learn_seq == upto and not self._growing.keys() & ready:
            return True
        told = [one for one in forgot if one.alarm.model in in_force]
        # In an order that does not hang on where pages of rows end.
        told.sort(key=lambda one: (one.learn_seq, one.alarm.model))
        self._put_in_force(world, ready, told)
        return True

    def _begin(self, rules: Rules, in_force: Mapping[str, Any], upto: int) -> None:
        """Begin models that are declared and not in force; forget those that no longer are."""
        growing = {}
        for name, rule in rules.items():
            if name in in_force:
                continue
            model = self._growing.get(name)
            if model is None or not rule.fits(model):
                model = self._store.read(lambda tx, rule=rule: kept(tx, rule, upto))  # type: ignore[misc]
            growing[name] = model
        self._growing = growing

    def _put_in_force(self, seen: World, ready: dict[str, Any], told: Sequence[Forgot]) -> None:
        growing = frozenset(self._growing)
        notices: list[Notice] = []

        def change(tx: Transaction, world: World) -> World:
            notices.clear()  # of an attempt that another writer forestalled
            if world.rules is not seen.rules or world.models is not seen.models:
                return world  # published or imported meanwhile: looked at anew next time
            # A model that begins anew has nothing any more of what was once imported as it.
            origins = {n: o for n, o in world.origins.items() if n in ready and n not in growing}
            changed = msgspec.structs.replace(world, models=ready, origins=origins)
            note_learned(tx, self._writer.secret, self._writer.now(), changed)
            self._tell(tx, told, notices)
            before = seen.models[MARGINS].learn_seq
            is_new = ready.keys() != seen.models.keys()
            if is_new or ready[MARGINS].learn_seq // SNAPSHOT_ROWS > before // SNAPSHOT_ROWS:
                keep_snapshots(tx, changed)
            return changed

        self._writer.change_world(change)
        self._announce(notices)
        self._growing = {n: m for n, m in self._growing.items() if n not in ready}

    def _tell(self, tx: Transaction, told: Sequence[Forgot], notices: list[Notice]) -> None:
        now = self._writer.now()
        for one in told:
            event = ledger.note(tx, self._writer.secret, *alarming.forgot(one), now)
            notices.append(alarming.relearning(one, tx.last_seq(), event.at))
