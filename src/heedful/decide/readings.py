"""What conditions read of a person: every value at most once, and only when somebody asks.

A condition is compiled once per strategy and known by its number; two actions that say the same
share it, so per person it is evaluated once however many actions there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from heedful.customer import ANY_CHANNEL, Entry, Profile, ProfileRules, TraitRule
from heedful.decide.limits import SEEN_CHARS_MAX
from heedful.decide.types import DECISION_REQUESTED, UNKNOWN_SEEN, Person, Surroundings
from heedful.events import Event
from heedful.expr import UNKNOWN, Expression, Names, Open, Record, Shape, Type
from heedful.govern.hours import is_zone
from heedful.kernel import InputError
from heedful.sense import EVENT_NAMES, SignalSet, evaluate
from heedful.sense.evaluate import parse_automatic
from heedful.sense.foreseen import Foreseen
from heedful.sense.moments import STRENGTH_HIGH
from heedful.sense.views import INTENT_CATEGORY, INTENT_STRENGTH, NEXT_EVENT, NEXT_ITEMS

ANY: Final = "any"
"""Under `consents.PURPOSE`, the statement for every channel."""

_PLAIN: Final = frozenset((int, float, bool, type(None)))
"""Types that a record shows as they are."""

_MOMENT: Final = frozenset(("event", "context"))
"""Roots that are about the event at hand and mean nothing later."""


class SignalFields(Mapping[str, Shape]):
    """The signals that an expression may read: the declared ones, and every automatic one."""

    def __init__(self, signals: SignalSet) -> None:
        self._signals = signals

    def __getitem__(self, name: str) -> Shape:
        signal = self._signals.signals.get(name)
        if signal is not None:
            return signal.type
        if name in self._signals.foreseen:
            return Type.NUMBER
        try:
            parse_automatic(name, self._signals)
        except InputError:
            raise KeyError(name) from None
        return Type.NUMBER

    def __iter__(self) -> Iterator[str]:
        return iter((*self._signals.signals, *self._signals.foreseen))

    def __len__(self) -> int:
        return len(self._signals.signals) + len(self._signals.foreseen)


def names_of(signals: SignalSet) -> Names:
    """Name what a strategy's conditions about deciding may read.

    Notes
    -----
    `traits`; `signals`; `consents.PURPOSE.CHANNEL`, a status such as `granted`, with the channel
    `any` for statements about every channel; `accounts`, a list of maps with `id` and the
    account's traits, the one named last first; `event`, the event at hand; `context`, what a
    request says about its moment; `now`, in milliseconds.
    """
    return Names(
        roots={
            "traits": Open(),
            "signals": Record(fields=SignalFields(signals)),
            "consents": Open(),
            "accounts": Type.LIST,
            "event": EVENT_NAMES.roots["event"],
            "context": Open(),
            "now": Type.NUMBER,
        }
    )


class Condition:
    """A compiled expression and what it needs to be evaluated."""

    __slots__ = ("expression", "is_momentary", "number", "paths", "roots", "signals")

    def __init__(self, expression: Expression, number: int) -> None:
        self.expression = expression
        self.number = number
        self.paths = expression.paths
        self.roots = tuple(sorted({path[0] for path in expression.paths}))
        self.signals = tuple(
            path[1] for path in expression.paths if path[0] == "signals" and len(path) > 1
        )
        self.is_momentary = not _MOMENT.isdisjoint(self.roots)

    @property
    def text(self) -> str:
        """As it is written."""
        return self.expression.text


class Readings:
    """The values of one person at one event, as conditions see them."""

    def __init__(
        self,
        surroundings: Surroundings,
        signals: SignalSet,
        profile_rules: ProfileRules,
        person: Person,
        event: Event,
        conditions: int,
    ) -> None:
        self._surroundings = surroundings
        self._signal_set = signals
        self._profile_rules = profile_rules
        self._person = person
        self._event = event
        self._signals: dict[str, Any] = {}
        self._scope: dict[str, Any] = {"signals": self._signals, "now": event.received_at}
        self._later: dict[str, Any] | None = None
        self.held: list[bool | None] = [None] * conditions
        """Whether each condition holds, by number; None until it was asked."""
        self._stood: dict[int, bool] = {}
        self.foreseen_up_to: int | None = None
        """Up to which place of the log the model of sequences had learned, where it was asked."""
        self.asked: dict[str, int] = {}
        """Version of each trained model that said something."""

    def holds(self, condition: Condition) -> bool:
        """Say whether a condition is true now."""
        held = self.held[condition.number]
        if held is None:
            held = condition.expression.holds(self._filled(condition))
            self.held[condition.number] = held
        return held

    def filled(self, roots: tuple[str, ...], signals: tuple[str, ...]) -> Mapping[str, Any]:
        """Read all that a set of conditions reads, and give it as they see it."""
        scope = self._scope
        for root in roots:
            if root not in scope:
                scope[root] = _READERS[root](self)
        self.load(signals)
        return scope

    def still_holds(self, condition: Condition) -> bool:
        """Say whether a condition is true of a decision that was made on an earlier event.

        Notes
        -----
        What it says about that event cannot be looked at any more and is taken as unchanged; a
        condition that is false whatever the event was is false.
        """
        if not condition.is_momentary:
            return self.holds(condition)
        stood = self._stood.get(condition.number)
        if stood is None:
            self._filled(condition)
            if self._later is None:
                self._later = dict(self._scope)
            self._later.update(self._scope)
            self._later["event"] = self._later["context"] = UNKNOWN
            value = condition.expression.evaluate(self._later)
            stood = value is True or value is UNKNOWN
            self._stood[condition.number] = stood
        return stood

    def value(self, condition: Condition) -> Any:
        """Evaluate an expression."""
        return condition.expression.evaluate(self._filled(condition))

    def scope(self, condition: Condition) -> Mapping[str, Any]:
        """Give the values that an expression reads."""
        return self._filled(condition)

    @property
    def traits(self) -> dict[str, Any]:
        """The traits that are alive: one value each, a list where the rule is a union."""
        if "traits" not in self._scope:
            self._scope["traits"] = self._read_traits()
        found: dict[str, Any] = self._scope["traits"]
        return found

    @property
    def event(self) -> dict[str, Any]:
        """The event at hand."""
        if "event" not in self._scope:
            self._scope["event"] = self._read_event()
        found: dict[str, Any] = self._scope["event"]
        return found

    @property
    def context(self) -> dict[str, Any]:
        """What a request says about its moment; empty where nobody asked."""
        if "context" not in self._scope:
            self._scope["context"] = self._read_context()
        found: dict[str, Any] = self._scope["context"]
        return found

    def load(self, names: tuple[str, ...]) -> Mapping[str, Any]:
        """Read signals together; gives all that were read of this person."""
        known, foreseen = self._signals, self._signal_set.foreseen
        missing = [name for name in names if name not in known]
        if not missing:
            return known
        sensed = [name for name in missing if name not in foreseen]
        if sensed:
            foresight = self._surroundings.foresight
            if foresight is not None and (NEXT_ITEMS in sensed or NEXT_EVENT in sensed):
                self.foreseen_up_to = foresight.seq
            known.update(
                evaluate(
                    self._person.senses,
                    self._signal_set,
                    self._event.received_at,
                    sensed,
                    self._surroundings.dictionary,
                    self._surroundings.foresight,
                )
            )
        if len(sensed) < len(missing):
            for name in missing:
                if name not in known:
                    self._foresee(foreseen[name])
        return known

    def _foresee(self, model: Foreseen) -> None:
        """Ask a trained model; what it reads is kept, as what it says is."""
        scope = self.filled(model.roots, model.signals)
        trained = self._surroundings.trained.get(model.model)
        self._signals.update(model.values(scope, trained))
        if trained is not None and trained.definition == model.definition:
            self.asked[model.model] = trained.version

    def signal(self, name: str) -> Any:
        """Read one signal."""
        if name not in self._signals:
            self.load((name,))
        return self._signals[name]

    def is_beside(self, about: tuple[str, ...]) -> bool:
        """Say whether the person is strongly after something that is none of these categories."""
        strength = self.signal(INTENT_STRENGTH)
        if not isinstance(strength, float) or strength < STRENGTH_HIGH:
            return False
        return self.signal(INTENT_CATEGORY) not in about

    def seen(self, paths: tuple[tuple[str, ...], ...]) -> dict[str, Any]:
        """Show the values behind paths that were read; what was never read is left out."""
        shown: dict[str, Any] = {}
        for path in paths:
            value: Any = self._scope
            for name in path:
                value = value.get(name) if value.__class__ is dict else None
            shown[".".join(path)] = value if value.__class__ in _PLAIN else _shown(value)
        return shown

    def _filled(self, condition: Condition) -> dict[str, Any]:
        scope = self._scope
        for root in condition.roots:
            if root not in scope:
                scope[root] = _READERS[root](self)
        for name in condition.signals:
            if name not in self._signals:
                self.load(condition.signals)
                break
        return scope

    def _read_traits(self) -> dict[str, Any]:
        return read_traits(self._person.profile, self._profile_rules, self._event.received_at)

    def _read_consents(self) -> dict[str, dict[str, str]]:
        return read_consents(self._person.profile)

    def _read_accounts(self) -> list[dict[str, Any]]:
        profile = self._person.profile
        newest = sorted(profile.accounts.items(), key=lambda item: (-item[1], item[0]))
        accounts: dict[str, dict[str, Any]] = {account: {"id": account} for account, _ in newest}
        for name, entry in profile.account_traits.items():
            account, _, trait = name.partition("\n")
            if account in accounts:
                accounts[account].setdefault(trait, entry.value)
        return list(accounts.values())

    def _read_event(self) -> dict[str, Any]:
        event = self._event
        return {
            "name": event.name,
            "type": event.type,
            "at": event.at,
            "source": event.source,
            "properties": event.properties,
            "traits": event.traits,
            "context": event.context,
        }

    def _read_context(self) -> dict[str, Any]:
        event = self._event
        said = None
        if event.type == "own" and event.name == DECISION_REQUESTED:
            said = event.properties.get("context")
        return said if isinstance(said, dict) else {}


def country_of(traits: dict[str, Any]) -> str | None:
    """Read the country of a person: ISO 3166, such as `DE` or `US-FL`."""
    address = traits.get("address")
    said = (traits.get("country"), address.get("country") if isinstance(address, dict) else None)
    for value in said:
        if isinstance(value, str) and (len(value) == 2 or value[2:3] == "-"):
            return value.upper()
    return None


def read_traits(profile: Profile, rules: ProfileRules, now: int) -> dict[str, Any]:
    """Read the traits that are alive: one value each, a list where the rule is a union."""
    traits: dict[str, Any] = {}
    for name, entries in profile.traits.items():
        rule = rules.traits.get(name)
        if rule is None:
            traits[name] = entries[0].value
            continue
        span = rule.expires_after_ms
        alive = [e.value for e in entries if span is None or e.at + span > now]
        if alive:
            traits[name] = alive if rule.keep == "union" else alive[0]
    return traits


def read_zone(
    traits: dict[str, Any], trait: str, profile: Profile, rules: ProfileRules, now: int
) -> str | None:
    """Read the zone of a person: what was stated, else what their device said last.

    Parameters
    ----------
    trait
        The one that states it; what it declares of a time to live binds a device's word, too.
    """
    stated, said = traits.get(trait), profile.zone
    if isinstance(stated, str) and is_zone(stated):
        return stated
    if said is None or not is_zone(said.value):
        return None
    return _said_by_device(said, rules.traits.get(trait), now)


def read_locale(profile: Profile, rules: ProfileRules, now: int) -> str | None:
    """Read what a person's device said last of its language; it lives as `traits.language` does."""
    said = profile.locale
    return None if said is None else _said_by_device(said, rules.traits.get("language"), now)


def _said_by_device(said: Entry, rule: TraitRule | None, now: int) -> str | None:
    span = None if rule is None else rule.expires_after_ms
    return str(said.value) if span is None or said.at + span > now else None


def read_consents(profile: Profile) -> dict[str, dict[str, str]]:
    """Read what was said of each purpose, by channel; `any` is said of every channel."""
    consents: dict[str, dict[str, str]] = {}
    for name, consent in profile.consents.items():
        purpose, _, channel = name.partition("|")
        said = consents.setdefault(purpose, {})
        said[ANY if channel == ANY_CHANNEL else channel] = consent.status
    return consents


def _shown(value: Any) -> Any:
    """Write a value as a record keeps it: scalars as they are, the rest as its size."""
    if value is UNKNOWN:
        return UNKNOWN_SEEN
    if isinstance(value, str):
        return value[:SEEN_CHARS_MAX]
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_shown(item) for item in value[:8] if not isinstance(item, list | dict)]
    return f"{len(value)} entries" if isinstance(value, dict) else None


_READERS: Final = {
    "traits": Readings._read_traits,
    "consents": Readings._read_consents,
    "accounts": Readings._read_accounts,
    "event": Readings._read_event,
    "context": Readings._read_context,
}
