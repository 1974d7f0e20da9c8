"""What contextual models see of a person at a decision, as a bounded row of numbers.

Every feature belongs to a field (a trait, a signal, a key of the context, the hour, how tired the
person is of us), and every field to a group, which is what `why` speaks of. Fields that are always
numbers are dense: they are related to each action with all of each other. What a trait or a key of
the context says is hashed, so any value may come.

Law: features are quantised before anything is computed with them and stand so in the record, so
that what is learned later is exactly what the decision saw.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from heedful.customer import TraitType
from heedful.decide.builtin import BUILTIN, builtin_signals
from heedful.decide.case import RANK
from heedful.decide.definitions import ModelFeatures
from heedful.decide.limits import (
    AUTO_SIGNALS_MAX,
    AUTO_TRAITS_MAX,
    CONTEXT_KEYS_MAX,
    FEATURES_MAX,
    TRAIT_VALUES_MAX,
)
from heedful.expr import UNKNOWN, Type
from heedful.govern.hours import local_time, zones_of
from heedful.kernel import DAY_MS, HOUR_MS
from heedful.learn import Basis, Context, LogisticSettings, Model, Parts, pack_features
from heedful.learn.context import DENSE_MAX, FIELD_SHIFT
from heedful.sense import SignalSet

if TYPE_CHECKING:
    from heedful.decide.run import Run

FATIGUE: Final = ("contacts_7d", "contacts_28d", "since_contact", "ignored")
"""How tired a person may be of us: messages released in 7 and 28 days, time since the last one,
and how many that wait for an outcome were ignored."""
TRUST: Final = ("answers", "complaints")
"""Whether they answer us: accepted or converted decisions that still matter, and objections."""
TIME: Final = ("hour_sin", "hour_cos", "weekend")
"""The person's local time of day, on a circle, and whether it is Saturday or Sunday."""

GROUPS: Final = ("traits", "signals", "context", "time", "fatigue", "trust")
"""Groups of features, as records and `why` name them."""

_COUNT_SCALE: Final = 3.0  # log(1 + 19): a count of 19 is read as 1
_HOURS_SCALE: Final = 7.0  # log(1 + 1,095): 45 days are read as 1
_SIGNAL_SCALE: Final = 4.0  # log(1 + 53)
_QUANTUM: Final = 1_024.0
_NUMBER: Final = (int, float)
_CHARS_MAX: Final = 64
_FIELD_BITS: Final = 30
_HELD_BACK: Final = frozenset(
    (
        "email", "phone", "name", "firstname", "lastname", "first_name", "last_name", "username",
        "address", "avatar", "birthday", "id", "title", "website", "description", "qa",
    )
)  # fmt: skip
"""Traits that tell who somebody is rather than what they are like; never taken automatically."""

_NUMBERS: Final = frozenset(("number", "bool"))
"""Types of traits that are always numbers where they are known."""

Read: TypeAlias = Callable[["Run"], Iterable[tuple[int, float]]]


def field_id(group: str, name: str) -> int:
    """Number a field; the same in every strategy."""
    digest = blake2b(f"{group}\x1f{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> (64 - _FIELD_BITS)


def dense_id(group: str, name: str) -> int:
    """Number the one feature of a field that is always a number."""
    return field_id(group, name) << FIELD_SHIFT


@lru_cache(maxsize=65_536)
def value_id(field: int, value: str) -> int:
    """Number what a field says."""
    digest = blake2b(value.encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return (field << FIELD_SHIFT) + int.from_bytes(digest, "big")


class Features:
    """What contextual models see of one person at one event."""

    def __init__(self, ids: tuple[int, ...], values: tuple[float, ...], plan: FeaturePlan) -> None:
        self.ids = ids
        self.values = values
        self.plan = plan
        self._contexts: dict[int, Context | None] = {}

    def context(self, model: Model) -> Context | None:
        """Read them as a model does, once for each model."""
        key = id(model)
        if key not in self._contexts:
            self._contexts[key] = model.context(self.ids, self.values)
        return self._contexts[key]

    def packed(self) -> bytes:
        """Write them as a record keeps them."""
        return pack_features(self.ids, self.values)

    def ids_of(self, model: Any) -> tuple[tuple[int, ...], list[int]]:
        """List the features of a model's basis, and those of this row that it reads beside."""
        settings: LogisticSettings = model.settings
        dense, fields = self.plan.dense, settings.fields
        rare = [feature for feature in self.ids if feature not in dense]
        if fields is not None:
            rare = [feature for feature in rare if feature >> FIELD_SHIFT in fields]
        return settings.basis.ids, rare


def contributions(parts: Parts, model: Model, features: Features) -> dict[str, int]:
    """Sum what moved an arm's log-odds by group of features, in thousandths.

    Returns
    -------
    `start` is the declared prior, `arm` what its outcomes say of the usual person it was tried
    with; then by group what sets this person apart from the usual one.
    """
    found: dict[str, float] = {"start": parts.start, "arm": parts.own}
    dense, rare = features.ids_of(model)
    groups = *features.plan.groups_of(dense), *map(features.plan.group_of, rare)
    shares = *parts.dense.tolist(), *parts.sparse.tolist()
    for group, share in zip(groups, shares, strict=False):
        found[group] = found.get(group, 0.0) + share
    return {name: round(share * 1_000) for name, share in found.items()}


class FeaturePlan:
    """Which features are read, laid out once for a strategy.

    Parameters
    ----------
    wanted
        What each contextual model asks for; all of them see what any of them needs, and each model
        reads its own fields of it.
    traits
        Types of the declared traits by name, in the order of names: those that are taken where a
        model names none.
    protected
        Keys of the context that no model sees, whoever asks with them.
    """

    def __init__(
        self,
        wanted: Sequence[ModelFeatures],
        signals: SignalSet,
        traits: Mapping[str, TraitType],
        protected: frozenset[str] = frozenset(),
    ) -> None:
        self._numbers = frozenset(name for name, type_ in traits.items() if type_ in _NUMBERS)
        self._protected = protected
        self.groups: dict[int, str] = {}
        self.names: dict[int, str] = {}
        """Of each field that is read, `group.name`."""
        self._readers: list[Read] = []
        self._groups_of: dict[tuple[int, ...], tuple[str, ...]] = {}
        self.fields = [frozenset(self._fields(one, signals, traits)) for one in wanted]
        """Of each of `wanted`, the fields that it reads."""
        every = frozenset[tuple[str, str]]().union(*self.fields)
        self._lay_out(every, signals)
        self._scales = dict(self._scaled(every, signals, traits))

    @staticmethod
    def _scaled(
        every: frozenset[tuple[str, str]], signals: SignalSet, traits: Mapping[str, TraitType]
    ) -> Iterable[tuple[int, float]]:
        """Give the scale of each dense feature that is read by its logarithm."""
        for group, name in sorted(every):
            feature = dense_id(group, name)
            if group in ("fatigue", "trust"):
                yield feature, _HOURS_SCALE if feature == _SINCE else _COUNT_SCALE
            elif group == "traits" and traits.get(name) == "number":
                yield feature, _SIGNAL_SCALE
            elif group == "signals":
                signal = signals.signals.get(name)
                if signal is not None and signal.type == Type.NUMBER:
                    yield feature, _SIGNAL_SCALE

    @staticmethod
    def _fields(
        one: ModelFeatures, signals: SignalSet, traits: Iterable[str]
    ) -> Iterable[tuple[str, str]]:
        builtin = {signal.name for signal in builtin_signals(tuple(BUILTIN))}
        numbers = [
            name
            for name, signal in sorted(signals.signals.items())
            if signal.type in (Type.NUMBER, Type.BOOL) and name not in builtin
        ]
        usual = [name for name in traits if name.lower() not in _HELD_BACK]
        named = numbers[:AUTO_SIGNALS_MAX] if one.signals is None else one.signals
        yield from (("signals", name) for name in named)
        named = usual[:AUTO_TRAITS_MAX] if one.traits is None else one.traits
        yield from (("traits", name) for name in named)
        yield from (("context", name) for name in ("*",) if one.context is None)
        yield from (("context", name) for name in one.context or ())
        if one.time:
            yield from (("time", name) for name in TIME)
        if one.contact:
            yield from (("fatigue", name) for name in FATIGUE)
            yield from (("trust", name) for name in TRUST)

    def _lay_out(self, every: frozenset[tuple[str, str]], signals: SignalSet) -> None:
        by_group = {g: tuple(sorted(n for group, n in every if group == g)) for g in GROUPS}
        for group, names in by_group.items():
            for name in names:
                self.groups[field_id(group, name)] = group
                self.names[field_id(group, name)] = f"{group}.{name}"
        if by_group["fatigue"]:
            self._readers.append(_contact)
        if by_group["time"]:
            self._readers.append(_time)
        if by_group["signals"]:
            self._readers.append(_signals(by_group["signals"]))
        if by_group["traits"]:
            self._readers.append(_traits(by_group["traits"], self._numbers))
        if by_group["context"]:
            self._readers.append(_context(by_group["context"], self._protected))
        always = [(g, n) for g in ("fatigue", "trust", "time") for n in by_group[g]]
        always += [("traits", name) for name in by_group["traits"] if name in self._numbers]
        always += [
            ("signals", name)
            for name in by_group["signals"]
            if name in signals.signals and signals.signals[name].type in (Type.NUMBER, Type.BOOL)
        ]
        self.dense = frozenset(dense_id(group, name) for group, name in always[: DENSE_MAX - 1])

    def group_of(self, feature: int) -> str:
        """Name the group of a feature that is read."""
        return self.groups[feature >> FIELD_SHIFT]

    def groups_of(self, basis: tuple[int, ...]) -> tuple[str, ...]:
        """Name the groups of a model's basis, worked out once for each."""
        known = self._groups_of.get(basis)
        if known is None:
            known = self._groups_of[basis] = tuple(map(self.group_of, basis))
        return known

    def named(self, feature: int) -> tuple[str, str | None] | None:
        """Name a feature by its field, and by what the field says where that is hashed.

        Returns
        -------
        `group.name` and, of a hashed feature, its value or a hash of it; None for a field that no
        model of this strategy reads.
        """
        field, value = feature >> FIELD_SHIFT, feature & ((1 << FIELD_SHIFT) - 1)
        name = self.names.get(field)
        if name is None or not value:
            return None if name is None else (name, None)
        words = {value_id(field, word): word for word in ("true", "false")}
        return name, words.get(feature, f"#{value:08x}")

    def natural(self, feature: int, value: float) -> float:
        """Give what a dense feature stands for: a count, hours since a contact, a signal's value.

        Notes
        -----
        Values are read quantised and up to a bound, so large ones come back rounded.
        """
        scale = self._scales.get(feature)
        return value if scale is None else math.copysign(math.expm1(abs(value) * scale), value)

    def basis(self, number: int) -> Basis:
        """Give the dense features of one of `wanted`."""
        own = {field_id(*field) for field in self.fields[number]}
        ids = tuple(sorted(feature for feature in self.dense if feature >> FIELD_SHIFT in own))
        return Basis(ids, (0.0,) * len(ids), (1.0,) * len(ids))

    def field_ids(self, number: int) -> tuple[int, ...] | None:
        """Give the fields that one of `wanted` reads; None where that is all that there are."""
        if all(fields == self.fields[number] for fields in self.fields):
            return None
        return tuple(sorted({field_id(*field) for field in self.fields[number]}))

    def read(self, run: Run) -> Features:
        """Read a person at the event at hand."""
        found: dict[int, float] = {}
        for read in self._readers:
            found.update(read(run))
        ids = sorted(found)
        if len(ids) > FEATURES_MAX:
            rare = [feature for feature in ids if feature not in self.dense]
            left_out = frozenset(rare[FEATURES_MAX - len(ids) :])
            ids = [feature for feature in ids if feature not in left_out]
        return Features(tuple(ids), tuple([found[feature] for feature in ids]), self)


# Reading. Counts, ages and signals are read by their logarithm, so that none outweighs all others.


_CONTACTS_7D, _CONTACTS_28D, _SINCE, _IGNORED = (dense_id("fatigue", name) for name in FATIGUE)
_ANSWERS, _COMPLAINTS = (dense_id("trust", name) for name in TRUST)
_HOUR_SIN, _HOUR_COS, _WEEKEND = (dense_id("time", name) for name in TIME)


def _quantised(value: float) -> float:
    return round(value * _QUANTUM) / _QUANTUM


@lru_cache(maxsize=1_024)
def _count(value: int) -> float:
    return _quantised(math.log1p(value) / _COUNT_SCALE)


def _contact(run: Run) -> list[tuple[int, float]]:
    now = run.now
    sent = [c.at for c in run.person.profile.contacts if c.message_class != "mandatory"]
    week = sum(at > now - 7 * DAY_MS for at in sent)
    month = sum(at > now - 28 * DAY_MS for at in sent)
    hours = (now - max(sent)) / HOUR_MS if sent else math.expm1(_HOURS_SCALE)
    ignored = answers = 0
    for standing in run.case.standing:
        ignored += standing.status == RANK["ignored"]
        answers += RANK["accepted"] <= standing.status <= RANK["converted"]
    complaints = sum(c.status == "objected" for c in run.person.profile.consents.values())
    return [
        (_CONTACTS_7D, _count(week)),
        (_CONTACTS_28D, _count(month)),
        (_SINCE, _quantised(min(math.log1p(max(hours, 0.0)) / _HOURS_SCALE, 1.0))),
        (_IGNORED, _count(ignored)),
        (_ANSWERS, _count(answers)),
        (_COMPLAINTS, _count(complaints)),
    ]


def _time(run: Run) -> list[tuple[int, float]]:
    place = run.place
    zone = zones_of(place, run.rules.contact.zones_assumed)[0]
    minute, weekday = local_time(zone, run.now)
    turn = minute / 1_440 * math.tau
    return [
        (_HOUR_SIN, _quantised(math.sin(turn))),
        (_HOUR_COS, _quantised(math.cos(turn))),
        (_WEEKEND, float(weekday >= 5)),
    ]


def _signals(names: tuple[str, ...]) -> Read:
    fields = [(name, dense_id("signals", name)) for name in names]

    def read(run: Run) -> list[tuple[int, float]]:
        values = run.readings.load(names)
        found: list[tuple[int, float]] = []
        for name, feature in fields:
            value = values[name]
            if isinstance(value, _NUMBER):
                found.append((feature, _size(value)))
            elif isinstance(value, str):
                found.append((value_id(feature >> FIELD_SHIFT, value[:_CHARS_MAX].lower()), 1.0))
        return found

    return read


@lru_cache(maxsize=4_096, typed=True)  # most are counts, and the same ones come again
def _size(value: float) -> float:
    if isinstance(value, bool):
        return float(value)
    size = math.log1p(abs(value)) / _SIGNAL_SCALE if math.isfinite(value) else 0.0
    size = _quantised(min(size, 4.0))
    return -size if value < 0 else size


def _traits(names: tuple[str, ...], numbers: frozenset[str]) -> Read:
    fields = [(name, field_id("traits", name), name in numbers) for name in names]

    def read(run: Run) -> list[tuple[int, float]]:
        traits, found = run.readings.traits, []
        for name, field, is_number in fields:
            value = traits.get(name)
            if is_number and isinstance(value, _NUMBER):
                found.append((field << FIELD_SHIFT, _size(value)))
            values = value[:TRAIT_VALUES_MAX] if isinstance(value, list) else (value,)
            found += [(value_id(field, said), 1.0) for one in values if (said := _said(one))]
        return found

    return read


def _context(names: tuple[str, ...], protected: frozenset[str]) -> Read:
    whole = field_id("context", "*")
    fields = {name: field_id("context", name) for name in names}

    def read(run: Run) -> list[tuple[int, float]]:
        context, found = run.readings.context, []
        for name in sorted(map(str, context)) if "*" in fields else names:
            said = "" if name in protected else _said(context.get(name))
            if said and name in fields:
                found.append((value_id(fields[name], said), 1.0))
            elif said:
                found.append((value_id(whole, f"{name}={said}"), 1.0))
            if len(found) == CONTEXT_KEYS_MAX:
                break
        return found

    return read


def _said(value: Any) -> str:
    """Write what a field says as a word; numbers by their half-octave, so that near ones agree."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value[:_CHARS_MAX].lower()
    if isinstance(value, _NUMBER) and value is not UNKNOWN and math.isfinite(value):
        size = math.floor(2.0 * math.log2(1.0 + abs(value)))
        return f"#{-size if value < 0 else size}"
    return ""
