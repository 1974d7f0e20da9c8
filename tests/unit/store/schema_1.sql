-- A workspace as version 1 made it, written out: what the step to version 1 must go on making, and
-- what every later program must go on reading.
CREATE TABLE seen (
        slot INTEGER PRIMARY KEY, chk INTEGER NOT NULL, content INTEGER NOT NULL
    ) STRICT;
CREATE TABLE fragments (
        key INTEGER PRIMARY KEY, first_at INTEGER NOT NULL, cluster INTEGER NOT NULL,
        customer INTEGER NOT NULL
    ) STRICT;
CREATE TABLE identifiers (
        key INTEGER PRIMARY KEY, namespace TEXT NOT NULL, value TEXT NOT NULL, cluster INTEGER,
        customer INTEGER, is_shared INTEGER NOT NULL
    ) STRICT;
CREATE TABLE clusters (
        key INTEGER PRIMARY KEY, version INTEGER NOT NULL, body BLOB NOT NULL
    ) STRICT;
CREATE TABLE customers (
        key INTEGER PRIMARY KEY, version INTEGER NOT NULL, cluster INTEGER NOT NULL,
        signal_set INTEGER NOT NULL, due INTEGER, refold INTEGER NOT NULL, body BLOB NOT NULL
    ) STRICT;
CREATE INDEX customers_due ON customers (due) WHERE due IS NOT NULL;
CREATE INDEX customers_refold ON customers (key) WHERE refold = 1;
CREATE INDEX customers_signal_set ON customers (signal_set);
CREATE TABLE events (
        seq INTEGER PRIMARY KEY, fragment INTEGER NOT NULL, at INTEGER NOT NULL,
        key INTEGER NOT NULL, body BLOB NOT NULL
    ) STRICT;
CREATE TABLE places (
        run INTEGER NOT NULL, fragment INTEGER NOT NULL, at INTEGER NOT NULL,
        key INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (run, fragment, at, key, seq)
    ) STRICT, WITHOUT ROWID;
CREATE TABLE separations (key INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE separation_names (
        identifier INTEGER NOT NULL, separation INTEGER NOT NULL,
        PRIMARY KEY (identifier, separation)
    ) STRICT, WITHOUT ROWID;
CREATE INDEX separation_names_back ON separation_names (separation);
CREATE TABLE suppressed (identifier INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;
CREATE TABLE quarantine (
        id INTEGER PRIMARY KEY AUTOINCREMENT, received_at INTEGER NOT NULL, source TEXT NOT NULL,
        reason TEXT NOT NULL, message TEXT NOT NULL, identifiers BLOB NOT NULL, body BLOB NOT NULL
    ) STRICT;
CREATE TABLE features (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
CREATE TABLE api_keys (
        hash BLOB PRIMARY KEY, role TEXT NOT NULL, name TEXT NOT NULL,
        created_at INTEGER NOT NULL, revoked_at INTEGER
    ) STRICT, WITHOUT ROWID;
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO counters VALUES ('last_seq', 0), ('filed_seq', 0), ('events_deleted', 0);
PRAGMA application_id = 0x48454544;
PRAGMA user_version = 1;
