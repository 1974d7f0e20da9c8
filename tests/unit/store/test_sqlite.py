"""What only the file does: memory that follows the rollback, other writers, error words."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from heedful.kernel import InvariantError
from heedful.ports import CustomerRow, LogRow, StaleWrite, StoreFull, StoreUnavailable, Transaction
from heedful.store import SqliteSettings, SqliteStore
from heedful.store import log as log_module
from heedful.store import sqlite as sqlite_module

SETTINGS = SqliteSettings(ballast_bytes=0, free_bytes_min=0)


def row(seq: int, fragment: int = 1) -> LogRow:
    return LogRow(fragment, seq, seq, seq, b"event %d" % seq)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "heedful.db")


@pytest.fixture
def store(path: str) -> Iterator[SqliteStore]:
    made = SqliteStore(path, SETTINGS)
    yield made
    made.close()


def events(store: SqliteStore, fragment: int = 1) -> list[int]:
    return [r.seq for r in store.read(lambda tx: list(tx.events_of([fragment])))]


# -- what is kept in memory -----------------------------------------------------------------------


@pytest.mark.parametrize("filed", [False, True], ids=["in-the-tail", "filed"])
def test_a_rollback_drops_what_the_tail_remembered(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, filed: bool
) -> None:
    if filed:
        monkeypatch.setattr(sqlite_module, "BULK_EVENTS", 1)
    store.write(lambda tx: tx.append([row(1)]))

    def work(tx: Transaction) -> None:
        tx.append([row(2), row(3, fragment=2)])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.write(work)
    assert (events(store), events(store, 2)) == ([1], [])
    store.write(lambda tx: tx.append([row(2, fragment=2)]))
    assert (events(store), events(store, 2)) == ([1], [2])


def test_a_commit_that_fails_drops_what_the_tail_remembered(store: SqliteStore) -> None:
    """The commit itself is refused: what the transaction added must not be found afterwards."""
    store.write(lambda tx: tx.append([row(1)]))
    store._writer.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    store._writer.execute(
        "CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"
    )
    store._writer.execute("PRAGMA foreign_keys = ON")

    def work(tx: Transaction) -> None:
        tx.append([row(2)])
        tx.execute("INSERT INTO child VALUES (7)")  # type: ignore[attr-defined]

    with pytest.raises(sqlite3.IntegrityError):
        store.write(work)
    assert events(store) == [1]
    store.write(lambda tx: tx.append([row(2, fragment=2)]))
    assert (events(store), events(store, 2)) == ([1], [2])


def test_the_tail_is_read_back_by_the_next_process(path: str) -> None:
    first = SqliteStore(path, SETTINGS)
    first.write(lambda tx: tx.append([row(1), row(2)]))
    first.close()
    second = SqliteStore(path, SETTINGS)
    assert events(second) == [1, 2]
    second.close()


def test_filing_that_finds_no_room_is_done_after_the_next_write(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_module, "BULK_EVENTS", 2)

    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(sqlite_module, "file_tail", refuse)
        store.write(lambda tx: tx.append([row(1), row(2)]))
        assert events(store) == [1, 2]
    store.write(lambda tx: tx.append([row(3)]))
    assert len(store._tail) == 0
    assert events(store) == [1, 2, 3]


def test_a_reader_from_before_the_filing_still_finds_everything(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_module, "BULK_EVENTS", 2)
    store.write(lambda tx: tx.append([row(1)]))
    began, filed = threading.Event(), threading.Event()
    found: list[int] = []

    def read(tx: Transaction) -> None:
        began.set()
        assert filed.wait(10)
        found.extend(r.seq for r in tx.events_of([1]))

    reader = threading.Thread(target=store.read, args=(read,))
    reader.start()
    assert began.wait(10)
    store.write(lambda tx: tx.append([row(2)]))
    assert len(store._tail) == 0
    filed.set()
    reader.join()
    assert found == [1]


def test_runs_of_the_index_are_searched_one_by_one(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_module, "BULK_EVENTS", 1)
    monkeypatch.setattr(log_module, "RUN_BITS", 1)
    for seq in range(1, 10):
        store.write(lambda tx, seq=seq: tx.append([row(seq, fragment=seq % 2)]))
    assert events(store, 1) == [1, 3, 5, 7, 9]
    assert store.write(lambda tx: tx.delete_events([1])) == 5
    assert (events(store, 0), events(store, 1)) == ([2, 4, 6, 8], [])


def test_what_another_process_wrote_is_noticed_by_the_next_write(
    store: SqliteStore, path: str
) -> None:
    """`data_version`: the owner lock keeps others out, a person with a SQL shell it does not."""
    store.write(lambda tx: tx.append([row(1)]))
    other = SqliteStore(path, SETTINGS)
    other.write(lambda tx: tx.append([row(2)]))
    store.write(lambda tx: tx.append([row(3)]))
    assert events(store) == [1, 2, 3]
    with pytest.raises(ZeroDivisionError):
        store.write(lambda tx: 1 // 0)
    other.write(lambda tx: tx.append([row(4)]))
    other.close()
    store.write(lambda tx: None)
    assert events(store) == [1, 2, 3, 4]


# -- versions in another connection ---------------------------------------------------------------


def test_a_stale_write_is_refused_across_processes(store: SqliteStore, path: str) -> None:
    customer = CustomerRow(1, 0, 1, 1, None, 0, b"body")
    store.write(lambda tx: tx.put_customers([customer]))
    held = store.read(lambda tx: tx.customers([1]))[1]
    other = SqliteStore(path, SETTINGS)
    other.write(lambda tx: tx.put_customers([held]))
    other.close()
    with pytest.raises(StaleWrite):
        store.write(lambda tx: tx.put_customers([held]))


# -- reading beside writing -----------------------------------------------------------------------


def test_a_read_sees_one_snapshot_and_waits_for_no_writer(store: SqliteStore) -> None:
    store.write(lambda tx: tx.put_meta("name", b"old"))

    def look(tx: Transaction) -> list[bytes | None]:
        before = tx.get_meta("name")
        done = threading.Thread(
            target=lambda: store.write(lambda inner: inner.put_meta("name", b"new"))
        )
        done.start()
        done.join(10)
        assert not done.is_alive()
        return [before, tx.get_meta("name")]

    assert store.read(look) == [b"old", b"old"]
    assert store.read(lambda tx: tx.get_meta("name")) == b"new"

    def write(tx: Transaction) -> bytes | None:
        tx.put_meta("name", b"newest")
        return store.read(lambda inner: inner.get_meta("name"))

    assert store.write(write) == b"new"


def test_a_reader_that_raises_gives_its_connection_back(path: str) -> None:
    store = SqliteStore(path, SqliteSettings(ballast_bytes=0, free_bytes_min=0, readers_max=1))
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            store.read(lambda tx: 1 // 0)
    assert store.read(lambda tx: tx.last_seq()) == 0
    store.close()


# -- the file -------------------------------------------------------------------------------------


def test_the_file_and_its_log_are_private_and_durable(store: SqliteStore, path: str) -> None:
    store.write(lambda tx: tx.put_meta("name", b"value"))
    for suffix in ("", "-wal", "-shm"):
        assert stat.S_IMODE(Path(path + suffix).stat().st_mode) == 0o600
    assert store._writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._writer.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_vacuum_leaves_no_deleted_byte_in_the_file_or_its_log(
    store: SqliteStore, path: str
) -> None:
    canary = b"canary-7f3a91"
    store.write(lambda tx: tx.append([LogRow(1, 1, 1, 1, canary * 500), row(2, 2)]))
    store.write(lambda tx: tx.delete_events([1]))

    def is_there() -> bool:
        return any(canary in Path(path + suffix).read_bytes() for suffix in ("", "-wal", "-shm"))

    assert is_there()
    store.vacuum()
    assert not is_there()
    assert events(store, 2) == [2]


def test_vacuum_says_when_a_read_keeps_deleted_bytes_alive(path: str) -> None:
    settings = SqliteSettings(ballast_bytes=0, free_bytes_min=0, busy_wait_ms=1)
    store = SqliteStore(path, settings)
    store.write(lambda tx: tx.append([row(1)]))

    def read(tx: Transaction) -> None:
        tx.last_seq()
        with pytest.raises(StoreUnavailable) as caught:
            store.vacuum()
        assert caught.value.code == "store_busy"

    store.read(read)
    store.vacuum()
    store.close()


def test_a_file_that_may_grow_no_further_is_full_and_recovers(path: str) -> None:
    settings = SqliteSettings(ballast_bytes=0, free_bytes_min=0, file_bytes_max=800 * 1024)
    store = SqliteStore(path, settings)
    kept = 0

    def add(tx: Transaction) -> None:
        tx.append([LogRow(kept + 1, 1, 1, kept + 1, b"x" * 50_000)])

    with pytest.raises(StoreFull):  # noqa: PT012
        while True:
            store.write(add)
            kept += 1
    assert kept > 1
    assert store.read(lambda tx: tx.last_seq()) == kept
    store.write(lambda tx: tx.delete_events(list(range(1, kept + 1))), makes_room=True)
    store.write(add)
    assert events(store, kept + 1) == [kept + 1]
    store.close()


def test_a_damaged_file_is_refused_in_words(path: str) -> None:
    Path(path).write_bytes(b"SQLite format 3\x00" + b"\xff" * 5_000)
    with pytest.raises(StoreUnavailable) as caught:
        SqliteStore(path, SETTINGS)
    assert caught.value.code == "store_corrupt"


def test_a_missing_folder_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        SqliteStore(str(tmp_path / "nowhere" / "heedful.db"), SETTINGS)
    assert caught.value.code == "store_cannot_open"


def test_a_fault_of_our_own_statements_is_not_dressed_up(store: SqliteStore) -> None:
    with pytest.raises(sqlite3.OperationalError):
        store.write(lambda tx: tx.execute("SELECT nothing FROM nowhere"))  # type: ignore[attr-defined]


def test_slots_that_are_no_hashes_stop_the_work(store: SqliteStore) -> None:
    from heedful.ports import Claim
    from heedful.store.aggregates import PROBES_MAX

    crowd = [Claim(1, check, 1) for check in range(PROBES_MAX + 1)]
    with pytest.raises(InvariantError) as caught:
        store.write(lambda tx: tx.claim(crowd))
    assert caught.value.code == "slots_crowded"
