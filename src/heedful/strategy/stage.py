"""A strategy ready to be played: one person, events in order, and a clock that jumps.

Law: what is played is what runs. The stage folds with the rooms that the engine folds with and
decides with the step that the engine takes; only the log, the outbox and the clock are lists and
numbers in memory. Released messages count as delivered, and nothing goes anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final, NamedTuple

import msgspec

from heedful import customer as facts
from heedful import decide, sense
from heedful.customer import Profile, identifiers_of
from heedful.decide import Decision, Person, Rules, Step, Surroundings, compile_rules, new_case
from heedful.decide.case import ACTION_HOLDOUT, Assignment
from heedful.decide.foreseeing import foreseeing
from heedful.effects import CallWebhook, OutboundEffect, SendMessage
from heedful.events import MESSAGE_RELEASED, OWN_SOURCE, Event, EventType, Identifier
from heedful.govern.governance import Governance, fold_governance
from heedful.kernel import (
    InvariantError,
    expected,
    hash_key,
    public_id,
    to_micros,
)
from heedful.sense import FeatureDictionary, Senses, compile_signals
from heedful.strategy.load import Strategy

STEPS_MAX: Final = 10_000
"""Steps that the clock may take on its own between two events; more mean that it stands still."""

_SECRET: Final = b"heedful.strategy.stage"
_CUSTOMER: Final = 1
_FRAGMENT: Final = 1


class Moment(NamedTuple):
    """A step that decided something, as it was before it: what else would have been decided?"""

    surroundings: Surroundings
    person: Person
    case: bytes
    """What was under way, encoded."""
    event: Event
    decisions: tuple[Decision, ...]


class Stage:
    """A strategy compiled once, for any number of people.

    Parameters
    ----------
    ignored
        Reason codes of gates that stay open, to ask what they change.
    """

    def __init__(self, strategy: Strategy, *, ignored: frozenset[str] = frozenset()) -> None:
        self.strategy = strategy
        self.identity = strategy.identity.compile()
        sensed = compile_signals(strategy.sensed, strategy.automatic, strategy.sequences)
        self.signals = foreseeing(sensed, strategy.models)
        self.rules: Rules = compile_rules(
            strategy.definitions,
            self.signals,
            version=strategy.version,
            profile=strategy.profile,
            ignored=ignored,
        )


class Gone(NamedTuple):
    """A message that reached the person, or a call that another system got."""

    action: str
    channel: str = ""
    message_class: str = ""
    words: str = ""
    """Title and body of a message; empty in a slot, whose words the asker renders."""
    webhook: str = ""
    """Destination of a call."""
    event: str = ""
    """Event type of a call."""


class Died(NamedTuple):
    """An effect that waited and must not go out any more."""

    action: str
    code: str


class Record:
    """What happened on the stage since somebody last looked."""

    def __init__(self) -> None:
        self.decisions: list[Decision] = []
        """Made, or still standing when somebody asked."""
        self.gone: list[Gone] = []
        self.died: list[Died] = []

    def add(self, other: Record) -> None:
        """Append what another record holds."""
        self.decisions += other.decisions
        self.gone += other.gone
        self.died += other.died


class Play:
    """One person on a stage.

    Parameters
    ----------
    now
        When the play begins.
    is_held_out
        Whether the person is in the hold-out; None draws, as live, also those of actions.
    held_out_of
        Actions whose own hold-outs the person is in.
    beside
        Called with each step that decided something, before what follows from it.
    """

    def __init__(
        self,
        stage: Stage,
        now: int,
        *,
        is_held_out: bool | None = False,
        held_out_of: Collection[str] = (),
        beside: Callable[[Moment], None] | None = None,
    ) -> None:
        self._stage = stage
        self._beside = beside
        self.now = now
        self.record = Record()
        self.case = new_case()
        self.governance = Governance()
        self._profile = Profile()
        self._senses = Senses(set_id=stage.signals.id)
        self._dictionary = FeatureDictionary({}, stage.strategy.automatic.features_max)
        self._identifiers: tuple[Identifier, ...] = ()
        self._waiting: dict[str, OutboundEffect] = {}
        self._actions: dict[str, str] = {}
        self._spent: dict[tuple[str, int], int] = {}
        self._count = 0
        if is_held_out is not None:
            holdout = stage.rules.contact.holdout
            self.case.holdouts = [Assignment(now, 0, holdout, _FRAGMENT, is_held_out)]
            self.case.holdouts += [
                Assignment(now, 0, ACTION_HOLDOUT + name, _FRAGMENT, name in held_out_of)
                for name, action in sorted(stage.rules.actions.items())
                if action.hold_out_ppm
            ]

    def told(self) -> Record:
        """Give what happened since somebody last asked."""
        told, self.record = self.record, Record()
        return told

    # Time

    def wait(self, until: int) -> None:
        """Let time pass: what is due happens, in order."""
        for _ in range(STEPS_MAX):
            due = self._next_due()
            if due is None or due > until:
                self.now = max(self.now, until)
                return
            self.now = max(self.now, due)
            self._happen_by_itself()
        what = expected("a clock that goes on", f"{STEPS_MAX} steps at one time", "strategy.stage")
        raise InvariantError("clock_stands_still", what)

    def _next_due(self) -> int | None:
        signals = sense.next_due(self._senses, self._stage.signals, self.now)
        waiting = [effect.due for effect in self._waiting.values()]
        found = [due for due in (self.case.due, signals, *waiting) if due is not None]
        return min(found, default=None)

    def _happen_by_itself(self) -> None:
        due = [effect for effect in self._waiting.values() if effect.due <= self.now]
        if due:
            first = min(due, key=lambda effect: (effect.due, effect.id))
            self.own(decide.EFFECT_DUE, {"effect_id": first.id})
        else:
            self.own(decide.TIME_PASSED, {})

    # Events

    def own(self, name: str, properties: dict[str, Any], **more: Any) -> Step:
        """Let Heedful say something."""
        return self.take(self.event("own", name, properties=properties, source=OWN_SOURCE, **more))

    def event(self, type_: EventType, name: str, **fields: Any) -> Event:
        """Stamp an event with the stage's time."""
        self._count += 1
        message_id = str(self._count)
        return Event(
            type=type_,
            name=name,
            at=self.now,
            key=hash_key(_SECRET, "event", message_id),
            message_id=message_id,
            received_at=self.now,
            original_at=self.now,
            **fields,
        )

    def take(self, event: Event) -> Step:
        """Fold an event, decide what follows, and let it follow."""
        self._fold(event)
        rules = self._stage.rules
        if rules.is_empty or not (self.case.is_active or rules.concerns(event)):
            return Step()
        person = Person(_CUSTOMER, self._profile, self._senses, lambda: self._identifiers)
        shared = self._surroundings()
        held = b"" if self._beside is None else decide.encode_case(self.case)
        step = decide.step(rules, shared, person, self.case, event, _FRAGMENT)
        if self._beside is not None and step.decisions:
            self._beside(Moment(shared, person, held, event, step.decisions))
        for said in step.events:
            own = self.event("own", said.name, properties=said.properties, source=OWN_SOURCE)
            self._fold(own)
        self._follow(step)
        return step

    def govern(self, name: str, properties: dict[str, Any]) -> None:
        """Let somebody throw a switch, or declare or end an incident."""
        said = self.event("own", name, properties=properties, source=OWN_SOURCE)
        self.governance = fold_governance(self.governance, said)

    def _fold(self, event: Event) -> None:
        stage = self._stage
        missing = self._dictionary.missing(sense.feature_keys(event, stage.signals))
        if missing:
            self._dictionary = self._dictionary.extended(missing)
        facts.apply(self._profile, event, stage.strategy.profile)
        sense.fold(self._senses, event, stage.signals, self._dictionary)
        named = {*self._identifiers, *identifiers_of(event, stage.identity)}
        rank = stage.identity.rank
        self._identifiers = tuple(sorted(named, key=lambda i: (rank(i.namespace), i)))

    def _surroundings(self) -> Surroundings:
        budgets = self._stage.strategy.definitions.contact.budgets
        return Surroundings(
            secret=_SECRET,
            models={},
            governance=self.governance,
            dictionary=self._dictionary,
            is_rehearsal=True,
            budgets={
                name: (to_micros(budget.amount) or 0)
                - self._spent.get((name, decide.period_of(budget, self.now)), 0)
                for name, budget in sorted(budgets.items())
            },
        )

    def _follow(self, step: Step) -> None:
        record = self.record
        record.decisions += step.decisions
        if step.answer is not None and step.answer not in step.decisions:
            record.decisions.append(step.answer)
        actions = {public_id("d", d.id): d.action for d in step.decisions}
        for effect in step.effects:
            self._waiting[effect.id] = effect
            self._actions[effect.id] = actions[effect.decision_id]
        for effect_id, due, _ in step.postponed:
            effect = self._waiting[effect_id]
            self._waiting[effect_id] = msgspec.structs.replace(effect, due=due)
        for effect_id, code in step.withdrawn:
            if self._waiting.pop(effect_id, None) is not None:
                record.died.append(Died(self._actions[effect_id], code))
        budgets = self._stage.strategy.definitions.contact.budgets
        for name, micros in step.spent:
            period = name, decide.period_of(budgets[name], self.now)
            self._spent[period] = self._spent.get(period, 0) + micros
        self._go(step)

    def _go(self, step: Step) -> None:
        """Let go out what was released; whoever gets it says so at once."""
        gone = self.record.gone
        for said in step.events:
            if said.name == MESSAGE_RELEASED:
                about = said.properties
                effect = self._waiting.get(about["effect_id"])
                gone.append(Gone(about["action"], about["channel"], about["class"], _words(effect)))
        for effect_id in step.released:
            effect = self._waiting.pop(effect_id)
            if isinstance(effect.effect, CallWebhook):
                call, action = effect.effect, self._actions[effect_id]
                gone.append(Gone(action, webhook=call.destination, event=call.event_type))
            settled = {"effect_id": effect_id, "status": "delivered", "code": "", "reference": ""}
            self.own(decide.EFFECT_SETTLED, settled)


def _words(effect: OutboundEffect | None) -> str:
    if effect is None or not isinstance(effect.effect, SendMessage):
        return ""
    content = effect.effect.content
    return f"{content.title}\n{content.body}"
