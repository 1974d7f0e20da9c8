"""A file of any older version opens as what it was; one of a newer version is left alone.

Version 1 is written out in `schema_1.sql`, so that no edit of a released step goes unseen.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from heedful.ports import (
    CLAIM_DUPLICATE,
    Claim,
    ClusterRow,
    CustomerRow,
    FragmentRow,
    IdentifierRow,
    KeyRow,
    LogRow,
    QuarantineRow,
    StoreUnavailable,
    Transaction,
)
from heedful.store import SqliteSettings, SqliteStore, restore, schema

SETTINGS = SqliteSettings(ballast_bytes=0, free_bytes_min=0)
VERSION_1 = Path(__file__).with_name("schema_1.sql").read_text("utf-8")
ROWS_1 = """
INSERT INTO seen VALUES (7, 8, 9);
INSERT INTO fragments VALUES (1, 100, 5, 6);
INSERT INTO identifiers VALUES (2, 'email', 'a@b.c', 5, 6, 0);
INSERT INTO identifiers VALUES (3, 'anonymous_id', 'k', NULL, NULL, 1);
INSERT INTO clusters VALUES (5, 4, x'c1');
INSERT INTO customers VALUES (6, 3, 5, 77, 500, 1, x'c2');
INSERT INTO events VALUES (1, 1, 100, 11, x'e1'), (2, 1, 90, 12, x'e2'), (4, 2, 80, 13, x'e4');
INSERT INTO places VALUES (0, 1, 90, 12, 2), (0, 1, 100, 11, 1);
UPDATE counters SET value = 4 WHERE name = 'last_seq';
UPDATE counters SET value = 2 WHERE name = 'filed_seq';
UPDATE counters SET value = 1 WHERE name = 'events_deleted';
INSERT INTO separations VALUES (20, x'5e');
INSERT INTO separation_names VALUES (2, 20);
INSERT INTO suppressed VALUES (30, 50);
INSERT INTO quarantine VALUES (9, 1, 'web', 'bad', 'Expected.', x'90', x'7b7d');
INSERT INTO features VALUES (1000, '["event","","Viewed"]');
INSERT INTO api_keys VALUES (x'aa', 'owner', 'me', 1, NULL);
INSERT INTO meta VALUES ('strategy', x'01');
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "heedful.db")


def made_by(path: str, *scripts: str) -> None:
    connection = sqlite3.connect(path)
    for script in scripts:
        connection.executescript(script)
    connection.close()


def made_by_steps(path: str, version: int) -> None:
    """Make an empty file as the program of a version did."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN")
    for step in schema._UPGRADES[:version]:
        step(connection)
    connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.execute("COMMIT")
    connection.close()


def tables(path: str) -> dict[str, str]:
    """What a file is made of, without its line breaks."""
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql NOT NULL").fetchall()
    connection.close()
    return {name: re.sub(r"\s+", " ", sql) for name, sql in rows}


def version_of(path: str) -> int:
    connection = sqlite3.connect(path)
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.close()
    return found


def require_everything(store: SqliteStore) -> None:
    """Find all that `ROWS_1` put there."""

    def read(tx: Transaction) -> None:
        assert tx.fragments([1]) == {1: FragmentRow(1, 100, 5, 6)}
        assert tx.identifiers([2, 3]) == {
            2: IdentifierRow(2, "email", "a@b.c", 5, 6, False),
            3: IdentifierRow(3, "anonymous_id", "k", None, None, True),
        }
        assert tx.clusters([5]) == {5: ClusterRow(5, 4, b"\xc1")}
        assert tx.customers([6]) == {6: CustomerRow(6, 3, 5, 77, 500, 1, b"\xc2")}
        assert list(tx.events_of([1, 2])) == [
            LogRow(2, 80, 13, 4, b"\xe4"),
            LogRow(1, 90, 12, 2, b"\xe2"),
            LogRow(1, 100, 11, 1, b"\xe1"),
        ]
        assert (tx.last_seq(), tx.separations([2])) == (4, {20: b"\x5e"})
        assert tx.suppressed([30]) == {30}
        assert tx.quarantined(0, 9) == [
            QuarantineRow(9, 1, "web", "bad", "Expected.", b"\x90", b"{}")
        ]
        assert tx.features() == [(1000, '["event","","Viewed"]')]
        assert tx.keys() == [KeyRow(b"\xaa", "owner", "me", 1, None)]
        assert tx.get_meta("strategy") == b"\x01"

    store.read(read)
    assert store.stats().events == 3


def test_a_workspace_of_version_1_opens_with_everything_in_it(path: str) -> None:
    made_by(path, VERSION_1, ROWS_1)
    store = SqliteStore(path, SETTINGS)
    require_everything(store)
    assert store.write(lambda tx: tx.claim([Claim(7, 8, 9)])) == [CLAIM_DUPLICATE]
    changed = store.read(lambda tx: tx.customers([6]))[6]
    store.write(lambda tx: tx.put_customers([changed._replace(body=b"new")]))
    assert store.read(lambda tx: tx.customers([6]))[6] == changed._replace(version=4, body=b"new")
    store.write(lambda tx: tx.append([LogRow(1, 5, 5, 5, b"next")]))
    store.close()
    assert version_of(path) == schema.SCHEMA_VERSION


def test_the_step_to_version_1_is_what_was_released(path: str, tmp_path: Path) -> None:
    released = str(tmp_path / "released.db")
    made_by(released, VERSION_1)
    made_by_steps(path, 1)
    assert tables(path) == tables(released)


@pytest.mark.parametrize("version", range(1, schema.SCHEMA_VERSION + 1))
def test_a_file_of_every_version_becomes_what_a_new_one_is(
    path: str, tmp_path: Path, version: int
) -> None:
    new = str(tmp_path / "new.db")
    made_by_steps(path, version)
    for one in (path, new):
        SqliteStore(one, SETTINGS).close()
        assert version_of(one) == schema.SCHEMA_VERSION
    assert tables(path) == tables(new)


def test_there_is_a_step_for_every_version() -> None:
    assert len(schema._UPGRADES) == schema.SCHEMA_VERSION


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_by(path, VERSION_1, ROWS_1)
    before = tables(path)

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE half (x)")
        connection.execute("UPDATE meta SET value = x'ff'")
        raise ZeroDivisionError

    steps: tuple[Callable[[sqlite3.Connection], None], ...] = (*schema._UPGRADES, fail)
    with monkeypatch.context() as patch:
        patch.setattr(schema, "_UPGRADES", steps)
        patch.setattr(schema, "SCHEMA_VERSION", len(steps))
        with pytest.raises(ZeroDivisionError):
            SqliteStore(path, SETTINGS)
    assert (version_of(path), tables(path)) == (1, before)
    store = SqliteStore(path, SETTINGS)
    require_everything(store)
    store.close()


def test_a_file_of_a_newer_version_is_refused_in_words_and_untouched(path: str) -> None:
    newer = schema.SCHEMA_VERSION + 1
    made_by(path, VERSION_1, ROWS_1, f"PRAGMA user_version = {newer}")
    before = Path(path).read_bytes()
    with pytest.raises(StoreUnavailable) as caught:
        SqliteStore(path, SETTINGS)
    assert caught.value.code == "store_newer"
    said = f"Expected schema version {schema.SCHEMA_VERSION} or older, got {newer}"
    assert said in caught.value.message
    assert Path(path).read_bytes() == before


def test_a_database_of_somebody_else_is_refused_and_untouched(path: str) -> None:
    made_by(path, "CREATE TABLE theirs (x)")
    before = Path(path).read_bytes()
    with pytest.raises(StoreUnavailable) as caught:
        SqliteStore(path, SETTINGS)
    assert caught.value.code == "store_foreign"
    assert Path(path).read_bytes() == before


def test_a_backup_of_the_version_before_is_restored_and_upgraded(path: str, tmp_path: Path) -> None:
    backup = str(tmp_path / "old-backup.db")
    made_by(backup, VERSION_1, ROWS_1)
    restore(backup, path)
    assert version_of(path) == 1
    store = SqliteStore(path, SETTINGS)
    require_everything(store)
    store.close()


def test_a_backup_of_a_newer_version_does_not_replace_the_store(path: str, tmp_path: Path) -> None:
    backup = str(tmp_path / "newer.db")
    made_by(path, VERSION_1, ROWS_1)
    made_by(backup, VERSION_1, f"PRAGMA user_version = {schema.SCHEMA_VERSION + 1}")
    with pytest.raises(StoreUnavailable) as caught:
        restore(backup, path)
    assert caught.value.code == "store_newer"
    store = SqliteStore(path, SETTINGS)
    require_everything(store)
    store.close()
