"""What every back end of the store owes: whole transactions, claims, versioned aggregates.

The log is in `test_store_log.py`, everything else that is kept in `test_store_registers.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from heedful.kernel import InvariantError
from heedful.ports import (
    CLAIM_CONFLICT,
    CLAIM_DUPLICATE,
    CLAIM_NEW,
    Claim,
    ClusterRow,
    CustomerRow,
    FragmentRow,
    IdentifierRow,
    LogRow,
    QuarantineRow,
    StaleWrite,
    Store,
    StoreUnavailable,
    Transaction,
)

TOP = (1 << 63) - 1
Work = Callable[[Transaction], Any]


class PlannedError(Exception):
    """Raised on purpose in the middle of a transaction."""


def customer(key: int, version: int = 0, **rest: Any) -> CustomerRow:
    """A customer's row with what a test does not care about filled in."""
    made = CustomerRow(key, version, 1, 7, None, 0, b"body")
    return made._replace(**rest)


# -- transactions ---------------------------------------------------------------------------------


def everything(tx: Transaction) -> None:
    """Write something of every kind."""
    tx.claim([Claim(5, 1, 1)])
    tx.put_fragments([FragmentRow(1, 10, 1, 1)])
    tx.put_identifiers([IdentifierRow(2, "email", "a@b.c", 1, 1, False)])
    tx.put_clusters([ClusterRow(1, 0, b"cluster")])
    tx.put_customers([customer(1)])
    tx.append([LogRow(1, 10, 3, 1, b"event")])
    tx.put_separation(4, [2], b"apart")
    tx.suppress([9], 10)
    tx.quarantine([QuarantineRow(0, 1, "web", "bad", "Expected.", b"\x90", b"{}")])
    tx.put_features([(1, "feature")])
    tx.put_meta("name", b"value")


def seen(tx: Transaction) -> list[Any]:
    """Read something of every kind."""
    return [
        tx.fragments([1]),
        tx.identifiers([2]),
        tx.clusters([1]),
        tx.customers([1]),
        list(tx.events_of([1])),
        tx.log(0, 10),
        tx.last_seq(),
        tx.count_events([1]),
        tx.separations([2]),
        tx.suppressed([9]),
        tx.quarantined(0, 10),
        tx.features(),
        tx.get_meta("name"),
    ]


def test_a_transaction_that_raises_leaves_no_trace(store: Store) -> None:
    before = store.read(seen)

    def work(tx: Transaction) -> None:
        everything(tx)
        raise PlannedError

    with pytest.raises(PlannedError):
        store.write(work)
    assert store.read(seen) == before
    assert store.write(lambda tx: tx.claim([Claim(5, 1, 1)])) == [CLAIM_NEW]


def test_a_transaction_that_raises_over_older_rows_leaves_them_as_they_were(store: Store) -> None:
    store.write(everything)
    before = store.read(seen)

    def work(tx: Transaction) -> None:
        tx.put_customers([customer(1, 1, body=b"other")])
        tx.append([LogRow(1, 11, 4, 2, b"second")])
        tx.delete_events([1])
        tx.delete_fragments([1])
        tx.delete_identifiers([2])
        tx.delete_separations([4])
        tx.lift_suppression([9])
        tx.delete_quarantined([1])
        tx.put_meta("name", b"other")
        raise PlannedError

    with pytest.raises(PlannedError):
        store.write(work)
    assert store.read(seen) == before


def test_a_transaction_sees_what_it_wrote(store: Store) -> None:
    def work(tx: Transaction) -> list[Any]:
        everything(tx)
        return seen(tx)

    assert store.write(work) == store.read(seen)


def test_the_result_of_the_work_is_given_back(store: Store) -> None:
    assert store.write(lambda tx: 42) == 42
    assert store.read(lambda tx: 43) == 43


def test_writing_in_a_read_is_an_error_and_leaves_no_trace(store: Store) -> None:
    with pytest.raises(InvariantError) as caught:
        store.read(lambda tx: tx.put_meta("name", b"value"))
    assert caught.value.code == "write_in_read"
    assert store.read(lambda tx: tx.get_meta("name")) is None


def test_a_write_inside_a_write_is_refused(store: Store) -> None:
    with pytest.raises(InvariantError) as caught:
        store.write(lambda tx: store.write(lambda inner: None))
    assert caught.value.code == "write_in_write"
    assert store.write(lambda tx: 1) == 1


def test_a_transaction_is_of_no_use_after_its_end(store: Store) -> None:
    for run in (store.write, store.read):
        kept: list[Transaction] = []
        run(kept.append)
        with pytest.raises(InvariantError) as caught:
            kept[0].get_meta("name")
        assert caught.value.code == "transaction_over"


def test_a_closed_store_refuses_in_words(store: Store) -> None:
    store.close()
    for run in (store.write, store.read):
        with pytest.raises(StoreUnavailable) as caught:
            run(lambda tx: None)
        assert caught.value.code == "store_closed"


def test_writes_of_many_threads_are_one_after_the_other(store: Store) -> None:
    def add(tx: Transaction) -> None:
        tx.put_meta("count", b"%d" % (int(tx.get_meta("count") or b"0") + 1))

    def run() -> None:
        for _ in range(25):
            store.write(add)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.read(lambda tx: tx.get_meta("count")) == b"100"


def test_stats_count_what_is_there(store: Store) -> None:
    store.write(everything)
    stats = store.stats()
    assert (stats.customers, stats.events, stats.quarantined) == (1, 1, 1)
    store.write(lambda tx: tx.delete_events([1]))
    assert store.stats().events == 0
    store.vacuum()
    assert store.stats().customers == 1


# -- claims ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("second", "verdict"),
    [
        pytest.param(Claim(100, 1, 1), CLAIM_DUPLICATE, id="the-same"),
        pytest.param(Claim(100, 1, 2), CLAIM_CONFLICT, id="other-content"),
        pytest.param(Claim(100, 2, 1), CLAIM_NEW, id="another-message-in-one-slot"),
        pytest.param(Claim(101, 1, 1), CLAIM_NEW, id="another-slot"),
    ],
)
@pytest.mark.parametrize("together", [True, False], ids=["one-call", "two-transactions"])
def test_a_second_claim(store: Store, second: Claim, verdict: int, together: bool) -> None:
    first = Claim(100, 1, 1)
    if together:
        answers = store.write(lambda tx: tx.claim([first, second]))
    else:
        answers = [store.write(lambda tx, c=c: tx.claim([c]))[0] for c in (first, second)]
    assert answers == [CLAIM_NEW, verdict]


def test_messages_that_meet_in_one_slot_are_told_apart_for_good(store: Store) -> None:
    """Eight messages hash to one slot: each is new once, a repeat and a conflict afterwards."""
    crowd = [Claim(1_000, check, 1) for check in range(8)]
    assert store.write(lambda tx: tx.claim(crowd)) == [CLAIM_NEW] * 8
    assert store.write(lambda tx: tx.claim(crowd[::-1])) == [CLAIM_DUPLICATE] * 8
    others = [claim._replace(content=2) for claim in crowd]
    assert store.write(lambda tx: tx.claim(others)) == [CLAIM_CONFLICT] * 8


def test_a_message_pushed_aside_is_known_though_its_neighbour_stands_there(store: Store) -> None:
    first, aside, neighbour = Claim(10, 1, 1), Claim(10, 2, 1), Claim(11, 3, 1)
    assert store.write(lambda tx: tx.claim([first, aside, neighbour])) == [CLAIM_NEW] * 3
    assert store.write(lambda tx: tx.claim([aside, neighbour])) == [CLAIM_DUPLICATE] * 2


def test_the_last_slot_has_a_neighbour(store: Store) -> None:
    claims = [Claim(TOP, 1, 1), Claim(TOP, 2, 1)]
    assert store.write(lambda tx: tx.claim(claims)) == [CLAIM_NEW] * 2
    assert store.write(lambda tx: tx.claim(claims)) == [CLAIM_DUPLICATE] * 2


def test_a_conflict_does_not_replace_what_was_first(store: Store) -> None:
    first, other = Claim(7, 1, 1), Claim(7, 1, 2)
    store.write(lambda tx: tx.claim([first]))
    store.write(lambda tx: tx.claim([other]))
    assert store.write(lambda tx: tx.claim([first, other])) == [CLAIM_DUPLICATE, CLAIM_CONFLICT]


# -- aggregates -----------------------------------------------------------------------------------


def test_unknown_keys_are_absent(store: Store) -> None:
    def read(tx: Transaction) -> list[Any]:
        keys = list(range(10))
        return [tx.fragments(keys), tx.identifiers(keys), tx.clusters(keys), tx.customers(keys)]

    assert store.read(read) == [{}, {}, {}, {}]


@pytest.mark.parametrize("count", [0, 1, 3, 4, 50])
def test_rows_are_read_by_any_number_of_keys(store: Store, count: int) -> None:
    rows = [FragmentRow(key * 1_000_003, key, 2, TOP - key) for key in range(50)]
    store.write(lambda tx: tx.put_fragments(rows))
    wanted = rows[:count]
    keys = [row.key for row in wanted]
    found = store.read(lambda tx: tx.fragments([*keys, 17, *keys]))
    assert found == {row.key: row for row in wanted}
    assert all(type(row) is FragmentRow for row in found.values())


def test_identifiers_come_back_as_they_were(store: Store) -> None:
    rows = [
        IdentifierRow(1, "email", "ä'\"\x1f@e.io", 5, 6, False),
        IdentifierRow(TOP, "anonymous_id", "", None, None, True),
    ]
    store.write(lambda tx: tx.put_identifiers(rows))
    found = store.read(lambda tx: tx.identifiers([1, TOP]))
    assert found == {1: rows[0], TOP: rows[1]}
    assert found[TOP].is_shared is True
    moved = [row._replace(customer=9, is_shared=True) for row in rows]
    store.write(lambda tx: tx.put_identifiers(moved))
    assert store.read(lambda tx: tx.identifiers([1, TOP])) == {row.key: row for row in moved}
    store.write(lambda tx: tx.delete_identifiers([1, 2]))
    assert store.read(lambda tx: tx.identifiers([1, TOP])) == {TOP: moved[1]}


def test_fragments_are_replaced_and_deleted_without_their_events(store: Store) -> None:
    def begin(tx: Transaction) -> None:
        tx.put_fragments([FragmentRow(1, 10, 1, 1)])
        tx.append([LogRow(1, 10, 1, 1, b"event")])
        tx.put_fragments([FragmentRow(1, 5, 2, 3)])

    store.write(begin)
    assert store.read(lambda tx: tx.fragments([1])) == {1: FragmentRow(1, 5, 2, 3)}
    store.write(lambda tx: tx.delete_fragments([1, 99]))
    assert store.read(lambda tx: tx.fragments([1])) == {}
    assert store.read(lambda tx: tx.count_events([1])) == 1


class Versioned:
    """The calls of one kind of row with a version."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def row(self, key: int, version: int = 0, body: bytes = b"body") -> Any:
        if self.kind == "clusters":
            return ClusterRow(key, version, body)
        return customer(key, version, body=body)

    def read(self, tx: Transaction, *keys: int) -> dict[int, Any]:
        return tx.clusters(keys) if self.kind == "clusters" else dict(tx.customers(keys))

    def put(self, tx: Transaction, *rows: Any) -> None:
        tx.put_clusters(rows) if self.kind == "clusters" else tx.put_customers(rows)

    def delete(self, tx: Transaction, *rows: Any) -> None:
        tx.delete_clusters(rows) if self.kind == "clusters" else tx.delete_customers(rows)


@pytest.fixture(params=["clusters", "customers"])
def kind(request: pytest.FixtureRequest) -> Versioned:
    return Versioned(request.param)


def test_each_write_counts_the_version_up(store: Store, kind: Versioned) -> None:
    store.write(lambda tx: kind.put(tx, kind.row(1), kind.row(2)))
    store.write(lambda tx: kind.put(tx, kind.row(1, 1, b"new"), kind.row(3)))
    found = store.read(lambda tx: kind.read(tx, 1, 2, 3))
    assert found == {1: kind.row(1, 2, b"new"), 2: kind.row(2, 1), 3: kind.row(3, 1)}


@pytest.mark.parametrize("version", [0, 1, 3], ids=["as-new", "older", "newer"])
def test_a_stale_put_is_refused_whole(store: Store, kind: Versioned, version: int) -> None:
    store.write(lambda tx: kind.put(tx, kind.row(1)))
    store.write(lambda tx: kind.put(tx, kind.row(1, 1)))

    def work(tx: Transaction) -> None:
        tx.put_meta("beside", b"value")
        kind.put(tx, kind.row(2), kind.row(1, version, b"lost"))

    with pytest.raises(StaleWrite):
        store.write(work)
    assert store.read(lambda tx: kind.read(tx, 1, 2)) == {1: kind.row(1, 2)}
    assert store.read(lambda tx: tx.get_meta("beside")) is None


def test_what_is_gone_is_stale_too(store: Store, kind: Versioned) -> None:
    with pytest.raises(StaleWrite):
        store.write(lambda tx: kind.put(tx, kind.row(1, 1)))
    with pytest.raises(StaleWrite):
        store.write(lambda tx: kind.delete(tx, kind.row(1, 1)))


def test_a_stale_delete_is_refused(store: Store, kind: Versioned) -> None:
    store.write(lambda tx: kind.put(tx, kind.row(1)))
    with pytest.raises(StaleWrite):
        store.write(lambda tx: kind.delete(tx, kind.row(1, 2)))
    assert store.read(lambda tx: kind.read(tx, 1)) == {1: kind.row(1, 1)}
    store.write(lambda tx: kind.delete(tx, kind.row(1, 1)))
    assert store.read(lambda tx: kind.read(tx, 1)) == {}
    store.write(lambda tx: kind.put(tx, kind.row(1)))
    assert store.read(lambda tx: kind.read(tx, 1)) == {1: kind.row(1, 1)}


def test_a_stale_write_that_is_caught_never_commits(store: Store, kind: Versioned) -> None:
    store.write(lambda tx: kind.put(tx, kind.row(1)))

    def work(tx: Transaction) -> None:
        tx.put_meta("beside", b"value")
        try:
            kind.put(tx, kind.row(1, 0))
        except StaleWrite:
            tx.put_meta("after", b"value")

    with pytest.raises(StaleWrite):
        store.write(work)
    assert store.read(lambda tx: (tx.get_meta("beside"), tx.get_meta("after"))) == (None, None)


def test_the_step_succeeds_when_it_is_repeated(store: Store, kind: Versioned) -> None:
    """Two workers read one row; the second is told, reads again and loses nothing."""
    store.write(lambda tx: kind.put(tx, kind.row(1, 0, b"0")))
    read_by_both = store.read(lambda tx: kind.read(tx, 1))[1]

    def add(tx: Transaction, held: Any) -> None:
        kind.put(tx, held._replace(body=held.body + b"+"))

    store.write(lambda tx: add(tx, read_by_both))
    with pytest.raises(StaleWrite):
        store.write(lambda tx: add(tx, read_by_both))
    store.write(lambda tx: add(tx, kind.read(tx, 1)[1]))
    assert store.read(lambda tx: kind.read(tx, 1))[1].body == b"0++"


def test_customers_come_back_as_they_were(store: Store) -> None:
    rows = [
        customer(1, cluster=TOP, signal_set=TOP, due=-5, refold=1, body=b""),
        customer(TOP, due=None, body=bytes(range(256)) * 40),
    ]
    store.write(lambda tx: tx.put_customers(rows))
    found = store.read(lambda tx: tx.customers([1, TOP]))
    assert found == {row.key: row._replace(version=1) for row in rows}
    changed = rows[0]._replace(version=1, due=None, refold=0, body=b"x")
    store.write(lambda tx: tx.put_customers([changed]))
    assert store.read(lambda tx: tx.customers([1])) == {1: changed._replace(version=2)}


def test_due_customers_come_earliest_first(store: Store) -> None:
    due = {1: 30, 2: 10, 3: None, 4: 20, 5: 10, 6: 31}
    rows = [customer(key, due=at) for key, at in due.items()]
    store.write(lambda tx: tx.put_customers(rows))
    assert store.read(lambda tx: tx.due_customers(30, 10)) == [2, 5, 4, 1]
    assert store.read(lambda tx: tx.due_customers(30, 2)) == [2, 5]
    assert store.read(lambda tx: tx.due_customers(9, 10)) == []


def test_customers_that_wait_for_a_refold_are_found(store: Store) -> None:
    rows = [customer(key, refold=key % 2) for key in range(6)]
    store.write(lambda tx: tx.put_customers(rows))
    assert store.read(lambda tx: tx.customers_to_refold(10)) == [1, 3, 5]
    assert store.read(lambda tx: tx.customers_to_refold(2)) == [1, 3]
    store.write(lambda tx: tx.put_customers([customer(3, 1, refold=0)]))
    assert store.read(lambda tx: tx.customers_to_refold(10)) == [1, 5]


def test_customers_outside_a_signal_set_are_found_by_key(store: Store) -> None:
    sets = {1: 7, 2: 8, 3: 0, 4: 7, 5: TOP, 6: 8}
    rows = [customer(key, signal_set=number) for key, number in sets.items()]
    store.write(lambda tx: tx.put_customers(rows))
    assert store.read(lambda tx: tx.customers_outside(7, -1, 10)) == [2, 3, 5, 6]
    assert store.read(lambda tx: tx.customers_outside(7, 2, 2)) == [3, 5]
    assert store.read(lambda tx: tx.customers_outside(9, -1, 10)) == [1, 2, 3, 4, 5, 6]
    assert store.read(lambda tx: tx.customers_outside(7, 6, 10)) == []


def test_scans_go_by_key_and_miss_none(store: Store) -> None:
    keys = [0, 3, 8, 1_000, TOP]
    store.write(lambda tx: tx.put_customers([customer(key) for key in reversed(keys)]))
    store.write(lambda tx: tx.put_clusters([ClusterRow(key, 0, b"c") for key in reversed(keys)]))
    for scan in (
        lambda after: store.read(lambda tx: tx.scan_customers(after, 2)),
        lambda after: store.read(lambda tx: tx.scan_clusters(after, 2)),
    ):
        found: list[Any] = []
        after = -1
        while rows := scan(after):
            assert len(rows) <= 2
            found += rows
            after = rows[-1].key
        assert [row.key for row in found] == keys
        assert {row.version for row in found} == {1}
    some = store.read(lambda tx: tx.scan_customers(0, 10, 1_000))
    assert [row.key for row in some] == [3, 8, 1_000], "beyond one key, up to another"
    assert [row.key for row in store.read(lambda tx: tx.scan_customers(-1, 1, 0))] == [0]
