"""Files of all four shapes land in a real workspace, each event once, whatever interrupts them."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner

from examples.complete_journey import to_jsonl as complete_journey
from examples.rees46 import to_jsonl as rees46
from tests.unit.cli.conftest import Run
from tests.unit.examples.test_complete_journey import lay
from tests.unit.examples.test_rees46 import CART, HEADER, PURCHASE, VIEW

SEGMENT = [
    {
        "type": "identify",
        "anonymousId": "507f191e",
        "userId": "97980cfe",
        "messageId": "ajs-1",
        "channel": "browser",
        "context": {"ip": "8.8.8.8", "library": {"name": "analytics.js", "version": "2.11.1"}},
        "integrations": {"All": True},
        "traits": {"email": "peter@example.org"},
        "originalTimestamp": "2025-02-23T22:28:55.387Z",
        "sentAt": "2025-02-23T22:28:55.111Z",
        "receivedAt": "2025-02-23T22:28:56.000Z",
        "timestamp": "2025-02-23T22:28:55.600Z",
        "projectId": "p1",
        "version": 1.1,
    },
    {
        "type": "track",
        "event": "Order Completed",
        "anonymousId": "507f191e",
        "messageId": "ajs-2",
        "properties": {"order_id": "1", "revenue": 12.5},
        "receivedAt": "2025-02-23T23:00:01.000Z",
        "timestamp": "2025-02-23T23:00:00.000Z",
        "userId": None,
    },
]
RUDDERSTACK = [
    {
        "type": "identify",
        "anonymousId": "507f191e",
        "userId": "97980cfe",
        "messageId": "rs-1",
        "rudderId": "r",
        "context": {"traits": {"email": "peter@example.org"}},
        "originalTimestamp": "2025-02-23T22:28:55.387Z",
        "timestamp": "2025-02-23T22:28:55.600Z",
        "request_ip": "[::1]",
    },
    {
        "type": "track",
        "event": "Order Completed",
        "anonymousId": "507f191e",
        "userId": "",
        "messageId": "rs-2",
        "properties": {"order_id": "1", "revenue": 12.5},
        "originalTimestamp": "2025-02-23T23:00:00.000Z",
    },
]
CSV = (
    "type,event,userId,anonymousId,messageId,timestamp,traits.email,properties.revenue\n"
    "identify,,97980cfe,507f191e,c-1,2025-02-23T22:28:55Z,peter@example.org,\n"
    "track,Order Completed,,507f191e,c-2,2025-02-23T23:00:00Z,,12.5\n"
)


def lines(*items: dict[str, Any]) -> bytes:
    return "".join(json.dumps(item) + "\n" for item in items).encode()


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("segment.json.gz", gzip.compress(lines(*SEGMENT), mtime=0), ("--format", "segment")),
        ("rudder.json", lines(*RUDDERSTACK), ("--format", "rudderstack")),
        ("plain.jsonl", lines(*SEGMENT), ()),
        ("table.csv", CSV.encode(), ()),
        ("table.tsv", CSV.replace(",", "\t").encode(), ()),
    ],
    ids=["segment", "rudderstack", "jsonl", "csv", "tsv"],
)
def test_every_shape_gives_the_same_person(
    workspace: Path, run: Run, tmp_path: Path, name: str, content: bytes, options: tuple[str, ...]
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    done = run("import", file, *options, "--dir", workspace, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["events"] == 2
    shown = run("customer", "show", "user_id:97980cfe", "--dir", workspace, "--json")
    found = json.loads(shown.stdout)
    assert found["traits"] == {"email": "peter@example.org"}
    assert {"namespace": "anonymous_id", "value": "507f191e"} in found["identifiers"]
    assert found["first_at"].startswith("2025-02-23T22:28:55")
    assert found["last_at"] == "2025-02-23T23:00:00.000Z"
    bought = run("customer", "timeline", "user_id:97980cfe", "--dir", workspace, "--json")
    newest = json.loads(bought.stdout)["items"][0]
    assert newest["properties"]["revenue"] == 12.5
    assert newest["source"] == "import"


def test_the_same_history_again_adds_nothing(workspace: Path, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "e.jsonl"
    file.write_bytes(lines(*SEGMENT))
    for options in ((), ("--again",)):
        assert run("import", file, *options, "--dir", workspace).exit_code == 0
    file.write_bytes(lines(SEGMENT[1], *SEGMENT))
    assert run("import", file, "--dir", workspace).exit_code == 0
    assert event_count(run, workspace, "user_id:97980cfe") == 2


def event_count(run: Run, workspace: Path, who: str) -> int:
    shown = run("customer", "show", who, "--dir", workspace, "--json")
    assert shown.exit_code == 0, shown.output
    return int(json.loads(shown.stdout)["event_count"])


def test_what_does_not_land_is_pointed_at(workspace: Path, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "e.jsonl"
    nobody = {"type": "track", "event": "A", "timestamp": "2025-01-01T00:00:00Z"}
    file.write_bytes(lines(nobody, {**nobody, "userId": "null"}))
    done = run("import", file, "--dir", workspace)
    assert done.exit_code == 1
    assert "0 events from 1 file.\n2 events refused." in done.stdout
    assert "quarantine list" in done.stdout
    held = json.loads(run("quarantine", "list", "--dir", workspace, "--json").stdout)
    reasons = [row["reason"] for row in held["items"]]
    assert sorted(reasons) == ["no_usable_identifier", "no_user_anon_id"]


def test_events_of_an_erased_person_are_counted_as_such(
    workspace: Path, run: Run, tmp_path: Path
) -> None:
    """Also those that came before and were erased then, and those that cannot be read."""
    file = tmp_path / "e.jsonl"
    at = {"type": "track", "timestamp": "2025-01-01T00:00:00Z"}
    before = {**at, "event": "A", "userId": "gone", "messageId": "m1"}
    file.write_bytes(lines(before))
    assert run("import", file, "--dir", workspace).exit_code == 0
    assert run("customer", "erase", "user_id:gone", "--yes", "--dir", workspace).exit_code == 0
    late = {**before, "messageId": "m2"}
    unread = {**before, "messageId": "m3", "event": ""}
    stays = {**at, "event": "A", "userId": "stays", "messageId": "m4"}
    file.write_bytes(lines(before, late, unread, stays))
    done = run("import", file, "--dir", workspace)
    assert "1 event from 1 file.\n3 events of erased people kept out." in done.stdout
    assert done.exit_code == 0, done.output
    said = json.loads(run("import", file, "--dir", workspace, "--json").stdout)
    assert said["before"] == {"events": 1, "refused": 0, "suppressed": 3, "problems": 0}


def test_an_import_that_is_killed_goes_on_and_every_event_lands_once(
    workspace: Path, run: Run, tmp_path: Path
) -> None:
    count = 3_000
    file = tmp_path / "e.jsonl"
    file.write_bytes(
        lines(
            *(
                {
                    "type": "track",
                    "event": "A",
                    "userId": f"u{number % 3}",
                    "messageId": f"m{number}",
                    "timestamp": "2025-01-01T00:00:00Z",
                }
                for number in range(count)
            )
        )
    )
    heedful = Path(sys.executable).with_name("heedful")
    command = [str(heedful), "import", str(file), "--dir", str(workspace)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not list(workspace.glob(".imports/*.json")):
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.01)  # polls for the first resume point
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    done = run("import", file, "--dir", workspace)
    assert done.exit_code == 0, done.output
    assert "going on after line" in done.stderr
    assert sum(event_count(run, workspace, f"user_id:u{number}") for number in range(3)) == count


def test_the_rees46_shop_is_imported(workspace: Path, run: Run, tmp_path: Path) -> None:
    table, out = tmp_path / "2019-Oct.csv", tmp_path / "rees46.jsonl"
    table.write_text("\n".join((HEADER, VIEW, CART, PURCHASE)) + "\n", "utf-8")
    convert = Typer()
    convert.command()(rees46.main)
    assert CliRunner().invoke(convert, [str(table), "--out", str(out)]).exit_code == 0
    assert run("import", out, "--dir", workspace).exit_code == 0
    shown = run("customer", "show", "user_id:501", "--dir", workspace, "--json")
    assert json.loads(shown.stdout)["event_count"] == 3
    assert {"namespace": "anonymous_id", "value": "s-1"} in json.loads(shown.stdout)["identifiers"]


def test_the_complete_journey_is_imported(workspace: Path, run: Run, tmp_path: Path) -> None:
    folder, out = lay(tmp_path / "tables"), tmp_path / "cj.jsonl"
    convert = Typer()
    convert.command()(complete_journey.main)
    assert CliRunner().invoke(convert, [str(folder), "--out", str(out)]).exit_code == 0
    assert run("import", out, "--dir", workspace).exit_code == 0
    shown = run("customer", "show", "user_id:household-7", "--dir", workspace, "--json")
    found = json.loads(shown.stdout)
    assert found["traits"]["home_ownership"] == "Homeowner"
    assert found["event_count"] == 5
    assert run("replay", "--dir", workspace).exit_code == 0
