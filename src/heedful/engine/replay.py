"""Rebuilding from the log, and proving that what is stored is what the log says.

`verify` folds each stored customer anew from their own events, on one snapshot each, and compares
bytes; it also resolves each cluster anew from the fragments that the log really holds. `rebuild`
lands the whole log in an empty store, in the order of `seq`, through the same code as ingest;
`decisions_differing` then compares what was decided.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from typing import Any, Final

import msgspec

from heedful import core
from heedful.core import World
from heedful.customer import CompiledIdentity, resolve
from heedful.decide.models import BETA
from heedful.engine import ledger
from heedful.engine.batch import Batch, Filing, Inner
from heedful.engine.deciding import DERIVED, read_decision
from heedful.engine.forgetting import ERASED
from heedful.engine.graph import fragments_of, read_cluster
from heedful.engine.learning import learned, origins_by, restored
from heedful.engine.register import trained_at
from heedful.engine.sequencing import foresight_at
from heedful.events import Event, decode_event
from heedful.govern.governance import Governance, fold_governance
from heedful.ports import ClusterRow, DecisionRow, LogRow, Store, Transaction

PAGE: Final = 200
"""Rows read at once while scanning."""

Progress = Callable[[int, int], None]


class Verdict(msgspec.Struct):
    """What a replay found."""

    customers: int = 0
    events: int = 0
    clusters: int = 0
    differing: list[int] = []
    """Keys of customers whose stored facts are not what their events say."""
    waiting: int = 0
    """Customers that wait for a refold or a warming signal, and are not compared."""
    graph_differing: list[int] = []
    """Keys of clusters whose persons or first instants are not what the log says."""
    digest: str = ""
    """Digest over all customers' bytes in the order of their keys."""

    @property
    def is_equal(self) -> bool:
        """Whether every compared byte agreed."""
        return not self.differing and not self.graph_differing


def verify(store: Store, world: World, progress: Progress = lambda done, total: None) -> Verdict:
    """Compare all stored facts with what the log says.

    Parameters
    ----------
    progress
        Called with (customers done, customers in all).
    """
    verdict = Verdict()
    total = store.stats().customers
    hashed = blake2b(digest_size=16)
    after = -1
    while keys := store.read(partial(_keys, after=after)):
        for key in keys:
            body = store.read(partial(_compare, world=world, key=key, verdict=verdict))
            hashed.update(key.to_bytes(8, "big") + body)
        after = keys[-1]
        progress(verdict.customers, total)
    after = -1
    read = partial(_compare_clusters, world=world, verdict=verdict)
    while rows := store.read(partial(read, after=after)):
        after = rows[-1].key
    verdict.digest = hashed.hexdigest()
    return verdict


def _keys(tx: Transaction, after: int) -> list[int]:
    return [row.key for row in tx.scan_customers(after, PAGE)]


def _compare(tx: Transaction, world: World, key: int, verdict: Verdict) -> bytes:
    row = tx.customers([key]).get(key)
    if row is None:
        return b""
    verdict.customers += 1
    if row.refold or row.signal_set != core.world_signal_set(world):
        verdict.waiting += 1
        return row.body
    stored = core.current(row.body)
    state = core.new_customer(world)
    for event in tx.events_of(fragments_of(tx, row)):
        core.fold(world, state, decode_event(event.body))
        verdict.events += 1
    if core.encode(state) != stored:
        verdict.differing.append(key)
    return stored


def _compare_clusters(
    tx: Transaction, world: World, verdict: Verdict, after: int
) -> list[ClusterRow]:
    rows = tx.scan_clusters(after, PAGE)
    for row in rows:
        cluster = read_cluster(row)
        verdict.clusters += 1
        persons = resolve(cluster.fragments, cluster.separations, world.identity, cluster.shared)
        is_equal = persons == cluster.persons and all(
            _first_at(tx, fragment.key) in (fragment.first_at, None)
            for fragment in cluster.fragments
        )
        if not is_equal:
            verdict.graph_differing.append(row.key)
    return rows


def _first_at(tx: Transaction, fragment: int) -> int | None:
    return next((event.at for event in tx.events_of([fragment], limit=1)), None)


Strategies = Callable[[World, str], World]
"""Gives the world under the strategy of a version, such as the application compiles it."""


def rebuild(
    source: Store,
    target: Store,
    world: World,
    secret: bytes,
    now: int,
    progress: Progress = lambda done, total: None,
    strategies: Strategies = lambda world, version: world,
) -> World:
    """Land the whole log of one store in another, empty one, batch by batch as it was committed.

    Parameters
    ----------
    world
        The rules in force when the log begins.
    now
        The instant for which timers are derived anew.
    strategies
        Gives the rules of each version that the log says was published.

    Returns
    -------
    World
        The world as the replay left it.

    Notes
    -----
    What followed from other events is not landed: it follows again, or `decisions_differing`
    finds it. A batch is repeated as it was, since a decision saw the identity graph of its batch.
    What an erased person had taught and spent is missing: models are then learned from the rows of
    `source`, and a budget that was nearly spent may decide otherwise.
    """
    models = {BETA: world.rules.models[BETA].new()}
    world = msgspec.structs.replace(
        world, models=models, origins={}, trained={}, governance=Governance(), sequences=None
    )
    total = source.read(lambda tx: tx.last_seq())
    after = 0
    changes = _Changes(source, strategies)
    while ends := source.read(partial(_ends, after=after)):
        for end in ends:
            rows = source.read(partial(_between, after=after, end=end))
            changes.is_whole = changes.is_whole and len(rows) == end - after
            land = partial(_land, world=world, secret=secret, now=now, rows=rows)
            world = target.write(partial(land, changes=changes))
            after = end
        progress(after, total)
    return world


class _Changes:
    """Gives the world after an event about the workspace."""

    def __init__(self, source: Store, strategies: Strategies) -> None:
        self._source = source
        self._strategies = strategies
        self._filing: tuple[CompiledIdentity, Filing] | None = None
        self.is_whole = True
        """Whether nothing was erased from the log so far."""

    def filing(self, world: World, secret: bytes) -> Filing:
        """Give what finds the fragments of events; it remembers them from batch to batch."""
        if self._filing is None or self._filing[0] is not world.identity:
            self._filing = world.identity, Filing(world, secret)
        return self._filing[1]

    def apply(self, tx: Transaction, world: World, event: Event) -> World:
        said = event.properties
        if event.name == ledger.STRATEGY_PUBLISHED:
            return self._strategies(world, said["version"])
        if event.name == ledger.MODEL_LEARNED:
            return self._learned(tx, world, said)
        if event.name == ledger.SEQUENCES_LEARNED:
            before, signals = world.sequences, world.signals
            known = self._source.read(lambda tx: foresight_at(tx, signals, said, before))
            return msgspec.structs.replace(world, sequences=known)
        if event.name == ledger.MODEL_TRAINED:
            return self._trained(world, said["model"], said["version"])
        governance = fold_governance(world.governance, event)
        return msgspec.structs.replace(world, governance=governance)

    def _learned(self, tx: Transaction, world: World, said: dict[str, Any]) -> World:
        if self.is_whole and origins_by(said) == world.origins:
            return learned(tx, world, said)
        # What an erased person taught does not follow again from the log; its rows name nobody
        # and are still there. Nor does what was imported, which is kept as it came.
        return self._source.read(lambda tx: restored(tx, world, said))

    def _trained(self, world: World, name: str, version: int) -> World:
        """Give the world with a trained model: its numbers are kept, and never trained again."""
        model = self._source.read(lambda tx: trained_at(tx, name, version))
        if model is None:
            return world
        return msgspec.structs.replace(world, trained={**world.trained, name: model})


def _ends(tx: Transaction, after: int) -> list[int]:
    return tx.commits(after, PAGE)


def _between(tx: Transaction, after: int, end: int) -> list[LogRow]:
    return [row for row in tx.log(after, end - after) if row.seq <= end]


def _land(
    tx: Transaction,
    world: World,
    secret: bytes,
    now: int,
    rows: list[LogRow],
    changes: _Changes,
) -> World:
    happened: list[Event | Inner] = []
    filing = changes.filing(world, secret)
    for row in rows:
        event = decode_event(row.body)
        if DERIVED in event.flags:
            continue
        if row.fragment in ledger.WORKSPACE_FRAGMENTS:
            tx.append([row._replace(seq=tx.last_seq() + 1)])
            world = changes.apply(tx, world, event)
        elif filing.file(event) is None:
            happened.append(Inner(event, row.fragment))
        else:
            happened.append(event)
    if not happened:
        return world
    return Batch(tx, world, secret, filing, now).run(happened, []).world


def decisions_differing(source: Store, target: Store) -> list[int]:
    """List the decisions, by id, that a replay did not make with the same bytes."""
    found: set[int] = set()
    for left, right in ((source, target), (target, source)):
        after = 0
        while rows := left.read(partial(_decisions, after=after)):
            after = rows[-1].seq
            again = right.read(partial(_same_decisions, ids=[row.id for row in rows]))
            for row in rows:
                # By id and not by place: an erasure leaves gaps that a replay does not repeat.
                if (made := again.get(row.id)) is None or made.body != row.body:
                    found.add(row.id)
    erased = source.read(partial(_same_decisions, ids=sorted(found)))
    return sorted(
        id_
        for id_ in found
        if id_ not in erased or ERASED not in read_decision(erased[id_].body).flags
    )


def _decisions(tx: Transaction, after: int) -> list[DecisionRow]:
    return tx.decisions_after(after, PAGE)


def _same_decisions(tx: Transaction, ids: list[int]) -> dict[int, DecisionRow]:
    return tx.decisions(ids)
