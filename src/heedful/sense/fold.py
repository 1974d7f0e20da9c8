"""Adding events to a customer's signals, joining two customers, and warming what is new.

Law: `fold` and `merge` make a commutative monoid over the set of events; see `types.py`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

import msgspec

from heedful.events import Event
from heedful.kernel import SECOND_MS, InputError, InvariantError, canonical, expected
from heedful.sense.compile import SignalSet
from heedful.sense.features import FeatureDictionary, FeatureKey, event_key
from heedful.sense.tail import merge_tails, push_tail, tail_id
from heedful.sense.types import Scope, Senses, copy_senses, counters_of, put_counters

_COUNTERS: Final = msgspec.msgpack.Decoder(list[int])


def feature_keys(event: Event, signal_set: SignalSet) -> list[FeatureKey]:
    """List the automatic features that an event touches, each once."""
    return signal_set.automatic.keys(event)


def ids(keys: Iterable[FeatureKey], dictionary: FeatureDictionary | None) -> list[int]:
    """Give the ids under which keys are counted; without a dictionary each has its own."""
    if dictionary is None:
        return [key.id for key in keys]
    return [dictionary.slot(key) for key in keys]


def fold(
    senses: Senses,
    event: Event,
    signal_set: SignalSet,
    dictionary: FeatureDictionary | None = None,
) -> None:
    """Add one event to a state that the caller owns; the state is changed in place.

    Parameters
    ----------
    senses
        The customer's private copy, adopted to `signal_set` (a new one is adopted by its first
        event).
    event
        Not folded before: duplicates are removed by the caller.
    signal_set
        The signals in force.
    dictionary
        The workspace's features, already extended by this event's `feature_keys`.

    Raises
    ------
    InvariantError
        `signals_not_adopted` when the state belongs to another signal set.
    """
    if senses.set_id != signal_set.id:
        _require_adopted(senses, signal_set)
        senses.set_id = signal_set.id
    warming = senses.warming
    touches = signal_set.touches(event.type, event.name)
    if touches:
        scope = Scope(event)
        declared = senses.declared
        for touch in touches:
            key = touch.key
            mask = touch.mask(scope) if touch.conditional else touch.always
            if mask and key not in warming:
                body = touch.rule.fold(declared.get(key), event, mask, scope)
                if body is not None:
                    declared[key] = body
    senses.tail = push_tail(senses.tail, event.at, tail_id(event_key(event.name).id))
    if signal_set.automatic_key not in warming:
        _fold_features(senses, event, signal_set, dictionary)


def _fold_features(
    senses: Senses, event: Event, signal_set: SignalSet, dictionary: FeatureDictionary | None
) -> None:
    rule, features, second = signal_set.automatic, senses.features, event.at // SECOND_MS
    lengths, counters = bytearray(senses.lengths), bytearray(senses.counters)
    for id_ in ids(rule.keys(event), dictionary):
        place = bisect_left(features, id_)
        start = sum(lengths[:place])
        if place < len(features) and features[place] == id_:
            end = start + lengths[place]
            held = _COUNTERS.decode(counters[start:end])
            body = canonical.encode(rule.add(held, second))
            lengths[place] = len(body)
        else:
            end, body = start, canonical.encode([second])
            features.insert(place, id_)
            lengths.insert(place, len(body))
        counters[start:end] = body
    senses.lengths, senses.counters = bytes(lengths), bytes(counters)


def _require_adopted(senses: Senses, signal_set: SignalSet) -> None:
    if senses.set_id not in ("", signal_set.id):
        raise InvariantError(
            "signals_not_adopted",
            expected(
                "a state adopted to the signal set in force",
                f"one of set {senses.set_id}",
                "$.senses.set_id",
                "Call adopt first.",
            ),
        )


def merge(a: Senses, b: Senses, signal_set: SignalSet) -> Senses:
    """Join the signals of two disjoint sets of events, as when two customers become one.

    Notes
    -----
    Neither argument is changed. What is warming in one is warming in both, until it is refolded
    over the log of both.
    """
    _require_adopted(a, signal_set)
    _require_adopted(b, signal_set)
    if not (a.set_id and b.set_id):
        return copy_senses(a if a.set_id else b)
    warming = sorted({*a.warming, *b.warming})
    joined = copy_senses(a)
    joined.warming = warming
    for key, body in b.declared.items():
        held = joined.declared.get(key)
        joined.declared[key] = body if held is None else signal_set.rules[key].merge(held, body)
    for key in warming:
        joined.declared.pop(key, None)
    joined.tail = merge_tails(a.tail, b.tail)
    if signal_set.automatic_key in warming:
        put_counters(joined, {})
        return joined
    counters = counters_of(a)
    for id_, body in counters_of(b).items():
        held = counters.get(id_)
        counters[id_] = (
            body
            if held is None
            else canonical.encode(
                signal_set.automatic.merge(_COUNTERS.decode(held), _COUNTERS.decode(body))
            )
        )
    put_counters(joined, counters)
    return joined


def adopt(senses: Senses, signal_set: SignalSet) -> list[str]:
    """Move a state that the caller owns to the set in force; changes it in place.

    Returns
    -------
    list of str
        Keys that are warming: definitions that were published after this customer's first event
        and were not refolded yet. Slots of definitions that were withdrawn are dropped.
    """
    if senses.set_id == signal_set.id:
        return senses.warming
    if senses.set_id == "":
        senses.set_id = signal_set.id
        return []
    known = signal_set.earlier.get(senses.set_id, frozenset()) - frozenset(senses.warming)
    senses.set_id = signal_set.id
    senses.warming = sorted(signal_set.keys - known)
    for key in sorted(senses.declared):
        if key not in signal_set.keys or key in senses.warming:
            del senses.declared[key]
    if signal_set.automatic_key in senses.warming:
        put_counters(senses, {})
    return senses.warming


def warm(
    senses: Senses,
    signal_set: SignalSet,
    events: Iterable[Event],
    keys: Iterable[str] | None = None,
    dictionary: FeatureDictionary | None = None,
) -> None:
    """Refold warming definitions over the customer's whole log; changes the state in place.

    Parameters
    ----------
    events
        Every event that is folded into `senses`, once each, in any order.
    keys
        Of the definitions to warm; all that are warming when absent.
    """
    wanted = sorted(set(senses.warming if keys is None else keys) & set(senses.warming))
    if not wanted:
        return
    fresh = refold(events, signal_set, wanted, dictionary)
    for key in wanted:
        if key in fresh.declared:
            senses.declared[key] = fresh.declared[key]
    if signal_set.automatic_key in wanted:
        put_counters(senses, counters_of(fresh))
    senses.warming = [key for key in senses.warming if key not in wanted]


def keys_behind(names: Iterable[str], signal_set: SignalSet) -> list[str]:
    """List the keys of the definitions that named signals are read from."""
    keys: set[str] = set()
    for name in names:
        signal = signal_set.signals.get(name)
        if signal is None:
            keys.add(signal_set.automatic_key)
        elif signal.rule is None:
            definition = signal.definition
            keys.update(keys_behind((str(definition.of), str(definition.to)), signal_set))
        else:
            keys.add(signal.key)
    return sorted(keys)


def refold(
    events: Iterable[Event],
    signal_set: SignalSet,
    keys: Iterable[str],
    dictionary: FeatureDictionary | None = None,
) -> Senses:
    """Fold only some definitions over events; the others are warming in the result."""
    wanted = set(keys)
    if strange := sorted(wanted - signal_set.keys):
        raise InputError(
            "unknown_signal", expected("a key of the signal set", strange[0], "$.keys")
        )
    fresh = Senses(set_id=signal_set.id, warming=sorted(signal_set.keys - wanted))
    for event in events:
        fold(fresh, event, signal_set, dictionary)
    return fresh
