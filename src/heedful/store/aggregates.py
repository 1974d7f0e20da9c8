"""Claims, fragments, identifiers, clusters and customers: what every event reads and writes.

A row with a version is changed only while the version that was read still stands; whoever comes
second is told, never merged.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final, Literal, NoReturn

from heedful.kernel import InvariantError
from heedful.kernel.ids import KEY_MASK
from heedful.ports import (
    CLAIM_CONFLICT,
    CLAIM_DUPLICATE,
    CLAIM_NEW,
    Claim,
    ClusterRow,
    CustomerRow,
    FragmentRow,
    IdentifierRow,
    StaleWrite,
)
from heedful.store.statements import Statements, by_key, scan

PROBES_MAX: Final = 64
"""Neighbouring slots tried for one claim. The low 32 bits are a keyed hash within one second of
the raw timestamp, so even a second probe is rare; this many means that they are no hashes."""

_SLOT_MASK: Final = (1 << 63) - 1

_TAKE: Final = "INSERT INTO seen VALUES (?, ?, ?) ON CONFLICT (slot) DO NOTHING"
_FRAGMENTS: Final = by_key("fragments", *FragmentRow._fields)
_IDENTIFIERS: Final = by_key("identifiers", *IdentifierRow._fields)
_CLUSTERS: Final = by_key("clusters", *ClusterRow._fields)
_CUSTOMERS: Final = by_key("customers", *CustomerRow._fields)
_SCAN_CLUSTERS: Final = scan("clusters", *ClusterRow._fields)
_SCAN_CUSTOMERS: Final = scan("customers", *CustomerRow._fields, up_to=True)


class Aggregates(Statements):
    """The rows that are read by key, changed and written back."""

    __slots__ = ()

    def claim(self, claims: Sequence[Claim]) -> list[Literal[0, 1, 2]]:
        execute = self.execute
        answers: list[Literal[0, 1, 2]] = []
        for claim in claims:
            if execute(_TAKE, claim).rowcount:
                answers.append(CLAIM_NEW)
            else:
                answers.append(self._claim_beside(claim))
        return answers

    def _claim_beside(self, claim: Claim) -> Literal[0, 1, 2]:
        slot, check, content = claim
        for _ in range(PROBES_MAX):
            stands = self.execute(
                "SELECT chk, content FROM seen WHERE slot = ?", (slot,)
            ).fetchone()
            if stands is None:
                self.execute(_TAKE, (slot, check, content))
                return CLAIM_NEW
            if stands[0] == check:
                return CLAIM_DUPLICATE if stands[1] == content else CLAIM_CONFLICT
            slot = (slot + 1) & _SLOT_MASK
        raise InvariantError("slots_crowded", f"{PROBES_MAX} neighbouring slots were taken.")

    def fragments(self, keys: Sequence[int]) -> dict[int, FragmentRow]:
        rows = self.rows_by_key(*_FRAGMENTS, keys)
        return {row[0]: FragmentRow._make(row) for row in rows}

    def identifiers(self, keys: Sequence[int]) -> dict[int, IdentifierRow]:
        rows = self.rows_by_key(*_IDENTIFIERS, keys)
        return {row[0]: IdentifierRow._make((*row[:5], row[5] == 1)) for row in rows}

    def clusters(self, keys: Sequence[int]) -> dict[int, ClusterRow]:
        rows = self.rows_by_key(*_CLUSTERS, keys)
        return {row[0]: ClusterRow._make(row) for row in rows}

    def customers(self, keys: Sequence[int]) -> dict[int, CustomerRow]:
        rows = self.rows_by_key(*_CUSTOMERS, keys)
        return {row[0]: CustomerRow._make(row) for row in rows}

    def put_fragments(self, rows: Sequence[FragmentRow]) -> None:
        self.executemany(
            "INSERT INTO fragments VALUES (?1, ?2, ?3, ?4) ON CONFLICT (key) DO UPDATE SET "
            "first_at = ?2, cluster = ?3, customer = ?4",
            rows,
        )

    def put_identifiers(self, rows: Sequence[IdentifierRow]) -> None:
        self.executemany(
            "INSERT INTO identifiers VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (key) DO UPDATE "
            "SET namespace = ?2, value = ?3, cluster = ?4, customer = ?5, is_shared = ?6",
            rows,
        )

    def put_clusters(self, rows: Sequence[ClusterRow]) -> None:
        self._put(
            "cluster",
            "INSERT INTO clusters VALUES (?, ? + 1, ?)",
            "UPDATE clusters SET version = ?2 + 1, body = ?3 WHERE key = ?1 AND version = ?2",
            rows,
        )

    def put_customers(self, rows: Sequence[CustomerRow]) -> None:
        self._put(
            "customer",
            "INSERT INTO customers VALUES (?, ? + 1, ?, ?, ?, ?, ?, ?)",
            "UPDATE customers SET version = ?2 + 1, cluster = ?3, signal_set = ?4, due = ?5, "
            "refold = ?6, body = ?7, process = ?8 WHERE key = ?1 AND version = ?2",
            rows,
        )

    def delete_clusters(self, rows: Sequence[ClusterRow]) -> None:
        self._delete("cluster", "DELETE FROM clusters WHERE key = ? AND version = ?", rows)

    def delete_customers(self, rows: Sequence[CustomerRow]) -> None:
        self._delete("customer", "DELETE FROM customers WHERE key = ? AND version = ?", rows)

    def delete_fragments(self, keys: Sequence[int]) -> None:
        self.executemany("DELETE FROM fragments WHERE key = ?", [(key,) for key in keys])

    def delete_identifiers(self, keys: Sequence[int]) -> None:
        self.executemany("DELETE FROM identifiers WHERE key = ?", [(key,) for key in keys])

    def _put(self, what: str, insert: str, update: str, rows: Sequence[tuple[Any, ...]]) -> None:
        new = [row for row in rows if row[1] == 0]
        old = [row for row in rows if row[1] != 0] if new else rows
        if new:
            try:
                self.executemany(insert, new)
            except sqlite3.IntegrityError as error:
                self._stale(what, error)
        # An update touches one row or none, so the sum that executemany gives says enough.
        if old and self.executemany(update, old).rowcount != len(old):
            self._stale(what)

    def _delete(self, what: str, delete: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows and self.executemany(delete, [row[:2] for row in rows]).rowcount != len(rows):
            self._stale(what)

    def _stale(self, what: str, cause: Exception | None = None) -> NoReturn:
        self.is_stale = True
        raise StaleWrite(what) from cause

    def due_customers(self, now: int, limit: int) -> list[int]:
        rows = self.execute(
            "SELECT key FROM customers WHERE due <= ? ORDER BY due, key LIMIT ?", (now, limit)
        )
        return [row[0] for row in rows]

    def customers_to_refold(self, limit: int) -> list[int]:
        rows = self.execute(
            "SELECT key FROM customers WHERE refold = 1 ORDER BY key LIMIT ?", (limit,)
        )
        return [row[0] for row in rows]

    def customers_outside(self, signal_set: int, after_key: int, limit: int) -> list[int]:
        # `<>` cannot use an index: step from one signal set to the next, there are never many.
        found: list[int] = []
        other = self.execute("SELECT min(signal_set) FROM customers").fetchone()[0]
        while other is not None:
            if other != signal_set:
                rows = self.execute(
                    "SELECT key FROM customers WHERE signal_set = ? AND key > ? ORDER BY key "
                    "LIMIT ?",
                    (other, after_key, limit),
                )
                found += [row[0] for row in rows]
            other = self.execute(
                "SELECT min(signal_set) FROM customers WHERE signal_set > ?", (other,)
            ).fetchone()[0]
        return sorted(found)[:limit]

    def scan_customers(
        self, after_key: int, limit: int, up_to: int = KEY_MASK
    ) -> list[CustomerRow]:
        rows = self.execute(_SCAN_CUSTOMERS, (after_key, up_to, limit))
        return [CustomerRow._make(row) for row in rows]

    def scan_clusters(self, after_key: int, limit: int) -> list[ClusterRow]:
        rows = self.execute(_SCAN_CLUSTERS, (after_key, limit))
        return [ClusterRow._make(row) for row in rows]
