"""Decisions as they fall: every notice is heard, every decision is told with its person."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

from heedful.cli.client import NotFoundError
from heedful.cli.demo_feed import Decided, DecisionFeed

WAIT_S = 30
NEEDS = """
needs:
  - name: n
    tier: service
    opens_when: traits.x == 1
    closes_on: Order Completed
    expires_after: 1d
    description: {}
"""
ANSWER = {
    "action": "do_nothing",
    "need": None,
    "tier": "growth",
    "class": None,
    "channel": None,
    "reason": "growth_shut",
    "p_choose": 1.0,
    "explanation": {"candidates": [], "flags": []},
}


class FakeApi:
    """A server as a watcher sees it: a script of notices, and answers by path."""

    def __init__(self, notices: list[dict[str, Any]]) -> None:
        self.notices = notices
        self.strategies = [NEEDS.format("First."), NEEDS.format("Second.")]

    def get(self, path: str) -> Any:
        if path == "/v1/strategy":
            text = self.strategies.pop(0) if len(self.strategies) > 1 else self.strategies[0]
            return {"version": "v", "files": {"needs.yaml": text}}
        if path == "/v1/customers/c_1":
            return {"customer_id": "c_1", "traits": {"name": "Ada Bauer"}}
        if path == "/v1/decisions/d_1":
            return ANSWER
        raise NotFoundError("decision_not_found", "Erased.")

    def messages(self, *_: str, wait: bool) -> Iterator[tuple[str, Any]]:
        assert wait
        yield from ((notice["kind"], notice) for notice in self.notices)


def notice(kind: str, **rest: Any) -> dict[str, Any]:
    return {"kind": kind, "seq": 1, "at": 1_700_000_000_000, "customer_id": "c_1"} | rest


def test_notices_are_heard_in_order_and_decisions_told_with_their_person() -> None:
    script = [
        notice("event", name="Page"),
        notice("decision", decision_id="d_1"),
        notice("decision", decision_id="d_erased"),
        notice("strategy"),
    ]
    heard: list[str] = []
    told: queue.Queue[Decided] = queue.Queue()
    feed = DecisionFeed(FakeApi(script), lambda one: heard.append(one["kind"]), told.put)  # type: ignore[arg-type]
    assert feed.wording.needs == {"n": "First."}
    feed.start()
    decided = told.get(timeout=WAIT_S)
    assert (decided.who, decided.at) == ("Ada Bauer", "2023-11-14T22:13:20.000Z")
    assert decided.told.why == "Something of theirs comes first: selling rests."
    feed.drain(WAIT_S)
    for thread in feed._threads:
        thread.join(WAIT_S)
    assert heard == ["event", "decision", "decision", "strategy"]
    assert (feed.untold, feed.is_ended, feed.failure) == (1, True, None)
    assert feed.wording.needs == {"n": "Second."}
    assert told.empty()
