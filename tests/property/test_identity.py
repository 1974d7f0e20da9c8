"""The identity graph is a function of the set of fragments and separations, whatever the order."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.customer import (
    Cluster,
    Fragment,
    Person,
    Separation,
    connected,
    recluster,
    resolve,
    shared_identifiers,
)
from heedful.events import Event, Identifier
from heedful.kernel import canonical
from tests.property.worlds import RULES, events, fragment_of, fragments_of, separations

worlds = st.lists(events(), min_size=1, max_size=12)


class Graph:
    """The graph as an engine keeps it: clusters found by identifier, re-resolved on arrival."""

    def __init__(self) -> None:
        self.clusters: dict[int, Cluster] = {}
        self.home: dict[Identifier, int] = {}
        self.shared: set[Identifier] = set()
        self.separations: dict[int, Separation] = {}

    def arrive(self, fragment: Fragment) -> None:
        self._replace(self._touched(fragment.identifiers), [fragment])

    def separate(self, separation: Separation) -> None:
        self.separations[separation.key] = separation
        self._replace(self._touched((*separation.left, *separation.right)), [])

    def _touched(self, identifiers: tuple[Identifier, ...]) -> list[Cluster]:
        keys = {self.home[i] for i in identifiers if i in self.home}
        return [self.clusters[key] for key in sorted(keys)]

    def _replace(self, touched: list[Cluster], arrived: list[Fragment]) -> None:
        named = {i for fragment in arrived for i in fragment.identifiers}
        after = recluster(touched, arrived, self.separations.values(), RULES, self.shared & named)
        for cluster in touched:
            del self.clusters[cluster.key]
        for cluster in after:
            self.clusters[cluster.key] = cluster
            self.shared.update(cluster.shared)
        gone = {cluster.key for cluster in touched}
        # A shared identifier of these fragments may be at home in another cluster: leave it there.
        self.home = {i: key for i, key in self.home.items() if key not in gone}
        for cluster in after:
            for fragment in cluster.fragments:
                linking = [i for i in fragment.identifiers if i not in self.shared]
                for identifier in linking or fragment.identifiers[:1]:
                    self.home[identifier] = cluster.key

    def persons(self) -> tuple[Person, ...]:
        found = [person for cluster in self.clusters.values() for person in cluster.persons]
        return tuple(sorted(found, key=lambda person: person.anchor))


def whole(happened: list[Event], apart: list[Separation]) -> tuple[Person, ...]:
    """The definition: everything resolved at once."""
    fragments = fragments_of(happened).values()
    shared = shared_identifiers(fragments, RULES)
    parts = connected(fragments, shared)
    persons = [person for part in parts for person in resolve(part, apart, RULES, shared)]
    return tuple(sorted(persons, key=lambda person: person.anchor))


@given(worlds, st.lists(separations(), max_size=2), st.data())
@settings(max_examples=400, deadline=None)
def test_any_order_and_duplication_gives_the_same_graph(
    happened: list[Event], apart: list[Separation], data: st.DataObject
) -> None:
    doubled = happened + data.draw(st.lists(st.sampled_from(happened), max_size=4))
    arrivals = data.draw(st.permutations([*doubled, *apart]))
    graph = Graph()
    for arrived in arrivals:
        if isinstance(arrived, Separation):
            graph.separate(arrived)
        elif (fragment := fragment_of(arrived)) is not None:
            graph.arrive(fragment)
    assert canonical.encode(graph.persons()) == canonical.encode(whole(happened, apart))


@given(worlds, st.lists(separations(), max_size=2))
@settings(max_examples=300, deadline=None)
def test_no_person_breaks_a_limit_or_a_separation(
    happened: list[Event], apart: list[Separation]
) -> None:
    has_alias = any(event.type == "alias" for event in happened)
    for person in whole(happened, apart):
        for namespace in ("email", "anonymous_id"):
            held = [i for i in person.identifiers if i.namespace == namespace]
            assert len(held) <= RULES.limit(namespace)
        user_ids = [i for i in person.identifiers if i.namespace == "user_id"]
        assert len(user_ids) <= (RULES.alias_max if has_alias else 1)
        for separation in apart:
            held = set(person.identifiers)
            assert held.isdisjoint(separation.left) or held.isdisjoint(separation.right)


@given(worlds)
@settings(max_examples=200, deadline=None)
def test_every_fragment_has_exactly_one_person(happened: list[Event]) -> None:
    owned = [key for person in whole(happened, []) for key in person.fragments]
    assert sorted(owned) == sorted(fragments_of(happened))


@given(worlds, separations())
@settings(max_examples=200, deadline=None)
def test_an_identifier_belongs_to_at_most_one_person(
    happened: list[Event], apart: Separation
) -> None:
    held = [i for person in whole(happened, [apart]) for i in person.identifiers]
    assert len(held) == len(set(held))
