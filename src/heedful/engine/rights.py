"""The person's rights: everything held, and no more of it; `erasing` is about nothing held."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from heedful import core
from heedful.core import World
from heedful.customer import ANY_CHANNEL
from heedful.engine.batch import Batch, BatchResult, Filing
from heedful.engine.claims import named_in
from heedful.engine.forgetting import export_case, export_decisions
from heedful.engine.graph import identifier_key
from heedful.engine.reading import (
    Found,
    show,
    show_event,
    show_graph,
)
from heedful.engine.register import trained_on
from heedful.events import (
    CONSENT_CHANGED,
    IDENTIFIERS_SEPARATED,
    OBJECTION_RECORDED,
    Event,
    Identifier,
    decode_event,
    own_event,
)
from heedful.kernel import InputError, canonical, expected
from heedful.ports import QuarantineRow, Transaction

QUOTED_CHARS_MIN: Final = 6
"""Characters of an identifier by which a quarantined row that quotes it is taken for theirs."""

_PAGE: Final = 500


class Hands(NamedTuple):
    """What a change needs besides its transaction."""

    world: World
    secret: bytes
    filing: Filing
    now: int


def event_about(
    hands: Hands, name: str, about: Sequence[Identifier], properties: dict[str, Any]
) -> Event:
    """Write an event of our own about a person, named by their identifiers."""
    said = canonical.digest([list(about), properties])
    message_id = f"{name}:{hands.now}:{said}"
    named = tuple(about)
    return own_event(hands.secret, name, message_id, hands.now, properties, identifiers=named)


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
    return land(tx, hands, event_about(hands, CONSENT_CHANGED, [found.person.anchor], said))


def object_to(
    tx: Transaction, hands: Hands, found: Found, purpose: str, source: str
) -> BatchResult:
    """Record an objection to a purpose, such as direct marketing; it holds on every channel."""
    said = {"purpose": purpose, "source": source}
    return land(tx, hands, event_about(hands, OBJECTION_RECORDED, [found.person.anchor], said))


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
    return land(tx, hands, event_about(hands, IDENTIFIERS_SEPARATED, [found.person.anchor], said))


def export(
    tx: Transaction, world: World, found: Found, keys: Sequence[int], now: int
) -> dict[str, Any]:
    """Give everything held about a person, machine-readable."""
    profile = found.state.profile
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
            for row in quarantine_of(tx, keys)
        ],
        **export_case(found.row.process),
        "models": trained_on(tx, found.person.fragments),
        **export_decisions(tx, found.person.fragments),
    }


def keys_of(secret: bytes, found: Found) -> list[int]:
    """Keys of all identifiers of a person."""
    return sorted(identifier_key(secret, identifier) for identifier in found.person.identifiers)


def quarantine_of(
    tx: Transaction, keys: Sequence[int], quoted: Iterable[str] = ()
) -> Iterator[QuarantineRow]:
    """Find what waits in the quarantine and names one of these identifiers.

    Parameters
    ----------
    quoted
        Their values: where one stands anywhere in a row, in a note about nobody for example, the
        row is found, too. A value of fewer than `QUOTED_CHARS_MIN` characters says too little.
    """
    wanted = set(keys)
    texts = [text.encode() for text in quoted if len(text) >= QUOTED_CHARS_MIN]
    escaped = b"|".join(re.escape(text) for text in texts)
    pattern = re.compile(rb"(?<!\w)(?:" + escaped + rb")(?!\w)", re.IGNORECASE) if texts else None
    after = 0
    while rows := tx.quarantined(after, _PAGE):
        for row in rows:
            is_named = not wanted.isdisjoint(named_in(row))
            if is_named or (pattern is not None and pattern.search(row.body)):
                yield row
        after = rows[-1].id
