"""A person's timeline, read to its end as different clients page."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.serving import Served, bearer


@pytest.fixture(scope="module")
def path(served: Served) -> str:
    """The timeline of a person with seven events, of whom three happened at once."""
    stamps = [1, 2, 3, 3, 3, 4, 5]
    calls = [
        {
            "type": "track",
            "userId": "pager",
            "event": "Tent Seen",
            "messageId": f"page-{number}",
            "timestamp": f"2026-01-01T00:00:0{second}Z",
            "sentAt": "2026-01-01T00:00:09Z",
        }
        for number, second in enumerate(stamps)
    ]
    with served.client(role=None) as client:
        sent = client.post(
            "/v1/batch", json={"batch": calls}, headers=bearer(served.keys["source"])
        )
        assert sent.is_success
    with served.client("agent") as client:
        asked = {"namespace": "user_id", "value": "pager"}
        found = client.post("/v1/customers/lookup", json=asked).json()["customer_id"]
    return f"/v1/customers/{found}/timeline"


@pytest.fixture
def client(served: Served) -> Any:
    with served.client("agent") as client:
        yield client


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 500, 501, 1_000_000])
def test_pages_of_any_length_give_each_event_once(
    client: httpx.Client, path: str, limit: int
) -> None:
    cursor: str | None = None  # which httpx sends as an empty one
    found: list[dict[str, Any]] = []
    while True:
        page = client.get(path, params={"limit": limit, "cursor": cursor}).json()
        assert set(page) == {"items", "next_cursor"}
        assert 1 <= len(page["items"]) <= limit
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(item["message_id"] for item in found) == [f"page-{n}" for n in range(7)]
    assert [item["at"] for item in found] == sorted((i["at"] for i in found), reverse=True)


def test_an_event_shows_all_four_times(client: httpx.Client, path: str) -> None:
    (newest,) = client.get(path, params={"limit": 1}).json()["items"]
    assert newest["original_timestamp"] == "2026-01-01T00:00:05.000Z"
    assert newest["sent_at"] == "2026-01-01T00:00:09.000Z"
    assert {"at", "received_at"} <= set(newest)


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "cursor=x", "cursor=1.2.3"])
def test_what_is_no_page_is_refused(client: httpx.Client, path: str, query: str) -> None:
    answer = client.get(f"{path}?{query}")
    assert (answer.status_code, answer.json()["code"]) in {
        (400, "invalid_request"),
        (400, "bad_cursor"),
    }
