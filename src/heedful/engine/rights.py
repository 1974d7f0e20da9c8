"""The person's rights: everything held, nothing held, and no more of it.

Erasure deletes the person's events, facts, identifiers and quarantined rows in one transaction,
then has the store rewritten so that no deleted byte remains. What stays is the keyed hash of each
identifier, by which a late event of the person is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from heedful import core
from heedful.core import World
from heedful.customer import ANY_CHANNEL, Cluster, recluster
from heedful.engine.batch import Batch, BatchResult, Filing
from heedful.engine.forgetting import export_decisions, forget_decisions
from heedful.engine.graph import identifier_key, read_cluster
from heedful.engine.proofs import Proof, append_proofs
from heedful.engine.reading import (
    Found,
    customer_id,
    no_customer,
    show,
    show_event,
    show_graph,
)
from heedful.events import (
    CONSENT_CHANGED,
    IDENTIFIERS_SEPARATED,
    OBJECTION_RECORDED,
    OWN_SOURCE,
    Event,
    Identifier,
    decode_event,
)
from heedful.govern.audit import AuditValue
from heedful.kernel import InputError, canonical, expected, hash_key, public_id
from heedful.ports import ClusterRow, FragmentRow, IdentifierRow, Transaction

_KEYS: Final = msgspec.msgpack.Decoder(list[int])
_PAGE: Final = 500


class Hands(NamedTuple):
    """What a change needs besides its transaction."""

    world: World
    secret: bytes
    filing: Filing
    now: int


def own_event(
    hands: Hands, name: str, about: Sequence[Identifier], properties: dict[str, Any]
) -> Event:
    """Write an event of our own about a person, named by their identifiers."""
    said = canonical.digest([list(about), properties])
    message_id = f"{name}:{hands.now}:{said}"
    return Event(
        type="own",
        name=name,
        at=hands.now,
        key=hash_key(hands.secret, "event", OWN_SOURCE, message_id),
        source=OWN_SOURCE,
        message_id=message_id,
        received_at=hands.now,
        original_at=hands.now,
        identifiers=tuple(about),
        properties=properties,
    )


def land(tx: Transaction, hands: Hands, event: Event) -> BatchResult:
    """Land one event of our own within a larger transaction."""
    return Batch(tx, hands.world, hands.secret, hands.filing, hands.now).run([event], [])


def state_consent(
    tx: Transaction, hands: Hands, found: Found, statement: dict[str, Any]
) -> BatchResult:
    """Record a consent, its denial or its withdrawal; in force from the next event on.

    Parameters
    ----------
    statement
        `purpose`, `status` (granted, denied, withdrawn), and where known `channel`, `source`,
        `text_version`, `proof`.
    """
    said = {"channel": ANY_CHANNEL, **statement}
    return land(tx, hands, own_event(hands, CONSENT_CHANGED, [found.person.anchor], said))


def object_to(
    tx: Transaction, hands: Hands, found: Found, purpose: str, source: str
) -> BatchResult:
    """Record an objection to a purpose, such as direct marketing; it holds on every channel."""
    said = {"purpose": purpose, "source": source}
    return land(tx, hands, own_event(hands, OBJECTION_RECORDED, [found.person.anchor], said))


def unmerge(
    tx: Transaction, hands: Hands, found: Found, split: Sequence[Identifier]
) -> BatchResult:
    """Take two people apart, for good and for all that was before.

    Parameters
    ----------
    split
        The identifiers that belong to the other person; the rest stay.

    Raises
    ------
    InputError
        `bad_unmerge` when an identifier is not the person's, or none would remain.
    """
    held = set(found.person.identifiers)
    left = sorted(set(split))
    right = sorted(held - set(left))
    if not left or not right or not held.issuperset(left):
        what = expected(
            "some but not all of the customer's identifiers",
            f"{len(left)} named, {len(held.intersection(left))} of them theirs, {len(held)} held",
            "$.identifiers",
            "Name the identifiers that belong to the other person.",
        )
        raise InputError("bad_unmerge", what)
    said = {"left": [list(i) for i in left], "right": [list(i) for i in right]}
    return land(tx, hands, own_event(hands, IDENTIFIERS_SEPARATED, [found.person.anchor], said))


def export(
    tx: Transaction, world: World, found: Found, keys: Sequence[int], now: int
) -> dict[str, Any]:
    """Give everything held about a person, machine-readable."""
    profile = found.state.profile
    quarantined = [row for row in _quarantine(tx) if not set(keys).isdisjoint(_named_in(row))]
    return {
        "customer": show(world, found, now),
        "graph": show_graph(tx, world, found),
        "trait_history": {
            name: [{"at": e.at, "value": e.value} for e in entries]
            for name, entries in sorted(profile.traits.items())
        },
        "sources": dict(sorted(profile.sources.items())),
        "automatic_signals": core.automatic(world, found.state, now),
        "events": [show_event(decode_event(r.body)) for r in tx.events_of(found.person.fragments)],
        "quarantined": [
            {
                "received_at": row.received_at,
                "reason": row.reason,
                "body": row.body.decode("utf-8", "replace"),
            }
            for row in quarantined
        ],
        **export_decisions(tx, found.person.fragments),
    }


class Erased(NamedTuple):
    """What an erasure removed."""

    customer_id: str
    events: int
    quarantined: int
    identifiers: int


def keys_of(secret: bytes, found: Found) -> list[int]:
    """Keys of all identifiers of a person."""
    return sorted(identifier_key(secret, identifier) for identifier in found.person.identifiers)


def erase(tx: Transaction, hands: Hands, found: Found, pseudonym: int) -> Erased:
    """Erase a person everywhere and refuse their identifiers from now on.

    Parameters
    ----------
    pseudonym
        A random key under which their decisions are kept, with nothing of the person in them.
    """
    keys = keys_of(hands.secret, found)
    events = tx.delete_events(found.person.fragments)
    quarantined = [row.id for row in _quarantine(tx) if not set(keys).isdisjoint(_named_in(row))]
    tx.delete_quarantined(quarantined)
    decisions = forget_decisions(tx, found.person.fragments, pseudonym)
    body: dict[str, AuditValue] = {"events": events, "decisions": decisions}
    append_proofs(tx, [Proof("erasure", public_id("p", pseudonym), hands.now, body)])
    tx.suppress(keys, hands.now)
    _leave_cluster(tx, hands, found)
    tx.delete_fragments(found.person.fragments)
    tx.delete_customers([found.row])
    return Erased(customer_id(found.row.key), events, len(quarantined), len(keys))


def _leave_cluster(tx: Transaction, hands: Hands, found: Found) -> None:
    """Take the person's fragments out of their cluster; the others stay who they are.

    An erased identifier that another person's events name as well links nobody any more.
    """
    row = tx.clusters([found.row.cluster])[found.row.cluster]
    cluster = read_cluster(row)
    gone = set(found.person.fragments)
    erased = set(found.person.identifiers)
    rest = tuple(f for f in cluster.fragments if f.key not in gone)
    tx.delete_clusters([row])
    tx.delete_identifiers(sorted(identifier_key(hands.secret, i) for i in erased))
    if not rest:
        return
    remaining = Cluster(rest, cluster.separations, ())
    shared = erased | set(cluster.shared)
    for part in recluster([remaining], (), (), hands.world.identity, shared):
        tx.put_clusters([ClusterRow(part.key, 0, canonical.encode(part))])
        first = {fragment.key: fragment.first_at for fragment in part.fragments}
        for person in part.persons:
            anchor = identifier_key(hands.secret, person.anchor)
            tx.put_fragments(
                [FragmentRow(key, first[key], part.key, anchor) for key in person.fragments]
            )
            tx.put_identifiers(
                [
                    IdentifierRow(
                        identifier_key(hands.secret, identifier),
                        *identifier,
                        cluster=part.key,
                        customer=anchor,
                        is_shared=identifier in shared,
                    )
                    for identifier in person.identifiers
                ]
            )
            stored = tx.customers([anchor]).get(anchor)
            if stored is None:
                raise no_customer("$.cluster")
            tx.put_customers([stored._replace(cluster=part.key)])


def _quarantine(tx: Transaction) -> Any:
    after = 0
    while rows := tx.quarantined(after, _PAGE):
        yield from rows
        after = rows[-1].id


def _named_in(row: Any) -> list[int]:
    return _KEYS.decode(row.identifiers)
