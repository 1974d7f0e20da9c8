"""What conditions about a person may read, and of what type each name is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from heedful.customer import TraitRule
from heedful.expr import Names, Open, Record, Shape, Type
from heedful.sense import EVENT_NAMES, SignalSet

AUTOMATIC: Final = Record(fields={"event": Open(), "prop": Open()})
"""`signals.auto.event['Order Completed'].count`: the automatic features by their readable name."""

_TRAIT_TYPES: Final = {
    "text": Type.TEXT,
    "number": Type.NUMBER,
    "bool": Type.BOOL,
    "time": Type.TEXT,
    "any": Type.ANY,
}


def condition_names(
    signals: SignalSet, traits: Mapping[str, TraitRule], purposes: Iterable[str] = ()
) -> Names:
    """List the names of conditions: of needs, rules and the gates of actions.

    Notes
    -----
    `traits.NAME`; `signals.NAME` and `signals.auto...`; `consents.PURPOSE` is the status on every
    channel (`granted`, `denied`, `withdrawn`, `objected`); `accounts` the ids of the person's
    accounts; `event` what has just happened; `context` what a request brought; `now` the instant
    in milliseconds. Without a declared trait any may be read; with one, a name that is not
    declared is a mistake that can be told.

    Examples
    --------
    >>> from heedful.sense import compile_signals
    >>> sorted(condition_names(compile_signals([]), {}).roots)
    ['accounts', 'consents', 'context', 'event', 'now', 'signals', 'traits']
    """
    declared: dict[str, Shape] = {name: _type_of(rule) for name, rule in sorted(traits.items())}
    sensed: dict[str, Shape] = {n: s.type for n, s in sorted(signals.signals.items())}
    agreed: dict[str, Shape] = dict.fromkeys(purposes, Type.TEXT)
    return Names(
        roots={
            "traits": Record(fields=declared) if declared else Open(),
            "signals": Record(fields={**sensed, "auto": AUTOMATIC}),
            "consents": Record(fields=agreed) if agreed else Open(),
            "accounts": Type.LIST,
            "event": EVENT_NAMES.roots["event"],
            "context": Open(),
            "now": Type.NUMBER,
        }
    )


def _type_of(rule: TraitRule) -> Type:
    return Type.LIST if rule.keep == "union" else _TRAIT_TYPES[rule.type]
