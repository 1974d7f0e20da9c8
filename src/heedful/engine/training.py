"""Training over the log: a declared model learns from everybody's past, and comes into force.

Law: nothing is trained inside a step. What was learned comes into force between two batches by an
event in the log that names its version, and its numbers are kept under that version, so a replay
meets them at the same place without training again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from heedful.core import World
from heedful.engine import ledger, pasts, register
from heedful.engine.learners import calibrated, learn_table, require_train_extra
from heedful.engine.planning import planned
from heedful.engine.proofs import Proof
from heedful.engine.register import DataSet
from heedful.engine.writer import Writer
from heedful.events import Event
from heedful.expr import UNKNOWN, compile_expression
from heedful.govern.audit import AuditValue
from heedful.kernel import DAY_MS, WEEK_MS, InputError, expected, parse_span
from heedful.kernel.names import nearest
from heedful.learn import ChanceModel, LaterTable, LifetimeModel, Purchases, Trained
from heedful.learn.tables import LinearTable
from heedful.measure import fit_gamma_gamma, fit_pareto_nbd, purchases
from heedful.measure.ahead import SAID_MIN
from heedful.measure.training import Fold, fit_setbacks, judged, walk_forward
from heedful.ports import Store, Transaction
from heedful.sense import EVENT_NAMES
from heedful.sense.ahead import AheadForeseen
from heedful.sense.definitions import read_patterns
from heedful.sense.foreseen import Foreseen, LifetimeForeseen, PropensityForeseen, bought_of
from heedful.sense.models import LifetimeDefinition, ModelFile, PropensityDefinition, Target

Progress = Callable[[int, int], None]

REPEATERS_MIN: Final = 20
"""Customers with a second purchase below which lifetime value is not learned."""
OUTCOMES_MIN: Final = 20
"""Customers of each kind, those to whom it happened and those to whom not, below which a chance is
not learned, calibrated or judged."""
JUDGED_MS: Final = 90 * DAY_MS
"""Longest end of the past by which lifetime value is judged and setbacks are learned."""


class Learned(NamedTuple):
    """A model and what it was learned from."""

    model: LifetimeModel | ChanceModel | LaterTable
    since: int
    until: int
    rows: int
    report: dict[str, Any]


class Trainer:
    """Trains the declared models of a workspace."""

    def __init__(self, store: Store, writer: Writer) -> None:
        self._store = store
        self._writer = writer

    def train(
        self,
        declared: Sequence[ModelFile],
        name: str,
        by: str = "",
        progress: Progress = lambda done, total: None,
    ) -> DataSet:
        """Train a model over the log and put it in force.

        Parameters
        ----------
        progress
            Called with (customers read, customers in all).

        Raises
        ------
        InputError
            `unknown_model`, `too_little_history`, `train_extra_missing`, and as the fits of
            `heedful.measure`; what is in force stays.
        """
        said = next((one for one in declared if one.model == name), None)
        world = self._writer.world
        foreseen = next((m for m in world.signals.foreseen.values() if m.model == name), None)
        if said is None or foreseen is None:
            known = [one.model for one in declared]
            near = nearest(name, known)
            remedy = f"Did you mean {near}?" if near else "Declare it in models/ and publish."
            what = expected("a model that the strategy declares", repr(name), "name", remedy)
            raise InputError("unknown_model", what)
        if said.propensity is not None:
            require_train_extra()
        reader = _Reader(self._store, world, foreseen, said, progress)
        learned = reader.learned()
        return self._put_in_force(name, foreseen.definition, by, reader, learned)

    def _put_in_force(
        self, name: str, definition: str, by: str, reader: _Reader, learned: Learned
    ) -> DataSet:
        put: list[DataSet] = []

        def change(tx: Transaction, world: World) -> World:
            now, version = self._writer.now(), register.versions(tx).get(name, 0) + 1
            fragments = register.packed(reader.fragments)
            seen = DataSet(
                model=name,
                version=version,
                definition=definition,
                trained_at=now,
                since=learned.since,
                until=learned.until,
                customers=reader.customers,
                rows=learned.rows,
                refused=reader.refused,
                digest=register.digest_of(fragments, learned.since, learned.until),
                report=learned.report,
                fragments=fragments,
            )
            trained = Trained(
                name=name, version=version, definition=definition, model=learned.model
            )
            register.put_in_force(tx, trained, seen)
            about: dict[str, AuditValue] = {
                "model": name,
                "version": version,
                "data_set": seen.digest,
                "by": by,
            }
            proof = Proof("model", f"{register.TRAINED}{name}", now, about)
            ledger.note(tx, self._writer.secret, ledger.MODEL_TRAINED, dict(about), now, [proof])
            put[:] = [seen]
            return msgspec.structs.replace(world, trained={**world.trained, name: trained})

        self._writer.change_world(change)
        return put[0]

    def states(self, declared: Sequence[ModelFile]) -> list[dict[str, Any]]:
        """Say of each declared model what it was trained on, and whether it should be again."""
        foreseen = {m.model: m for m in self._writer.world.signals.foreseen.values()}
        return self._store.read(lambda tx: [_state(tx, one, foreseen) for one in declared])


def _state(tx: Transaction, said: ModelFile, foreseen: dict[str, Foreseen]) -> dict[str, Any]:
    seen = register.data_set(tx, said.model)
    state: dict[str, Any] = {"model": said.model, "kind": said.kind, "version": 0, "retrain": []}
    if seen is None:
        return {**state, "retrain": ["untrained"]}
    state |= {
        name: getattr(seen, name)
        for name in ("version", "trained_at", "since", "until", "customers", "rows", "refused")
    }
    why = ["people_erased"] if seen.erased else []
    if foreseen[said.model].definition != seen.definition:
        why.append("definition_changed")
    return {
        **state,
        "digest": seen.digest,
        "erased": seen.erased,
        "report": seen.report,
        "retrain": why,
    }


class _Reader:
    """Reads everybody's past once, for one model."""

    def __init__(
        self, store: Store, world: World, model: Foreseen, said: ModelFile, progress: Progress
    ) -> None:
        self._store = store
        self._world = world
        self._model = model
        self._said = said
        self._progress = progress
        self.fragments: list[int] = []
        self.customers = 0
        self.refused = 0

    def learned(self) -> Learned:
        """Read and learn."""
        model, said = self._model, self._said
        end = pasts.end_of(self._store)
        if isinstance(model, LifetimeForeseen) and said.lifetime is not None:
            return self._lifetime(model, said.lifetime, end)
        if isinstance(model, AheadForeseen):
            return self._ahead(model, end)
        assert isinstance(model, PropensityForeseen)
        assert said.propensity is not None
        return self._propensity(model, said.propensity, end)

    def _each(self) -> Any:
        keys = pasts.keys_of(self._store)
        found = pasts.pasts(self._store, self._world, keys, self._said.rights)
        for done, past in enumerate(found, 1):
            if past is None:
                self.refused += 1
            else:
                yield past
            self._progress(done, len(keys))

    def _seen(self, past: pasts.Past) -> None:
        self.fragments += past.fragments
        self.customers += 1

    def _ahead(self, model: AheadForeseen, end: int) -> Learned:
        found = planned(self._world, model, self._each(), end, self._seen)
        if not found.is_enough:
            raise _too_little(f"{SAID_MIN} weeks in which one action was the first message")
        return Learned(found.table, found.since, end, found.weeks, found.report)

    # -- lifetime value -------------------------------------------------------------------------

    def _lifetime(self, model: LifetimeForeseen, said: LifetimeDefinition, end: int) -> Learned:
        cut = end - min(round(model.horizon * WEEK_MS), JUDGED_MS)
        early, late, units, since = [], [], [], end
        for past in self._each():
            replayed = pasts.Replayed(self._world, model, past)
            before, setbacks = _bought(model, replayed.at(cut))
            after, _ = _bought(model, replayed.at(end))
            if after is None:
                continue
            self._seen(past)
            since = min(since, past.events[0][0])
            late.append(after)
            if before is not None:
                early.append((*before, after[3] - before[3]))
                units.append(setbacks)
        table = np.array(late, dtype=np.float64).reshape(-1, 5)
        if int((table[:, 0] > 0).sum()) < REPEATERS_MIN:
            raise _too_little(f"{REPEATERS_MIN} customers who bought twice")
        buying = fit_pareto_nbd(_purchases(table)).model
        spend = fit_gamma_gamma(table[:, 3], table[:, 4] / table[:, 3]).model
        taken, report = self._judged(said, early, units, (end - cut) / WEEK_MS)
        report |= {"parameters": {**_plain(buying), **_plain(spend)}}
        return Learned(LifetimeModel(buying, spend, taken), since, end, len(late), report)

    def _judged(
        self, said: LifetimeDefinition, early: list[Any], units: list[Any], span: float
    ) -> tuple[tuple[float, ...], dict[str, Any]]:
        """Learn what setbacks cost from the end of the past, and judge forecasts by it."""
        believed = [-float(np.log1p(-one.costs)) for one in said.setbacks]
        table = np.array(early, dtype=np.float64).reshape(-1, 6)
        if int((table[:, 0] > 0).sum()) < REPEATERS_MIN:
            return tuple(believed), {"judged": "too little history"}
        seen = _purchases(table)
        foretold = fit_pareto_nbd(seen).model.expected(seen, span)
        bought = table[:, 5]
        taken = tuple(believed)
        if believed:
            strength = [one.strength for one in said.setbacks]
            taken = fit_setbacks(foretold, bought, units, believed, strength)
            foretold = foretold * np.exp(-np.maximum(np.array(units), 0.0) @ np.array(taken))
        return taken, {
            "judged_days": round(span * 7),
            "judged_customers": len(table),
            "mean_absolute_error": float(np.abs(foretold - bought).mean()),
            "total_foretold": float(foretold.sum()),
            "total_bought": float(bought.sum()),
            "setbacks": {
                one.of: 1.0 - float(np.exp(-each))
                for one, each in zip(said.setbacks, taken, strict=True)
            },
        }

    # -- propensities ---------------------------------------------------------------------------

    def _propensity(
        self, model: PropensityForeseen, said: PropensityDefinition, end: int
    ) -> Learned:
        within, every = parse_span(said.target.within), parse_span(said.every)
        days = [end - within - every * k for k in reversed(range(said.looks))]
        is_target = target_of(said.target)
        rows: list[list[float]] = []
        labels: list[float] = []
        places: list[int] = []
        for past in self._each():
            hits = [event.at for _, event in past.events if is_target(event)]
            replayed = pasts.Replayed(self._world, model, past)
            is_used = False
            for place, day in enumerate(days):
                scope = replayed.at(day)
                if not (replayed.is_known and model.concerns(scope)):
                    continue
                features = model.vector(scope)
                if features is None:
                    continue
                happened = any(day < at <= day + within for at in hits)
                rows.append(features)
                labels.append(float(happened != said.target.absent))
                places.append(place)
                is_used = True
            if is_used:
                self._seen(past)
        x = np.array(rows, dtype=np.float64).reshape(-1, len(said.features))
        table = _Rows(x, np.array(labels), np.array(places, dtype=np.int64))
        return self._validated(said, days, within, table, end)

    def _validated(
        self, said: PropensityDefinition, days: list[int], within: int, table: _Rows, end: int
    ) -> Learned:
        judgements, served, used = [], None, (days[0], days[-1])
        for fold in walk_forward(days, within):
            if not table.is_enough(fold):
                continue
            learned, held = table.of(fold.learn), table.of((fold.calibrate,))
            chosen = calibrated(learn_table(*learned, said.learner), *held)
            if fold.judge is None:
                served = chosen
                continue
            x, y = table.of((fold.judge,))
            found = judged([chosen.chance(row) for row in x.tolist()], y)
            judgements.append({"from": days[fold.judge], **found._asdict()})
        if served is None:
            times = "days a span of the target apart, on two of them"
            raise _too_little(f"{OUTCOMES_MIN} customers of each outcome on {times}")
        report: dict[str, Any] = {"learner": said.learner, "later_periods": judgements}
        if isinstance(served.table, LinearTable):
            report["weights"] = dict(zip(said.features, served.table.weights, strict=True))
        return Learned(served, used[0], end, len(table.y), report)


class _Rows(NamedTuple):
    x: np.ndarray[Any, np.dtype[np.float64]]
    y: np.ndarray[Any, np.dtype[np.float64]]
    place: np.ndarray[Any, np.dtype[np.int64]]

    def of(self, places: Sequence[int]) -> tuple[Any, Any]:
        """Give the rows of some days."""
        chosen = np.isin(self.place, places)
        return self.x[chosen], self.y[chosen]

    def is_enough(self, fold: Fold) -> bool:
        """Say whether both outcomes were seen often enough in each part."""
        parts = [fold.learn, (fold.calibrate,)] + ([] if fold.judge is None else [(fold.judge,)])
        for part in parts:
            y = self.of(part)[1]
            if min(float(y.sum()), float((1.0 - y).sum())) < OUTCOMES_MIN:
                return False
        return True


def _bought(
    model: LifetimeForeseen, scope: dict[str, Any]
) -> tuple[tuple[float, ...] | None, list[float]]:
    """Read frequency, recency, age, purchases and spend in weeks, and the setbacks."""
    buying, *setbacks = [one.evaluate(scope) for one in model.expressions]
    if buying is None or buying is UNKNOWN:
        return None, []
    seen = bought_of(buying)
    last = seen.since_first - seen.since_last
    again = seen.purchases - 1.0 if last > 0.0 else 0.0
    units = [0.0 if one is None or one is UNKNOWN else float(one) for one in setbacks]
    return (again, last, seen.since_first, float(seen.purchases), seen.spent), units


def _purchases(table: np.ndarray[Any, np.dtype[np.float64]]) -> Purchases:
    return purchases(table[:, 0], table[:, 1], np.maximum(table[:, 2], table[:, 1]))


def target_of(target: Target) -> Callable[[Event], bool]:
    """Compile what a target is: whether an event is one of those that it names."""
    patterns = [
        (p, None if p.where is None else compile_expression(p.where, EVENT_NAMES))
        for p in read_patterns(target.on, "$.target.on")
    ]

    def is_target(event: Event) -> bool:
        for pattern, where in patterns:
            if pattern.matches(event.type, event.name):
                if where is None:
                    return True
                if where.holds({"event": msgspec.structs.asdict(event)}):
                    return True
        return False

    return is_target


def _plain(model: msgspec.Struct) -> dict[str, float]:
    return {name: getattr(model, name) for name in model.__struct_fields__}


def _too_little(what: str) -> InputError:
    """Refuse to learn from next to nothing.

    Raises
    ------
    InputError
        `too_little_history` when the log holds too few customers with both outcomes, or with a
        second purchase; given to the caller to raise.
    """
    remedy = "Wait for more, or bring history in with `heedful import`."
    return InputError("too_little_history", expected(what, "fewer", "the log", remedy))
