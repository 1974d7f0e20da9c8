"""Deciding for an audience: a page of people at a time, over columns, with nothing kept.

Law: every answer is what a question about that person would be answered at that instant, were it
asked under the same name; two runs of one name at one instant give the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from heedful import core, decide
from heedful.core import World
from heedful.decide import Person, Surroundings
from heedful.decide.columns import Answer, Asking, ColumnarDecider
from heedful.decide.readings import Condition, Readings, names_of
from heedful.engine.graph import identifier_key, read_cluster
from heedful.engine.reading import lookup
from heedful.events import Event, Identifier, own_event
from heedful.expr import Type, compile_expression
from heedful.expr.columns import columns_of
from heedful.kernel import InputError, parse_public_id
from heedful.ports import ClusterRow, CustomerRow, Transaction

BATCH_PEOPLE: Final = 1_000
"""People who are decided for at once: what is known of them stays close to the processor."""

PAGE_PEOPLE_MAX: Final = 10_000
"""Customers of one page; asking for more is refused."""


class Audience(NamedTuple):
    """Who is asked about, and what for."""

    name: str
    """Of the run: the draws of a run are its own."""
    condition: Condition | None = None
    """Who belongs to it; everybody where absent."""
    placement: str | None = None
    channel: str | None = None
    context: Mapping[str, Any] = {}


class Page(NamedTuple):
    """Answers about a page of customers."""

    answers: list[Answer]
    looked: int
    """Customers of the page, whether or not they belong to the audience."""
    next_key: int | None
    """Beyond which the next page begins; None where there is none."""


def audience_condition(world: World, text: str) -> Condition:
    """Compile who belongs to an audience.

    Raises
    ------
    InputError
        `bad_expression`.
    """
    names = names_of(world.rules.signals)
    return Condition(compile_expression(text, names, path="$.audience", expects=Type.BOOL), 0)


class AudienceDecider:
    """Decides for the people of one audience, as of one instant; remembers from batch to batch.

    Parameters
    ----------
    world, shared
        In force for the whole run.
    now
        The instant, ms since 1970.
    """

    def __init__(self, world: World, shared: Surroundings, audience: Audience, now: int) -> None:
        self._world = world
        self._shared = shared
        self._audience = audience
        self._now = now
        self._decider = ColumnarDecider(world.rules, shared)
        self._reads_traits = bool(traits_read(audience))
        self.traits: set[str] = set()
        """Names of traits that were met, where the condition reads any."""

    def page(self, tx: Transaction, after: int, limit: int) -> Page:
        """Decide for the next customers in the order of their keys."""
        rows = tx.scan_customers(after, limit)
        next_key = rows[-1].key if len(rows) == limit else None
        return Page(self._decided(tx, rows), len(rows), next_key)

    def between(self, tx: Transaction, after: int, up_to: int) -> Page:
        """Decide for all customers beyond one key and up to another."""
        answers: list[Answer] = []
        looked = 0
        while rows := tx.scan_customers(after, BATCH_PEOPLE, up_to):
            answers += self._decided(tx, rows)
            looked += len(rows)
            after = rows[-1].key
        return Page(answers, looked, None)

    def keyed(self, tx: Transaction, keys: Sequence[int]) -> Page:
        """Decide for customers by key, in this order."""
        found = tx.customers(keys)
        rows = [found[key] for key in keys if key in found]
        return Page(self._decided(tx, rows), len(keys), None)

    def asking(self, tx: Transaction, keys: Sequence[int]) -> list[Asking]:
        """Give the questions about customers by key, as they are decided."""
        found = tx.customers(keys)
        rows = [found[key] for key in keys if key in found]
        clusters = tx.clusters(sorted({row.cluster for row in rows}))
        return [self._asking(row, clusters) for row in rows]

    def _decided(self, tx: Transaction, rows: Sequence[CustomerRow]) -> list[Answer]:
        answers: list[Answer] = []
        for start in range(0, len(rows), BATCH_PEOPLE):
            batch = rows[start : start + BATCH_PEOPLE]
            clusters = tx.clusters(sorted({row.cluster for row in batch}))
            asked = [self._asking(row, clusters) for row in batch]
            if self._audience.condition is not None:
                if self._reads_traits:
                    self.traits.update(*(one.person.profile.traits for one in asked))
                asked = self._belonging(self._audience.condition, asked)
            answers += self._decider.decide(asked)
        return answers

    def _asking(self, row: CustomerRow, clusters: Mapping[int, ClusterRow]) -> Asking:
        secret = self._shared.secret
        state = core.read(self._world, row.body)
        names = partial(_identifiers, clusters[row.cluster], row.key, secret)
        person = Person(row.key, state.profile, state.senses, names)
        case = decide.decode_case(row.process) if row.process else decide.new_case()
        return Asking(person, case, _question(secret, self._audience, row.key, self._now))

    def _belonging(self, condition: Condition, asked: Sequence[Asking]) -> list[Asking]:
        """Keep whom the audience's condition holds of."""
        rules = self._world.rules
        scopes = [
            Readings(self._shared, rules.signals, rules.profile, one.person, one.event, 0).filled(
                condition.roots, condition.signals
            )
            for one in asked
        ]
        held = columns_of(scopes).holds(condition.expression.tree)
        return [one for one, is_in in zip(asked, held.tolist(), strict=True) if is_in]


def keys_of(tx: Transaction, world: World, secret: bytes, whom: Sequence[str]) -> list[int]:
    """Find customers by id or `NAMESPACE:VALUE`, each once; those nobody knows are left out."""
    keys = (_key_of(tx, world, secret, name) for name in whom)
    return list(dict.fromkeys(key for key in keys if key is not None))


def traits_read(audience: Audience) -> set[str]:
    """Name the traits that decide who belongs to an audience."""
    paths = () if audience.condition is None else audience.condition.paths
    return {path[1] for path in paths if path[0] == "traits" and len(path) > 1}


def _question(secret: bytes, audience: Audience, customer: int, now: int) -> Event:
    said: dict[str, Any] = {"context": dict(audience.context)}
    if audience.placement is not None:
        said["placement"] = audience.placement
    if audience.channel is not None:
        said["channel"] = audience.channel
    message_id = f"audience:{audience.name}:{customer}"
    return own_event(secret, decide.DECISION_REQUESTED, message_id, now, said)


def _identifiers(row: ClusterRow, customer: int, secret: bytes) -> tuple[Identifier, ...]:
    cluster = read_cluster(row)
    for person in cluster.persons:
        if identifier_key(secret, person.anchor) == customer:
            rest = (one for one in person.identifiers if one != person.anchor)
            return (person.anchor, *rest)
    return ()


def _key_of(tx: Transaction, world: World, secret: bytes, name: str) -> int | None:
    key = parse_public_id("c", name)
    if key is not None:
        alias = tx.identifiers([key]).get(key)
        return key if alias is None or alias.customer is None else alias.customer
    namespace, _, value = name.partition(":")
    try:
        return lookup(tx, world, secret, namespace, value)
    except InputError:
        return None
