"""Nothing is left of an erased person: every byte of a real workspace is searched.

A person is made of canaries, texts that stand nowhere else, in every place that takes a text: they
are first found, then the person is erased beside a server that goes on, then they are looked for
in the database, its WAL, the logs, the quarantine and whatever else lies in the folder.
"""

from __future__ import annotations

import json
import resource
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from heedful.app import App, init_workspace, open_app
from heedful.app.backups import restore_backup
from heedful.engine.erasing import CLEANING
from heedful.events import IDENTIFIERS_SEPARATED, Event
from heedful.kernel import InputError
from tests.faults.processes import heedful, serving, track
from tests.unit.engine.strategies import SHOP

pytestmark = pytest.mark.faults

PATIENCE_S = 30
CANARIES = {
    place: f"canary-{place}-q7x"
    for place in (
        "user", "device", "tablet", "old", "email", "name", "street", "note", "category", "event",
        "account", "company", "context", "asked", "broken", "proof", "page", "search",
    )
}  # fmt: skip
MAIL = f"{CANARIES['email']}@example.org"


class Place(NamedTuple):
    """A workspace that is served, its folder, the server's log and the keys."""

    folder: Path
    log: Path
    write_key: str
    api: httpx.Client

    def send(self, *calls: dict[str, Any]) -> None:
        """Send calls as a client does."""
        sent = self.api.post("/v1/batch", json={"batch": calls}, auth=(self.write_key, ""))
        assert sent.status_code == 200, sent.text

    def who(self, namespace: str, value: str) -> httpx.Response:
        return self.api.post("/v1/customers/lookup", json={"namespace": namespace, "value": value})

    def ask(self, path: str, body: dict[str, Any]) -> Any:
        answer = self.api.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def found(self) -> set[str]:
        """List the canaries that stand anywhere on the disk."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        held = [path.read_bytes().lower() for path in (*files, self.log)]
        return {place for place, text in CANARIES.items() if any(text.encode() in b for b in held)}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    folder, log = tmp_path / "shop", tmp_path / "server.log"
    init_workspace(folder)
    shutil.rmtree(folder / "strategy")
    for name, text in SHOP.items():
        path = folder / "strategy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    with (folder / "strategy" / "signals.yaml").open("a", encoding="utf-8") as file:
        file.write("automatic:\n  properties: [category]\n")
    with open_app(folder) as app:
        write_key, key = app.create_key("source", "web"), app.create_key("owner", "o")
    with serving(folder, log=log) as server:
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=server.url, headers=headers, trust_env=False) as api:
            yield Place(folder, log, write_key, api)


def live(place: Place) -> str:
    """Let the person leave something everywhere; give their id."""
    c = CANARIES
    who = {"userId": c["user"], "anonymousId": c["device"]}
    address = {"street": c["street"]}
    traits = {"email": MAIL, "firstName": c["name"], "address": address, "category": "x"}
    page = {"page": {"url": f"https://shop.example/?q={c['page']}", "search": c["search"]}}
    place.send(
        {"type": "identify", "messageId": "i1", **who, "traits": traits, "context": page},
        {"type": "alias", "messageId": "a1", "userId": c["user"], "previousId": c["old"]},
        {"type": "group", "messageId": "g1", "userId": c["user"], "groupId": c["account"],
         "traits": {"name": c["company"]}},
        track("t1", c["user"], properties={"note": c["note"], "category": c["category"]},
              context={"userAgent": c["context"]}),
        track("t2", c["user"], event=f"Saw {c['event']}"),
        {"type": "page", "messageId": "p1", "anonymousId": c["tablet"], "name": "Home"},
        {"type": "identify", "messageId": "i2", "userId": c["user"], "anonymousId": c["tablet"]},
        {"type": "track", "messageId": "bad", "userId": c["user"], "properties": c["broken"]},
        {"type": "track", "messageId": "b4", "event": "Of nobody", "properties": {"who": MAIL}},
    )  # fmt: skip
    number = str(place.who("user_id", c["user"]).json()["customer_id"])
    for n in range(3):
        place.send(track(f"f{n}", c["user"], event="Payment Failed"))
    place.ask("/v1/decide", {"customer": {"user_id": c["user"]}, "context": {"page": c["asked"]}})
    proof = {"purpose": "service", "status": "granted", "proof": c["proof"]}
    place.ask(f"/v1/customers/{number}/consents", proof)
    tablet = {"identifiers": [{"namespace": "anonymous_id", "value": c["tablet"]}]}
    place.ask(f"/v1/customers/{number}/unmerge", tablet)
    wait_for(lambda: place.api.get(f"/v1/customers/{number}/export").json()["messages"])
    return number


def wait_for(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "it never came"
        threading.Event().wait(0.05)


def test_no_byte_of_an_erased_person_is_left(place: Place) -> None:
    place.send(track("b1", "bystander", properties={"category": "boots"}))
    number = live(place)
    assert place.found() == set(CANARIES), "a canary that never sang proves nothing"
    tablet = place.who("anonymous_id", CANARIES["tablet"]).json()["customer_id"]
    assert tablet != number
    for one in (number, tablet):
        erased = place.api.delete(f"/v1/customers/{one}")
        assert erased.status_code == 200, erased.text
    assert place.found() == set()
    assert place.who("user_id", CANARIES["user"]).status_code == 404

    # A late event is acknowledged, for the sender can do nothing about it, and refused.
    place.send(
        track("late", CANARIES["user"], properties={"note": CANARIES["note"]}),
        {"type": "page", "messageId": "late2", "anonymousId": CANARIES["device"], "name": "Home"},
        {"type": "track", "messageId": "bad2", "userId": CANARIES["user"], "properties": "no"},
        track("t1", CANARIES["user"], properties={"note": CANARIES["broken"]}),
    )
    assert place.found() == set()
    assert place.who("email", MAIL).status_code == 404
    assert place.who("user_id", "bystander").json()["customer_id"]


def test_who_stays_is_not_touched_by_the_erasure_of_who_was_taken_apart(place: Place) -> None:
    live(place)
    tablet = place.who("anonymous_id", CANARIES["tablet"]).json()["customer_id"]
    assert place.api.delete(f"/v1/customers/{tablet}").status_code == 200
    # Their own sign-in on the tablet is theirs; that the tablet is somebody else's is not.
    assert place.found() == set(CANARIES)
    person = place.who("user_id", CANARIES["user"]).json()["customer_id"]
    shown = place.api.get(f"/v1/customers/{person}").json()
    assert {"namespace": "email", "value": MAIL} in shown["identifiers"]
    events = place.api.get(f"/v1/customers/{person}/export").json()["events"]
    (statement,) = [event for event in events if event["name"] == IDENTIFIERS_SEPARATED]
    assert CANARIES["tablet"] not in json.dumps(statement)
    verdict = json.loads(heedful("replay", "--dir", place.folder, "--json"))
    assert verdict["is_equal"], verdict


def test_a_crash_before_the_store_was_rewritten_only_puts_that_off(tmp_path: Path) -> None:
    """What was due is done by whoever opens the workspace next."""
    folder = tmp_path / "shop"
    init_workspace(folder)
    canary = CANARIES["user"]
    with open_app(folder) as app:
        land(app, 1, canary, "")
        app.engine.erase(app.engine.lookup("user_id", canary), clean=False)
    assert found_in(folder, canary)
    with open_app(folder) as app:
        wait_for(lambda: not app.store.read(lambda tx: tx.get_meta(CLEANING)))
        assert not found_in(folder, canary)


def test_on_a_full_disk_the_person_goes_and_the_rest_follows(tmp_path: Path) -> None:
    """Rewriting the store needs room for a second one; the person is gone before there is any."""
    folder = tmp_path / "shop"
    init_workspace(folder)
    database, canary = folder / "heedful.db", CANARIES["user"]
    with open_app(folder) as app:
        for n in range(200):
            land(app, n, "bystander", "x" * 40_000)
        land(app, 200, canary, canary)
        # A limit on the size of files is what a full disk is to whoever writes.
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (database.stat().st_size, before[1]))
            app.engine.erase(app.engine.lookup("user_id", canary))
            assert not app.engine.clean()
            with pytest.raises(InputError, match="known customer"):
                app.engine.lookup("user_id", canary)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)
        assert found_in(folder, canary)
        assert app.engine.clean()
        assert not found_in(folder, canary)


def land(app: App, number: int, user: str, note: str) -> None:
    """Make one event durable."""
    event = Event(
        type="track", name="Seen", at=1, key=number, source="web", message_id=f"m{number}",
        received_at=1, user_id=user, properties={"note": note},
    )  # fmt: skip
    app.engine.ingest([event], []).result(PATIENCE_S)


def found_in(place: Path, text: str) -> bool:
    files = [place, *place.rglob("*")]
    return any(text.encode() in path.read_bytes() for path in files if path.is_file())


class Elsewhere(NamedTuple):
    """What is left of a workspace whose machine is gone: a copy, and who was erased since."""

    backup: Path
    listed: Path
    later: Path


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Elsewhere:
    place = tmp_path_factory.mktemp("elsewhere")
    folder, backup, listed = place / "shop", place / "monday", place / "erased.txt"
    later = place / "friday"
    init_workspace(folder)
    canary = CANARIES["user"]
    with open_app(folder) as app:
        land(app, 1, canary, CANARIES["note"])
        land(app, 2, "bystander", "")
    heedful("backup", place / "here", "--dir", folder)
    (place / "here").rename(backup)  # it was taken away: no word reaches it
    heedful("customer", "erase", f"user_id:{canary}", "--yes", "--dir", folder)
    heedful("backups", "--erased", listed, "--dir", folder)
    heedful("backup", later, "--dir", folder)
    shutil.rmtree(folder)
    assert found_in(backup, canary)
    return Elsewhere(backup, listed, later)


@pytest.mark.parametrize("told", ["listed", "later"])
def test_a_copy_that_was_elsewhere_brings_back_nobody_who_is_on_the_list(
    elsewhere: Elsewhere, tmp_path: Path, told: str
) -> None:
    folder, canary = tmp_path / "new", CANARIES["user"]
    assert not found_in(elsewhere.listed, canary)
    heedful("restore", elsewhere.backup, folder, "--erased", getattr(elsewhere, told))
    with open_app(folder) as app:
        with pytest.raises(InputError, match="known customer"):
            app.engine.lookup("user_id", canary)
        wait_for(lambda: not app.store.read(lambda tx: tx.get_meta(CLEANING)))
        assert not found_in(folder, canary)
        assert not found_in(folder, CANARIES["note"])
        land(app, 3, canary, CANARIES["note"])
        assert app.engine.lookup("user_id", "bystander")
        assert not found_in(folder, CANARIES["note"])
        assert app.engine.verify(lambda done, total: None).is_equal


def test_without_the_list_the_copy_brings_them_back(elsewhere: Elsewhere, tmp_path: Path) -> None:
    """What the list is for."""
    folder = tmp_path / "new"
    restore_backup(elsewhere.backup, folder, folder / "heedful.db")
    with open_app(folder) as app:
        assert app.engine.lookup("user_id", CANARIES["user"])


LISTS = {
    "cut at a line": lambda lines: lines[:-1],
    "cut within a line": lambda lines: [*lines[:-1], lines[-1].split()[0]],
    "of another workspace": lambda lines: [lines[0].replace("erased ", "erased 0"), *lines[1:]],
    "something else": lambda _: ["user_id:ada"],
    "nothing": lambda _: [],
}


@pytest.mark.parametrize("change", LISTS.values(), ids=LISTS)
def test_a_list_that_is_not_whole_is_refused_and_nothing_is_restored(
    elsewhere: Elsewhere, tmp_path: Path, change: Callable[[list[str]], list[str]]
) -> None:
    listed = tmp_path / "changed.txt"
    lines = change(elsewhere.listed.read_text("ascii").splitlines())
    listed.write_text("\n".join(lines), "ascii")
    with pytest.raises(InputError) as refused:
        restore_backup(elsewhere.backup, tmp_path / "new", tmp_path / "new" / "x.db", listed)
    assert refused.value.code in {"bad_erased_list", "wrong_secret"}
    assert not (tmp_path / "new").exists()
