"""What Prometheus may know: counts and times, never whose."""

from __future__ import annotations

from collections import Counter as Tally
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from heedful.app import App
from heedful.engine import BatchResult
from heedful.engine.alarming import forgotten
from heedful.kernel import SECOND_MS

# When a counter began is when the process did, and that is a metric of its own.
disable_created_metrics()  # type: ignore[no-untyped-call]

_ACK_S: Final = (0.002, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.5, 1.0, 5.0)
_COMMIT_S: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
_BATCH: Final = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_500)


class Metrics:
    """The metrics of one server, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        source = ["source"]
        self._ingested = self._counter("events_ingested", "Events that are in the log.", source)
        self._duplicates = self._counter(
            "events_duplicate", "Events that were in the log already and changed nothing."
        )
        self._suppressed = self._counter(
            "events_suppressed", "Events of people who were erased, refused for good."
        )
        self.refused = self._counter(
            "events_refused", "Events that could not land, by reason.", ["source", "reason"]
        )
        self.acknowledged = self._counter(
            "events_acknowledged", "Events answered with 200; a copy counts again.", source
        )
        self.unknown_keys = self._counter(
            "unknown_keys", "Ingest requests with a key that may not send: SDKs drop the data."
        )
        self.requests = self._counter(
            "requests", "Requests by route and status.", ["route", "status"]
        )
        self._decisions = self._counter(
            "decisions", "Decisions that are in the log, silence included.", ["tier", "action"]
        )
        self._released = self._counter("effects_released", "Effects that were let go out.")
        self.ack = self._histogram(
            "ack_seconds", "From the whole body to the durable answer.", _ACK_S
        )
        self.decide = self._histogram(
            "decide_seconds", "From the first byte of a question to its durable answer.", _ACK_S
        )
        self._commit = self._histogram(
            "commit_seconds", "Of one batch, from its first read to its commit.", _COMMIT_S
        )
        self._batch = self._histogram("batch_events", "Events that one commit landed.", _BATCH)
        self._pending = self._gauge("pending_events", "Events that wait for the writer.")
        self._watchers = self._gauge("stream_watchers", "Open connections to the stream.")
        self._last_seq = self._gauge("log_seq", "Place of the newest event in the log.")
        self._customers = self._gauge("customers", "People in the store.")
        self._stored = self._gauge("events_stored", "Events in the store.")
        self._quarantined = self._gauge("quarantined", "Rows that wait in the quarantine.")
        self._stops = self._gauge("stops", "Scopes that are stopped.")
        self._incidents = self._gauge("incidents", "Incidents that run.")
        self._bytes = self._gauge("store_bytes", "Size of the store's files.")
        self._free = self._gauge("disk_free_bytes", "Free where the store is.")
        self._begin_watching()

    def _begin_watching(self) -> None:
        self._drift = self._gauge(
            "drift", "How far a series has moved, as a share of its limit.", ["series", "measure"]
        )
        self._gap = self._gauge(
            "fairness",
            "What a group gets over what the best-off group gets; of calibration their distance.",
            ["trait", "group", "action", "measure"],
        )
        self._crossed = self._gauge(
            "limits_crossed", "Limits of drift or fairness that are crossed."
        )
        self._alarms = self._gauge(
            "drift_alarms",
            "Drift alarms that stand, by the evidence in nats with which each was raised.",
            ["model", "action", "goal", "direction"],
        )

        self._forgot = self._gauge(
            "model_forgot_timestamp_seconds",
            "When a model last forgot what it knew of an action, within the window of drift.yaml.",
            ["model", "action", "goal", "direction"],
        )

    def _counter(self, name: str, about: str, labels: list[str] | None = None) -> Counter:
        return Counter(f"heedful_{name}", about, labels or [], registry=self.registry)

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"heedful_{name}", about, buckets=buckets, registry=self.registry)

    def _gauge(self, name: str, about: str, labels: list[str] | None = None) -> Gauge:
        return Gauge(f"heedful_{name}", about, labels or [], registry=self.registry)

    def observe(self, result: BatchResult, seconds: float) -> None:
        """Count one committed batch; called on the writer's thread."""
        self._commit.observe(seconds)
        self._batch.observe(len(result.landed))
        for source, count in Tally(one.event.source for one in result.landed).items():
            self._ingested.labels(source).inc(count)
        for row in result.refused:
            self.refused.labels(row.source, row.reason).inc()
        self._duplicates.inc(result.duplicates)
        self._suppressed.inc(len(result.suppressed))
        for (tier, action), count in Tally((d.tier, d.action) for d in result.decided).items():
            self._decisions.labels(tier, action).inc(count)
        self._released.inc(len(result.released))

    def text(self, app: App, watchers: int) -> bytes:
        """Write all metrics as Prometheus reads them."""
        stats = app.store.stats()
        self._last_seq.set(app.store.read(lambda tx: tx.last_seq()))
        self._pending.set(app.engine.pending)
        self._watchers.set(watchers)
        self._customers.set(stats.customers)
        self._stored.set(stats.events)
        self._quarantined.set(stats.quarantined)
        self._stops.set(len(app.engine.governing.stops()))
        self._incidents.set(len(app.engine.governing.incidents()))
        self._watch(app)
        self._bytes.set(stats.bytes_on_disk)
        self._free.set(stats.bytes_free)
        return generate_latest(self.registry)

    def _watch(self, app: App) -> None:
        """Show drift and fairness as they stand; what is not looked at any more is gone."""
        found = app.engine.measuring.found()
        self._drift.clear()
        self._gap.clear()
        for drift in found.drifts:
            self._drift.labels(drift.series, drift.measure).set(drift.amount / drift.limit)
        for gap in found.gaps:
            self._gap.labels(gap.trait, gap.group, gap.action, gap.measure).set(gap.ratio)
        self._alarms.clear()
        for one in found.alarms:
            labels = (one.model, one.action, one.goal, one.direction)
            self._alarms.labels(*labels).set(one.evidence)
        self._crossed.set(len(found.crossed))
        self._forgot.clear()
        for forgot in forgotten(app.engine.world, app.engine.now()):
            labels = forgot.alarm[:4]
            self._forgot.labels(*labels).set(forgot.at / SECOND_MS)
