"""Running a server: what its log and its metrics say, and how it stops."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlsplit

import httpx
import pytest
from structlog.testing import capture_logs

from heedful.api.context import Context
from heedful.api.errors import answer_to
from heedful.api.guard import log_fault
from heedful.api.ingest import ROUTES
from heedful.api.roles import TABLE, Route
from heedful.app import init_workspace, open_app
from tests.api import shop
from tests.api.serving import Served, bearer
from tests.faults.processes import Running
from tests.faults.processes import serving as running

CANARY: Final = "canary"
"""Stands in everything that is told of the person; nothing else says it."""
EMAIL: Final = "canary.birdsong@example.org"
STOP_S: Final = 60


class Shop(NamedTuple):
    """A workspace and the key of its owner."""

    folder: Path
    key: str


@pytest.fixture
def workspace(tmp_path: Path) -> Shop:
    folder = tmp_path / "shop"
    init_workspace(folder)
    for file in (folder / "strategy").rglob("*.yaml"):
        file.unlink()
    for name, text in shop.STRATEGY.items():
        path = folder / "strategy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    app = open_app(folder)
    try:
        return Shop(folder, app.create_key("owner", "me"))
    finally:
        app.close()


def client_of(server: Running, key: str) -> httpx.Client:
    return httpx.Client(base_url=server.url, headers=bearer(key), trust_env=False, timeout=60)


# -- personal data --------------------------------------------------------------------------------


def said_of_the_person() -> dict[str, Any]:
    """Everything that a caller may tell of a person, as a call of any kind and as any body."""
    traits = {"email": EMAIL, "name": "canary birdsong", "phone": "+49 30 canary"}
    return {
        "type": "track",
        "userId": "canary-user",
        "anonymousId": "canary-device",
        "groupId": "canary-household",
        "previousId": "canary-device-before",
        "event": "Order Completed",
        "name": "canary page",
        "messageId": "canary-message",
        "properties": {"note": "canary sings", "email": EMAIL},
        "traits": traits,
        "context": {"traits": traits, "ip": "203.0.113.7", "userAgent": "canary browser"},
    }


def send_events(client: httpx.Client) -> None:
    said = said_of_the_person()
    for path in sorted(ROUTES):
        body = {"batch": [said, {"type": "canary"}]} if "batch" in path else said
        client.post(path, json=body)
        client.post(path, content=json.dumps(said)[:-9])
        client.post(path, content=b'{"canary": ' * 3_000)
        client.post(path, json={**said, "userId": {"canary": EMAIL}, "traits": [EMAIL]})
        client.post(path, json=said, headers={"Authorization": "Bearer canary-key"})
        client.post(path, json={**said, "writeKey": "canary-key"}, headers={"Authorization": ""})
        client.post(path, content=b"canary", headers={"Content-Encoding": "gzip"})
        client.get(path, params={"email": EMAIL})


def ask_everything(client: httpx.Client, customer_id: str) -> int:
    """Call every route for a real and for a made-up person, rightly and wrongly; say how often."""
    bodies: list[Any] = [
        None,
        {"customer": {"email": EMAIL}, "context": {"note": "canary"}, "explain": True},
        {"customer": {"email": EMAIL, "canary": EMAIL}},
        {"namespace": "email", "value": EMAIL},
        {"decision_id": "canary", "outcome": EMAIL},
        {"purpose": EMAIL, "status": "granted"},
        {"scope": "action:canary", "reason": f"{EMAIL} complained"},
        {"scope": EMAIL, "reason": EMAIL},
        {"plan": "payments_down", "reason": EMAIL, "traits": {"email": EMAIL}},
        {"with": EMAIL, "identifiers": [{"namespace": "email", "value": EMAIL}]},
        {"role": "agent", "name": "canary"},
        {"files": {"canary.yaml": f"{EMAIL}: ["}},
        EMAIL,
    ]
    count = 0
    for route in sorted(TABLE, key=lambda route: (route.method == "DELETE", route)):
        for who in ("canary-customer", customer_id):
            for body in bodies:
                count += 1
                call(client, route, who, body)
    return count


def call(client: httpx.Client, route: Route, who: str, body: Any) -> None:
    path = route.path.replace("{customer_id}", quote(who)).replace("{row}", "1")
    while "{" in path:
        before, _, rest = path.partition("{")
        path = f"{before}canary{rest.partition('}')[2]}"
    sent = {} if body is None else {"json": body}
    with client.stream(
        route.method,
        path,
        params={"cursor": EMAIL, "after": EMAIL},
        headers={"Last-Event-ID": "canary", "X-Forwarded-For": "canary", "User-Agent": "canary"},
        **sent,
    ) as answer:
        assert answer.status_code != 500, route


def test_no_line_of_the_log_and_no_metric_names_a_person(workspace: Shop, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with running(workspace.folder, log=log) as server, client_of(server, workspace.key) as client:
        person = shop.meet(client, "canary-user", email=EMAIL)
        decision = shop.ask(client, "canary-user", channel="email")["decision_id"]
        shop.fail_to_pay(client, "canary-user")
        send_events(client)
        assert ask_everything(client, person) > 1_000
        metrics = client.get("/metrics").text
    lines = log.read_text("utf-8").splitlines()
    events = {json.loads(line)["event"] for line in lines}  # every line is JSON
    assert {"listening", "ingest_refused", "ingest_unknown_key"} <= events
    for text in (*lines, metrics):
        for secret in (CANARY, "birdsong", person, decision, workspace.key, "203.0.113.7"):
            assert secret not in text.lower(), text


def test_a_fault_is_logged_by_its_place_and_never_by_its_words(served: Served) -> None:
    context = Context(served.app)
    try:
        raise ValueError(EMAIL)
    except ValueError as error:
        fault = error
    answer = answer_to(fault)
    with capture_logs() as logged:
        log_fault(context, "/v1/customers/{customer_id}", answer, fault)
    (line,) = logged
    assert (line["error"], line["code"]) == ("ValueError", "internal")
    assert line["where"][0].startswith("test_operations.py:")
    assert CANARY not in json.dumps(line) + answer.body().decode()


# -- metrics --------------------------------------------------------------------------------------


def test_the_metrics_say_how_the_server_is_doing(deciding: Served) -> None:
    with deciding.client() as client:
        shop.meet(client, "measured")
        shop.ask(client, "measured", channel="inapp")
        answer = client.get("/metrics")
    kind, version, charset = answer.headers["content-type"].split("; ")
    assert (kind, version[:8], charset) == ("text/plain", "version=", "charset=utf-8")
    named = {line.split("{")[0].split(" ")[0] for line in answer.text.splitlines()}
    wanted = {
        "events_ingested_total", "events_acknowledged_total", "events_duplicate_total",
        "events_suppressed_total", "unknown_keys_total", "requests_total", "decisions_total",
        "effects_released_total", "ack_seconds_bucket", "decide_seconds_bucket",
        "commit_seconds_bucket", "batch_events_bucket", "pending_events", "stream_watchers",
        "log_seq", "customers", "events_stored", "quarantined", "stops", "incidents",
        "limits_crossed",
        "store_bytes", "disk_free_bytes",
    }  # fmt: skip
    assert {f"heedful_{name}" for name in wanted} <= named
    assert {"process_resident_memory_bytes", "process_cpu_seconds_total"} <= named
    assert deciding.metric("heedful_decisions_total", tier="growth", action="sale") >= 1
    assert deciding.metric("heedful_customers") >= 1


# -- the end --------------------------------------------------------------------------------------


class HalfSent:
    """A request whose body has not come yet."""

    def __init__(self, server: Running, key: str, body: bytes) -> None:
        to = urlsplit(server.url)
        self._socket = socket.create_connection((to.hostname, to.port), timeout=STOP_S)
        self._rest = body[10:]
        head = (
            f"POST /v1/track HTTP/1.1\r\nHost: {to.netloc}\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
        )
        self._socket.sendall(head.encode())
        # The server asks for the body once the request is in work.
        assert self._socket.recv(1_000).startswith(b"HTTP/1.1 100")
        self._socket.sendall(body[:10])

    def finish(self) -> bytes:
        """Send the rest and read the answer to its end."""
        self._socket.sendall(self._rest)
        with self._socket as connection:
            return b"".join(iter(lambda: connection.recv(1_000), b""))

    def close(self) -> None:
        self._socket.close()


def takes_connections(server: Running) -> bool:
    to = urlsplit(server.url)
    try:
        socket.create_connection((to.hostname, to.port), timeout=STOP_S).close()
    except ConnectionError:
        return False
    time.sleep(0.05)  # polls: that nobody listens any more has no other sign
    return True


@pytest.fixture
def half_sent() -> bytes:
    return json.dumps({"userId": "in flight", "event": "Sent Late", "messageId": "late"}).encode()


def test_a_server_that_is_told_to_stop_finishes_what_is_in_work(
    workspace: Shop, half_sent: bytes, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with running(workspace.folder, log=log) as server:
        late = HalfSent(server, workspace.key, half_sent)
        server.process.send_signal(signal.SIGTERM)
        while takes_connections(server):
            pass
        answer = late.finish()
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.endswith(b'{"success":true,"refused":0,"suppressed":0}')
        assert server.process.wait(STOP_S) == 0
    *_, begins, ends = (json.loads(line) for line in log.read_text("utf-8").splitlines())
    assert (begins["event"], begins["signal"], begins["requests"]) == ("draining", "SIGTERM", 1)
    assert (ends["event"], ends["cut_off"]) == ("drained", 0)
    with open_app(workspace.folder) as app:
        person = app.engine.lookup("user_id", "in flight")
        assert app.engine.customer(person)["event_count"] == 1


def test_who_sends_too_slowly_to_the_end_is_counted_in_the_log(
    workspace: Shop, half_sent: bytes, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with (
        running(workspace.folder, log=log, HEEDFUL_DRAIN_S="1") as server,
        closing(HalfSent(server, workspace.key, half_sent)),
    ):
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(STOP_S) == 0
    said = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert [(line["event"], line["cut_off"]) for line in said if "cut_off" in line] == [
        ("drained", 1)
    ]


def test_who_watches_is_let_go_and_delays_nothing(workspace: Shop) -> None:
    def heard(answer: httpx.Response) -> Iterator[str]:
        yield from answer.iter_lines()

    with running(workspace.folder) as server, client_of(server, workspace.key) as client:
        person = shop.meet(client, "watched")
        for path in ("/v1/stream", f"/v1/customers/{person}/inbox/stream"):
            assert client.get("/readyz").json()["status"] == "ok"
            with client.stream("GET", path) as answer:
                assert next(heard(answer)) == ": listening"
        with client.stream("GET", "/v1/stream") as answer:
            lines = heard(answer)
            assert next(lines) == ": listening"
            server.process.send_signal(signal.SIGTERM)
            list(lines)  # ends, because the server ends it
        assert server.process.wait(STOP_S) == 0
