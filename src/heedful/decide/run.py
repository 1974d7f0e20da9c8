"""One step at work: what it reads, and what it has made so far."""

from __future__ import annotations

from typing import Any

from heedful.decide.ahead import Outlook, look
from heedful.decide.case import (
    DECIDED,
    RELEASED,
    UNLEARNED,
    WAITING,
    WITHDRAWN,
    Case,
    EffectNote,
    OpenNeed,
    Standing,
)
from heedful.decide.compiled import GROWTH_RANK, TIER_RANK
from heedful.decide.features import Features
from heedful.decide.lessons import lesson_of
from heedful.decide.readings import Readings, country_of, read_zone
from heedful.decide.rules import Rules
from heedful.decide.types import (
    EFFECT_WITHDRAWN,
    Decision,
    NewEvent,
    Person,
    Step,
    Surroundings,
)
from heedful.effects import OutboundEffect
from heedful.events import Event
from heedful.govern.hours import Place
from heedful.kernel import hash_key, public_id


class Run:
    """Gathers what one step makes; its functions change the case and add to it."""

    def __init__(
        self,
        rules: Rules,
        surroundings: Surroundings,
        person: Person,
        case: Case,
        event: Event,
        fragment: int,
    ) -> None:
        self.rules = rules
        self.surroundings = surroundings
        self.person = person
        self.case = case
        self.event = event
        self.fragment = fragment
        self.now = event.received_at
        self.readings = Readings(
            surroundings, rules.signals, rules.profile, person, event, len(rules.conditions)
        )
        self.answer: Decision | None = None
        self.decisions: list[Decision] = []
        self.effects: list[OutboundEffect] = []
        self.learned: list[Any] = []
        self.spent: list[tuple[str, int]] = []
        self.refused: dict[tuple[str, str], str] = {}
        """Consents taken back in this step, by purpose and channel: the profile learns of them
        after it, and no decision of it may overlook them."""
        self.flipped: list[str] = []
        """Triggers of another decision that came up at a release."""
        self._features: Features | None = None
        self._ahead: Outlook | None = None
        self._place: Place | None = None
        self._ids: dict[tuple[str, str, str], int] = {}
        self._events: list[NewEvent] = []
        self._released: list[str] = []
        self._postponed: list[tuple[str, int, str]] = []
        self._withdrawn: list[tuple[str, str]] = []
        self._readdressed: list[tuple[str, dict[str, str]]] = []

    @property
    def is_qa(self) -> bool:
        """Whether the person is one of us who tries things out."""
        return self.readings.traits.get("qa") is True

    @property
    def features(self) -> Features:
        """What contextual models see of the person now, read once."""
        if self._features is None:
            plan = self.rules.features
            assert plan is not None  # only a contextual model asks
            self._features = plan.read(self)
        return self._features

    @property
    def ahead(self) -> Outlook:
        """Where the person stands in the long game, read once."""
        if self._ahead is None:
            self._ahead = look(self)
        return self._ahead

    @property
    def place(self) -> Place:
        """Where the person is, as far as it is known."""
        if self._place is None:
            traits, rules = self.readings.traits, self.rules
            trait, profile = rules.contact.zone_trait, self.person.profile
            zone = read_zone(traits, trait, profile, rules.profile, self.now)
            self._place = Place(country_of(traits), zone)
        return self._place

    def is_fresh(self, within_ms: int) -> bool:
        """Say whether the event at hand is young enough to act on."""
        return self.now - self.event.at <= within_ms

    def next_id(self, slot: str) -> int:
        """Name the next decision of this step."""
        name = str(self.event.key), slot, str(len(self.decisions))
        if name not in self._ids:
            self._ids[name] = hash_key(self.surroundings.secret, "decision", *name)
        return self._ids[name]

    def budget_left(self, name: str) -> int:
        """Give the micros that are left of a budget after what this step has spent."""
        left = self.surroundings.budgets.get(name, 0)
        return left - sum(micros for budget, micros in self.spent if budget == name)

    def say(self, name: str, properties: dict[str, Any]) -> None:
        """Write an event of our own."""
        self._events.append(NewEvent(name, properties))

    def need_of(self, standing: Standing) -> OpenNeed | None:
        """Find the need that a decision answers."""
        return next(
            (
                need
                for need in self.case.needs
                if need.event == standing.need_event and need.name == standing.need
            ),
            None,
        )

    def is_growth_shut(self) -> bool:
        """Say whether a need of a higher tier is open."""
        return any(TIER_RANK[n.tier] < GROWTH_RANK for n in self.case.needs if not n.closed_at)

    # What becomes of effects

    def release(self, standing: Standing, effect: EffectNote) -> None:
        """Let an effect go out."""
        effect.status = max(effect.status, RELEASED)
        self._released.append(effect.id)
        if effect.kind == "message":
            standing.status = max(standing.status, RELEASED)
            self.mark_tried(standing)

    def readdress(self, effect: EffectNote, to: int, address: dict[str, str]) -> None:
        """Send a message elsewhere than it was written to."""
        effect.to = to
        self._readdressed.append((effect.id, address))

    def mark_tried(self, standing: Standing) -> None:
        """Note that a need was answered by an action."""
        need = self.need_of(standing)
        if need is not None and standing.action not in need.tried:
            need.tried = sorted((*need.tried, standing.action))

    def postpone(self, effect: EffectNote, due: int, code: str) -> None:
        """Let an effect wait longer."""
        effect.due = due
        self._postponed.append((effect.id, due, code))

    def withdraw(self, standing: Standing, code: str, *, but: str = "") -> None:
        """Let what has not gone out of a decision never go out.

        Parameters
        ----------
        but
            Kind of effect that stays, such as `webhook` where only a message dies.

        Notes
        -----
        What comes of the person is learned all the same, as it is of those to whom nothing was to
        be sent. Mails die on those who buy while these wait: without them the rest look worse than
        silence.
        """
        was_out = standing.status > DECIDED
        for effect in standing.effects:
            if effect.status == DECIDED and effect.kind != but:
                self.withdraw_effect(standing, effect, code)
        if not was_out:
            standing.status = WITHDRAWN
            standing.stands_until = min(standing.stands_until, self.now)

    def unlearn(self, standing: Standing) -> None:
        """Learn nothing of what is not known yet to have come of a decision."""
        for window in standing.goals:
            if window.outcome == WAITING:
                window.outcome = UNLEARNED
                self.learned.append(lesson_of(self.rules, standing, window, "withdrawn", self.now))

    def withdraw_effect(self, standing: Standing, effect: EffectNote, code: str) -> None:
        """Let one effect never go out."""
        effect.status, effect.code = WITHDRAWN, code
        self._withdrawn.append((effect.id, code))
        self.say(
            EFFECT_WITHDRAWN,
            {
                "effect_id": effect.id,
                "decision_id": public_id("d", standing.id),
                "reason_code": code,
            },
        )

    def refuse_effect(self, effect_id: str, code: str) -> None:
        """Say of an effect that nobody knows that it must not go out."""
        if all(known != effect_id for known, _ in self._withdrawn):
            self._withdrawn.append((effect_id, code))

    def outcome(self) -> Step:
        """Give all that follows."""
        return Step(
            events=tuple(self._events),
            decisions=tuple(self.decisions),
            answer=self.answer,
            effects=tuple(self.effects),
            released=tuple(self._released),
            postponed=tuple(self._postponed),
            withdrawn=tuple(self._withdrawn),
            readdressed=tuple(self._readdressed),
            learned=tuple(self.learned),
            spent=tuple(self.spent),
        )
