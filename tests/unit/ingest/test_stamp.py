"""Four timestamps, one corrected time."""

from __future__ import annotations

from typing import Any

import pytest

from heedful.events import Event
from heedful.ingest import RequestHeaders, SourceRules
from heedful.kernel import DAY_MS
from tests.unit.ingest.requests import NOW, batch, instant, item, only, read


def stamped(timestamp: Any, sent_at: Any, **settings: Any) -> Event:
    return only(read(batch(item(timestamp=timestamp), sentAt=sent_at), **settings))


def test_the_clients_skew_is_taken_out() -> None:
    # The client's clock is three hours slow; the event is ten seconds older than its sending.
    event = stamped("2026-11-20T14:59:50Z", "2026-11-20T15:00:00Z")
    assert event.at == NOW - 10_000
    assert event.original_at == instant("2026-11-20T14:59:50Z")
    assert event.sent_at == instant("2026-11-20T15:00:00Z")
    assert event.received_at == NOW
    assert event.flags == ()


def test_a_backdated_event_stays_in_the_past() -> None:
    event = stamped("2024-01-01T00:00:00Z", "2026-11-20T18:00:00Z")
    assert (event.at, event.flags) == (instant("2024-01-01T00:00:00Z"), ())


def test_a_future_event_happened_on_arrival() -> None:
    event = stamped("2026-11-21T18:00:00Z", "2026-11-20T18:00:00Z")
    assert (event.at, event.flags) == (NOW, ("future_clamped",))
    event = stamped("2026-11-21T18:00:00Z", None)
    assert (event.at, event.flags) == (NOW, ("future_clamped",))


def test_a_clock_beyond_a_day_off_is_not_believed() -> None:
    event = stamped("2026-11-18T17:00:00Z", "2026-11-18T18:00:00Z")
    assert (event.at, event.flags) == (instant("2026-11-18T17:00:00Z"), ("skew_absurd",))
    ahead = stamped("2026-11-23T17:00:00Z", "2026-11-23T18:00:00Z")
    assert (ahead.at, ahead.flags) == (NOW, ("skew_absurd",))
    edge = only(read(batch(item(), sentAt=NOW - DAY_MS)))
    assert "skew_absurd" not in edge.flags


def test_without_sent_at_the_clients_time_stands_and_says_so() -> None:
    event = stamped("2026-11-20T17:00:00Z", None)
    assert (event.at, event.flags) == (instant("2026-11-20T17:00:00Z"), ("sent_at_absent",))


def test_without_a_timestamp_it_happened_on_arrival() -> None:
    event = only(read({"userId": "u", "event": "e", "messageId": "m"}, "t"))
    assert (event.at, event.original_at, event.flags) == (NOW, None, ())


@pytest.mark.parametrize(
    "nonsense", ["yesterday", "", True, {}, -5, 10**18, 1e300, "0001-01-01", "10000-01-01"]
)
def test_an_unreadable_timestamp_is_flagged(nonsense: Any) -> None:
    event = stamped(nonsense, "2026-11-20T18:00:00Z")
    assert (event.at, event.original_at, event.flags) == (NOW, None, ("bad_timestamp",))
    event = stamped("2026-11-20T17:00:00Z", nonsense)
    assert event.at == instant("2026-11-20T17:00:00Z")
    assert event.flags == ("bad_sent_at", "sent_at_absent")


def test_history_whose_time_cannot_be_read_is_refused_and_not_taken_as_news() -> None:
    history = SourceRules(name="import", kind="import")
    intake = read(batch(item(timestamp="01.03.2026"), item(messageId="b")), source=history)
    (refusal,) = intake.refused
    assert (refusal.code, len(intake.events)) == ("bad_timestamp", 1)
    assert "2026-01-31T12:00:00Z" in refusal.message
    assert "$.batch[0].timestamp" in refusal.message


@pytest.mark.parametrize(
    "form",
    [
        "2026-11-20T17:00:00Z",
        "2026-11-20T17:00:00.000+00:00",
        "2026-11-20T18:00:00+01:00",
        "2026-11-20 17:00:00",
        "20261120T170000Z",
        1_795_194_000,
        1_795_194_000_000,
        1_795_194_000.0,
        "1795194000",
        "1795194000000",
    ],
)
def test_a_time_is_read_in_every_form_that_clients_send(form: Any) -> None:
    assert stamped(form, None).at == instant("2026-11-20T17:00:00Z")


def test_rudderstacks_names_and_places_are_read() -> None:
    call = item(timestamp=None, originalTimestamp="2026-11-20T14:59:50Z")
    body = batch(call | {"sentAt": "2026-11-20T15:00:00Z"}, sentAt="2026-11-20T16:00:00Z")
    assert only(read(body)).at == NOW - 10_000
    headers = RequestHeaders(sent_at="2026-11-20T15:00:00Z")
    assert only(read(call, "t", headers=headers)).at == NOW - 10_000


@pytest.mark.parametrize("kind", ["import", "webhook"])
def test_history_and_providers_are_believed(kind: Any) -> None:
    source = SourceRules(name="old", kind=kind)
    event = stamped("2021-01-01T00:00:00Z", "2021-01-01T00:00:05Z", source=source)
    assert (event.at, event.flags) == (instant("2021-01-01T00:00:00Z"), ())
    event = stamped("2027-01-01T00:00:00Z", None, source=source)
    assert (event.at, event.flags) == (NOW, ("future_clamped",))
