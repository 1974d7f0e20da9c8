"""A copy is of one moment, whole or not there, and never meets the log of what it replaces."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from heedful.kernel import InputError
from heedful.ports import LogRow, StoreUnavailable, Transaction
from heedful.store import OwnerLock, SqliteSettings, SqliteStore, restore

SETTINGS = SqliteSettings(ballast_bytes=0, free_bytes_min=0)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "heedful.db")


@pytest.fixture
def store(path: str) -> Iterator[SqliteStore]:
    made = SqliteStore(path, SETTINGS)
    made.write(lambda tx: [add(tx) for _ in range(200)])
    yield made
    made.close()


def add(tx: Transaction) -> None:
    """Add one event, and count it beside the log."""
    seq = tx.last_seq() + 1
    tx.append([LogRow(seq % 7, seq, seq, seq, os.urandom(2_000))])
    tx.put_meta("count", b"%d" % seq)


def counted(store: SqliteStore) -> tuple[int, int]:
    """The events of the log, and how many there should be."""

    def read(tx: Transaction) -> tuple[int, int]:
        return len(tx.log(0, 1_000_000)), int(tx.get_meta("count") or b"0")

    return store.read(read)


def test_a_backup_while_writing_is_of_one_moment(store: SqliteStore, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            store.write(add)

    before = store.read(lambda tx: tx.last_seq())
    writer = threading.Thread(target=write)
    writer.start()
    steps: list[tuple[int, int]] = []
    try:
        store.backup(str(tmp_path / "copy.db"), lambda done, total: steps.append((done, total)))
    finally:
        stop.set()
        writer.join()
    assert store.read(lambda tx: tx.last_seq()) > before
    assert steps[-1][0] == steps[-1][1] > 0
    copy = SqliteStore(str(tmp_path / "copy.db"), SETTINGS)
    there, wanted = counted(copy)
    assert there == wanted >= before
    copy.close()


def test_a_restored_store_is_the_one_of_the_backup(
    store: SqliteStore, path: str, tmp_path: Path
) -> None:
    backup = str(tmp_path / "copy.db")
    store.backup(backup)
    store.write(lambda tx: [add(tx) for _ in range(5)])
    store.close()
    restore(backup, path)
    again = SqliteStore(path, SETTINGS)
    assert counted(again) == (200, 200)
    again.write(add)
    assert counted(again) == (201, 201)
    again.close()
    assert Path(backup).stat().st_mode & 0o777 == 0o600


def test_the_log_of_a_killed_server_never_meets_the_backup(
    store: SqliteStore, path: str, tmp_path: Path
) -> None:
    """A WAL that was left behind belongs to the file that is replaced."""
    backup = str(tmp_path / "copy.db")
    store.backup(backup)
    store.write(lambda tx: [add(tx) for _ in range(50)])
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for suffix in ("", "-wal", "-shm"):  # as kill -9 leaves them
        shutil.copy(path + suffix, crashed / f"heedful.db{suffix}")
    store.close()
    target = str(crashed / "heedful.db")
    assert os.path.getsize(target + "-wal") > 0
    restore(backup, target)
    assert not os.path.exists(target + "-wal")
    again = SqliteStore(target, SETTINGS)
    assert counted(again) == (200, 200)
    again.close()


def test_a_store_is_restored_where_none_was(store: SqliteStore, tmp_path: Path) -> None:
    store.backup(str(tmp_path / "copy.db"))
    target = tmp_path / "elsewhere.db"
    restore(str(tmp_path / "copy.db"), str(target))
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    again = SqliteStore(str(target), SETTINGS)
    assert counted(again) == (200, 200)
    again.close()


def test_a_backup_never_replaces_a_file(store: SqliteStore, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_bytes(b"precious")
    with pytest.raises(InputError) as caught:
        store.backup(str(target))
    assert caught.value.code == "backup_exists"
    assert target.read_bytes() == b"precious"


def test_a_backup_that_is_stopped_leaves_nothing(store: SqliteStore, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise ZeroDivisionError

    folder = tmp_path / "backups"
    folder.mkdir()
    with pytest.raises(ZeroDivisionError):
        store.backup(str(folder / "copy.db"), stop)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("fault", ["cut", "flipped", "foreign", "empty", "text"])
def test_a_backup_that_is_not_whole_leaves_the_store_as_it_was(
    store: SqliteStore, path: str, tmp_path: Path, fault: str
) -> None:
    backup = tmp_path / "copy.db"
    store.backup(str(backup))
    store.close()
    body = backup.read_bytes()
    if fault == "cut":
        backup.write_bytes(body[: len(body) // 2])
    elif fault == "flipped":
        page = 4_096 * 20
        backup.write_bytes(body[:page] + b"\xa5" * 4_096 + body[page + 4_096 :])
    elif fault == "foreign":
        backup.unlink()
        other = sqlite3.connect(backup)
        other.execute("CREATE TABLE theirs (x)")
        other.close()
    else:
        backup.write_bytes(b"" if fault == "empty" else b"no database at all")
    with pytest.raises(StoreUnavailable) as caught:
        restore(str(backup), path)
    assert caught.value.code == ("store_foreign" if fault == "foreign" else "store_corrupt")
    again = SqliteStore(path, SETTINGS)
    assert counted(again) == (200, 200)
    again.close()


def test_a_store_in_use_is_not_replaced(store: SqliteStore, path: str, tmp_path: Path) -> None:
    store.backup(str(tmp_path / "copy.db"))
    with OwnerLock(path), pytest.raises(StoreUnavailable) as caught:
        restore(str(tmp_path / "copy.db"), path)
    assert caught.value.code == "already_owned"
    assert counted(store) == (200, 200)


@pytest.mark.parametrize("what", ["nothing", "folder"])
def test_a_missing_backup_is_refused_in_words(path: str, tmp_path: Path, what: str) -> None:
    if what == "folder":
        (tmp_path / "copy.db").mkdir()
    with pytest.raises(InputError) as caught:
        restore(str(tmp_path / "copy.db"), path)
    assert caught.value.code == "backup_missing"
