"""An event that breaks the fold is put aside alone; everybody beside it lands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from heedful import core
from heedful.engine import Engine
from heedful.engine import batch as batch_module
from heedful.engine.graph import identifier_key
from heedful.events import Event, Identifier, decode_event
from heedful.kernel import hash_key
from heedful.ports import QuarantineRow
from heedful.store import SqliteSettings, SqliteStore
from tests.property.test_facts import SECRET, WORLD

pytestmark = pytest.mark.faults

NOW = 1_800_000_000_000
POISON, ODD = "Poison", "Odd Names"


def event(number: int, name: str = "Viewed", user: str = "u1", **rest: Any) -> Event:
    message_id = f"m{number}"
    return Event(
        type="track",
        name=name,
        at=NOW - 1_000 + number,
        key=hash_key(SECRET, "event", "web", message_id),
        source="web",
        message_id=message_id,
        received_at=NOW,
        original_at=NOW,
        user_id=user,
        **rest,
    )


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine whose fold breaks on one name, and whose identifiers break on another."""
    fold, identifiers_of = core.fold, batch_module.identifiers_of

    def breaking_fold(world: Any, customer: Any, happened: Event) -> None:
        if happened.name == POISON:
            raise RuntimeError(f"cannot fold {happened.user_id} {happened.properties}")
        fold(world, customer, happened)

    def breaking_names(happened: Event, rules: Any) -> Any:
        if happened.name == ODD:
            raise UnicodeError("odd")
        return identifiers_of(happened, rules)

    monkeypatch.setattr(core, "fold", breaking_fold)
    monkeypatch.setattr(batch_module, "identifiers_of", breaking_names)
    settings = SqliteSettings(ballast_bytes=0, free_bytes_min=0)
    store = SqliteStore(str(tmp_path / "heedful.db"), settings)
    made = Engine(store, WORLD, SECRET, lambda: NOW)
    made.start()
    yield made
    made.close()
    store.close()


def landed(engine: Engine) -> list[str]:
    rows = engine.store.read(lambda tx: tx.log(0, 1_000))
    return sorted(decode_event(row.body).message_id for row in rows)


def aside(engine: Engine) -> list[QuarantineRow]:
    return engine.store.read(lambda tx: tx.quarantined(0, 1_000))


def key(namespace: str, value: str) -> int:
    return identifier_key(SECRET, Identifier(namespace, value))


def keys_in(row: QuarantineRow) -> list[int]:
    return msgspec.msgpack.decode(row.identifiers, type=list[int])


@pytest.mark.parametrize("places", [[0], [7], [19], [3, 4], [0, 9, 19], range(20)], ids=str)
def test_the_poisonous_events_stand_aside_and_their_neighbours_land(
    engine: Engine, places: Sequence[int]
) -> None:
    poisonous = set(places)
    events = [event(n, POISON if n in poisonous else "Viewed", f"u{n % 3}") for n in range(20)]
    landing = engine.ingest(events, [])
    landing.result(30)
    assert landing.quarantined == len(poisonous)
    rows = aside(engine)
    assert sorted(decode_event(row.body).message_id for row in rows) == sorted(
        f"m{n}" for n in poisonous
    )
    assert landed(engine) == sorted(f"m{n}" for n in range(20) if n not in poisonous)
    assert {row.reason for row in rows} == {"poison"}


def test_requests_beside_the_poison_are_acknowledged(engine: Engine) -> None:
    """Several requests share one transaction; only one of them carries the poison."""
    futures = [
        engine.ingest([event(10 * n), event(10 * n + 1, POISON if n == 2 else "Viewed")], [])
        for n in range(5)
    ]
    for future in futures:
        future.result(30)
    assert len(landed(engine)) == 9
    assert len(aside(engine)) == 1
    assert [future.quarantined for future in futures] == [0, 0, 1, 0, 0]


def test_what_is_said_of_the_poison_quotes_nobody(engine: Engine) -> None:
    engine.ingest([event(1, POISON, "secret-person", properties={"x": "private"})], []).result(30)
    (row,) = aside(engine)
    assert row.message == "Expected an event that folds, got RuntimeError. Report it, then redrive."


def test_a_poisonous_event_is_filed_under_its_person(engine: Engine) -> None:
    engine.ingest([event(1, POISON, "u7", anonymous_id="a1")], []).result(30)
    (row,) = aside(engine)
    assert keys_in(row) == sorted([key("user_id", "u7"), key("anonymous_id", "a1")])


def test_even_where_its_identifiers_are_what_breaks(engine: Engine) -> None:
    engine.ingest([event(1, ODD, "u7", anonymous_id="a1"), event(2, user="u8")], []).result(30)
    (row,) = aside(engine)
    assert keys_in(row) == sorted([key("user_id", "u7"), key("anonymous_id", "a1")])
    assert landed(engine) == ["m2"]


def test_export_shows_it_and_erasure_removes_it(engine: Engine) -> None:
    engine.ingest([event(1), event(2, POISON), event(3, POISON, "u2")], []).result(30)
    person = engine.lookup("user_id", "u1")
    assert [held["reason"] for held in engine.export(person)["quarantined"]] == ["poison"]
    assert engine.erase(person).quarantined == 1
    assert [decode_event(row.body).user_id for row in aside(engine)] == ["u2"]


def test_the_writer_lives_on_and_a_second_try_lands(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the fault is mended, what was put aside can be sent again: its claim was rolled back."""
    poison = event(1, POISON)
    engine.ingest([poison], []).result(30)
    assert landed(engine) == []
    monkeypatch.undo()
    engine.ingest([poison, event(2)], []).result(30)
    assert landed(engine) == ["m1", "m2"]
