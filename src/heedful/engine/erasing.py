"""Erasure: nothing of a person is held any more, and no more of them is taken in.

One transaction deletes the person's events, facts, identifiers, messages and quarantined rows, and
takes them out of what others' rows say of them. Then the store is rewritten, archives included, so
that no deleted byte remains; that this is still to do stands in the store until it is done, so a
full disk or a crash only puts it off. What stays is the keyed hash of each identifier, by which a
late event of the person is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from heedful import core
from heedful.core import World
from heedful.customer import Cluster, Separation, recluster
from heedful.engine import sequencing
from heedful.engine.copies import count_erasure
from heedful.engine.forgetting import forget_decisions
from heedful.engine.graph import identifier_key, read_cluster
from heedful.engine.learning import keep_snapshots
from heedful.engine.proofs import Proof, append_proofs
from heedful.engine.reading import Found, customer_id, find, no_customer
from heedful.engine.register import forget_trained
from heedful.engine.rights import Hands, quarantine_of
from heedful.engine.writer import Writer
from heedful.events import IDENTIFIERS_SEPARATED, Event, Identifier, decode_event, encode_event
from heedful.govern.audit import AuditValue
from heedful.kernel import canonical, public_id
from heedful.ports import ClusterRow, FragmentRow, IdentifierRow, LogRow, Store, Transaction
from heedful.sense import FeatureDictionary

CLEANING: Final = "cleaning_due"
"""Name under which the store remembers that deleted bytes may still stand in it, and which
automatic features the erased had touched; empty when it is clean."""

FORGOTTEN: Final = ""
"""Name of an automatic feature whose own name was erased."""

PAGE: Final = 500
"""Customers looked through at once."""

_SEPARATIONS: Final = msgspec.msgpack.Decoder(Separation)
_FEATURES: Final = msgspec.msgpack.Decoder(list[int])


class Erased(NamedTuple):
    """What an erasure removed."""

    customer_id: str
    events: int
    quarantined: int
    identifiers: int
    backups: tuple[str, ...]
    """Places of the backups that hold the person still."""
    keys: tuple[int, ...]
    """Of their identifiers, by which the person is known when such a backup is restored."""
    retrain: tuple[str, ...] = ()
    """Trained models that learned from them, and should be trained anew."""


class _Going(NamedTuple):
    """What goes with a person, and what of their cluster stays."""

    cluster: ClusterRow
    identifiers: frozenset[Identifier]
    """Theirs, and those that only their events name."""
    rest: Cluster
    """The fragments of others, with the separations as they are without the person."""


def erase(tx: Transaction, hands: Hands, found: Found, pseudonym: int) -> Erased:
    """Erase a person everywhere and refuse their identifiers from now on.

    Parameters
    ----------
    pseudonym
        A random key under which their decisions are kept, with nothing of the person in them.
    """
    going = _going(tx, found)
    fragments = found.person.fragments
    keys = _keys(hands, going.identifiers)
    first_seq = min((row.seq for row in tx.events_of(fragments)), default=0)
    backups = count_erasure(tx, first_seq)
    events = tx.delete_events(fragments)
    quoted = sorted({identifier.value for identifier in going.identifiers})
    quarantined = [row.id for row in quarantine_of(tx, keys, quoted)]
    tx.delete_quarantined(quarantined)
    # What the person taught is in the models; their rows could not teach it again.
    keep_snapshots(tx, hands.world)
    sequencing.forget(tx)
    retrain = forget_trained(tx, fragments)
    decisions = forget_decisions(tx, fragments, pseudonym)
    body: dict[str, AuditValue] = {"events": events, "decisions": decisions}
    if retrain:
        body["retrain"] = list(retrain)
    append_proofs(tx, [Proof("erasure", public_id("p", pseudonym), hands.now, body)])
    tx.suppress(keys, hands.now)
    _leave_separations(tx, hands, going)
    _leave_cluster(tx, hands, going)
    tx.delete_fragments(fragments)
    tx.delete_customers([found.row])
    touched = {*found.state.senses.features, *_FEATURES.decode(tx.get_meta(CLEANING) or b"\x90")}
    tx.put_meta(CLEANING, canonical.encode(sorted(touched)))
    who = customer_id(found.row.key)
    return Erased(who, events, len(quarantined), len(keys), backups, tuple(keys), retrain)


def erase_again(tx: Transaction, hands: Hands, key: int, at: int, pseudonym: int) -> None:
    """Erase whoever holds an identifier that was erased after this store was copied."""
    if key in tx.suppressed([key]):
        return
    held = tx.identifiers([key]).get(key)
    if held is not None and held.customer is not None:
        erase(tx, hands, find(tx, hands.world, held.customer), pseudonym)
    tx.delete_quarantined([row.id for row in quarantine_of(tx, [key])])
    tx.suppress([key], at)


def _keys(hands: Hands, identifiers: Iterable[Identifier]) -> list[int]:
    return sorted(identifier_key(hands.secret, identifier) for identifier in identifiers)


def _going(tx: Transaction, found: Found) -> _Going:
    row = tx.clusters([found.row.cluster])[found.row.cluster]
    cluster = read_cluster(row)
    theirs = set(found.person.fragments)
    rest = tuple(f for f in cluster.fragments if f.key not in theirs)
    named = {i for f in cluster.fragments if f.key in theirs for i in f.identifiers}
    kept = {i for f in rest for i in f.identifiers} | set(cluster.shared)
    going = frozenset(found.person.identifiers) | (named - kept)
    separations = _trimmed(cluster.separations, going)
    return _Going(row, going, Cluster(rest, separations, (), cluster.shared))


def _trimmed(
    separations: Iterable[Separation], going: frozenset[Identifier]
) -> tuple[Separation, ...]:
    """Take identifiers out of separations; one with an empty side says nothing and goes."""
    left = [
        msgspec.structs.replace(
            one,
            left=tuple(i for i in one.left if i not in going),
            right=tuple(i for i in one.right if i not in going),
        )
        for one in separations
    ]
    return tuple(one for one in left if one.left and one.right)


def _leave_separations(tx: Transaction, hands: Hands, going: _Going) -> None:
    """Take the person out of what was said of them and others: that they are not one."""
    held = [
        _SEPARATIONS.decode(body)
        for body in tx.separations(_keys(hands, going.identifiers)).values()
    ]
    tx.delete_separations([one.key for one in held])
    for one in _trimmed(held, going.identifiers):
        named = {*one.left, *one.right}
        tx.put_separation(one.key, _keys(hands, named), canonical.encode(one))
    others = {i for one in held for i in (*one.left, *one.right)} - going.identifiers
    places = tx.identifiers(_keys(hands, others)).values()
    for row in tx.clusters(sorted({p.cluster for p in places if p.cluster})).values():
        cluster = read_cluster(row)
        gone = going.rest.fragments if row.key == going.cluster.key else cluster.fragments
        _leave_statements(tx, [fragment.key for fragment in gone], going.identifiers)
        if row.key != going.cluster.key:
            trimmed = _trimmed(cluster.separations, going.identifiers)
            body = canonical.encode(msgspec.structs.replace(cluster, separations=trimmed))
            tx.put_clusters([row._replace(body=body)])


def _leave_statements(
    tx: Transaction, fragments: Sequence[int], going: frozenset[Identifier]
) -> None:
    """Write the events that separated the person from others anew, without the person."""
    for row in list(tx.events_of(fragments)):
        event = decode_event(row.body)
        if event.type != "own" or event.name != IDENTIFIERS_SEPARATED:
            continue
        rest = _without(event, going)
        if rest != event:
            tx.delete_rows([row.seq])
            seq = tx.last_seq() + 1
            tx.append([LogRow(row.fragment, row.at, row.key, seq, encode_event(rest))])


def _without(event: Event, going: frozenset[Identifier]) -> Event:
    said = {
        side: [pair for pair in event.properties[side] if Identifier(*pair) not in going]
        for side in ("left", "right")
    }
    return msgspec.structs.replace(event, properties={**event.properties, **said})


def _leave_cluster(tx: Transaction, hands: Hands, going: _Going) -> None:
    """Take the person's fragments out of their cluster; the others stay who they are.

    An erased identifier that another person's events name as well links nobody any more.
    """
    tx.delete_clusters([going.cluster])
    tx.delete_identifiers(_keys(hands, going.identifiers))
    if not going.rest.fragments:
        return
    shared = going.identifiers | set(going.rest.shared)
    remaining = msgspec.structs.replace(going.rest, shared=())
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


def clean(store: Store, writer: Writer) -> bool:
    """Remove what erasures left: names that only the erased ever sent, and deleted bytes.

    Returns
    -------
    bool
        False when it has to be done again: somebody is being folded anew, or was erased meanwhile.

    Raises
    ------
    PeerError
        As `Store.vacuum`; it stays due.
    """
    due = _due(store)
    if due is None:
        return True
    own = _own_features(store, writer.world, due)
    if own:

        def forget(tx: Transaction, world: World) -> World:
            tx.rename_features([(id_, FORGOTTEN) for id_ in own])
            kept = {id_: key for id_, key in world.dictionary.keys.items() if id_ not in own}
            return msgspec.structs.replace(
                world, dictionary=FeatureDictionary(kept, world.dictionary.limit)
            )

        writer.change_world(forget, makes_room=True)
    store.vacuum()

    def settle(tx: Transaction) -> bool:
        is_done = own is not None and tx.get_meta(CLEANING) == canonical.encode(due)
        if is_done:
            tx.put_meta(CLEANING, b"")
        return is_done

    return bool(writer.transact(settle, makes_room=True).result())


def _due(store: Store) -> list[int] | None:
    body = store.read(lambda tx: tx.get_meta(CLEANING))
    return _FEATURES.decode(body) if body else None


def _own_features(store: Store, world: World, features: Iterable[int]) -> list[int] | None:
    """List those of some automatic features that no customer counts; None if unknown for now.

    Notes
    -----
    Their names are values that only an erased person ever sent. Common names are found on the
    first pages; all customers are read only where some name is nobody's.
    """
    left = {id_ for id_ in features if id_ in world.dictionary.keys}
    after = -1
    while left and (rows := store.read(lambda tx: tx.scan_customers(after, PAGE))):  # noqa: B023
        if any(row.refold for row in rows):
            return None
        for row in rows:
            left.difference_update(core.decode(row.body).senses.features)
        after = rows[-1].key
    return sorted(left)
