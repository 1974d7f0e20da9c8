"""What one compiled definition can do with its slot."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from heedful.events import Event
from heedful.sense.tail import Visits
from heedful.sense.types import Scope, Value

ON = 1
"""Bit of an event that a rule counts; each kind says what its further bits mean."""


class Rule(ABC):
    """A definition without its name: all that decides what its slot holds.

    Notes
    -----
    Obligations of an implementation: `fold` and `merge` commute and associate, and give the same
    bytes for the same set of events; `value` reads only the slot, `now` and the visits. `now` is
    never before the newest event (an event's `at` is cut to its receipt); for an earlier `now` a
    window may lack events that were already pruned.
    """

    @abstractmethod
    def fold(self, body: bytes | None, event: Event, mask: int, scope: Scope) -> bytes | None:
        """Add one event in the roles of `mask`; the old body when it adds nothing."""

    @abstractmethod
    def merge(self, a: bytes, b: bytes) -> bytes:
        """Join the slots of two disjoint sets."""

    @abstractmethod
    def value(self, body: bytes | None, now: int, visits: Visits) -> Value:
        """Read the value at `now`; None where nothing happened and the kind has no zero."""

    def live(self, slots: Mapping[str, bytes], now: int) -> Iterable[tuple[str, bytes]]:
        """List the slots that may hold a value other than zero or none at `now`."""
        return slots.items()

    def due(self, body: bytes, now: int) -> int | None:
        """Name the next instant at which the value changes without an event."""
        return None

    @abstractmethod
    def contributes(
        self, body: bytes | None, event: Event, mask: int, scope: Scope, now: int, visits: Visits
    ) -> Any:
        """Say what one event contributes to the value at `now`, or None when nothing."""

    def is_exact(self, body: bytes | None) -> bool:
        """Say whether every event that matters is still kept one by one."""
        return True
