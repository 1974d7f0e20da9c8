"""Is the process alive, does it take requests, and how is it doing."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get
from prometheus_client import CONTENT_TYPE_LATEST

from heedful.api.answers import Health
from heedful.api.context import Here
from heedful.kernel import HeedfulError

_PROMETHEUS: Final = CONTENT_TYPE_LATEST.removesuffix("; charset=utf-8")  # the framework adds it


@get("/healthz", answer=Health, sync_to_thread=False)
def healthz() -> dict[str, str]:
    """Say that the process lives."""
    return {"status": "ok"}


@get("/readyz", answer=Health, sync_to_thread=True)
def readyz(context: Here) -> Response[dict[str, Any]]:
    """Say whether events can be made durable now: the writer lives and the store takes writes."""
    pending = context.app.engine.pending
    if context.stopping.is_set():
        return Response({"status": "stopping", "pending": pending}, status_code=503)
    try:
        context.app.probe()
    except (HeedfulError, TimeoutError) as error:
        code = error.code if isinstance(error, HeedfulError) else "writer_behind"
        return Response({"status": code, "pending": pending}, status_code=503)
    return Response({"status": "ok", "pending": pending})


@get("/metrics", sync_to_thread=True, media_type=_PROMETHEUS, says="text/plain")
def metrics(context: Here) -> bytes:
    """Give the metrics as Prometheus reads them."""
    return context.metrics.text(context.app, len(context.watchers))


HANDLERS: Final = (healthz, readyz, metrics)
