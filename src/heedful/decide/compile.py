"""From a strategy's words to rules that can be used, or to every fault with its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from heedful.customer import ProfileRules, TraitType
from heedful.decide.builtin import BUILTIN, BuiltIn
from heedful.decide.compile_actions import Actions, check_prior
from heedful.decide.compile_models import Models
from heedful.decide.compiled import (
    TIER_RANK,
    ActionRule,
    ContactRules,
    GoalRule,
    NeedRule,
    TriggerRule,
)
from heedful.decide.definitions import Definitions, Goal, Need, Rule
from heedful.decide.limits import (
    ACTIONS_MAX,
    HOLDOUT_SHARE_MAX,
    MONEY_MAX,
    NEEDS_MAX,
    RULES_MAX,
)
from heedful.decide.readings import Condition
from heedful.decide.rules import Rules
from heedful.decide.writing import Writing
from heedful.expr import Type
from heedful.govern.hours import QuietSpan, is_zone, read_clock
from heedful.kernel import MICRO, InputError, to_micros
from heedful.sense import SignalSet

_HELD: Final = ("retention", "growth")
_WEIGHT_MAX: Final = 100.0


def compile_rules(
    definitions: Definitions,
    signals: SignalSet,
    *,
    version: str,
    profile: ProfileRules | None = None,
    faults: list[InputError] | None = None,
    ignored: frozenset[str] = frozenset(),
) -> Rules:
    """Check definitions and compile them.

    Parameters
    ----------
    definitions
        As written.
    signals
        The signals that conditions read, with `builtin_signals(definitions.builtin)` among them;
        a built-in trigger without its signals never fires.
    version
        Of the strategy; every decision names it.
    profile
        How traits are read: unions as lists, expired ones not at all.
    faults
        Where given, every fault is appended, and the rules are made of what has none.
    ignored
        Reason codes of gates that stay open, to ask what they change; never where it counts.

    Raises
    ------
    InputError
        The first fault, when `faults` is absent. `detail.path` says where, as in `Definitions`.

    Examples
    --------
    >>> from heedful.decide import Definitions, compile_rules
    >>> from heedful.sense import compile_signals
    >>> compile_rules(Definitions(), compile_signals([]), version="v1").is_empty
    True
    """
    profile = profile or ProfileRules()
    traits = {name: rule.type for name, rule in sorted(profile.traits.items())}
    compiler = _Compiler(definitions, signals, traits)
    rules = Rules(
        version=version,
        signals=signals,
        profile=profile,
        needs=compiler.needs,
        goals=compiler.goals,
        actions=compiler.actions,
        triggers=compiler.triggers,
        builtin=BuiltIn(definitions.builtin, signals),
        models=compiler.models.rules,
        features=compiler.models.plan,
        weighs_delay=definitions.weighs_delay and bool(definitions.model_entries),
        scores=compiler.models.scores,
        promotion=definitions.promotion,
        fallback_model=definitions.fallback_model,
        currency=definitions.currency,
        contact=compiler.contact,
        conditions=tuple(compiler.writing.conditions),
        ignored=ignored,
    )
    if faults is not None:
        faults += compiler.writing.faults
    elif compiler.writing.faults:
        raise compiler.writing.faults[0]
    return rules


class _Compiler:
    def __init__(
        self, definitions: Definitions, signals: SignalSet, traits: Mapping[str, TraitType]
    ) -> None:
        self.writing = writing = Writing(signals)
        self._definitions = definitions
        needs = writing.at_most(definitions.needs, NEEDS_MAX, "$.needs", "needs")
        paths = [f"$.needs[{i}].name" for i in range(len(needs))]
        writing.named([need.name for need in needs], paths, "a name of its own")
        self.needs = self._needs(needs)
        self.goals = {
            name: self._goal(name, goal, f"$.goals.{name}")
            for name, goal in sorted(definitions.goals.items())
        }
        self.models = Models(writing, definitions, signals, traits)
        needs_by_name = {need.name: need for need in self.needs}
        scores = self.models.scores
        reader = Actions(writing, definitions, needs_by_name, self.goals, scores)
        self.actions = self._actions(reader)
        self.triggers = self._triggers()
        self.contact = self._contact(reader)

    def _needs(self, needs: tuple[Need, ...]) -> tuple[NeedRule, ...]:
        writing, found = self.writing, []
        for i, need in enumerate(needs):
            path = f"$.needs[{i}]"
            opens = writing.condition(need.opens_when, f"{path}.opens_when")
            closes_on = writing.patterns(need.closes_on, f"{path}.closes_on")
            closes_when = writing.condition(need.closes_when, f"{path}.closes_when")
            expires_ms = writing.span(need.expires_after, f"{path}.expires_after")
            if opens is not None:
                rank = TIER_RANK[need.tier]
                found.append(
                    NeedRule(
                        need.name, need.tier, rank, i, opens, closes_on, closes_when, expires_ms
                    )
                )
        ordered = sorted(found, key=lambda need: (need.rank, need.position))
        return tuple(need._replace(position=i) for i, need in enumerate(ordered))

    def _goal(self, name: str, goal: Goal, path: str) -> GoalRule:
        writing = self.writing
        where = writing.condition(goal.where, f"{path}.where")
        on = writing.patterns(goal.on, f"{path}.on")
        if where is not None:
            on = tuple(match._replace(where=(where, *match.where)) for match in on)
        currency = self._definitions.currency
        if goal.currency not in (None, currency):
            what, got = f"{currency}, as everywhere in the strategy", repr(goal.currency)
            writing.fault("mixed_currencies", what, got, f"{path}.currency")
        value: int | Condition
        if isinstance(goal.value, str):
            value = writing.expression(goal.value, f"{path}.value", Type.NUMBER) or 0
        else:
            value = writing.money(goal.value, f"{path}.value")
        margin = goal.margin
        if margin is None and isinstance(value, int):
            expected_micros: int | None = value
        else:
            expected_micros = None if margin is None else writing.money(margin, f"{path}.margin")
        within_ms = writing.span(goal.within, f"{path}.within")
        prior = check_prior(writing, goal.prior, f"{path}.prior")
        return GoalRule(name, on, within_ms, value, expected_micros, prior)

    def _actions(self, reader: Actions) -> tuple[ActionRule, ...]:
        writing = self.writing
        actions = writing.at_most(self._definitions.actions, ACTIONS_MAX, "$.actions", "actions")
        paths = [f"$.actions[{i}].action" for i in range(len(actions))]
        writing.named([action.action for action in actions], paths, "a name of its own")
        found = [reader.read(action, f"$.actions[{i}]") for i, action in enumerate(actions)]
        return tuple(sorted((a for a in found if a is not None), key=lambda a: a.name))

    def _triggers(self) -> tuple[TriggerRule, ...]:
        writing = self.writing
        rules = writing.at_most(self._definitions.rules, RULES_MAX, "$.rules", "rules")
        paths = [f"$.rules[{i}].name" for i in range(len(rules))]
        writing.named([rule.name for rule in rules], paths, "a name of its own")
        for i, name in enumerate(self._definitions.builtin):
            if name not in BUILTIN:
                writing.unknown("a built-in trigger", name, f"$.builtin[{i}]", BUILTIN)
        return tuple(self._trigger(rule, f"$.rules[{i}]") for i, rule in enumerate(rules))

    def _trigger(self, rule: Rule, path: str) -> TriggerRule:
        writing = self.writing
        if rule.on is None and rule.when is None:
            writing.fault("no_trigger", "`on`, `when` or both", "neither", path)
        return TriggerRule(
            rule.name,
            writing.patterns(rule.on, f"{path}.on"),
            writing.condition(rule.when, f"{path}.when"),
            rule.placement,
            writing.silence(rule.silence, f"{path}.silence"),
            writing.span(rule.act_within, f"{path}.act_within"),
            writing.span(rule.at_most_every, f"{path}.at_most_every", is_zero_allowed=True),
        )

    def _contact(self, reader: Actions) -> ContactRules:
        writing, contact = self.writing, self._definitions.contact
        holdout, path = contact.holdout, "$.contact.holdout"
        for i, tier in enumerate(holdout.tiers):
            if tier not in _HELD:
                remedy = "Help is never withheld to prove a point."
                what = "`retention` or `growth`"
                writing.fault("bad_holdout", what, f"`{tier}`", f"{path}.tiers[{i}]", remedy)
        share = writing.share(holdout.share, f"{path}.share", 0.0, HOLDOUT_SHARE_MAX, "a share")
        for i, zone in enumerate(contact.zones_assumed):
            if not is_zone(zone):
                what = "an IANA zone such as Europe/Berlin"
                writing.fault("bad_zone", what, repr(zone), f"$.contact.zones_assumed[{i}]")
        for name, budget in contact.budgets.items():
            amount = to_micros(budget.amount)
            if amount is None or amount < 0:
                place = f"$.contact.budgets.{name}.amount"
                writing.fault("bad_money", "an amount of money", repr(budget.amount), place)
        weight = writing.share(
            contact.benefit_weight, "$.contact.benefit_weight", 0.0, _WEIGHT_MAX, "a weight"
        )
        fatigue = writing.share(contact.fatigue_cost, "$.contact.fatigue_cost", 0.0, MONEY_MAX)
        return ContactRules(
            caps=tuple(reader.cap(c, f"$.contact.caps[{i}]") for i, c in enumerate(contact.caps)),
            capped=frozenset(contact.capped),
            own_hours=self._own_hours(),
            zones_assumed=contact.zones_assumed,
            zone_trait=contact.zone_trait,
            fatigue_micros=round(fatigue * MICRO),
            floor=writing.share(contact.floor, "$.contact.floor", 0.0, 1.0, "a share"),
            benefit_ppm=round(weight * MICRO),
            is_product=contact.value == "product",
            holdout=holdout.name,
            holdout_ppm=round(share * MICRO),
            holdout_tiers=frozenset(holdout.tiers) & frozenset(_HELD),
            purposes=contact.purposes,
        )

    def _own_hours(self) -> tuple[QuietSpan, ...]:
        quiet = self._definitions.contact.quiet_hours
        if quiet is None:
            return ()
        minutes = []
        for name in ("start", "end"):
            try:
                minutes.append(read_clock(getattr(quiet, name), f"$.contact.quiet_hours.{name}"))
            except InputError as error:
                error.detail.setdefault("path", f"$.contact.quiet_hours.{name}")
                self.writing.faults.append(error)
                return ()
        return (QuietSpan(*minutes),)
