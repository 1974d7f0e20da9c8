"""An engine whose every part is moved by hand: no thread but the writer's, and no waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from heedful.connectors import Connectors
from heedful.connectors.lanes import Lanes
from heedful.decide import Case, Decision, decode_case, new_case
from heedful.effects import OutboundEffect
from heedful.engine.decisions import Asked
from heedful.engine.guarding import Guard
from heedful.engine.learning import Learner
from heedful.engine.outbox import Outbox
from heedful.engine.refold import Caretaker
from heedful.events import CONSENT_CHANGED, Event
from heedful.learn import LearningRow
from heedful.ports import Delivery, EffectRow, LogRow, Store
from heedful.store.memory import MemoryStore
from tests.unit.engine.living import SECRET, Living, named

WAIT_S = 30.0  # never waited for when all is well
DELIVERED = Delivery("delivered", "done")
CARRIED = ("chat", "email", "inapp", "push", "sms")

Answer = Callable[[OutboundEffect], Delivery]


class Way:
    """A connector that keeps what it was given and answers as it is told."""

    timeout_s = 5.0

    def __init__(
        self,
        *,
        channels: tuple[str, ...] = CARRIED,
        destinations: tuple[str, ...] = ("service_desk",),
        answer: Answer = lambda effect: DELIVERED,
        is_once: bool = False,
    ) -> None:
        self.name = "way"
        self.channels = channels
        self.destinations = destinations
        self.answer = answer
        self.is_once = is_once
        self.calls: list[OutboundEffect] = []
        self._lock = threading.Lock()

    def is_at_most_once(self, effect: OutboundEffect) -> bool:
        return self.is_once

    def deliver(self, effect: OutboundEffect) -> Delivery:
        with self._lock:
            self.calls.append(effect)
        return self.answer(effect)

    def close(self) -> None:
        """Hold nothing."""


class Acting(Living):
    """An engine, its outbox, caretaker and learner, each moved by hand."""

    def __init__(self, store: Store, files: Mapping[str, str], way: Way | None) -> None:
        super().__init__(store, files)
        self.way = way or Way()
        self.writer = self.engine._writer
        self.caretaker = Caretaker(store, self.writer, lambda now, keys: None)
        self.learner = Learner(store, self.writer)
        self.guard = self.another_guard()
        self.outbox = self.dispatcher()

    def dispatcher(self) -> Outbox:
        """Make a dispatcher beside the others."""
        return Outbox(self.store, self.writer, SECRET, Connectors([self.way]))

    def another_guard(self) -> Guard:
        """Make what counts for guardrails, as after a restart."""
        return Guard(self.store, self.writer)

    # People

    def meet(self, user_id: str = "u1", **traits: Any) -> None:
        """Get to know somebody who can be reached everywhere and wants to hear from us."""
        phone = "+49170" + "".join(str(ord(letter)) for letter in user_id)
        known = {"email": f"{user_id}@example.org", "phone": phone, "firstName": "Ada"}
        push = (named("push", f"token-{user_id}"),)
        self.track("identify", user_id=user_id, identifiers=push, traits={**known, **traits})
        self.consent("marketing", "granted", user_id)

    def consent(self, purpose: str, status: str, user_id: str = "u1", channel: str = "*") -> None:
        """State a consent."""
        said = {"purpose": purpose, "channel": channel, "status": status}
        self.track(CONSENT_CHANGED, type="own", user_id=user_id, properties=said)

    def ask(self, user_id: str = "u1", **said: Any) -> Decision:
        """Ask what to do now."""
        return self.engine.decisions.ask(Asked(user_id=user_id, **said)).result()

    def fail_to_pay(self, user_id: str = "u1") -> None:
        """Fail to pay three times."""
        for _ in range(3):
            self.track("Payment Failed", user_id=user_id)

    # Time

    def later(self, ms: int) -> None:
        """Let time pass; what waits for an instant notices."""
        self.now += ms
        while self.caretaker.step():
            pass

    def dispatch(self, *dispatchers: Outbox) -> None:
        """Carry out everything that is due now."""
        for outbox in dispatchers or (self.outbox,):
            while outbox.step():
                idle(outbox._lanes)
        for outbox in dispatchers or (self.outbox,):
            idle(outbox._lanes)

    # What to look at

    def decided(self, user_id: str = "u1") -> list[Decision]:
        """List a person's decisions, the newest first."""
        fragments = self.engine.fragments(self.who("user_id", user_id))
        return self.engine.decisions.of(fragments, 500, None)

    def effects(self) -> list[EffectRow]:
        """List all effects of the outbox, by id."""
        found = []
        for status in ("waiting", "released", "delivered", "dead", "withdrawn"):
            found += self.store.read(lambda tx, s=status: tx.effects_in(s, "", 10_000))
        return sorted(found)

    def states(self) -> list[tuple[str, str, str]]:
        """List (destination, status, code) of all effects, sorted."""
        return sorted((row.destination, row.status, row.code) for row in self.effects())

    def lessons(self) -> list[LearningRow]:
        """List the learning rows."""
        rows = self.store.read(lambda tx: tx.lessons(0, 1_000_000))
        return [msgspec.msgpack.decode(body, type=LearningRow) for _, body in rows]

    def case(self, namespace: str = "user_id", value: str = "u1") -> Case:
        """Read what is under way for a person."""
        key = self.engine.key(self.who(namespace, value))
        held = self.store.read(lambda tx: tx.customers([key]))[key].process
        return decode_case(held) if held else new_case()

    def log(self) -> list[LogRow]:
        """Read the whole log."""
        return self.store.read(lambda tx: tx.log(0, 1_000_000))

    def said(self, name: str) -> list[Event]:
        """List the events of a name, in the order of the log."""
        return [event for _, event in self.engine.events_after(0, 1_000_000) if event.name == name]

    def messages(self) -> list[tuple[str, str]]:
        """List (action, channel) of the messages that went out, in their order."""
        sent = self.said("Message Released")
        return [(one.properties["action"], one.properties["channel"]) for one in sent]


def idle(lanes: Lanes) -> None:
    """Wait until every call is over and its end is in the log."""
    with lanes._lock:
        assert lanes._is_idle.wait_for(lambda: not lanes._lanes, WAIT_S)


@contextmanager
def acting(
    files: Mapping[str, str], *, store: Store | None = None, way: Way | None = None
) -> Iterator[Acting]:
    """Run an engine by hand until the block ends."""
    alive = Acting(store or MemoryStore(), files, way)
    alive.writer.start()
    alive.engine._remember_signals(alive.world.signals)
    try:
        yield alive
    finally:
        alive.writer.close()
