"""Decisions, the outbox, learning rows, snapshots, budgets and the audit chain."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from heedful.kernel import InvariantError
from heedful.ports import AuditRow, DecisionRow, EffectRow, EffectStatus, MessageRow, SliceRow
from heedful.store.statements import Statements, by_key, json_keys, scan

_DECISIONS: Final = by_key("decisions", *DecisionRow._fields)
_EFFECT: Final = ", ".join(EffectRow._fields)
_LESSONS: Final = scan("lessons", "number", "body")
_AUDIT: Final = scan("audit", *AuditRow._fields)
_INT_MAX: Final = (1 << 63) - 1


class Decisions(Statements):
    """The tables of deciding and acting."""

    __slots__ = ()

    def put_decisions(self, rows: Sequence[DecisionRow]) -> None:
        self.executemany("INSERT OR REPLACE INTO decisions VALUES (?, ?, ?, ?, ?)", rows)

    def decisions(self, ids: Sequence[int]) -> dict[int, DecisionRow]:
        rows = self.rows_by_key(*_DECISIONS, ids)
        return {row[0]: DecisionRow._make(row) for row in rows}

    def decisions_of(
        self, fragments: Sequence[int], *, before: tuple[int, int] | None, limit: int
    ) -> list[DecisionRow]:
        high = (_INT_MAX, _INT_MAX) if before is None else before
        rows = self.execute(
            "SELECT d.id, d.fragment, d.at, d.seq, d.body FROM json_each(?) AS j "
            "CROSS JOIN decisions AS d ON d.fragment = j.value WHERE (d.at, d.id) < (?, ?) "
            "ORDER BY d.at DESC, d.id DESC LIMIT ?",
            (json_keys(list(dict.fromkeys(fragments))), *high, limit),
        )
        return [DecisionRow._make(row) for row in rows]

    def decisions_after(self, seq: int, limit: int) -> list[DecisionRow]:
        last = self.execute(
            "SELECT seq FROM decisions WHERE seq > ? ORDER BY seq, id LIMIT 1 OFFSET ?",
            (seq, limit - 1),
        ).fetchone()
        rows = self.execute(
            "SELECT id, fragment, at, seq, body FROM decisions WHERE seq > ? AND seq <= ? "
            "ORDER BY seq, id",
            (seq, last[0] if last else _INT_MAX),
        )
        return [DecisionRow._make(row) for row in rows]

    def put_effects(self, rows: Sequence[EffectRow]) -> None:
        self.executemany(
            "INSERT OR REPLACE INTO effects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows
        )

    def effects(self, ids: Sequence[str]) -> dict[str, EffectRow]:
        found = (
            self.execute(f"SELECT {_EFFECT} FROM effects WHERE id = ?", (id_,)).fetchone()
            for id_ in ids
        )
        return {row[0]: EffectRow._make(row) for row in found if row is not None}

    def effects_of(
        self, fragments: Sequence[int], destination: str | None = None
    ) -> list[EffectRow]:
        columns = ", ".join(f"e.{name}" for name in EffectRow._fields)
        rows = self.execute(
            f"SELECT {columns} FROM json_each(?1) AS j "
            "CROSS JOIN effects AS e ON e.fragment = j.value "
            "WHERE ?2 IS NULL OR e.destination = ?2 ORDER BY e.id",
            (json_keys(list(dict.fromkeys(fragments))), destination),
        )
        return [EffectRow._make(row) for row in rows]

    def due_effects(self, now: int, limit: int, without: Sequence[str] = ()) -> list[EffectRow]:
        rows = self.execute(
            f"SELECT {_EFFECT} FROM effects WHERE status IN ('waiting', 'released') "
            "AND due <= ? AND destination NOT IN (SELECT value FROM json_each(?)) "
            "ORDER BY due, id LIMIT ?",
            (now, json.dumps(list(without)), limit),
        )
        return [EffectRow._make(row) for row in rows]

    def effects_in(self, status: EffectStatus, after: str, limit: int) -> list[EffectRow]:
        rows = self.execute(
            f"SELECT {_EFFECT} FROM effects WHERE status = ? AND id > ? ORDER BY id LIMIT ?",
            (status, after, limit),
        )
        return [EffectRow._make(row) for row in rows]

    def delete_effects(self, fragments: Sequence[int]) -> int:
        singles = [(key,) for key in dict.fromkeys(fragments)]
        return max(0, self.executemany("DELETE FROM effects WHERE fragment = ?", singles).rowcount)

    def put_message(self, row: MessageRow) -> bool:
        insert = "INSERT INTO inbox VALUES (NULL, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
        return self.execute(insert, row[1:]).rowcount == 1

    def messages_of(self, fragments: Sequence[int], after: int, limit: int) -> list[MessageRow]:
        rows = self.execute(
            "SELECT m.number, m.effect, m.fragment, m.put_at, m.expires_at, m.mark, m.body "
            "FROM json_each(?) AS j CROSS JOIN inbox AS m ON m.fragment = j.value "
            "WHERE m.number > ? ORDER BY m.number LIMIT ?",
            (json_keys(list(dict.fromkeys(fragments))), after, limit),
        )
        return [MessageRow._make(row) for row in rows]

    def mark_message(self, effect: str, fragments: Sequence[int], mark: str) -> bool:
        update = (
            "UPDATE inbox SET mark = ? WHERE effect = ? "
            "AND fragment IN (SELECT value FROM json_each(?))"
        )
        return self.execute(update, (mark, effect, json_keys(fragments))).rowcount == 1

    def delete_messages(self, fragments: Sequence[int]) -> int:
        singles = [(key,) for key in dict.fromkeys(fragments)]
        return max(0, self.executemany("DELETE FROM inbox WHERE fragment = ?", singles).rowcount)

    def last_lesson(self) -> int:
        number: int = self.execute("SELECT coalesce(max(number), 0) FROM lessons").fetchone()[0]
        return number

    def append_lessons(self, bodies: Sequence[bytes]) -> None:
        self.executemany(
            "INSERT INTO lessons VALUES (?, ?)", list(enumerate(bodies, self.last_lesson() + 1))
        )

    def lessons(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        return self.execute(_LESSONS, (after, limit)).fetchall()

    def put_snapshot(self, model: str, number: int, body: bytes) -> None:
        self.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)", (model, number, body))

    def snapshot(self, model: str, at_most: int | None = None) -> tuple[int, bytes] | None:
        row: tuple[int, bytes] | None = self.execute(
            "SELECT number, body FROM snapshots WHERE model = ? AND number <= ? "
            "ORDER BY number DESC LIMIT 1",
            (model, _INT_MAX if at_most is None else at_most),
        ).fetchone()
        return row

    def promised(self, budget: str, period: int) -> int:
        row = self.execute(
            "SELECT micros FROM budgets WHERE budget = ? AND period = ?", (budget, period)
        ).fetchone()
        return 0 if row is None else row[0]

    def promise(self, budget: str, period: int, micros: int) -> None:
        self.execute(
            "INSERT INTO budgets VALUES (?1, ?2, ?3) ON CONFLICT (budget, period) "
            "DO UPDATE SET micros = micros + ?3",
            (budget, period, micros),
        )

    def slices(self, budget: str, period: int) -> list[SliceRow]:
        rows = self.execute(
            "SELECT * FROM slices WHERE budget = ? AND period = ? ORDER BY worker",
            (budget, period),
        )
        return [SliceRow._make(row) for row in rows]

    def slices_of(self, worker: str) -> list[SliceRow]:
        rows = self.execute(
            "SELECT * FROM slices WHERE worker = ? ORDER BY budget, period", (worker,)
        )
        return [SliceRow._make(row) for row in rows]

    def put_slice(self, row: SliceRow) -> None:
        self.execute("INSERT OR REPLACE INTO slices VALUES (?, ?, ?, ?, ?, ?)", row)

    def delete_slices(self, budget: str, before: int, worker: str) -> None:
        self.execute(
            "DELETE FROM slices WHERE budget = ? AND period < ? AND worker = ?",
            (budget, before, worker),
        )

    def append_audit(self, rows: Sequence[AuditRow]) -> None:
        head = self.audit_head()
        following = 1 if head is None else head.number + 1
        for expected, row in enumerate(rows, following):
            if row.number != expected:
                raise InvariantError("audit_gap", f"Expected link {expected}, got {row.number}.")
        self.executemany("INSERT INTO audit VALUES (?, ?, ?)", rows)

    def audit(self, after: int, limit: int) -> list[AuditRow]:
        return [AuditRow._make(row) for row in self.execute(_AUDIT, (after, limit))]

    def audit_head(self) -> AuditRow | None:
        row = self.execute(
            "SELECT number, hash, body FROM audit ORDER BY number DESC LIMIT 1"
        ).fetchone()
        return None if row is None else AuditRow._make(row)
