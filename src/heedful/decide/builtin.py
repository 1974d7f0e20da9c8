"""Triggers that every workspace has: hesitation and a change of channel.

Each reads signals of its own, which are facts like any other (the same in any order, refolded,
explained) and which `builtin_signals` adds to the strategy's. Hesitation is one of

- dwell: no client event for a minute after a page, a screen or a product was looked at;
- back and forth: two places each looked at twice or more within ten minutes;
- idle cart: twenty minutes since the cart was touched, and no order;
- exit intent: the event `Exit Intent`, which a page sends when the pointer leaves for the tabs.

A change of channel is an event on a channel that was not used within half an hour, by somebody who
used another one within it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from heedful.decide.readings import Readings
from heedful.events import Event
from heedful.expr import Type, compile_expression
from heedful.sense import EVENT_NAMES, SignalDefinition, SignalSet
from heedful.sense.definitions import ANY_NAME

HESITATION: Final = "hesitation"
CHANNEL_CHANGE: Final = "channel_change"
BUILTIN: Final = (HESITATION, CHANNEL_CHANGE)

EXIT_INTENT: Final = "Exit Intent"
"""What a page tracks when the pointer leaves for the tabs or the address bar."""

_DWELL, _PLACES, _IDLE_CART = "hesitation_dwell", "hesitation_places", "hesitation_idle_cart"
_CHANNELS: Final = "channel_visits"

_LOOKS: Final[list[str | dict[str, str]]] = [
    {"page": ANY_NAME},
    {"screen": ANY_NAME},
    {"track": "Product Viewed"},
]
_CLIENT: Final[list[str | dict[str, str]]] = [
    {type_: ANY_NAME} for type_ in ("page", "screen", "track")
]
_CART: Final = ("Product Added", "Product Removed", "Cart Viewed", "Checkout Started")
_RETURNS_MIN: Final = 2

_PLACE: Final = "coalesce(event.properties.product_id, event.properties.path, event.name)"
CHANNEL_OF: Final = (
    "lower(event.properties.channel) if event.properties.channel is not none"
    " else 'web' if event.type == 'page'"
    " else 'app' if event.type == 'screen'"
    " else 'email' if starts_with(event.name, 'Email ')"
    " else 'chat' if starts_with(event.name, 'Conversation ')"
    " or starts_with(event.name, 'Live Chat ')"
    " else 'desk' if starts_with(event.name, 'Ticket ') or starts_with(event.name, 'Call ')"
    " else lower(event.context.channel)"
)
"""The channel that a client event came over; none where it does not show."""


_SIGNALS: Final[dict[str, tuple[SignalDefinition, ...]]] = {
    HESITATION: (
        SignalDefinition(
            name=_DWELL,
            kind="absence",
            after=_LOOKS,
            not_=_CLIENT,
            within="60s",
            holds="60s",
            description="Somebody looks at one thing for a minute and does nothing.",
        ),
        SignalDefinition(
            name=_PLACES,
            kind="count",
            on=_LOOKS,
            by=_PLACE,
            window="10m",
            description="How often each page or product was looked at within ten minutes.",
        ),
        SignalDefinition(
            name=_IDLE_CART,
            kind="absence",
            after=list(_CART),
            not_=[*_CART, "Order Completed", "Cart Cleared"],
            within="20m",
            holds="10m",
            description="The cart was touched and left for twenty minutes without an order.",
        ),
    ),
    CHANNEL_CHANGE: (
        SignalDefinition(
            name=_CHANNELS,
            kind="count",
            on=_CLIENT,
            by=CHANNEL_OF,
            window="30m",
            description="How often each channel was used within half an hour.",
        ),
    ),
}


def builtin_signals(builtin: tuple[str, ...]) -> tuple[SignalDefinition, ...]:
    """List the signals of built-in triggers, to be compiled with the strategy's own."""
    return tuple(signal for name in BUILTIN if name in builtin for signal in _SIGNALS[name])


class Noticed(NamedTuple):
    """A built-in trigger that may have fired."""

    name: str
    is_edge: bool
    """Whether it is a state that lasts, so that only its beginning counts."""
    holds: bool


class BuiltIn:
    """The built-in triggers of one strategy whose signals it has."""

    def __init__(self, builtin: tuple[str, ...], signals: SignalSet) -> None:
        self.names = tuple(
            name
            for name in BUILTIN
            if name in builtin and all(s.name in signals.signals for s in _SIGNALS[name])
        )
        self._channel = compile_expression(CHANNEL_OF, EVENT_NAMES, expects=Type.ANY)
        self.is_timed = HESITATION in self.names
        timed = (_DWELL, _IDLE_CART) if HESITATION in self.names else ()
        places = (_PLACES,) if HESITATION in self.names else ()
        channels = (_CHANNELS,) if CHANNEL_CHANGE in self.names else ()
        self._reads, self._reads_of_own = (*timed, *places, *channels), timed

    def events(self) -> list[tuple[str, str]]:
        """List the types and names of events that can fire one."""
        found: list[tuple[str, str]] = []
        if HESITATION in self.names:
            found += [("page", ANY_NAME), ("screen", ANY_NAME), ("track", "Product Viewed")]
            found += [("track", EXIT_INTENT), ("track", "Order Completed")]
            found += [("track", name) for name in (*_CART, "Cart Cleared")]
        if CHANNEL_CHANGE in self.names:
            found += [(type_, ANY_NAME) for type_ in ("page", "screen", "track")]
        return found

    def notice(self, event: Event, readings: Readings) -> list[Noticed]:
        """Say which triggers hold after an event, or after time has passed."""
        noticed: list[Noticed] = []
        is_client = event.type != "own"
        # Together: to ask for one alone costs as much again as to read it.
        readings.load(self._reads if is_client else self._reads_of_own)
        if HESITATION in self.names:
            for signal, name in ((_DWELL, "dwell"), (_IDLE_CART, "idle_cart")):
                noticed.append(Noticed(name, True, readings.signal(signal) is True))
            if is_client:
                noticed.append(Noticed("back_and_forth", True, _is_back(readings)))
                if event.type == "track" and event.name == EXIT_INTENT:
                    noticed.append(Noticed("exit_intent", False, True))
        if CHANNEL_CHANGE in self.names and is_client:
            noticed.append(Noticed(CHANNEL_CHANGE, False, self._is_changed(readings)))
        return noticed

    def _is_changed(self, readings: Readings) -> bool:
        channel = self._channel.evaluate({"event": readings.event})
        visits = readings.signal(_CHANNELS)
        if not isinstance(channel, str) or not isinstance(visits, dict):
            return False
        return visits.get(channel) == 1 and len(visits) > 1


def _is_back(readings: Readings) -> bool:
    visits = readings.signal(_PLACES)
    if not isinstance(visits, dict):
        return False
    returned = [place for place, count in visits.items() if count >= _RETURNS_MIN]
    return len(returned) >= _RETURNS_MIN
