"""People's pasts as training may see them: known at each instant as it was known then.

Law: what a row says of a customer comes from events that had happened, and had arrived, by the day
that the row is about. History that was brought in later counts as known when it happened, since
nobody could have known it earlier here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from heedful import customer as facts
from heedful import sense
from heedful.core import World
from heedful.customer import Profile
from heedful.decide.foreseeing import scope_of
from heedful.decide.readings import read_consents
from heedful.engine.reading import find
from heedful.events import Event, decode_event
from heedful.kernel import DAY_MS
from heedful.ports import Store, Transaction
from heedful.sense.foreseen import Foreseen
from heedful.sense.models import Rights

TRAINING: Final = "training"
"""The purpose of consent that training asks about."""

HISTORY_AFTER_MS: Final = DAY_MS
"""Age at arrival from which an event counts as history that somebody brought in."""

CUSTOMERS_MAX: Final = 100_000
"""Customers of one training; keys are hashes, so the first ones by key are a fair sample."""

_PAGE: Final = 200
_RECENT: Final = 5_000
_REFUSED: Final = frozenset(("denied", "withdrawn", "objected"))


class Past(NamedTuple):
    """One customer's past."""

    fragments: tuple[int, ...]
    events: list[tuple[int, Event]]
    """Each with the instant from which it was known, ascending."""
    profile: Profile
    """As it is today."""

    def grants(self, purpose: str) -> bool:
        """Say whether the person has granted a purpose, and nowhere refused it."""
        said = set(read_consents(self.profile).get(purpose, {}).values())
        return "granted" in said and not said & _REFUSED

    def trait(self, name: str) -> str | None:
        """Read a trait that is a text."""
        entries = self.profile.traits.get(name)
        value = entries[0].value if entries else None
        return value if isinstance(value, str) and value else None


def is_allowed(consents: Mapping[str, Mapping[str, str]], rights: Rights) -> bool:
    """Say whether a person's data may train a model.

    Examples
    --------
    >>> is_allowed({}, "not_refused"), is_allowed({"training": {"any": "denied"}}, "not_refused")
    (True, False)
    """
    said = set(consents.get(TRAINING, {}).values())
    if said & _REFUSED:
        return False
    return rights == "not_refused" or "granted" in said


def end_of(store: Store) -> int:
    """Find the newest instant of the newest part of the log."""

    def read(tx: Transaction) -> int:
        after = max(0, tx.last_seq() - _RECENT)
        rows = (decode_event(row.body) for row in tx.log(after, _RECENT))
        return max((event.at for event in rows if event.type != "own"), default=0)

    return store.read(read)


def keys_of(store: Store) -> list[int]:
    """List the customers that a training looks at."""
    found: list[int] = []
    after = -1
    while len(found) < CUSTOMERS_MAX:
        rows = store.read(lambda tx: tx.scan_customers(after, _PAGE))  # noqa: B023
        if not rows:
            break
        found += [row.key for row in rows]
        after = rows[-1].key
    return found[:CUSTOMERS_MAX]


def pasts(
    store: Store, world: World, keys: Sequence[int], rights: Rights | None
) -> Iterator[Past | None]:
    """Read the past of each customer; None for one who is gone or may not be learned from.

    Parameters
    ----------
    rights
        Whose data may be learned from; None where nothing is learned and everybody is counted.
    """
    for first in range(0, len(keys), _PAGE):
        page = keys[first : first + _PAGE]
        yield from store.read(lambda tx: [_past(tx, world, key, rights) for key in page])  # noqa: B023


def _past(tx: Transaction, world: World, key: int, rights: Rights | None) -> Past | None:
    row = tx.customers([key]).get(key)
    if row is None or row.refold:
        return None
    found = find(tx, world, key)
    profile = found.state.profile
    if rights is not None and not is_allowed(read_consents(profile), rights):
        return None
    fragments = found.person.fragments
    events = [decode_event(row.body) for row in tx.events_of(fragments)]
    known = [(_known_at(event), event) for event in events]
    return Past(fragments, sorted(known, key=lambda one: (one[0], one[1].at, one[1].key)), profile)


def _known_at(event: Event) -> int:
    is_history = event.received_at - event.at > HISTORY_AFTER_MS
    return event.at if is_history else event.received_at


class Replayed:
    """One customer as a model would have read them, day after day."""

    def __init__(self, world: World, model: Foreseen, past: Past) -> None:
        self._world = world
        self._model = model
        self._events = iter(past.events)
        self._next = next(self._events, None)
        signals = world.signals
        wanted = sense.keys_behind(model.signals, signals)
        self._senses = sense.refold((), signals, wanted)
        self._profile = Profile()
        self._is_profile_read = not {"traits", "consents"}.isdisjoint(model.roots)
        self.is_known = False
        """Whether anything had happened by the last day that was asked about."""

    def at(self, now: int) -> dict[str, Any]:
        """Give what the model reads at an instant; instants ascend."""
        world = self._world
        while self._next is not None and self._next[0] <= now:
            event = self._next[1]
            sense.fold(self._senses, event, world.signals, world.dictionary)
            if self._is_profile_read:
                facts.apply(self._profile, event, world.profile)
            self.is_known = True
            self._next = next(self._events, None)
        return scope_of(
            self._model,
            world.signals,
            world.profile,
            self._profile,
            self._senses,
            now,
            world.dictionary,
            world.sequences,
        )
