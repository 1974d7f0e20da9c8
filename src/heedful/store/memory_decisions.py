"""Decisions, the outbox, learning rows, snapshots, budgets and the audit chain, in memory."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, Final

from heedful.kernel import InputError, expected
from heedful.ports import AuditRow, DecisionRow, EffectRow, EffectStatus, MessageRow, SliceRow

DECISION_TABLES: Final = (
    "decisions", "effects", "inbox", "lessons", "snapshots", "budgets", "slices", "audit",
)  # fmt: skip


class MemoryDecisions:
    """The tables of deciding and acting, over the layers of a transaction."""

    layers: Mapping[str, MutableMapping[Any, Any]]

    def put_decisions(self, rows: Sequence[DecisionRow]) -> None:
        self.layers["decisions"].update({row.id: row for row in rows})

    def decisions(self, ids: Sequence[int]) -> dict[int, DecisionRow]:
        held = self.layers["decisions"]
        return {id_: row for id_ in ids if (row := held.get(id_)) is not None}

    def decisions_of(
        self, fragments: Sequence[int], *, before: tuple[int, int] | None, limit: int
    ) -> list[DecisionRow]:
        wanted = set(fragments)
        found = [
            row
            for row in self.layers["decisions"].values()
            if row.fragment in wanted and (before is None or (row.at, row.id) < before)
        ]
        return sorted(found, key=lambda row: (row.at, row.id), reverse=True)[:limit]

    def decisions_after(self, seq: int, limit: int) -> list[DecisionRow]:
        beyond = [row for row in self.layers["decisions"].values() if row.seq > seq]
        beyond.sort(key=lambda row: (row.seq, row.id))
        if len(beyond) <= limit:
            return beyond
        last = beyond[limit - 1].seq
        return [row for row in beyond if row.seq <= last]

    def put_effects(self, rows: Sequence[EffectRow]) -> None:
        self.layers["effects"].update({row.id: row for row in rows})

    def effects(self, ids: Sequence[str]) -> dict[str, EffectRow]:
        held = self.layers["effects"]
        return {id_: row for id_ in ids if (row := held.get(id_)) is not None}

    def _effects(self) -> list[EffectRow]:
        return sorted(self.layers["effects"].values(), key=lambda row: row.id)

    def effects_of(
        self, fragments: Sequence[int], destination: str | None = None
    ) -> list[EffectRow]:
        wanted = set(fragments)
        return [
            row
            for row in self._effects()
            if row.fragment in wanted and destination in (None, row.destination)
        ]

    def due_effects(self, now: int, limit: int, without: Sequence[str] = ()) -> list[EffectRow]:
        open_ = [
            row
            for row in self._effects()
            if row.status in ("waiting", "released")
            and row.due <= now
            and row.destination not in without
        ]
        return sorted(open_, key=lambda row: (row.due, row.id))[:limit]

    def effects_in(self, status: EffectStatus, after: str, limit: int) -> list[EffectRow]:
        return [r for r in self._effects() if r.status == status and r.id > after][:limit]

    def delete_effects(self, fragments: Sequence[int]) -> int:
        gone = self.effects_of(fragments)
        for row in gone:
            del self.layers["effects"][row.id]
        return len(gone)

    def put_message(self, row: MessageRow) -> bool:
        held = self.layers["inbox"]
        if any(kept.effect == row.effect for kept in held.values()):
            return False
        number = int(self.layers["counters"].get("inbox", 0)) + 1
        self.layers["counters"]["inbox"] = number
        held[number] = row._replace(number=number)
        return True

    def messages_of(self, fragments: Sequence[int], after: int, limit: int) -> list[MessageRow]:
        held, wanted = self.layers["inbox"], set(fragments)
        found = [held[n] for n in sorted(held) if n > after and held[n].fragment in wanted]
        return found[:limit]

    def mark_message(self, effect: str, fragments: Sequence[int], mark: str) -> bool:
        for row in self.messages_of(fragments, 0, len(self.layers["inbox"])):
            if row.effect == effect:
                self.layers["inbox"][row.number] = row._replace(mark=mark)
                return True
        return False

    def delete_messages(self, fragments: Sequence[int]) -> int:
        gone = self.messages_of(fragments, 0, len(self.layers["inbox"]))
        for row in gone:
            del self.layers["inbox"][row.number]
        return len(gone)

    def last_lesson(self) -> int:
        return max(self.layers["lessons"], default=0)

    def append_lessons(self, bodies: Sequence[bytes]) -> None:
        self.layers["lessons"].update(enumerate(bodies, self.last_lesson() + 1))

    def lessons(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        held = self.layers["lessons"]
        return [(n, held[n]) for n in sorted(n for n in held if n > after)[:limit]]

    def put_snapshot(self, model: str, number: int, body: bytes) -> None:
        self.layers["snapshots"][(model, number)] = body

    def snapshot(self, model: str, at_most: int | None = None) -> tuple[int, bytes] | None:
        held = self.layers["snapshots"]
        numbers = [n for m, n in held if m == model and (at_most is None or n <= at_most)]
        return (max(numbers), held[(model, max(numbers))]) if numbers else None

    def promised(self, budget: str, period: int) -> int:
        return int(self.layers["budgets"].get((budget, period), 0))

    def promise(self, budget: str, period: int, micros: int) -> None:
        self.layers["budgets"][(budget, period)] = self.promised(budget, period) + micros

    def slices(self, budget: str, period: int) -> list[SliceRow]:
        held = self.layers["slices"]
        return [held[key] for key in sorted(held) if key[:2] == (budget, period)]

    def slices_of(self, worker: str) -> list[SliceRow]:
        held = self.layers["slices"]
        return [held[key] for key in sorted(held) if key[2] == worker]

    def put_slice(self, row: SliceRow) -> None:
        self.layers["slices"][row[:3]] = row

    def delete_slices(self, budget: str, before: int, worker: str) -> None:
        for row in self.slices_of(worker):
            if row.budget == budget and row.period < before:
                del self.layers["slices"][row[:3]]

    def append_audit(self, rows: Sequence[AuditRow]) -> None:
        for row in rows:
            following = max(self.layers["audit"], default=0) + 1
            if row.number != following:
                what = expected(f"link {following}", str(row.number), "$.rows")
                raise InputError("audit_gap", what)
            self.layers["audit"][row.number] = row

    def audit(self, after: int, limit: int) -> list[AuditRow]:
        held = self.layers["audit"]
        return [held[n] for n in sorted(n for n in held if n > after)[:limit]]

    def audit_head(self) -> AuditRow | None:
        held = self.layers["audit"]
        return held[max(held)] if len(held) else None
