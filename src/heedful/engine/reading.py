"""Reading the golden record: values for people and programs, never bytes or keys."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from heedful import core, sense
from heedful.core import Customer, World
from heedful.customer import (
    Entry,
    Fragment,
    Person,
    ProfileRules,
    fragment_key,
    recluster,
    usable,
)
from heedful.engine.graph import identifier_key, read_cluster
from heedful.events import Event, Identifier, decode_event
from heedful.expr import UNKNOWN
from heedful.kernel import InputError, expected, format_instant, public_id
from heedful.ports import CustomerRow, Transaction

TIMELINE_ITEMS_MAX: Final = 500
"""Most events of one page of a timeline."""


def customer_id(key: int) -> str:
    """Write a customer's key as the public id."""
    return public_id("c", key)


def no_customer(path: str) -> InputError:
    """Say that nobody is known there."""
    what = expected("a known customer", "one that is not known", path, "Look it up first.")
    return InputError("customer_not_found", what)


class Found(NamedTuple):
    """A stored customer with all that reading needs."""

    row: CustomerRow
    person: Person
    state: Customer


def find(tx: Transaction, world: World, key: int) -> Found:
    """Read a customer by key; any identifier's key ever issued as an id finds its person.

    Raises
    ------
    InputError
        `customer_not_found`.
    """
    row = tx.customers([key]).get(key)
    if row is None:
        alias = tx.identifiers([key]).get(key)
        if alias is None or alias.customer is None:
            raise no_customer("$.customer_id")
        row = tx.customers([alias.customer])[alias.customer]
    cluster = read_cluster(tx.clusters([row.cluster])[row.cluster])
    places = tx.fragments([fragment.key for fragment in cluster.fragments])
    person = next(p for p in cluster.persons if places[p.fragments[0]].customer == row.key)
    return Found(row, person, core.read(world, row.body))


def lookup(tx: Transaction, world: World, secret: bytes, namespace: str, value: str) -> int:
    """Find the key of the customer who holds an identifier.

    Raises
    ------
    InputError
        `customer_not_found`.
    """
    identifier = usable(namespace, value, world.identity)
    if identifier is None:
        raise no_customer("$.value")
    key = identifier_key(secret, identifier)
    row = tx.identifiers([key]).get(key)
    if row is None or row.customer is None:
        raise no_customer("$.value")
    return row.customer


def show(world: World, found: Found, now: int) -> dict[str, Any]:
    """Show a customer as the API gives them: facts, contacts, signals.

    Notes
    -----
    A signal that is not known yet is null in `signals` and stands in `signals_unknown` with the
    reason; a trait whose time to live has passed is not shown.
    """
    profile = found.state.profile
    signals = core.signals(world, found.state, now)
    unknown = {
        name: sense.reason(found.state.senses, world.signals, name) or sense.SIGNAL_WARMING
        for name, value in signals.items()
        if value is UNKNOWN
    }
    return {
        "customer_id": customer_id(found.row.key),
        "identifiers": [{"namespace": n, "value": v} for n, v in found.person.identifiers],
        "traits": traits(found.state, world.profile, now),
        "accounts": _accounts(found.state),
        "consents": _consents(found.state),
        "gpc": profile.gpc_at > 0,
        "device_zone": _by_device("zone", profile.zone),
        "device_locale": _by_device("locale", profile.locale),
        "contacts": [
            {
                "at": format_instant(contact.at),
                "channel": contact.channel,
                "class": contact.message_class,
                "action": contact.action,
                "decision_id": contact.decision_id,
            }
            for contact in reversed(profile.contacts)
        ],
        "signals": {name: None if v is UNKNOWN else v for name, v in signals.items()},
        "signals_unknown": unknown,
        "event_count": profile.event_count,
        "first_at": format_instant(profile.first_at) if profile.event_count else None,
        "last_at": format_instant(profile.last_at) if profile.event_count else None,
        "is_refolding": bool(found.row.refold),
    }


def traits(state: Customer, rules: ProfileRules, now: int) -> dict[str, Any]:
    """Show the traits that are alive: one value each, a list where the rule is a union."""
    shown: dict[str, Any] = {}
    for name, entries in sorted(state.profile.traits.items()):
        rule = rules.traits.get(name)
        span = rule.expires_after_ms if rule is not None else None
        alive = [e.value for e in entries if span is None or e.at + span > now]
        if not alive:
            continue
        shown[name] = alive if rule is not None and rule.keep == "union" else alive[0]
    return shown


def _accounts(state: Customer) -> list[dict[str, Any]]:
    said: dict[str, dict[str, Any]] = {}
    for name, entry in sorted(state.profile.account_traits.items()):
        account, _, trait = name.partition("\n")
        said.setdefault(account, {})[trait] = entry.value
    return [
        {"group_id": account, "last_at": format_instant(at), "traits": said.get(account, {})}
        for account, at in sorted(state.profile.accounts.items())
    ]


def _by_device(name: str, said: Entry | None) -> dict[str, Any] | None:
    return None if said is None else {name: said.value, "at": format_instant(said.at)}


def _consents(state: Customer) -> list[dict[str, Any]]:
    shown = []
    for name, consent in sorted(state.profile.consents.items()):
        purpose, _, channel = name.partition("|")
        shown.append(
            {
                "purpose": purpose,
                "channel": channel,
                "status": consent.status,
                "at": format_instant(consent.at),
                "source": consent.source,
                "text_version": consent.text_version,
                "proof": consent.proof,
            }
        )
    return shown


def show_event(event: Event) -> dict[str, Any]:
    """Show an event as an item of a timeline."""
    shown: dict[str, Any] = {
        "message_id": event.message_id,
        "type": event.type,
        "name": event.name,
        "at": format_instant(event.at),
        "received_at": format_instant(event.received_at),
        "source": event.source,
    }
    if event.original_at is not None:
        shown["original_timestamp"] = format_instant(event.original_at)
    if event.sent_at is not None:
        shown["sent_at"] = format_instant(event.sent_at)
    for field in ("user_id", "anonymous_id", "previous_id", "group_id"):
        if (value := getattr(event, field)) is not None:
            shown[field] = value
    for field in ("properties", "traits", "context", "integrations"):
        if value := getattr(event, field):
            shown[field] = value
    if event.flags:
        shown["flags"] = list(event.flags)
    return shown


def timeline(tx: Transaction, found: Found, limit: int, cursor: str | None) -> dict[str, Any]:
    """Read a page of a customer's events, the newest first.

    Raises
    ------
    InputError
        `bad_cursor` when the cursor is not one that a page gave.
    """
    limit = max(1, min(limit, TIMELINE_ITEMS_MAX))
    before = _read_cursor(cursor) if cursor else None
    rows = list(
        tx.events_of(found.person.fragments, before=before, limit=limit + 1, newest_first=True)
    )
    page = rows[:limit]
    last = page[-1] if len(rows) > limit else None
    return {
        "items": [show_event(decode_event(row.body)) for row in page],
        "next_cursor": f"{last.at}.{last.key}" if last else None,
    }


def _read_cursor(cursor: str) -> tuple[int, int]:
    at, _, key = cursor.partition(".")
    try:
        return int(at), int(key)
    except ValueError:
        what = expected("a cursor from `next_cursor`", "something else", "$.cursor")
        raise InputError("bad_cursor", what) from None


def show_graph(tx: Transaction, world: World, found: Found) -> dict[str, Any]:
    """Show why a customer is one person: fragments, merges with their evidence, separations."""
    cluster = read_cluster(tx.clusters([found.row.cluster])[found.row.cluster])
    mine = set(found.person.fragments)
    return {
        "customer_id": customer_id(found.row.key),
        "anchor": _named(found.person.anchor),
        "fragments": [
            {
                "first_at": format_instant(fragment.first_at),
                "kind": fragment.kind,
                "identifiers": [_named(i) for i in fragment.identifiers],
            }
            for fragment in cluster.fragments
            if fragment.key in mine
        ],
        "merges": [
            {
                "at": format_instant(merge.at),
                "joined": [_named(i) for i in merge.joined],
                "could_not_link": [_named(i) for i in merge.demoted],
            }
            for merge in found.person.merges
        ],
        "separations": [
            {"left": [_named(i) for i in s.left], "right": [_named(i) for i in s.right]}
            for s in cluster.separations
        ],
        "shared": [_named(i) for i in cluster.shared],
        "others_near": len(cluster.persons) - 1,
    }


def _named(identifier: Identifier) -> dict[str, str]:
    return {"namespace": identifier.namespace, "value": identifier.value}


def preview_merge(
    tx: Transaction, world: World, secret: bytes, left: Found, right: Found, now: int
) -> dict[str, Any]:
    """Show what one event that names both customers' anchors would do, without doing it."""
    anchors = sorted(
        {left.person.anchor, right.person.anchor},
        key=lambda i: (world.identity.rank(i.namespace), i),
    )
    identifiers = tuple(anchors)
    link = Fragment(fragment_key(secret, "seen", identifiers), now, "seen", identifiers)
    rows = tx.clusters(sorted({left.row.cluster, right.row.cluster}))
    clusters = [read_cluster(row) for row in rows.values()]
    after = recluster(clusters, [link], (), world.identity)
    persons = [p for cluster in after for p in cluster.persons]
    joined = next(p for p in persons if link.key in p.fragments)
    is_merged = {left.person.anchor, right.person.anchor} <= set(joined.identifiers)
    refused = [i for merge in joined.merges if merge.fragment == link.key for i in merge.demoted]
    return {
        "is_merged": is_merged,
        "customer_id": customer_id(identifier_key(secret, joined.anchor)) if is_merged else None,
        "identifiers": [_named(i) for i in joined.identifiers] if is_merged else [],
        "could_not_link": [_named(i) for i in refused],
        "event_count": left.state.profile.event_count + right.state.profile.event_count,
        "conflicting_traits": _conflicts(left.state, right.state),
    }


def _conflicts(left: Customer, right: Customer) -> list[str]:
    return sorted(
        name
        for name, entries in left.profile.traits.items()
        if name in right.profile.traits
        and [e.value for e in entries] != [e.value for e in right.profile.traits[name]]
    )
