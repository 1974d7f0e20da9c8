"""The stream over the wire: what is committed is seen, once and in order, from any cursor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from heedful.app import open_app
from tests.api import shop
from tests.api.serving import Served, bearer, listening, serving


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Served]:
    """A server that is seldom silent, and that three may watch."""
    settings = {"stream_heartbeat_s": 1, "stream_watchers_max": 3}
    with serving(tmp_path / "shop", shop.STRATEGY, is_whole=True, **settings) as made:
        yield made


def send(served: Served, *names: str) -> None:
    with served.client("source") as client:
        for name in names:
            said = {"userId": "u1", "event": name, "messageId": name}
            assert client.post("/v1/track", json=said).status_code == 200


class Watcher:
    """Reads one stream, event by event."""

    def __init__(self, answer: httpx.Response) -> None:
        self.lines = answer.iter_lines()
        assert next(self.lines) == ": listening"

    def event(self) -> tuple[int, dict[str, Any]]:
        """Give the next event with its cursor."""
        place = 0
        for line in self.lines:
            if line.startswith("id: "):
                place = int(line.removeprefix("id: "))
            if line.startswith("data: "):
                return place, json.loads(line.removeprefix("data: "))
        raise AssertionError("the stream ended")

    def until(self, name: str) -> tuple[int, list[str]]:
        """Read up to an event; give its cursor and the names of all that were seen."""
        seen: list[str] = []
        while True:
            place, said = self.event()
            if said["kind"] == "event":
                seen.append(said["name"])
            if said["kind"] == "event" and said["name"] == name:
                return place, seen


def test_what_is_committed_is_seen_once_and_in_order(watched: Served) -> None:
    with watched.client("analyst") as client, client.stream("GET", "/v1/stream") as answer:
        watcher = Watcher(answer)
        assert answer.headers["cache-control"] == "no-store"
        send(watched, "A", "B", "C")
        assert watcher.until("C")[1] == ["A", "B", "C"]


def test_a_watcher_who_was_away_resumes_where_it_was(watched: Served) -> None:
    send(watched, "A", "B", "C")
    with watched.client("analyst") as client:
        with client.stream("GET", "/v1/stream", params={"after": 0}) as answer:
            place, seen = Watcher(answer).until("B")
        assert seen[-2:] == ["A", "B"]
        send(watched, "D")
        headers = {"Last-Event-ID": str(place)}
        with client.stream("GET", "/v1/stream", headers=headers) as answer:
            assert Watcher(answer).until("D")[1] == ["C", "D"]


def test_what_the_ring_has_lost_comes_from_the_log(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    with serving(folder) as served:
        send(served, "A", "B")
    with open_app(folder) as app, listening(app) as url:  # another process would have no ring
        headers = bearer(app.create_key("analyst", "another"))
        with (
            httpx.Client(base_url=url, headers=headers, trust_env=False) as client,
            client.stream("GET", "/v1/stream", params={"after": 0}) as answer,
        ):
            assert Watcher(answer).until("B")[1][-2:] == ["A", "B"]


def test_a_decision_is_seen_with_who_what_and_why(watched: Served) -> None:
    with watched.client() as client, client.stream("GET", "/v1/stream") as answer:
        watcher = Watcher(answer)
        with watched.client("service") as asking:
            person = shop.meet(asking, "seen")
            decision = shop.ask(asking, "seen", channel="inapp")
        while (said := watcher.event()[1])["kind"] != "decision":
            pass
    told = {name: said[name] for name in ("customer_id", "name", "type", "source", "decision_id")}
    assert told == {
        "customer_id": person,
        "name": "sale",
        "type": "growth",
        "source": "inapp",
        "decision_id": decision["decision_id"],
    }


def test_a_quiet_stream_says_that_it_lives(watched: Served) -> None:
    with watched.client("analyst") as client, client.stream("GET", "/v1/stream") as answer:
        lines = (line for line in Watcher(answer).lines if line)
        assert next(lines) == ": quiet"


def test_no_more_watch_than_may(watched: Served) -> None:
    with watched.client("analyst") as client:
        path = "/v1/stream"
        with (
            client.stream("GET", path) as one,
            client.stream("GET", path) as two,
            client.stream("GET", path) as three,
        ):
            watchers = [Watcher(answer) for answer in (one, two, three)]
            assert len(watchers) == watched.metric("heedful_stream_watchers") == 3
            answer = client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (429, "too_many_watchers")
            assert answer.headers["retry-after"].isdecimal()


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", str(1 << 60)])
def test_a_cursor_of_another_stream_is_refused(watched: Served, cursor: str) -> None:
    with watched.client("analyst") as client:
        answer = client.get("/v1/stream", headers={"Last-Event-ID": cursor})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")
