"""Gates: reasons not to, in a fixed order, each a verdict with a code and never an exception.

1. consent: suppression, objection, Global Privacy Control, consent by purpose and channel
2. incident: kill switches, then incidents
3. transparency: whether a model may decide this at all
4. class: what a message of its class may do here
5. silence: classes that are muted for this person
6. eligible: may we
7. applicable: does it make sense now
8. suitable: is it good for them
9. contact: address, quiet hours, language, repetition, caps, guardrails
10. budget
11. holdout: is the action withheld from them alone, to prove what it brings

The first gate that closes gives the reason. A decision asks all of them when it is made, those
that can have closed whenever something happens while its message waits, and all of them again at
the moment of sending.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar, Final

from heedful.customer import ANY_CHANNEL, Consent
from heedful.decide.answering import answering
from heedful.decide.case import RELEASED, EffectNote, Standing
from heedful.decide.choice import Choice, Lane, Option, joined
from heedful.decide.compiled import GROWTH_RANK, ActionRule, ArmRule
from heedful.decide.contact import Contact
from heedful.decide.holdout import held_alone
from heedful.decide.readings import country_of
from heedful.decide.rules import Slot
from heedful.decide.run import Run
from heedful.effects import MessageClass
from heedful.govern.incidents import Incident, View

GATES: Final = (
    "consent",
    "incident",
    "transparency",
    "class",
    "silence",
    "eligible",
    "applicable",
    "suitable",
    "contact",
    "budget",
    "holdout",
)
"""In the order in which they are asked."""

REASONS: Final[dict[str, str]] = {
    "suppressed": "consent",
    "objected": "consent",
    "gpc_opt_out": "consent",
    "consent_refused": "consent",
    "no_consent": "consent",
    "stopped": "incident",
    "incident": "incident",
    "needs_person": "transparency",
    "approval_required": "class",
    "growth_shut": "class",
    "already_tried": "class",
    "silenced": "silence",
    "not_eligible": "eligible",
    "not_applicable": "applicable",
    "other_intent": "applicable",
    "not_suitable": "suitable",
    "no_benefit": "suitable",
    "other_language": "contact",
    "no_address": "contact",
    "repeated": "contact",
    "cap_reached": "contact",
    "guardrail": "contact",
    "quiet_hours": "contact",
    "budget_spent": "budget",
    "action_held_out": "holdout",
}
"""Every reason code of a gate, and its gate."""

_HELD_OUT: Final = "action_held_out"
_SERVICE: Final = "service"
_EVERY_PURPOSE: Final = "*"


class Gates:
    """The gates for one person at one moment; what is asked of the person is asked once."""

    draws_alone: ClassVar = True
    """Whether the hold-outs of single actions are among what `pass_through` asks."""

    def __init__(self, run: Run, slot: Slot, *, is_release: bool = False) -> None:
        self._run = run
        self._slot = slot
        self.contact = Contact(run, is_release=is_release)
        self._governance = run.surroundings.governance
        self._consents: dict[tuple[tuple[str, ...], str, bool], str | None] = {}
        self._has_stops = bool(self._governance.switches.states)
        self._repeated = self._said_lately()
        self._due: dict[Lane, int] = {}
        self.is_contaminated = False
        """Whether somebody stood on both sides of an action's own hold-out."""
        self._incident: Incident | None = None
        if self._governance.incidents.by_id:
            traits = run.readings.traits
            view = View(traits, country_of(traits), slot.placement)
            self._incident = self._governance.incident_for(view, run.now)

    @property
    def incident(self) -> Incident | None:
        """The incident that touches the person."""
        return self._incident

    def pass_through(
        self, choice: Choice, tried: Iterable[str] = (), *, within: int | None = None
    ) -> tuple[int, list[tuple[int, str]]]:
        """Ask all gates of every arm of a choice.

        Parameters
        ----------
        tried
            Actions that were done for the need before.
        within
            The arms that are asked about, of what passes tiers and hold-outs; all where absent.

        Returns
        -------
        The set of arms that pass, and the sets that gates stopped with their codes, in the order
        of the gates; an arm is stopped by the first gate that closes.

        Notes
        -----
        Nothing here looks at one arm after the other, so that a thousand cost little more than
        ten; only caps that an action sets for itself do.
        """
        rest = choice.all if within is None else within
        closed: list[tuple[int, str]] = []
        ignored = self._run.rules.ignored
        for arms, code in self._closing(choice, tried):
            hit = rest & arms
            if hit and code not in ignored:
                closed.append((hit, code))
                rest ^= hit
                if not rest:
                    break
        is_bound = self.draws_alone and within is None
        alone = self.held_out(choice, rest) if is_bound else 0
        return rest ^ alone, [*closed, (alone, _HELD_OUT)] if alone else closed

    def held_out(self, choice: Choice, rest: int) -> int:
        """Give the arms, of those that passed all else, that hold-outs of actions withhold."""
        withheld = 0
        if _HELD_OUT in self._run.rules.ignored:
            return 0
        for (action, share_ppm, tier), arms in choice.by_hold_out.items():
            if rest & arms:
                stand = held_alone(self._run, action, share_ppm, tier)
                self.is_contaminated |= stand.is_contaminated
                withheld |= rest & arms if stand.is_held else 0
        return withheld

    def _closing(self, choice: Choice, tried: Iterable[str]) -> Iterator[tuple[int, str]]:
        """Give what each gate closes, in order; the later are asked only where arms are left."""
        for lane, arms in zip(choice.lanes, choice.by_lane, strict=True):
            code = self.consent(lane.purposes, lane.channel, lane.message_class)
            if code is not None:
                yield arms, code
        if self._has_stops:
            yield self._switched_off(choice), "stopped"
        incident = self._incident
        if incident is not None and incident.is_growth_off:
            message = choice.by_action.get(incident.message or "", 0)
            yield choice.growth & ~message, "incident"
        yield choice.opaque, "needs_person"
        if self._slot.is_answered:
            yield choice.agreed, "approval_required"
        yield joined(choice.by_action.get(name, 0) for name in tried), "already_tried"
        if self._run.case.silences:
            for message_class, arms in choice.by_class.items():
                if self._run.case.silenced_until(message_class, self._run.now) > 0:
                    yield arms, "silenced"
        eligible, applicable, suitable = self.closed_by_conditions(choice)
        yield eligible, "not_eligible"
        yield applicable, "not_applicable"
        for about, arms in choice.by_about.items():
            if self._run.readings.is_beside(about):
                yield arms, "other_intent"
        yield suitable, "not_suitable"
        yield choice.harmful, "no_benefit"
        yield from self._contact_closing(choice)
        for (budget, cost), arms in choice.by_budget.items():
            if self._run.budget_left(budget) < cost:
                yield arms, "budget_spent"

    def closed_by_conditions(self, choice: Choice) -> tuple[int, ...]:
        """Give the arms whose condition does not hold, by gate."""
        return choice.sieve.closed(self._run.readings.filled(choice.roots, choice.signals))

    def _contact_closing(self, choice: Choice) -> Iterator[tuple[int, str]]:
        contact = self.contact
        for lane, arms in zip(choice.lanes, choice.by_lane, strict=True):
            code = self._lane_closes(lane)
            if code is not None:
                yield arms, code
        for language, arms in choice.by_language.items():
            if language != contact.language:
                yield arms, "other_language"
        # Sets are read in any order: what they close is joined before it is told.
        yield joined(choice.said_once.get(name, 0) for name in self._repeated), "repeated"
        capped = joined(choice.by_cap.get(counted, 0) for counted in contact.reached())
        for option in choice.capped_alone:
            if contact.is_capped(option.action, option.arm):
                capped |= 1 << option.number
        yield capped, "cap_reached"
        for factor in self._governance.factors.by_name.values():
            if contact.is_kept_back(factor.ppm, self._run.now):
                arms = self._kept_back(choice, factor.scope)
                yield arms & choice.spoken & ~choice.free, "guardrail"

    def _switched_off(self, choice: Choice) -> int:
        """Give the arms under a kill switch."""
        off = 0
        switches = self._governance.switches
        for scope in switches.states:
            if switches.stop_of(scope, self._run.now) is not None:
                off |= self._scoped(choice, scope)
        return off

    def _scoped(self, choice: Choice, scope: str) -> int:
        """Give the arms that a scope of a switch or guardrail covers."""
        placement = self._slot.placement
        if placement is not None and scope == f"placement:{placement}":
            return choice.all
        return choice.by_scope.get(scope, 0)

    def _kept_back(self, choice: Choice, scope: str) -> int:
        """Give the arms that a guardrail covers: those of a model are what it answers for."""
        kind, _, name = scope.partition(":")
        if kind != "model":
            return self._scoped(choice, scope)
        serving = answering(self._run, choice).serving
        return serving.arms_of(choice).get(name, 0)

    def _is_silenced(self, action: ActionRule) -> bool:
        run = self._run
        return (
            bool(run.case.silences)
            and not action.is_free
            and run.case.silenced_until(action.message_class, run.now) > 0
        )

    def _lane_closes(self, lane: Lane) -> str | None:
        """Ask the gates after the conditions that are about the person: address and hours."""
        now = self._run.now
        if not lane.channel:
            return None
        if self.contact.address(lane.channel) is None:
            return "no_address"
        due = now + lane.wait_ms
        opens = self.contact.opens_at(
            lane.channel, lane.message_class, is_loud=lane.is_loud, at=due
        )
        if opens is None or opens >= due + lane.expires_ms:
            return "quiet_hours"
        if opens > now and self._slot.is_answered:
            return "quiet_hours"
        self._due[lane] = opens
        return None

    def due(self, choice: Choice, option: Option) -> int:
        """Say when an arm that passed may go out: in its slot, or when quiet hours end."""
        return self._due.get(choice.lanes[option.lane], self._run.now)

    # What is about the action, and rare

    def _stopped(self, action: ActionRule, arm: ArmRule) -> str | None:
        """Ask for kill switches and incidents."""
        if self._has_stops:
            subject = arm.subject._replace(model=action.model, placement=self._slot.placement)
            if self._governance.stopped(subject, self._run.now) is not None:
                return "stopped"
        if self._incident is not None and self._is_off(action, self._incident):
            return "incident"
        return None

    def _is_off(self, action: ActionRule, incident: Incident) -> bool:
        if not incident.is_growth_off or incident.message == action.name:
            return False
        return action.rank == GROWTH_RANK and not action.is_free

    def _is_repeated(self, action: ActionRule) -> bool:
        return action.name in self._repeated and not (action.is_free and action.is_momentary)

    def _said_lately(self) -> frozenset[str]:
        """List the actions that went out and whose decision still stands."""
        run, key = self._run, self._slot.key
        return frozenset(
            standing.action
            for standing in run.case.standing
            if standing.stands_until > run.now
            and standing.status >= RELEASED
            and (standing.slot == key or not self._slot.is_answered)
        )

    def _is_spared(self, standing: Standing, action: ActionRule, arm: ArmRule) -> bool:
        model, placement = standing.model or action.model, self._slot.placement
        return not action.is_free and self.contact.is_spared(arm, model, placement, standing.at)

    def _is_budget_spent(self, action: ActionRule) -> bool:
        return action.budget is not None and self._run.budget_left(action.budget) < action.cost

    # Consent

    def consent(
        self, purposes: tuple[str, ...], channel: str, message_class: MessageClass
    ) -> str | None:
        """Say why the law or the person does not want a message, or None."""
        key = (purposes, channel, message_class == "promotional")
        if key not in self._consents:
            self._consents[key] = self._consent(*key)
        return self._consents[key]

    def _consent(self, purposes: tuple[str, ...], channel: str, is_promotional: bool) -> str | None:
        if not channel:
            return None  # nothing is said to the person
        if self._status(_EVERY_PURPOSE, channel) not in (None, "granted"):
            return "suppressed"
        statuses = [self._status(purpose, channel) for purpose in purposes]
        if "objected" in statuses:
            return "objected"
        if is_promotional and self._run.person.profile.gpc_at:
            return "gpc_opt_out"
        for purpose, status in zip(purposes, statuses, strict=True):
            if status is None and purpose != _SERVICE:
                return "no_consent"
            if status not in (None, "granted"):
                return "consent_refused"
        return None

    def _status(self, purpose: str, channel: str) -> str | None:
        refused = self._run.refused
        said = refused.get((purpose, ANY_CHANNEL)) or refused.get((purpose, channel))
        return said or consent_of(self._run.person.profile.consents, purpose, channel)

    # Later: has a gate closed since the decision?

    def closed_since(self, action: ActionRule, arm: ArmRule) -> str | None:
        """Ask again, while a message waits or stands, the gates that what happens can close."""
        code = self.consent(arm.purposes, arm.channel, action.message_class)
        code = code or self._stopped(action, arm)
        if code is not None:
            return code
        if action.needs_person:
            return "needs_person"
        if self._is_silenced(action):
            return "silenced"
        still_holds = self._run.readings.still_holds
        if action.eligible is not None and not still_holds(action.eligible):
            return "not_eligible"
        if action.applicable is not None and not still_holds(action.applicable):
            return "not_applicable"
        if action.about and self._run.readings.is_beside(action.about):
            return "other_intent"
        if action.suitable is not None and not still_holds(action.suitable):
            return "not_suitable"
        if action.benefit < 0:
            return "no_benefit"
        # A language that only the request told is not taken back by silence about it.
        is_foreign = self.contact.language is not None and not self.contact.speaks(arm)
        return "other_language" if is_foreign else None

    def closed_at_release(
        self,
        standing: Standing,
        effect: EffectNote,
        action: ActionRule,
        arm: ArmRule,
        *,
        is_counted: bool = False,
    ) -> str | None:
        """Ask the rest at the moment of sending: address, repetition, caps, guardrails, budget.

        Parameters
        ----------
        effect
            The message; what it was written to may have become somebody else's since.
        is_counted
            Whether this is another try of what caps and budget counted the first time.
        """
        if arm.channel:
            if self.contact.address(arm.channel) is None:
                return "no_address"
            if not self.contact.is_theirs(arm.channel, effect.to):
                return "no_address"
            if is_counted:
                return None
            if self._is_repeated(action):
                return "repeated"
            if self.contact.is_capped(action, arm):
                return "cap_reached"
            if self._is_spared(standing, action, arm):
                return "guardrail"
        return "budget_spent" if self._is_budget_spent(action) else None


def consent_of(consents: dict[str, Consent], purpose: str, channel: str) -> str | None:
    """Give the status of a purpose on a channel; None where nobody ever said anything.

    Notes
    -----
    A refusal for one channel is lifted only by a grant for that channel, so that a cookie banner
    cannot undo an unsubscription. A grant for one channel is undone by a later refusal of all.
    """
    general = consents.get(f"{purpose}|{ANY_CHANNEL}")
    special = consents.get(f"{purpose}|{channel}") if channel else None
    if special is None:
        return None if general is None else general.status
    if special.status != "granted" or general is None or general.status == "granted":
        return special.status
    return general.status if _stamp(general) > _stamp(special) else special.status


def _stamp(consent: Consent) -> tuple[int, int, int]:
    return consent.at, consent.restrictiveness, consent.key
