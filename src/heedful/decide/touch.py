"""Which events can matter: patterns indexed by type and name, and what changes a condition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Generic, NamedTuple, TypeVar

from heedful.decide.readings import Condition
from heedful.events import CONSENT_CHANGED, OBJECTION_RECORDED, Event
from heedful.expr import Expression, tree
from heedful.sense import SignalSet
from heedful.sense.buying import BuyingRule
from heedful.sense.definitions import ANY_NAME, TYPES, On, read_patterns
from heedful.sense.evaluate import parse_automatic
from heedful.sense.features import EVENT
from heedful.sense.rule import Rule

T = TypeVar("T")

CLIENT_TYPES: Final = tuple(type_ for type_ in TYPES if type_ != "own")
"""Types of what customers do, as against what Heedful itself writes."""


class Touches(NamedTuple):
    """What can change the value of a condition."""

    events: tuple[tuple[str, str], ...] = ()
    """Types and names; `*` is any name."""
    traits: tuple[str, ...] = ()
    """Traits; an event that carries one touches it."""


class EventMatch(NamedTuple):
    """Events of one type and name, with the conditions that narrow them."""

    type: str
    name: str
    where: tuple[Condition, ...]


class EventIndex(Generic[T]):
    """Finds what was filed under an event's type and name, or under its type alone."""

    def __init__(self, entries: Iterable[tuple[str, str, T]]) -> None:
        filed = list(entries)
        self.by_type: dict[str, tuple[T, ...]] = {}
        self.by_name: dict[tuple[str, str], tuple[T, ...]] = {}
        for type_, name, item in filed:
            if name == ANY_NAME:
                self.by_type[type_] = _with(self.by_type.get(type_, ()), item)
        for type_, name, item in filed:
            if name != ANY_NAME:
                known = self.by_name.get((type_, name), self.by_type.get(type_, ()))
                self.by_name[type_, name] = _with(known, item)

    def find(self, event: Event) -> tuple[T, ...]:
        """List what an event of this type and name concerns."""
        found = self.by_name.get((event.type, event.name))
        return self.by_type.get(event.type, ()) if found is None else found


def _with(items: tuple[T, ...], item: T) -> tuple[T, ...]:
    return items if item in items else (*items, item)


class TraitIndex(Generic[T]):
    """Finds what was filed under the traits that an event carries."""

    def __init__(self, entries: Iterable[tuple[str, T]]) -> None:
        self.by_trait: dict[str, tuple[T, ...]] = {}
        for trait, item in entries:
            self.by_trait[trait] = _with(self.by_trait.get(trait, ()), item)

    def find(self, traits: Mapping[str, object]) -> tuple[T, ...]:
        """List what these traits concern, in the order in which it was filed."""
        found: tuple[T, ...] = ()
        for trait, items in self.by_trait.items():
            if trait in traits:
                for item in items:
                    found = _with(found, item)
        return found


def touches_of(expression: Expression, signals: SignalSet) -> Touches:
    """List the events and traits that can change what an expression gives.

    Notes
    -----
    A condition on the event at hand is touched by the events that it names (`event.name == ...`
    among the parts that must all hold) and by every client event where it names none.
    """
    events: dict[tuple[str, str], None] = {}
    traits: dict[str, None] = {}
    for path in expression.paths:
        if path[0] == "signals" and len(path) > 1 and path[1] in signals.foreseen:
            for read in signals.foreseen[path[1]].expressions:
                touched = touches_of(read, signals)
                events.update(dict.fromkeys(touched.events))
                traits.update(dict.fromkeys(touched.traits))
        elif path[0] == "signals" and len(path) > 1:
            for pair in _signal_events(path[1], signals):
                events.setdefault(pair)
        elif path[0] == "traits" and len(path) > 1:
            traits.setdefault(path[1])
        elif path[0] == "traits":
            events.update(dict.fromkeys((("identify", ANY_NAME), ("track", ANY_NAME))))
        elif path[0] == "accounts":
            events.setdefault(("group", ANY_NAME))
        elif path[0] == "consents":
            pairs = [(type_, ANY_NAME) for type_ in CLIENT_TYPES]
            own = [("own", CONSENT_CHANGED), ("own", OBJECTION_RECORDED)]
            events.update(dict.fromkeys((*pairs, *own)))
        elif path[0] == "event":
            named = named_events(expression.tree)
            events.update(dict.fromkeys((t, n) for t in CLIENT_TYPES for n in named or (ANY_NAME,)))
    return Touches(tuple(events), tuple(traits))


def _signal_events(name: str, signals: SignalSet) -> list[tuple[str, str]]:
    signal = signals.signals.get(name)
    if signal is None:
        key, _ = parse_automatic(name, signals)
        about = key.value if key.kind == EVENT else ANY_NAME
        return [(type_, about) for type_ in TYPES]
    definition = signal.definition
    if signal.rule is None:
        return [
            pair
            for part in (definition.of, definition.to)
            for pair in _signal_events(str(part), signals)
        ]
    patterns: list[On | None] = [
        definition.on,
        definition.after,
        definition.not_,
        definition.reset_on,
        *(definition.steps or ()),
    ]
    return [
        (pattern.type, pattern.name)
        for on in patterns
        if on is not None
        for pattern in read_patterns(on, "$")
    ]


def watched_buying(
    conditions: Iterable[Condition], signals: SignalSet
) -> tuple[tuple[str, Rule], ...]:
    """List the buying that forecasts in these conditions read, by key, with its rule.

    Notes
    -----
    What a customer is worth falls while nothing happens. A condition that also asks for the event
    at hand waits for that event.
    """
    found: dict[str, Rule] = {}
    for condition in conditions:
        for name in () if condition.is_momentary else condition.signals:
            model = signals.foreseen.get(name)
            for read in () if model is None else model.signals:
                signal = signals.signals.get(read)
                if signal is not None and isinstance(signal.rule, BuyingRule):
                    found[signal.key] = signal.rule
    return tuple(sorted(found.items()))


def named_events(node: tree.Node) -> tuple[str, ...]:
    """List the event names of which one must be the event's own for a condition to hold.

    Empty where the condition does not tie itself to a name.
    """
    match node:
        case tree.Logic(op="and", items=items):
            return next(filter(None, map(named_events, items)), ())
        case tree.Logic(op="or", items=items):
            sides = [named_events(item) for item in items]
            return tuple(dict.fromkeys(n for s in sides for n in s)) if all(sides) else ()
        case tree.Compare(operands=(left, right), ops=("==",)):
            pair = (left, right) if isinstance(left, tree.Path) else (right, left)
            return _named(pair[0], (pair[1],))
        case tree.Compare(operands=(left, tree.Many(items=items)), ops=("in",)):
            return _named(left, items)
    return ()


def _named(path: tree.Node, values: tuple[tree.Node, ...]) -> tuple[str, ...]:
    if not isinstance(path, tree.Path) or path.names != ("event", "name"):
        return ()
    names = [v.value for v in values if isinstance(v, tree.Literal) and isinstance(v.value, str)]
    return tuple(names) if len(names) == len(values) else ()
