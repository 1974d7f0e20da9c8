"""Automatic features: a small counter for every event name and every configured property value.

Law: a counter is a function of the set of instants that were added. Up to three are kept one by
one, newest first; from the fourth on there are the last, the distance back to the first, the
count, the last gap, and for each half-life the integer weights of the two newest bins (`decay.py`).
Instants are whole seconds. Which form a counter has depends on its count alone.

A feature's id is a hash of what it is about, so it is the same in any order. Nothing is evicted:
the workspace's dictionary says which features have a counter of their own, the others share slots.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from heedful.events import Event
from heedful.kernel import SECOND_MS, hash_key, parse_span
from heedful.sense import ring
from heedful.sense.decay import HALF_LIVES_PER_BIN, decayed, weight
from heedful.sense.definitions import Automatic
from heedful.sense.limits import (
    FEATURES_MAX,
    FEATURES_PER_EVENT_MAX,
    OVERFLOW_SLOTS,
    VALUE_CHARACTERS_MAX,
)
from heedful.sense.types import text_of

_SECRET: Final = b"heedful.sense.features"
_IDS: Final = (1 << 32) - OVERFLOW_SLOTS

EVENT: Final = "event"
PROPERTY: Final = "prop"

_ONE_BY_ONE_MAX: Final = 3
_REMEMBERED_MAX: Final = 50_000
_LAST, _SPREAD, _COUNT, _GAP, _WEIGHTS = range(5)


class FeatureKey(NamedTuple):
    """What one feature is about: an event name, or a property and its value."""

    kind: str
    path: str
    """Of the property; empty for an event name."""
    value: str

    id: int
    """A 32-bit hash of the others."""


@lru_cache(maxsize=65_536)
def feature_key(kind: str, path: str, value: str) -> FeatureKey:
    """Make the key of a feature."""
    # The ids below OVERFLOW_SLOTS are the shared slots.
    return FeatureKey(
        kind, path, value, OVERFLOW_SLOTS + hash_key(_SECRET, kind, path, value) % _IDS
    )


class FeatureDictionary(msgspec.Struct, frozen=True):
    """The features of a workspace that have a counter of their own; it only ever grows.

    Notes
    -----
    The world owns it: what `missing` names is appended by an event before the fold. Two keys
    whose ids are equal (1 in 130 workspaces of 8,192 features) are told apart here: the one that
    came later shares an overflow slot.
    """

    keys: dict[int, FeatureKey] = {}
    limit: int = FEATURES_MAX

    def missing(self, keys: list[FeatureKey]) -> list[FeatureKey]:
        """List the keys that can still be appended."""
        if len(self.keys) >= self.limit:
            return []
        return [key for key in keys if key.id not in self.keys]

    def extended(self, keys: list[FeatureKey]) -> FeatureDictionary:
        """Append keys, in their order, up to the limit."""
        grown = dict(self.keys)
        for key in keys:
            if len(grown) >= self.limit:
                break
            grown.setdefault(key.id, key)
        return FeatureDictionary(grown, self.limit)

    def slot(self, key: FeatureKey) -> int:
        """Give the id under which a key is counted."""
        held = self.keys.get(key.id)
        return key.id if held is key or held == key else key.id % OVERFLOW_SLOTS


class AutomaticRule:
    """The configured properties and half-lives, read."""

    def __init__(self, automatic: Automatic) -> None:
        self.properties = tuple(sorted(set(automatic.properties)))
        self._paths = tuple((p, tuple(p.split("."))) for p in self.properties)
        lives = sorted({parse_span(h): h for h in automatic.half_lives}.items())
        self.labels = tuple(label for _, label in lives)
        self.half_lives = tuple(span // SECOND_MS for span, _ in lives)
        self._decays = tuple((h, h * HALF_LIVES_PER_BIN) for h in self.half_lives)
        self.limit = automatic.features_max
        self._roots = tuple(path[0] for _, path in self._paths)
        self._remembered: dict[tuple[Any, ...], list[FeatureKey]] = {}
        # An event adds its instant to several counters, one after the other.
        self._weighed: tuple[int | None, tuple[tuple[int, int], ...]] = (None, ())

    def keys(self, event: Event) -> list[FeatureKey]:
        """List the features that an event touches, each once; the list must not be changed."""
        if not event.properties:
            return [event_key(event.name)]
        said = (event.name, *map(event.properties.get, self._roots))
        try:
            known = self._remembered.get(said)
        except TypeError:  # a list or an object among the values
            return self._keys(event)
        if known is None:
            if len(self._remembered) >= _REMEMBERED_MAX:
                self._remembered.clear()
            # 1 and True are equal as keys but not as texts: only texts are remembered.
            known = self._keys(event)
            if all(value is None or value.__class__ is str for value in said):
                self._remembered[said] = known
        return known

    def _keys(self, event: Event) -> list[FeatureKey]:
        keys = [event_key(event.name)]
        if event.properties:
            for prop, path in self._paths:
                value = event.properties.get(path[0])
                if value is None or value == "":
                    continue
                plain = value.__class__ is str and len(path) == 1
                for text in (value[:VALUE_CHARACTERS_MAX],) if plain else _texts(value, path[1:]):
                    key = feature_key(PROPERTY, prop, text)
                    if key not in keys and len(keys) < FEATURES_PER_EVENT_MAX:
                        keys.append(key)
        return keys

    def add(self, counter: list[int], at: int) -> list[int]:
        """Add an instant in seconds to a counter, which may be empty; changes it or replaces it."""
        if len(counter) < _ONE_BY_ONE_MAX:
            ring.push(counter, at)
            return counter
        if len(counter) == _ONE_BY_ONE_MAX:
            instants = ring.instants(counter)
            counter = [instants[0], 0, 1, instants[0] - instants[1]]
            for _, heavy in self._weighed_at(instants[0]):
                counter += [heavy, 0]
            for instant in instants[1:]:
                self._add(counter, instant)
        self._add(counter, at)
        return counter

    def _weighed_at(self, at: int) -> tuple[tuple[int, int], ...]:
        """Give bin and weight of an instant for each half-life."""
        known = self._weighed
        if known[0] != at:
            weights = tuple((at // w, weight(at % w, h)) for h, w in self._decays)
            # One assignment, so that folding on two threads never sees half of it.
            known = self._weighed = at, weights
        return known[1]

    def _add(self, counter: list[int], at: int) -> None:
        last = counter[_LAST]
        place = _WEIGHTS
        for (index, heavy), (_, width) in zip(self._weighed_at(at), self._decays, strict=True):
            newer = index - last // width
            if newer == 0:
                counter[place] += heavy
            elif newer > 0:
                counter[place + 1] = counter[place] if newer == 1 else 0
                counter[place] = heavy
            elif newer == -1:
                counter[place + 1] += heavy
            place += 2
        counter[_COUNT] += 1
        if at >= last:
            counter[_GAP] = at - last
            counter[_SPREAD] += at - last
            counter[_LAST] = at
        else:
            counter[_GAP] = min(counter[_GAP], last - at)
            counter[_SPREAD] = max(counter[_SPREAD], last - at)

    def merge(self, a: list[int], b: list[int]) -> list[int]:
        """Join the counters of two disjoint sets."""
        if len(a) <= _ONE_BY_ONE_MAX:
            a, b = b, a
        if len(b) <= _ONE_BY_ONE_MAX:
            for at in ring.instants(b):
                a = self.add(a, at)
            return a
        if b[_LAST] > a[_LAST]:
            a, b = b, a
        last, older = a[_LAST], b[_LAST]
        joined = [
            last,
            max(a[_SPREAD], last - older + b[_SPREAD]),
            a[_COUNT] + b[_COUNT],
            min(a[_GAP], last - older),
        ]
        for i, (_, width) in enumerate(self._decays):
            place = _WEIGHTS + 2 * i
            newest, before = a[place], a[place + 1]
            distance = last // width - older // width
            if distance == 0:
                newest, before = newest + b[place], before + b[place + 1]
            elif distance == 1:
                before += b[place]
            joined += [newest, before]
        return joined

    def values(self, counter: list[int], now: int) -> dict[str, int | float | None]:
        """Show all that a counter says at `now` (milliseconds); times are seconds."""
        second = now // SECOND_MS
        if not counter:
            empty: dict[str, int | float | None] = {"count": 0}
            empty |= dict.fromkeys(("first", "recency", "gap", "last_gap"))
            return empty | {f"decayed_{label}": 0.0 for label in self.labels}
        if len(counter) <= _ONE_BY_ONE_MAX:
            instants = ring.instants(counter)
            count, spread = len(instants), instants[0] - instants[-1]
            last_gap = counter[1] if count > 1 else None
        else:
            count, spread, last_gap = counter[_COUNT], counter[_SPREAD], counter[_GAP]
        last = counter[_LAST]
        shown: dict[str, int | float | None] = {
            "count": count,
            "first": max(second - last + spread, 0),
            "recency": max(second - last, 0),
            "gap": spread / (count - 1) if count > 1 else None,
            "last_gap": last_gap,
        }
        for i, label in enumerate(self.labels):
            shown[f"decayed_{label}"] = self._decayed(counter, i, second)
        return shown

    def _decayed(self, counter: list[int], i: int, second: int) -> float:
        half_life, width = self._decays[i]
        newest = counter[_LAST] // width
        if len(counter) <= _ONE_BY_ONE_MAX:
            sums = [0, 0]
            for at in ring.instants(counter):
                if at // width >= newest - 1:
                    sums[newest - at // width] += weight(at % width, half_life)
        else:
            place = _WEIGHTS + 2 * i
            sums = counter[place : place + 2]
        start = newest * width
        return decayed(sums[0], second - start, half_life) + decayed(
            sums[1], second - start + width, half_life
        )


@lru_cache(maxsize=8_192)
def event_key(name: str) -> FeatureKey:
    """Make the key of an event name."""
    return feature_key(EVENT, "", text_of(name) or "")


def _texts(value: Any, path: tuple[str, ...]) -> list[str]:
    if isinstance(value, list | tuple):
        found = []
        for item in value[:FEATURES_PER_EVENT_MAX]:
            found += _texts(item, path)
        return found
    if path:
        return _texts(value.get(path[0]), path[1:]) if isinstance(value, dict) else []
    text = text_of(value)
    return [] if text is None else [text]
