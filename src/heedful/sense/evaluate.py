"""Reading signals: values at an instant, why one is unknown, and when one changes by itself."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from heedful.expr import UNKNOWN
from heedful.kernel import SECOND_MS, InputError, expected
from heedful.sense.compile import SignalSet
from heedful.sense.definitions import did_you_mean
from heedful.sense.features import EVENT, PROPERTY, FeatureDictionary, FeatureKey, feature_key
from heedful.sense.foreseen import MODEL_UNTRAINED
from heedful.sense.foresight import Foresight
from heedful.sense.limits import DWELL_CAP_MS, OVERFLOW_SLOTS
from heedful.sense.moments import IntentRule
from heedful.sense.rule import Rule
from heedful.sense.tail import Visits, tail_id
from heedful.sense.types import (
    FEATURE_OVERFLOWED,
    SIGNAL_WARMING,
    Senses,
    Value,
    counter_at,
    counters_of,
)

_COUNTERS: Final = msgspec.msgpack.Decoder(list[int])
_AUTOMATIC: Final = "auto."
_DWELL: Final = "dwell"


def evaluate(
    senses: Senses,
    signal_set: SignalSet,
    now: int,
    names: Iterable[str] | None = None,
    dictionary: FeatureDictionary | None = None,
    foresight: Foresight | None = None,
) -> dict[str, Value]:
    """Read signals at an instant.

    Parameters
    ----------
    now
        Milliseconds, not before the customer's newest event.
    names
        Declared or automatic (`auto.event.NAME.FIELD`, `auto.prop.PROPERTY.VALUE.FIELD`); all
        declared ones when absent. Only what is named is computed.
    dictionary
        Tells an automatic feature that shares an overflow slot, which is unknown.
    foresight
        Says what comes next; without one nothing does.

    Returns
    -------
    dict
        A value, None (there is none), or `UNKNOWN`, for which `reason` says why. Times are
        seconds.

    Raises
    ------
    InputError
        `unknown_signal`, with the nearest known name.
    """
    visits = Visits(senses.tail, foresight)
    wanted = signal_set.signals if names is None else names
    return {n: _value(n, senses, signal_set, now, visits, dictionary) for n in wanted}


def _value(
    name: str,
    senses: Senses,
    signal_set: SignalSet,
    now: int,
    visits: Visits,
    dictionary: FeatureDictionary | None,
) -> Value:
    signal = signal_set.signals.get(name)
    if signal is None:
        return _automatic(name, senses, signal_set, now, visits, dictionary)
    definition = signal.definition
    value: Value
    if signal.rule is None:
        of = _value(str(definition.of), senses, signal_set, now, visits, dictionary)
        to = _value(str(definition.to), senses, signal_set, now, visits, dictionary)
        value = _ratio(of, to)
    elif signal.key in senses.warming:
        return UNKNOWN
    elif signal.view is not None and isinstance(signal.rule, IntentRule):
        moment = signal.rule.moment(senses.declared.get(signal.key), now)
        value = signal.view.read(moment, visits, now)
    else:
        value = signal.rule.value(senses.declared.get(signal.key), now, visits)
    return definition.default if value is None else value


def _ratio(of: Value, to: Value) -> Value:
    if of is UNKNOWN or to is UNKNOWN:
        return UNKNOWN
    if _is_number(of) and _is_number(to) and to != 0:
        return float(of) / float(to)  # type: ignore[arg-type]
    return None


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def reason(
    senses: Senses,
    signal_set: SignalSet,
    name: str,
    dictionary: FeatureDictionary | None = None,
) -> str | None:
    """Say why a signal is unknown, as a code; None when it is known."""
    signal = signal_set.signals.get(name)
    if signal is None and name in signal_set.foreseen:
        read = signal_set.foreseen[name].signals
        why = (reason(senses, signal_set, part, dictionary) for part in read)
        return next(filter(None, why), MODEL_UNTRAINED)
    if signal is None:
        key, _ = parse_automatic(name, signal_set)
        if signal_set.automatic_key in senses.warming:
            return SIGNAL_WARMING
        return FEATURE_OVERFLOWED if _overflowed(key, dictionary) else None
    if signal.rule is None:
        parts = (str(signal.definition.of), str(signal.definition.to))
        return next(filter(None, (reason(senses, signal_set, p, dictionary) for p in parts)), None)
    return SIGNAL_WARMING if signal.key in senses.warming else None


def next_due(
    senses: Senses, signal_set: SignalSet, now: int, watched: Sequence[tuple[str, Rule]] = ()
) -> int | None:
    """Name the next instant at which a declared signal changes without an event.

    Parameters
    ----------
    watched
        Keys and rules of signals that change all the time and are looked at now and then.

    Notes
    -----
    Absences that come true and what stops to hold; a window that empties needs no timer. The
    timer asks for an evaluation, it is no evidence.
    """
    found = [
        due
        for key, rule in (*signal_set.timed, *watched)
        if (body := senses.declared.get(key)) is not None
        and (due := rule.due(body, now)) is not None
    ]
    return min(found, default=None)


def automatic_fields(signal_set: SignalSet, kind: str) -> list[str]:
    """List what can be read of an automatic feature of a kind (`event` or `prop`)."""
    fields = list(signal_set.automatic.values([], 0))
    return [*fields, _DWELL] if kind == EVENT else fields


def automatic_names(dictionary: FeatureDictionary, signal_set: SignalSet) -> list[str]:
    """List the automatic signals that are live in a workspace."""
    names = []
    for key in sorted(dictionary.keys.values()):
        stem = f"auto.event.{key.value}"
        if key.kind == PROPERTY:
            stem = f"auto.prop.{key.path}.{key.value}"
        names += [f"{stem}.{field}" for field in automatic_fields(signal_set, key.kind)]
    return names


def parse_automatic(name: str, signal_set: SignalSet) -> tuple[FeatureKey, str]:
    """Read the name of an automatic signal as its feature and field.

    Raises
    ------
    InputError
        `unknown_signal` when it is none.
    """
    head, _, field = name.rpartition(".")
    for kind in (EVENT, PROPERTY):
        prefix = f"{_AUTOMATIC}{kind}."
        if not head.startswith(prefix):
            continue
        rest = head[len(prefix) :]
        if field not in automatic_fields(signal_set, kind):
            break
        if kind == EVENT and rest:
            return feature_key(EVENT, "", rest), field
        for prop in sorted(signal_set.automatic.properties, key=len, reverse=True):
            if rest.startswith(f"{prop}.") and len(rest) > len(prop) + 1:
                return feature_key(PROPERTY, prop, rest[len(prop) + 1 :]), field
    remedy = did_you_mean(name, signal_set.signals)
    raise InputError(
        "unknown_signal", expected("the name of a signal", repr(name), "$.names", remedy)
    )


def _overflowed(key: FeatureKey, dictionary: FeatureDictionary | None) -> bool:
    if dictionary is None or dictionary.slot(key) >= OVERFLOW_SLOTS:
        return False
    # While there is room, a key that is not in the dictionary has simply never been seen.
    return len(dictionary.keys) >= dictionary.limit or key.id in dictionary.keys


def _automatic(
    name: str,
    senses: Senses,
    signal_set: SignalSet,
    now: int,
    visits: Visits,
    dictionary: FeatureDictionary | None,
) -> Value:
    key, field = parse_automatic(name, signal_set)
    if field == _DWELL:
        return _mean_dwell(tail_id(key.id), now, visits)
    if signal_set.automatic_key in senses.warming or _overflowed(key, dictionary):
        return UNKNOWN
    place = bisect_left(senses.features, key.id)
    counter: list[int] = []
    if place < len(senses.features) and senses.features[place] == key.id:
        counter = _COUNTERS.decode(counter_at(senses, place))
    return signal_set.automatic.values(counter, now)[field]


def _mean_dwell(name_id: int, now: int, visits: Visits) -> float | None:
    lengths = [
        length
        for at, id_ in visits.entries()
        if id_ == name_id and (length := visits.dwell_ms(at, now, DWELL_CAP_MS)) is not None
    ]
    return sum(lengths) / len(lengths) / SECOND_MS if lengths else None


def features(senses: Senses, signal_set: SignalSet, now: int) -> dict[int, dict[str, Any]]:
    """Read every automatic feature of a customer by its id, overflow slots included: for models."""
    return {
        id_: signal_set.automatic.values(_COUNTERS.decode(body), now)
        for id_, body in counters_of(senses).items()
    }
