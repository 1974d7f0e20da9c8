"""The whole of facts, through the engine: any order, duplication and split of events, same bytes.

The unit under test is the transaction that the server runs; only the store is in memory.
"""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.core import World, new_customer
from heedful.customer import ProfileRules, TraitRule
from heedful.engine.batch import Batch, Filing
from heedful.engine.replay import rebuild, verify
from heedful.events import IDENTIFIERS_SEPARATED, Event, Identifier
from heedful.kernel import canonical, hash_key
from heedful.ports import Store, Transaction
from heedful.sense import Automatic, FeatureDictionary, SignalDefinition, compile_signals
from heedful.store.memory import MemoryStore
from tests.property.worlds import RULES, SECRET, all_identifiers, events

SIGNALS = compile_signals(
    [
        SignalDefinition(name="views_3h", kind="count", on="Product Viewed", window="3h"),
        SignalDefinition(name="since_view", kind="recency", on="Product Viewed"),
        SignalDefinition(
            name="view_gone", kind="absence", after="Product Viewed", not_="identify", within="2h"
        ),
    ],
    Automatic(properties=("class",), half_lives=("1h", "1d")),
)
WORLD = World(
    RULES,
    ProfileRules(
        traits={"interests": TraitRule("interests", keep="union", top=2)},
        categories={"Ads": "marketing", "Stats": "analytics"},
        undeclared_max=3,
    ),
    SIGNALS,
    FeatureDictionary({}, 64),
)
NOW = 1_800_000_000_000


@st.composite
def separated(draw: Any) -> Event:
    """An unmerge as the event that states it."""
    mixed = draw(st.lists(all_identifiers, min_size=2, max_size=4, unique=True))
    cut = draw(st.integers(1, len(mixed) - 1))
    left, right = sorted(mixed[:cut]), sorted(mixed[cut:])
    message_id = f"apart-{left}-{right}"
    at = 1_700_000_000_000
    return Event(
        type="own",
        name=IDENTIFIERS_SEPARATED,
        at=at,
        key=hash_key(SECRET, "event", "heedful", message_id),
        source="heedful",
        message_id=message_id,
        received_at=at,
        identifiers=(draw(all_identifiers),),
        properties={"left": [list(i) for i in left], "right": [list(i) for i in right]},
    )


histories = st.lists(
    events() | events() | events() | separated(),
    min_size=1,
    max_size=12,
    unique_by=lambda event: event.key,
)


def land(store: Store, batches: list[list[Event]], world: World = WORLD) -> World:
    """Land batches one after the other, as the writer does."""
    for batch in batches:

        def work(tx: Transaction, batch: list[Event] = batch, world: World = world) -> World:
            return Batch(tx, world, SECRET, Filing(world, SECRET), NOW).run(batch, []).world

        world = store.write(work)
    return world


def facts(store: Store) -> bytes:
    """All facts that are promised to be the same: customers, identifiers, persons."""

    def read(tx: Transaction) -> bytes:
        customers = [(row.key, row.due, row.body) for row in tx.scan_customers(-1, 10_000)]
        clusters = [(row.key, row.body) for row in tx.scan_clusters(-1, 10_000)]
        keys = [hash_key(SECRET, "identifier", *identifier) for identifier in IDENTIFIERS]
        homes = sorted((k, r.customer, r.is_shared) for k, r in tx.identifiers(keys).items())
        return canonical.encode([customers, clusters, homes])

    return store.read(read)


IDENTIFIERS = [
    Identifier(namespace, value)
    for namespace, values in {
        "user_id": ["u1", "u2", "u3", "a1", "a2", "a3", "a4", "a5"],
        "email": ["x@e.io", "y@e.io", "z@e.io"],
        "anonymous_id": ["a1", "a2", "a3", "a4", "a5", "u1", "u2", "u3"],
    }.items()
    for value in values
]


def split(happened: list[Event], data: st.DataObject) -> list[list[Event]]:
    """Cut a list into batches."""
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(happened) - 1)), max_size=3)))
    return [happened[a:b] for a, b in zip([0, *cuts], [*cuts, len(happened)], strict=True)]


@given(histories, st.data())
@settings(max_examples=300, deadline=None)
def test_any_order_duplication_and_batch_split_gives_the_same_facts(
    happened: list[Event], data: st.DataObject
) -> None:
    straight, shuffled = MemoryStore(), MemoryStore()
    land(straight, [happened])
    again = data.draw(st.lists(st.sampled_from(happened), max_size=4))
    land(shuffled, split(list(data.draw(st.permutations([*happened, *again]))), data))
    assert facts(shuffled) == facts(straight)


@given(histories, st.data())
@settings(max_examples=150, deadline=None)
def test_replay_is_live(happened: list[Event], data: st.DataObject) -> None:
    live, again = MemoryStore(), MemoryStore()
    world = land(live, split(happened, data))
    verdict = verify(live, world)
    assert verdict.is_equal
    assert verdict.customers == live.stats().customers
    rebuild(live, again, WORLD, SECRET, NOW)
    assert facts(again) == facts(live)


@given(st.lists(events(), min_size=1, max_size=10, unique_by=lambda e: e.key), separated())
@settings(max_examples=150, deadline=None)
def test_unmerge_restores_both_sides(happened: list[Event], apart: Event) -> None:
    """What follows an unmerge is what would have been, had the two never been joined."""
    late, early = MemoryStore(), MemoryStore()
    land(late, [happened, [apart]])
    land(early, [[apart], happened])
    assert facts(late) == facts(early)


@given(histories)
@settings(max_examples=100, deadline=None)
def test_every_event_is_counted_once(happened: list[Event]) -> None:
    store = MemoryStore()
    land(store, [happened, happened])
    rows = store.read(lambda tx: tx.scan_customers(-1, 10_000))
    bodies = [msgspec.msgpack.decode(row.body, type=type(new_customer(WORLD))) for row in rows]
    assert sum(body.profile.event_count for body in bodies) == store.stats().events
