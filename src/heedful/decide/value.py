"""What an arm is worth, in money over the goal's window, in integers.

`([P(goal | arm) - P(goal | do_nothing)] * margin + d_clv + benefit * weight - cost - fatigue)
* lever`. Probabilities come from the model as shapes of a Beta distribution and are rounded to
millionths before anything is computed with them, so the terms of a record add up exactly.

A model is asked as of the full hour, and what it says of an arm does not depend on the person: the
value of an arm is therefore computed once for every state of the models and every number of recent
contacts, and remembered until a model has learned more.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Final, NamedTuple, Protocol

from heedful.decide.choice import Choice, Option, members
from heedful.decide.compiled import ActionRule, ArmRule, ContactRules, GoalRule
from heedful.decide.definitions import DO_NOTHING
from heedful.decide.readings import Readings
from heedful.decide.types import Candidate, Surroundings
from heedful.expr import UNKNOWN
from heedful.kernel import HOUR_MS, MICRO, to_micros
from heedful.learn import ArmColumns, ArmValue, Posterior, Prior, selection_probabilities

_TABLES_MAX: Final = 64
_SETS_MAX: Final = 256


class Estimator(Protocol):
    """What a model can be asked: the chance of an arm to reach a goal."""

    learn_seq: int

    def posterior(
        self, arm: str, goal: str, prior: Prior, at: int | None = None
    ) -> tuple[float, float]:
        """Give the shapes of a Beta distribution."""


class Worth(NamedTuple):
    """What an arm is worth, and the terms that make it up."""

    value: int
    """Micros."""
    uncertain: ArmValue
    terms: dict[str, int]
    """Shared between records; never to be changed."""


class Weighed(NamedTuple):
    """What arms are worth, one by one and as columns."""

    worths: list[Worth]
    table: ArmColumns


class Chances(NamedTuple):
    """What the arms that passed are drawn with; the same for everybody for whom these passed."""

    options: list[Option]
    worths: list[Worth]
    nothing: dict[str, int]
    """Terms of doing nothing."""
    weights: list[int]
    """Of every arm and, last, of doing nothing, in units of 2**-32."""
    sums: list[int]
    """Of the weights up to each place, which a draw is looked up in."""
    lost: list[Candidate]
    """The record of every arm as one that was not drawn."""


class Valuer:
    """Values arms for one state of the models; remembers what it computed."""

    def __init__(self, contact: ContactRules, fallback_model: str, shared: Surroundings, at: int):
        self._contact = contact
        self._fallback_model = fallback_model
        self._models: dict[str, Estimator] = dict(shared.models)
        self._margins = dict(shared.margins)
        self._hour = at - at % HOUR_MS
        self._nothing: dict[str, tuple[float, float, int]] = {}
        self._known: dict[int, dict[int, Worth]] = {}
        self._chances: dict[tuple[Choice, int, int], Chances] = {}
        self._silences: dict[tuple[GoalRule, ...], Weighed] = {}
        self._tables: dict[tuple[Choice, int], Weighed] = {}
        self.asked = {name: model.learn_seq for name, model in sorted(self._models.items())}
        """`learn_seq` of each model."""

    def serves(self, shared: Surroundings, at: int) -> bool:
        """Say whether what is remembered still holds."""
        return (
            at - at % HOUR_MS == self._hour
            and len(shared.models) == len(self.asked)
            and all(
                model is shared.models.get(name) and model.learn_seq == self.asked[name]
                for name, model in self._models.items()
            )
            and shared.margins == self._margins
        )

    def chances(self, choice: Choice, passed: int, recent: int, readings: Readings) -> Chances:
        """Give the chances of the arms that passed for a person who heard from us so often.

        Notes
        -----
        They depend on the set of arms and not on the person, so people for whom the same gates
        are open share them, until a model has learned more.
        """
        key = choice, passed, recent
        known = self._chances.get(key)
        if known is None:
            known = self._chances_of(choice, passed, recent, readings)
            if not choice.is_weighted:
                if len(self._chances) >= _SETS_MAX:
                    self._chances.clear()
                self._chances[key] = known
        return known

    def _chances_of(self, choice: Choice, passed: int, recent: int, readings: Readings) -> Chances:
        options = list(members(choice.options, passed))
        worths, table = self.weigh(choice, passed, options, recent, readings)
        nothing = self.silence(choice.goals_of(passed))
        floor = self._contact.floor
        weights = selection_probabilities(table.with_last(nothing.table), floor)
        lost = [
            Candidate(*option.arm.id, "lost", "not_drawn", weight, worth.terms)
            for option, worth, weight in zip(options, worths, weights, strict=False)
        ]
        terms = nothing.worths[0].terms
        return Chances(options, worths, terms, weights, list(accumulate(weights)), lost)

    def weigh(
        self, choice: Choice, passed: int, options: list[Option], recent: int, readings: Readings
    ) -> Weighed:
        """Value the arms that passed for a person who heard from us so often lately."""
        if choice.is_weighted:
            worths = [self._worth_of(option, recent, readings) for option in options]
            return Weighed(worths, ArmColumns([worth.uncertain for worth in worths]))
        known = self._tables.get((choice, recent))
        if known is None:
            worths = [self._worth_of(option, recent, readings) for option in choice.options]
            known = Weighed(worths, ArmColumns([worth.uncertain for worth in worths]))
            if len(self._tables) >= _TABLES_MAX:
                self._tables.clear()
            self._tables[choice, recent] = known
        if passed == choice.all:
            return known
        numbers = [option.number for option in options]
        return Weighed(list(members(known.worths, passed)), known.table.take(numbers))

    def _worth_of(self, option: Option, recent: int, readings: Readings) -> Worth:
        known = self._known.setdefault(recent, {})
        worth = known.get(option.arm.number)
        if worth is None:
            worth = self._worth(option.action, option.arm, recent, readings)
            if option.action.weight is None:
                known[option.arm.number] = worth
        return worth

    def _worth(self, action: ActionRule, arm: ArmRule, recent: int, readings: Readings) -> Worth:
        alpha, beta = self._posterior(action.model, arm_key(arm), action.goal, action.prior)
        p_ppm = _ppm(alpha, beta)
        margin = self.margin(action.goal)
        if self._contact.is_product:
            return _product(action, alpha, beta, p_ppm, margin, _weight(action, readings))
        p_nothing_ppm = self.nothing(action.goal)[2]
        increment = (p_ppm - p_nothing_ppm) * margin // MICRO
        benefit = action.benefit * self._contact.benefit_ppm // MICRO
        fatigue = self._contact.fatigue_micros * recent if arm.channel else 0
        rest = action.d_clv + benefit - action.cost - fatigue
        lever = action.lever_ppm
        value = (increment + rest) * lever // MICRO
        offset = (rest - p_nothing_ppm * margin // MICRO) * lever // MICRO
        terms = {
            "p_ppm": p_ppm,
            "p_nothing_ppm": p_nothing_ppm,
            "margin": margin,
            "increment": increment,
            "d_clv": action.d_clv,
            "benefit": benefit,
            "cost": action.cost,
            "fatigue": fatigue,
            "lever_ppm": lever,
            "value": value,
        }
        uncertain = ArmValue(alpha, beta, float(margin * lever // MICRO), float(offset))
        return Worth(value, uncertain, terms)

    def margin(self, goal: GoalRule) -> int:
        """Give what an outcome is expected to be worth: as stated, else as experienced."""
        return self._margins.get(goal.name, 0) if goal.margin is None else goal.margin

    def nothing(self, goal: GoalRule) -> tuple[float, float, int]:
        """Give the chance of a goal when nothing is done: shapes, and millionths."""
        known = self._nothing.get(goal.name)
        if known is None:
            alpha, beta = self._posterior(self._fallback_model, DO_NOTHING, goal, goal.prior)
            known = self._nothing[goal.name] = (alpha, beta, _ppm(alpha, beta))
        return known

    def silence(self, goals: tuple[GoalRule, ...]) -> Weighed:
        """Value doing nothing where these are the goals of the arms beside it."""
        known = self._silences.get(goals)
        if known is None:
            worth = self._silence(goals)
            known = self._silences[goals] = Weighed([worth], ArmColumns([worth.uncertain]))
        return known

    def _silence(self, goals: tuple[GoalRule, ...]) -> Worth:
        """Value doing nothing: 0 by definition, uncertain by the goal that is most so.

        Notes
        -----
        An arm's value is what it adds to doing nothing for its own goal. Among arms of one goal
        this is exact; with several goals silence stands for the one whose worth is least known.
        """
        if self._contact.is_product or not goals:
            return Worth(0, ArmValue(1.0, 1.0, 0.0, 0.0), {"value": 0})
        widest, most = goals[0], -1.0
        for goal in goals:
            alpha, beta, _ = self.nothing(goal)
            total = alpha + beta
            spread = self.margin(goal) * (alpha * beta / (total * total * (total + 1.0))) ** 0.5
            if spread > most:
                widest, most = goal, spread
        alpha, beta, p_ppm = self.nothing(widest)
        margin = self.margin(widest)
        value = ArmValue(alpha, beta, float(margin), float(-(p_ppm * margin // MICRO)))
        return Worth(0, value, {"p_nothing_ppm": p_ppm, "margin": margin, "value": 0})

    def _posterior(self, model: str, arm: str, goal: GoalRule, prior: Prior) -> tuple[float, float]:
        estimator = self._models.get(model)
        if estimator is None:
            return Posterior(prior.p * prior.strength, (1.0 - prior.p) * prior.strength)
        return estimator.posterior(arm, goal.name, prior, self._hour)


def _product(
    action: ActionRule, alpha: float, beta: float, p_ppm: int, margin: int, weight_ppm: int
) -> Worth:
    gain = margin * weight_ppm // MICRO * action.lever_ppm // MICRO
    value = p_ppm * gain // MICRO
    terms = {
        "p_ppm": p_ppm,
        "margin": margin,
        "weight_ppm": weight_ppm,
        "lever_ppm": action.lever_ppm,
        "value": value,
    }
    return Worth(value, ArmValue(alpha, beta, float(gain), 0.0), terms)


def _weight(action: ActionRule, readings: Readings) -> int:
    if action.weight is None:
        return MICRO
    value = readings.value(action.weight)
    micros = None if value is None or value is UNKNOWN else to_micros(value)
    return max(micros, 0) if micros is not None else MICRO


def arm_key(arm: ArmRule) -> str:
    """Name an arm as models know it.

    Notes
    -----
    Names hold no `/`, so two arms never share one.
    """
    return f"{arm.action}/{arm.channel}/{arm.treatment}"


def _ppm(alpha: float, beta: float) -> int:
    return round(alpha / (alpha + beta) * MICRO)
