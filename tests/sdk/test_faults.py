"""Unmodified SDKs over a bad network: every message is there exactly once, and none is given up."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from segment.analytics.client import Client

from tests.api.serving import Served, serving
from tests.sdk.proxy import (
    BARE_UNAVAILABLE,
    CUT_IN_ANSWER,
    HOLD,
    PASS,
    RESET_AFTER,
    RESET_BEFORE,
    SLOW_DOWN,
    UNAVAILABLE,
    Fault,
    Proxy,
    faulty,
)

GIVE_UP_S = 1
"""How long a client waits for an answer; a held one is held for longer."""
BATCH = 7

ALL_AT_ONCE = "one thing after another"
SCRIPTS: dict[str, Sequence[Fault]] = {
    "reset before the server saw it": [RESET_BEFORE],
    "reset after the server answered": [RESET_AFTER],
    "reset in the middle of the answer": [CUT_IN_ANSWER],
    "answer later than the client waits": [HOLD],
    "429 with Retry-After": [SLOW_DOWN],
    "503 with Retry-After": [UNAVAILABLE],
    "bare 503": [BARE_UNAVAILABLE],
    ALL_AT_ONCE: [
        RESET_BEFORE, RESET_AFTER, PASS, SLOW_DOWN, HOLD, PASS, CUT_IN_ANSWER, UNAVAILABLE,
    ],
}  # fmt: skip

Send = Callable[[str, str, list[str]], list[str]]
"""Send a message of each id as one user to a host; gives what the SDK says it gave up."""


def through_python(served: Served, host: str, user: str, ids: list[str], **rest: Any) -> list[str]:
    failed: list[str] = []
    client = Client(
        served.keys["source"],
        host=host,
        on_error=lambda error, batch: failed.append(str(error)),
        upload_size=BATCH,
        upload_interval=0.1,
        timeout=GIVE_UP_S,
        **rest,
    )
    client.identify(user, {"plan": "trail"}, message_id=ids[0])
    for id_ in ids[1:]:
        client.track(user, "Video Watched", {"title": "How to pitch a tent"}, message_id=id_)
    client.shutdown()
    return failed


def through_node(
    node_sdk: tuple[str, Path], served: Served, host: str, user: str, ids: list[str]
) -> list[str]:
    node, folder = node_sdk
    settings = {
        "writeKey": served.keys["source"],
        "host": host,
        "flushAt": BATCH,
        "flushInterval": 100,
        "maxRetries": 10,
        "httpRequestTimeout": GIVE_UP_S * 1_000,
    }
    calls = [
        ("identify", {"userId": user, "traits": {"plan": "trail"}, "messageId": ids[0]}),
        *(("track", {"userId": user, "event": "Tent Seen", "messageId": id_}) for id_ in ids[1:]),
    ]
    told = json.dumps({"settings": settings, "calls": calls})
    script = Path(__file__).with_name("node") / "send.mjs"
    done = subprocess.run(
        [node, script, folder, told], capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr
    failed: list[str] = json.loads(done.stdout)["failed"]
    return failed


CASES = [
    *((sdk, script) for sdk in ("python", "node") for script in SCRIPTS),
    ("python-gzip", ALL_AT_ONCE),
]


@pytest.fixture
def send(request: pytest.FixtureRequest, served: Served) -> Send:
    if request.param == "node":
        node_sdk = request.getfixturevalue("node_sdk")
        return lambda host, user, ids: through_node(node_sdk, served, host, user, ids)
    is_gzip = request.param == "python-gzip"
    return lambda host, user, ids: through_python(served, host, user, ids, gzip=is_gzip)


@pytest.fixture
def user(request: pytest.FixtureRequest) -> str:
    return f"user of {request.node.name}"


def timeline_ids(served: Served, user: str) -> list[str]:
    with served.client("agent") as client:
        asked = {"namespace": "user_id", "value": user}
        found = client.post("/v1/customers/lookup", json=asked).json()["customer_id"]
        page = client.get(f"/v1/customers/{found}/timeline", params={"limit": 500}).json()
    assert page["next_cursor"] is None
    return [item["message_id"] for item in page["items"]]


def assert_exactly_once(served: Served, user: str, sent: list[str], failed: list[str]) -> None:
    assert failed == []
    assert sorted(timeline_ids(served, user)) == sorted(sent)


def assert_script_happened(proxy: Proxy, script: Sequence[Fault], sent: list[str]) -> None:
    assert proxy.left == []
    assert [kind for kind, _ in proxy.tried][: len(script)] == [fault.kind for fault in script]
    assert set(proxy.answers) == {200}
    times = Counter(proxy.reached())
    assert set(times) == set(sent)
    # An answer that the client never saw makes it send again: duplicates really came.
    # A status line alone is an answer to the Node SDK, which does not read the body.
    is_repeated = {"reset_after", "hold"} & {fault.kind for fault in script}
    assert (max(times.values()) > 1) or not is_repeated


@pytest.mark.parametrize(("send", "name"), CASES, indirect=["send"])
def test_every_message_is_there_once(served: Served, send: Send, user: str, name: str) -> None:
    sent = [f"{user} {number}" for number in range(3 * BATCH + 2)]
    with faulty(served.url, SCRIPTS[name]) as proxy:
        failed = send(proxy.url, user, sent)
    assert_exactly_once(served, user, sent, failed)
    assert_script_happened(proxy, SCRIPTS[name], sent)


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Served]:
    """A server that lets a source send 40 events at once, and 8 a second.

    Notes
    -----
    Seventy events are too many for it unless sending them takes four seconds.
    """
    with serving(tmp_path / "strict", rate_events_per_s=8, rate_burst_s=5) as served:
        yield served


def test_our_own_429_slows_an_sdk_down_and_loses_nothing(strict: Served, user: str) -> None:
    sent = [f"{user} {number}" for number in range(70)]
    with faulty(strict.url, []) as proxy:
        failed = through_python(strict, proxy.url, user, sent)
    assert_exactly_once(strict, user, sent, failed)
    assert set(proxy.answers) == {200, 429}
