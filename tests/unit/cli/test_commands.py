"""What each command asks of the server and what it prints, against answers written by hand."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Fake, Run

CUSTOMER: dict[str, Any] = {
    "customer_id": "c_1",
    "identifiers": [{"namespace": "user_id", "value": "u1"}],
    "traits": {"name": "Ada", "note": "a\x1b[31mb"},
    "accounts": [],
    "consents": [],
    "contacts": [],
    "signals": {"orders": 2, "since_order": 129_630, "spend_90d": None},
    "signals_unknown": {"spend_90d": "signal_warming"},
    "event_count": 3,
    "first_at": "2026-01-01T00:00:00.000Z",
    "last_at": "2026-01-02T00:00:00.000Z",
}


@pytest.fixture
def known(fake: Fake) -> Fake:
    fake.on("POST", "/v1/customers/lookup", {"customer_id": "c_1"})
    fake.on("GET", "/v1/customers/c_1", CUSTOMER)
    fake.on("GET", "/v1/signals", {"items": [{"name": "since_order", "kind": "recency"}]})
    return fake


def test_a_customer_is_found_by_id_or_identifier(known: Fake, run: Run) -> None:
    assert json.loads(run("customer", "show", "email:a@b.c", "--json").stdout) == CUSTOMER
    lookup = {"namespace": "email", "value": "a@b.c"}
    assert known.asked[0] == ("POST", "/v1/customers/lookup", lookup)
    known.asked.clear()
    run("customer", "show", "c_1", "--json")
    assert known.asked == [("GET", "/v1/customers/c_1", None)]


def test_only_the_first_colon_divides_an_identifier(known: Fake, run: Run) -> None:
    run("customer", "show", "urn:a:b")
    assert known.asked[0][2] == {"namespace": "urn", "value": "a:b"}


def test_a_customer_on_the_terminal_cannot_steer_it(known: Fake, run: Run) -> None:
    shown = run("customer", "show", "c_1").stdout
    assert "Ada" in shown
    assert "unknown: signal_warming" in shown
    assert "1d 12h" in shown
    assert "\x1b" not in shown


def test_erasure_asks_first(known: Fake, run: Run) -> None:
    known.on("DELETE", "/v1/customers/c_1", {"customer_id": "c_1", "events": 3})
    refused = run("customer", "erase", "c_1", input="n\n")
    assert refused.exit_code == 1
    assert not any(method == "DELETE" for method, _, _ in known.asked)
    assert "3 events" in run("customer", "erase", "c_1", "--yes").stdout
    assert known.asked[-1] == ("DELETE", "/v1/customers/c_1", None)


def test_an_export_goes_to_a_new_file_of_ones_own(known: Fake, run: Run, tmp_path: Path) -> None:
    known.on("GET", "/v1/customers/c_1/export", {"customer": CUSTOMER, "events": []})
    out = tmp_path / "export.json"
    assert run("customer", "export", "c_1", "--out", out).exit_code == 0
    assert json.loads(out.read_text("utf-8"))["customer"]["customer_id"] == "c_1"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    again = run("customer", "export", "c_1", "--out", out)
    assert again.exit_code == 2
    assert "export.json" in again.stderr


def test_a_preview_that_says_no_exits_with_one(known: Fake, run: Run) -> None:
    preview = {
        "is_merged": False,
        "customer_id": None,
        "identifiers": [],
        "could_not_link": [{"namespace": "user_id", "value": "u2"}],
        "event_count": 5,
        "conflicting_traits": ["name"],
    }
    known.on("POST", "/v1/customers/c_1/merge-preview", preview)
    said = run("customer", "merge-preview", "c_1", "c_2")
    assert said.exit_code == 1
    assert "user_id:u2" in said.stdout
    assert known.asked[-1][2] == {"with": "c_2"}


def test_unmerge_consent_and_objection_say_what_was_asked(known: Fake, run: Run) -> None:
    known.on("POST", "/v1/customers/c_1/unmerge", {"customers": ["c_1", "c_2"]})
    known.on("POST", "/v1/customers/c_1/consents", {"success": True})
    known.on("POST", "/v1/customers/c_1/object", {"success": True})
    assert "c_2" in run("customer", "unmerge", "c_1", "email:a@b.c").stdout
    assert known.asked[-1][2] == {"identifiers": [{"namespace": "email", "value": "a@b.c"}]}
    run("customer", "consent", "c_1", "--purpose", "marketing", "--status", "granted")
    said = {"purpose": "marketing", "status": "granted", "source": "command-line"}
    assert known.asked[-1][2] == said
    run("customer", "object", "c_1", "--purpose", "marketing")
    assert known.asked[-1][2] == {"purpose": "marketing", "source": "command-line"}


@pytest.fixture
def heard(fake: Fake) -> None:
    """Events came from the sources web and store1, and backend has a key."""
    fake.on("GET", "/v1/doctor", {"sources": [{"name": "web"}, {"name": "store1"}]})
    keys = [{"name": "backend", "role": "source"}, {"name": "ada", "role": "agent"}]
    fake.on("GET", "/v1/keys", {"items": keys})


@pytest.mark.usefixtures("heard")
def test_a_source_nearly_called_like_a_known_one_is_said(
    fake: Fake, run: Run, tmp_path: Path
) -> None:
    fake.on("POST", "/v1/keys", {"key": "hk_1"})

    def hint(name: str, role: str = "source") -> str:
        return run("keys", "create", "--role", role, "--name", name).stderr

    assert "The source wbe is new. Did you mean web?" in hint("wbe")
    assert "Did you mean backend?" in hint("back-end")
    for known, role in (("web", "source"), ("store2", "source"), ("adda", "agent")):
        assert hint(known, role) == ""
    assert run("keys", "create", "--role", "source", "--name", "wbe").stdout == "hk_1\n"
    fake.on("POST", "/v1/import", {"success": True})
    file = tmp_path / "e.jsonl"
    event = {"type": "track", "event": "E", "userId": "u1", "timestamp": "2026-01-01T00:00:00Z"}
    file.write_text(json.dumps(event), "utf-8")
    said = run("import", file, "--source", "wep", "--dir", tmp_path)
    assert (said.exit_code, "1 event from 1 file." in said.stdout) == (0, True)
    assert "Nothing has come from the source wep before. Did you mean web?" in said.stderr


@pytest.mark.usefixtures("heard")
def test_a_made_key_is_the_whole_output(fake: Fake, run: Run) -> None:
    fake.on("POST", "/v1/keys", {"key": "hk_1", "role": "source", "name": "web"})
    said = run("keys", "create", "--role", "source", "--name", "web", "--json")
    assert json.loads(said.stdout) == {"key": "hk_1"}
    assert said.stderr == ""


def test_a_redrive_that_leaves_rows_exits_with_one(fake: Fake, run: Run) -> None:
    row = {"id": 4, "code": "too_deep", "message": "Flatten it."}
    fake.on("POST", "/v1/quarantine/redrive", {"landed": 2, "still_refused": [row]})
    said = run("quarantine", "redrive", "3", "4")
    assert said.exit_code == 1
    assert "too_deep" in said.stdout
    assert fake.asked[-1][2] == {"ids": [3, 4]}
    fake.on("POST", "/v1/quarantine/redrive", {"landed": 2, "still_refused": []})
    assert run("quarantine", "redrive").exit_code == 0


def test_what_nobody_will_mend_is_discarded_by_its_id(fake: Fake, run: Run) -> None:
    for id_ in (3, 4):
        fake.on("DELETE", f"/v1/quarantine/{id_}", {"success": True})
    assert "Deleted 2 items." in run("quarantine", "discard", "3", "4").stdout
    assert [one[:2] for one in fake.asked] == [
        ("DELETE", "/v1/quarantine/3"),
        ("DELETE", "/v1/quarantine/4"),
    ]
    assert run("quarantine", "discard").exit_code == 2


def test_all_dead_letters_of_a_code_are_driven_again(fake: Fake, run: Run) -> None:
    def page(next_cursor: str | None, **codes: str) -> Any:
        items = [{"effect_id": name, "code": code} for name, code in codes.items()]
        return (200, {"items": items, "next_cursor": next_cursor}, {})

    pages = [page("f_2", f_1="http_500", f_2="no_address"), page(None, f_3="http_500")]
    fake.on("GET", "/v1/effects", pages)
    for name in ("f_1", "f_3"):
        fake.on("POST", f"/v1/effects/{name}/redrive", {"success": True})
    said = run("effects", "redrive", "--code", "http_500", "--json")
    assert (said.exit_code, json.loads(said.stdout)) == (0, {"redriven": ["f_1", "f_3"]})
    for wrong in ((), ("f_1", "--code", "http_500")):
        assert run("effects", "redrive", *wrong).exit_code == 2


def test_no_dead_letter_is_not_all_that_is_said_while_effects_fail(fake: Fake, run: Run) -> None:
    def waiting(*tried: tuple[str, int]) -> Any:
        items = [{"code": code, "attempts": attempts} for code, attempts in tried]
        return (200, {"items": items, "next_cursor": None}, {})

    tried = waiting(("smtp_421", 1), ("smtp_421", 3), ("", 0), ("http_503", 1))
    fake.on("GET", "/v1/effects", [waiting(), tried])
    said = run("effects", "list").stdout
    assert "No effect is dead.\n3 effects failed and will be tried again" in said
    assert "(http_503 1, smtp_421 2).\nSee `heedful effects list --status waiting`." in said
    fake.on("GET", "/v1/effects", [waiting(), waiting(("", 0))])
    assert run("effects", "list").stdout == "No effect is dead.\n"


def test_nothing_is_published_while_a_file_is_wrong(fake: Fake, run: Run, workspace: Path) -> None:
    fake.on("POST", "/v1/strategy/publish", {"version": "abc"})
    file = workspace / "strategy" / "signals.yaml"
    written = file.read_text("utf-8")
    file.write_text("signals:\n  - {name: a, kind: cuont, on: A}\n", "utf-8")
    assert run("publish", "--dir", workspace).exit_code == 1
    assert fake.asked == []
    file.write_text(written, "utf-8")
    assert "abc" in run("publish", "--dir", workspace).stdout
    [(_, _, sent)] = fake.asked
    assert sent["files"]["signals.yaml"] == written
