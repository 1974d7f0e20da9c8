"""Definitions to rules: checked, hashed, and found by the type and name of an event."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from typing import Any, Final, NamedTuple

import msgspec

from heedful.expr import Type
from heedful.kernel import InputError, canonical
from heedful.sense.definitions import (
    Automatic,
    Sequences,
    SignalDefinition,
    check_automatic,
    check_fields,
    did_you_mean,
    fault,
    present,
)
from heedful.sense.features import AutomaticRule
from heedful.sense.foreseen import Foreseen
from heedful.sense.limits import SIGNALS_MAX
from heedful.sense.moments import ROLES, IntentRule
from heedful.sense.read import Reading, Role
from heedful.sense.rule import Rule
from heedful.sense.timelines import AbsenceRule, SequenceRule
from heedful.sense.types import Scope
from heedful.sense.views import MOMENT, VIEWS, View

_LOGIC_VERSION: Final = 1
"""Part of every definition's hash: a change of what slots hold makes all signals warm up again."""

_RATIO_OF: Final = frozenset(
    {"count", "sum", "rate", "distinct", "recency", "gap", "dwell", "last", "first"}
)


class Touch(NamedTuple):
    """How events of one type and name concern one rule."""

    key: str
    rule: Rule
    always: int
    conditional: tuple[tuple[int, tuple[Callable[[Mapping[str, Any]], bool], ...]], ...]

    def mask(self, scope: Scope) -> int:
        """Say which roles an event has."""
        mask = self.always
        for bit, conditions in self.conditional:
            if not mask & bit:
                values = scope.values()
                if all(holds(values) for holds in conditions):
                    mask |= bit
        return mask


class Signal(NamedTuple):
    """One named signal: a rule and how its value is shown, or a ratio of two others."""

    definition: SignalDefinition
    key: str
    rule: Rule | None
    """None for a ratio."""
    type: Type
    view: View | None = None
    """What is shown of a moment."""


class SignalSet:
    """All signals of one strategy version, compiled; immutable once made.

    Parameters
    ----------
    signals
        By name.
    automatic
        The automatic features.
    automatic_key
        Their hash: they warm up as one.
    earlier
        Keys of every set that was published before, by its id: what tells a customer that existed
        before a definition from one that has simply not touched it.
    """

    def __init__(
        self,
        signals: dict[str, Signal],
        roles: dict[str, list[Role]],
        automatic: AutomaticRule,
        automatic_key: str,
        earlier: Mapping[str, frozenset[str]],
    ) -> None:
        self.signals = signals
        self.rules = {s.key: s.rule for s in signals.values() if s.rule is not None}
        self.timed = tuple(
            (key, rule)
            for key, rule in sorted(self.rules.items())
            if isinstance(rule, SequenceRule | AbsenceRule)
        )
        self.automatic = automatic
        self.automatic_key = automatic_key
        self.moment = next(
            ((key, rule) for key, rule in self.rules.items() if isinstance(rule, IntentRule)), None
        )
        """Key and rule of the intent of the moment, where `sequences` is declared."""
        self.keys = frozenset((*self.rules, automatic_key))
        self.id = canonical.digest(sorted(self.keys))[:16]
        self.earlier = {**earlier, self.id: self.keys}
        self.foreseen: Mapping[str, Foreseen] = {}
        """What trained models say, by the name of the signal; see `foreseeing`."""
        self._roles = roles
        named = sorted({(r.pattern.type, r.pattern.name) for rs in roles.values() for r in rs})
        self._index = {pair: self._touches(*pair) for pair in named}

    def touches(self, type_: str, name: str) -> tuple[Touch, ...]:
        """List the rules that an event of this type and name concerns."""
        found = self._index.get((type_, name))
        return self._index.get((type_, "*"), ()) if found is None else found

    def _touches(self, type_: str, name: str) -> tuple[Touch, ...]:
        touches = []
        for key in sorted(self.rules):
            always, conditional = 0, []
            for role in self._roles[key]:
                if not role.pattern.matches(type_, name):
                    continue
                if role.conditions:
                    conditional.append((role.bit, tuple(c.holds for c in role.conditions)))
                else:
                    always |= role.bit
            if always or conditional:
                touches.append(Touch(key, self.rules[key], always, tuple(conditional)))
        return tuple(touches)

    def foreseeing(self, models: Iterable[Foreseen]) -> SignalSet:
        """Give these signals with what trained models make of them; no slot changes."""
        known = copy(self)
        known.foreseen = {name: model for model in models for name in model.outputs}
        return known

    def lineage(self) -> dict[str, frozenset[str]]:
        """Give what the next set is compiled with as `earlier`."""
        return dict(self.earlier)


def compile_signals(
    definitions: Sequence[SignalDefinition],
    automatic: Automatic | None = None,
    sequences: Sequences | None = None,
    *,
    path: str = "$.signals",
    automatic_path: str = "$.automatic",
    sequences_path: str = "$.sequences",
    earlier: Mapping[str, frozenset[str]] | None = None,
    faults: list[InputError] | None = None,
) -> SignalSet:
    """Check definitions and compile them.

    Parameters
    ----------
    definitions
        As written; the order does not matter.
    automatic
        What is sensed without being declared; event names alone when absent.
    sequences
        What people do one after another; no intent is sensed when absent.
    path, automatic_path, sequences_path
        Where they stand, for errors such as `$.signals[3].window`.
    earlier
        `lineage()` of the set in force before; a set that is not in it makes all signals warm up.
    faults
        Where given, every fault is appended and the signals that have none are compiled.

    Raises
    ------
    InputError
        The first fault, when `faults` is absent. `detail.path` says where.

    Examples
    --------
    >>> signals = compile_signals(
    ...     [SignalDefinition(name="orders", kind="count", on="Order Completed")]
    ... )
    >>> list(signals.signals)
    ['orders']
    """
    found: list[InputError] = []
    automatic = automatic or Automatic()
    wrong = check_automatic(automatic, automatic_path)
    found += wrong
    rule = AutomaticRule(Automatic() if wrong else automatic)
    builder = _Builder(found)
    if len(definitions) > SIGNALS_MAX:
        what, got = f"at most {SIGNALS_MAX} signals", str(len(definitions))
        found.append(fault("too_many_signals", what, got, path))
    if sequences is not None:
        builder.add_moment(sequences, sequences_path)
    for i, definition in enumerate(definitions[:SIGNALS_MAX]):
        builder.add(definition, f"{path}[{i}]")
    for i, definition in enumerate(definitions[:SIGNALS_MAX]):
        if definition.kind == "ratio":
            builder.check_ratio(definition, f"{path}[{i}]", {d.name for d in definitions})
    if faults is not None:
        faults += found
    elif found:
        raise found[0]
    automatic_key = _key(["automatic", list(rule.properties), list(rule.half_lives)])
    return SignalSet(builder.signals, builder.roles, rule, automatic_key, earlier or {})


def _key(canonical_form: list[Any]) -> str:
    return canonical.digest([_LOGIC_VERSION, *canonical_form])[:8]


class _Builder:
    """Collects signals, the roles of their events and all faults."""

    def __init__(self, faults: list[InputError]) -> None:
        self.signals: dict[str, Signal] = {}
        self.roles: dict[str, list[Role]] = {}
        self._forms: dict[str, list[Any]] = {}
        self._faults = faults

    def add(self, definition: SignalDefinition, path: str) -> None:
        faults = check_fields(definition, path)
        if definition.name in self.signals:
            got = repr(definition.name)
            faults.append(fault("duplicate_name", "a name of its own", got, f"{path}.name"))
        self._faults += faults
        if faults:
            return
        if definition.kind == "ratio":
            self.signals[definition.name] = Signal(definition, "", None, Type.NUMBER)
            return
        self._add(definition, path)

    def add_moment(self, sequences: Sequences, path: str) -> None:
        before = len(self._faults)
        for name, view in VIEWS.items():
            self._add(moment_definition(sequences, name), path)
            if len(self._faults) > before:
                return  # the other signals read the same and have the same fault
            self.signals[name] = self.signals[name]._replace(type=view.type, view=view)

    def _add(self, definition: SignalDefinition, path: str) -> None:
        reading = Reading(definition, path, self._faults)
        before = len(self._faults)
        rule, form = reading.rule()
        if rule is None or len(self._faults) > before:
            return
        key = _key(form)
        if self._forms.setdefault(key, form) != form:
            remedy = "Two definitions have the same short hash; change either one a little."
            self._faults.append(
                fault("hash_taken", "another definition", repr(definition.name), path, remedy)
            )
            return
        self.roles[key] = reading.roles
        held = next((s.rule for s in self.signals.values() if s.key == key), rule)
        self.signals[definition.name] = Signal(definition, key, held, reading.type)

    def check_ratio(self, definition: SignalDefinition, path: str, written: set[str]) -> None:
        for field in ("of", "to"):
            name = getattr(definition, field)
            place = f"{path}.{field}"
            part = self.signals.get(name)
            if name is None or (part is None and name in written):
                continue  # the fault of the other field, or of the other signal, is told already
            if part is None:
                remedy = did_you_mean(name, self.signals)
                self._faults.append(
                    fault("unknown_signal", "the name of a signal", repr(name), place, remedy)
                )
            elif part.definition.kind not in _RATIO_OF or part.definition.by is not None:
                what, got = "a signal that is one number", f"the {part.definition.kind} {name!r}"
                self._faults.append(fault("bad_ratio", what, got, place))


def moment_definitions(sequences: Sequences | None) -> tuple[SignalDefinition, ...]:
    """List the signals that `sequences` declares; none where it is not declared."""
    return () if sequences is None else tuple(moment_definition(sequences, name) for name in VIEWS)


def moment_definition(sequences: Sequences, name: str) -> SignalDefinition:
    """Write what is declared about sequences as the definition of one of its signals."""
    return SignalDefinition(
        name=name,
        kind=MOMENT,
        of=sequences.item,
        by=sequences.category,
        window=sequences.lasts,
        steps=[getattr(sequences, role) for role in ROLES],
        description=VIEWS[name].description,
    )


def canonical_definition(definition: SignalDefinition) -> dict[str, Any]:
    """Write a definition out as the fields that it gives, for a person or a record."""
    return {
        "name": definition.name,
        "kind": definition.kind,
        **msgspec.to_builtins(present(definition)),
    }
