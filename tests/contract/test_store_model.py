"""The file and the memory answer alike, whatever was done before: one is the other's model.

The index of the log is filed after every third event here and its runs are four events long, so
a few steps go through all that a busy store does in hours.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.ports import Claim, CustomerRow, LogRow, StaleWrite, Store, Transaction
from heedful.store import SqliteStore
from heedful.store import log as log_module
from heedful.store import sqlite as sqlite_module
from heedful.store.memory import MemoryStore
from tests.contract.conftest import SETTINGS

Step = Callable[[Store], Any]

fragments = st.integers(1, 4)
some_fragments = st.lists(fragments, max_size=4)
instants = st.integers(-3, 6)
keys = st.integers(0, 3)


def appended(addresses: list[tuple[int, int, int]], is_kept: bool) -> Step:
    """Append events, and roll them back unless they are kept."""

    def work(tx: Transaction) -> list[LogRow]:
        first = tx.last_seq() + 1
        rows = [
            LogRow(fragment, at, key, seq, b"%d" % seq)
            for seq, (fragment, at, key) in enumerate(addresses, first)
        ]
        tx.append(rows)
        found = list(tx.events_of([1, 2, 3, 4]))
        if not is_kept:
            raise ZeroDivisionError
        return found

    return lambda store: store.write(work)


def read_back(wanted: list[int], bounds: dict[str, Any]) -> Step:
    def work(tx: Transaction) -> Any:
        found = list(tx.events_of(wanted, **bounds))
        return found, tx.count_events(wanted), tx.last_seq(), tx.log(0, 100)

    return lambda store: (store.read(work), store.write(work), store.stats()[:3])


def versioned(key: int, version: int, due: int | None, number: int) -> Step:
    row = CustomerRow(key, version, 1, number, due, number % 2, b"body")

    def work(tx: Transaction) -> Any:
        tx.put_customers([row])
        return tx.customers([0, 1, 2, 3])

    return lambda store: store.write(work)


def looked(now: int, number: int, after: int, limit: int) -> Step:
    def work(tx: Transaction) -> Any:
        return (
            tx.due_customers(now, limit),
            tx.customers_to_refold(limit),
            tx.customers_outside(number, after, limit),
            tx.scan_customers(after, limit),
        )

    return lambda store: store.read(work)


def claimed(claims: list[Claim]) -> Step:
    return lambda store: store.write(lambda tx: tx.claim(claims))


def archived(before: int, keep: list[int], cleans: bool) -> Step:
    """Move what is old into files; the model has none, and must answer the same."""

    def step(store: Store) -> None:
        store.archive(before, lambda body: {"said": body.hex()}, keep=keep)
        if cleans:
            store.vacuum()

    return step


bounds = st.fixed_dictionaries(
    {},
    optional={
        "after_seq": st.integers(0, 12),
        "from_at": instants,
        "before": st.tuples(instants, keys),
        "limit": st.integers(0, 4),
        "newest_first": st.booleans(),
    },
)
claims = st.lists(
    st.builds(Claim, st.integers(0, 3), st.integers(0, 2), st.integers(0, 1)), max_size=4
)
steps = st.one_of(
    st.builds(
        appended,
        st.lists(st.tuples(fragments, instants, keys), min_size=1, max_size=4),
        st.sampled_from([True, True, True, False]),
    ),
    st.builds(
        lambda wanted: lambda store: store.write(lambda tx: tx.delete_events(wanted)),
        some_fragments,
    ),
    st.builds(
        lambda seqs: lambda store: store.write(lambda tx: tx.delete_rows(seqs)),
        st.lists(st.integers(1, 12), max_size=3),
    ),
    st.builds(read_back, some_fragments, bounds),
    st.builds(versioned, keys, st.integers(0, 2), st.none() | st.integers(0, 3), st.integers(0, 2)),
    st.builds(looked, keys, st.integers(0, 2), st.integers(-1, 3), st.integers(1, 3)),
    st.builds(claimed, claims),
    st.builds(
        archived, st.integers(0, 4), st.lists(fragments, max_size=1), st.sampled_from([False, True])
    ),
)


def answered(step: Step, store: Store) -> Any:
    try:
        return step(store)
    except (StaleWrite, ZeroDivisionError) as error:
        return type(error)


@given(st.lists(steps, min_size=1, max_size=15))
@settings(max_examples=150, deadline=None)
def test_the_file_answers_as_the_memory_does(taken: list[Step]) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(sqlite_module, "BULK_EVENTS", 3)
        patch.setattr(log_module, "RUN_BITS", 2)
        model = MemoryStore()
        store: Store = SqliteStore(f"{folder}/heedful.db", SETTINGS)
        for index, step in enumerate(taken):
            assert answered(step, store) == answered(step, model), index
            if index % 4 == 3:  # what was not filed yet is found again by the next process
                store.close()
                store = SqliteStore(f"{folder}/heedful.db", SETTINGS)
        everything = read_back([1, 2, 3, 4], {})
        assert everything(store) == everything(model)
        store.close()
