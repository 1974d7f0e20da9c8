"""Gates: reasons not to, in a fixed order, each a verdict with a code and never an exception.

1. consent: suppression, objection, Global Privacy Control, consent by purpose and channel
2. incident: kill switches, then incidents
3. transparency: whether a model may decide this at all
4. class: what a message of its class may do here
5. silence: classes that are muted for this person
6. eligible: may we
7. applicable: does it make sense now
8. suitable: is it good for them
9. contact: language, address, repetition, caps, guardrails, quiet hours
10. budget

The first gate that closes gives the reason. A decision asks all of them when it is made, those
that can have closed whenever something happens while its message waits, and all of them again at
the moment of sending.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from heedful.customer import ANY_CHANNEL, Consent
from heedful.decide.case import RANK, Standing
from heedful.decide.compiled import GROWTH_RANK, ActionRule, ArmRule
from heedful.decide.contact import Contact, country_of
from heedful.decide.rules import Choice, Slot
from heedful.decide.run import Run
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


class Passed(NamedTuple):
    """An arm that no gate stops."""

    action: ActionRule
    arm: ArmRule
    due: int
    """When it may go out: now, or when quiet hours end."""


class Gated(NamedTuple):
    """Arms of one action that a gate stops for one reason."""

    action: ActionRule
    arms: tuple[ArmRule, ...]
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
        """Ask all gates of every arm of a choice."""
        self._run.readings.load(choice.signals)
        passed: list[Passed] = []
        gated: list[Gated] = []
        for action, arms in choice.actions:
            if action.name in tried:
                gated.append(Gated(action, arms, "already_tried"))
            else:
                self._ask(action, arms, passed, gated)
        return passed, gated

    def _ask(
        self,
        action: ActionRule,
        arms: tuple[ArmRule, ...],
        passed: list[Passed],
        gated: list[Gated],
    ) -> None:
        open_arms = []
        codes: dict[str, list[ArmRule]] = {}
        for arm in arms:
            code = self._before(action, arm)
            if code is None:
                open_arms.append(arm)
            else:
                codes.setdefault(code, []).append(arm)
        if open_arms:
            code = self._of_action(action)
            if code is not None:
                codes.setdefault(code, []).extend(open_arms)
            else:
                for arm in open_arms:
                    code, due = self._after(action, arm)
                    if code is None:
                        passed.append(Passed(action, arm, due))
                    else:
                        codes.setdefault(code, []).append(arm)
        for code, stopped in codes.items():
            gated.append(Gated(action, tuple(stopped), code))

    def _before(self, action: ActionRule, arm: ArmRule) -> str | None:
        """Ask the gates before the conditions: consent, stops and incidents."""
        code = self.consent(action, arm)
        if code is not None:
            return code
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

    def _of_action(self, action: ActionRule) -> str | None:
        """Ask the gates that all arms of an action share, from transparency to suitability."""
        if action.needs_person:
            return "needs_person"
        if action.needs_approval and self._slot.is_answered:
            return "approval_required"
        if self._is_silenced(action):
            return "silenced"
        holds = self._run.readings.holds
        if action.eligible is not None and not holds(action.eligible):
            return "not_eligible"
        if action.applicable is not None and not holds(action.applicable):
            return "not_applicable"
        if action.suitable is not None and not holds(action.suitable):
            return "not_suitable"
        return "no_benefit" if action.benefit < 0 else None

    def _is_silenced(self, action: ActionRule) -> bool:
        run = self._run
        return (
            bool(run.case.silences)
            and not action.is_free
            and run.case.silenced_until(action.message_class, run.now) > 0
        )

    def _after(self, action: ActionRule, arm: ArmRule) -> tuple[str | None, int]:
        """Ask the gates after the conditions: contact policy and budget."""
        now = self._run.now
        if not self.contact.speaks(arm):
            return "other_language", now
        if arm.channel:
            if self.contact.address(arm.channel) is None:
                return "no_address", now
            if self._is_repeated(action):
                return "repeated", now
            if self.contact.is_capped(action, arm) is not None:
                return "cap_reached", now
            if not action.is_free and self.contact.is_spared(
                arm, action.model, self._slot.placement, now
            ):
                return "guardrail", now
        due = self.due(action, arm)
        if due is None:
            return "quiet_hours", now
        if self._is_budget_spent(action):
            return "budget_spent", now
        return None, due

    def due(self, action: ActionRule, arm: ArmRule) -> int | None:
        """Say when a message may go out; None where that is too late for it."""
        now = self._run.now
        if not arm.channel:
            return now
        opens = self.contact.opens_at(action, arm)
        if opens is None or opens >= now + action.expires_ms:
            return None
        return None if opens > now and self._slot.is_answered else opens

    def _is_repeated(self, action: ActionRule) -> bool:
        """Say whether the same action went out and its decision still stands."""
        run, key = self._run, self._slot.key
        return any(
            standing.action == action.name
            and standing.stands_until > run.now
            and standing.status >= RANK["released"]
            and (standing.slot == key or not self._slot.is_answered)
            and not (action.is_free and action.is_momentary)
            for standing in run.case.standing
        )

    def _is_budget_spent(self, action: ActionRule) -> bool:
        return action.budget is not None and self._run.budget_left(action.budget) < action.cost

    # Consent

    def consent(self, action: ActionRule, arm: ArmRule) -> str | None:
        """Say why the law or the person does not want this message, or None."""
        key = (arm.purposes, arm.channel, action.message_class == "promotional")
        if key not in self._consents:
            self._consents[key] = self._consent(*key)
        return self._consents[key]

    def _consent(self, purposes: tuple[str, ...], channel: str, is_promotional: bool) -> str | None:
        if not channel:
            return None  # nothing is said to the person
        profile = self._run.person.profile
        if consent_of(profile.consents, _EVERY_PURPOSE, channel) not in (None, "granted"):
            return "suppressed"
        statuses = [consent_of(profile.consents, purpose, channel) for purpose in purposes]
        if "objected" in statuses:
            return "objected"
        if is_promotional and profile.gpc_at:
            return "gpc_opt_out"
        for purpose, status in zip(purposes, statuses, strict=True):
            if status is None and purpose != _SERVICE:
                return "no_consent"
            if status not in (None, "granted"):
                return "consent_refused"
        return None

    # Later: has a gate closed since the decision?

    def closed_since(self, standing: Standing, action: ActionRule, arm: ArmRule) -> str | None:
        """Ask again, while a message waits or stands, the gates that what happens can close."""
        code = self._before(action, arm)
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
        return "no_benefit" if action.benefit < 0 else None

    def closed_at_release(
        self, standing: Standing, action: ActionRule, arm: ArmRule, *, is_counted: bool = False
    ) -> str | None:
        """Ask the rest at the moment of sending: address, caps, guardrails and budget.

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
            if self.contact.is_capped(action, arm) is not None:
                return "cap_reached"
            if not action.is_free and self.contact.is_spared(
                arm, action.model, self._slot.placement, standing.at
            ):
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
