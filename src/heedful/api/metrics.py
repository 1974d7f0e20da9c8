"""What Prometheus may know: counts and times, never whose."""

from __future__ import annotations

from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from heedful.app import App

disable_created_metrics()  # type: ignore[no-untyped-call]  # when a counter began is when the process did

_ACK_S: Final = (0.002, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.5, 1.0, 5.0)


class Metrics:
    """The metrics of one server, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.acknowledged = Counter(
            "heedful_events_acknowledged",
            "Events answered with 200; a copy of a known one counts again.",
            ["source"],
            registry=self.registry,
        )
        self.refused = Counter(
            "heedful_events_refused",
            "Events that could not land, by reason.",
            ["source", "reason"],
            registry=self.registry,
        )
        self.requests = Counter(
            "heedful_requests",
            "Requests by route and status.",
            ["route", "status"],
            registry=self.registry,
        )
        self.unknown_keys = Counter(
            "heedful_unknown_keys",
            "Ingest requests with a key that nobody holds: their SDK drops the data.",
            registry=self.registry,
        )
        self.ack = Histogram(
            "heedful_ack_seconds",
            "From the whole body to the durable answer.",
            buckets=_ACK_S,
            registry=self.registry,
        )
        self._last_seq = Gauge(
            "heedful_log_seq", "Place of the newest event in the log.", registry=self.registry
        )
        self._pending = Gauge(
            "heedful_pending_events", "Events that wait for the writer.", registry=self.registry
        )
        self._store = Gauge(
            "heedful_store", "Sizes of the store.", ["what"], registry=self.registry
        )

    def text(self, app: App) -> bytes:
        """Write all metrics as Prometheus reads them."""
        stats = app.store.stats()
        self._last_seq.set(app.store.read(lambda tx: tx.last_seq()))
        self._pending.set(app.engine.pending)
        for what, value in stats._asdict().items():
            self._store.labels(what).set(value)
        return generate_latest(self.registry)
