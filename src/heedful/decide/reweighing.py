"""A decision weighed again from its record: the same arms, terms and models, other features.

Law: everything but what models saw of the person is taken from the record, so what comes out
otherwise comes of the features alone. Weighed with its own features a record gives its own
weights; one that does not, since its models or its strategy are gone, is used for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from heedful.decide.choice import Choice, Option
from heedful.decide.choose import choose_best
from heedful.decide.definitions import DO_NOTHING
from heedful.decide.models import Serving, weights_of
from heedful.decide.pricing import Integers, Weighed
from heedful.decide.rules import Rules, Slot
from heedful.decide.sheet import Places, Sheet
from heedful.decide.types import Candidate, Decision
from heedful.kernel import HOUR_MS, MICRO
from heedful.learn import PROBABILITY_ONE, BetaArms, Model, unpack_features

SAME: Final = PROBABILITY_ONE // MICRO
"""Difference up to which two weights are the same: a sum in another order rounds otherwise."""

_WEIGHED: Final = ("drawn", "best_value")
_UNTRAINED: Final = BetaArms()
Weights = dict[str, int]


class Ground(NamedTuple):
    """A record laid out to be weighed again."""

    decision: Decision
    choice: Choice
    options: list[Option]
    """The arms that passed the gates, in the order of the choice."""
    arms: Places
    """Their numbers."""
    passed: int
    """The same as a set."""
    recent: int
    """How often the person had heard from us lately."""
    margins: Mapping[str, int]
    """Micros that an outcome was worth, by goal."""
    weights: Integers | None
    """Context weights in millionths, under the product formula."""
    later: Integers | None
    """Micros that every arm of the choice changes about what comes later."""


def weights_by_action(decision: Decision) -> Weights:
    """Sum the weights of a record by action, silence included, in units of 2**-32."""
    found: Weights = {}
    for one in decision.candidates:
        found[one.action] = found.get(one.action, 0) + one.weight
    return found


def is_weighed(decision: Decision) -> bool:
    """Say whether values made a decision, and no gate or hold-out, and models saw the person."""
    return decision.reason in _WEIGHED and bool(decision.features)


def ground_again(rules: Rules, decision: Decision) -> Ground | None:
    """Lay a record out under the rules of its version; None where these know its arms no more."""
    scored = {
        (c.action, c.channel, c.treatment): c
        for c in decision.candidates
        if c.terms and c.action != DO_NOTHING
    }
    if decision.placement is None:
        slot = Slot()
    else:
        slot = Slot(decision.placement, next(iter(scored), ("", "", ""))[1] or None, True)
    choice = rules.choice(decision.need or "", slot)
    options = [option for option in choice.options if option.arm.id in scored]
    if not scored or len(options) != len(scored):
        return None
    terms = [scored[option.arm.id].terms for option in options]
    tiring = rules.contact.fatigue_micros
    weights = None
    if rules.contact.is_product:
        weights = np.array([one.get("weight_ppm", MICRO) for one in terms], dtype=np.int64)
    return Ground(
        decision=decision,
        choice=choice,
        options=options,
        arms=np.array([option.number for option in options], dtype=np.intp),
        passed=sum(1 << option.number for option in options),
        recent=max(one.get("fatigue", 0) for one in terms) // tiring if tiring else 0,
        margins={o.action.goal.name: t["margin"] for o, t in zip(options, terms, strict=True)},
        weights=weights,
        later=_later(choice, options, list(scored.values())),
    )


def _later(
    choice: Choice, options: Sequence[Option], scored: Sequence[Candidate]
) -> Integers | None:
    if not any("ahead" in one.terms for one in scored):
        return None
    by_arm = {(c.action, c.channel, c.treatment): c.terms.get("ahead", 0) for c in scored}
    later = np.zeros(len(choice.options), dtype=np.int64)
    for option in options:
        later[option.number] = by_arm[option.arm.id]
    return later


class Reweighing:
    """Weighs records again under the rules of one version and the models of one moment.

    Parameters
    ----------
    models
        By name, as a decision names them; they are not changed while this is used.
    """

    def __init__(self, rules: Rules, models: Mapping[str, Any]) -> None:
        self.rules = rules
        self._models: dict[str, Model] = {
            name: model
            for name, model in models.items()
            if name in rules.models and rules.models[name].fits(model)
        }
        self._learned = {name: model.learn_seq for name, model in self._models.items()}
        self._sheets: dict[tuple[Any, ...], Sheet] = {}

    def is_contextual(self, ground: Ground) -> bool:
        """Say whether any model that answered looked at the person."""
        return self._sheet(ground).is_contextual

    def weigh(self, ground: Ground, ids: Sequence[int], values: Sequence[float]) -> Weights:
        """Give the weights of a record's actions for a person of other features.

        Parameters
        ----------
        ids, values
            As `learn.unpack_features` gives them: ascending ids, and the value of each.

        Returns
        -------
        By action, silence included, in units of 2**-32.
        """
        rules, choice, sheet = self.rules, ground.choice, self._sheet(ground)
        beliefs = sheet.beliefs(lambda model: model.context(ids, values))
        priced = sheet.price(ground.arms, ground.recent, beliefs, ground.weights, ground.later)
        if ground.decision.reason == "best_value":
            weights = choose_best(priced.value.tolist()).weights
        else:
            silence = sheet.silence(choice.goals_of(ground.passed), beliefs)
            weighed = Weighed([], priced.gain, priced.offset)
            columns = sheet.columns_with(ground.arms, weighed, silence, beliefs)
            floor, serving = rules.contact.floor, self._serving(ground)
            weights = weights_of(
                rules.models, choice, ground.passed, columns, floor, self._learned, serving
            )
        found: Weights = {DO_NOTHING: weights[-1]}
        for option, weight in zip(ground.options, weights, strict=False):
            name = option.action.name
            found[name] = found.get(name, 0) + weight
        return found

    def repeats(self, ground: Ground) -> bool:
        """Say whether a record gives its own weights when it is weighed with its own features."""
        features = unpacked(ground.decision)
        told, again = weights_by_action(ground.decision), self.weigh(ground, *features)
        return all(abs(told[name] - weight) <= SAME for name, weight in again.items())

    def _serving(self, ground: Ground) -> Serving:
        return Serving(tuple(sorted(ground.decision.routed.items())), self.rules.scores)

    def _sheet(self, ground: Ground) -> Sheet:
        decision, serving = ground.decision, self._serving(ground)
        hour = decision.at - decision.at % HOUR_MS
        key = ground.choice, hour, tuple(sorted(ground.margins.items())), serving.lines
        sheet = self._sheets.get(key)
        if sheet is None:
            contact, margins = self.rules.contact, ground.margins
            sheet = Sheet(ground.choice, contact, self._model, hour, margins, serving)
            self._sheets[key] = sheet
        return sheet

    def _model(self, name: str) -> Model:
        known = self._models.get(name) or self._models.get(self.rules.fallback_model)
        return known or _UNTRAINED


def unpacked(decision: Decision) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Read what models saw; raises `bad_features` where the record is damaged."""
    return unpack_features(decision.features)
