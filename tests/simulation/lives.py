"""People who live through a random strategy, and a watcher who reads every step that is taken.

Nothing here waits or asks the clock: time is a number that chance moves on.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any, Final

from heedful import customer, decide, sense
from heedful.customer import Profile, ProfileRules
from heedful.decide import (
    DO_NOTHING,
    TIERS,
    Action,
    Case,
    Decision,
    NewEvent,
    Person,
    Rules,
    Step,
    Surroundings,
    compile_rules,
    decode_case,
    encode_case,
    merge_cases,
    new_case,
    step,
)
from heedful.decide.case import RELEASED
from heedful.decide.lessons import with_features
from heedful.effects import OutboundEffect, SendMessage
from heedful.events import CONSENT_CHANGED, MESSAGE_RELEASED, Event, Identifier
from heedful.govern.governance import Governance
from heedful.kernel import MICRO, hash_key, public_id
from heedful.learn import LearningRow, Model
from heedful.sense import SignalSet
from tests.simulation.ledger import FREE, Broken, Ledger, fresh_within
from tests.simulation.records import ONE, SECRET, check_explanation, check_record
from tests.simulation.strategies import Written, signals_of

MONDAY: Final = 1_700_438_400_000  # 2023-11-20, midnight in UTC
BINS: Final = 20


class Findings:
    """What was seen over all lives."""

    def __init__(self) -> None:
        self.decisions = 0
        self.released = 0
        self.codes: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.withdrawn: Counter[str] = Counter()
        self.tiers: Counter[str] = Counter()
        # Of candidates whose chance fell into a bin: how many, the sum of chances, how many won.
        self.bins = [[0, 0, 0] for _ in range(BINS)]

    def count(self, decision: Decision) -> None:
        """Take in one decision."""
        self.decisions += 1
        self.reasons[decision.reason] += 1
        self.tiers[decision.tier] += decision.action != DO_NOTHING
        self.codes.update(c.reason_code for c in decision.candidates if c.verdict == "gated")
        if decision.reason == "drawn":
            for candidate in decision.candidates:
                if candidate.weight:
                    found = self.bins[min(candidate.weight * BINS // ONE, BINS - 1)]
                    found[0] += 1
                    found[1] += candidate.weight
                    found[2] += candidate.verdict == "chosen"


class Game:
    """What lives share: the strategy, models, budgets, switches and incidents."""

    def __init__(self, written: Written, findings: Findings) -> None:
        self.written = written
        self.findings = findings
        self.actions = {a.action: a for a in written.definitions.actions}
        self.signals: SignalSet = signals_of(written.definitions)
        self.rules: Rules = compile_rules(written.definitions, self.signals, version="v1")
        self.governance = Governance()
        self.models: dict[str, Model] = {n: rule.new() for n, rule in self.rules.models.items()}
        self.seen: dict[str, bytes] = {}
        """What decisions saw of people, by their public id."""
        self.seq = 0
        self.budgets = {
            name: round(budget.amount * MICRO)
            for name, budget in written.definitions.contact.budgets.items()
        }
        self.act_within = fresh_within(written.definitions)

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings(
            secret=SECRET,
            models=self.models,
            governance=self.governance,
            budgets=self.budgets,
        )

    def learn(self, rows: list[LearningRow]) -> None:
        """Teach the models, which are new snapshots from then on."""
        learned = {name: model.copy() for name, model in self.models.items()}
        for row in with_features([row for row in rows if not row.is_beside], self.seen):
            self.seq += 1
            for model in learned.values():
                model.learn_one(_numbered(row, self.seq))
        self.models = learned


def _numbered(row: LearningRow, seq: int) -> LearningRow:
    values = {name: getattr(row, name) for name in row.__struct_fields__}
    return LearningRow(**{**values, "learn_seq": seq})


class Life:
    """One person: facts, a case, an outbox, and the ledger that watches."""

    def __init__(self, game: Game, number: int, luck: Random, now: int) -> None:
        self.game = game
        self.number = number
        self.luck = luck
        self.now = now
        names = [("user_id", f"u{number}")]
        names += [(n, f"{n}{number}") for n in ("email", "phone", "push") if luck.random() < 0.7]
        self.identifiers = tuple(Identifier(*name) for name in names)
        self.profile = Profile()
        self.senses = sense.Senses(set_id=game.signals.id)
        self.case: Case = new_case()
        self.ledger = Ledger(game.written, frozenset(n for n, _ in names))
        self.count = 0
        self.waiting: dict[str, OutboundEffect] = {}
        self.due: dict[str, int] = {}
        self.out: list[str] = []
        self.decided: list[int] = []
        self.agreed: set[int] = set()
        self.learned: list[LearningRow] = []

    # What happens

    def happen(self, type_: Any, name: str, *, age: int = 0, **more: Any) -> Step:
        """Let something happen, fold it, and step as the engine does."""
        event = self._event(type_, name, age, **more)
        self._fold(event)
        self.ledger.observe(event)
        self.ledger.now = self.now
        rules = self.game.rules
        if not (rules.concerns(event) or self.case.is_active):
            return Step()
        case = decode_case(encode_case(self.case))
        made = step(rules, self.game.surroundings, self._person(), case, event, self.number)
        before, self.case = self.case, decode_case(encode_case(case))
        self._watch(made, event, before)
        self._keep(made)
        return made

    def _event(self, type_: Any, name: str, age: int, **more: Any) -> Event:
        self.count += 1
        return Event(
            type=type_,
            name=name,
            at=self.now - age,
            key=hash_key(SECRET, "event", str(self.number), str(self.count)),
            source="web" if type_ != "own" else "heedful",
            message_id=str(self.count),
            received_at=self.now,
            **more,
        )

    def _person(self) -> Person:
        return Person(self.number, self.profile, self.senses, lambda: self.identifiers)

    def _fold(self, event: Event) -> None:
        customer.apply(self.profile, event, ProfileRules())
        sense.fold(self.senses, event, self.game.signals)

    def _keep(self, made: Step) -> None:
        self.learned += made.learned
        self.game.seen |= {public_id("d", one.id): one.features for one in made.decisions}
        for effect in made.effects:
            self.waiting[effect.id] = effect
            self.due[effect.id] = effect.due
        for effect_id, due, _ in made.postponed:
            self.due[effect_id] = due
        for effect_id, code in made.withdrawn:
            self.game.findings.withdrawn[code] += 1
            self.waiting.pop(effect_id, None)
            self.out = [known for known in self.out if known != effect_id]
        self.out += [effect_id for effect_id in made.released if effect_id not in self.out]
        for budget, micros in made.spent:
            self.game.budgets[budget] -= micros
        for said in made.events:
            self._fold(self._event("own", said.name, 0, properties=said.properties))
            self.ledger.hear(said)

    def send(self) -> None:
        """Bring up every effect whose time has come."""
        for effect_id in [e for e in self.waiting if self.due[e] <= self.now]:
            if effect_id in self.waiting and effect_id not in self.out:
                self.happen("own", decide.EFFECT_DUE, properties={"effect_id": effect_id})
                self.now += 1

    def settle(self, status: str) -> None:
        """Let a released effect end, or be tried again."""
        effect_id = self.out[self.luck.randrange(len(self.out))]
        if status == "again":
            self.happen("own", decide.EFFECT_DUE, properties={"effect_id": effect_id})
            return
        self.out.remove(effect_id)
        self.waiting.pop(effect_id, None)
        said = {"effect_id": effect_id, "status": status}
        self.happen("own", decide.EFFECT_SETTLED, properties=said)

    def join(self, other: Life) -> None:
        """Turn out to be the same person as somebody else."""
        self.profile = customer.merge(self.profile, other.profile, ProfileRules())
        self.senses = sense.merge(self.senses, other.senses, self.game.signals)
        self.case = merge_cases(self.case, other.case)
        known = dict(reversed(self.identifiers)) | dict(reversed(other.identifiers))
        self.identifiers = tuple(Identifier(*name) for name in known.items())
        self.ledger.join(other.ledger)
        self.ledger.traits = {name: e[0].value for name, e in self.profile.traits.items()}
        # Of many instances of one need a case keeps the newest, even where an older one is open.
        self.ledger.open = [(n.name, n.tier) for n in self.case.needs if not n.closed_at]
        self.ledger.hold(self.case.holdouts)
        self.waiting |= other.waiting
        self.due |= other.due
        self.out += other.out
        self.decided += other.decided
        self.agreed |= other.agreed
        self.learned += other.learned

    # Watching

    def _watch(self, made: Step, event: Event, before: Case) -> None:
        """Compare a step with the rules that nothing may break; its own words are not yet heard."""
        findings, ledger = self.game.findings, self.ledger
        known = list(ledger.open)
        for said in made.events:
            # What a step says of needs and consents it says before it decides.
            if said.name in (decide.NEED_OPENED, decide.NEED_CLOSED, CONSENT_CHANGED):
                ledger.hear(said)
        for decision in made.decisions:
            findings.count(decision)
            self.decided.append(decision.id)
            ledger.notice(decision)
            check_record(decision)
            if findings.decisions % 8 == 0:
                check_explanation(decision, self.game.rules)
            if decision.action != DO_NOTHING:
                self._check_decision(decision, made, event, before)
        if made.answer is not None and made.answer.reason == "standing":
            self._check_standing(made.answer)
        for budget, micros in made.spent:
            if micros > self.game.budgets[budget]:
                raise Broken(f"budget {budget}")
        self._check_releases(made)
        ledger.open = known

    def _check_decision(self, decision: Decision, made: Step, event: Event, before: Case) -> None:
        game = self.game
        action = game.actions[decision.action]
        is_incident = decision.reason == "incident_message"
        if action.only_in_incidents and not is_incident:
            raise Broken("an incident's message without an incident")
        channel = decision.channel or ""
        self._check(decision.action, channel, decision.treatment or "", decision.placement or "")
        model = game.rules.actions[action.action].model
        self.ledger.no_spared(game.governance, action, channel, model, decision.placement or "")
        self.ledger.no_false(action)
        self.ledger.no_growth_over_needs(action, is_incident=is_incident)
        self.ledger.no_withheld(action, is_incident=is_incident)
        if action.message_class not in FREE and not is_incident:
            self._check_order(decision, before)
        if event.name == decide.DECISION_REQUESTED:
            return
        if event.received_at - event.at > game.act_within:
            raise Broken("acted on an old event")
        for effect in made.effects:
            is_its = effect.decision_id == public_id("d", decision.id)
            if is_its and isinstance(effect.effect, SendMessage):
                self.ledger.no_noise(action, channel, effect.due)

    def _check(self, name: str, channel: str, treatment: str, placement: str) -> None:
        """Check what binds decisions, releases and what is tried again alike."""
        game, ledger, action = self.game, self.ledger, self.game.actions[name]
        model = game.rules.actions[name].model
        ledger.no_unwanted(action, channel)
        ledger.no_stopped(game.governance, action, channel, model, placement)
        ledger.no_opaque(action)
        ledger.no_silenced(action)
        ledger.no_other_intent(action)
        spoken = {t.language for t in action.treatments}
        ledger.no_unreachable(channel, treatment if treatment in spoken else None)

    def _check_standing(self, decision: Decision) -> None:
        """Check that what is answered again may still be shown."""
        if decision.action == DO_NOTHING or decision.channel is None:
            return
        action = self.game.actions[decision.action]
        placement = decision.placement or ""
        self._check(action.action, decision.channel, decision.treatment or "", placement)
        self.ledger.no_false(action, is_later=True)

    def _check_order(self, decision: Decision, before: Case) -> None:
        """Check that every higher need had nothing left to be done for it."""
        rank = TIERS.index(decision.tier)
        stopped = {c.action for c in decision.candidates if c.verdict == "gated"}
        standing = [*before.standing, *self.case.standing]
        under_way = {s.need for s in standing if s.is_waiting}
        slot = next((s.slot for s in self.case.standing if s.id == decision.id), None)
        if slot is None:
            return  # of somebody marked `qa`, done with, and forgotten already
        for need, tier in self.ledger.open:
            if TIERS.index(tier) >= rank or need in under_way:
                continue
            for action in self.game.actions.values():
                is_meant = need in action.needs or not action.needs
                is_usual = action.message_class not in FREE and not action.only_in_incidents
                if action.tier != tier or not (is_meant and is_usual and _fits(action, slot)):
                    continue
                if action.action not in stopped:
                    raise Broken(f"{decision.tier} before {need} ({tier})")

    def _check_releases(self, made: Step) -> None:
        ledger = self.ledger
        said = [s for s in made.events if s.name == MESSAGE_RELEASED]
        counted = {str(s.properties["effect_id"]) for s in said}
        for effect_id in made.released:
            effect = self.waiting[effect_id].effect
            if isinstance(effect, SendMessage) and effect_id not in counted:
                # Another try of what was counted the first time.
                self._check(effect.action, effect.channel, effect.treatment, "")
                ledger.no_noise(self.game.actions[effect.action], effect.channel, self.now)
        for one in said:
            self.game.findings.released += 1
            self._check_release(one)

    def _check_release(self, said: NewEvent) -> None:
        ledger, properties = self.ledger, said.properties
        action = self.game.actions[properties["action"]]
        channel, treatment = properties["channel"], properties["treatment"]
        is_in_slot = not properties["effect_id"]
        standing = next(
            (s for s in self.case.standing if public_id("d", s.id) == properties["decision_id"]),
            None,
        )
        need = "" if standing is None else standing.need
        is_incident = need.startswith("incident:")
        ledger.no_too_many(action, channel)
        ledger.no_noise(action, channel, self.now)
        if is_in_slot:
            return  # all else was checked as the decision that it is
        assert standing is not None
        self._check(action.action, channel, treatment, "")
        model = self.game.rules.actions[action.action].model
        ledger.no_spared(self.game.governance, action, channel, model, "")
        ledger.no_false(action, is_later=True)
        ledger.no_growth_over_needs(action, is_incident=is_incident)
        ledger.no_withheld(action, is_incident=is_incident)
        is_bound = bool(need) and not is_incident and action.message_class not in FREE
        if is_bound and all(name != need for name, _ in ledger.open):
            raise Broken(f"help for {need}, which is closed")
        if action.message_class not in FREE and any(
            s.action == action.action and s.status >= RELEASED and s.stands_until > self.now
            for s in self.case.standing
            if s is not standing
        ):
            raise Broken("said again while it stands")
        if action.decision_type == "agreed" and standing.id not in self.agreed:
            raise Broken("nobody agreed")


def _fits(action: Action, slot: str) -> bool:
    kind, _, name = slot.partition(":")
    if kind == "slot":
        return (not action.placements or name in action.placements) and "inapp" in action.channels
    return kind == "" or name in action.channels
