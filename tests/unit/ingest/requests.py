"""Small requests of the shapes that the six SDKs send, and one way to read them."""

from __future__ import annotations

import json
from typing import Any

from heedful.events import Event
from heedful.ingest import Intake, SourceRules, parse_request
from heedful.kernel import parse_instant

SECRET = b"a workspace's secret of some len"


def instant(text: str) -> int:
    """Read a time that the test wrote."""
    at = parse_instant(text)
    assert at is not None
    return at


NOW = instant("2026-11-20T18:00:00Z")


def item(**fields: Any) -> dict[str, Any]:
    """Write a sound track call, with some fields replaced; None leaves a field out."""
    sound = {
        "type": "track",
        "event": "Video Watched",
        "userId": "u1",
        "messageId": "m1",
        "timestamp": "2026-11-20T17:59:00Z",
        "properties": {"title": "How to pitch a tent"},
    }
    return {key: value for key, value in (sound | fields).items() if value is not None}


def batch(*items: Any, **beside: Any) -> bytes:
    """Write a batch as a server SDK does."""
    return json.dumps({"batch": list(items), "sentAt": "2026-11-20T18:00:00Z"} | beside).encode()


def read(body: bytes | dict[str, Any], path: str = "/v1/batch", **settings: Any) -> Intake:
    """Parse with the defaults of these tests."""
    settings.setdefault("source", SourceRules(name="shop"))
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return parse_request(path, raw, **({"secret": SECRET, "received_at": NOW} | settings))


def only(intake: Intake) -> Event:
    """Take the one event of an intake that refused nothing."""
    assert [refusal.code for refusal in intake.refused] == []
    (event,) = intake.events
    return event


def one(**fields: Any) -> Event:
    """Read one call in a batch that should land."""
    return only(read(batch(item(**fields))))


def refused(**fields: Any) -> str:
    """Read one call that should not land, and give the reason code."""
    intake = read(batch(item(**fields)))
    assert intake.events == []
    (refusal,) = intake.refused
    return refusal.code
