"""What an arm is worth, in money over the goal's window, in integers.

`([P(goal | arm) - P(goal | do_nothing)] * margin + d_clv + benefit * weight - cost - fatigue)
* lever`. Probabilities come from the model as shapes of a Beta distribution and are rounded to
millionths before anything is computed with them, so the terms of a record add up exactly.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from heedful.decide.compiled import ActionRule, ArmRule, GoalRule
from heedful.decide.definitions import DO_NOTHING
from heedful.decide.gates import Passed
from heedful.decide.run import Run
from heedful.expr import UNKNOWN
from heedful.kernel import MICRO, to_micros
from heedful.learn import ArmValue, Posterior, Prior


class Estimator(Protocol):
    """What a model can be asked: the chance of an arm to reach a goal."""

    learn_seq: int

    def posterior(
        self, arm: str, goal: str, prior: Prior, at: int | None = None
    ) -> tuple[float, float]:
        """Give the shapes of a Beta distribution."""


class Worth(NamedTuple):
    """An arm with its value and the terms that make it up."""

    passed: Passed
    value: int
    """Micros."""
    uncertain: ArmValue
    terms: dict[str, int]


class Valuer:
    """Values the arms of one decision."""

    def __init__(self, run: Run, recent_contacts: int) -> None:
        self._run = run
        self._contact = run.rules.contact
        self._models = run.surroundings.models
        self._fatigue = self._contact.fatigue_micros * recent_contacts
        self._nothing: dict[str, tuple[float, float, int]] = {}
        self.asked: dict[str, int] = {}
        """`learn_seq` of each model that was asked."""

    def worth(self, passed: Passed) -> Worth:
        """Value one arm."""
        action, arm, _ = passed
        alpha, beta = self._posterior(action.model, arm_key(arm), action.goal, action.prior)
        p_ppm = _ppm(alpha, beta)
        margin = self.margin(action.goal)
        if self._contact.is_product:
            return self._product(passed, alpha, beta, p_ppm, margin)
        p_nothing_ppm = self.nothing(action.goal)[2]
        increment = (p_ppm - p_nothing_ppm) * margin // MICRO
        benefit = action.benefit * self._contact.benefit_ppm // MICRO
        fatigue = self._fatigue if arm.channel else 0
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
        return Worth(passed, value, uncertain, terms)

    def _product(self, passed: Passed, alpha: float, beta: float, p_ppm: int, margin: int) -> Worth:
        action = passed.action
        weight_ppm = self._weight(action)
        gain = margin * weight_ppm // MICRO * action.lever_ppm // MICRO
        value = p_ppm * gain // MICRO
        terms = {
            "p_ppm": p_ppm,
            "margin": margin,
            "weight_ppm": weight_ppm,
            "lever_ppm": action.lever_ppm,
            "value": value,
        }
        return Worth(passed, value, ArmValue(alpha, beta, float(gain), 0.0), terms)

    def _weight(self, action: ActionRule) -> int:
        if action.weight is None:
            return MICRO
        value = self._run.readings.value(action.weight)
        micros = None if value is None or value is UNKNOWN else to_micros(value)
        return max(micros, 0) if micros is not None else MICRO

    def margin(self, goal: GoalRule) -> int:
        """Give what an outcome is expected to be worth: as stated, else as experienced."""
        if goal.margin is not None:
            return goal.margin
        return self._run.surroundings.margins.get(goal.name, 0)

    def nothing(self, goal: GoalRule) -> tuple[float, float, int]:
        """Give the chance of a goal when nothing is done: shapes, and millionths."""
        known = self._nothing.get(goal.name)
        if known is None:
            model = self._run.rules.fallback_model
            alpha, beta = self._posterior(model, DO_NOTHING, goal, goal.prior)
            known = self._nothing[goal.name] = (alpha, beta, _ppm(alpha, beta))
        return known

    def silence(self, goals: list[GoalRule]) -> tuple[ArmValue, dict[str, int]]:
        """Value doing nothing: 0 by definition, uncertain by the goal that is most so.

        Notes
        -----
        An arm's value is what it adds to doing nothing for its own goal. Among arms of one goal
        this is exact; with several goals silence stands for the one whose worth is least known.
        """
        if self._contact.is_product or not goals:
            return ArmValue(1.0, 1.0, 0.0, 0.0), {"value": 0}
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
        return value, {"p_nothing_ppm": p_ppm, "margin": margin, "value": 0}

    def _posterior(self, model: str, arm: str, goal: GoalRule, prior: Prior) -> tuple[float, float]:
        estimator: Estimator | Any = self._models.get(model)
        if estimator is None:
            return Posterior(prior.p * prior.strength, (1.0 - prior.p) * prior.strength)
        self.asked[model] = estimator.learn_seq
        alpha, beta = estimator.posterior(arm, goal.name, prior, self._run.now)
        return alpha, beta


def arm_key(arm: ArmRule) -> str:
    """Name an arm as models know it.

    Notes
    -----
    Names hold no `/`, so two arms never share one.
    """
    return f"{arm.action}/{arm.channel}/{arm.treatment}"


def _ppm(alpha: float, beta: float) -> int:
    return round(alpha / (alpha + beta) * MICRO)
