"""Carrying effects out: due, looked at again, released, called, settled.

Law: a call goes out only after `Message Released` is committed, and every answer comes back as an
event. What is in doubt after a crash is sent again under the same id, unless it goes out at most
once; then a person is told.

A lane waits for no commit: what was answered meanwhile is settled in one commit, together with the
next releases.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from itertools import count
from typing import Any, Final, NamedTuple

import msgspec

from heedful.connectors import Breaker, Connectors, Lanes, next_attempt_at
from heedful.connectors.breaker import admit, is_failure, opens_at, record
from heedful.decide import EFFECT_DUE, EFFECT_SETTLED, forgotten
from heedful.effects import OutboundEffect
from heedful.engine.background import Background
from heedful.engine.batch import Inner
from heedful.engine.deciding import read_decision, read_effect, subject_of
from heedful.engine.writer import Writer
from heedful.events import own_event
from heedful.kernel import PeerError, parse_public_id
from heedful.ports import Connector, Delivery, EffectRow, Store

LOOK_WAIT_S: Final = 0.25
"""How often the outbox is looked through when nothing wakes it."""

ROWS: Final = 32
"""Effects that are looked at in one transaction; a decision that somebody waits for comes after."""

CLOSE_WAIT_S: Final = 10.0
"""How long calls that are under way may take at the end."""


STOPPED: Final = "stopped"
"""Why a call was not made that waited for its turn: its gates are looked at again, and close."""


class HeldBack:
    """A way to nowhere, for what was stopped between its release and its call."""

    name = STOPPED
    channels = ()
    destinations = ()
    timeout_s = 1.0

    def is_at_most_once(self, effect: OutboundEffect) -> bool:
        """Say no: nothing was called."""
        return False

    def deliver(self, effect: OutboundEffect) -> Delivery:
        """Call nobody."""
        return Delivery("retry", STOPPED)

    def close(self) -> None:
        """Hold nothing."""


_HELD_BACK: Final = HeldBack()


class Verdict(NamedTuple):
    """What an answer means for the effect."""

    status: str
    code: str
    due: int


class Outbox:
    """A thread that finds effects whose time has come, and lanes that carry them out."""

    def __init__(self, store: Store, writer: Writer, secret: bytes, connectors: Connectors) -> None:
        self._store = store
        self._writer = writer
        self._secret = secret
        # Each question is one of its own, also of two dispatchers at one instant.
        self._name, self._asked_so_far = secrets.token_hex(6), count(1)
        self._connectors = connectors
        self._lanes = Lanes(self._find, self._done, clock=writer.now)
        self._breakers: dict[str, Breaker] = {}
        self._settled: list[Inner] = []
        self._called: dict[str, EffectRow] = {}
        """Rows of the effects that the lanes have, as they were released."""
        self._guard = threading.Lock()
        self._background = Background("heedful-outbox", self.step, LOOK_WAIT_S)

    def start(self) -> None:
        """Start the thread."""
        self._background.start()

    def wake(self) -> None:
        """Look through the outbox now: something was decided."""
        self._background.wake()

    def close(self) -> None:
        """Begin nothing more and wait for calls under way; what never began waits in the store."""
        self._background.close()
        now = self._writer.now()
        for effect in self._lanes.close(CLOSE_WAIT_S):
            self._give_back(effect, now)
        with contextlib.suppress(PeerError):  # then their leases run out, as after a crash
            self._commit([])
        self._connectors.close()

    def step(self) -> bool:
        """Settle what was answered, and bring due effects one stage further; False if none."""
        now = self._writer.now()
        events = [self._asked(row, now) for row in self._due(now)]
        if not events and not self._settled:
            return False
        for row in self._commit(events):
            effect = read_effect(row)
            with self._guard:
                self._called[row.id] = row
            if not self._lanes.submit(effect):
                self._give_back(effect, now)
        return True

    def _give_back(self, effect: OutboundEffect, now: int) -> None:
        """Let an effect wait on that was released and not called: the lanes have closed."""
        with self._guard:
            row = self._called.pop(effect.id)
        self._note(self._settlement(row, Verdict("waiting", "not_called", now), "", now))

    def _due(self, now: int) -> list[EffectRow]:
        """Find the effects whose time has come and that their lanes have places for."""
        without = sorted({*self._closed(now), *self._lanes.full()})
        rows = self._store.read(lambda tx: tx.due_effects(now, ROWS, without))
        places: dict[str, int] = {}
        found = []
        for row in rows:
            if row.status != "released":  # else nothing is called: its lost call is only settled
                room = places.setdefault(row.destination, self._lanes.capacity(row.destination))
                if room <= 0 or not self._is_admitted(row.destination, now):
                    continue
                places[row.destination] -= 1
            found.append(row)
        return found

    def _commit(self, events: list[Inner]) -> list[EffectRow]:
        """Commit what was answered and what is asked; gives what may now be called."""
        with self._guard:
            settled, self._settled = self._settled, []
        if not settled and not events:
            return []
        try:
            result = self._writer.submit([*settled, *events], is_urgent=True).result()
        except PeerError:
            with self._guard:
                self._settled = settled + self._settled
            raise
        if result is None:
            return []
        # The batch may hold what another dispatcher asked for: that is its own to carry out.
        asked = (result.released.get(inner.event.key) for inner in events)
        return [row for row in asked if row is not None]

    def _note(self, settlement: Inner) -> None:
        """Keep an answer for the next commit, which comes at once."""
        with self._guard:
            self._settled.append(settlement)
        self.wake()

    def _find(self, effect: OutboundEffect) -> Connector | None:
        """Find the way out of an effect whose call begins now; nowhere what was stopped since."""
        world = self._writer.world
        if world.governance.switches.states:
            key = parse_public_id("d", effect.decision_id) or 0
            row = self._store.read(lambda tx: tx.decisions([key])).get(key)
            if row is not None:
                subject = subject_of(world, read_decision(row.body))
                if world.governance.stopped(subject, self._writer.now()) is not None:
                    return _HELD_BACK
        return self._connectors.find(effect)

    def _closed(self, now: int) -> list[str]:
        with self._guard:
            return [name for name, b in sorted(self._breakers.items()) if (opens_at(b) or 0) > now]

    def _is_admitted(self, destination: str, now: int) -> bool:
        with self._guard:
            breaker = self._breakers.get(destination)
            if breaker is None:
                return True
            self._breakers[destination], is_admitted = admit(breaker, now)
            return is_admitted

    def _asked(self, row: EffectRow, now: int) -> Inner:
        if row.status == "released":
            # Its lease ran out: the process that called died, or never heard the answer.
            verdict = self._verdict(read_effect(row), Delivery("unknown", "lease_ended"), row, now)
            return self._settlement(row, verdict, "", now)
        said: dict[str, Any] = {
            "effect_id": row.id,
            "decision_id": row.decision,
            "attempt": row.attempts,
            "expires_at": row.expires_at,
        }
        if row.attempts and (effect := read_effect(row)).redriven_at:
            # Days later its person's case may have forgotten what it was about.
            known = self._store.read(lambda tx: tx.decisions([row.decision])).get(row.decision)
            if known is not None:
                again = forgotten(self._secret, read_decision(known.body), effect)
                said["again"] = msgspec.to_builtins(again)
        return self._inner(EFFECT_DUE, said, row, now)

    def _done(self, effect: OutboundEffect, delivery: Delivery) -> None:
        now = self._writer.now()
        with self._guard:
            row = self._called.pop(effect.id)
        if delivery.code != STOPPED:
            with self._guard:
                breaker = self._breakers.get(row.destination, Breaker())
                self._breakers[row.destination] = record(breaker, not is_failure(delivery), now)
        verdict = self._verdict(effect, delivery, row, now)
        self._note(self._settlement(row, verdict, delivery.reference, now))

    def _verdict(
        self, effect: OutboundEffect, delivery: Delivery, row: EffectRow, now: int
    ) -> Verdict:
        if delivery.status == "delivered":
            return Verdict("delivered", delivery.code, now)
        if delivery.status == "failed":
            return Verdict("dead", delivery.code, now)
        connector = self._connectors.find(effect)
        is_once = connector is not None and connector.is_at_most_once(effect)
        if delivery.status == "unknown" and is_once:
            return Verdict("dead", f"unknown_{delivery.code}", now)
        return self._retried(effect, delivery, row, now)

    def _retried(
        self, effect: OutboundEffect, delivery: Delivery, row: EffectRow, now: int
    ) -> Verdict:
        due = next_attempt_at(
            self._secret,
            effect.id,
            max(row.attempts, 1),
            effect.due,
            now,
            retry_after_s=delivery.retry_after_s,
            expires_at=row.expires_at,
        )
        if due is None:
            return Verdict("dead", delivery.code, now)
        return Verdict("waiting", delivery.code, due)

    def _settlement(self, row: EffectRow, verdict: Verdict, reference: str, now: int) -> Inner:
        said = {
            "effect_id": row.id,
            "decision_id": row.decision,
            "destination": row.destination,
            "attempt": row.attempts,
            "status": verdict.status,
            "code": verdict.code,
            "due": verdict.due,
            "reference": reference,
        }
        return self._inner(EFFECT_SETTLED, said, row, now)

    def _inner(self, name: str, said: dict[str, Any], row: EffectRow, now: int) -> Inner:
        message_id = f"{name}:{row.id}:{self._name}:{next(self._asked_so_far)}"
        return Inner(own_event(self._secret, name, message_id, now, said), row.fragment)
