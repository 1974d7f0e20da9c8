"""Order in time: sequence, absence and dwell. Slots are mutable.

Law: a slot holds the N greatest of the set of relevant events by (instant, roles), and none that
is too old to matter at the newest of them or later. Roles are bits; at one instant the steps stand
in their own order and `not` after them.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import Any, Final

import msgspec

from heedful.events import Event
from heedful.kernel import SECOND_MS, canonical
from heedful.sense import ring
from heedful.sense.limits import RING_ENTRIES_MAX
from heedful.sense.rule import ON, Rule
from heedful.sense.tail import Visits
from heedful.sense.types import Scope, Value

AFTER: Final = 1
NOT_AFTER: Final = 2

_REMEMBERED_MAX: Final = 4_096


class _Roles(msgspec.Struct, array_like=True):
    ats: list[int]
    masks: list[int]


_ROLES: Final = msgspec.msgpack.Decoder(_Roles)
_INSTANTS: Final = msgspec.msgpack.Decoder(list[int])


class _TimelineRule(Rule):
    """What sequence and absence share: a ring of (instant, roles) of a bounded age."""

    def __init__(self, within: int, holds: int) -> None:
        self._within = within
        self._holds = holds

    def fold(self, body: bytes | None, event: Event, mask: int, scope: Scope) -> bytes | None:
        slot = _Roles([], []) if body is None else _ROLES.decode(body)
        ring.push_item(slot.ats, slot.masks, event.at, mask)
        return self._settled(slot)

    def merge(self, a: bytes, b: bytes) -> bytes:
        one, other = _ROLES.decode(a), _ROLES.decode(b)
        entries = ring.unite_items(one.ats, one.masks, other.ats, other.masks)
        return self._settled(
            _Roles(ring.deltas_of([at for at, _ in entries]), [mask for _, mask in entries])
        )

    def _settled(self, slot: _Roles) -> bytes:
        ring.cut_before(slot.ats, slot.masks, slot.ats[0] - self._within - self._holds + 1)
        del slot.ats[RING_ENTRIES_MAX:]
        del slot.masks[RING_ENTRIES_MAX:]
        return canonical.encode(slot)

    def _entries(self, slot: _Roles) -> list[tuple[int, int]]:
        """Oldest first."""
        return list(zip(ring.instants(slot.ats), slot.masks, strict=True))[::-1]

    def is_exact(self, body: bytes | None) -> bool:
        return body is None or len(_ROLES.decode(body).ats) < RING_ENTRIES_MAX

    def _is_recent(self, event: Event, now: int) -> bool:
        return now - self._within - self._holds < event.at <= now


class SequenceRule(_TimelineRule):
    """True for a while once the steps happened in order, in time, with no `not` since the first."""

    def __init__(self, steps: int, within: int, holds: int) -> None:
        super().__init__(within, holds)
        self._steps = steps
        self._stop = 1 << steps

    def _completed_at(self, body: bytes | None, now: int) -> int | None:
        """When it was completed last; None where that holds no more."""
        if body is None or (slot := _ROLES.decode(body)).ats[0] + self._holds <= now:
            return None
        # starts[j]: the latest start of a chain of the first j + 1 steps; later is always better.
        starts: list[int | None] = [None] * self._steps
        done: int | None = None
        for at, mask in self._entries(slot):
            if at > now:
                break
            if mask & self._stop:
                starts, done = [None] * self._steps, None
            for step in range(self._steps - 1, -1, -1):
                if not mask >> step & 1:
                    continue
                start = at if step == 0 else starts[step - 1]
                if start is None:
                    continue
                held = starts[step]
                starts[step] = start if held is None else max(start, held)
                if step == self._steps - 1 and at - start <= self._within:
                    done = at
        return done

    def value(self, body: bytes | None, now: int, visits: Visits) -> Value:
        done = self._completed_at(body, now)
        return done is not None and now < done + self._holds

    def due(self, body: bytes, now: int) -> int | None:
        done = self._completed_at(body, now)
        return done + self._holds if done is not None and now < done + self._holds else None

    def contributes(
        self, body: bytes | None, event: Event, mask: int, scope: Scope, now: int, visits: Visits
    ) -> Any:
        if not self._is_recent(event, now):
            return None
        if mask & self._stop:
            return "not"
        return f"step {(mask & -mask).bit_length()}"


class AbsenceRule(_TimelineRule):
    """True for a while when something happened and something else did not follow in time.

    Notes
    -----
    Holds at `now` when an `after` event at t has t + within <= now < t + within + holds and no
    `not` event in (t, t + within]. The timer at t + within only asks for an evaluation.
    """

    def __init__(self, within: int, holds: int) -> None:
        super().__init__(within, holds)
        # Asked when an event is decided about and again when the customer is written.
        self._spans = lru_cache(maxsize=_REMEMBERED_MAX)(self._spans_of)

    def _spans_of(self, body: bytes) -> list[tuple[int, int]]:
        """The half-open times in which it holds if nothing else happens, by their starts."""
        entries = self._entries(_ROLES.decode(body))
        nots = [at for at, mask in entries if mask & NOT_AFTER]
        spans = []
        for at, mask in entries:
            if not mask & AFTER:
                continue
            following = bisect_right(nots, at)
            if following == len(nots) or nots[following] > at + self._within:
                spans.append((at + self._within, at + self._within + self._holds))
        return spans

    def value(self, body: bytes | None, now: int, visits: Visits) -> Value:
        if body is None:
            return False
        return any(start <= now < end for start, end in self._spans(body))

    def due(self, body: bytes, now: int) -> int | None:
        until: int | None = None
        for start, end in self._spans(body):
            if end <= now:
                continue
            if start > now and until is None:
                return start
            if until is not None and start > until:
                break
            until = end
        return until

    def contributes(
        self, body: bytes | None, event: Event, mask: int, scope: Scope, now: int, visits: Visits
    ) -> Any:
        if not self._is_recent(event, now):
            return None
        return "after" if mask & AFTER else "not"


class DwellRule(Rule):
    """Seconds spent: from each visit to the person's next event of any name, each visit capped."""

    def __init__(self, window: int | None, cap: int) -> None:
        self._window = window
        self._cap = cap

    def fold(self, body: bytes | None, event: Event, mask: int, scope: Scope) -> bytes | None:
        ats = [] if body is None else _INSTANTS.decode(body)
        ring.push(ats, event.at)
        return self._settled(ats)

    def merge(self, a: bytes, b: bytes) -> bytes:
        return self._settled(ring.deltas_of(ring.unite(_INSTANTS.decode(a), _INSTANTS.decode(b))))

    def _settled(self, ats: list[int]) -> bytes:
        if self._window is not None:
            ring.cut_before(ats, None, ats[0] - self._window + 1)
        del ats[RING_ENTRIES_MAX:]
        return canonical.encode(ats)

    def _dwell_ms(self, at: int, now: int, visits: Visits) -> int | None:
        if at > now or (self._window is not None and at <= now - self._window):
            return None
        return visits.dwell_ms(at, now, self._cap)

    def value(self, body: bytes | None, now: int, visits: Visits) -> Value:
        if body is None:
            return 0.0
        ats = ring.instants(_INSTANTS.decode(body))
        return sum(self._dwell_ms(at, now, visits) or 0 for at in ats) / SECOND_MS

    def contributes(
        self, body: bytes | None, event: Event, mask: int, scope: Scope, now: int, visits: Visits
    ) -> Any:
        dwell = self._dwell_ms(event.at, now, visits) if mask & ON else None
        return None if dwell is None else dwell / SECOND_MS

    def is_exact(self, body: bytes | None) -> bool:
        return body is None or len(_INSTANTS.decode(body)) < RING_ENTRIES_MAX
