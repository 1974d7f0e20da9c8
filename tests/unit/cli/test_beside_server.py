"""The commands beside a running server: started, spoken to and drained as a person would do it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from heedful.app import init_workspace
from heedful.cli import app
from tests.children import start
from tests.unit.cli.conftest import Run

HEEDFUL = Path(sys.executable).with_name("heedful")


class Beside:
    """A workspace, the address of its server, and a way to run commands beside it."""

    def __init__(self, directory: Path, url: str) -> None:
        self.directory, self.url = directory, url

    def gives(self, *args: str, code: int = 0) -> Any:
        done = CliRunner().invoke(app, [*args, "--dir", str(self.directory), "--json"])
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)

    def send(self, key: str, path: str, body: dict[str, Any]) -> httpx.Response:
        return httpx.post(self.url + path, json=body, auth=(key, ""), trust_env=False, timeout=60)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    workspace = tmp_path_factory.mktemp("beside") / "shop"
    init_workspace(workspace)
    command = [str(HEEDFUL), "serve", str(workspace), "--port", "0"]
    log = workspace / "server.log"
    with (
        log.open("wb") as said,
        start(command, stdout=subprocess.PIPE, stderr=said) as process,
    ):
        assert process.stdout is not None
        listening = next((line for line in process.stdout if "http://" in line), "")
        found = re.search(r"http://127\.0\.0\.1:\d+", listening)
        assert found, log.read_text("utf-8")
        try:
            yield Beside(workspace, found[0])
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
    assert "Traceback" not in log.read_text("utf-8")


def test_a_key_made_beside_the_server_opens_it_at_once(server: Beside) -> None:
    key = server.gives("keys", "create", "--role", "source", "--name", "web")["key"]
    answer = server.send(key, "/v1/identify", {"userId": "ada", "anonymousId": "phone"})
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    server.send(key, "/v1/track", {"anonymousId": "phone", "event": "Product Viewed"})
    assert server.gives("customer", "show", "user_id:ada")["event_count"] == 2
    assert server.gives("doctor")["customers"] > 0
    assert server.gives("replay")["is_equal"]
    who = server.directory / "who.csv"
    told = server.gives("decide", "--audience", "all", "--processes", "2", "--out", str(who))
    assert told["looked"] == server.gives("doctor")["customers"]
    assert len(who.read_text("utf-8").splitlines()) == told["looked"] + 1
    server.gives("keys", "revoke", "web")
    assert server.send(key, "/v1/track", {"userId": "ada", "event": "A"}).status_code == 401


def test_a_watcher_sees_who_did_what_and_what_it_changed(server: Beside) -> None:
    key = server.gives("keys", "create", "--role", "source", "--name", "shop")["key"]
    who = {"userId": "bea", "traits": {"name": "Bea"}}
    server.send(key, "/v1/identify", who)
    command = [str(HEEDFUL), "stream", "--dir", str(server.directory), "--json", "--for", "600"]
    enough = threading.Event()

    def keep_buying() -> None:
        # The watcher does not say when it begins: orders come until it has seen two of them.
        for number in count():
            if enough.wait(0.2):
                return
            order = {"userId": "bea", "event": "Order Completed", "messageId": f"m{number}"}
            server.send(key, "/v1/track", order)

    buyer = threading.Thread(target=keep_buying)
    with start(command, stdout=subprocess.PIPE) as watcher:
        buyer.start()
        try:
            assert watcher.stdout is not None
            for line in watcher.stdout:
                seen = json.loads(line)
                assert (seen["who"], seen["what"]) == ("Bea", "Order Completed")
                if "orders" in seen["changed"]:
                    break
            before, after = seen["changed"]["orders"]
            assert after > before
        finally:
            enough.set()
            buyer.join()
            watcher.send_signal(signal.SIGINT)
            assert watcher.wait(120) == 130


def test_versions_are_taken_without_losing_a_request(server: Beside) -> None:
    key = server.gives("keys", "create", "--role", "source", "--name", "busy")["key"]
    answers: list[int] = []
    enough = threading.Event()

    def keep_sending() -> None:
        while not enough.is_set():
            event = {"userId": "dan", "event": "A", "messageId": f"busy-{len(answers)}"}
            answers.append(server.send(key, "/v1/track", event).status_code)

    sender = threading.Thread(target=keep_sending)
    file = server.directory / "strategy" / "needs.yaml"
    written = file.read_text("utf-8")
    sender.start()
    try:
        versions = []
        for span in ("24h", "12h"):
            file.write_text(written.replace("48h", span), "utf-8")
            versions.append(server.gives("publish")["version"])
        versions.append(server.gives("rollback", versions[0], "--yes")["version"])
    finally:
        enough.set()
        sender.join()
    assert versions[0] == versions[2] != versions[1]
    assert set(answers) == {200}
    assert server.gives("customer", "show", "user_id:dan")["event_count"] == len(answers)
    assert server.gives("replay")["is_equal"]


def test_history_is_imported_into_a_running_server(server: Beside, tmp_path: Path) -> None:
    file = tmp_path / "history.csv"
    rows = [f"A,u{number},m{number},2025-01-01T00:00:00Z" for number in range(1_200)]
    file.write_text("\n".join(["event,userId,messageId,timestamp", *rows]), "utf-8")
    assert server.gives("import", str(file))["events"] == 1_200
    assert server.gives("customer", "show", "user_id:u1199")["event_count"] == 1


def test_a_backup_is_written_while_the_server_works_and_restored_only_when_it_rests(
    server: Beside, run: Run, tmp_path: Path
) -> None:
    key = server.gives("keys", "create", "--role", "source", "--name", "till")["key"]
    server.send(key, "/v1/track", {"userId": "cem", "event": "A"})
    backup = tmp_path / "monday"
    server.gives("backup", str(backup))
    refused = run("restore", backup, server.directory, "--yes")
    assert refused.exit_code == 3
    assert run("restore", backup, tmp_path / "copy", "--yes").exit_code == 0
    shown = run("customer", "show", "user_id:cem", "--dir", tmp_path / "copy", "--json")
    assert json.loads(shown.stdout)["event_count"] == 1


def test_a_second_server_is_refused_in_words(server: Beside, run: Run) -> None:
    refused = run("serve", server.directory, "--port", "0")
    assert refused.exit_code == 3
    assert "Traceback" not in refused.stderr
    assert refused.stderr.strip()


def test_without_a_server_there_is_nothing_to_watch(workspace: Path, run: Run) -> None:
    refused = run("stream", "--dir", workspace)
    assert refused.exit_code == 3
    assert "heedful serve" in refused.stderr
