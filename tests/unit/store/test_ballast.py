"""Room kept back, given up and taken again, with a disk whose free space the test decides."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from heedful.ports import LogRow, StoreFull, Transaction
from heedful.store import SqliteSettings, SqliteStore
from heedful.store import ballast as ballast_module
from heedful.store.ballast import Ballast

MIB = 1 << 20


class Disk:
    """Says how much is free."""

    def __init__(self) -> None:
        self.free = 1_000 * MIB

    def statvfs(self, path: Any) -> SimpleNamespace:
        return SimpleNamespace(f_bavail=self.free // 4_096, f_frsize=4_096)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk()
    monkeypatch.setattr(ballast_module.os, "statvfs", made.statvfs)
    return made


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "heedful.db")


@pytest.fixture
def store(path: str, disk: Disk) -> Iterator[SqliteStore]:
    settings = SqliteSettings(ballast_bytes=2 * MIB, free_bytes_min=64 * MIB)
    made = SqliteStore(path, settings)
    yield made
    made.close()


def add(tx: Transaction) -> None:
    seq = tx.last_seq() + 1
    tx.append([LogRow(seq, seq, seq, seq, b"event")])


def ballast_bytes(path: str) -> int:
    """Bytes that the ballast really takes of the disk."""
    file = Path(f"{path}.ballast")
    return file.stat().st_blocks * 512 if file.exists() else 0


def test_the_ballast_takes_real_room(store: SqliteStore, path: str) -> None:
    assert os.path.getsize(f"{path}.ballast") == 2 * MIB
    assert ballast_bytes(path) >= 2 * MIB


def test_below_the_watermark_only_what_makes_room_is_written(
    store: SqliteStore, disk: Disk
) -> None:
    store.write(add)
    disk.free = 63 * MIB
    with pytest.raises(StoreFull):
        store.write(add)
    assert store.write(lambda tx: tx.delete_events([1]), makes_room=True) == 1
    assert store.read(lambda tx: tx.last_seq()) == 1
    disk.free = 1_000 * MIB
    store.write(add)
    assert store.read(lambda tx: tx.last_seq()) == 2


def test_a_full_disk_gives_the_ballast_up_and_deletions_get_through(
    store: SqliteStore, path: str, disk: Disk
) -> None:
    """SQLite finds no room although the system said that there was some."""
    store.write(add)
    tries = 0

    def work(tx: Transaction) -> int:
        nonlocal tries
        tries += 1
        if ballast_bytes(path):
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            error.sqlite_errorname = "SQLITE_FULL"
            raise error
        return tx.delete_events([1])

    assert store.write(work, makes_room=True) == 1
    assert tries == 2
    assert ballast_bytes(path) == 0


def test_an_ordinary_write_does_not_eat_what_the_ballast_gave(
    store: SqliteStore, path: str
) -> None:
    tries = 0

    def work(tx: Transaction) -> None:
        nonlocal tries
        tries += 1
        raise StoreFull("none")

    with pytest.raises(StoreFull):
        store.write(work)
    assert tries == 1
    assert ballast_bytes(path) == 0


def test_the_ballast_is_taken_back_when_there_is_room(
    store: SqliteStore, path: str, disk: Disk
) -> None:
    assert store.release_ballast()
    assert not store.release_ballast()
    disk.free = 65 * MIB  # above the watermark, but the ballast would push it below
    store.write(add)
    assert ballast_bytes(path) == 0
    disk.free = 67 * MIB
    store.write(add)
    assert ballast_bytes(path) >= 2 * MIB


def test_a_ballast_that_cannot_be_made_is_none(path: str, disk: Disk) -> None:
    Path(f"{path}.ballast").mkdir()
    ballast = Ballast(path, MIB, 0)
    assert ballast.has_room()
    assert not ballast.is_held


def test_an_older_ballast_of_the_same_size_is_kept(path: str, disk: Disk) -> None:
    first = Ballast(path, MIB, 0)
    assert first.has_room()
    assert Ballast(path, MIB, 0).is_held
    assert not Ballast(path, 2 * MIB, 0).is_held
