"""A full disk: 503 with Retry-After, nothing acknowledged lost, and no hands needed afterwards.

The disk is a file system of 24 MiB that only root can mount; a limit on the size of the server's
files does the same to anybody's server, since the kernel then refuses its writes.
"""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from heedful.app import init_workspace, keeping, open_app
from heedful.app.settings import Settings
from heedful.cli.diagnosis import diagnose
from heedful.events import Event
from heedful.kernel import InputError
from heedful.ports import StoreFull
from heedful.store import SqliteStore, read_owner
from tests.conftest import IN_CI
from tests.faults.processes import Answer, Client, heedful, make_workspace, serving, track
from tests.landed import sent_ids

pytestmark = pytest.mark.faults

MIB = 1 << 20
DISK_BYTES = 24 * MIB
BATCH_EVENTS = 20
NOTE = "x" * 2_000
PATIENCE_S = 30


class Disk(Protocol):
    """A disk that can be filled and emptied under a running server."""

    folder: Path

    def fill(self, leave_bytes: int = 0) -> None: ...

    def make_room(self) -> None: ...


class SmallDisk:
    """A small file system, filled by a file of somebody else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._junk = folder / "junk"

    def fill(self, leave_bytes: int = 0) -> None:
        free = os.statvfs(self.folder).f_bavail * os.statvfs(self.folder).f_frsize
        with self._junk.open("wb") as file:
            file.write(b"\0" * (free - leave_bytes))

    def make_room(self) -> None:
        self._junk.unlink()


class SmallFiles:
    """A limit on the size of the server's files, lowered below what it has written already."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, leave_bytes: int = 0) -> None:
        self._limit(leave_bytes or MIB)

    def make_room(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        owner = read_owner(str(self.folder / "shop" / "heedful.db"))
        assert owner is not None
        resource.prlimit(owner.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "heedful-test", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = f"a small file system cannot be mounted here: {error}"
        if IN_CI:
            pytest.fail(reason)
        pytest.skip(reason)
    yield SmallDisk(folder)
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(params=["small-disk", "small-files"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    if request.param == "small-files":
        return SmallFiles(tmp_path)
    made: SmallDisk = request.getfixturevalue("small_disk")
    return made


class Sender:
    """Sends numbered batches and remembers which were acknowledged and which refused."""

    def __init__(self, url: str, key: str) -> None:
        self._client = Client(lambda: url, key)
        self._count = 0
        self.acknowledged: list[str] = []
        self.refused: list[list[dict[str, Any]]] = []

    def send(self, calls: list[dict[str, Any]] | None = None) -> Answer:
        if calls is None:
            self._count += 1
            ids = [f"b{self._count}-{n}" for n in range(BATCH_EVENTS)]
            calls = [track(i, f"u{i[-1]}", properties={"note": NOTE}) for i in ids]
        answer = self._client.send("/v1/batch", {"batch": calls})
        assert answer is not None, "the server went away"
        if answer.status == 200:
            self.acknowledged += [call["messageId"] for call in calls]
        else:
            require_come_again(answer)
            self.refused.append(calls)
        return answer

    def send_until_refused(self, times: int = 1) -> None:
        """Send until so many batches in a row were refused."""
        in_a_row = 0
        while in_a_row < times:
            assert self._count < 1_000, "the disk was never full"
            in_a_row = in_a_row + 1 if self.send().status == 503 else 0

    def send_again(self) -> None:
        """Send everything that was refused once more, as an SDK does."""
        refused, self.refused = self.refused, []
        for calls in refused:
            assert self.send(calls).status == 200

    def close(self) -> None:
        self._client.close()


def require_come_again(answer: Answer) -> None:
    assert answer.status == 503
    assert answer.body["code"] == "store_full"
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["content-type"].startswith("application/json")


def require_exactly_once(path: Path, acknowledged: list[str]) -> None:
    store = SqliteStore(str(path))
    landed = sent_ids(store)
    store.close()
    assert len(landed) == len(set(landed))
    assert set(landed) == set(acknowledged)
    assert len(acknowledged) == len(set(acknowledged))
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_a_full_disk_loses_nothing_and_heals_by_itself(disk: Disk) -> None:
    """The kernel itself refuses the write: no watermark stands before it."""
    folder = disk.folder / "shop"
    key = make_workspace(folder, free_bytes_min=0, ballast_bytes=2 * MIB)
    with serving(folder) as server:
        sender = Sender(server.url, key)
        assert sender.send().status == 200
        disk.fill(leave_bytes=3 * MIB)
        sender.send_until_refused(times=5)
        assert len(sender.acknowledged) > BATCH_EVENTS
        disk.make_room()
        sender.send_again()
        assert sender.send().status == 200
        assert ready(server.url) == (200, "ok")
        sender.close()
    require_exactly_once(folder / "heedful.db", sender.acknowledged)


def test_below_the_watermark_events_wait(small_disk: SmallDisk) -> None:
    folder = small_disk.folder / "shop"
    key = make_workspace(folder, free_bytes_min=8 * MIB, ballast_bytes=2 * MIB)
    with serving(folder) as server:
        sender = Sender(server.url, key)
        assert sender.send().status == 200
        small_disk.fill(leave_bytes=7 * MIB)
        sender.send_until_refused(times=3)
        assert len(sender.acknowledged) == BATCH_EVENTS, "the watermark came too late"
        assert ready(server.url) == (503, "store_full")
        small_disk.make_room()
        sender.send_again()
        assert ready(server.url) == (200, "ok")
        sender.close()
    require_exactly_once(folder / "heedful.db", sender.acknowledged)


def test_below_the_watermark_a_no_is_heard_and_who_is_erased_is_gone(tmp_path: Path) -> None:
    """What people and operators may not be made to wait for takes little room."""
    folder = tmp_path / "shop"
    init_workspace(folder)
    with open_app(folder) as app:
        backup = tmp_path / "monday"
        events = [seen(1, "ada"), seen(2, "ben")]
        app.engine.ingest(events, []).result(PATIENCE_S)
        ada, ben = (app.engine.lookup("user_id", name) for name in ("ada", "ben"))
    heedful("backup", backup, "--dir", folder)
    with open_app(folder, settings=Settings(free_bytes_min=1 << 62)) as app:
        with pytest.raises(StoreFull):
            app.engine.ingest([seen(3, "ben")], []).result(PATIENCE_S)
        with pytest.raises(StoreFull):
            app.engine.state_consent(ben, {"purpose": "marketing", "status": "granted"})
        app.engine.state_consent(ben, {"purpose": "marketing", "status": "withdrawn"})
        app.engine.object_to(ben, "marketing", "letter")
        consents = app.engine.customer(ben)["consents"]
        assert [one["status"] for one in consents if one["purpose"] == "marketing"]
        app.engine.governing.stop("all", "me", "the disk is full")
        assert [one.scope for one in app.engine.governing.stops()] == ["all"]
        assert keeping.erase(app, ada)["backups"] == (str(backup),)
        assert (backup / "erased.keys").read_text("ascii"), "no word was left in the backup"
        with pytest.raises(InputError, match="known customer"):
            app.engine.lookup("user_id", "ada")
        (finding,) = [one for one in diagnose(app.doctor()) if one.about == "disk"]
        assert finding.status == "wrong"
        assert "events are refused" in finding.says


def seen(number: int, user: str) -> Event:
    return Event(
        type="track", name="Seen", at=1, key=number, source="web", message_id=f"m{number}",
        received_at=1, user_id=user,
    )  # fmt: skip


def test_a_server_starts_on_a_full_disk_and_says_so(small_disk: SmallDisk) -> None:
    folder = small_disk.folder / "shop"
    key = make_workspace(folder, free_bytes_min=8 * MIB, ballast_bytes=2 * MIB)
    small_disk.fill(leave_bytes=4 * MIB)
    with serving(folder) as server:
        sender = Sender(server.url, key)
        assert sender.send().status == 503
        small_disk.make_room()
        sender.send_again()
        sender.close()
    require_exactly_once(folder / "heedful.db", sender.acknowledged)


def ready(url: str) -> tuple[int, str]:
    answer = httpx.get(f"{url}/readyz", trust_env=False)
    return answer.status_code, answer.json()["status"]
