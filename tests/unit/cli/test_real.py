"""The commands on a real workspace, opened in process: what a newcomer does on the first day."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Run
from tests.unit.cli.live import until

AT = "2026-11-01T10:00:0{}Z"


def call(number: int, **said: Any) -> dict[str, Any]:
    """One line of history; without an event's name it is an identify."""
    kind = "track" if "event" in said else "identify"
    return {"type": kind, "messageId": f"m{number}", "timestamp": AT.format(number), **said}


def order(number: int, revenue: float, **who: str) -> dict[str, Any]:
    properties = {"order_id": f"o{number}", "revenue": revenue}
    return call(number, event="Order Completed", properties=properties, **who)


HISTORY = (
    call(0, event="Product Viewed", properties={"category": "boots"}, anonymousId="phone"),
    order(1, 20, anonymousId="phone"),
    call(2, userId="ada", anonymousId="laptop", traits={"email": "ada@example.org", "name": "Ada"}),
    order(3, 30.5, userId="ada"),
    call(4, userId="ada", anonymousId="phone"),
    order(5, 7, userId="ben"),
    call(6, event="Nobody Did This"),
)


class Shop:
    """A workspace with the history above, and a way to run commands in it."""

    def __init__(self, directory: Path, run: Run) -> None:
        self.directory, self._run = directory, run

    def says(self, *args: str, code: int = 0) -> str:
        done = self._run(*args, "--dir", self.directory)
        assert done.exit_code == code, done.output
        return str(done.stdout)

    def gives(self, *args: str, code: int = 0) -> Any:
        return json.loads(self.says(*args, "--json", code=code))


@pytest.fixture
def shop(workspace: Path, run: Run, tmp_path: Path) -> Shop:
    file = tmp_path / "history.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in HISTORY), "utf-8")
    shop = Shop(workspace, run)
    assert "6 events from 1 file.\n1 event refused." in shop.says("import", str(file), code=1)
    return shop


def test_one_person_from_every_side(shop: Shop) -> None:
    ada = shop.gives("customer", "show", "user_id:ada")
    held = [f"{i['namespace']}:{i['value']}" for i in ada["identifiers"]]
    assert sorted(held) == [
        "anonymous_id:laptop",
        "anonymous_id:phone",
        "email:ada@example.org",
        "user_id:ada",
    ]
    assert ada["signals"]["spend_90d"] == 50.5
    shown = shop.says("customer", "show", "email:ada@example.org")
    assert "Ada" in shown
    assert "50.5" in shown
    assert ada["customer_id"] in shop.says("customer", "graph", "user_id:ada")
    assert shop.gives("customer", "graph", "anonymous_id:phone")["merges"]


def test_a_timeline_is_read_page_by_page(shop: Shop) -> None:
    first = shop.gives("customer", "timeline", "user_id:ada", "--limit", "3")
    rest = shop.gives("customer", "timeline", "user_id:ada", "--cursor", first["next_cursor"])
    assert [item["message_id"] for item in first["items"] + rest["items"]] == [
        "m4",
        "m3",
        "m2",
        "m1",
        "m0",
    ]
    assert first["next_cursor"] in shop.says("customer", "timeline", "user_id:ada", "--limit", "3")


def test_a_signal_says_what_it_is_made_of(shop: Shop) -> None:
    listed = {item["name"]: item["kind"] for item in shop.gives("signals", "list")["items"]}
    assert listed["since_order"] == "recency"
    assert "spend_90d" in shop.says("signals", "list")
    explained = shop.gives("signals", "explain", "user_id:ada", "spend_90d")
    assert [c["message_id"] for c in explained["contributions"]] == ["m1", "m3"]
    assert "Order Completed" in shop.says("signals", "explain", "user_id:ada", "since_order")
    shop.says("signals", "explain", "user_id:ada", "nonsense", code=1)


def test_who_is_not_there_is_said_by_the_words_that_were_asked(shop: Shop, run: Run) -> None:
    said = run("customer", "show", "user_id:carla", "--dir", shop.directory)
    assert said.exit_code == 1
    assert "user_id:carla" in said.stderr
    shop.says("customer", "show", "c_aaaaaaaaaaaaa", code=1)


def test_two_people_are_previewed_joined_and_taken_apart(shop: Shop) -> None:
    assert not shop.gives("customer", "merge-preview", "user_id:ada", "user_id:ben", code=1)[
        "is_merged"
    ]
    shop.says("customer", "unmerge", "user_id:ada", "anonymous_id:phone")
    assert shop.gives("customer", "show", "user_id:ada")["signals"]["spend_90d"] == 30.5
    assert shop.gives("customer", "show", "anonymous_id:phone")["signals"]["spend_90d"] == 20
    assert "not one person" in shop.says("customer", "graph", "user_id:ada")
    again = ("customer", "merge-preview", "user_id:ada", "anonymous_id:phone")
    assert not shop.gives(*again, code=1)["is_merged"]


def test_a_replay_finds_every_byte_again_after_all_that_a_person_may_ask(shop: Shop) -> None:
    before = shop.gives("replay")
    assert (before["is_equal"], before["customers"], before["waiting"]) == (True, 2, 0)
    shop.says("customer", "consent", "user_id:ada", "--purpose", "marketing", "--status", "granted")
    shop.says("customer", "object", "user_id:ada", "--purpose", "marketing")
    shop.says("customer", "unmerge", "user_id:ada", "anonymous_id:phone")
    after = shop.gives("replay")
    assert (after["is_equal"], after["customers"]) == (True, 3)
    assert after["digest"] != before["digest"]
    assert "equal" in shop.says("replay")


def test_a_damaged_fact_is_found_by_replay(shop: Shop) -> None:
    with sqlite3.connect(shop.directory / "heedful.db") as file:
        for key, body in file.execute("SELECT key, body FROM customers").fetchall():
            damaged = body.replace(b"ada@", b"adb@")
            file.execute("UPDATE customers SET body = ? WHERE key = ?", (damaged, key))
    verdict = shop.gives("replay", code=1)
    assert not verdict["is_equal"]
    assert len(verdict["differing"]) == 1


def test_what_could_not_land_is_shown_and_tried_again(shop: Shop) -> None:
    [row] = shop.gives("quarantine", "list")["items"]
    assert row["reason"] == "no_user_anon_id"
    assert "no_user_anon_id" in shop.says("quarantine", "list")
    assert "Nobody Did This" in shop.says("quarantine", "show", str(row["id"]))
    refused = shop.gives("quarantine", "redrive", code=1)
    assert refused["landed"] == 0
    assert len(refused["still_refused"]) == 1
    shop.says("quarantine", "show", "999", code=1)


def test_a_person_gets_all_and_then_nothing_is_left(shop: Shop) -> None:
    held = json.loads(shop.says("customer", "export", "user_id:ada"))
    assert {event["message_id"] for event in held["events"]} >= {"m0", "m1", "m2", "m3", "m4"}
    assert held["customer"]["traits"]["name"] == "Ada"
    assert shop.gives("customer", "erase", "user_id:ada", "--yes")["events"] == 5
    shop.says("customer", "show", "user_id:ada", code=1)
    files = b"".join(f.read_bytes() for f in shop.directory.rglob("*") if f.is_file())
    assert b"ada@example.org" not in files
    assert shop.gives("replay")["is_equal"]


def test_the_doctor_tells_what_to_look_at(shop: Shop) -> None:
    report = shop.gives("doctor")
    assert report["customers"] == 2
    assert report["events"] >= 6, "events of the workspace's own are in the log too"
    assert report["people"]["identity_coverage"] == 1.0
    assert report["people"]["without_consent_statement"] == 1.0
    assert report["disk"]["days_until_full"] is None
    found = {finding["about"]: finding for finding in report["findings"]}
    assert found["consent"]["status"] == "look"
    assert found["source web"]["status"] == "look"
    assert found["source import"]["status"] == "ok"
    assert found["quarantine"]["status"] == "look"
    assert "no_user_anon_id 1" in shop.says("doctor")


def test_a_key_is_made_listed_and_revoked(shop: Shop) -> None:
    key = shop.gives("keys", "create", "--role", "source", "--name", "web")["key"]
    assert key not in shop.says("keys", "list")
    assert shop.gives("keys", "revoke", "web") == {"success": True}
    [row] = [k for k in shop.gives("keys", "list")["items"] if k["name"] == "web"]
    assert row["revoked_at"] is not None
    shop.says("keys", "revoke", "web", code=1)
    shop.says("keys", "create", "--role", "king", "--name", "web", code=2)


def test_a_strategy_is_checked_and_published(shop: Shop, run: Run) -> None:
    def ada() -> Any:
        return shop.gives("customer", "show", "user_id:ada")

    before = json.loads(run("check", shop.directory, "--json").stdout)["version"]
    file = shop.directory / "strategy" / "signals" / "more.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text("signals:\n  - {name: views, kind: cuont, on: Product Viewed}\n", "utf-8")
    refused = run("check", shop.directory)
    assert refused.exit_code == 1
    assert f"{file}:2:25: " in refused.stdout
    assert "Did you mean count?" in refused.stdout
    assert len(shop.gives("publish", code=1)["problems"]) == 1
    file.write_text(file.read_text("utf-8").replace("cuont", "count"), "utf-8")
    assert shop.gives("publish")["version"] != before
    # A new signal warms behind the publication, by whatever has the workspace open.
    until(lambda: "views" not in ada()["signals_unknown"])
    assert ada()["signals"]["views"] == 1


def test_a_backup_is_the_whole_workspace(shop: Shop, run: Run, tmp_path: Path) -> None:
    backup = tmp_path / "monday"
    assert shop.gives("backup", str(backup))["folder"] == str(backup)
    assert {entry.stat().st_mode & 0o077 for entry in (backup, backup / "secret.key")} == {0}
    digest = shop.gives("replay")["digest"]
    shop.says("backup", str(backup), code=2)
    restored = tmp_path / "restored"
    assert json.loads(run("restore", backup, restored, "--json").stdout)["is_new"]
    other = Shop(restored, run)
    assert other.gives("customer", "show", "user_id:ben")["signals"]["orders"] == 1
    assert other.gives("replay")["digest"] == digest
    shop.says("import", str(imported(tmp_path, order(8, 1, userId="cleo"))))
    kept = run("restore", backup, shop.directory, input="n\n")
    assert kept.exit_code == 1
    shop.says("customer", "show", "user_id:cleo")
    assert run("restore", backup, shop.directory, "--yes").exit_code == 0
    shop.says("customer", "show", "user_id:cleo", code=1)
    shop.says("customer", "show", "user_id:ben")


def imported(folder: Path, *calls: dict[str, Any]) -> Path:
    """Write calls as a file for `heedful import`."""
    file = folder / "more.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in calls), "utf-8")
    return file


def test_who_was_erased_stays_so_when_a_backup_is_restored(
    shop: Shop, run: Run, tmp_path: Path
) -> None:
    backup, moved = tmp_path / "monday", tmp_path / "moved"
    shop.says("backup", str(backup))
    assert f"still: {backup}" in shop.says("customer", "erase", "user_id:ben", "--yes")
    (listed,) = shop.gives("backups")["items"]
    assert (listed["folder"], listed["erased_people"], listed["is_there"]) == (str(backup), 1, True)
    # Into a new workspace: the backup itself has heard of it. Over the old one, also a copy that
    # was elsewhere: the store that it replaces says whom it refuses.
    assert run("restore", backup, tmp_path / "new").exit_code == 0
    backup.rename(moved)
    (moved / "erased.keys").unlink()
    assert "not there" in shop.says("backups")
    assert run("restore", moved, shop.directory, "--yes").exit_code == 0
    for place in (Shop(tmp_path / "new", run), shop):
        place.says("customer", "show", "user_id:ben", code=1)
        place.says("customer", "show", "user_id:ada")
        assert place.gives("replay")["is_equal"]
        place.says("import", str(imported(tmp_path, order(9, 1, userId="ben"))))
        place.says("customer", "show", "user_id:ben", code=1)


def test_a_backup_goes_into_no_workspace_with_another_secret(
    shop: Shop, run: Run, tmp_path: Path
) -> None:
    backup, other = tmp_path / "monday", tmp_path / "other"
    shop.says("backup", str(backup))
    run("init", other)
    refused = run("restore", backup, other, "--yes")
    assert refused.exit_code == 2
    assert "secret.key" in refused.stderr
    assert not (other / "heedful.db").exists()
    bare = run("restore", backup / "heedful.db", tmp_path / "new", "--yes")
    assert bare.exit_code == 2
    os.replace(other / "secret.key", shop.directory / "secret.key")
    opened = run("customer", "show", "user_id:ada", "--dir", shop.directory)
    assert opened.exit_code == 2
    assert "secret.key" in opened.stderr
