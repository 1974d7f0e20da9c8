"""Every request that unmodified SDKs really sent, through the same functions as in production."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from heedful.events import decode_event, encode_event
from heedful.ingest import SourceRules, find_write_key, inflate, parse_request
from heedful.kernel import parse_instant
from tests.api.recorded import FILES, recorded


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_captured_request_is_read(path: Path) -> None:
    requests = [request for request in recorded(path) if request.method == "POST"]
    assert requests
    for request in requests:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = inflate(request.wire, headers.get("content-encoding"))
        assert body == request.plain
        key = find_write_key(headers.get("authorization"), body)
        assert key == find_write_key(None, body) is not None
        sent_at = parse_instant(request.body["sentAt"])
        assert sent_at is not None
        intake = parse_request(
            request.path,
            body,
            source=SourceRules(name="sdk", kind="browser"),
            secret=b"secret",
            received_at=sent_at + 40,
            ip="203.0.113.7",
        )
        sent = request.items
        small = [item for item in sent if len(json.dumps(item)) <= 32 * 1024]
        assert [event.message_id for event in intake.events] == [i["messageId"] for i in small]
        assert {refusal.code for refusal in intake.refused} <= {"event_too_large"}
        assert len(intake.events) + len(intake.refused) == len(sent)
        for event, item in zip(intake.events, small, strict=True):
            assert (event.type, event.user_id) == (item["type"], item.get("userId"))
            assert event.context["ip"] == "203.0.113.7"
            assert set(event.flags) <= {"future_clamped"}
            assert event.at <= event.received_at
            assert decode_event(encode_event(event)) == event
