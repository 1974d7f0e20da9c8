"""One micro-batch, one transaction: claim, resolve, fold, append.

Everything an acknowledgement promises happens here before the commit: the message is claimed, the
event stands in the log under its fragment, and the customer's facts contain it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from heedful import core, decide
from heedful.core import Customer, World
from heedful.customer import Fragment, fragment_key, identifiers_of, separation_of
from heedful.customer.identity import FragmentKind
from heedful.decide import TIME_PASSED, Decision
from heedful.engine.claims import claim_of, named_in, quarantined
from heedful.engine.deciding import Answer, Deciding
from heedful.engine.graph import Change, Graph, Staged, fragments_of, refold_now
from heedful.engine.opting import opted_out
from heedful.engine.slices import ONLY_WORKER
from heedful.events import (
    IDENTIFIERS_SEPARATED,
    SIGNALS_WARMED,
    Event,
    Identifier,
    encode_event,
)
from heedful.kernel import MINUTE_MS
from heedful.ports import (
    CLAIM_CONFLICT,
    CLAIM_DUPLICATE,
    CustomerRow,
    EffectRow,
    LogRow,
    QuarantineRow,
    Transaction,
)

DUE_AGAIN_MS: Final = MINUTE_MS
"""How long something that is due, but was not settled, waits until it is looked at again."""

NO_USABLE_IDENTIFIER: Final = "no_usable_identifier"
CONFLICTING_DUPLICATE: Final = "conflicting_duplicate"
SUPPRESSED: Final = "suppressed"


class Inner(NamedTuple):
    """An event of our own about something known: filed under the fragment of its cause."""

    event: Event
    fragment: int


class Arrival(NamedTuple):
    """An event with the identifier set under which it is filed."""

    event: Event
    fragment: int
    kind: FragmentKind
    identifiers: tuple[Identifier, ...]


class Landed(NamedTuple):
    """An event that is in the log, and whose it is."""

    event: Event
    customer: int
    seq: int


class BatchResult(NamedTuple):
    """What one transaction did."""

    landed: list[Landed]
    duplicates: int
    refused: list[QuarantineRow]
    suppressed: list[Event | QuarantineRow]
    """What named somebody who was erased, so that it is kept nowhere."""
    changes: list[Change]
    world: World
    """The world with the feature dictionary as this batch left it."""
    decided: Sequence[Decision] = ()
    answers: Mapping[int, Answer] = MappingProxyType({})
    """The decisions that answer requests, by the key of the event that asked."""
    released: Mapping[int, EffectRow] = MappingProxyType({})
    """Effects that may go out, now that this is committed, by the key of the event that asked."""


class Filing:
    """Finds the identifier set of an event; remembers what it found for recent ids."""

    _REMEMBERED_MAX: Final = 25_000  # an entry takes about a kilobyte

    def __init__(self, world: World, secret: bytes) -> None:
        self._identity = world.identity
        self._secret = secret
        self._keys: dict[tuple[FragmentKind, tuple[Identifier, ...]], int] = {}
        self._plain: dict[tuple[str | None, str | None], tuple[tuple[Identifier, ...], int]] = {}
        # An event without traits names nobody else, unless the rules look elsewhere too.
        self._is_plain_enough = all(path[0] == "traits" for _, path in self._identity.extracted)

    def file(self, event: Event) -> Arrival | None:
        """Give the event's fragment, or None where it names nobody."""
        is_plain = (
            self._is_plain_enough
            and not event.traits
            and not event.identifiers
            and event.type != "alias"
        )
        named = (event.user_id, event.anonymous_id)
        if is_plain and (known := self._plain.get(named)) is not None:
            return Arrival(event, known[1], "seen", known[0])
        identifiers = identifiers_of(event, self._identity)
        if not identifiers:
            return None
        arrival = self.under(event, identifiers)
        if is_plain:
            if len(self._plain) >= self._REMEMBERED_MAX:
                self._plain.clear()
            self._plain[named] = (identifiers, arrival.fragment)
        return arrival

    def under(self, event: Event, identifiers: tuple[Identifier, ...]) -> Arrival:
        """File an event under a given identifier set."""
        kind: FragmentKind = "alias" if event.type == "alias" else "seen"
        known = self._keys.get((kind, identifiers))
        if known is None:
            if len(self._keys) >= self._REMEMBERED_MAX:
                self._keys.clear()
            known = fragment_key(self._secret, kind, identifiers)
            self._keys[(kind, identifiers)] = known
        return Arrival(event, known, kind, identifiers)


class Batch:
    """The transaction of one micro-batch; built anew for each try."""

    def __init__(
        self,
        tx: Transaction,
        world: World,
        secret: bytes,
        filing: Filing,
        now: int,
        worker: str = ONLY_WORKER,
    ) -> None:
        self._tx = tx
        self._world = world
        self._secret = secret
        self._filing = filing
        self._graph = Graph(tx, world, secret)
        self._deciding = None if world.rules.is_empty else Deciding(tx, world, secret, worker)
        self._now = now
        self._refused: list[QuarantineRow] = []
        self._suppressed: list[Event | QuarantineRow] = []
        self._duplicates = 0

    def run(self, events: Sequence[Event | Inner], refused: Sequence[QuarantineRow]) -> BatchResult:
        """Take in events; `refused` is what ingest could not read, kept in the same transaction."""
        self._refused = list(refused)
        arrivals = self._claimed(self._filed(events))
        homes = self._homes(arrivals)
        landed = self._fold_and_append(arrivals, homes)
        changes = [*self._graph.changes, *self._separate(landed)]
        if self._refused:
            self._put_aside()
        return BatchResult(
            landed,
            self._duplicates,
            self._refused,
            self._suppressed,
            changes,
            self._world,
            *(() if self._deciding is None else self._deciding.made()),
        )

    def _put_aside(self) -> None:
        """Keep what was refused, but nothing that names somebody who was erased."""
        named = {row: named_in(row) for row in self._refused}
        gone = self._tx.suppressed(sorted({key for keys in named.values() for key in keys}))
        if gone:
            self._suppressed += [row for row in self._refused if not gone.isdisjoint(named[row])]
            self._refused = [row for row in self._refused if gone.isdisjoint(named[row])]
        self._tx.quarantine(self._refused)

    def _filed(self, events: Sequence[Event | Inner]) -> list[Arrival]:
        found = []
        for event in events:
            if isinstance(event, Inner):
                found.append(Arrival(event.event, event.fragment, "seen", ()))
                continue
            arrival = self._filing.file(event)
            if arrival is not None:
                found.append(arrival)
                continue
            message = "Expected an identifier that names somebody, got none that is usable."
            self._refused.append(quarantined(event, NO_USABLE_IDENTIFIER, message, ()))
        return found

    def _claimed(self, arrivals: list[Arrival]) -> list[Arrival]:
        if not arrivals:
            return arrivals
        verdicts = self._tx.claim([claim_of(arrival.event) for arrival in arrivals])
        fresh, repeated = [], []
        for arrival, verdict in zip(arrivals, verdicts, strict=True):
            if verdict == CLAIM_DUPLICATE:
                repeated.append(arrival)
            elif verdict == CLAIM_CONFLICT:
                message = "Expected one content for one messageId, got a second one."
                keys = [self._graph.key(identifier) for identifier in arrival.identifiers]
                self._refused.append(
                    quarantined(arrival.event, CONFLICTING_DUPLICATE, message, keys)
                )
            else:
                fresh.append(arrival)
        if repeated:
            self._count_repeated(repeated)
        return fresh

    def _count_repeated(self, repeated: list[Arrival]) -> None:
        """Count what came before, but as suppressed where that was erased with its person."""
        firsts = {
            arrival.event.key: self._graph.key(arrival.identifiers[0])
            for arrival in repeated
            if arrival.identifiers
        }
        gone = self._tx.suppressed(sorted(set(firsts.values())))
        erased = [one.event for one in repeated if firsts.get(one.event.key) in gone]
        self._suppressed += erased
        self._duplicates += len(repeated) - len(erased)

    def _homes(self, arrivals: list[Arrival]) -> dict[int, int]:
        """Find the customer of every fragment; new fragments change the graph."""
        known = self._tx.fragments(sorted({arrival.fragment for arrival in arrivals}))
        homes = {key: row.customer for key, row in known.items()}
        changed: dict[int, Fragment] = {}
        kept = []
        for arrival in arrivals:
            row = known.get(arrival.fragment)
            if row is None:
                allowed = self._unsuppressed(arrival)
                if allowed is None:
                    self._suppressed.append(arrival.event)
                    continue
                arrival = allowed
                row = known.get(arrival.fragment)
            kept.append(arrival)
            before = changed.get(arrival.fragment) or row
            if before is None or arrival.event.at < before.first_at:
                changed[arrival.fragment] = Fragment(
                    arrival.fragment, arrival.event.at, arrival.kind, arrival.identifiers
                )
        arrivals[:] = kept
        if changed:
            homes.update(self._graph.arrive(list(changed.values())))
        return homes

    def _unsuppressed(self, arrival: Arrival) -> Arrival | None:
        """Refuse an erased person's event; drop an erased person's identifier from another's."""
        if not arrival.identifiers:
            return None  # an event of our own about somebody who was erased meanwhile
        keys = [self._graph.key(identifier) for identifier in arrival.identifiers]
        suppressed = self._tx.suppressed(keys)
        if not suppressed:
            return arrival
        if keys[0] in suppressed:
            return None
        allowed = tuple(
            identifier
            for identifier, key in zip(arrival.identifiers, keys, strict=True)
            if key not in suppressed
        )
        return self._filing.under(arrival.event, allowed)

    def _fold_and_append(self, arrivals: list[Arrival], homes: dict[int, int]) -> list[Landed]:
        self._stage({homes[arrival.fragment] for arrival in arrivals})
        self._learn_features([arrival.event for arrival in arrivals])
        staged = self._graph.customers
        landed: list[Landed] = []
        log: list[LogRow] = []
        last = self._tx.last_seq()
        for event, fragment, _, _ in arrivals:
            customer, seq = homes[fragment], last + 1 + len(log)
            is_time = event.type == "own" and event.name == TIME_PASSED
            if event.type == "own" and event.name == SIGNALS_WARMED:
                self._warm(customer)
            if not is_time:
                self._land(Landed(event, customer, seq), fragment, landed, log)
                # Before anything is decided about it: no means no from here on.
                withdrawn = opted_out(self._secret, event, staged[customer].state)
                self._follow(withdrawn, customer, fragment, landed, log)
            if self._deciding is None:
                continue
            following = self._deciding.consider(staged[customer], event, fragment, seq)
            if following is None:
                continue
            if is_time:  # time passes all the time: it is kept only where something came of it
                self._land(Landed(event, customer, seq), fragment, landed, log)
            self._follow(following, customer, fragment, landed, log)
        self._write(self._graph, self._deciding)
        if log:
            self._tx.append(log)
        if self._deciding is not None:
            self._deciding.write()
        return landed

    def _follow(
        self,
        following: Sequence[Event],
        customer: int,
        fragment: int,
        landed: list[Landed],
        log: list[LogRow],
    ) -> None:
        """Land what follows from the event before it."""
        if following:
            self._learn_features(following)
            first = self._tx.last_seq() + 1 + len(log)
            for number, own in enumerate(following, first):
                self._land(Landed(own, customer, number), fragment, landed, log)

    def _warm(self, customer: int) -> None:
        """Fold anew whom the log says to be known from here on, as a replay has to."""
        row, state = self._graph.customers[customer]
        if row.refold or state.senses.warming:
            state = refold_now(self._tx, self._world, fragments_of(self._tx, row))
            self._graph.customers[customer] = Staged(row._replace(refold=0), state)

    def _stage(self, keys: set[int]) -> None:
        staged = self._graph.customers
        missing = sorted(key for key in keys if key not in staged)
        for key, row in self._tx.customers(missing).items():
            staged[key] = Staged(row, core.read(self._world, row.body))

    def _learn_features(self, events: Sequence[Event]) -> None:
        before = self._world
        world = self._world = core.learn_features(before, events)
        if learned := core.new_features(before, world):
            self._tx.put_features(learned)
            # A name that was erased with a person has come back from another one.
            self._tx.rename_features(learned)

    def _land(self, event: Landed, fragment: int, landed: list[Landed], log: list[LogRow]) -> None:
        happened, customer, seq = event
        core.fold(self._world, self._graph.customers[customer].state, happened)
        landed.append(event)
        body = encode_event(happened)
        log.append(LogRow(fragment, happened.at, happened.key, seq, body))

    def _write(self, graph: Graph, deciding: Deciding | None = None) -> None:
        self._tx.delete_customers(graph.gone)
        rows = []
        for staged in graph.customers.values():
            process, due = staged.row.process, None
            if deciding is not None:
                process, due = deciding.process(staged)
            elif process:
                due = decide.decode_case(process).due
            rows.append(_row(self._world, staged, process, due, self._now))
        self._tx.put_customers(rows)

    def _separate(self, landed: list[Landed]) -> list[Change]:
        """Take people apart whom an event of our own separates; the log holds all it refolds."""
        changes: list[Change] = []
        for event, _, _ in landed:
            if event.type == "own" and event.name == IDENTIFIERS_SEPARATED:
                graph = Graph(self._tx, self._world, self._secret)
                graph.separate(separation_of(event, self._secret))
                self._write(graph)
                changes += graph.changes
        return changes


def finished(world: World, row: CustomerRow, state: Customer, now: int) -> CustomerRow:
    """Write a customer's row anew from its state."""
    due = decide.decode_case(row.process).due if row.process else None
    return _row(world, Staged(row, state), row.process, due, now)


def _row(
    world: World, staged: Staged, process: bytes, case_due: int | None, now: int
) -> CustomerRow:
    row, state = staged
    due = core.next_due(world, state, now)
    if due is None or (case_due is not None and case_due < due):
        due = case_due
    # What is due and not done now waits a while: the caretaker must not turn round it.
    if due is not None and due <= now:
        due = now + DUE_AGAIN_MS
    return CustomerRow(
        row.key,
        row.version,
        row.cluster,
        core.signal_set(world, state),
        due,
        row.refold,
        core.encode(state),
        process,
    )
