"""Definitions to rules: checked, hashed, and found by the type and name of an event.

Law: a signal reads the event and nothing else (`EVENT_NAMES`). What read the profile or the clock
would depend on when the event was folded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from heedful.events import Event
from heedful.expr import UNKNOWN, Expression, Names, Open, Record, Type, compile_expression
from heedful.kernel import InputError, canonical
from heedful.sense.categories import CategoryRule
from heedful.sense.definitions import (
    Automatic,
    On,
    Pattern,
    SignalDefinition,
    check_automatic,
    check_fields,
    did_you_mean,
    fault,
    present,
    read_patterns,
    read_span,
)
from heedful.sense.features import AutomaticRule
from heedful.sense.limits import (
    DWELL_CAP_MS,
    HOLDS_DEFAULT_MS,
    RATE_PER_DEFAULT_MS,
    SIGNALS_MAX,
)
from heedful.sense.rule import ON, Rule
from heedful.sense.tallies import RESET, MeanGapRule, TallyRule, TotalRule
from heedful.sense.timelines import AFTER, NOT_AFTER, AbsenceRule, DwellRule, SequenceRule
from heedful.sense.types import Reader, Scope
from heedful.sense.values import DistinctRule, MomentRule

EVENT_NAMES: Final = Names(
    roots={
        "event": Record(
            fields={
                "name": Type.TEXT,
                "type": Type.TEXT,
                "at": Type.NUMBER,
                "source": Type.TEXT,
                "properties": Open(),
                "traits": Open(),
                "context": Open(),
            }
        )
    }
)
"""What `where`, `of` and `by` may read."""

_LOGIC_VERSION: Final = 1
"""Part of every definition's hash: a change of what slots hold makes all signals warm up again."""

_PLAIN_PATH: Final = re.compile(r"event\.(properties|traits|context)\.(\w+)", re.ASCII)
_RATIO_OF: Final = frozenset(
    {"count", "sum", "rate", "distinct", "recency", "gap", "dwell", "last", "first"}
)
_ZEROED: Final = frozenset({"count", "sum", "rate", "distinct"})


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


class _Role(NamedTuple):
    bit: int
    pattern: Pattern
    conditions: tuple[Expression, ...]


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
        roles: dict[str, list[_Role]],
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
        self.keys = frozenset((*self.rules, automatic_key))
        self.id = canonical.digest(sorted(self.keys))[:16]
        self.earlier = {**earlier, self.id: self.keys}
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

    def lineage(self) -> dict[str, frozenset[str]]:
        """Give what the next set is compiled with as `earlier`."""
        return dict(self.earlier)


def compile_signals(
    definitions: Sequence[SignalDefinition],
    automatic: Automatic | None = None,
    *,
    path: str = "$.signals",
    automatic_path: str = "$.automatic",
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
    path, automatic_path
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
        self.roles: dict[str, list[_Role]] = {}
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
        reading = _Reading(definition, path, self._faults)
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


class _Reading:
    """Reads one definition whose fields are right into a rule and its canonical form."""

    def __init__(self, definition: SignalDefinition, path: str, faults: list[InputError]) -> None:
        self._definition = definition
        self._path = path
        self._faults = faults
        self.roles: list[_Role] = []
        self._form: list[Any] = []
        self.type = Type.NUMBER

    def rule(self) -> tuple[Rule | None, list[Any]]:
        d = self._definition
        window = self._span("window")
        of, by = self._value("of"), self._value("by")
        where = self._condition(d.where, f"{self._path}.where")
        if d.kind == "absence":
            self._cast(d.after, AFTER, "after", where)
            self._cast(d.not_, NOT_AFTER, "not", None)
        elif d.kind == "sequence":
            for i, step in enumerate(d.steps or []):
                self._cast(step, 1 << i, f"steps[{i}]", where)
            self._cast(d.not_, 1 << len(d.steps or []), "not", None)
        else:
            self._cast(d.on, ON, "on", where)
            self._cast(d.reset_on, RESET, "reset_on", None)
        rule = self._made(window, of)
        # `default` and `per` change how a slot is shown, never what it holds.
        spans = [window, self._span("within"), self._span("holds"), self._span("cap")]
        form = [d.kind, sorted(self._form), d.of, d.by, spans, len(d.steps or ())]
        if rule is not None and by is not None:
            self.type = Type.MAP
            rule = CategoryRule(by, rule, hides_zero=d.kind in _ZEROED)
        return rule, form

    def _made(self, window: int | None, of: Reader | None) -> Rule | None:
        d = self._definition
        within, holds = self._span("within") or 0, self._span("holds") or HOLDS_DEFAULT_MS
        match d.kind:
            case "count" | "sum" if window is None and d.reset_on is None:
                return TotalRule(of)
            case "count" | "sum":
                return TallyRule("count" if d.kind == "count" else "sum", window, of)
            case "rate":
                return TallyRule("rate", window, per=self._span("per") or RATE_PER_DEFAULT_MS)
            case "gap":
                return MeanGapRule() if window is None else TallyRule("gap", window)
            case "distinct" if of is not None:
                return DistinctRule(of, window)
            case "last" | "first" if of is not None:
                self.type = Type.ANY
                return MomentRule(of, window, is_first=d.kind == "first")
            case "recency":
                return MomentRule(None)
            case "dwell":
                return DwellRule(window, self._span("cap") or DWELL_CAP_MS)
            case "sequence":
                self.type = Type.BOOL
                return SequenceRule(len(d.steps or []), within, holds)
            case "absence":
                self.type = Type.BOOL
                return AbsenceRule(within, holds)
        return None

    def _span(self, field: str) -> int | None:
        text = getattr(self._definition, field)
        if text is None:
            return None
        try:
            return read_span(text, f"{self._path}.{field}", 0)
        except InputError as error:
            if all(f.message != error.message for f in self._faults):
                error.detail.setdefault("path", f"{self._path}.{field}")
                self._faults.append(error)
            return 1

    def _condition(self, text: str | None, path: str) -> Expression | None:
        return None if text is None else self._compiled(text, path, Type.BOOL)

    def _compiled(self, text: str, path: str, expects: Type | None) -> Expression | None:
        try:
            return compile_expression(text, EVENT_NAMES, path=path, expects=expects)
        except InputError as error:
            self._faults.append(error)
            return None

    def _value(self, field: str) -> Reader | None:
        text = getattr(self._definition, field)
        expression = None if text is None else self._compiled(text, f"{self._path}.{field}", None)
        return None if expression is None else reader_of(expression)

    def _cast(self, on: On | None, bit: int, field: str, where: Expression | None) -> None:
        if on is None:
            return
        try:
            patterns = read_patterns(on, f"{self._path}.{field}")
        except InputError as error:
            self._faults.append(error)
            return
        for pattern in patterns:
            own = self._condition(pattern.where, f"{self._path}.{field}.where")
            conditions = tuple(c for c in (where, own) if c is not None)
            self.roles.append(_Role(bit, pattern, conditions))
            texts = sorted(c.text for c in conditions)
            self._form.append([bit, pattern.type, pattern.name, texts])


def reader_of(expression: Expression) -> Reader:
    """Make the reader of one value; a plain path skips the scope."""
    plain = _PLAIN_PATH.fullmatch(expression.text.strip())
    if plain is not None:
        part, field = plain.groups()
        if part == "properties":
            return lambda event, scope: event.properties.get(field)
        if part == "traits":
            return lambda event, scope: event.traits.get(field)
        return lambda event, scope: event.context.get(field)
    evaluate = expression.evaluate

    def read(event: Event, scope: Scope) -> Any:
        value = evaluate(scope.values())
        return None if value is UNKNOWN else value

    return read


def canonical_definition(definition: SignalDefinition) -> dict[str, Any]:
    """Write a definition out as the fields that it gives, for a person or a record."""
    return {
        "name": definition.name,
        "kind": definition.kind,
        **msgspec.to_builtins(present(definition)),
    }
