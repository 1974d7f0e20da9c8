"""A run for an audience: its parts handed to several processes, its answers in one order.

Law: how many processes share the work changes nothing that is said, nor its order.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import pairwise
from pathlib import Path
from queue import SimpleQueue
from typing import Final

import msgspec

import heedful
from heedful.app.application import App
from heedful.app.audience_rows import RowFormat
from heedful.app.audience_state import AskedAudience, AudienceState, Prepared
from heedful.app.audience_worker import (
    Block,
    Failure,
    Order,
    Task,
    block_of,
    read_message,
    write_message,
)
from heedful.decide import slot_hints
from heedful.engine.audience import AudienceDecider, keys_of, traits_read
from heedful.kernel import PeerError, expected
from heedful.kernel.ids import KEY_MASK
from heedful.kernel.names import nearest
from heedful.store import SqliteStore

PROCESSES_MAX: Final = 64
"""Processes that may share one run; more are refused."""

TASK_PEOPLE: Final = 2_000
"""People of one part of a run: about half a second of work, and a few megabytes. There are never
more processes than parts."""

AHEAD: Final = 4
"""Parts for each process that may be done before the first that is not, and wait for it."""

WORKER: Final = (sys.executable, "-m", "heedful.app.audience_worker")
"""How a process that shares a run is started."""

_LOOK_S: Final = 0.2
_END_S: Final = 10.0
_ANSWERS: Final[msgspec.msgpack.Decoder[Block | Failure]] = msgspec.msgpack.Decoder(Block | Failure)

Check = Callable[[int], None]
"""Is told how many people were looked at, and raises where nobody waits any more."""


class AudienceRun:
    """Deciding for everybody of an audience under one state, as of one instant.

    Parameters
    ----------
    asked
        Who is asked about.
    whom
        People by name, instead of everybody.
    form
        How the answers are written; None where they are only counted.
    keeps_answers
        Whether the answers themselves are wanted, too.
    task_people
        People of one part of the run.
    command
        How a process is started that speaks as `audience_worker` does.

    Raises
    ------
    InputError
        `nothing_to_decide`, `bad_expression`.
    """

    def __init__(
        self,
        app: App,
        asked: AskedAudience,
        whom: Sequence[str] | None,
        form: RowFormat | None,
        *,
        keeps_answers: bool = False,
        task_people: int = TASK_PEOPLE,
        command: Sequence[str] = WORKER,
    ) -> None:
        self._app = app
        self._task_people = task_people
        self._command = command
        self._given = Prepared(*app.engine.decisions.prepared())
        self._asked = asked
        self._form = form
        self._keeps_answers = keeps_answers
        self._audience = asked.compiled(self._given.world)
        self._keys: list[int] | None = None
        if whom is not None:
            world, secret = self._given.world, app.secret
            self._keys = app.store.read(lambda tx: keys_of(tx, world, secret, whom))
        self.total = app.store.stats().customers if self._keys is None else len(self._keys)
        """People who are looked at, as far as it is known before."""
        self._met: set[str] = set()

    def processes(self, wanted: int | None) -> int:
        """Say how many processes share the run: as many as are wanted, else one for each core.

        Notes
        -----
        One for each part at the most. A store that is in memory is read by this process alone.
        """
        if not isinstance(self._app.store, SqliteStore):
            return 1
        most = max(-(-self.total // self._task_people), 1)
        return min(wanted or os.cpu_count() or 1, PROCESSES_MAX, most)

    def blocks(self, processes: int, check: Check) -> Iterator[Block]:
        """Decide part by part, in the order of the customers' keys, or of the list.

        Raises
        ------
        PeerError
            `worker_ended` where a process ends before its work does.
        """
        tasks = list(self._tasks())
        store = self._app.store
        if processes == 1 or not isinstance(store, SqliteStore):
            found = self._here(tasks, check)
        else:
            version = self._given.world.rules.version
            files = dict(self._app.files)
            if self._app.strategy.version != version:
                files = self._app.strategy_files(version)
            state = AudienceState.of(self._given, self._asked, files).encode()
            order = Order(store.path, state, self._form, self._keeps_answers)
            found = _shared(tasks, _Crew(processes, order, self._command), check)
        for block in found:
            self._met.update(block.traits)
            yield block

    def hints(self) -> list[str]:
        """Say which names that were asked with nothing has, and what was meant.

        A trait is one that nobody has who was looked at.
        """
        known = {*self._met, *self._given.world.profile.traits}
        said = slot_hints(self._given.world.rules, self._asked.placement, self._asked.channel)
        for name in sorted(traits_read(self._audience) - self._met):
            near = nearest(name, known - {name})
            meant = f"; did you mean `{near}`?" if near else "."
            said.append(f"Nobody who was looked at has the trait `{name}`{meant}")
        return said

    def _tasks(self) -> Iterator[Task]:
        keys, many = self._keys, self._task_people
        if keys is not None:
            for start in range(0, len(keys), many):
                yield Task(keys=tuple(keys[start : start + many]))
            return
        # Keys are hashes: as many people lie in one part of their range as in another.
        count = max(-(-self.total // many), 1)
        edges = [(KEY_MASK + 1) * part // count - 1 for part in range(count + 1)]
        for after, up_to in pairwise(edges):
            yield Task(after, up_to)

    def _here(self, tasks: list[Task], check: Check) -> Iterator[Block]:
        world, shared, now = self._given
        decider = AudienceDecider(world, shared, self._audience, now)
        looked = 0
        for task in tasks:
            check(looked)
            block = self._app.store.read(
                lambda tx: block_of(decider, tx, task, self._form, self._keeps_answers)  # noqa: B023
            )
            looked += block.looked
            yield block


def _shared(tasks: list[Task], crew: _Crew, check: Check) -> Iterator[Block]:
    """Share tasks among processes; give what comes of them in their order."""
    try:
        yield from crew.blocks(tasks, check)
    finally:
        crew.close()


class _Crew:
    def __init__(self, processes: int, order: Order, command: Sequence[str]) -> None:
        self._order = msgspec.msgpack.encode(order)
        self._workers = [_Worker(command) for _ in range(processes)]
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._threads = ThreadPoolExecutor(processes, "heedful-audience")
        self._looked = 0
        self._lock = threading.Lock()

    def blocks(self, tasks: list[Task], check: Check) -> Iterator[Block]:
        left = iter(tasks)
        waiting: deque[Future[Block]] = deque()
        while True:
            while len(waiting) < AHEAD * len(self._workers) and (task := next(left, None)):
                waiting.append(self._threads.submit(self._done, task))
            if not waiting:
                return
            while not waiting[0].done():
                check(self._looked)
                for one in waiting:
                    if one.done():
                        one.result()  # a failure is not waited with until its turn comes
                wait(waiting, _LOOK_S)
            yield waiting.popleft().result()

    def _done(self, task: Task) -> Block:
        worker = self._idle.get()
        try:
            found = _ANSWERS.decode(worker.ask(self._order, msgspec.msgpack.encode(task)))
        finally:
            self._idle.put(worker)  # whoever takes one that has ended is told so at once
        if isinstance(found, Failure):
            raise PeerError(found.code, found.message)
        with self._lock:
            self._looked += found.looked
        return found

    def close(self) -> None:
        for worker in self._workers:
            worker.end()
        self._threads.shutdown(cancel_futures=True)


class _Worker:
    """One process, spoken to by one thread at a time."""

    def __init__(self, command: Sequence[str]) -> None:
        # A process of its own from the start: nothing of this one's threads, locks and files is
        # copied into it, and Ctrl-C at a terminal does not reach it.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": _import_path()},
            start_new_session=True,
        )
        self._is_told = False

    def ask(self, order: bytes, task: bytes) -> bytes:
        source, sink = self._process.stdin, self._process.stdout
        assert source is not None
        assert sink is not None
        body = None
        try:
            if not self._is_told:
                write_message(source, order)
                self._is_told = True
            write_message(source, task)
            body = read_message(sink)
        except (OSError, ValueError):  # the pipe is broken, or closed by `end`
            body = None
        if body is None:
            raise self._ended()
        return body

    def _ended(self) -> PeerError:
        try:
            code = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            code = 0
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        what = expected(
            "processes that finish their part",
            f"one that ended {how}",
            "the audience",
            "No file was written. Its last words are in the log of whoever owns the workspace; "
            "where memory was short, give fewer `--processes`.",
        )
        return PeerError("worker_ended", what)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # bytes that nobody reads any more
                    continue


def _import_path() -> str:
    """Name where this program was imported from, before what the environment says."""
    root = str(Path(heedful.__file__).resolve().parents[1])
    return os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
