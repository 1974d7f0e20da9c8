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


def decide_page(
    tx: Transaction,
    world: World,
    shared: Surroundings,
    audience: Audience,
    after: int,
    limit: int,
    now: int,
) -> Page:
    """Decide for the next customers in the order of their keys."""
    rows = tx.scan_customers(after, limit)
    answers = decide_rows(tx, world, shared, audience, rows, now)
    return Page(answers, len(rows), rows[-1].key if len(rows) == limit else None)


def decide_named(
    tx: Transaction,
    world: World,
    shared: Surroundings,
    audience: Audience,
    whom: Sequence[str],
    now: int,
) -> Page:
    """Decide for customers by id, or by `NAMESPACE:VALUE`; those that nobody knows are left out."""
    keys = [key for name in whom if (key := _key_of(tx, world, shared.secret, name)) is not None]
    found = tx.customers(keys)
    rows = [found[key] for key in dict.fromkeys(keys) if key in found]
    return Page(decide_rows(tx, world, shared, audience, rows, now), len(whom), None)


def decide_rows(
    tx: Transaction,
    world: World,
    shared: Surroundings,
    audience: Audience,
    rows: Sequence[CustomerRow],
    now: int,
) -> list[Answer]:
    """Decide for stored customers, as of one instant."""
    decider = ColumnarDecider(world.rules, shared)
    answers: list[Answer] = []
    for start in range(0, len(rows), BATCH_PEOPLE):
        batch = rows[start : start + BATCH_PEOPLE]
        clusters = tx.clusters(sorted({row.cluster for row in batch}))
        asked = [_asking(world, shared.secret, audience, row, clusters, now) for row in batch]
        if audience.condition is not None:
            asked = _belonging(world, shared, audience.condition, asked)
        answers += decider.decide(asked)
    return answers


def _asking(
    world: World,
    secret: bytes,
    audience: Audience,
    row: CustomerRow,
    clusters: Mapping[int, ClusterRow],
    now: int,
) -> Asking:
    state = core.read(world, row.body)
    names = partial(_identifiers, clusters[row.cluster], row.key, secret)
    person = Person(row.key, state.profile, state.senses, names)
    case = decide.decode_case(row.process) if row.process else decide.new_case()
    return Asking(person, case, _question(secret, audience, row.key, now))


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


def _belonging(
    world: World, shared: Surroundings, condition: Condition, asked: Sequence[Asking]
) -> list[Asking]:
    """Keep whom the audience's condition holds of."""
    rules = world.rules
    scopes = [
        Readings(shared, rules.signals, rules.profile, one.person, one.event, 0).filled(
            condition.roots, condition.signals
        )
        for one in asked
    ]
    held = columns_of(scopes).holds(condition.expression.tree)
    return [one for one, is_in in zip(asked, held.tolist(), strict=True) if is_in]


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
