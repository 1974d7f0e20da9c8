"""How ready the data is for decisions, and what will run out: `heedful doctor`."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from heedful import core
from heedful.engine import Engine
from heedful.events import Event, decode_event
from heedful.kernel import DAY_MS, HOUR_MS, MINUTE_MS, format_instant
from heedful.ports import QuarantineRow, Store, Transaction
from heedful.strategy import Strategy

SAMPLE_CUSTOMERS: Final = 2_000
"""Customers that are looked at; keys are hashes, so the first ones by key are a fair sample."""
SAMPLE_EVENTS: Final = 5_000
"""Events at the end of the log from which growth and the sources' last signs are read."""
GROWTH_EVENTS_MIN: Final = 1_000
"""Events below which the size of a store says nothing yet about its growth."""
QUARANTINE_MAX: Final = 20_000
"""Rows of the quarantine that are counted by reason."""
STALE_AFTER_MS: Final = DAY_MS
"""Silence after which a source counts as stale."""

_REFOLDS_MAX: Final = 10_000
_PAGE: Final = 500
_UNKNOWN_NAMESPACE: Final = "anonymous_id"


def examine(store: Store, engine: Engine, strategy: Strategy, now: int) -> dict[str, Any]:
    """Examine a workspace; shares are of a sample, whose size is given beside them.

    Notes
    -----
    Days until the disk is full = free bytes / (bytes per event so far * events per day at the end
    of the log); null while too little has happened to say.
    """
    stats = store.stats()
    recent = _recent(store)
    quarantined = store.read(_reasons)
    return {
        "at": format_instant(now),
        "strategy_version": strategy.version,
        "customers": stats.customers,
        "events": stats.events,
        "people": _people(store, engine),
        "sources": _sources(strategy, recent, now),
        "disk": {
            "bytes_used": stats.bytes_on_disk,
            "bytes_free": stats.bytes_free,
            "days_until_full": _days_until_full(
                stats.bytes_on_disk, stats.events, stats.bytes_free, recent, now
            ),
        },
        "pending": engine.pending,
        "refolds_waiting": store.read(lambda tx: len(tx.customers_to_refold(_REFOLDS_MAX))),
        "quarantine": {"total": stats.quarantined, "by_reason": quarantined},
    }


def _people(store: Store, engine: Engine) -> dict[str, Any]:
    looked = known = silent = 0
    after = -1
    world = engine.world

    def read(tx: Transaction) -> tuple[int, int, int, int | None]:
        rows = tx.scan_customers(after, _PAGE)
        anchors = tx.identifiers([row.key for row in rows])
        with_id = sum(
            row.key in anchors and anchors[row.key].namespace != _UNKNOWN_NAMESPACE for row in rows
        )
        without = sum(not core.read(world, row.body).profile.consents for row in rows)
        return len(rows), with_id, without, rows[-1].key if rows else None

    while looked < SAMPLE_CUSTOMERS:
        count, with_id, without, last = store.read(read)
        looked, known, silent = looked + count, known + with_id, silent + without
        if last is None:
            break
        after = last
    return {
        "sampled": looked,
        "identity_coverage": known / looked if looked else None,
        "without_consent_statement": silent / looked if looked else None,
    }


def _recent(store: Store) -> list[Event]:
    def read(tx: Transaction) -> list[Event]:
        after = max(0, tx.last_seq() - SAMPLE_EVENTS)
        return [decode_event(row.body) for row in tx.log(after, SAMPLE_EVENTS)]

    return store.read(read)


def _sources(strategy: Strategy, recent: list[Event], now: int) -> list[dict[str, Any]]:
    last: dict[str, int] = {}
    for event in recent:
        last[event.source] = max(event.received_at, last.get(event.source, 0))
    names = sorted({*strategy.sources, *last})
    return [
        {
            "name": name,
            "last_event_at": format_instant(last[name]) if name in last else None,
            "hours_silent": round((now - last[name]) / HOUR_MS, 1) if name in last else None,
            "is_stale": name not in last or now - last[name] > STALE_AFTER_MS,
        }
        for name in names
    ]


def _days_until_full(
    used: int, events: int, free: int, recent: list[Event], now: int
) -> float | None:
    if len(recent) < GROWTH_EVENTS_MIN:
        return None
    span = max(now - min(event.received_at for event in recent), MINUTE_MS)
    per_day = len(recent) * DAY_MS / span
    return round(free / (used / events * per_day), 1) if used else None


def _reasons(tx: Transaction) -> dict[str, int]:
    counts: Counter[str] = Counter()
    after = 0
    rows: list[QuarantineRow]
    while counts.total() < QUARANTINE_MAX and (rows := tx.quarantined(after, _PAGE)):
        counts.update(row.reason for row in rows)
        after = rows[-1].id
    return dict(sorted(counts.items()))
