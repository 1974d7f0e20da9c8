"""A customer's stored form: what was written before is read, what nobody wrote is refused."""

from __future__ import annotations

import msgspec
import pytest

from heedful import core, sense
from heedful.app.worlds import world_of
from heedful.core import Customer, World
from heedful.events import Event
from heedful.kernel import InvariantError, canonical
from heedful.strategy import load

SIGNALS = """
automatic: {properties: [color]}
signals:
  - {name: views, kind: count, on: Viewed, window: 1d}
"""


@pytest.fixture(scope="module")
def world() -> World:
    return world_of(load({"signals.yaml": SIGNALS}))


def lived(world: World, events: int = 40) -> Customer:
    happened = [
        Event(
            type="track",
            name=f"Viewed {i % 3}",
            at=1_795_000_000_000 + i * 7_000,
            key=i,
            source="web",
            message_id=str(i),
            received_at=1_795_000_000_000 + i * 7_000,
            properties={"color": f"color {i % 11}"},
        )
        for i in range(events)
    ]
    return core.folded(core.learn_features(world, happened), happened)


def as_schema_1(customer: Customer) -> bytes:
    senses = customer.senses
    counters = sense.counters_of(senses)
    kept = [senses.set_id, senses.warming, senses.declared]
    packed = [senses.features, [counters[id_] for id_ in senses.features], senses.tail]
    return canonical.encode([1, customer.profile, [*kept, *packed]])


def test_what_schema_1_wrote_is_the_same_customer(world: World) -> None:
    customer = lived(world)
    old = as_schema_1(customer)
    assert len(customer.senses.features) == 14
    # What later schemas fold was not: they are read, and wait to be folded anew.
    before = msgspec.structs.replace(customer, schema=2)
    assert core.decode(old) == before
    assert core.current(old) == core.encode(before) != old
    assert core.signal_set(world, before) == 0 != core.signal_set(world, customer)
    assert core.current(core.encode(customer)) == core.encode(customer)


def test_what_schema_2_wrote_is_the_same_customer_without_a_device(world: World) -> None:
    customer = msgspec.structs.replace(lived(world), schema=2)
    *held, zone, locale = msgspec.msgpack.decode(canonical.encode(customer.profile))
    assert zone is locale is None
    old = canonical.encode([2, held, customer.senses])
    assert core.decode(old) == customer
    assert core.merge(world, core.decode(old), core.new_customer(world)).schema == 2


@pytest.mark.parametrize("body", [b"\x93\x01", b"", b"\xc0"], ids=["cut", "empty", "nothing"])
def test_bytes_of_nobody_are_refused(body: bytes) -> None:
    with pytest.raises(InvariantError) as refusal:
        core.decode(body)
    assert refusal.value.code == "bad_state"


def test_a_schema_of_tomorrow_is_refused_with_the_remedy(world: World) -> None:
    customer = msgspec.structs.replace(lived(world, 1), schema=core.SCHEMA + 1)
    with pytest.raises(InvariantError, match="Upgrade Heedful"):
        core.decode(core.encode(customer))
