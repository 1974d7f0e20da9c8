"""The tables of the embedded store, and how a file of an older version becomes one of this.

A file says what it is: `application_id` that it is ours, `user_version` which tables it has.
Opening a file runs the steps of `_UPGRADES` that it has not had, all in one transaction: a program
that is killed on the way leaves the file as it was. A new file is made by the same steps, so there
is one way to every table. A file of a newer version is refused in words, since an older program
would misread it. Backups of older versions are restored as they are and upgraded when opened.

To add a table: write its statements as `_TABLES_n` for the next version n, append
`_adding(_TABLES_n)` to `_UPGRADES`, and count `SCHEMA_VERSION` up. Where rows have to be rewritten,
append a function of the connection instead; it runs inside the transaction and must not commit.
A step that has been released is never edited: the next one changes what it made.
`tests/unit/store/test_schema.py` opens a file of every version; put the rows that the step must
carry over there.

Notes
-----
Keys are keyed hashes, so a table in the order of `key` is written at random places: a page an
event. The tables that grow with every event are therefore in the order of time: `seen`, whose
slots begin with the second of the raw timestamp, and `events` by `seq`. `places` finds the events
of a fragment; see `heedful.store.log`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final

from heedful.ports import StoreUnavailable

APPLICATION_ID: Final = 0x48454544  # "HEED"
SCHEMA_VERSION: Final = 4
SQLITE_VERSION_MIN: Final = (3, 37, 0)  # STRICT tables

_TABLES_1: Final = (
    """CREATE TABLE seen (
        slot INTEGER PRIMARY KEY, chk INTEGER NOT NULL, content INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE fragments (
        key INTEGER PRIMARY KEY, first_at INTEGER NOT NULL, cluster INTEGER NOT NULL,
        customer INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE identifiers (
        key INTEGER PRIMARY KEY, namespace TEXT NOT NULL, value TEXT NOT NULL, cluster INTEGER,
        customer INTEGER, is_shared INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE clusters (
        key INTEGER PRIMARY KEY, version INTEGER NOT NULL, body BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE customers (
        key INTEGER PRIMARY KEY, version INTEGER NOT NULL, cluster INTEGER NOT NULL,
        signal_set INTEGER NOT NULL, due INTEGER, refold INTEGER NOT NULL, body BLOB NOT NULL
    ) STRICT""",
    "CREATE INDEX customers_due ON customers (due) WHERE due IS NOT NULL",
    "CREATE INDEX customers_refold ON customers (key) WHERE refold = 1",
    # Finds the few customers under another signal set, and counts customers without their bodies.
    "CREATE INDEX customers_signal_set ON customers (signal_set)",
    # A `seq` is never given twice, but that is the counter's work: AUTOINCREMENT would do it again.
    """CREATE TABLE events (
        seq INTEGER PRIMARY KEY, fragment INTEGER NOT NULL, at INTEGER NOT NULL,
        key INTEGER NOT NULL, body BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE places (
        run INTEGER NOT NULL, fragment INTEGER NOT NULL, at INTEGER NOT NULL,
        key INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (run, fragment, at, key, seq)
    ) STRICT, WITHOUT ROWID""",
    "CREATE TABLE separations (key INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT",
    """CREATE TABLE separation_names (
        identifier INTEGER NOT NULL, separation INTEGER NOT NULL,
        PRIMARY KEY (identifier, separation)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX separation_names_back ON separation_names (separation)",
    "CREATE TABLE suppressed (identifier INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT",
    # AUTOINCREMENT: the id of a deleted row never returns behind a reader's cursor.
    """CREATE TABLE quarantine (
        id INTEGER PRIMARY KEY AUTOINCREMENT, received_at INTEGER NOT NULL, source TEXT NOT NULL,
        reason TEXT NOT NULL, message TEXT NOT NULL, identifiers BLOB NOT NULL, body BLOB NOT NULL
    ) STRICT""",
    "CREATE TABLE features (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT",
    """CREATE TABLE api_keys (
        hash BLOB PRIMARY KEY, role TEXT NOT NULL, name TEXT NOT NULL,
        created_at INTEGER NOT NULL, revoked_at INTEGER
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID""",
    # What the store counts for itself, apart from the names that the engine chooses in `meta`.
    "CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "INSERT INTO counters VALUES ('last_seq', 0), ('filed_seq', 0), ('events_deleted', 0)",
)

# Decisions: what was decided, what is to go out, what is learned from it, and the proof of it all.
_TABLES_2: Final = (
    "ALTER TABLE customers ADD COLUMN process BLOB NOT NULL DEFAULT x''",
    "CREATE TABLE commits (seq INTEGER PRIMARY KEY) STRICT",
    """CREATE TABLE decisions (
        id INTEGER PRIMARY KEY, fragment INTEGER NOT NULL, at INTEGER NOT NULL,
        seq INTEGER NOT NULL, body BLOB NOT NULL
    ) STRICT""",
    "CREATE INDEX decisions_of ON decisions (fragment, at, id)",
    "CREATE INDEX decisions_after ON decisions (seq, id)",
    """CREATE TABLE effects (
        id TEXT PRIMARY KEY, decision INTEGER NOT NULL, fragment INTEGER NOT NULL,
        destination TEXT NOT NULL, status TEXT NOT NULL, due INTEGER NOT NULL,
        attempts INTEGER NOT NULL, expires_at INTEGER NOT NULL, code TEXT NOT NULL,
        body BLOB NOT NULL
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX effects_due ON effects (due) WHERE status IN ('waiting', 'released')",
    "CREATE INDEX effects_of ON effects (fragment, id)",
    "CREATE INDEX effects_in ON effects (status, id)",
    """CREATE TABLE inbox (
        number INTEGER PRIMARY KEY AUTOINCREMENT, effect TEXT NOT NULL UNIQUE,
        fragment INTEGER NOT NULL, put_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
        mark TEXT NOT NULL, body BLOB NOT NULL
    ) STRICT""",
    "CREATE INDEX inbox_of ON inbox (fragment, number)",
    "CREATE TABLE lessons (number INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT",
    """CREATE TABLE snapshots (
        model TEXT NOT NULL, number INTEGER NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (model, number)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE budgets (
        budget TEXT NOT NULL, period INTEGER NOT NULL, micros INTEGER NOT NULL,
        PRIMARY KEY (budget, period)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE audit (
        number INTEGER PRIMARY KEY, hash BLOB NOT NULL, body BLOB NOT NULL
    ) STRICT""",
)

# Old events stand in files beside the database; `archive_holes` are those erased since, until the
# files are rewritten without them.
_TABLES_3: Final = (
    """CREATE TABLE archives (
        first_seq INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL, name TEXT NOT NULL,
        row_count INTEGER NOT NULL, byte_count INTEGER NOT NULL, from_at INTEGER NOT NULL,
        to_at INTEGER NOT NULL
    ) STRICT""",
    "CREATE TABLE archive_holes (seq INTEGER PRIMARY KEY) STRICT",
)

# What each worker may spend of a budget; `budgets` then holds what all of them were promised.
_TABLES_4: Final = (
    """CREATE TABLE slices (
        budget TEXT NOT NULL, period INTEGER NOT NULL, worker TEXT NOT NULL,
        granted INTEGER NOT NULL, used INTEGER NOT NULL, until INTEGER NOT NULL,
        PRIMARY KEY (budget, period, worker)
    ) STRICT, WITHOUT ROWID""",
)


def _adding(tables: tuple[str, ...]) -> Callable[[sqlite3.Connection], None]:
    def step(connection: sqlite3.Connection) -> None:
        for statement in tables:
            connection.execute(statement)

    return step


_UPGRADES: Final[tuple[Callable[[sqlite3.Connection], None], ...]] = (
    _adding(_TABLES_1),
    _adding(_TABLES_2),
    _adding(_TABLES_3),
    _adding(_TABLES_4),
)


def require_ours(connection: sqlite3.Connection, path: str) -> int:
    """Read the schema version of a file, 0 for an empty one.

    Raises
    ------
    StoreUnavailable
        `store_foreign` for a database that is not ours, `store_newer` for one that a newer
        Heedful wrote.
    """
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    is_empty = not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if application != APPLICATION_ID and not (is_empty and application == 0 and version == 0):
        raise StoreUnavailable(
            "store_foreign",
            f"Expected a Heedful store, got another SQLite database - at `{path}`. "
            "Name another file.",
            retryable=False,
        )
    if version > SCHEMA_VERSION:
        raise StoreUnavailable(
            "store_newer",
            f"Expected schema version {SCHEMA_VERSION} or older, got {version} - at `{path}`. "
            "A newer Heedful wrote it; run that one, or restore a backup.",
            retryable=False,
        )
    return version


def upgrade(connection: sqlite3.Connection, path: str) -> None:
    """Bring a file to this version in one transaction, or leave it as it was."""
    if require_ours(connection, path) == SCHEMA_VERSION:
        return
    connection.execute("BEGIN EXCLUSIVE")
    try:
        # Read again: another process may have been first.
        version = require_ours(connection, path)
        for step in _UPGRADES[version:]:
            step(connection)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
