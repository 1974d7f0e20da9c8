"""How ready the data is for decisions, and what will run out: `heedful doctor`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from heedful import core
from heedful.app.waited import never_seen
from heedful.app.watching import alarm_shown, forgot_shown
from heedful.engine import Engine
from heedful.events import Event, decode_event
from heedful.govern import status_of
from heedful.kernel import DAY_MS, HOUR_MS, format_instant
from heedful.ports import QuarantineRow, Store, Transaction
from heedful.strategy import Strategy

SAMPLE_CUSTOMERS: Final = 2_000
"""Customers that are looked at; keys are hashes, so the first ones by key are a fair sample."""
SAMPLE_EVENTS: Final = 5_000
"""Events at the end of the log from which growth and the sources' last signs are read."""
GROWTH_EVENTS_MIN: Final = 1_000
"""Events below which the size of a store says nothing yet about its growth."""
GROWTH_SPAN_MIN_MS: Final = HOUR_MS
"""Time over which those events must have come: a first burst is no pace."""
HISTORY_AFTER_MS: Final = DAY_MS
"""Age at arrival from which an event counts as history that somebody brought in."""
QUARANTINE_MAX: Final = 20_000
"""Rows of the quarantine that are counted by reason."""
DEAD_LETTERS_MAX: Final = 20_000
"""Dead letters that are counted by their code."""
WAITING_MAX: Final = 20_000
"""Waiting effects that are looked through for those that were tried in vain."""
FAILING_TRIES_MIN: Final = 2
"""Tries in vain from which an effect counts as failing: one may be chance."""
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
    of the log); null while too little has happened to say. History that was imported is no pace,
    so it is left out.
    """
    stats = store.stats()
    recent = _recent(store)
    people, seen = _people(store, engine)
    live = [event for event in recent if event.received_at - event.at < HISTORY_AFTER_MS]
    quarantined = store.read(_reasons)
    return {
        "at": format_instant(now),
        "strategy_version": strategy.version,
        "customers": stats.customers,
        "events": stats.events,
        "people": people,
        "sources": _sources(strategy, recent, seen, now),
        "disk": {
            "bytes_used": stats.bytes_on_disk,
            "bytes_free": stats.bytes_free,
            "days_until_full": _days_until_full(
                stats.bytes_on_disk, stats.events, stats.bytes_free, live, now
            ),
        },
        "pending": engine.pending,
        "refolds_waiting": store.read(lambda tx: len(tx.customers_to_refold(_REFOLDS_MAX))),
        "drift": _drift(engine),
        "training": engine.trainer.states(strategy.models),
        "dead_letters": store.read(_dead_letters),
        "failing": store.read(_failing),
        "governance": _governance(engine, now),
        "never_seen": never_seen(store, strategy, engine.world.dictionary, stats.events, now),
        "quarantine": {"total": stats.quarantined, "by_reason": quarantined},
    }


def _drift(engine: Engine) -> dict[str, Any]:
    """Give what stands of drift and fairness: alarms, what models forgot, and limits crossed."""
    found = engine.measuring.found()
    return {
        "alarms": msgspec.to_builtins([alarm_shown(alarm, engine.world) for alarm in found.alarms]),
        "forgot": msgspec.to_builtins(forgot_shown(engine)),
        "crossed": [
            {"about": key, "since": format_instant(since.at)}
            for key, since in sorted(found.crossed.items())
        ],
    }


def _people(store: Store, engine: Engine) -> tuple[dict[str, Any], dict[str, int]]:
    """Sample the customers: shares of them, and when each source was last heard of them."""
    seen: dict[str, int] = {}
    looked = known = silent = 0
    after = -1
    world = engine.world

    def read(tx: Transaction) -> tuple[int, int, int, int | None]:
        rows = tx.scan_customers(after, _PAGE)
        anchors = tx.identifiers([row.key for row in rows])
        with_id = sum(
            row.key in anchors and anchors[row.key].namespace != _UNKNOWN_NAMESPACE for row in rows
        )
        profiles = [core.read(world, row.body).profile for row in rows]
        without = sum(not profile.consents for profile in profiles)
        for profile in profiles:
            for source, at in profile.sources.items():
                seen[source] = max(at, seen.get(source, at))
        return len(rows), with_id, without, rows[-1].key if rows else None

    while looked < SAMPLE_CUSTOMERS:
        count, with_id, without, last = store.read(read)
        looked, known, silent = looked + count, known + with_id, silent + without
        if last is None:
            break
        after = last
    shares = {
        "sampled": looked,
        "identity_coverage": known / looked if looked else None,
        "without_consent_statement": silent / looked if looked else None,
    }
    return shares, seen


def _recent(store: Store) -> list[Event]:
    def read(tx: Transaction) -> list[Event]:
        after = max(0, tx.last_seq() - SAMPLE_EVENTS)
        return [decode_event(row.body) for row in tx.log(after, SAMPLE_EVENTS)]

    return store.read(read)


def _sources(
    strategy: Strategy, recent: list[Event], seen: Mapping[str, int], now: int
) -> list[dict[str, Any]]:
    last = dict(seen)
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
    span = now - min(event.received_at for event in recent)
    if span < GROWTH_SPAN_MIN_MS:
        return None
    per_day = len(recent) * DAY_MS / span
    return round(free / (used / events * per_day), 1) if used else None


def _dead_letters(tx: Transaction) -> dict[str, int]:
    """Count by what they died of."""
    counts: Counter[str] = Counter()
    after = ""
    while counts.total() < DEAD_LETTERS_MAX and (rows := tx.effects_in("dead", after, _PAGE)):
        counts.update(row.code for row in rows)
        after = rows[-1].id
    return dict(sorted(counts.items()))


def _failing(tx: Transaction) -> list[dict[str, Any]]:
    """Count what waits after tries in vain, by destination and what the last try ended with."""
    counts: Counter[tuple[str, str]] = Counter()
    after, looked = "", 0
    while looked < WAITING_MAX and (rows := tx.effects_in("waiting", after, _PAGE)):
        failing = (row for row in rows if row.attempts >= FAILING_TRIES_MIN)
        counts.update((row.destination, row.code) for row in failing)
        after, looked = rows[-1].id, looked + len(rows)
    return [
        {"destination": destination, "code": code, "effects": number}
        for (destination, code), number in sorted(counts.items())
    ]


def _governance(engine: Engine, now: int) -> dict[str, Any]:
    """Give what people stopped, declared or wait for."""
    governing = engine.governing
    return {
        "stops": [
            {"scope": one.scope, "since": format_instant(one.since), "reason": one.reason}
            for one in governing.stops()
        ],
        "incidents": [
            {"plan": one.plan, "until": format_instant(one.expires_at), "reason": one.reason}
            for one in governing.incidents()
        ],
        "approvals": sum(status_of(one, now) == "pending" for one in governing.approvals()),
    }


def _reasons(tx: Transaction) -> dict[str, int]:
    counts: Counter[str] = Counter()
    after = 0
    rows: list[QuarantineRow]
    while counts.total() < QUARANTINE_MAX and (rows := tx.quarantined(after, _PAGE)):
        counts.update(row.reason for row in rows)
        after = rows[-1].id
    return dict(sorted(counts.items()))
