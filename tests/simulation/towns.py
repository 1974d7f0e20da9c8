"""People who live with a real engine under a random strategy, and a watcher who reads its log.

The engine keeps its store in memory and is moved by hand; the clock is a number that chance moves
on. What the watcher knows it has from the log alone, through the ledger that shares no code with
the rooms that decide.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from heedful import core, decide
from heedful.connectors import Connectors
from heedful.core import World
from heedful.customer import ProfileRules
from heedful.decide import DO_NOTHING, Decision, compile_rules, period_of
from heedful.effects import OutboundEffect, SendMessage
from heedful.engine import Engine
from heedful.engine.deciding import read_decision
from heedful.engine.guarding import Guard
from heedful.engine.learning import Learner
from heedful.engine.ledger import WORKSPACE_FRAGMENTS
from heedful.engine.outbox import Outbox
from heedful.engine.refold import Caretaker
from heedful.events import CONSENT_CHANGED, MESSAGE_RELEASED, Event, decode_event
from heedful.govern import Governance, Guardrail, IncidentPlan, fold_governance
from heedful.kernel import HOUR_MS, MICRO, hash_key, parse_public_id
from heedful.ports import Delivery, LogRow
from heedful.sense import FeatureDictionary
from heedful.store.memory import MemoryStore
from heedful.strategy import load
from tests.simulation.ledger import FREE, Broken, Ledger
from tests.simulation.lives import MONDAY
from tests.simulation.records import SECRET, check_record
from tests.simulation.strategies import Written, signals_of
from tests.unit.engine.acting import Way, idle

_ANSWERS = ("delivered", "delivered", "delivered", "retry", "failed", "unknown")
_FIRST = (decide.NEED_OPENED, decide.NEED_CLOSED, CONSENT_CHANGED)
"""What a step says before it decides."""


def world_of(written: Written) -> World:
    """Compile what was drawn, with an incident and a guardrail that every town has."""
    definitions = written.definitions
    signals = signals_of(definitions)
    message = next((a.action for a in definitions.actions if a.only_in_incidents), None)
    guardrail = Guardrail(
        name="complaints", watches="complained", ratio_max=0.05, trials_min=10, factor=0.5
    )
    return World(
        identity=load({}).identity.compile(),
        profile=ProfileRules(),
        signals=signals,
        dictionary=FeatureDictionary({}, 1_000),
        rules=compile_rules(definitions, signals, version="v1"),
        budgets=definitions.contact.budgets,
        incidents=(IncidentPlan(name="outage", message=message, expires_after="5h"),),
        guardrails=(guardrail,),
    )


class Town:
    """An engine, its dispatchers, and the people that it decides for."""

    def __init__(self, written: Written, seed: int) -> None:
        self.written = written
        self.seed = seed
        self.now = MONDAY + 8 * HOUR_MS
        self.store = MemoryStore()
        self.engine = Engine(self.store, world_of(written), SECRET, lambda: self.now)
        self.writer = self.engine._writer
        self.caretaker = Caretaker(self.store, self.writer, lambda now, keys: None)
        self.learner = Learner(self.store, self.writer)
        self.guard = Guard(self.store, self.writer)
        self.way = Way(
            channels=("email", "inapp", "push", "sms"),
            destinations=("desk",),
            answer=self._answer,
            is_once=seed % 2 == 0,
        )
        self.outboxes = [
            Outbox(self.store, self.writer, SECRET, Connectors([self.way])) for _ in range(2)
        ]
        self.watcher = Watcher(self)
        self._number = 0
        self._calls: Counter[str] = Counter()
        self.writer.start()

    def close(self) -> None:
        """End the only thread."""
        self.writer.close()

    def event(self, type_: Any, name: str, *, age: int = 0, **said: Any) -> Event:
        """Make an event as ingest stamps it."""
        self._number += 1
        message_id = f"m{self._number}"
        return Event(
            type=type_,
            name=name,
            at=self.now - age,
            key=hash_key(SECRET, "event", "web", message_id),
            source="web",
            message_id=message_id,
            received_at=self.now,
            original_at=self.now - age,
            **said,
        )

    def land(self, *events: Event) -> None:
        """Land events in one batch."""
        self.engine.ingest(events, ()).result()

    def dispatch(self) -> None:
        """Let both dispatchers carry out what is due."""
        for outbox in self.outboxes:
            for _ in range(5):
                if not outbox.step():
                    break
                idle(outbox._lanes)

    def _answer(self, effect: OutboundEffect) -> Delivery:
        self._calls[effect.id] += 1
        drawn = hash_key(SECRET, str(self.seed), effect.id, str(self._calls[effect.id]))
        status: Any = _ANSWERS[drawn % len(_ANSWERS)]
        return Delivery(status, "drawn")


class Watcher:
    """Reads the log after every turn, and raises `Broken` for what no rule allows."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._written = town.written
        self.actions = {action.action: action for action in town.written.definitions.actions}
        self._ledgers: dict[int, Ledger] = {}
        self._owners: dict[int, int] = {}
        self._decisions: dict[int, Decision] = {}
        self._agreed: set[int] = set()
        self._governance = Governance()
        self._seq = 0
        self._calls = 0
        self.decided: list[Decision] = []
        self.released = 0
        self.codes: Counter[str] = Counter()

    def look(self) -> None:
        """Go through what has happened since the last look."""
        store = self._town.store
        rows = store.read(lambda tx: tx.log(self._seq, 1_000_000))
        made: dict[int, list[Decision]] = {}
        for row in store.read(lambda tx: tx.decisions_after(self._seq, 1_000_000)):
            decision = read_decision(row.body)
            made.setdefault(row.seq, []).append(decision)
            self._decisions[decision.id] = decision
        self._move(rows)
        place = 0
        while place < len(rows):
            row, following = rows[place], place + 1
            while following < len(rows) and _is_derived(rows[following]):
                following += 1
            said = [decode_event(one.body) for one in rows[place + 1 : following]]
            self._take(row, said, made.get(row.seq, []))
            place = following
        self._seq = rows[-1].seq if rows else self._seq
        self._check_calls()
        self._check_budgets()

    def _move(self, rows: list[LogRow]) -> None:
        """Find whose each fragment is now; people who turned out to be one are joined."""
        fragments = {row.fragment for row in rows} | set(self._owners)
        known = self._town.store.read(lambda tx: tx.fragments(sorted(fragments)))
        for key in sorted(known):
            owner, before = known[key].customer, self._owners.get(key)
            self._owners[key] = owner
            ledger = self._ledgers.setdefault(owner, Ledger(self._written, frozenset()))
            absorbed = None if before in (None, owner) else self._ledgers.pop(before or 0, None)
            if absorbed is not None:
                ledger.join(absorbed)
                ledger.is_held = ledger.is_held or absorbed.is_held
                ledger.held_alone |= absorbed.held_alone
                self._reread(owner, ledger)

    def _reread(self, customer: int, ledger: Ledger) -> None:
        row = self._town.store.read(lambda tx: tx.customers([customer]))[customer]
        profile = core.decode(row.body).profile
        ledger.traits = {name: entries[0].value for name, entries in profile.traits.items()}
        case = decide.decode_case(row.process) if row.process else decide.new_case()
        ledger.hold(case.holdouts)

    def _take(self, row: LogRow, said: list[Event], made: list[Decision]) -> None:
        event = decode_event(row.body)
        if row.fragment in WORKSPACE_FRAGMENTS:
            self._governance = fold_governance(self._governance, event)
            return
        ledger = self._ledgers[self._owners[row.fragment]]
        ledger.observe(event)
        named = {one.namespace for one in event.identifiers}
        ledger.namespaces |= named | {"email", "phone"}.intersection(event.traits)
        if event.name == decide.DECISION_APPROVED:
            self._agreed.add(parse_public_id("d", event.properties["decision_id"]) or 0)
        later = []
        for one in said:
            reason = str(one.properties.get("reason"))
            if one.name in _FIRST or (
                one.name == decide.SILENCE_SET and reason.startswith("rule:")
            ):
                ledger.hear(decide.NewEvent(one.name, one.properties))
            else:
                later.append(decide.NewEvent(one.name, one.properties))
        for decision in made:
            self._check_decision(ledger, decision)
        for word in later:
            if word.name == MESSAGE_RELEASED:
                self._check_release(ledger, word.properties)
            ledger.hear(word)

    def _check(self, ledger: Ledger, name: str, channel: str, placement: str) -> None:
        """Check what binds decisions, releases and what is tried again alike."""
        action = self.actions[name]
        model = self._town.engine.world.rules.actions[name].model
        ledger.no_unwanted(action, channel)
        ledger.no_stopped(self._governance, action, channel, model, placement)
        ledger.no_opaque(action)
        ledger.no_silenced(action)
        ledger.no_other_intent(action)

    def _check_decision(self, ledger: Ledger, decision: Decision) -> None:
        self.decided.append(decision)
        self.codes.update(c.reason_code for c in decision.candidates if c.verdict == "gated")
        check_record(decision)
        ledger.notice(decision)
        if decision.action == DO_NOTHING:
            return
        action, is_incident = self.actions[decision.action], decision.reason == "incident_message"
        if action.only_in_incidents and not is_incident:
            raise Broken("an incident's message without an incident")
        self._check(ledger, action.action, decision.channel or "", decision.placement or "")
        ledger.no_false(action)
        ledger.no_growth_over_needs(action, is_incident=is_incident)
        ledger.no_withheld(action, is_incident=is_incident)

    def _check_release(self, ledger: Ledger, said: dict[str, Any]) -> None:
        self.released += 1
        decision = self._decisions[parse_public_id("d", said["decision_id"]) or 0]
        action, channel = self.actions[said["action"]], said["channel"]
        ledger.no_too_many(action, channel)
        ledger.no_noise(action, channel, ledger.now)
        if not said["effect_id"]:
            return  # in a slot: all else was checked as the decision that it is
        is_incident = decision.reason == "incident_message"
        self._check(ledger, action.action, channel, "")
        ledger.no_false(action, is_later=True)
        ledger.no_growth_over_needs(action, is_incident=is_incident)
        ledger.no_withheld(action, is_incident=is_incident)
        is_bound = bool(decision.need) and action.message_class not in FREE
        if is_bound and all(name != decision.need for name, _ in ledger.open):
            raise Broken(f"help for {decision.need}, which is closed")
        if action.decision_type == "agreed" and decision.id not in self._agreed:
            raise Broken("nobody agreed")

    def _check_calls(self) -> None:
        """Check what was called, tries after the first one included, as things stand now."""
        calls = self._town.way.calls
        for call in calls[self._calls :]:
            if not isinstance(call.effect, SendMessage):
                continue
            customer = parse_public_id("c", call.customer_id)
            ledger = self._ledgers.get(customer or 0)
            if ledger is not None:
                ledger.now = self._town.now
                self._check(ledger, call.effect.action, call.effect.channel, "")
                ledger.no_noise(
                    self.actions[call.effect.action], call.effect.channel, self._town.now
                )
        self._calls = len(calls)

    def _check_budgets(self) -> None:
        for name, budget in self._written.definitions.contact.budgets.items():
            period = period_of(budget, self._town.now)
            slices = self._town.store.read(lambda tx, n=name, p=period: tx.slices(n, p))
            spent = sum(slice_.used for slice_ in slices)
            if spent > round(budget.amount * MICRO):
                raise Broken(f"budget {name}")


def _is_derived(row: LogRow) -> bool:
    return "derived" in decode_event(row.body).flags
