"""One owner for one store: processes, not threads, so the second one here is a real one."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from heedful.ports import StoreUnavailable
from heedful.store import OwnerLock, read_owner
from heedful.store.owner import owner_path

HOLD = """
import sys
from heedful.store import OwnerLock
lock = OwnerLock(sys.argv[1]).take("http://127.0.0.1:8765", "token")
print("held", flush=True)
sys.stdin.readline()
"""
TAKE = """
import sys
from heedful.ports import StoreUnavailable
from heedful.store import OwnerLock
try:
    OwnerLock(sys.argv[1]).take()
except StoreUnavailable as error:
    print(error.code, error.detail["url"], error.message)
else:
    print("taken")
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "heedful.db")


def run(code: str, path: str) -> str:
    command = [sys.executable, "-c", code, path]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_second_process_is_refused_with_the_address(path: str) -> None:
    with OwnerLock(path) as lock:
        lock.announce("http://127.0.0.1:4711", "token")
        said = run(TAKE, path)
    assert said.startswith("already_owned http://127.0.0.1:4711 ")
    assert f"process {os.getpid()} at http://127.0.0.1:4711" in said
    assert run(TAKE, path) == "taken"


def test_a_killed_owner_leaves_no_lock(path: str) -> None:
    command = [sys.executable, "-c", HOLD, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"held\n"
        found = read_owner(path)
        assert found is not None
        assert (found.pid, found.url, found.token) == (owner.pid, "http://127.0.0.1:8765", "token")
        with pytest.raises(StoreUnavailable) as caught:
            OwnerLock(path).take()
        assert caught.value.code == "already_owned"
        assert caught.value.detail == {"url": "http://127.0.0.1:8765"}
        owner.kill()
    assert read_owner(path) is None
    with OwnerLock(path):
        pass


def test_nobody_owns_what_was_never_opened_or_was_let_go(path: str) -> None:
    assert read_owner(path) is None
    with OwnerLock(path):
        assert read_owner(path) is not None
    assert read_owner(path) is None
    assert Path(owner_path(path)).read_bytes() == b""


def test_the_token_is_for_the_owners_eyes(path: str) -> None:
    with OwnerLock(path) as lock:
        lock.announce("http://127.0.0.1:1", "token")
        assert stat.S_IMODE(os.stat(lock.path).st_mode) == 0o600


def test_one_lock_is_taken_once(path: str) -> None:
    lock = OwnerLock(path).take()
    with pytest.raises(StoreUnavailable) as caught:
        lock.take()
    assert caught.value.code == "already_owned"
    lock.release()
    lock.release()
    with pytest.raises(StoreUnavailable) as caught:
        lock.announce("http://127.0.0.1:1", "token")
    assert caught.value.code == "not_owned"


def test_a_missing_folder_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        OwnerLock(str(tmp_path / "nowhere" / "heedful.db")).take()
    assert caught.value.code == "store_cannot_open"
