"""What unmodified SDKs really sent is answered as they need it, and its people are found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from heedful.ingest import IngestLimits
from tests.api.recorded import FILES, Recorded, recorded
from tests.api.serving import Served, serving

WRITE_KEYS = ("WK", "WK_TEST")
"""Under which the SDKs were set up when they were recorded."""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "shop") as served:
        for key in WRITE_KEYS:
            served.app.create_key("source", f"sdk-{key}", key)
        yield served


def send(client: httpx.Client, request: Recorded) -> httpx.Response:
    return client.request(
        request.method, request.path, content=request.wire, headers=request.headers
    )


def is_small(item: dict[str, Any]) -> bool:
    return len(json.dumps(item)) <= IngestLimits().event_bytes_max


def everything(client: httpx.Client, customer_id: str) -> list[dict[str, Any]]:
    found, cursor = [], None
    while True:
        page = client.get(
            f"/v1/customers/{customer_id}/timeline",
            params={"limit": 7} if cursor is None else {"limit": 7, "cursor": cursor},
        ).json()
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def holders(client: httpx.Client, item: dict[str, Any]) -> set[str]:
    named = {"user_id": item.get("userId"), "anonymous_id": item.get("anonymousId")}
    found = set()
    for namespace, value in named.items():
        if value is not None:
            asked = {"namespace": namespace, "value": value}
            answer = client.post("/v1/customers/lookup", json=asked)
            assert answer.status_code == 200, asked
            found.add(answer.json()["customer_id"])
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_recorded_request_lands_and_its_people_are_found(shop: Served, file: Path) -> None:
    requests = recorded(file)
    landed: dict[str, dict[str, Any]] = {}
    refused = set()
    with shop.client(role=None) as sdk, shop.client("operator") as client:
        for request in requests:
            answer = send(sdk, request)
            assert answer.status_code == 200, request.scenario
            assert answer.headers["content-type"].startswith("application/json")
            if request.method == "GET":
                segment = answer.json()["integrations"]["Segment.io"]
                assert shop.url == f"{segment['protocol']}://{segment['apiHost']}"[: -len("/v1")]
                continue
            assert answer.json() == {"success": True}
            for item in request.items:
                if is_small(item):
                    landed[item["messageId"]] = item
                else:
                    refused.add(item["messageId"])
        assert landed
        people = set()
        for item in landed.values():
            (customer_id,) = holders(client, item)
            people.add(customer_id)
        seen = [event for one in sorted(people) for event in everything(client, one)]
        assert sorted(event["message_id"] for event in seen) == sorted(landed)
        for event in seen:
            assert event["type"] == landed[event["message_id"]]["type"]
        waiting = client.get("/v1/quarantine").json()["items"]
        assert {row["reason"] for row in waiting} == ({"event_too_large"} if refused else set())
        assert len(waiting) == len(refused)


def test_a_recorded_person_is_found_by_what_identify_said(shop: Served) -> None:
    for file in FILES:
        with shop.client(role=None) as sdk:
            for request in recorded(file):
                send(sdk, request)
    with shop.client("service") as client:
        by_mail = {"namespace": "email", "value": "a@x.io"}
        by_user = {"namespace": "user_id", "value": "u1"}
        found = [client.post("/v1/customers/lookup", json=who).json() for who in (by_mail, by_user)]
        assert found[0] == found[1]
        customer = client.get(f"/v1/customers/{found[0]['customer_id']}").json()
    assert customer["traits"]["email"] == "a@x.io"
    assert customer["accounts"][0]["group_id"] == "g1"
    assert customer["accounts"][0]["traits"]["plan"] == "pro"
