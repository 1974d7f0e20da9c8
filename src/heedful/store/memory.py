"""A store in memory: for scenarios, what-ifs and simulations, where durability is a clock's lie.

It keeps the port's promises but the durable one: a transaction that raises leaves no trace, since
each works on a copy-on-write layer that is laid over the whole only by the commit.
"""

from __future__ import annotations

import heapq
import threading
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any, Final, Literal, TypeVar

from heedful.kernel import InputError, InvariantError, expected
from heedful.kernel.ids import KEY_MASK
from heedful.ports import (
    CLAIM_CONFLICT,
    CLAIM_DUPLICATE,
    CLAIM_NEW,
    Archived,
    Claim,
    ClusterRow,
    CustomerRow,
    FragmentRow,
    IdentifierRow,
    KeyRow,
    LogRow,
    QuarantineRow,
    StaleWrite,
    StoreStats,
    StoreUnavailable,
    Transaction,
)
from heedful.store.memory_decisions import DECISION_TABLES, MemoryDecisions

T = TypeVar("T")
_TABLES: Final = (
    "seen", "fragments", "identifiers", "clusters", "customers", "events", "places",
    "separations", "suppressed", "quarantine", "features", "keys", "meta", "counters", "commits",
    *DECISION_TABLES,
)  # fmt: skip
_GONE: Final = object()


class _Layer(MutableMapping[Any, Any]):
    """Changes of one transaction over a table; deletions are marked until the commit."""

    def __init__(self, below: dict[Any, Any], is_reading: bool) -> None:
        self.changes: dict[Any, Any] = {}
        self._view = ChainMap(self.changes, below)
        self._is_reading = is_reading

    def __getitem__(self, key: Any) -> Any:
        value = self._view[key]
        if value is _GONE:
            raise KeyError(key)
        return value

    def __setitem__(self, key: Any, value: Any) -> None:
        self._require_writing()
        self.changes[key] = value

    def __delitem__(self, key: Any) -> None:
        self._require_writing()
        self.changes[key] = _GONE

    def _require_writing(self) -> None:
        if self._is_reading:
            raise InvariantError("write_in_read", "A reading transaction wrote.")

    def __iter__(self) -> Iterator[Any]:
        return (key for key in self._view if self._view[key] is not _GONE)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _Layers(dict[str, _Layer]):
    """The layers by the names of their tables; none once the transaction has ended."""

    def __missing__(self, name: str) -> _Layer:
        raise InvariantError("transaction_over", "A transaction was used after its end.")


class MemoryTransaction(MemoryDecisions):
    """A transaction on layers over the tables."""

    layers: dict[str, _Layer]

    def __init__(self, tables: dict[str, dict[Any, Any]], is_reading: bool = False) -> None:
        self.layers = _Layers((name, _Layer(t, is_reading)) for name, t in tables.items())
        self.is_stale = False

    def end(self) -> None:
        """Refuse every later call: a transaction that has ended belongs to nobody."""
        self.layers = _Layers()

    def commit(self, tables: dict[str, dict[Any, Any]]) -> None:
        """Lay the changes over the tables, unless a StaleWrite was raised."""
        if self.is_stale:
            raise StaleWrite("aggregate")
        for name, layer in self.layers.items():
            for key, value in layer.changes.items():
                if value is _GONE:
                    tables[name].pop(key, None)
                else:
                    tables[name][key] = value

    def claim(self, claims: Sequence[Claim]) -> list[Literal[0, 1, 2]]:
        return [self._claim(claim) for claim in claims]

    def _claim(self, claim: Claim) -> Literal[0, 1, 2]:
        seen, slot = self.layers["seen"], claim.slot
        while (held := seen.get(slot)) is not None and held[0] != claim.check:
            slot += 1
        if held is None:
            seen[slot] = (claim.check, claim.content)
            return CLAIM_NEW
        return CLAIM_DUPLICATE if held[1] == claim.content else CLAIM_CONFLICT

    def _some(self, table: str, keys: Sequence[int]) -> dict[int, Any]:
        layer = self.layers[table]
        return {key: row for key in keys if (row := layer.get(key)) is not None}

    def fragments(self, keys: Sequence[int]) -> dict[int, FragmentRow]:
        return self._some("fragments", keys)

    def identifiers(self, keys: Sequence[int]) -> dict[int, IdentifierRow]:
        return self._some("identifiers", keys)

    def clusters(self, keys: Sequence[int]) -> dict[int, ClusterRow]:
        return self._some("clusters", keys)

    def customers(self, keys: Sequence[int]) -> dict[int, CustomerRow]:
        return self._some("customers", keys)

    def put_fragments(self, rows: Sequence[FragmentRow]) -> None:
        self.layers["fragments"].update({row.key: row for row in rows})

    def put_identifiers(self, rows: Sequence[IdentifierRow]) -> None:
        self.layers["identifiers"].update({row.key: row for row in rows})

    def put_clusters(self, rows: Sequence[ClusterRow]) -> None:
        self._put("clusters", rows)

    def put_customers(self, rows: Sequence[CustomerRow]) -> None:
        self._put("customers", rows)

    def _put(self, table: str, rows: Sequence[Any]) -> None:
        for row in rows:
            self._require(table, row)
            self.layers[table][row.key] = row._replace(version=row.version + 1)

    def _require(self, table: str, row: Any) -> None:
        held = self.layers[table].get(row.key)
        if (0 if held is None else held.version) != row.version:
            self.is_stale = True
            raise StaleWrite(table.removesuffix("s"))

    def delete_clusters(self, rows: Sequence[ClusterRow]) -> None:
        self._delete("clusters", rows)

    def delete_customers(self, rows: Sequence[CustomerRow]) -> None:
        self._delete("customers", rows)

    def _delete(self, table: str, rows: Sequence[Any]) -> None:
        for row in rows:
            self._require(table, row)
            self.layers[table].pop(row.key, None)

    def delete_fragments(self, keys: Sequence[int]) -> None:
        for key in keys:
            self.layers["fragments"].pop(key, None)

    def delete_identifiers(self, keys: Sequence[int]) -> None:
        for key in keys:
            self.layers["identifiers"].pop(key, None)

    def last_seq(self) -> int:
        return int(self.layers["counters"].get("seq", 0))

    def append(self, rows: Sequence[LogRow]) -> None:
        for row in rows:
            if row.seq != self.last_seq() + 1:
                wanted = self.last_seq() + 1
                raise InvariantError("seq_gap", f"Expected seq {wanted}, got {row.seq}.")
            self.layers["counters"]["seq"] = row.seq
            held = self.layers["events"].get(row.fragment, ())
            self.layers["events"][row.fragment] = (*held, row)
            self.layers["places"][row.seq] = row
        if rows:
            self.layers["commits"][rows[-1].seq] = True

    def commits(self, after_seq: int, limit: int) -> list[int]:
        return heapq.nsmallest(limit, (seq for seq in self.layers["commits"] if seq > after_seq))

    def events_of(
        self,
        fragments: Sequence[int],
        *,
        after_seq: int = 0,
        from_at: int | None = None,
        before: tuple[int, int] | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[LogRow]:
        found = [
            row
            for fragment in sorted(set(fragments))
            for row in self.layers["events"].get(fragment, ())
            if row.seq > after_seq
            and (from_at is None or row.at >= from_at)
            and (before is None or (row.at, row.key) < before)
        ]
        found.sort(key=lambda row: (row.at, row.key, row.seq), reverse=newest_first)
        return iter(found if limit is None else found[:limit])

    def count_events(self, fragments: Sequence[int]) -> int:
        return sum(len(self.layers["events"].get(fragment, ())) for fragment in set(fragments))

    def log(self, after_seq: int, limit: int) -> list[LogRow]:
        places = self.layers["places"]
        wanted = heapq.nsmallest(limit, (seq for seq in places if seq > after_seq))
        return [places[seq] for seq in wanted]

    def delete_events(self, fragments: Sequence[int]) -> int:
        deleted = 0
        for fragment in set(fragments):
            for row in self.layers["events"].pop(fragment, ()):
                self.layers["places"].pop(row.seq, None)
                deleted += 1
        return deleted

    def delete_rows(self, seqs: Sequence[int]) -> int:
        gone = [row for seq in set(seqs) if (row := self.layers["places"].pop(seq, None))]
        for row in gone:
            held = self.layers["events"][row.fragment]
            self.layers["events"][row.fragment] = tuple(r for r in held if r.seq != row.seq)
        return len(gone)

    def separations(self, identifiers: Sequence[int]) -> dict[int, bytes]:
        wanted = set(identifiers)
        return {
            key: body
            for key, (named, body) in self.layers["separations"].items()
            if not wanted.isdisjoint(named)
        }

    def put_separation(self, key: int, identifiers: Sequence[int], body: bytes) -> None:
        self.layers["separations"][key] = (tuple(identifiers), body)

    def delete_separations(self, keys: Sequence[int]) -> None:
        for key in keys:
            self.layers["separations"].pop(key, None)

    def suppressed(self, identifiers: Sequence[int]) -> set[int]:
        return {key for key in identifiers if key in self.layers["suppressed"]}

    def suppress(self, identifiers: Sequence[int], at: int) -> None:
        for key in identifiers:
            self.layers["suppressed"].setdefault(key, at)

    def suppressions(self, after: int, limit: int) -> list[tuple[int, int]]:
        rows = self.layers["suppressed"]
        return sorted((key, at) for key, at in rows.items() if key > after)[:limit]

    def lift_suppression(self, identifiers: Sequence[int]) -> None:
        for key in identifiers:
            self.layers["suppressed"].pop(key, None)

    def quarantine(self, rows: Sequence[QuarantineRow]) -> None:
        for row in rows:
            last = int(self.layers["counters"].get("quarantine", 0))
            number = row.id or last + 1
            self.layers["counters"]["quarantine"] = max(number, last)
            self.layers["quarantine"][number] = row._replace(id=number)

    def quarantined(self, after_id: int, limit: int) -> list[QuarantineRow]:
        rows = self.layers["quarantine"]
        return [rows[number] for number in sorted(n for n in rows if n > after_id)[:limit]]

    def delete_quarantined(self, ids: Sequence[int]) -> None:
        for number in ids:
            self.layers["quarantine"].pop(number, None)

    def _customers(self) -> list[CustomerRow]:
        rows = self.layers["customers"]
        return [rows[key] for key in sorted(rows)]

    def due_customers(self, now: int, limit: int) -> list[int]:
        due = [(row.due, row.key) for row in self._customers() if row.due is not None]
        return [key for at, key in sorted(due) if at <= now][:limit]

    def customers_to_refold(self, limit: int) -> list[int]:
        return [row.key for row in self._customers() if row.refold][:limit]

    def customers_outside(self, signal_set: int, after_key: int, limit: int) -> list[int]:
        rows = self._customers()
        return [r.key for r in rows if r.key > after_key and r.signal_set != signal_set][:limit]

    def scan_customers(
        self, after_key: int, limit: int, up_to: int = KEY_MASK
    ) -> list[CustomerRow]:
        return [row for row in self._customers() if after_key < row.key <= up_to][:limit]

    def scan_clusters(self, after_key: int, limit: int) -> list[ClusterRow]:
        rows = self.layers["clusters"]
        return [rows[key] for key in sorted(k for k in rows if k > after_key)[:limit]]

    def features(self) -> list[tuple[int, str]]:
        return list(self.layers["features"].items())

    def put_features(self, rows: Sequence[tuple[int, str]]) -> None:
        for id_, name in rows:
            self.layers["features"].setdefault(id_, name)

    def rename_features(self, rows: Sequence[tuple[int, str]]) -> None:
        for id_, name in rows:
            if id_ in self.layers["features"]:
                self.layers["features"][id_] = name

    def keys(self) -> list[KeyRow]:
        return list(self.layers["keys"].values())

    def put_key(self, row: KeyRow) -> None:
        self.layers["keys"][row.hash] = row

    def get_meta(self, name: str) -> bytes | None:
        value: bytes | None = self.layers["meta"].get(name)
        return value

    def put_meta(self, name: str, value: bytes) -> None:
        self.layers["meta"][name] = value


class MemoryStore:
    """A store that lives as long as its process; one writer at a time, readers wait for it."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[Any, Any]] = {name: {} for name in _TABLES}
        self._lock = threading.RLock()
        self._is_writing = False
        self._is_closed = False

    def write(self, work: Callable[[Transaction], T], *, makes_room: bool = False) -> T:
        with self._lock:
            if self._is_writing:
                raise InvariantError("write_in_write", "A write was begun inside a write.")
            self._require_open()
            self._is_writing = True
            transaction = MemoryTransaction(self._tables)
            try:
                result = work(transaction)
                transaction.commit(self._tables)
            finally:
                self._is_writing = False
                transaction.end()
            return result

    def read(self, work: Callable[[Transaction], T]) -> T:
        with self._lock:
            self._require_open()
            transaction = MemoryTransaction(self._tables, is_reading=True)
            try:
                return work(transaction)
            finally:
                transaction.end()

    def _require_open(self) -> None:
        if self._is_closed:
            what = "Expected an open store, got a closed one - at the memory. Make another."
            raise StoreUnavailable("store_closed", what, retryable=False)

    def backup(self, target: str, progress: Callable[[int, int], None] | None = None) -> None:
        what = expected("a store that is kept in a file", "one in memory", "store")
        raise InputError("no_backup", what)

    def archive(
        self,
        before_at: int,
        describe: Callable[[bytes], Mapping[str, str | int | None]],
        *,
        keep: Sequence[int] = (),
        only_full: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Archived:
        """Do nothing: there is no place but the memory."""
        return Archived(0, 0, 0)

    def vacuum(self) -> None:
        """Do nothing: what was deleted is gone."""

    def stats(self) -> StoreStats:
        with self._lock:
            tables = self._tables
            return StoreStats(
                len(tables["customers"]), len(tables["places"]), len(tables["quarantine"]), 0, 0
            )

    def close(self) -> None:
        """Forget everything."""
        self._is_closed = True
        for table in self._tables.values():
            table.clear()
