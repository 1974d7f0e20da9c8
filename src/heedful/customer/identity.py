"""The identity graph, defined as a pure function of the set of identifier sets ever seen.

Law: a *fragment* is a distinct set of identifiers with the time it was first seen. The graph is
what flat matching with demote-and-retry gives over all fragments sorted by `(first_at, key)`.
Arrival order never enters: a late fragment re-resolves the fragments that share an identifier
with it, directly or through others, and nothing else.

Flat matching after Segment's identity resolution: an event joins every person that shares one of
its identifiers; where the joined person would break a limit, the event's lowest-priority
identifier is demoted (it links nothing from this event) and the matching is tried again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Literal

import msgspec

from heedful.customer.rules import CompiledIdentity
from heedful.events import Event, Identifier
from heedful.kernel import hash_key

FragmentKind = Literal["seen", "alias"]


class Fragment(msgspec.Struct, frozen=True, array_like=True):
    """A distinct set of identifiers that some event carried."""

    key: int
    first_at: int
    kind: FragmentKind
    """`alias` where an explicit alias call says that two user ids are one person."""
    identifiers: tuple[Identifier, ...]


class Separation(msgspec.Struct, frozen=True, array_like=True):
    """A statement that the identifiers of two sides are not one person: an unmerge."""

    key: int
    at: int
    left: tuple[Identifier, ...]
    right: tuple[Identifier, ...]


class Merge(msgspec.Struct, frozen=True, array_like=True):
    """Evidence: the fragment that joined persons who had been apart, and what it could not link."""

    at: int
    fragment: int
    joined: tuple[Identifier, ...]
    """The identifier of each joined person that the fragment shares, best first."""
    demoted: tuple[Identifier, ...]


class Person(msgspec.Struct, frozen=True, array_like=True):
    """One person of the graph.

    Notes
    -----
    `anchor` is the best-ranked identifier, the earliest among equals: the public id is its hash,
    so the known id survives a merge with an anonymous one.
    """

    anchor: Identifier
    identifiers: tuple[Identifier, ...]
    fragments: tuple[int, ...]
    merges: tuple[Merge, ...]


class Cluster(msgspec.Struct, frozen=True, array_like=True):
    """Fragments that share identifiers, directly or through others, and the persons among them.

    The unit that is read, resolved and written as one when a fragment is new.
    """

    fragments: tuple[Fragment, ...]
    separations: tuple[Separation, ...]
    persons: tuple[Person, ...]
    shared: tuple[Identifier, ...] = ()
    """Identifiers of its fragments that link nobody; other clusters may hold them too."""

    @property
    def key(self) -> int:
        """The least of its fragments' keys: the same for the same set in any order."""
        return min(fragment.key for fragment in self.fragments)


def fragment_key(secret: bytes, kind: FragmentKind, identifiers: Iterable[Identifier]) -> int:
    """Compute the 63-bit key of an identifier set."""
    parts = [part for identifier in identifiers for part in identifier]
    return hash_key(secret, "fragment", kind, *parts)


def separation_of(event: Event, secret: bytes) -> Separation:
    """Read the separation that an `Identifiers Separated` event states."""
    left, right = (
        tuple(Identifier(str(namespace), str(value)) for namespace, value in event.properties[side])
        for side in ("left", "right")
    )
    parts = [part for side in (left, right) for i in side for part in (*i, "/")]
    return Separation(hash_key(secret, "separation", *parts), event.at, left, right)


class _Group:
    """A person in the making: identifiers and fragments of one component."""

    __slots__ = ("fragments", "identifiers", "merges", "sides")

    def __init__(self) -> None:
        self.identifiers: dict[Identifier, int] = {}  # value: when it was first linked here
        self.fragments: list[int] = []
        self.merges: list[Merge] = []
        self.sides: set[tuple[int, bool]] = set()

    def take(self, other: _Group) -> None:
        for identifier, at in other.identifiers.items():
            self.identifiers[identifier] = min(at, self.identifiers.get(identifier, at))
        self.fragments += other.fragments
        self.merges += other.merges
        self.sides |= other.sides


class _Aliases:
    """Classes of user ids that alias calls declared to be one, bounded in size."""

    def __init__(self, size_max: int) -> None:
        self._parents: dict[Identifier, Identifier] = {}
        self._sizes: dict[Identifier, int] = {}
        self._size_max = size_max

    def root(self, identifier: Identifier) -> Identifier:
        while (parent := self._parents.get(identifier)) is not None:
            identifier = parent
        return identifier

    def join(self, identifiers: Sequence[Identifier]) -> None:
        for other in identifiers[1:]:
            left, right = sorted((self.root(identifiers[0]), self.root(other)))
            size = self._sizes.get(left, 1) + self._sizes.get(right, 1)
            if left != right and size <= self._size_max:
                self._parents[right] = left
                self._sizes[left] = size


def shared_identifiers(
    fragments: Iterable[Fragment], rules: CompiledIdentity
) -> frozenset[Identifier]:
    """Find the identifiers with more better-ranked partners than their namespace allows.

    Partners only ever grow, so a shared device stays shared: the rule is monotone, and it bounds
    how far a cluster can reach through kiosks and family tablets.
    """
    partners: dict[Identifier, set[Identifier]] = {}
    for fragment in fragments:
        identifiers = fragment.identifiers
        for index in range(1, len(identifiers)):
            rank = rules.rank(identifiers[index].namespace)
            better = [i for i in identifiers[:index] if rules.rank(i.namespace) < rank]
            if better:
                partners.setdefault(identifiers[index], set()).update(better)
    return frozenset(
        identifier
        for identifier, others in partners.items()
        if 0 < rules.shared_after(identifier.namespace) < len(others)
    )


class _Resolution:
    """One run of demote-and-retry over sorted fragments."""

    def __init__(
        self,
        rules: CompiledIdentity,
        shared: Collection[Identifier],
        separations: Iterable[Separation],
    ) -> None:
        self.rules = rules
        self.shared = shared
        self.groups: dict[Identifier, _Group] = {}
        self.aliases = _Aliases(rules.alias_max)
        self.previous: set[Identifier] = set()
        self.sides: dict[Identifier, set[tuple[int, bool]]] = {}
        for separation in separations:
            for side, identifiers in ((False, separation.left), (True, separation.right)):
                for identifier in identifiers:
                    self.sides.setdefault(identifier, set()).add((separation.key, side))

    def place(self, fragment: Fragment) -> None:
        linking = _linking(fragment, self.shared)
        if fragment.kind == "alias":
            user_ids = [i for i in linking if i.namespace == "user_id"]
            self.aliases.join(user_ids)
            self.previous.update(user_ids[1:])
        demoted: list[Identifier] = []
        while True:
            groups = self._groups_of(linking)
            if len(linking) == 1 or not self._breaks_a_limit(groups, linking):
                break
            demoted.append(linking.pop())
        self._join(fragment, groups, linking, demoted)

    def _groups_of(self, linking: list[Identifier]) -> list[_Group]:
        found: list[_Group] = []
        for identifier in linking:
            group = self.groups.get(identifier)
            if group is not None and not any(group is other for other in found):
                found.append(group)
        return found

    def _breaks_a_limit(self, groups: list[_Group], linking: list[Identifier]) -> bool:
        sides: set[tuple[int, bool]] = set()
        for group in groups:
            sides |= group.sides
        for identifier in linking:
            sides |= self.sides.get(identifier, set())
        if any((key, not side) in sides for key, side in sides):
            return True
        counts: dict[str, set[Identifier]] = {}
        for identifiers in (*(group.identifiers for group in groups), linking):
            for identifier in identifiers:
                root = self.aliases.root(identifier)
                counts.setdefault(identifier.namespace, set()).add(root)
        return any(len(found) > self.rules.limit(name) for name, found in counts.items())

    def _join(
        self,
        fragment: Fragment,
        groups: list[_Group],
        linking: list[Identifier],
        demoted: list[Identifier],
    ) -> None:
        target = max(groups, key=lambda g: len(g.identifiers)) if groups else _Group()
        if len(groups) > 1 or demoted:
            joined = tuple(
                next(i for i in linking if self.groups.get(i) is group) for group in groups
            )
            target.merges.append(
                Merge(fragment.first_at, fragment.key, joined, tuple(demoted)),
            )
        for group in groups:
            if group is not target:
                target.take(group)
                for identifier in group.identifiers:
                    self.groups[identifier] = target
        for identifier in linking:
            target.identifiers.setdefault(identifier, fragment.first_at)
            target.sides |= self.sides.get(identifier, set())
            self.groups[identifier] = target
        target.fragments.append(fragment.key)

    def _seniority(
        self, identifier: Identifier, group: _Group
    ) -> tuple[int, int, bool, Identifier]:
        # An alias call names the new id and a previous one, which may be an anonymous id in the
        # clothes of a user id: among ids first seen together the previous one stands behind.
        rank = self.rules.rank(identifier.namespace)
        first_at = group.identifiers[identifier]
        return rank, first_at, identifier in self.previous, identifier

    def persons(self) -> tuple[Person, ...]:
        persons = []
        seen: set[int] = set()
        for group in self.groups.values():
            if id(group) in seen:
                continue
            seen.add(id(group))
            ordered = sorted(group.identifiers, key=lambda i: self._seniority(i, group))
            persons.append(
                Person(
                    ordered[0],
                    tuple(ordered),
                    tuple(sorted(group.fragments)),
                    tuple(sorted(group.merges, key=lambda m: (m.at, m.fragment))),
                )
            )
        return tuple(sorted(persons, key=lambda person: person.anchor))


def resolve(
    fragments: Iterable[Fragment],
    separations: Iterable[Separation],
    rules: CompiledIdentity,
    shared: Collection[Identifier] = frozenset(),
) -> tuple[Person, ...]:
    """Resolve fragments into persons: the definition of the identity graph.

    Parameters
    ----------
    fragments
        Any order; each distinct identifier set once.
    separations
        Statements that identifiers are not one person; they hold for all time.
    rules
        Priorities, limits, blocked values.
    shared
        Identifiers that link nobody, see `shared_identifiers`.

    Returns
    -------
    tuple of Person
        Sorted by anchor; every fragment belongs to exactly one person.

    References
    ----------
    Twilio Segment, "Identity Resolution Settings" (flat matching, merge protection, priorities).
    """
    run = _Resolution(rules, shared, separations)
    for fragment in sorted(fragments, key=lambda f: (f.first_at, f.key)):
        run.place(fragment)
    return run.persons()


def connected(
    fragments: Iterable[Fragment], shared: Collection[Identifier]
) -> list[tuple[Fragment, ...]]:
    """Split fragments into those that share a linking identifier, directly or through others."""
    parents: dict[Identifier, Identifier] = {}

    def root(identifier: Identifier) -> Identifier:
        while (parent := parents.setdefault(identifier, identifier)) != identifier:
            parents[identifier] = parents[parent]
            identifier = parent
        return identifier

    anchored: list[tuple[Identifier, Fragment]] = []
    for fragment in fragments:
        linking = _linking(fragment, shared)
        first = root(linking[0])
        for other in linking[1:]:
            parents[root(other)] = first
        anchored.append((linking[0], fragment))
    parts: dict[Identifier, list[Fragment]] = {}
    for identifier, fragment in anchored:
        parts.setdefault(root(identifier), []).append(fragment)
    return [tuple(sorted(part, key=lambda f: (f.first_at, f.key))) for part in parts.values()]


def recluster(
    clusters: Iterable[Cluster],
    arrived: Iterable[Fragment],
    separated: Iterable[Separation],
    rules: CompiledIdentity,
    shared: Collection[Identifier] = frozenset(),
) -> tuple[Cluster, ...]:
    """Resolve what new fragments or separations touch.

    Parameters
    ----------
    clusters
        Every cluster that holds a linking identifier of what arrived, and the cluster of a
        fragment whose identifiers are all shared.
    arrived
        Fragments that are new, or that were first seen earlier than the cluster knows.
    separated
        Every separation that names an identifier of these clusters or fragments and that the
        clusters may not hold yet.
    shared
        Identifiers of the arrived fragments that are already known to be shared.

    Returns
    -------
    tuple of Cluster
        The clusters that replace the given ones, sorted by key.
    """
    known: dict[int, Fragment] = {}
    separations = {separation.key: separation for separation in separated}
    all_shared = set(shared)
    for cluster in clusters:
        known.update((fragment.key, fragment) for fragment in cluster.fragments)
        separations.update((separation.key, separation) for separation in cluster.separations)
        all_shared.update(cluster.shared)
    for fragment in arrived:
        before = known.get(fragment.key)
        if before is None or fragment.first_at < before.first_at:
            known[fragment.key] = fragment
    all_shared |= shared_identifiers(known.values(), rules)
    result = [
        _cluster(part, separations, all_shared, rules)
        for part in connected(known.values(), all_shared)
    ]
    return tuple(sorted(result, key=lambda cluster: cluster.key))


def _cluster(
    part: tuple[Fragment, ...],
    separations: dict[int, Separation],
    shared: Collection[Identifier],
    rules: CompiledIdentity,
) -> Cluster:
    present = {identifier for fragment in part for identifier in fragment.identifiers}
    # A shared identifier is at home where it stands alone, and only there can it be separated.
    at_home = {identifier for fragment in part for identifier in _linking(fragment, shared)}
    apart = tuple(
        separations[key]
        for key in sorted(separations)
        if not at_home.isdisjoint(separations[key].left)
        or not at_home.isdisjoint(separations[key].right)
    )
    persons = resolve(part, apart, rules, shared)
    return Cluster(part, apart, persons, tuple(sorted(present.intersection(shared))))


def _linking(fragment: Fragment, shared: Collection[Identifier]) -> list[Identifier]:
    # With only shared identifiers the events belong to the device itself, which links nobody.
    return [i for i in fragment.identifiers if i not in shared] or [fragment.identifiers[0]]
