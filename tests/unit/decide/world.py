"""One person in a world without a store: events in, steps taken, effects in a list, a clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from heedful import customer, decide, sense
from heedful.customer import Profile, ProfileRules
from heedful.decide import (
    Action,
    Case,
    ContactPolicy,
    Decision,
    Definitions,
    Goal,
    Person,
    Rules,
    Step,
    Surroundings,
    builtin_signals,
    compile_rules,
    decode_case,
    encode_case,
    new_case,
    step,
)
from heedful.decide.definitions import Prior
from heedful.decide.foreseeing import foreseeing, signals_beside
from heedful.effects import CallWebhook, OutboundEffect, SendMessage
from heedful.events import CONSENT_CHANGED, MESSAGE_RELEASED, Event, EventType, Identifier
from heedful.govern.definitions import DecisionType
from heedful.govern.governance import Governance
from heedful.kernel import hash_key, parse_span
from heedful.learn import Trained
from heedful.sense import Senses, SignalDefinition, SignalSet, compile_signals
from heedful.sense.models import ModelFile

SECRET = b"a secret of tests"
NOON = 1_700_000_000_000 - 1_700_000_000_000 % 86_400_000 + 11 * 3_600_000
"""Noon in Berlin on a working day in November."""

PURCHASE = Goal(on="Order Completed", within="3d", value=20.0)
OFFER_TYPE = DecisionType(name="offer", owner="marketing", risk="minimal", transparency=1)
HELP_TYPE = DecisionType(name="help", owner="service desk")
LOAN_TYPE = DecisionType(
    name="loan",
    owner="credit board",
    risk="high",
    transparency=5,
    oversight="approve_before",
    explanation="full",
)


def offer(name: str = "offer", **more: Any) -> Action:
    """An action of growth that promotes something in the app."""
    given: dict[str, Any] = {
        "tier": "growth",
        "message_class": "promotional",
        "decision_type": "offer",
        "goal": "purchase",
        "channels": ("inapp",),
        "prior": Prior(0.9, 1_000.0),
    }
    return Action(action=name, **{**given, **more})


def help_with(name: str = "help", **more: Any) -> Action:
    """An action of service that helps in the app."""
    given: dict[str, Any] = {
        "tier": "service",
        "message_class": "service",
        "decision_type": "help",
        "goal": "purchase",
        "channels": ("inapp",),
    }
    return Action(action=name, **{**given, **more})


def written(**more: Any) -> Definitions:
    """Definitions with a goal, types, no exploration and no caps unless they are given."""
    given: dict[str, Any] = {
        "goals": {"purchase": PURCHASE},
        "decision_types": (OFFER_TYPE, HELP_TYPE, LOAN_TYPE),
        "contact": ContactPolicy(caps=(), floor=0.0),
        "builtin": (),
    }
    return Definitions(**{**given, **more})


def rules_of(
    definitions: Definitions,
    signals: Sequence[SignalDefinition] = (),
    version: str = "v1",
    foreseen: Sequence[ModelFile] = (),
    profile: ProfileRules | None = None,
) -> tuple[Rules, SignalSet]:
    """Compile definitions with their signals and trained models."""
    beside = signals_beside(foreseen)
    signal_set = compile_signals([*signals, *beside, *builtin_signals(definitions.builtin)])
    signal_set = foreseeing(signal_set, foreseen)
    rules = compile_rules(definitions, signal_set, version=version, profile=profile)
    return rules, signal_set


class World:
    """One person, and everything that happens to them.

    Notes
    -----
    Own events of a step are folded and never stepped, as the engine does it. The case goes
    through its bytes between steps.
    """

    def __init__(
        self,
        definitions: Definitions,
        signals: Sequence[SignalDefinition] = (),
        *,
        now: int = NOON,
        identifiers: tuple[Identifier, ...] = (
            Identifier("user_id", "u1"),
            Identifier("email", "ada@example.com"),
        ),
        models: Mapping[str, Any] | None = None,
        budgets: Mapping[str, int] | None = None,
        margins: Mapping[str, int] | None = None,
        customer_key: int = 7,
        foreseen: Sequence[ModelFile] = (),
        profile: ProfileRules | None = None,
    ) -> None:
        self.rules, self.signals = rules_of(
            definitions, signals, foreseen=foreseen, profile=profile
        )
        self.trained: Mapping[str, Trained] = {}
        self.now = now
        self.identifiers = identifiers
        self.models = models or {}
        self.budgets = dict(budgets or {})
        self.margins = margins or {}
        self.delays: Mapping[str, tuple[int, ...]] = {}
        self.governance = Governance()
        self.customer = customer_key
        self.fragment = 1
        self.profile = Profile()
        self.senses = Senses(set_id=self.signals.id)
        self.case: Case = new_case()
        self.count = 0
        self.steps: list[Step] = []
        self.decisions: list[Decision] = []
        self.waiting: dict[str, OutboundEffect] = {}
        self.due: dict[str, int] = {}
        self.released: list[OutboundEffect] = []
        self.withdrawn: dict[str, str] = {}
        self.own: list[tuple[str, dict[str, Any]]] = []
        self.learned: list[Any] = []

    # What happens

    def track(self, name: str, properties: dict[str, Any] | None = None, **more: Any) -> Step:
        return self.happen("track", name, properties=properties or {}, **more)

    def page(self, name: str, **properties: Any) -> Step:
        return self.happen("page", name, properties=properties)

    def identify(self, **traits: Any) -> Step:
        return self.happen("identify", "identify", traits=traits)

    def consent(
        self, purpose: str = "marketing", status: str = "granted", channel: str = "*"
    ) -> Step:
        said = {"purpose": purpose, "channel": channel, "status": status}
        return self.say(CONSENT_CHANGED, said)

    def say(self, name: str, properties: dict[str, Any], **more: Any) -> Step:
        return self.happen("own", name, properties=properties, **more)

    def ask(self, **said: Any) -> Decision:
        answer = self.say(decide.DECISION_REQUESTED, said).answer
        assert answer is not None
        return answer

    def happen(self, type_: EventType, name: str, *, at: int | None = None, **more: Any) -> Step:
        return self.take(self.event(type_, name, at=at, **more))

    def event(self, type_: EventType, name: str, *, at: int | None = None, **more: Any) -> Event:
        self.count += 1
        return Event(
            type=type_,
            name=name,
            at=self.now if at is None else at,
            key=hash_key(SECRET, "event", str(self.customer), str(self.count)),
            source="web" if type_ != "own" else "heedful",
            message_id=str(self.count),
            received_at=self.now,
            **more,
        )

    def take(self, event: Event) -> Step:
        """Fold an event, step where the rules say so, and fold what follows."""
        self.fold(event)
        if not (self.rules.concerns(event) or self.case.is_active):
            return Step()
        case = decode_case(encode_case(self.case))
        made = step(self.rules, self.surroundings, self.person, case, event, self.fragment)
        self.case = decode_case(encode_case(case))
        self.keep(made, event)
        return made

    def keep(self, made: Step, event: Event) -> None:
        self.steps.append(made)
        self.decisions += made.decisions
        self.learned += made.learned
        for effect in made.effects:
            self.waiting[effect.id] = effect
            self.due[effect.id] = effect.due
        for effect_id, due, _ in made.postponed:
            self.due[effect_id] = due
        for effect_id, code in made.withdrawn:
            self.withdrawn[effect_id] = code
            self.waiting.pop(effect_id, None)
        for effect_id in made.released:
            self.released.append(self.waiting.pop(effect_id))
        for budget, micros in made.spent:
            self.budgets[budget] -= micros
        for said in made.events:
            self.own.append((said.name, said.properties))
            self.fold(self.event("own", said.name, properties=said.properties))

    def fold(self, event: Event) -> None:
        customer.apply(self.profile, event, ProfileRules())
        sense.fold(self.senses, event, self.signals)

    @property
    def person(self) -> Person:
        return Person(self.customer, self.profile, self.senses, lambda: self.identifiers)

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings(
            secret=SECRET,
            models=self.models,
            governance=self.governance,
            budgets=self.budgets,
            margins=self.margins,
            delays=self.delays,
            trained=self.trained,
        )

    # Time

    def send(self) -> list[OutboundEffect]:
        """Bring up every effect whose time has come; gives those that went out."""
        before = len(self.released)
        for effect_id in sorted(self.waiting, key=lambda e: (self.due[e], e)):
            if effect_id in self.waiting and self.due[effect_id] <= self.now:
                self.say(decide.EFFECT_DUE, {"effect_id": effect_id})
        return self.released[before:]

    def wait(self, span: str) -> None:
        """Let time pass, with every timer on the way; effects go out when they are due."""
        self.until(self.now + parse_span(span))

    def until(self, end: int) -> None:
        for _ in range(10_000):
            timers = [self.case.due, sense.next_due(self.senses, self.signals, self.now)]
            timers += [due for effect_id, due in self.due.items() if effect_id in self.waiting]
            ahead = [due for due in timers if due is not None and due <= end]
            if not ahead:
                break
            self.now = max(self.now, *[min(ahead)])
            if not self.send() or (self.case.due or end + 1) <= self.now:
                self.say(decide.TIME_PASSED, {})
        else:
            raise AssertionError("time stands still")
        self.now = end

    # What to look at

    def messages(self) -> list[SendMessage]:
        return [e.effect for e in self.released if isinstance(e.effect, SendMessage)]

    def calls(self) -> list[CallWebhook]:
        return [e.effect for e in self.released if isinstance(e.effect, CallWebhook)]

    def said(self, name: str) -> list[dict[str, Any]]:
        return [properties for own, properties in self.own if own == name]

    def contacts(self) -> list[str]:
        return [str(said["action"]) for said in self.said(MESSAGE_RELEASED)]
