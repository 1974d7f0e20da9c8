"""The identity graph inside a transaction: what new identifier sets do to stored customers.

The pure room says which persons there are; this module finds the clusters that are touched, and
turns the difference between before and after into rows. A person who only gained fragments is a
merge of states; one who lost any is folded anew from the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Final, NamedTuple

import msgspec

from heedful import core, decide
from heedful.core import Customer, World
from heedful.customer import Cluster, Fragment, Person, Separation, recluster
from heedful.events import Identifier, decode_event
from heedful.kernel import InvariantError, canonical, expected, hash_key
from heedful.ports import (
    ClusterRow,
    CustomerRow,
    FragmentRow,
    IdentifierRow,
    Transaction,
)

REFOLD_INLINE_MAX: Final = 500
"""Events up to which a customer is folded anew inside the transaction; above, in the background."""

_CLUSTERS: Final = msgspec.msgpack.Decoder(Cluster)
_SEPARATIONS: Final = msgspec.msgpack.Decoder(Separation)


def identifier_key(secret: bytes, identifier: Identifier) -> int:
    """Key of an identifier; the customer whose anchor it is has the same key, and its public id."""
    return hash_key(secret, "identifier", identifier.namespace, identifier.value)


def read_cluster(row: ClusterRow) -> Cluster:
    """Read a cluster from its row."""
    return _CLUSTERS.decode(row.body)


def fragments_of(tx: Transaction, row: CustomerRow) -> tuple[int, ...]:
    """List the fragments of a stored customer."""
    cluster_row = tx.clusters([row.cluster]).get(row.cluster)
    if cluster_row is None:
        return ()
    cluster = read_cluster(cluster_row)
    places = tx.fragments([fragment.key for fragment in cluster.fragments])
    return tuple(key for key in sorted(places) if places[key].customer == row.key)


class Place(NamedTuple):
    """Where an identifier stands."""

    cluster: int | None
    customer: int | None
    is_shared: bool


class Change(NamedTuple):
    """What became of one customer through a change of the graph, for the stream and the tests."""

    customer: int
    absorbed: tuple[int, ...]
    """Customers that are part of this one now."""
    is_refolded: bool


class Staged(NamedTuple):
    """A customer in the making within one transaction."""

    row: CustomerRow
    state: Customer


class Graph:
    """One transaction's view of the graph.

    Notes
    -----
    `arrive` and `separate` read, resolve and write clusters, fragments and identifiers at once;
    changed customers are staged in `customers` and written by the caller, who folds events first.
    """

    def __init__(self, tx: Transaction, world: World, secret: bytes) -> None:
        self._tx = tx
        self._world = world
        self._secret = secret
        self._keys: dict[Identifier, int] = {}
        self.customers: dict[int, Staged] = {}
        self.gone: list[CustomerRow] = []
        self.changes: list[Change] = []

    def key(self, identifier: Identifier) -> int:
        """Key of an identifier, remembered within the transaction."""
        key = self._keys.get(identifier)
        if key is None:
            key = self._keys[identifier] = identifier_key(self._secret, identifier)
        return key

    def arrive(self, fragments: Sequence[Fragment]) -> dict[int, int]:
        """Take in new fragments, or known ones that were first seen earlier than was known.

        Returns
        -------
        dict of int to int
            The customer of each fragment in every touched cluster.
        """
        named = {i for fragment in fragments for i in fragment.identifiers}
        return self._resolve(named, fragments, ())

    def separate(self, separation: Separation) -> dict[int, int]:
        """Hold two sides apart from now on and for all that was before."""
        named = {*separation.left, *separation.right}
        self._tx.put_separation(
            separation.key,
            [self.key(identifier) for identifier in sorted(named)],
            canonical.encode(separation),
        )
        return self._resolve(named, (), (separation,))

    def _resolve(
        self,
        named: set[Identifier],
        arrived: Sequence[Fragment],
        separated: Sequence[Separation],
    ) -> dict[int, int]:
        tx = self._tx
        keys = sorted(self.key(identifier) for identifier in named)
        known = tx.identifiers(keys)
        self._require_no_collision(named, known)
        before_rows = tx.clusters(sorted({r.cluster for r in known.values() if r.cluster}))
        before = {key: read_cluster(row) for key, row in before_rows.items()}
        apart = {s.key: s for s in separated}
        for body in tx.separations(keys).values():
            held = _SEPARATIONS.decode(body)
            apart[held.key] = held
        shared = {i for i in named if (row := known.get(self.key(i))) and row.is_shared}
        after = recluster(before.values(), arrived, apart.values(), self._world.identity, shared)
        self._write_clusters(before_rows, after)
        homes = self._write_fragments(before.values(), after)
        self._write_identifiers(before.values(), after, known)
        self._move_customers(before, after)
        return homes

    def _require_no_collision(
        self, named: Iterable[Identifier], known: dict[int, IdentifierRow]
    ) -> None:
        for identifier in named:
            row = known.get(self.key(identifier))
            if row is not None and (row.namespace, row.value) != identifier:
                what = expected(
                    "one identifier for each 63-bit key",
                    f"two in namespaces {row.namespace!r} and {identifier.namespace!r}",
                    "store.identifiers",
                    "Report this: it happens once in about a billion billion pairs.",
                )
                raise InvariantError("identifier_collision", what)

    def _write_clusters(self, before: dict[int, ClusterRow], after: Sequence[Cluster]) -> None:
        remaining = {cluster.key for cluster in after}
        self._tx.delete_clusters([row for key, row in before.items() if key not in remaining])
        self._tx.put_clusters(
            [
                ClusterRow(
                    cluster.key,
                    before[cluster.key].version if cluster.key in before else 0,
                    canonical.encode(cluster),
                )
                for cluster in after
            ]
        )

    def _fragment_places(self, clusters: Iterable[Cluster]) -> dict[int, FragmentRow]:
        rows = {}
        for cluster in clusters:
            first = {fragment.key: fragment.first_at for fragment in cluster.fragments}
            for person in cluster.persons:
                anchor = self.key(person.anchor)
                for key in person.fragments:
                    rows[key] = FragmentRow(key, first[key], cluster.key, anchor)
        return rows

    def _write_fragments(
        self, before: Iterable[Cluster], after: Iterable[Cluster]
    ) -> dict[int, int]:
        old, new = self._fragment_places(before), self._fragment_places(after)
        self._tx.put_fragments([row for key, row in new.items() if old.get(key) != row])
        return {key: row.customer for key, row in new.items()}

    def _identifier_places(self, clusters: Iterable[Cluster]) -> dict[Identifier, Place]:
        places: dict[Identifier, Place] = {}
        for cluster in clusters:
            shared = set(cluster.shared)
            for fragment in cluster.fragments:
                is_device = all(i in shared for i in fragment.identifiers)
                for index, identifier in enumerate(fragment.identifiers):
                    if identifier not in shared or (is_device and index == 0):
                        places[identifier] = Place(cluster.key, None, identifier in shared)
                    else:
                        places.setdefault(identifier, Place(None, None, True))
            for person in cluster.persons:
                anchor = self.key(person.anchor)
                for identifier in person.identifiers:
                    is_shared = identifier in shared
                    places[identifier] = Place(cluster.key, anchor, is_shared)
        return places

    def _write_identifiers(
        self,
        before: Iterable[Cluster],
        after: Iterable[Cluster],
        known: dict[int, IdentifierRow],
    ) -> None:
        old, new = self._identifier_places(before), self._identifier_places(after)
        rows = []
        for identifier, place in new.items():
            was = old.get(identifier)
            if was == place:
                continue
            # A shared identifier may have a place of its own in another cluster: leave that row.
            row = known.get(self.key(identifier))
            if place.cluster is None and place.is_shared and row is not None and row.is_shared:
                continue
            namespace, value = identifier
            cluster, customer, is_shared = place
            rows.append(
                IdentifierRow(self.key(identifier), namespace, value, cluster, customer, is_shared)
            )
        self._tx.put_identifiers(rows)

    def _move_customers(self, before: dict[int, Cluster], after: Sequence[Cluster]) -> None:
        owners: dict[int, int] = {}
        held: dict[int, frozenset[int]] = {}
        for cluster in before.values():
            for person in cluster.persons:
                anchor = self.key(person.anchor)
                held[anchor] = frozenset(person.fragments)
                owners.update(dict.fromkeys(person.fragments, anchor))
        moved: dict[int, tuple[Cluster, Person, list[int]]] = {}
        for cluster in after:
            for person in cluster.persons:
                anchor = self.key(person.anchor)
                sources = sorted({owners[key] for key in person.fragments if key in owners})
                is_same = sources == [anchor] and held[anchor] <= set(person.fragments)
                if not is_same or self._cluster_of(anchor) != cluster.key:
                    moved[anchor] = (cluster, person, sources)
        self._load([s for _, _, sources in moved.values() for s in sources] + list(moved))
        states = dict(self.customers)
        replaced = set(held)
        for anchor, (cluster, person, sources) in moved.items():
            self._move(anchor, cluster, person, sources, held, states)
            replaced.discard(anchor)
        alive = {self.key(person.anchor) for cluster in after for person in cluster.persons}
        for anchor in sorted(replaced - alive):
            staged = states.get(anchor)
            self.customers.pop(anchor, None)
            if staged is not None and staged.row.version:
                self.gone.append(staged.row)

    def _cluster_of(self, customer: int) -> int | None:
        self._load([customer])
        staged = self.customers.get(customer)
        return None if staged is None else staged.row.cluster

    def _load(self, keys: Iterable[int]) -> None:
        missing = sorted({key for key in keys if key not in self.customers})
        for key, row in self._tx.customers(missing).items():
            self.customers[key] = Staged(row, core.read(self._world, row.body))

    def _move(
        self,
        anchor: int,
        cluster: Cluster,
        person: Person,
        sources: list[int],
        held: dict[int, frozenset[int]],
        states: dict[int, Staged],
    ) -> None:
        fragments = frozenset(person.fragments)
        is_whole = all(held[source] <= fragments for source in sources)
        refold = 0
        if is_whole:
            state = core.new_customer(self._world)
            for source in sources:
                if source in states:
                    state = core.merge(self._world, state, states[source].state)
                    refold |= states[source].row.refold
        elif self._tx.count_events(sorted(fragments)) <= REFOLD_INLINE_MAX:
            state = refold_now(self._tx, self._world, sorted(fragments))
        else:
            state, refold = core.unknown_customer(self._world), 1
        known = states.get(anchor)
        version = known.row.version if known is not None else 0
        process = _process_of(
            [(states[s].row.process, held[s]) for s in sources if s in states], fragments
        )
        row = CustomerRow(anchor, version, cluster.key, 0, None, refold, b"", process)
        self.customers[anchor] = Staged(row, state)
        absorbed = tuple(source for source in sources if source != anchor)
        if absorbed or not is_whole:
            self.changes.append(Change(anchor, absorbed, not is_whole))


def refold_now(tx: Transaction, world: World, fragments: Sequence[int]) -> Customer:
    """Fold a customer anew from the log of their fragments."""
    return core.folded(world, (decode_event(row.body) for row in tx.events_of(fragments)))


def _process_of(held: Sequence[tuple[bytes, frozenset[int]]], fragments: frozenset[int]) -> bytes:
    """Join what went on with several customers, as far as it belongs to these fragments."""
    busy = [(body, of) for body, of in held if body]
    if len(busy) == 1 and busy[0][1] <= fragments:
        return busy[0][0]
    cases = [decide.split_case(decide.decode_case(body), fragments)[0] for body, _ in busy]
    return decide.encode_case(reduce(decide.merge_cases, cases)) if cases else b""
