"""What every back end owes of the log: the order, the bounds, the numbers, and forgetting."""

from __future__ import annotations

from typing import Any

import pytest

from heedful.kernel import InvariantError
from heedful.ports import LogRow, Store, Transaction

TOP = (1 << 63) - 1


def row(seq: int, fragment: int, at: int, key: int) -> LogRow:
    """One event whose body says its number."""
    return LogRow(fragment, at, key, seq, b"event %d" % seq)


ROWS = [
    row(1, 10, 300, 5),
    row(2, 20, 100, 9),
    row(3, 10, 100, 4),
    row(4, 30, 200, 1),
    row(5, 10, 200, 2),
    row(6, 20, 200, 2),  # the same instant and key under another fragment
    row(7, 10, -50, TOP),
    row(8, 20, 300, 0),
]
IN_ORDER = sorted(ROWS, key=lambda r: (r.at, r.key, r.seq))


@pytest.fixture
def filled(store: Store) -> Store:
    store.write(lambda tx: tx.append(ROWS[:3]))
    store.write(lambda tx: tx.append(ROWS[3:]))
    return store


def of(store: Store, fragments: list[int], **bounds: Any) -> list[LogRow]:
    """Read the events of fragments on a snapshot."""
    return store.read(lambda tx: list(tx.events_of(fragments, **bounds)))


def test_the_log_is_in_the_order_of_seq(filled: Store) -> None:
    assert filled.read(lambda tx: tx.log(0, 100)) == ROWS
    assert filled.read(lambda tx: tx.log(2, 3)) == ROWS[2:5]
    assert filled.read(lambda tx: tx.log(8, 3)) == []
    assert filled.read(lambda tx: tx.last_seq()) == 8


def test_events_are_merged_by_at_then_key_then_seq(filled: Store) -> None:
    assert of(filled, [30, 10, 20]) == IN_ORDER
    assert of(filled, [10]) == [r for r in IN_ORDER if r.fragment == 10]
    assert of(filled, [10, 10, 20, 30, 30]) == IN_ORDER
    assert of(filled, [99]) == of(filled, []) == []


def test_newest_first_is_the_order_reversed(filled: Store) -> None:
    assert of(filled, [10, 20, 30], newest_first=True) == IN_ORDER[::-1]


@pytest.mark.parametrize("newest_first", [False, True], ids=["oldest", "newest"])
@pytest.mark.parametrize("limit", [0, 1, 3, 100])
def test_a_limit_cuts_behind_the_order(filled: Store, limit: int, newest_first: bool) -> None:
    wanted = IN_ORDER[::-1] if newest_first else IN_ORDER
    assert of(filled, [10, 20, 30], limit=limit, newest_first=newest_first) == wanted[:limit]


@pytest.mark.parametrize("from_at", [-100, -50, 100, 101, 300, 301])
def test_from_at_is_inclusive(filled: Store, from_at: int) -> None:
    assert of(filled, [10, 20, 30], from_at=from_at) == [r for r in IN_ORDER if r.at >= from_at]


@pytest.mark.parametrize("before", [(200, 2), (200, 3), (-50, TOP), (300, 0), (301, 0)], ids=str)
def test_before_is_exclusive(filled: Store, before: tuple[int, int]) -> None:
    wanted = [r for r in IN_ORDER if (r.at, r.key) < before]
    assert of(filled, [10, 20, 30], before=before) == wanted
    assert of(filled, [10, 20, 30], before=before, newest_first=True) == wanted[::-1]


@pytest.mark.parametrize("after_seq", [0, 3, 5, 8])
def test_after_seq_gives_what_landed_since(filled: Store, after_seq: int) -> None:
    wanted = [r for r in IN_ORDER if r.seq > after_seq]
    assert of(filled, [10, 20, 30], after_seq=after_seq) == wanted


def test_pages_by_cursor_see_every_event_once(filled: Store) -> None:
    """Within one fragment `(at, key)` is a cursor; events that land meanwhile do not shift it."""
    found: list[LogRow] = []
    before = None
    while True:
        page = of(filled, [10], before=before, limit=1, newest_first=True)
        if not page:
            break
        found += page
        before = (page[-1].at, page[-1].key)
        filled.write(lambda tx: tx.append([row(tx.last_seq() + 1, 10, 10_000, 1)]))
    assert found == [r for r in IN_ORDER[::-1] if r.fragment == 10]


def test_events_are_counted_by_fragment(filled: Store) -> None:
    counted = [filled.read(lambda tx, f=f: tx.count_events(f)) for f in ([10], [10, 10, 30], [99])]
    assert counted == [4, 5, 0]
    assert filled.read(lambda tx: tx.count_events([])) == 0


@pytest.mark.parametrize("seqs", [[2], [0], [1, 3], [2, 1], [1, 1]], ids=str)
def test_a_gap_in_seq_is_refused_whole(store: Store, seqs: list[int]) -> None:
    with pytest.raises(InvariantError) as caught:
        store.write(lambda tx: tx.append([row(seq, 1, 1, 1) for seq in seqs]))
    assert caught.value.code == "seq_gap"
    assert store.read(lambda tx: (tx.last_seq(), tx.log(0, 10))) == (0, [])


def test_several_appends_in_one_transaction_go_on(store: Store) -> None:
    def work(tx: Transaction) -> list[LogRow]:
        tx.append([])
        tx.append([row(1, 1, 1, 1)])
        tx.append([row(2, 1, 2, 1), row(3, 2, 0, 1)])
        return list(tx.events_of([1, 2]))

    inside = store.write(work)
    assert [r.seq for r in inside] == [3, 1, 2]
    assert of(store, [1, 2]) == inside


def test_deleted_events_are_nowhere_and_seq_never_falls(filled: Store) -> None:
    assert filled.write(lambda tx: tx.delete_events([10, 10, 99])) == 4
    assert of(filled, [10]) == []
    assert filled.read(lambda tx: tx.count_events([10, 20])) == 3
    assert [r.seq for r in filled.read(lambda tx: tx.log(0, 100))] == [2, 4, 6, 8]
    assert filled.write(lambda tx: tx.delete_events([20, 30])) == 4
    assert filled.read(lambda tx: tx.last_seq()) == 8
    filled.write(lambda tx: tx.append([row(9, 10, 5, 5)]))
    assert of(filled, [10, 20, 30]) == [row(9, 10, 5, 5)]
    assert filled.write(lambda tx: tx.delete_events([20])) == 0


def test_single_events_are_deleted(filled: Store) -> None:
    assert filled.write(lambda tx: tx.delete_rows([5, 2, 5, 99])) == 2
    assert [r.seq for r in filled.read(lambda tx: tx.log(0, 100))] == [1, 3, 4, 6, 7, 8]
    assert of(filled, [10, 20, 30]) == [r for r in IN_ORDER if r.seq not in (2, 5)]
    assert filled.read(lambda tx: (tx.count_events([10, 20]), tx.last_seq())) == (5, 8)
    assert filled.stats().events == 6
    assert filled.write(lambda tx: tx.delete_rows([2])) == 0
    assert filled.write(lambda tx: tx.delete_rows([])) == 0


def test_events_are_deleted_in_the_transaction_that_added_them(store: Store) -> None:
    def work(tx: Transaction) -> int:
        tx.append([row(1, 1, 1, 1), row(2, 2, 1, 1)])
        return tx.delete_events([1])

    assert store.write(work) == 1
    assert of(store, [1, 2]) == [row(2, 2, 1, 1)]


def test_a_rolled_back_append_gives_its_numbers_again(filled: Store) -> None:
    def work(tx: Transaction) -> None:
        tx.append([row(9, 10, 1, 1)])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        filled.write(work)
    filled.write(lambda tx: tx.append([row(9, 20, 1, 1)]))
    assert row(9, 10, 1, 1) not in of(filled, [10])
    assert row(9, 20, 1, 1) in of(filled, [20])
