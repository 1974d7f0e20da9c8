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

The first gate that closes gives the reason. A decision asks all of them when it is made, those
that can have closed whenever something happens while its message waits, and all of them again at
the moment of sending.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from heedful.customer import ANY_CHANNEL, Consent
from heedful.decide.case import RELEASED, Standing
from heedful.decide.choice import Choice, Lane, Row
from heedful.decide.compiled import GROWTH_RANK, ActionRule, ArmRule
from heedful.decide.contact import Contact, country_of
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
    "not_suitable": "suitable",
    "no_benefit": "suitable",
    "other_language": "contact",
    "no_address": "contact",
    "repeated": "contact",
    "cap_reached": "contact",
    "guardrail": "contact",
    "quiet_hours": "contact",
    "budget_spent": "budget",
}
"""Every reason code of a gate, and its gate."""

_SERVICE: Final = "service"
_EVERY_PURPOSE: Final = "*"
_UNASKED: Final = "unasked"


class Passed(NamedTuple):
    """An arm that no gate stops."""

    action: ActionRule
    arm: ArmRule
    due: int
    """When it may go out: now, or when quiet hours end."""


class Gated(NamedTuple):
    """Arms of one action that a gate stops for one reason."""

    row: Row
    arms: tuple[ArmRule, ...]
    """Empty for all of them."""
    code: str


class Gates:
    """The gates for one person at one moment; what is asked of the person is asked once."""

    def __init__(self, run: Run, slot: Slot, *, is_release: bool = False) -> None:
        self._run = run
        self._slot = slot
        self.contact = Contact(run, is_release=is_release)
        self._governance = run.surroundings.governance
        self._consents: dict[tuple[tuple[str, ...], str, bool], str | None] = {}
        self._has_stops = bool(self._governance.switches.states)
        self._repeated = self._said_lately()
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
        self, choice: Choice, tried: frozenset[str] = frozenset()
    ) -> tuple[list[Passed], list[Gated]]:
        """Ask all gates of every arm of a choice.

        Notes
        -----
        This is the loop whose time every decision pays for each action, so it calls nothing that
        is about the person alone, and of what is about the action no more than has to be asked.
        """
        scope = self._run.readings.filled(choice.roots, choice.signals)
        before = [self._lane_before(lane) for lane in choice.lanes]
        after = [self._lane_after(lane) for lane in choice.lanes]
        is_stoppable = self._has_stops or self._incident is not None
        is_crowded = bool(
            self._repeated or self.contact.is_any_cap_reached or self._governance.factors.by_name
        )
        passed: list[Passed] = []
        gated: list[Gated] = []
        for row in choice.rows:
            action = row.action
            codes: list[tuple[ArmRule, str]] = []
            code: str | None = _UNASKED
            for arm, lane in row.arms:
                stop = before[lane]
                if stop is None and is_stoppable:
                    stop = self._stopped(action, arm)
                if stop is None:
                    if code is _UNASKED:
                        code = self._of_action(row, scope, tried)
                    stop = code
                if stop is None:
                    stop, due = after[lane]
                    if stop is None and (is_crowded or row.is_special):
                        stop = self._special(action, arm)
                    if stop is None:
                        passed.append(Passed(action, arm, due))
                        continue
                codes.append((arm, stop))
            if codes:
                _note(gated, row, codes)
        return passed, gated

    def _of_action(self, row: Row, scope: Mapping[str, Any], tried: frozenset[str]) -> str | None:
        """Ask the gates that all arms of an action share, from transparency to suitability."""
        action = row.action
        if action.needs_person:
            return "needs_person"
        if action.needs_approval and self._slot.is_answered:
            return "approval_required"
        if action.name in tried:
            return "already_tried"
        if self._is_silenced(action):
            return "silenced"
        held, holds = self._run.readings.held, self._run.rules.holds
        for number, code in (
            (row.eligible, "not_eligible"),
            (row.applicable, "not_applicable"),
            (row.suitable, "not_suitable"),
        ):
            if number >= 0:
                is_held = held[number]
                if is_held is None:
                    is_held = held[number] = holds[number](scope)
                if not is_held:
                    return code
        return "no_benefit" if action.benefit < 0 else None

    def _is_silenced(self, action: ActionRule) -> bool:
        run = self._run
        return (
            bool(run.case.silences)
            and not action.is_free
            and run.case.silenced_until(action.message_class, run.now) > 0
        )

    # What is about the person alone

    def _lane_before(self, lane: Lane) -> str | None:
        """Ask the gates before the conditions that are about the person: consent."""
        return self.consent(lane.purposes, lane.channel, lane.message_class)

    def _lane_after(self, lane: Lane) -> tuple[str | None, int]:
        """Ask the gates after the conditions that are about the person: address and hours."""
        now = self._run.now
        if not lane.channel:
            return None, now
        if self.contact.address(lane.channel) is None:
            return "no_address", now
        opens = self.contact.opens_at(lane.channel, lane.message_class, is_loud=lane.is_loud)
        if opens is None or opens >= now + lane.expires_ms:
            return "quiet_hours", now
        return ("quiet_hours", now) if opens > now and self._slot.is_answered else (None, opens)

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

    def _special(self, action: ActionRule, arm: ArmRule) -> str | None:
        """Ask the rest of the contact policy, and the budget."""
        if not self.contact.speaks(arm):
            return "other_language"
        if arm.channel:
            if self._is_repeated(action):
                return "repeated"
            if self.contact.is_capped(action, arm):
                return "cap_reached"
            if self._is_spared(action, arm, self._run.now):
                return "guardrail"
        return "budget_spent" if self._is_budget_spent(action) else None

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

    def _is_spared(self, action: ActionRule, arm: ArmRule, at: int) -> bool:
        placement = self._slot.placement
        return not action.is_free and self.contact.is_spared(arm, action.model, placement, at)

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
        if action.suitable is not None and not still_holds(action.suitable):
            return "not_suitable"
        if action.benefit < 0:
            return "no_benefit"
        # A language that only the request told is not taken back by silence about it.
        is_foreign = self.contact.language is not None and not self.contact.speaks(arm)
        return "other_language" if is_foreign else None

    def closed_at_release(
        self, standing: Standing, action: ActionRule, arm: ArmRule, *, is_counted: bool = False
    ) -> str | None:
        """Ask the rest at the moment of sending: address, repetition, caps, guardrails, budget.

        Parameters
        ----------
        is_counted
            Whether this is another try of what caps and budget counted the first time.
        """
        if arm.channel:
            if self.contact.address(arm.channel) is None:
                return "no_address"
            if is_counted:
                return None
            if self._is_repeated(action):
                return "repeated"
            if self.contact.is_capped(action, arm):
                return "cap_reached"
            if self._is_spared(action, arm, standing.at):
                return "guardrail"
        return "budget_spent" if self._is_budget_spent(action) else None


def _note(gated: list[Gated], row: Row, codes: list[tuple[ArmRule, str]]) -> None:
    """File what was stopped, together where one reason stopped all of an action."""
    first = codes[0][1]
    if len(codes) == len(row.arms) and all(code == first for _, code in codes):
        gated.append(Gated(row, (), first))
        return
    for code in dict.fromkeys(code for _, code in codes):
        gated.append(Gated(row, tuple(arm for arm, one in codes if one == code), code))


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
