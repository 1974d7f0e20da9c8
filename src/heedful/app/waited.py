"""Events that the strategy in force waits for and that never came: a slip in a name is silent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from heedful.events import decode_event
from heedful.kernel import DAY_MS
from heedful.kernel.names import nearest, slip_of
from heedful.ports import Store, Transaction
from heedful.sense.definitions import ANY_NAME, On, read_patterns
from heedful.sense.features import EVENT, FeatureDictionary, event_key
from heedful.strategy import Strategy

WAITED_EVENTS_MIN: Final = 1_000
"""Events below which it says nothing that one of a name is not among them."""
WAITED_SPAN_MIN_MS: Final = DAY_MS
"""Time since the oldest event before which that says nothing, either."""


def never_seen(
    store: Store, strategy: Strategy, dictionary: FeatureDictionary, events: int, now: int
) -> list[dict[str, Any]]:
    """List the events that goals, signals and rules wait for and that never came, by name.

    Returns
    -------
    list of dict
        `event`, `waits` (what waits for it), `meant`: an event that came, that nothing waits for
        and of whose name this is one slip, or null; `nearest`: one that came and is called alike,
        or null. Empty while the log is short, and where the workspace knows as many features as it
        may, so that an event may have come unnoticed.

    Notes
    -----
    Of alternatives one that came is enough. What happens rarely is listed, too: that an event never
    came is a fact, and that it is a fault a guess.
    """
    if events < WAITED_EVENTS_MIN or len(dictionary.keys) >= dictionary.limit:
        return []
    if now - store.read(_first_at) < WAITED_SPAN_MIN_MS:
        return []
    seen = {key.value for key in dictionary.keys.values() if key.kind == EVENT}
    waiting = {name for _, on in _patterns(strategy) for name in _names(on)}
    missing: dict[str, list[str]] = {}
    for who, on in _patterns(strategy):
        names = _names(on)
        if not any(event_key(name).value in seen for name in names):
            for name in names:
                missing.setdefault(name, []).append(who)
    return [
        {
            "event": name,
            "waits": sorted(set(missing[name])),
            "meant": slip_of(name, seen - waiting),
            "nearest": nearest(name, seen),
        }
        for name in sorted(missing)
    ]


def _first_at(tx: Transaction) -> int:
    return min(decode_event(row.body).at for row in tx.log(0, 1))


def _patterns(strategy: Strategy) -> Iterator[tuple[str, On]]:
    """List what waits, and for which event; a list of events is one that has alternatives."""
    said = strategy.definitions
    for name, goal in said.goals.items():
        yield f"goal {name}", goal.on
    for signal in strategy.signals:
        ons = (signal.on, signal.after, signal.not_, signal.reset_on, *(signal.steps or ()))
        yield from ((f"signal {signal.name}", on) for on in ons if on is not None)
    for rule in said.rules:
        if rule.on is not None:
            yield f"rule {rule.name}", rule.on


def _names(on: On) -> list[str]:
    """List the names of events that customers send; none where any event will do."""
    patterns = read_patterns(on, "$")
    names = list(dict.fromkeys(one.name for one in patterns if one.type != "own"))
    return [] if ANY_NAME in names else names
