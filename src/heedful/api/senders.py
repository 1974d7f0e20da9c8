"""What senders need beside ingest: settings for Segment's browser SDK, and webhooks."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.params import FromPath

from heedful.api.answers import Success
from heedful.api.context import Context, Here, header_map
from heedful.api.cors import with_origin
from heedful.api.errors import unknown_key
from heedful.app import Identity
from heedful.app.quarantine import rows_of
from heedful.ingest import RequestHeaders, parse_webhook
from heedful.kernel import InputError, expected

_NOTHING: Final = RequestHeaders()


@get("/v1/projects/{key:str}/settings", sync_to_thread=False)
def sdk_settings(
    context: Here, request: Request[Any, Any, Any], key: FromPath[str]
) -> Response[dict[str, Any]]:
    """Tell Segment's browser SDK to send everything here; public, as a write key is."""
    caller: Identity | None = context.app.authenticate(key)
    if caller is None or caller.role != "source":
        raise unknown_key()
    protocol, host = _address(context, request)
    segment = {
        "apiKey": key,
        "unbundledIntegrations": [],
        "addBundledMetadata": True,
        "apiHost": f"{host}/v1",
        "protocol": protocol,
    }
    said = {"integrations": {"Segment.io": segment}, "plan": {}, "edgeFunction": {}}
    return Response(said, headers=with_origin({"Cache-Control": "max-age=60"}))


def _address(context: Context, request: Request[Any, Any, Any]) -> tuple[str, str]:
    public = context.app.settings.public_url.rstrip("/")
    if public:
        protocol, _, host = public.partition("://")
        return protocol, host
    return request.scope["scheme"], request.headers.get("host", "127.0.0.1")


@post("/v1/webhooks/{name:str}", status_code=200, answer=Success)
async def receive_webhook(
    context: Here, request: Request[Any, Any, Any], name: FromPath[str]
) -> dict[str, bool]:
    """Take in a signed webhook; its mapping stands in the strategy, its secret in the workspace."""
    app = context.app
    mapping = app.strategy.webhooks.get(name)
    if mapping is None:
        what = expected("a webhook of the strategy", "another", "path.name")
        raise InputError("unknown_webhook", what)
    body = await request.body()
    secrets = await asyncio.to_thread(app.webhook_secrets, name)
    received_at = app.clock()
    rules = app.source_rules(name)
    try:
        intake = parse_webhook(
            mapping,
            body,
            headers=header_map(request.scope["headers"]),
            secrets=secrets,
            source=rules,
            secret=app.secret,
            received_at=received_at,
        )
    except InputError as error:
        # As with an unknown write key: its sender may give up, and only the log tells of it.
        context.log.error("webhook_refused", webhook=name, code=error.code, secrets=len(secrets))
        raise
    for refusal in intake.refused:
        if refusal.disposition == "reject":  # the others are counted when they are kept
            context.metrics.refused.labels(name, refusal.code).inc()
    refused = rows_of(
        intake.refused,
        "batch",
        b"{}",
        _NOTHING,
        source=name,
        secret=app.secret,
        identity=app.engine.world.identity,
        received_at=received_at,
    )
    if intake.events or refused:
        await asyncio.wrap_future(app.engine.ingest(intake.events, refused))
    context.metrics.acknowledged.labels(name).inc(len(intake.events))
    return {"success": True}


HANDLERS: Final = (sdk_settings, receive_webhook)
