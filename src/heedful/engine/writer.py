"""The one writer: micro-batches in, group commits out, futures answered after the commit.

Law: nobody is told "done" before the transaction that did it is durable. What cannot be committed
is answered with the error; an event that breaks the fold is quarantined alone, and its neighbours
land.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Final

from heedful.core import World
from heedful.engine.batch import Batch, BatchResult, Filing, Inner
from heedful.engine.claims import quarantined
from heedful.engine.graph import identifier_key
from heedful.engine.slices import ONLY_WORKER
from heedful.engine.submission import Job, Landing, Submission
from heedful.events import Event, Identifier
from heedful.kernel import HeedfulError, PeerError
from heedful.ports import QuarantineRow, StaleWrite, Store, StoreUnavailable, Transaction

BATCH_EVENTS_MAX: Final = 500
"""Events of one transaction; what waits beyond goes into the next."""

URGENT_BATCH_EVENTS_MAX: Final = 100
"""Events of a transaction that somebody waits for: the smaller it is, the sooner they know."""

ASKED_BATCH_EVENTS_MAX: Final = 32
"""Events of any other transaction while questions come in: whoever asks waits for its end."""

ASKED_WITHIN_S: Final = 1.0
"""For how long after a question the next one is expected."""

PENDING_EVENTS_MAX: Final = 20_000
"""Events that may wait for the writer; beyond, ingest answers 429 with Retry-After."""

STALE_TRIES_MAX: Final = 8
"""How often a step is repeated when another worker was faster."""

POISON: Final = "poison"


class Overloaded(PeerError):
    """More waits for the writer than it should promise to do."""

    def __init__(self, pending: int) -> None:
        super().__init__(
            "overloaded",
            f"Expected at most {PENDING_EVENTS_MAX} waiting events, got {pending} - at the "
            "engine. Send again after the time in Retry-After.",
        )


class Writer:
    """A thread that owns all writing to one store.

    Parameters
    ----------
    store, world, secret
        Where to write, the rules in force, and the workspace's key.
    clock
        Milliseconds since 1970; the only clock of the engine.
    on_commit
        Called with each batch's result after its commit, on the writer's thread.
    worker
        Whose slices of budgets are spent; each worker of a shared store has a name of its own.
    timer
        Seconds that never go back, for `ASKED_WITHIN_S`.
    """

    def __init__(
        self,
        store: Store,
        world: World,
        secret: bytes,
        clock: Callable[[], int],
        on_commit: Callable[[BatchResult], None] = lambda result: None,
        *,
        worker: str = ONLY_WORKER,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._world = world
        self._secret = secret
        self._clock = clock
        self._on_commit = on_commit
        self._timer = timer
        self.worker = worker
        self._filing = Filing(world, secret)
        self._urgent: deque[Submission | Job] = deque()
        self._waiting: deque[Submission | Job] = deque()
        self._pending = 0
        self._was_urgent_job = self._was_urgent_alone = False
        self._asked_s = -math.inf
        self.commit_s = 0.0
        """Seconds that the last batch took from its first read to its commit."""
        self._wake = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="heedful-writer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def world(self) -> World:
        """The rules in force, with the dictionary as the last commit left it."""
        return self._world

    @property
    def secret(self) -> bytes:
        """The workspace's key."""
        return self._secret

    def now(self) -> int:
        """Read the engine's clock."""
        return self._clock()

    @property
    def pending(self) -> int:
        """Events that wait for a transaction."""
        return self._pending

    def submit(
        self,
        events: Sequence[Event | Inner],
        refused: Sequence[QuarantineRow] = (),
        *,
        is_urgent: bool = False,
        is_question: bool = False,
    ) -> Landing:
        """Queue events; the future is done once they are durable.

        Parameters
        ----------
        is_urgent
            Somebody waits for a decision, or a message for its release: it goes before all that is
            not urgent.
        is_question
            Somebody waits for the answer, and others will ask soon: transactions stay small.

        Raises
        ------
        Overloaded
            Too much waits already.
        StoreUnavailable
            The writer is closing.
        """
        done = Landing()
        with self._wake:
            if self._pending > PENDING_EVENTS_MAX:
                raise Overloaded(self._pending)
            self._require_open()
            self._pending += len(events)
            if is_question:
                self._asked_s = self._timer()
            queue = self._urgent if is_urgent else self._waiting
            queue.append(Submission(events, refused, done))
            self._wake.notify()
        return done

    def transact(
        self,
        work: Callable[[Transaction], Any],
        *,
        makes_room: bool = False,
        is_urgent: bool = False,
    ) -> Future[Any]:
        """Queue any other transaction, in its order among the batches.

        Parameters
        ----------
        makes_room
            Whether `work` deletes; see `Store.write`.
        is_urgent
            As in `submit`.

        Notes
        -----
        A batch within it, such as that of an unmerge, leaves the world as any other batch does.
        """

        def adopt() -> Any:
            result = self._write(work, makes_room=makes_room)
            if isinstance(result, BatchResult):
                self._world = result.world
            return result

        return self._queue(adopt, self._urgent if is_urgent else self._waiting)

    def _queue(self, work: Callable[[], Any], queue: deque[Submission | Job]) -> Future[Any]:
        done: Future[Any] = Future()
        with self._wake:
            self._require_open()
            queue.append(Job(work, done))
            self._wake.notify()
        return done

    def change_world(
        self, change: Callable[[Transaction, World], World], *, makes_room: bool = False
    ) -> None:
        """Put new rules in force between two batches; what `change` writes commits with them."""

        def work() -> None:
            world = self._write(lambda tx: change(tx, self._world), makes_room=makes_room)
            if world.identity is not self._world.identity:
                self._filing = Filing(world, self._secret)
            self._world = world

        self._queue(work, self._waiting).result()

    def close(self) -> None:
        """Finish what waits, then stop."""
        with self._wake:
            self._is_closing = True
            self._wake.notify()
        self._thread.join()

    def _require_open(self) -> None:
        if self._is_closing:
            raise StoreUnavailable(
                "closing", "Expected a running engine, got one that is closing - at the writer."
            )

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._urgent and not self._waiting and not self._is_closing:
                    self._wake.wait()
                if not self._urgent and not self._waiting:
                    return
                taken = self._take()
            if isinstance(taken, Job):
                self._do(taken)
            elif taken:
                self._land(taken)

    def _take(self) -> list[Submission] | Job:
        batch: list[Submission] = []
        was_urgent_job, self._was_urgent_job = self._was_urgent_job, False
        was_alone, self._was_urgent_alone = self._was_urgent_alone, False
        is_asked = self._timer() - self._asked_s < ASKED_WITHIN_S
        room = URGENT_BATCH_EVENTS_MAX if self._urgent else BATCH_EVENTS_MAX
        while self._urgent and room > 0:
            first = self._urgent[0]
            if isinstance(first, Job):
                # Each is a commit of its own, so events that wait go between two of them.
                if batch or (was_urgent_job and self._waiting):
                    break
                self._was_urgent_job = True
                self._urgent.popleft()
                return first
            self._urgent.popleft()
            batch.append(first)
            room -= len(first.events)
        if is_asked:
            # Whoever asks shares no commit with events, but every other one: these wait as well.
            self._was_urgent_alone = bool(batch) and not was_alone
            room = 0 if self._was_urgent_alone else min(room, ASKED_BATCH_EVENTS_MAX)
        while self._waiting and room > 0:
            following = self._waiting[0]
            if isinstance(following, Job):
                if batch:
                    break
                self._waiting.popleft()
                return following
            self._waiting.popleft()
            if following.has_failed:
                self._pending -= len(following.events)
                continue
            part, rest = following.split(room)
            if rest is not None:
                self._waiting.appendleft(rest)
            batch.append(part)
            room -= len(part.events)
        self._pending -= sum(len(submission.events) for submission in batch)
        return batch

    def _do(self, job: Job) -> None:
        try:
            job.done.set_result(job.work())
        except BaseException as error:
            job.done.set_exception(error)

    def _write(self, work: Callable[[Transaction], Any], *, makes_room: bool = False) -> Any:
        for _ in range(STALE_TRIES_MAX - 1):
            try:
                return self._store.write(work, makes_room=makes_room)
            except StaleWrite:
                continue
        return self._store.write(work, makes_room=makes_room)

    def _land(self, batch: list[Submission]) -> None:
        events = [event for submission in batch for event in submission.events]
        refused = [row for submission in batch for row in submission.refused]
        try:
            result = self._commit(events, refused)
        except PeerError as error:
            # The store, not the events: nobody's data is at fault, everybody hears the truth.
            for submission in batch:
                submission.fail(error)
            return
        except Exception as error:
            self._land_apart(batch, error)
            return
        for submission in batch:
            submission.tally(result)
            submission.land(result)
        self._on_commit(result)

    def _commit(
        self, events: Sequence[Event | Inner], refused: Sequence[QuarantineRow]
    ) -> BatchResult:
        def work(tx: Transaction) -> BatchResult:
            now = self._clock()
            batch = Batch(tx, self._world, self._secret, self._filing, now, self.worker)
            return batch.run(events, refused)

        begun = time.perf_counter()
        result: BatchResult = self._write(work)
        self.commit_s = time.perf_counter() - begun
        self._world = result.world
        return result

    def _land_apart(self, batch: list[Submission], error: Exception) -> None:
        """Halve what failed until the poisonous event stands alone, and quarantine that one."""
        if len(batch) > 1:
            middle = len(batch) // 2
            self._land(batch[:middle])
            self._land(batch[middle:])
            return
        submission = batch[0]
        try:
            self._land_halves(submission, error)
        except BaseException as failure:
            submission.fail(failure)
        else:
            submission.land(None)

    def _land_halves(self, whole: Submission, error: Exception) -> None:
        events, refused = whole.events, whole.refused
        if len(events) == 0:
            raise error
        if len(events) == 1:
            # The text of an error may quote the event: only its class and code are kept.
            code = error.code if isinstance(error, HeedfulError) else type(error).__name__
            message = f"Expected an event that folds, got {code}. Report it, then redrive."
            event = events[0].event if isinstance(events[0], Inner) else events[0]
            row = quarantined(event, POISON, message, self._keys_of(event))
            result = self._commit([], [*refused, row])
            whole.done.quarantined += len(result.refused)
            whole.done.suppressed += len(result.suppressed)
            self._on_commit(result)
            return
        middle = len(events) // 2
        first = whole._replace(events=events[:middle])
        for half in (first, whole._replace(events=events[middle:], refused=())):
            try:
                result = self._commit(half.events, half.refused)
            except PeerError:
                raise
            except Exception as failure:
                self._land_halves(half, failure)
            else:
                half.tally(result)
                self._on_commit(result)

    def _keys_of(self, event: Event) -> list[int]:
        """Find whose a poisonous event is, so that exporting and erasing a person find it."""
        try:
            arrival = self._filing.file(event)
            named = () if arrival is None else arrival.identifiers
        except Exception:  # it may be the identifiers that are poisonous
            plain = {"user_id": event.user_id, "anonymous_id": event.anonymous_id}
            named = tuple(Identifier(name, value) for name, value in plain.items() if value)
        return [identifier_key(self._secret, identifier) for identifier in named]
