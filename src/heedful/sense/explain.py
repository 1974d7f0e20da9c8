"""The events behind a value, read from the customer's log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from heedful.events import Event
from heedful.kernel import InputError, expected
from heedful.sense.compile import Signal, SignalSet
from heedful.sense.definitions import did_you_mean
from heedful.sense.evaluate import evaluate
from heedful.sense.fold import refold
from heedful.sense.tail import Visits
from heedful.sense.types import Scope, Value


class Contribution(msgspec.Struct, frozen=True):
    """One event and what it adds: a number, a value, a role such as `step 1`, or one of those by
    category."""

    at: int
    message_id: str
    name: str
    contribution: Any


class SignalExplanation(msgspec.Struct, frozen=True):
    """A signal's value at an instant and the events behind it, oldest first."""

    name: str
    kind: str
    at: int
    value: Value
    contributions: tuple[Contribution, ...]
    is_exact: bool
    """False where so much happened that older events are known to one bin only, or no more."""
    parts: tuple[SignalExplanation, ...] = ()
    """Of a ratio: the two signals that it is made of."""


def explain(
    name: str, signal_set: SignalSet, events: Sequence[Event], now: int
) -> SignalExplanation:
    """Compute a declared signal from the customer's log and list the events behind it.

    Notes
    -----
    The value is the fold's own, so it equals `evaluate` on a state of the same events.

    Raises
    ------
    InputError
        `unknown_signal`, with the nearest known name.
    """
    signal = signal_set.signals.get(name)
    if signal is None:
        remedy = did_you_mean(name, signal_set.signals)
        raise InputError(
            "unknown_signal", expected("the name of a signal", repr(name), "$.name", remedy)
        )
    if signal.rule is None:
        return _ratio(name, signal, signal_set, events, now)
    senses = refold(events, signal_set, [signal.key])
    value = evaluate(senses, signal_set, now, [name])[name]
    body, visits = senses.declared.get(signal.key), Visits(senses.tail)
    contributions = []
    for event in sorted(events, key=lambda e: (e.at, e.key)):
        scope = Scope(event)
        for touch in signal_set.touches(event.type, event.name):
            if touch.key != signal.key or not (mask := touch.mask(scope)):
                continue
            part = signal.rule.contributes(body, event, mask, scope, now, visits)
            if part is not None:
                contributions.append(Contribution(event.at, event.message_id, event.name, part))
    return SignalExplanation(
        name,
        signal.definition.kind,
        now,
        value,
        tuple(contributions),
        signal.rule.is_exact(body),
    )


def _ratio(
    name: str, signal: Signal, signal_set: SignalSet, events: Sequence[Event], now: int
) -> SignalExplanation:
    of, to = str(signal.definition.of), str(signal.definition.to)
    parts = (explain(of, signal_set, events, now), explain(to, signal_set, events, now))
    keys = [s.key for s in (signal_set.signals[of], signal_set.signals[to])]
    value = evaluate(refold(events, signal_set, keys), signal_set, now, [name])[name]
    exact = all(part.is_exact for part in parts)
    return SignalExplanation(name, "ratio", now, value, (), exact, parts)
