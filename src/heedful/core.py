"""The pure heart: one customer, one event, what follows.

Law: everything here is a function of its arguments. The world (rules, signals, dictionary), the
clock and the events come in; a new state and what is due come out. A live run, a replay, a
what-if and a simulation are this same code.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import msgspec

from heedful import customer as facts
from heedful import sense
from heedful.customer import CompiledIdentity, Profile, ProfileRules
from heedful.decide import Definitions, Rules, compile_rules
from heedful.decide.definitions import Budget
from heedful.decide.foreseeing import foresee
from heedful.decide.portable import Origin
from heedful.events import Event
from heedful.govern import ApprovalsFile, Governance, Guardrail, IncidentPlan
from heedful.govern.monitors import DriftFile, FairnessFile
from heedful.kernel import InvariantError, canonical, expected, hash_key
from heedful.learn import Trained
from heedful.sense import FeatureDictionary, FeatureKey, Foresight, Senses, SignalSet
from heedful.sense.features import feature_key

SCHEMA: Final = 4
"""Version of a customer's stored form and of what is folded into it; readers for the versions
before are kept. Schema 3 added the zone of a device, 4 its locale: who is of an earlier one is
folded anew from the log, off the hot path, and keeps its number until then."""

_SCHEMAS_READ: Final = (2, 3, SCHEMA)
"""Schemas of one layout: what a later one added stands last, and is absent from the others."""


NO_RULES: Final = compile_rules(Definitions(), sense.compile_signals([]), version="")
"""Rules of a workspace that only keeps facts."""


class World(msgspec.Struct, frozen=True):
    """What is shared and versioned: the rules in force."""

    identity: CompiledIdentity
    profile: ProfileRules
    signals: SignalSet
    dictionary: FeatureDictionary
    rules: Rules = NO_RULES
    """Needs, actions and all else that decides; none where a workspace only keeps facts."""
    budgets: Mapping[str, Budget] = MappingProxyType({})
    """Money that actions may spend, by name."""
    approvals: ApprovalsFile = ApprovalsFile()
    """How many have to agree to what."""
    incidents: tuple[IncidentPlan, ...] = ()
    """Disturbances that may be declared."""
    guardrails: tuple[Guardrail, ...] = ()
    """Limits that tighten by themselves."""
    fairness: FairnessFile = FairnessFile()
    """Whose treatment is compared."""
    drift: DriftFile = DriftFile()
    """How far models may move before it is said."""
    models: Mapping[str, Any] = MappingProxyType({})
    """What was learned, by the name of the model: snapshots, each with its `learn_seq`."""
    origins: Mapping[str, Origin] = MappingProxyType({})
    """Which of `models` came from a file, by name."""
    sequences: Foresight | None = None
    """What was learned of sequences, in force; None where nothing was."""
    trained: Mapping[str, Trained] = MappingProxyType({})
    """Models that were trained over the log, by name, each with its version."""
    governance: Governance = Governance()
    """Switches, incidents and guardrails in force."""


class Customer(msgspec.Struct, array_like=True):
    """Everything known of one person: a commutative monoid over their events.

    Mutable, as its parts are: a fold changes the private copy that it decoded.
    """

    schema: int
    profile: Profile
    senses: Senses


class _Senses1(msgspec.Struct, array_like=True):
    set_id: str
    warming: list[str]
    declared: dict[str, bytes]
    features: list[int]
    counters: list[bytes]
    tail: bytes


class _Customer1(msgspec.Struct, array_like=True):
    """Schema 1, in which every counter was an entry of a list."""

    schema: int
    profile: Profile
    senses: _Senses1


_DECODER: Final = msgspec.msgpack.Decoder(Customer)
_DECODER_1: Final = msgspec.msgpack.Decoder(_Customer1)
_SCHEMA_1: Final = b"\x93\x01"
_PACKED: Final = b"\x78"
"""How a zlib stream begins; a customer written out begins as an array of three."""


def new_customer(world: World) -> Customer:
    """Begin a customer of whom nothing has happened: every signal is complete and empty."""
    return Customer(SCHEMA, Profile(), Senses(set_id=world.signals.id))


def unknown_customer(world: World) -> Customer:
    """Begin a customer whose past waits to be folded: every signal is unknown until then."""
    senses = Senses(set_id=world.signals.id, warming=sorted(world.signals.keys))
    return Customer(SCHEMA, Profile(), senses)


def encode(customer: Customer) -> bytes:
    """Write a customer as its canonical bytes: equal facts give equal bytes."""
    return canonical.encode(customer)


def decode(body: bytes) -> Customer:
    """Read a customer from its stored bytes.

    Raises
    ------
    InvariantError
        `bad_state` when the bytes are of no known schema.
    """
    try:
        if body.startswith(_PACKED):
            body = zlib.decompress(body)
        customer = _read_1(body) if body.startswith(_SCHEMA_1) else _DECODER.decode(body)
    except (msgspec.MsgspecError, zlib.error) as error:
        what = expected(f"a customer of schema {SCHEMA}", str(error), "store.customers.body")
        raise InvariantError("bad_state", what) from error
    if customer.schema not in _SCHEMAS_READ:
        what = expected(
            f"a customer of schema {SCHEMA}",
            f"schema {customer.schema}",
            "store.customers.body",
            "Upgrade Heedful, or run `heedful replay --write` to rebuild from the log.",
        )
        raise InvariantError("bad_state", what)
    return customer


def _read_1(body: bytes) -> Customer:
    held = _DECODER_1.decode(body)
    old = held.senses
    senses = Senses(old.set_id, old.warming, old.declared, tail=old.tail)
    sense.put_counters(senses, dict(zip(old.features, old.counters, strict=True)))
    return Customer(2, held.profile, senses)


def current(body: bytes) -> bytes:
    """Give a customer's stored bytes as they are written today, written out."""
    return encode(decode(body)) if body.startswith((_SCHEMA_1, _PACKED)) else body


def packed(body: bytes) -> bytes:
    """Write the bytes of a customer to whom nothing happens in half the room.

    Notes
    -----
    How small they get differs between versions of zlib, so proofs and digests are made of
    `current`, never of this.
    """
    return body if is_packed(body) else zlib.compress(body)


def is_packed(body: bytes) -> bool:
    """Say whether a customer's stored bytes are packed."""
    return body.startswith(_PACKED)


def read(world: World, body: bytes) -> Customer:
    """Read a stored customer under the signals in force; newly published ones are warming."""
    customer = decode(body)
    sense.adopt(customer.senses, world.signals)
    return customer


def signal_set(world: World, customer: Customer) -> int:
    """Number what a customer is complete under; 0 while a signal warms up, or the schema is old."""
    is_whole = customer.schema == SCHEMA and not customer.senses.warming
    return world_signal_set(world) if is_whole else 0


def world_signal_set(world: World) -> int:
    """Number the signal set in force and the schema, as stores keep it."""
    return _numbered(world.signals.id)


@lru_cache(maxsize=16)
def _numbered(set_id: str) -> int:
    return hash_key(b"signal set", set_id, str(SCHEMA))


def learn_features(world: World, happened: Iterable[Event]) -> World:
    """Extend the dictionary by what these events are about, before they are folded."""
    dictionary = world.dictionary
    for event in happened:
        missing = dictionary.missing(sense.feature_keys(event, world.signals))
        if missing:
            dictionary = dictionary.extended(missing)
    if dictionary is world.dictionary:
        return world
    return msgspec.structs.replace(world, dictionary=dictionary)


def new_features(before: World, after: World) -> list[tuple[int, str]]:
    """List what a dictionary gained, as stores keep it: (id, name)."""
    if before.dictionary is after.dictionary:
        return []
    known = before.dictionary.keys
    return [
        (key.id, msgspec.json.encode([key.kind, key.path, key.value]).decode())
        for key in after.dictionary.keys.values()
        if key.id not in known
    ]


def read_feature(name: str) -> FeatureKey:
    """Read a feature's key from the name under which a store keeps it."""
    kind, path, value = msgspec.json.decode(name, type=tuple[str, str, str])
    return feature_key(kind, path, value)


def fold(world: World, customer: Customer, event: Event) -> None:
    """Fold one event into a private copy of a customer."""
    facts.apply(customer.profile, event, world.profile)
    sense.fold(customer.senses, event, world.signals, world.dictionary)


def folded(world: World, happened: Iterable[Event]) -> Customer:
    """Fold a customer from nothing: the definition that every shortcut must equal."""
    customer = new_customer(world)
    for event in happened:
        fold(world, customer, event)
    return customer


def merge(world: World, left: Customer, right: Customer) -> Customer:
    """Join two customers of disjoint sets of events; the arguments must not be used again."""
    return Customer(
        min(left.schema, right.schema),
        facts.merge(left.profile, right.profile, world.profile),
        sense.merge(left.senses, right.senses, world.signals),
    )


def signals(world: World, customer: Customer, now: int) -> dict[str, Any]:
    """Evaluate every declared signal and forecast; `expr.UNKNOWN` stands for what is not known."""
    sensed = sense.evaluate(
        customer.senses, world.signals, now, None, world.dictionary, world.sequences
    )
    profile, senses, rules = customer.profile, customer.senses, world.profile
    said = foresee(
        world.signals,
        rules,
        profile,
        senses,
        now,
        world.trained,
        world.dictionary,
        world.sequences,
    )
    return {**sensed, **said}


def next_due(world: World, customer: Customer, now: int) -> int | None:
    """Say when something about the customer changes next without any event."""
    return sense.next_due(customer.senses, world.signals, now, world.rules.watched)


def automatic(world: World, customer: Customer, now: int) -> dict[str, dict[str, Any]]:
    """Read the automatic features that a customer has touched, by readable name."""
    shown = {}
    for id_, values in sense.features(customer.senses, world.signals, now).items():
        key = world.dictionary.keys.get(id_)
        about = (str(id_), "overflow") if key is None else (key.value, key.path, key.kind)
        shown[".".join(("auto", *(part for part in reversed(about) if part)))] = values
    return shown
