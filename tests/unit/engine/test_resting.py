"""Who is at rest takes half the room, and is the same person."""

from __future__ import annotations

import pytest

from heedful import core
from heedful.engine.replay import verify
from heedful.engine.resting import REST_AFTER_MS, REST_ROWS, SWEEP_EVERY_MS, Resting
from heedful.kernel import MINUTE_MS, InvariantError
from tests.unit.engine.living import Living, living


def bodies(alive: Living) -> list[bytes]:
    return alive.store.read(lambda tx: [row.body for row in tx.scan_customers(-1, 10_000)])


def visit(alive: Living, *people: str) -> None:
    for person in people:
        alive.track("Product Viewed", user_id=person, properties={"product_id": f"p{person}"})


def resting(alive: Living) -> Resting:
    return Resting(alive.store, alive.engine._writer)


def test_who_was_quiet_for_a_day_is_packed_and_reads_the_same() -> None:
    with living() as alive:
        visit(alive, *(["quiet"] * 30))
        before, shown = bodies(alive), alive.shown("user_id", "quiet")
        alive.now += REST_AFTER_MS + 1
        visit(alive, "awake")
        assert resting(alive).step() is False
        packed = [core.is_packed(body) for body in bodies(alive)]
        assert sorted(packed) == [False, True]
        assert alive.shown("user_id", "quiet") == shown
        small = next(body for body in bodies(alive) if core.is_packed(body))
        assert core.current(small) == before[0]
        assert len(small) < len(before[0])


def test_the_next_event_writes_the_person_out_again_and_a_replay_agrees() -> None:
    with living() as alive:
        visit(alive, "u1", "u2", "u2")
        alive.now += REST_AFTER_MS + 1
        sweep = resting(alive)
        sweep.step()
        assert all(core.is_packed(body) for body in bodies(alive))
        visit(alive, "u1")
        assert sorted(core.is_packed(body) for body in bodies(alive)) == [False, True]
        verdict = verify(alive.store, alive.engine.world)
        assert not verdict.differing
        assert verdict.customers == 2


def test_a_sweep_goes_from_page_to_page_and_begins_again_after_a_while() -> None:
    with living() as alive:
        visit(alive, *(f"u{number}" for number in range(REST_ROWS + 3)))
        alive.now += REST_AFTER_MS + 1
        sweep = resting(alive)
        sweep.step()
        assert sum(map(core.is_packed, bodies(alive))) == REST_ROWS
        sweep.step()
        assert all(map(core.is_packed, bodies(alive)))
        sweep.step()  # finds the end
        visit(alive, "u1")
        alive.now += REST_AFTER_MS + 1
        assert SWEEP_EVERY_MS <= REST_AFTER_MS
        sweep.step()
        assert all(map(core.is_packed, bodies(alive)))


def test_between_two_sweeps_nothing_is_looked_at() -> None:
    with living() as alive:
        visit(alive, "u1")
        sweep = resting(alive)
        sweep.step()
        sweep.step()
        alive.now += SWEEP_EVERY_MS - MINUTE_MS
        reads = alive.store.read
        alive.store.read = None  # type: ignore[assignment]
        try:
            assert sweep.step() is False
        finally:
            alive.store.read = reads  # type: ignore[method-assign]


def test_damaged_bytes_are_told() -> None:
    with pytest.raises(InvariantError, match=r"store\.customers\.body"):
        core.decode(b"\x78\x9cno stream")
