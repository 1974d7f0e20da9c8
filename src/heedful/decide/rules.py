"""A strategy's rules about deciding, compiled and indexed by what can make them matter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final, NamedTuple, TypeVar

from heedful.customer import ProfileRules
from heedful.decide.builtin import BuiltIn
from heedful.decide.choice import Choice, choice_of
from heedful.decide.compiled import (
    GROWTH_RANK,
    ActionRule,
    ContactRules,
    GoalRule,
    NeedRule,
    TriggerRule,
)
from heedful.decide.features import FeaturePlan
from heedful.decide.models import OWN, ModelRule, Serving
from heedful.decide.readings import Condition, Readings
from heedful.decide.touch import (
    EventIndex,
    EventMatch,
    TraitIndex,
    touches_of,
    watched_buying,
)
from heedful.decide.types import (
    DECISION_APPROVED,
    DECISION_REFUSED,
    DECISION_REQUESTED,
    EFFECT_DUE,
    EFFECT_REDRIVEN,
    EFFECT_SETTLED,
    OUTCOME_REPORTED,
    SILENCE_SET,
    TIME_PASSED,
    Surroundings,
)
from heedful.decide.value import Valuer
from heedful.events import Event
from heedful.govern.definitions import PromotionRule
from heedful.sense import SignalSet
from heedful.sense.ahead import AHEAD_STATE, AheadForeseen
from heedful.sense.definitions import ANY_NAME
from heedful.sense.rule import Rule

T = TypeVar("T")

OWN_NAMES: Final = (
    DECISION_REQUESTED,
    OUTCOME_REPORTED,
    TIME_PASSED,
    EFFECT_DUE,
    EFFECT_SETTLED,
    EFFECT_REDRIVEN,
    SILENCE_SET,
    DECISION_APPROVED,
    DECISION_REFUSED,
)
"""Own events that a step answers."""

SLOT_CHANNEL: Final = "inapp"
"""The channel of a slot for which a request names none."""


SLOT_PREFIX: Final = "slot:"
"""How the key of a place in an app or page begins."""


class Slot(NamedTuple):
    """What is decided: a place in an app or page, one channel, or a message on any channel."""

    placement: str | None = None
    channel: str | None = None
    is_answered: bool = False
    """Whether the asker shows what is answered, so that nothing goes through the outbox."""

    @property
    def key(self) -> str:
        """As a case keeps it."""
        if self.placement is not None:
            return f"{SLOT_PREFIX}{self.placement}"
        return "" if self.channel is None else f"channel:{self.channel}"


class Rules:
    """Everything that a strategy says about deciding, ready to be used; immutable once made.

    Parameters
    ----------
    needs
        In the order in which they are answered.
    actions
        By name.
    """

    def __init__(
        self,
        *,
        version: str,
        signals: SignalSet,
        profile: ProfileRules,
        needs: tuple[NeedRule, ...],
        goals: Mapping[str, GoalRule],
        actions: tuple[ActionRule, ...],
        triggers: tuple[TriggerRule, ...],
        builtin: BuiltIn,
        models: Mapping[str, ModelRule],
        features: FeaturePlan | None,
        weighs_delay: bool,
        scores: Mapping[str, int],
        promotion: PromotionRule,
        fallback_model: str,
        currency: str,
        contact: ContactRules,
        conditions: tuple[Condition, ...],
        ignored: frozenset[str] = frozenset(),
    ) -> None:
        self.version = version
        self.signals = signals
        self.profile = profile
        self.needs = needs
        self.goals = goals
        self.triggers = triggers
        self.builtin = builtin
        self.models = models
        self.features = features
        """What contextual models see; None where there is none."""
        self.weighs_delay = weighs_delay
        """Whether outcomes that are late teach a part of a miss before their window closes."""
        self.scores = scores
        """Transparency of each model, 1 to 5."""
        self.promotion = promotion
        self.fallback_model = fallback_model
        self.currency = currency
        self.contact = contact
        self.conditions = conditions
        self.ignored = ignored
        """Reason codes of gates that stay open, in a what-if; none in force."""
        self.holds = tuple(condition.expression.holds for condition in conditions)
        """By number."""
        self.is_empty = not (needs or actions or triggers)
        self.need_by_name = {need.name: need for need in needs}
        self.actions = {action.name: action for action in actions}
        self.arms = {arm.id: arm for action in actions for arm in action.arms}
        usual = tuple(a for a in actions if not a.definition.only_in_incidents)
        self.free = tuple(action for action in usual if action.is_free)
        self._answers = self._answering(tuple(a for a in usual if not a.is_free))
        self._choices: dict[tuple[str, str | None, str | None], Choice] = {}
        self.placements = frozenset(p for action in actions for p in action.placements)
        """Places that some action names."""
        known = signals.foreseen.get(AHEAD_STATE)
        self.ahead = known if isinstance(known, AheadForeseen) else None
        """The long game, where the strategy declares a model of it."""
        self._valuers: dict[tuple[tuple[str, str], ...], Valuer] = {}
        self._index()

    @cached_property
    def stoppable(self) -> Mapping[str, frozenset[str]]:
        """Names that a stop may say, by kind; placements are named by whoever asks."""
        return {
            "playbook": frozenset(),  # a strategy declares none yet
            "action": frozenset(self.actions),
            "channel": frozenset(arm.channel for arm in self.arms.values() if arm.channel),
            "model": frozenset(self.models),
        }

    @cached_property
    def watched(self) -> tuple[tuple[str, Rule], ...]:
        """Keys and rules of the buying whose silence alone may open a need."""
        return watched_buying((need.opens for need in self.needs), self.signals)

    def _answering(self, actions: tuple[ActionRule, ...]) -> dict[str, tuple[ActionRule, ...]]:
        """Group actions by the need that they answer; growth needs none."""
        answers = {
            need.name: tuple(
                action
                for action in actions
                if action.tier == need.tier
                and (need.name in action.needs or (not action.needs and need.rank != GROWTH_RANK))
            )
            for need in self.needs
        }
        answers[""] = tuple(a for a in actions if a.rank == GROWTH_RANK and not a.needs)
        return answers

    def _index(self) -> None:
        """File needs, goals and rules under the events that can make them matter."""
        pairs: list[tuple[str, str]] = [("own", name) for name in OWN_NAMES]
        pairs += self.builtin.events()
        traits: dict[str, None] = {}
        opening: list[tuple[str, str, NeedRule]] = []
        opening_traits: list[tuple[str, NeedRule]] = []
        touching = [trigger.when for trigger in self.triggers if not trigger.on]
        for condition in (*touching, *(need.closes_when for need in self.needs)):
            if condition is not None:
                touches = touches_of(condition.expression, self.signals)
                pairs += touches.events
                traits.update(dict.fromkeys(touches.traits))
        for need in self.needs:
            touches = touches_of(need.opens.expression, self.signals)
            opening += [(type_, name, need) for type_, name in touches.events]
            opening_traits += [(trait, need) for trait in touches.traits]
        self._opening = EventIndex(opening)
        self._opening_traits = TraitIndex(opening_traits)
        self._reaching = _filed((goal, goal.on) for goal in self.goals.values())
        self._closing = _filed((need, need.closes_on) for need in self.needs)
        self._firing = _filed((trigger, trigger.on) for trigger in self.triggers)
        indices = (self._opening, self._reaching, self._closing, self._firing)
        for index in indices:
            pairs += index.by_name
            pairs += [(type_, ANY_NAME) for type_ in index.by_type]
        self._names = frozenset(pair for pair in pairs if pair[1] != ANY_NAME)
        self._types = frozenset(type_ for type_, name in pairs if name == ANY_NAME)
        self._traits = frozenset((*traits, *self._opening_traits.by_trait))

    def concerns(self, event: Event) -> bool:
        """Say whether an event can matter to deciding for a person of whom nothing waits.

        Notes
        -----
        While something waits to go out (`Case.is_active`) every event matters, since any of them
        may close a gate.
        """
        if (event.type, event.name) in self._names or event.type in self._types:
            return True
        traits = event.traits
        return bool(traits) and not self._traits.isdisjoint(traits)

    def opened_by(self, event: Event) -> tuple[NeedRule, ...]:
        """List the needs whose condition an event may have made true."""
        found = self._opening.find(event)
        if event.traits and self._opening_traits.by_trait:
            found = (*found, *self._opening_traits.find(event.traits))
        return found

    def valuer(self, shared: Surroundings, at: int, serving: Serving = OWN) -> Valuer:
        """Give what values arms for these models; the one of last time where they are the same."""
        known = self._valuers.get(serving.lines)
        if known is None or not known.serves(shared, at):
            known = Valuer(
                self.contact, self.models, self.fallback_model, shared, at, serving, self.ahead
            )
            if len(self._valuers) >= _VALUERS_MAX:
                self._valuers.clear()
            self._valuers[serving.lines] = known
        return known

    def capped_names(self, per: str) -> tuple[str, ...]:
        """List what a cap of nothing at all is about."""
        known: dict[str, Iterable[str | None]] = {
            "action": self.actions,
            "group": (action.group for action in self.actions.values()),
            "channel": (arm.channel for arm in self.arms.values()),
            "class": (action.message_class for action in self.actions.values()),
        }
        return tuple(sorted({name for name in known[per] if name}))

    def reached_by(self, event: Event, readings: Readings) -> list[GoalRule]:
        """List the goals that an event is the outcome of."""
        return _matching(self._reaching.find(event), readings)

    def closed_by(self, event: Event, readings: Readings) -> list[NeedRule]:
        """List the needs that an event closes."""
        return _matching(self._closing.find(event), readings)

    def fired_by(self, event: Event, readings: Readings) -> list[TriggerRule]:
        """List the declared rules whose pattern an event matches."""
        return _matching(self._firing.find(event), readings)

    def choice(self, need: str, slot: Slot) -> Choice:
        """List the actions that answer a need (`""`: growth without one) in a slot."""
        return self._choice(need, self._answers.get(need, ()), slot)

    def free_choice(self, slot: Slot) -> Choice:
        """List the actions whose class passes tiers."""
        return self._choice("*", self.free, slot)

    def choice_alone(self, action: ActionRule, slot: Slot) -> Choice:
        """Take one action alone."""
        return self._choice(f"={action.name}", (action,), slot)

    def _choice(self, name: str, actions: tuple[ActionRule, ...], slot: Slot) -> Choice:
        # A slot that no action names is like every other such slot, so this stays small.
        placement = slot.placement
        if placement is not None and placement not in self.placements:
            placement = "*"
        channel = slot.channel if slot.placement is None else slot.channel or SLOT_CHANNEL
        key = (name, placement, channel)
        known = self._choices.get(key)
        if known is None:
            known = choice_of(actions, placement, channel)
            if len(self._choices) < _CHOICES_MAX:
                self._choices[key] = known
        return known


_CHOICES_MAX: Final = 10_000
_VALUERS_MAX: Final = 64


def _filed(
    entries: Iterable[tuple[T, tuple[EventMatch, ...]]],
) -> EventIndex[tuple[T, EventMatch]]:
    return EventIndex(
        (match.type, match.name, (item, match)) for item, matches in entries for match in matches
    )


def _matching(found: tuple[tuple[T, EventMatch], ...], readings: Readings) -> list[T]:
    """Keep what a pattern matches with its conditions, each once."""
    kept: list[T] = []
    for item, match in found:
        if item not in kept and all(readings.holds(condition) for condition in match.where):
            kept.append(item)
    return kept
