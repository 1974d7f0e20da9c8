"""Separations, suppression, quarantine, features, API keys, named values: small, rarely written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from heedful.ports import KeyRow, QuarantineRow
from heedful.store.statements import Statements, by_key, json_keys, scan

_SUPPRESSED: Final = by_key("suppressed", "identifier")
_SUPPRESSIONS: Final = scan("suppressed", "identifier", "at")
_QUARANTINED: Final = scan("quarantine", *QuarantineRow._fields)


class Registers(Statements):
    """The tables beside the customers and the log."""

    __slots__ = ()

    def separations(self, identifiers: Sequence[int]) -> dict[int, bytes]:
        rows = self.execute(
            "SELECT s.key, s.body FROM json_each(?) AS j "
            "CROSS JOIN separation_names AS n ON n.identifier = j.value "
            "CROSS JOIN separations AS s ON s.key = n.separation",
            (json_keys(identifiers),),
        )
        return dict(rows.fetchall())

    def put_separation(self, key: int, identifiers: Sequence[int], body: bytes) -> None:
        self.execute("DELETE FROM separation_names WHERE separation = ?", (key,))
        self.execute(
            "INSERT INTO separations VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET body = ?2",
            (key, body),
        )
        self.executemany(
            "INSERT INTO separation_names VALUES (?, ?) ON CONFLICT DO NOTHING",
            [(identifier, key) for identifier in identifiers],
        )

    def delete_separations(self, keys: Sequence[int]) -> None:
        singles = [(key,) for key in keys]
        self.executemany("DELETE FROM separation_names WHERE separation = ?", singles)
        self.executemany("DELETE FROM separations WHERE key = ?", singles)

    def suppressed(self, identifiers: Sequence[int]) -> set[int]:
        rows = self.rows_by_key(*_SUPPRESSED, identifiers)
        return {row[0] for row in rows}

    def suppress(self, identifiers: Sequence[int], at: int) -> None:
        # The first refusal stands: a repeated erasure does not make it younger.
        self.executemany(
            "INSERT INTO suppressed VALUES (?, ?) ON CONFLICT (identifier) DO NOTHING",
            [(identifier, at) for identifier in identifiers],
        )

    def suppressions(self, after: int, limit: int) -> list[tuple[int, int]]:
        return self.execute(_SUPPRESSIONS, (after, limit)).fetchall()

    def lift_suppression(self, identifiers: Sequence[int]) -> None:
        self.executemany(
            "DELETE FROM suppressed WHERE identifier = ?",
            [(identifier,) for identifier in identifiers],
        )

    def quarantine(self, rows: Sequence[QuarantineRow]) -> None:
        self.executemany(
            "INSERT INTO quarantine VALUES (nullif(?1, 0), ?2, ?3, ?4, ?5, ?6, ?7) "
            "ON CONFLICT (id) DO UPDATE SET received_at = ?2, source = ?3, reason = ?4, "
            "message = ?5, identifiers = ?6, body = ?7",
            rows,
        )

    def quarantined(self, after_id: int, limit: int) -> list[QuarantineRow]:
        rows = self.execute(_QUARANTINED, (after_id, limit))
        return [QuarantineRow._make(row) for row in rows]

    def delete_quarantined(self, ids: Sequence[int]) -> None:
        self.executemany("DELETE FROM quarantine WHERE id = ?", [(row_id,) for row_id in ids])

    def features(self) -> list[tuple[int, str]]:
        return self.execute("SELECT id, name FROM features ORDER BY id").fetchall()

    def put_features(self, rows: Sequence[tuple[int, str]]) -> None:
        self.executemany("INSERT INTO features VALUES (?, ?) ON CONFLICT (id) DO NOTHING", rows)

    def rename_features(self, rows: Sequence[tuple[int, str]]) -> None:
        self.executemany("UPDATE features SET name = ?2 WHERE id = ?1", rows)

    def keys(self) -> list[KeyRow]:
        rows = self.execute(
            "SELECT hash, role, name, created_at, revoked_at FROM api_keys "
            "ORDER BY created_at, hash"
        )
        return [KeyRow._make(row) for row in rows]

    def put_key(self, row: KeyRow) -> None:
        self.execute(
            "INSERT INTO api_keys VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (hash) DO UPDATE SET "
            "role = ?2, name = ?3, created_at = ?4, revoked_at = ?5",
            row,
        )

    def get_meta(self, name: str) -> bytes | None:
        row = self.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else row[0]

    def put_meta(self, name: str, value: bytes) -> None:
        self.execute(
            "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
            (name, value),
        )
