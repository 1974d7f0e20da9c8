"""From actions as they are written to actions as a decision takes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from heedful.decide import definitions
from heedful.decide.compiled import (
    FREE_CLASSES,
    MOMENT,
    TIER_RANK,
    ActionRule,
    ArmRule,
    CapRule,
    GoalRule,
    NeedRule,
    WebhookRule,
)
from heedful.decide.definitions import (
    DO_NOTHING,
    Action,
    Cap,
    Definitions,
    Treatment,
)
from heedful.decide.fill import Template
from heedful.decide.limits import (
    ACTION_HOLDOUTS_MAX,
    ARMS_PER_ACTION_MAX,
    HOLDOUT_SHARE_MAX,
    LEVER_MAX,
    LEVER_MIN,
    PRIOR_STRENGTH_MAX,
)
from heedful.decide.readings import Condition
from heedful.decide.writing import Writing
from heedful.expr import Type
from heedful.govern.checks import check_decision_type_use
from heedful.govern.definitions import DecisionType
from heedful.govern.scopes import Subject
from heedful.govern.transparency import model_score, transparency_verdict
from heedful.kernel import MICRO
from heedful.learn import Prior
from heedful.sense.limits import MOMENT_CHARACTERS_MAX

SERVICE_PURPOSE: Final = "service"
MARKETING_PURPOSE: Final = "marketing"
HELD_TIERS: Final = ("retention", "growth")
"""Tiers that may be withheld to prove what they bring."""
WAITING_TIERS: Final = ("retention", "growth")
"""Tiers whose messages may wait for a later slot."""


class Actions:
    """Reads the actions of one strategy."""

    def __init__(
        self,
        writing: Writing,
        written: Definitions,
        needs: Mapping[str, NeedRule],
        goals: Mapping[str, GoalRule],
        scores: Mapping[str, int],
    ) -> None:
        self._writing = writing
        self._definitions = written
        self._contact = written.contact
        self._needs = needs
        self._goals = goals
        self._scores = dict(scores)
        self._types = {one.name: one for one in written.decision_types}
        self._arms_made = self._held_out = 0
        self._groups = {action.group for action in written.actions if action.group}

    def read(self, action: Action, path: str) -> ActionRule | None:
        """Read one action; None where it names what does not exist."""
        if action.action == DO_NOTHING:
            what, got = "another name", f"`{DO_NOTHING}`, which is always there"
            self._writing.fault("reserved_name", what, got, f"{path}.action")
        type_ = self._decision_type(action, path)
        goal = self._goals.get(action.goal)
        if goal is None:
            self._writing.unknown("a goal", action.goal, f"{path}.goal", self._goals)
        self._check_tier(action, path)
        if goal is None or type_ is None:
            return None
        return self._rule(action, type_, goal, path)

    def _rule(self, action: Action, type_: DecisionType, goal: GoalRule, path: str) -> ActionRule:
        writing = self._writing
        eligible, applicable, suitable = (
            writing.condition(getattr(action, name), f"{path}.{name}")
            for name in ("eligible", "applicable", "suitable")
        )
        model, is_fallback, needs_person = self._model(action, type_, path)
        if action.budget is not None and action.budget not in self._contact.budgets:
            writing.unknown("a budget", action.budget, f"{path}.budget", self._contact.budgets)
        conditions = tuple(c for c in (eligible, applicable, suitable) if c is not None)
        silence = writing.silence(action.effects.silence, f"{path}.effects.silence")
        return ActionRule(
            name=action.action,
            tier=action.tier,
            rank=TIER_RANK[action.tier],
            message_class=action.message_class,
            needs=action.needs,
            decision_type=type_,
            goal=goal,
            eligible=eligible,
            applicable=applicable,
            suitable=suitable,
            about=self._about(action, path),
            cost=writing.money(action.cost, f"{path}.cost"),
            benefit=writing.money(action.benefit, f"{path}.benefit"),
            d_clv=writing.money(action.d_clv, f"{path}.d_clv"),
            lever_ppm=self._lever(action, path),
            weight=self._weight(action, path),
            prior=check_prior(writing, action.prior, f"{path}.prior"),
            group=action.group,
            budget=action.budget,
            caps=tuple(
                self.cap(cap, f"{path}.caps[{i}]", action) for i, cap in enumerate(action.caps)
            ),
            is_capped=action.message_class in self._contact.capped
            and action.message_class not in FREE_CLASSES,
            stands_ms=writing.span(action.stands_for, f"{path}.stands_for", is_zero_allowed=True),
            expires_ms=writing.span(action.expires_after, f"{path}.expires_after"),
            model=model,
            is_fallback=is_fallback,
            needs_person=needs_person,
            needs_approval=type_.oversight == "approve_before",
            silence=silence,
            webhooks=tuple(
                WebhookRule(
                    hook.destination,
                    hook.event,
                    writing.templates(hook.data, f"{path}.effects.webhooks[{i}].data"),
                )
                for i, hook in enumerate(action.effects.webhooks)
            ),
            placements=frozenset(action.placements),
            arms=self._arms(action, path),
            conditions=conditions,
            definition=action,
            hold_out_ppm=self._hold_out(action, path),
        )

    def _decision_type(self, action: Action, path: str) -> DecisionType | None:
        found = check_decision_type_use(
            action.decision_type, self._definitions.decision_types, f"{path}.decision_type"
        )
        for error in found:
            error.detail.setdefault("path", f"{path}.decision_type")
        self._writing.faults += found
        return None if found else self._types[action.decision_type]

    def _check_tier(self, action: Action, path: str) -> None:
        writing = self._writing
        for i, name in enumerate(action.needs):
            need = self._needs.get(name)
            place = f"{path}.needs[{i}]"
            if need is None:
                writing.unknown("a need", name, place, self._needs)
            elif need.tier != action.tier:
                what = f"a need of the tier {action.tier}"
                writing.fault("other_tier", what, f"{name!r}, of the tier {need.tier}", place)
        if action.message_class == "promotional" and action.tier in ("hardship", "service"):
            what = "a class other than promotional for hardship and service"
            remedy = "Who needs help is not advertised to."
            writing.fault("bad_class", what, "`promotional`", f"{path}.class", remedy)

    def _model(self, action: Action, type_: DecisionType, path: str) -> tuple[str, bool, bool]:
        models, fallback = self._scores, self._definitions.fallback_model
        model = action.model or self._definitions.default_model
        if action.model is not None and model not in models:
            self._writing.unknown("a model", model, f"{path}.model", models)
        verdict = transparency_verdict(
            type_, model_score(models, model), model_score(models, fallback)
        )
        if verdict.outcome == "use_fallback":
            return fallback, True, False
        return model, False, verdict.outcome == "needs_person"

    def _about(self, action: Action, path: str) -> tuple[str, ...]:
        writing = self._writing
        if action.about and action.message_class != "promotional":
            remedy = "What people are owed or need is said whatever they look at."
            what, got = "a promotional action", f"one of the class {action.message_class}"
            writing.fault("bad_about", what, got, f"{path}.about", remedy)
        elif action.about and not writing.has_intent:
            remedy = "Declare `sequences: {}` there, so that the intent of the moment is known."
            what = "`sequences` in signals.yaml"
            writing.fault("bad_about", what, "none", f"{path}.about", remedy)
        return tuple(category[:MOMENT_CHARACTERS_MAX] for category in action.about)

    def _hold_out(self, action: Action, path: str) -> int:
        writing, place = self._writing, f"{path}.hold_out"
        share = writing.share(action.hold_out, place, 0.0, HOLDOUT_SHARE_MAX, "a share")
        if not share:
            return 0
        remedy = "Help, and what people are owed, is never withheld to prove a point."
        if action.tier not in HELD_TIERS:
            what, got = "an action of retention or growth", f"one of {action.tier}"
            writing.fault("bad_holdout", what, got, place, remedy)
        elif action.message_class in FREE_CLASSES:
            what, got = "the class promotional or service", f"`{action.message_class}`"
            writing.fault("bad_holdout", what, got, place, remedy)
        self._held_out += 1
        if self._held_out == ACTION_HOLDOUTS_MAX + 1:
            what = f"at most {ACTION_HOLDOUTS_MAX} actions with a hold-out of their own"
            writing.fault("too_many", what, "one more", place, "Ask fewer things at once.")
        return round(share * MICRO)

    def _lever(self, action: Action, path: str) -> int:
        lever = self._writing.share(action.lever, f"{path}.lever", LEVER_MIN, LEVER_MAX, "a lever")
        return round(lever * MICRO)

    def _weight(self, action: Action, path: str) -> Condition | None:
        if action.weight == 1.0:
            return None
        text = action.weight if isinstance(action.weight, str) else repr(float(action.weight))
        return self._writing.expression(text, f"{path}.weight", Type.NUMBER)

    def cap(self, cap: Cap, path: str, action: Action | None = None) -> CapRule:
        """Read one cap, of an action or of everybody."""
        writing = self._writing
        if cap.at_most < 0:
            writing.fault("bad_cap", "a number of messages", str(cap.at_most), f"{path}.at_most")
        known: dict[str, set[str]] = {
            "action": {a.action for a in self._definitions.actions},
            "group": {group for group in self._groups if group},
            "channel": set(self._contact.channels),
            "class": {"promotional", "service"},
        }
        if cap.of is not None and cap.per == "person":
            what = "`per` beside `of`"
            writing.fault("bad_cap", what, "`of` alone", f"{path}.of", "Say per what is counted.")
        elif cap.of is not None and cap.of not in known[cap.per]:
            writing.unknown(f"a known {cap.per}", cap.of, f"{path}.of", sorted(known[cap.per]))
        within = writing.span(cap.within, f"{path}.within")
        per, of = cap.per, cap.of
        if action is not None and per == "person":
            # A cap that an action sets for itself is about itself.
            per, of = "action", action.action
        return CapRule(cap.at_most, within, per, of)

    def _arms(self, action: Action, path: str) -> tuple[ArmRule, ...]:
        writing = self._writing
        channels = tuple(dict.fromkeys(action.channels))
        for i, channel in enumerate(action.channels):
            if channel not in self._contact.channels:
                known = self._contact.channels
                writing.unknown("a channel", channel, f"{path}.channels[{i}]", known)
        if not channels and not action.effects.webhooks and action.effects.silence is None:
            what = "a channel, a webhook or a silence"
            writing.fault("no_effect", what, "none of them", f"{path}.channels")
        if not action.treatments:
            writing.fault("no_treatment", "a treatment", "none", f"{path}.treatments")
        names = [f"{t.channel or ''}|{t.language or ''}|{t.name}" for t in action.treatments]
        paths = [f"{path}.treatments[{i}].name" for i in range(len(names))]
        writing.named(names, paths, "one treatment of a name on a channel in a language")
        arms = []
        waits = self._waits(action, path)
        for i, treatment in enumerate(action.treatments):
            place = f"{path}.treatments[{i}]"
            if treatment.channel is not None and treatment.channel not in channels:
                writing.unknown(
                    "a channel of the action", treatment.channel, f"{place}.channel", channels
                )
            title, body, url = (
                writing.template(getattr(treatment, part), f"{place}.{part}")
                for part in ("title", "body", "url")
            )
            for channel in channels or ("",):
                if treatment.channel in (None, channel):
                    arm = self._arm(action, channel, treatment, (title, body, url))
                    arms += [arm, *self._later(arm, waits)]
        arms = list(writing.at_most(tuple(arms), ARMS_PER_ACTION_MAX, path, "arms of one action"))
        return tuple(sorted(arms, key=lambda arm: (arm.channel, arm.treatment)))

    def _arm(
        self, action: Action, channel: str, treatment: Treatment, words: tuple[Template, ...]
    ) -> ArmRule:
        quiet = self._contact.quiet_hours
        name = treatment.name
        if treatment.language is not None and treatment.name == "default":
            name = treatment.language
        self._arms_made += 1
        return ArmRule(
            number=self._arms_made - 1,
            action=action.action,
            channel=channel,
            treatment=name,
            language=treatment.language,
            title=words[0],
            body=words[1],
            url=words[2],
            subject=Subject(action=action.action, channel=channel or None),
            purposes=self._purposes(action, channel),
            is_loud=quiet is not None
            and channel in quiet.channels
            and action.message_class in quiet.classes,
        )

    def _waits(self, action: Action, path: str) -> dict[str, int]:
        """Read the later slots of an action, in ms by how they are written."""
        writing, waits = self._writing, dict[str, int]()
        goal = self._goals.get(action.goal)
        for i, text in enumerate(action.may_wait):
            place = f"{path}.may_wait[{i}]"
            wait_ms = writing.span(text, place)
            if action.tier not in WAITING_TIERS or action.message_class in FREE_CLASSES:
                remedy = "Help and what is owed is said at once."
                what, got = "retention or growth", f"{action.tier}, {action.message_class}"
                writing.fault("bad_moment", what, got, place, remedy)
            elif not action.channels:
                writing.fault("bad_moment", "a channel whose message waits", "none", place)
            elif goal is not None and wait_ms >= goal.within_ms:
                what = f"a slot within the window of the goal {goal.name}"
                writing.fault("bad_moment", what, repr(text), place)
            elif wait_ms in waits.values():
                writing.fault("bad_moment", "each slot once", repr(text), place)
            else:
                waits[text] = wait_ms
        for i, treatment in enumerate(action.treatments):
            if MOMENT in treatment.name:
                place = f"{path}.treatments[{i}].name"
                writing.fault("bad_moment", f"a name without {MOMENT}", treatment.name, place)
        return waits

    def _later(self, arm: ArmRule, waits: Mapping[str, int]) -> Iterator[ArmRule]:
        """Give the arms that say the same in later slots."""
        for text, wait_ms in waits.items():
            self._arms_made += 1
            yield arm._replace(
                number=self._arms_made - 1,
                treatment=f"{arm.treatment}{MOMENT}{text}",
                wait_ms=wait_ms,
            )

    def _purposes(self, action: Action, channel: str) -> tuple[str, ...]:
        default = {"promotional": MARKETING_PURPOSE, "service": SERVICE_PURPOSE}
        wanted = (
            action.purpose or default.get(action.message_class),
            self._contact.purposes.get(channel),
        )
        return tuple(dict.fromkeys(purpose for purpose in wanted if purpose))


def check_prior(writing: Writing, prior: definitions.Prior, path: str) -> Prior:
    """Check a belief: a probability that is not certain, and some strength."""
    if not 0 < prior.p < 1:
        remedy = "What is certain can never be learned."
        what = "a probability above 0 and below 1"
        writing.fault("bad_prior", what, repr(prior.p), f"{path}.p", remedy)
    elif not 0 < prior.strength <= PRIOR_STRENGTH_MAX:
        what = f"a strength above 0 and up to {PRIOR_STRENGTH_MAX:,.0f}"
        writing.fault("bad_prior", what, repr(prior.strength), f"{path}.strength")
    else:
        return Prior(prior.p, prior.strength)
    return Prior(0.5, 2.0)
