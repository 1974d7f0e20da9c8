"""The engine as others see it: one object that keeps the facts of one workspace.

Every method may be called from any thread. Reads run on committed snapshots; writes queue for the
one writer and return after the commit.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import msgspec

from heedful import core, sense
from heedful.connectors import Connectors
from heedful.core import World
from heedful.engine import copies, erasing, ledger, reading, replay, rights, sequencing
from heedful.engine.background import Background
from heedful.engine.batch import BatchResult, Filing
from heedful.engine.counting import COUNT_WAIT_S, Counting
from heedful.engine.decisions import Decisions
from heedful.engine.governing import Governing
from heedful.engine.guarding import WATCH_WAIT_S, Guard
from heedful.engine.inbox import StoredInbox
from heedful.engine.learning import LEARN_WAIT_S, Learner, read_models
from heedful.engine.measuring import MEASURE_WAIT_S, Measurer
from heedful.engine.outbox import Outbox
from heedful.engine.proofs import Proof
from heedful.engine.reading import Found, customer_id
from heedful.engine.refold import IDLE_WAIT_S, Caretaker
from heedful.engine.register import read_trained
from heedful.engine.resting import REST_WAIT_S, Resting
from heedful.engine.routing import PROMOTE_WAIT_S, require_promoted
from heedful.engine.sequencing import SEQUENCE_WAIT_S, SequenceLearner, read_foresight
from heedful.engine.slices import Slices
from heedful.engine.stream import Notice, Stream, decided
from heedful.engine.submission import Landing
from heedful.engine.training import Trainer
from heedful.engine.writer import Writer
from heedful.events import Event, Identifier, decode_event
from heedful.kernel import InputError, PeerError, canonical, expected, parse_public_id
from heedful.ports import QuarantineRow, Store, Transaction
from heedful.sense import FeatureDictionary, Foresight, SignalSet

T = TypeVar("T")

LINEAGE: Final = "signal_lineage"
"""Name under which the store remembers which definitions each earlier signal set had."""


class Engine:
    """The facts of one workspace, live.

    Parameters
    ----------
    store
        Where everything is kept.
    world
        The rules in force; the feature dictionary is read from the store.
    secret
        The workspace's key, under which identifiers are hashed.
    clock
        Milliseconds since 1970.
    """

    def __init__(self, store: Store, world: World, secret: bytes, clock: Callable[[], int]) -> None:
        self.store = store
        self.stream = Stream()
        self.on_batch: Callable[[BatchResult, float], None] = lambda result, seconds: None
        """Called on the writer's thread with each committed batch and the seconds it took."""
        self._secret = secret
        world = msgspec.structs.replace(
            world,
            dictionary=self._dictionary(world),
            governance=store.read(ledger.read_governance),
            sequences=store.read(lambda tx: read_foresight(tx, world.signals)),
            trained=store.read(read_trained),
        )
        world = store.read(lambda tx: read_models(tx, world))
        self._writer = Writer(store, world, secret, clock, self._landed)
        self.decisions = Decisions(store, self._writer, secret)
        self.counting = Counting(store)
        self.governing = Governing(store, self._writer, secret, self.counting)
        self.inbox = StoredInbox(store, self._writer)
        self._outbox: Outbox | None = None
        caretaker = Caretaker(store, self._writer, self._came_due)
        sequences = SequenceLearner(store, self._writer)
        learner = Learner(store, self._writer, self.stream.publish)
        guard = Guard(store, self._writer)
        resting = Resting(store, self._writer)
        self.trainer = Trainer(store, self._writer)
        self.measuring = Measurer(store, self._writer, self.stream.publish)
        self._knows_erased = False
        self._background = (
            Background("heedful-caretaker", caretaker.step, IDLE_WAIT_S),
            Background("heedful-learner", learner.step, LEARN_WAIT_S),
            Background("heedful-promoting", self.governing.promote_shown, PROMOTE_WAIT_S),
            Background("heedful-counting", self.counting.step, COUNT_WAIT_S),
            Background("heedful-sequences", sequences.step, SEQUENCE_WAIT_S),
            Background("heedful-guard", guard.step, WATCH_WAIT_S),
            Background("heedful-resting", resting.step, REST_WAIT_S),
            Background("heedful-measurer", self.measuring.step, MEASURE_WAIT_S),
        )

    def start(self, connectors: Connectors | None = None) -> None:
        """Start the writer and the caretaker, and where there are ways out, the outbox."""
        self._writer.start()
        self._remember_signals(self.world.signals)
        self._erase_again()
        for work in self._background:
            work.start()
        if connectors is not None:
            self._outbox = Outbox(self.store, self._writer, self._secret, connectors)
            self._outbox.start()

    def close(self) -> None:
        """Finish what was accepted, then stop; the store stays open."""
        for work in self._background:
            work.close()
        if self._outbox is not None:
            self._outbox.close()
        with contextlib.suppress(PeerError):  # else others wait until its lease ends
            self._writer.transact(self._give_back, makes_room=True).result()
        self._writer.close()

    def _give_back(self, tx: Transaction) -> None:
        Slices(tx, self.world, self._writer.worker).give_back()

    @property
    def world(self) -> World:
        """The rules in force."""
        return self._writer.world

    @property
    def pending(self) -> int:
        """Events accepted but not yet durable."""
        return self._writer.pending

    def now(self) -> int:
        """Read the engine's clock, in milliseconds."""
        return self._writer.now()

    # -- writing --------------------------------------------------------------------------------

    def ingest(self, events: Sequence[Event], refused: Sequence[QuarantineRow]) -> Landing:
        """Take in stamped events; the future is done once they are durable and folded."""
        return self._writer.submit(events, refused)

    def publish(self, rules: World, version: str, by: str = "") -> None:
        """Put a new strategy in force between two batches; new signals begin to warm up.

        Parameters
        ----------
        rules
            The world under the strategy; what was learned, stopped and seen stays as it is.
        version, by
            Of the strategy, and who published it, for the log.

        Raises
        ------
        InputError
            `model_not_promoted`.
        """

        def change(tx: Transaction, world: World) -> World:
            require_promoted(world, rules)
            now, said = self.now(), {"version": version, "by": by}
            proof = Proof("publication", version, now, {"by": by})
            ledger.note(tx, self._secret, ledger.STRATEGY_PUBLISHED, said, now, [proof])
            return under(world, rules)

        self._writer.change_world(change)
        self._remember_signals(rules.signals)
        self.stream.publish([Notice(self._last_seq(), "strategy", self.now(), "")])

    def published(self) -> str | None:
        """Read the version that was published last; None where none ever was."""
        return self.store.read(ledger.published)

    def publications(self) -> list[Event]:
        """Read what was published: `version` and `by` of each, the oldest first."""
        return self.store.read(ledger.publications)

    def unmerge(self, public_id: str, split: Sequence[Identifier]) -> list[str]:
        """Take the named identifiers away from a customer; says who is left, see `rights.unmerge`.

        An identifier that never stood alone leaves nobody behind: its events stay where they are.
        """
        result = self._change(public_id, partial(rights.unmerge, split=split))
        left = {change.customer for change in result.changes} | {self.key(public_id)}
        return sorted(customer_id(key) for key in left)

    def state_consent(self, public_id: str, statement: dict[str, Any]) -> None:
        """Record a consent statement; see `rights.state_consent`."""
        is_refusal = statement.get("status") != "granted"
        change = partial(rights.state_consent, statement=statement)
        self._change(public_id, change, is_refusal=is_refusal)

    def object_to(self, public_id: str, purpose: str, source: str) -> None:
        """Record an objection; see `rights.object_to`."""
        change = partial(rights.object_to, purpose=purpose, source=source)
        self._change(public_id, change, is_refusal=True)

    def erase(self, public_id: str, *, clean: bool = True) -> erasing.Erased:
        """Erase a person and refuse them from now on; see `erasing.erase`.

        Parameters
        ----------
        clean
            Whether the store is rewritten at once; else by the next `clean`.
        """
        key = self._key(public_id)

        def work(tx: Transaction) -> erasing.Erased:
            hands = self._hands()
            found = reading.find(tx, hands.world, key)
            return erasing.erase(tx, hands, found, secrets.randbits(62))

        self._knows_erased = True
        erased: erasing.Erased = self._writer.transact(work, makes_room=True).result()
        # The person is gone whatever follows: who asked has to hear so, and to tell the backups.
        with contextlib.suppress(PeerError):
            self._learn_sequences_again()
        if clean:
            self.clean()
        notice = Notice(self._last_seq(), "erase", self.now(), erased.customer_id)
        self.stream.publish([notice])
        return erased

    def _erase_again(self) -> None:
        """Erase, before anything else, whom a restored backup has brought back."""
        due = self.store.read(copies.to_erase_again)
        for key, at in due:
            work = partial(self._erased_again, key=key, at=at)
            self._writer.transact(work, makes_room=True).result()
        if due:
            self._writer.transact(copies.settle_erasures, makes_room=True).result()
            self._learn_sequences_again()

    def _learn_sequences_again(self) -> None:
        """Learn from what is left of the log: the model in force knows what the erased did."""
        again = partial(sequencing.begin_again, secret=self._secret, now=self.now())
        self._writer.change_world(again, makes_room=True)
        self._knows_erased = False

    def _erased_again(self, tx: Transaction, key: int, at: int) -> None:
        erasing.erase_again(tx, self._hands(), key, at, secrets.randbits(62))

    def clean(self) -> bool:
        """Rewrite the store where an erasure left deleted bytes in it; False to come again.

        Notes
        -----
        What is due stands in the store, so what a full disk or a crash puts off is done later.
        """
        try:
            if self._knows_erased:
                self._learn_sequences_again()
            return erasing.clean(self.store, self._writer)
        except PeerError:
            return False

    def transact(self, work: Callable[[Transaction], T], *, makes_room: bool = False) -> T:
        """Run any other transaction in the writer's order; see `Store.write`."""
        result: T = self._writer.transact(work, makes_room=makes_room).result()
        return result

    def _change(
        self,
        public_id: str,
        change: Callable[[Transaction, rights.Hands, Found], BatchResult],
        *,
        is_refusal: bool = False,
    ) -> BatchResult:
        key = self._key(public_id)

        def work(tx: Transaction) -> BatchResult:
            hands = self._hands()
            return change(tx, hands, reading.find(tx, hands.world, key))

        # A no is heard on a disk that is almost full, too.
        result: BatchResult = self._writer.transact(work, makes_room=is_refusal).result()
        self._committed(result)
        return result

    def _hands(self) -> rights.Hands:
        world = self.world
        return rights.Hands(world, self._secret, Filing(world, self._secret), self.now())

    # -- reading --------------------------------------------------------------------------------

    def lookup(self, namespace: str, value: str) -> str:
        """Find the public id of the customer who holds an identifier."""
        look = partial(
            reading.lookup,
            world=self.world,
            secret=self._secret,
            namespace=namespace,
            value=value,
        )
        return customer_id(self.store.read(look))

    def customer(self, public_id: str) -> dict[str, Any]:
        """Show a customer; see `reading.show`."""
        return self._read(public_id, lambda tx, found: reading.show(self.world, found, self.now()))

    def timeline(self, public_id: str, limit: int, cursor: str | None) -> dict[str, Any]:
        """Read a page of a customer's events, the newest first."""
        return self._read(public_id, lambda tx, found: reading.timeline(tx, found, limit, cursor))

    def graph(self, public_id: str) -> dict[str, Any]:
        """Show why a customer is one person."""
        return self._read(public_id, lambda tx, f: reading.show_graph(tx, self.world, f))

    def preview_merge(self, left: str, right: str) -> dict[str, Any]:
        """Show what an event naming both customers would do."""
        other = self._key(right)

        def work(tx: Transaction, found: Found) -> dict[str, Any]:
            with_ = reading.find(tx, self.world, other)
            return reading.preview_merge(tx, self.world, self._secret, found, with_, self.now())

        return self._read(left, work)

    def export(self, public_id: str) -> dict[str, Any]:
        """Give everything held about a person."""

        def work(tx: Transaction, found: Found) -> dict[str, Any]:
            keys = rights.keys_of(self._secret, found)
            return rights.export(tx, self.world, found, keys, self.now())

        return self._read(public_id, work)

    def explain(self, public_id: str, signal: str) -> sense.SignalExplanation:
        """List the events behind a signal's value.

        Raises
        ------
        InputError
            `unknown_signal`, with the nearest known name.
        """

        def work(tx: Transaction, found: Found) -> sense.SignalExplanation:
            happened = [decode_event(r.body) for r in tx.events_of(found.person.fragments)]
            return sense.explain(signal, self.world.signals, happened, self.now())

        return self._read(public_id, work)

    def key(self, public_id: str) -> int:
        """Give the key of the customer who has, or had, a public id."""
        return self._read(public_id, lambda tx, found: found.row.key)

    def anchor(self, public_id: str) -> Identifier:
        """Give the identifier that a customer's id comes from."""
        return self._read(public_id, lambda tx, found: found.person.anchor)

    def fragments(self, public_id: str) -> tuple[int, ...]:
        """List the fragments of a customer."""
        return self._read(public_id, lambda tx, found: found.person.fragments)

    def verify(self, progress: replay.Progress) -> replay.Verdict:
        """Prove that what is stored is what the log says."""
        return replay.verify(self.store, self.world, progress)

    def events_after(self, seq: int, limit: int) -> Iterator[tuple[int, Event]]:
        """Read the log in the order of `seq`."""
        for row in self.store.read(lambda tx: tx.log(seq, limit)):
            yield row.seq, decode_event(row.body)

    def _read(self, public_id: str, work: Callable[[Transaction, Found], T]) -> T:
        key = self._key(public_id)
        return self.store.read(lambda tx: work(tx, reading.find(tx, self.world, key)))

    def _key(self, public_id: str) -> int:
        key = parse_public_id("c", public_id)
        if key is None:
            what = expected(
                "a customer id such as c_4tq2rs7kd5e3u", "another text", "$.customer_id"
            )
            raise InputError("customer_not_found", what)
        return key

    # -- after a commit -------------------------------------------------------------------------

    def _landed(self, result: BatchResult) -> None:
        self.on_batch(result, self._writer.commit_s)
        self._committed(result)

    def _committed(self, result: BatchResult) -> None:
        seq = result.landed[-1].seq if result.landed else self._last_seq()
        notices = [
            Notice(seq, "event", event.at, customer_id(key), event.name, event.type, event.source)
            for event, key, seq in result.landed
        ]
        for change in result.changes:
            kind = "split" if change.is_refolded else "merge"
            absorbed = tuple(customer_id(key) for key in change.absorbed)
            shown = customer_id(change.customer)
            notices.append(Notice(seq, kind, self.now(), shown, absorbed=absorbed))
        for decision in result.decided:
            whose = customer_id(decision.customer)
            notices.append(decided(seq, whose, decision))
        if result.decided and self._outbox is not None:
            self._outbox.wake()
        self.stream.publish(notices)

    def _came_due(self, now: int, keys: list[int]) -> None:
        seq = self._last_seq()
        self.stream.publish([Notice(seq, "due", now, customer_id(key)) for key in keys])

    def _last_seq(self) -> int:
        return self.store.read(lambda tx: tx.last_seq())

    def _dictionary(self, world: World) -> FeatureDictionary:
        rows = self.store.read(lambda tx: tx.features())
        keys = [core.read_feature(name) for _, name in rows if name != erasing.FORGOTTEN]
        # What has a counter of its own keeps it, under a smaller maximum too.
        return FeatureDictionary({key.id: key for key in keys}, world.dictionary.limit)

    def _remember_signals(self, signals: SignalSet) -> None:
        body = canonical.encode({k: sorted(v) for k, v in signals.lineage().items()})
        # A few bytes, and a server must start on a full disk to answer that it is full.
        self._writer.transact(lambda tx: tx.put_meta(LINEAGE, body), makes_room=True).result()


def under(world: World, rules: World) -> World:
    """Give a world as it is, under the rules of another one."""
    dictionary = FeatureDictionary(world.dictionary.keys, rules.dictionary.limit)
    return msgspec.structs.replace(
        rules,
        dictionary=dictionary,
        models=world.models,
        origins=world.origins,
        trained=world.trained,
        sequences=_kept_under(world, rules),
        governance=world.governance,
    )


def _kept_under(world: World, rules: World) -> Foresight | None:
    """Keep what was learned of sequences where the rules still declare the same."""
    known, moment = world.sequences, rules.signals.moment
    return known if known and moment and known.key == moment[0] else None


def read_lineage(store: Store) -> dict[str, frozenset[str]]:
    """Read which definitions each earlier signal set had, for `sense.compile_signals`."""
    body = store.read(lambda tx: tx.get_meta(LINEAGE))
    if body is None:
        return {}
    held = msgspec.msgpack.decode(body, type=dict[str, list[str]])
    return {name: frozenset(keys) for name, keys in held.items()}
