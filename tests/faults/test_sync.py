"""The disk has it before the sender hears of it: shown by the system calls of a real server.

For every acknowledged message, in this order: the request is read; a write to the WAL carries its
messageId; a sync of the WAL begins after that write and ends; the 200 is written.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.faults.processes import Client, make_workspace, serving, track

pytestmark = pytest.mark.faults

MESSAGES = 40
SENDERS = 4
_READS = frozenset({"read", "recvfrom", "recvmsg"})
_WRITES = frozenset({"write", "writev", "sendto", "sendmsg", "pwrite64", "pwritev"})
_SYNCS = frozenset({"fsync", "fdatasync"})
_TRACED = "trace=" + ",".join(sorted(_READS | _WRITES | _SYNCS))
# One page of the WAL is 4 KiB: with a shorter limit the trace would cut the messageIds off.
# Of each write so many bytes are shown: more than a page of the file.
STRACE = ("--seccomp-bpf", "-f", "-y", "-s", "10000", "-e", _TRACED, "-e", "signal=none", "-o")

# strace pads the id of a thread to five characters: below 10,000 more than one space follows it.
_CALL = re.compile(r"^(\d+) +(\w+)\(\d+<([^>]*)>(.*)$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$")
_MESSAGE = re.compile(r"mark-\d{6}")
_OK = "HTTP/1.1 200"


class Call(NamedTuple):
    """One system call: the lines of the trace on which it began and ended, and what it moved."""

    began: int
    ended: int
    name: str
    file: str
    text: str


def read_trace(lines: list[str]) -> list[Call]:
    """Join the two halves of every call that another thread's came between."""
    calls: list[Call] = []
    open_: dict[tuple[str, str], Call] = {}
    for number, line in enumerate(lines):
        if match := _RESUMED.match(line):
            thread, name, rest = match.groups()
            begun = open_.pop((thread, name), None)
            if begun is not None and not _failed(rest):
                calls.append(begun._replace(ended=number, text=begun.text + rest))
        elif match := _CALL.match(line):
            thread, name, file, rest = match.groups()
            call = Call(number, number, name, file, rest)
            if rest.endswith("<unfinished ...>"):
                open_[thread, name] = call
            elif not _failed(rest):
                calls.append(call)
    return calls


def _failed(rest: str) -> bool:
    return re.search(r"= -1 E[A-Z]+ ", rest) is not None


def unsynced(calls: list[Call]) -> tuple[list[str], int]:
    """List the messages that were acknowledged before they were on the disk; count all."""
    early: list[str] = []
    count = 0
    waiting: dict[str, tuple[str, int]] = {}
    for call in sorted(calls, key=lambda c: (c.ended, c.began)):
        if call.name in _READS and (found := _MESSAGE.search(call.text)):
            waiting[call.file] = (found.group(), call.ended)
        elif call.file in waiting and _OK in call.text:
            message, read = waiting.pop(call.file)
            count += 1
            if not _is_on_disk(calls, message, read, call.began):
                early.append(message)
    return early, count


def _is_on_disk(calls: list[Call], message: str, read: int, answered: int) -> bool:
    written = [
        call.ended
        for call in calls
        if call.file.endswith("-wal") and message in call.text and call.began > read
    ]
    return any(
        call.name in _SYNCS and call.file.endswith("-wal") and call.ended < answered
        for call in calls
        if written and call.began > min(written)
    )


def test_every_200_comes_after_the_sync_of_its_own_message(
    tmp_path: Path, require_program: Callable[[str], str]
) -> None:
    strace = require_program("strace")
    folder, trace = tmp_path / "shop", tmp_path / "trace"
    key = make_workspace(folder)
    with serving(folder, prefix=[strace, *STRACE, str(trace)]) as server:

        def send(sender: int) -> None:
            client = Client(lambda: server.url, key)
            for n in range(MESSAGES // SENDERS):
                message = track(f"mark-{sender:03}{n:03}", f"u{sender}")
                answer = client.send("/v1/track", message)
                assert answer is not None
                statuses.append(answer.status)
            client.close()

        statuses: list[int] = []
        senders = [threading.Thread(target=send, args=(n,), daemon=True) for n in range(SENDERS)]
        for thread in senders:
            thread.start()
        for thread in senders:
            thread.join()
    assert statuses == [200] * MESSAGES
    calls = read_trace(trace.read_text("utf-8", "replace").splitlines())
    assert unsynced(calls) == ([], MESSAGES)


READ = '1 read(9<socket:[1]>, "POST ... mark-000001"..., 65536) = 300'
OTHER = '1 read(8<socket:[2]>, "POST ... mark-000002"..., 65536) = 300'
WRITE = '2 pwrite64(5</s/heedful.db-wal>, "..mark-000001.."..., 4096, 32) = 4096'
SYNC = "2 fdatasync(5</s/heedful.db-wal>) = 0"
BEGIN = "2 fdatasync(5</s/heedful.db-wal> <unfinished ...>"
END = "2 <... fdatasync resumed>) = 0"
PADDED = "2     fdatasync(5</s/heedful.db-wal> <unfinished ...>"
RESUMED = "2     <... fdatasync resumed>) = 0"
FAILED = "2 fdatasync(5</s/heedful.db-wal>) = -1 EIO (Input/output error)"
ANSWER = '1 write(9<socket:[1]>, "HTTP/1.1 200 OK\\r\\n"..., 203) = 203'


@pytest.mark.parametrize(
    ("lines", "is_good"),
    [
        pytest.param([READ, WRITE, SYNC, ANSWER], True, id="in-order"),
        pytest.param([READ, OTHER, WRITE, BEGIN, OTHER, END, ANSWER], True, id="interleaved"),
        pytest.param([READ, WRITE, PADDED, OTHER, RESUMED, ANSWER], True, id="low-thread-ids"),
        pytest.param([READ, WRITE, ANSWER, SYNC], False, id="answered-first"),
        pytest.param([READ, WRITE, BEGIN, ANSWER, END], False, id="answered-while-syncing"),
        pytest.param([READ, WRITE, ANSWER], False, id="never-synced"),
        pytest.param([READ, SYNC, WRITE, ANSWER], False, id="synced-before-the-write"),
        pytest.param([READ, BEGIN, WRITE, END, ANSWER], False, id="sync-began-too-early"),
        pytest.param([WRITE, SYNC, READ, ANSWER], False, id="an-older-copy"),
        pytest.param([READ, WRITE, FAILED, ANSWER], False, id="the-sync-failed"),
        pytest.param([READ, SYNC, ANSWER], False, id="nothing-written"),
    ],
)
def test_the_reading_of_a_trace_finds_the_fault(lines: list[str], is_good: bool) -> None:
    assert unsynced(read_trace(lines)) == ([] if is_good else ["mark-000001"], 1)
