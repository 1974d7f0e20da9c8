"""The fields behind gaps, from the log: decisions weighed again by the models that they name.

Law: what is weighed again is what ran. The strategy and the models of a decision's own time are
brought back from the versions and snapshots that are kept, and only a decision that gives its own
chances again is asked what another person would have got; how many do not is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from heedful import core
from heedful.core import World
from heedful.decide import DO_NOTHING, Decision
from heedful.decide.models import ModelRule
from heedful.decide.reweighing import (
    Reweighing,
    Weights,
    ground_again,
    is_weighed,
    unpacked,
    weights_by_action,
)
from heedful.engine import learning, reading
from heedful.engine.deciding import read_decision
from heedful.engine.forgetting import ERASED
from heedful.engine.graph import fragments_of
from heedful.govern.monitors import NOT_SAID, group_of
from heedful.kernel import InputError
from heedful.learn import PROBABILITY_ONE, Model
from heedful.learn.context import FIELD_SHIFT
from heedful.measure.fairness import ANY
from heedful.measure.proxies import FieldCause, Weighing, field_causes
from heedful.ports import CustomerRow, Store, Transaction

REWEIGHED_MAX: Final = 20_000
"""Times that decisions are weighed again to explain gaps, over all fields; each takes about a
millisecond. With more fields fewer decisions are looked at."""

DECISIONS_OF_PERSON_MAX: Final = 20
"""Newest decisions about one person that are weighed again."""

_PAGE: Final = 100
_LEFT_OUT: Final = frozenset(("qa", ERASED))
_TOGETHER: Final = {"time.hour_sin": "time.hour", "time.hour_cos": "time.hour"}
_VALUE: Final = (1 << FIELD_SHIFT) - 1
_QUANTUM: Final = 1_024.0

Compiled = Callable[[str], World | None]
"""Gives the rules of a version that was in force; None for one that is not kept or compiles no
more."""
Progress = Callable[[int, int], None]
"""Is told how many decisions are done, of how many."""
Row = dict[int, float]


class Traced(NamedTuple):
    """What came of weighing decisions again."""

    causes: list[FieldCause]
    decisions: int
    """That were looked at."""
    left: int
    """More that would have been, beyond `REWEIGHED_MAX`."""
    weighed: int
    """Those of them that a contextual model valued and that gave their own chances again."""
    gone: int
    """Those that did not: their strategy or the rows that taught their model are not kept."""
    fields: tuple[str, ...]
    """That were looked at, by name: those in which the decisions differ."""

    @property
    def says(self) -> str:
        """Tell in a sentence what was looked at."""
        if not self.weighed and not self.gone:
            return (
                f"No model looked at the person in {self.decisions:,} decisions: no field of one "
                "makes a gap."
            )
        told = (
            f"{self.weighed:,} of {self.decisions:,} decisions were weighed again with each of "
            f"{len(self.fields)} fields as usual."
        )
        if self.gone:
            told += f" {self.gone:,} could not be: what decided them is not kept."
        if self.left:
            told += f" {self.left:,} more were not looked at."
        return told


class _Made(NamedTuple):
    decision: Decision
    person: int
    groups: Mapping[str, str]


class _Sides(NamedTuple):
    """A decision as it was, with everything as usual, and with each field as usual."""

    weights: list[Weights]
    is_moved: bool
    """Whether a model that looks at the person valued it."""


def trace(
    store: Store,
    world: World,
    compiled: Compiled,
    suspects: Sequence[tuple[str, str]],
    since: int,
    people: int,
    progress: Progress = lambda done, total: None,
    *,
    reweighed_max: int = REWEIGHED_MAX,
) -> Traced:
    """Say which fields of what models saw make gaps.

    Parameters
    ----------
    suspects
        Pairs of trait and action (`*` for any) whose gap is to be explained.
    since
        From when on decisions are looked at, ms since 1970.
    people
        Most people to look at; keys are hashes, so the first ones by key are a fair sample.
    """
    actions = tuple(dict.fromkeys(action for _, action in suspects))
    made = [one for one in _read(store, world, since, people) if _looks_at(one.decision, actions)]
    # Ids are hashes: the least are a fair sample, whatever was decided.
    made.sort(key=lambda one: one.decision.id)
    fields = _Fields(
        [(compiled(d.strategy_version), d) for d, _, _ in made if is_weighed(d)],
    )
    most = max(reweighed_max // (len(fields.names) + 2), 1)
    left, made = max(len(made) - most, 0), made[:most]
    made.sort(key=lambda one: (one.decision.at, one.decision.id))
    models, weighed, gone = _Models(store, world, compiled), 0, 0
    weighings: list[Weighing] = []
    for done, one in enumerate(made):
        progress(done, len(made))
        sides = _sides(one.decision, models, fields)
        if sides is None:
            gone += 1
            continue
        weighed += sides.is_moved
        weighings += _weighings(one, actions, sides.weights)
    causes = field_causes(weighings, fields.names, suspects) if weighed else []
    return Traced(causes, len(made), left, weighed, gone, fields.names)


# Reading


def _read(store: Store, world: World, since: int, people: int) -> Iterator[_Made]:
    after, left = -1, people
    while left > 0:
        count = min(left, _PAGE)
        rows = store.read(lambda tx, a=after, n=count: tx.scan_customers(a, n))  # type: ignore[misc]
        if not rows:
            return
        for row in rows:
            yield from store.read(lambda tx, r=row: _of_person(tx, world, r, since))  # type: ignore[misc]
        after, left = rows[-1].key, left - len(rows)


def _of_person(tx: Transaction, world: World, row: CustomerRow, since: int) -> list[_Made]:
    fragments = fragments_of(tx, row)
    rows = tx.decisions_of(fragments, before=None, limit=DECISIONS_OF_PERSON_MAX)
    made = [read_decision(one.body) for one in rows if one.at >= since]
    if not made:
        return []
    state = core.read(world, row.body)
    traits: dict[str, Any] = reading.traits(state, world.profile, state.profile.last_at)
    known = {
        one.trait: group
        for one in world.fairness.protected
        if (group := group_of(one, traits.get(one.trait))) != NOT_SAID
    }
    return [_Made(one, row.key, known) for one in made if _LEFT_OUT.isdisjoint(one.flags)]


def _looks_at(decision: Decision, actions: Sequence[str]) -> bool:
    return ANY in actions or any(one.action in actions for one in decision.candidates)


# Weighing again


def _sides(decision: Decision, models: _Models, fields: _Fields) -> _Sides | None:
    """Weigh a decision with its fields as usual; None where it does not give its own chances."""
    own = weights_by_action(decision)
    unmoved = _Sides([own] * (len(fields.names) + 2), is_moved=False)
    if not is_weighed(decision):
        return unmoved
    again = models.of(decision)
    ground = None if again is None else ground_again(again.rules, decision)
    if again is None or ground is None or not again.repeats(ground):
        return None
    if not again.is_contextual(ground):
        return unmoved
    weights = [own]
    for row in fields.usual(dict(zip(*unpacked(decision), strict=True))):
        ids = sorted(row)
        weights.append(again.weigh(ground, ids, [row[feature] for feature in ids]))
    return _Sides(weights, is_moved=True)


def _weighings(made: _Made, actions: Sequence[str], sides: Sequence[Weights]) -> Iterator[Weighing]:
    looked = {one.action for one in made.decision.candidates}
    for action in actions:
        if action == ANY:
            weights = [PROBABILITY_ONE - side.get(DO_NOTHING, 0) for side in sides]
        elif action in looked:
            weights = [side.get(action, sides[0].get(action, 0)) for side in sides]
        else:
            continue
        chances = np.array(weights) / PROBABILITY_ONE
        yield Weighing(made.person, action, made.groups, chances)


class _Fields:
    """What models saw, by field, and how each usually is.

    Parameters
    ----------
    made
        Decisions that models valued, each with the rules of its time.

    Notes
    -----
    A number is usually its mean over these decisions. What a hashed field says is left out: of
    names there is no mean, and a model knows nothing of a field that says nothing.
    """

    def __init__(self, made: Iterable[tuple[World | None, Decision]]) -> None:
        named: dict[int, str] = {}
        sums: Row = {}
        parts: dict[str, set[tuple[tuple[int, float], ...]]] = {}
        count = 0
        for world, decision in made:
            plan = None if world is None else world.rules.features
            if plan is None:
                continue
            count += 1
            by_name: dict[str, list[tuple[int, float]]] = {}
            for feature, value in zip(*unpacked(decision), strict=True):
                name = plan.named(feature)
                if name is None:
                    continue
                told = _TOGETHER.get(name[0], name[0])
                named[feature >> FIELD_SHIFT] = told
                by_name.setdefault(told, []).append((feature, value))
                if not feature & _VALUE:
                    sums[feature] = sums.get(feature, 0.0) + value
            for told in {**parts, **by_name}:
                its = parts.setdefault(told, set() if count == 1 else {()})
                its.add(tuple(by_name.get(told, ())))
        self.names = tuple(sorted(name for name, its in parts.items() if len(its) > 1))
        """Those in which decisions differ."""
        self._name_of = {field: name for field, name in named.items() if name in self.names}
        self._means = {f: round(v / count * _QUANTUM) / _QUANTUM for f, v in sums.items()}

    def usual(self, row: Row) -> Iterator[Row]:
        """Give a row with all fields as usual, then with each of them."""
        yield self._with(row, self.names)
        for name in self.names:
            yield self._with(row, (name,))

    def _with(self, row: Row, names: Sequence[str]) -> Row:
        name_of = self._name_of
        kept = {f: v for f, v in row.items() if name_of.get(f >> FIELD_SHIFT) not in names}
        means = self._means.items()
        return kept | {f: v for f, v in means if name_of.get(f >> FIELD_SHIFT) in names}


class _Models:
    """The models of each decision, brought back in the order of time."""

    def __init__(self, store: Store, world: World, compiled: Compiled) -> None:
        self._store = store
        self._origins = world.origins
        self._compiled = compiled
        self._held: dict[str, Any] = {}
        self._now: tuple[str, dict[str, int]] | None = None
        self._again: Reweighing | None = None

    def of(self, decision: Decision) -> Reweighing | None:
        """Give what weighs a decision again; None where its strategy is not kept."""
        world = self._compiled(decision.strategy_version)
        if world is None:
            return None
        known = world.rules.models
        wanted = {name: seq for name, seq in decision.models.items() if name in known}
        now = decision.strategy_version, wanted
        if self._again is None or self._now != now:
            self._held = self._store.read(lambda tx: self._back(tx, known, wanted))
            self._now, self._again = now, Reweighing(world.rules, self._held)
        return self._again

    def _back(
        self, tx: Transaction, rules: learning.Rules, wanted: Mapping[str, int]
    ) -> dict[str, Any]:
        models = {}
        for name, seq in wanted.items():
            held, rule = self._held.get(name), rules[name]
            if held is None or not rule.fits(held) or held.learn_seq > seq:
                held = self._kept(tx, rule, seq)
            models[name] = held
        return learning.fold(tx, models, wanted)

    def _kept(self, tx: Transaction, rule: ModelRule, seq: int) -> Model:
        try:
            return learning.kept(tx, rule, seq, self._origins.get(rule.name))
        except InputError:  # it was decided before the model was imported
            return learning.kept(tx, rule, seq)
