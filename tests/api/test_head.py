"""HEAD, as load balancers and monitors ask: the answer of GET up to its body."""

from __future__ import annotations

import pytest

from heedful.api.roles import TABLE
from tests.api.serving import Served
from tests.api.test_outbox import until

PLAIN = sorted(
    route.path
    for route in TABLE
    if route.method == "GET" and "{" not in route.path and not route.path.endswith("/stream")
)


@pytest.mark.parametrize("path", PLAIN)
def test_a_head_is_answered_as_its_get(served: Served, path: str) -> None:
    with served.client("owner") as client:
        asked, got = client.head(path), client.get(path)
        assert asked.status_code == got.status_code
        assert asked.content == b""
        assert asked.headers["content-type"] == got.headers["content-type"]
        # The connection is as good as before: nothing of a body stands in it.
        assert client.get("/healthz").json() == {"status": "ok"}


def test_a_probe_needs_no_key_and_others_do(served: Served) -> None:
    with served.client(role=None) as client:
        assert client.head("/healthz").status_code == 200
        assert client.head("/readyz").status_code == 200
        assert client.head("/v1/quarantine").status_code == 401
        assert client.head("/nowhere").status_code == 404


def test_a_head_of_what_is_only_posted_says_which_methods_there_are(served: Served) -> None:
    with served.client("owner") as client:
        answer = client.head("/v1/customers/lookup")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST, OPTIONS")
        refused = client.delete("/healthz")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
        assert client.options("/healthz").headers["allow"] == "GET, HEAD, OPTIONS"


def test_a_head_of_a_stream_ends_and_leaves_no_watcher(served: Served) -> None:
    with served.client("analyst") as client:
        answer = client.head("/v1/stream")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
    until(lambda: served.metric("heedful_stream_watchers") == 0)
