"""What the arms of one choice are worth, worked out for all of them together, in integers.

`([P(goal | arm) - P(goal | do_nothing)] * margin + d_clv + ahead + benefit * weight - cost
- fatigue) * lever`, with `ahead` where a model of the long game is in force. Probabilities come
from the model of each action and are rounded to millionths before anything is computed with them,
so the terms of a record add up exactly. Doing nothing is an arm of the same model over the same
goals.

What does not change as models learn, the ground, is laid out once for each choice; a sheet is one
state of the models on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from heedful.decide.choice import Choice, members
from heedful.decide.compiled import ActionRule, ArmRule, ContactRules, GoalRule, said_and_when
from heedful.decide.definitions import DO_NOTHING
from heedful.decide.limits import OUTCOME_MICROS_MAX
from heedful.decide.models import Serving
from heedful.decide.pricing import Fixed, Increment, Integers, Priced, Product, Weighed, terms_of
from heedful.decide.types import Terms
from heedful.kernel import MICRO, InvariantError
from heedful.learn import (
    ArmColumns,
    ArmSpec,
    Beliefs,
    Context,
    Model,
    Panel,
    Scorer,
    columns_together,
)

Places: TypeAlias = npt.NDArray[np.intp]
Contexts: TypeAlias = Callable[[Model], Context | None]
"""Reads a person at this moment as a model reads them."""


_GROUNDS_MAX: Final = 64
_DIRECT_MAX: Final = 10**11  # micros that 10^7 millionths may multiply within 64 bits


class Silence(NamedTuple):
    """What doing nothing is worth beside some arms: 0, but not for sure."""

    terms: Terms
    """Shared between records; never to be changed."""
    part: int
    """Which of the models says so."""
    place: int
    """In its panel."""
    gain: float
    offset: float


class Ground(NamedTuple):
    """What is known of the arms of a choice before any model is asked; each of shape (n_arms,)."""

    d_clv: Integers
    benefit: Integers
    cost: Integers
    lever: Integers
    spoken: Integers
    """1 where a contact tires, else 0."""
    goals: tuple[GoalRule, ...]
    """Each once."""
    goal: Places
    """By arm, the place of its goal among them."""
    parts: tuple[GroundPart, ...]


class GroundPart(NamedTuple):
    """The arms of one model, and doing nothing for each of their goals behind them."""

    model: str
    numbers: Places
    """Of its arms in the choice."""
    goals: tuple[GoalRule, ...]
    nothing: Places
    """By arm, the place of doing nothing for its goal in the panel."""
    panel: Panel


def arm_key(arm: ArmRule) -> str:
    """Name an arm as models know it.

    Notes
    -----
    Names hold no `/`, so two arms never share one.
    """
    return f"{arm.action}/{arm.channel}/{arm.treatment}"


def spec_of(action: ActionRule, arm: ArmRule) -> ArmSpec:
    """Give an arm from coarse to fine; actions without a group are alike within their tier."""
    group = action.group or action.tier
    said, moment = said_and_when(arm.treatment)
    return ArmSpec(arm_key(arm), group, action.name, arm.channel, said, moment, action.prior)


def nothing_of(goal: GoalRule) -> ArmSpec:
    """Give the arm of doing nothing, which is like no action."""
    return ArmSpec(DO_NOTHING, DO_NOTHING, DO_NOTHING, prior=goal.prior, is_silence=True)


def ground_of(choice: Choice, contact: ContactRules, serving: Serving) -> Ground:
    """Lay out the arms of a choice, each under the model that answers for it."""
    options = choice.options
    goals = tuple(dict.fromkeys(option.action.goal for option in options))
    place = {goal: number for number, goal in enumerate(goals)}
    by_model = {
        model: [option.number for option in members(options, arms)]
        for model, arms in serving.arms_of(choice).items()
    }
    return Ground(
        d_clv=_integers(o.action.d_clv for o in options),
        benefit=_integers(o.action.benefit * contact.benefit_ppm // MICRO for o in options),
        cost=_integers(o.action.cost for o in options),
        lever=_integers(o.action.lever_ppm for o in options),
        spoken=_integers(int(bool(o.arm.channel)) for o in options),
        goals=goals,
        goal=np.array([place[option.action.goal] for option in options], dtype=np.intp),
        parts=tuple(_part(choice, model, numbers) for model, numbers in by_model.items()),
    )


def _part(choice: Choice, model: str, numbers: list[int]) -> GroundPart:
    options = [choice.options[number] for number in numbers]
    goals = tuple(dict.fromkeys(option.action.goal for option in options))
    place = {goal: len(options) + number for number, goal in enumerate(goals)}
    asked = [(o.action.goal.name, spec_of(o.action, o.arm)) for o in options]
    asked += [(goal.name, nothing_of(goal)) for goal in goals]
    nothing = np.array([place[option.action.goal] for option in options], dtype=np.intp)
    return GroundPart(model, np.array(numbers, dtype=np.intp), goals, nothing, Panel(asked))


def _integers(values: Iterable[int]) -> Integers:
    return np.fromiter(values, np.int64)


class Part(NamedTuple):
    """The arms of one model, as it is now."""

    ground: GroundPart
    model: Model
    scorer: Scorer
    fixed: Beliefs | None
    """What it says of everybody, where it says the same of all."""


class Sheet:
    """The arms of one choice under one state of the models.

    Parameters
    ----------
    model
        Gives the model that stands for a name.
    hour
        As of which models are asked, ms since 1970.
    margins
        Micros that an outcome is worth, by goal: for goals that state none.
    serving
        Which model answers for each action.
    """

    def __init__(
        self,
        choice: Choice,
        contact: ContactRules,
        model: Callable[[str], Model],
        hour: int,
        margins: Mapping[str, int],
        serving: Serving,
    ) -> None:
        grounds = choice.remembered.setdefault("grounds", {})
        ground = grounds.get(serving.lines)
        if ground is None:
            if len(grounds) >= _GROUNDS_MAX:
                grounds.clear()
            ground = grounds[serving.lines] = ground_of(choice, contact, serving)
        self._ground: Ground = ground
        self._contact = contact
        self._goal_margins = _integers(margin_of(goal, margins) for goal in ground.goals)
        self._margin_of = dict(zip(ground.goals, self._goal_margins.tolist(), strict=True))
        self._margin = self._goal_margins[ground.goal] if len(ground.goal) else ground.cost
        constant = self._margin, ground.d_clv, ground.benefit, ground.cost, ground.lever
        self._rest = ground.d_clv + ground.benefit - ground.cost
        self._is_unlevered = bool((ground.lever == MICRO).all())
        self._is_direct = bool((np.abs(self._margin) < _DIRECT_MAX).all())
        self._fixed = Fixed(*(terms.tolist() for terms in constant))
        self._parts = []
        for part in ground.parts:
            its = model(part.model)
            scorer = its.scorer(part.panel, hour)
            fixed = None if its.is_contextual else scorer.beliefs(None)
            self._parts.append(Part(part, its, scorer, fixed))
        self.is_contextual = any(part.fixed is None for part in self._parts)

    def beliefs(self, contexts: Contexts | None) -> list[Beliefs]:
        """Ask each model about one person; None where no model needs to know whom it is about."""
        found = []
        for part in self._parts:
            beliefs = part.fixed
            if beliefs is None:
                assert contexts is not None  # somebody is asked about
                beliefs = part.scorer.beliefs(contexts(part.model))
            found.append(beliefs)
        return found

    def weigh(
        self,
        passed: int,
        arms: Places,
        recent: int,
        beliefs: list[Beliefs],
        weights: Integers | None,
        later: Integers | None = None,
    ) -> Weighed:
        """Value some arms for a person who heard from us so often lately.

        Parameters
        ----------
        passed, arms
            Which: as a set, and as numbers.
        weights
            Context weight of each of the arms in millionths, under the product formula.
        later
            Micros that every arm of the choice changes about what comes later, where that is known.
        """
        priced = self.price(arms, recent, beliefs, weights, later)
        return Weighed(terms_of(priced, self._fixed, passed), priced.gain, priced.offset)

    def price(
        self,
        arms: Places,
        recent: int,
        beliefs: list[Beliefs],
        weights: Integers | None,
        later: Integers | None = None,
    ) -> Priced:
        """Value some arms as `weigh`, each term for all of them: no record is written of any."""
        ground, margin = self._ground, self._margin.take(arms)
        p, p_nothing = self._chances(arms, beliefs)
        if self._contact.is_product:
            if weights is None:
                weights = np.full(len(p), MICRO)
            gain = self._levered(arms, _scaled(weights, margin))
            return Product(p, weights, _times(p, gain), gain, np.zeros_like(gain))
        increment = self._margin_times(p - p_nothing, margin)
        fatigue = self._contact.fatigue_micros * recent * ground.spoken.take(arms)
        rest = self._rest.take(arms) - fatigue
        ahead = None if later is None else later[arms]
        if ahead is not None:
            rest += ahead
        value = self._levered(arms, increment + rest)
        offset = self._levered(arms, rest - self._margin_times(p_nothing, margin))
        gain = self._levered(arms, margin)
        return Increment(p, p_nothing, increment, fatigue, value, gain, offset, ahead)

    def _margin_times(self, ppm: Integers, margin: Integers) -> Integers:
        return ppm * margin // MICRO if self._is_direct else _times(ppm, margin)

    def _levered(self, arms: Places, micros: Integers) -> Integers:
        return micros if self._is_unlevered else _times(self._ground.lever[arms], micros)

    def _chances(self, arms: Places, beliefs: list[Beliefs]) -> tuple[Integers, Integers]:
        """Give the chance of each arm, and of doing nothing for its goal, in millionths."""
        if len(beliefs) == 1:  # its arms are all that there are, in their order
            p = _ppm(beliefs[0].p)
            return p.take(arms), p.take(self._parts[0].ground.nothing.take(arms))
        count = len(self._ground.goal)
        of_arm, of_nothing = np.empty(count), np.empty(count)
        for part, its in zip(self._parts, beliefs, strict=True):
            numbers = part.ground.numbers
            of_arm[numbers] = its.p[: len(numbers)]
            of_nothing[numbers] = its.p[part.ground.nothing]
        return _ppm(of_arm[arms]), _ppm(of_nothing[arms])

    def columns(self, arms: Places, weighed: Weighed, beliefs: list[Beliefs]) -> ArmColumns:
        """Say what the arms that were weighed may be worth."""
        gain, offset = weighed.gain.astype(np.float64), weighed.offset.astype(np.float64)
        if len(beliefs) == 1:
            return beliefs[0].columns(gain, offset, arms)
        found = []
        for part, its in zip(self._parts, beliefs, strict=True):
            place = np.full(len(self._ground.goal), -1)
            place[part.ground.numbers] = np.arange(len(part.ground.numbers))
            own = place[arms]
            where = np.flatnonzero(own >= 0)
            if len(where):
                columns = its.columns(gain[where], offset[where], own[where])
                found.append((columns, where))
        return columns_together(found, len(arms))

    def columns_with(
        self, arms: Places, weighed: Weighed, silence: Silence, beliefs: list[Beliefs]
    ) -> ArmColumns:
        """Say what the arms that were weighed and, last, doing nothing may be worth."""
        if len(beliefs) != 1:
            columns = self.columns(arms, weighed, beliefs)
            return columns.with_last(self.alone(silence, beliefs))
        # Of one model all stand in one table, which is cheaper to ask than two.
        gain, offset = np.empty(len(arms) + 1), np.empty(len(arms) + 1)
        gain[:-1], gain[-1] = weighed.gain, silence.gain
        offset[:-1], offset[-1] = weighed.offset, silence.offset
        places = np.empty(len(arms) + 1, dtype=np.intp)
        places[:-1], places[-1] = arms, silence.place
        return beliefs[0].columns(gain, offset, places)

    def alone(self, silence: Silence, beliefs: list[Beliefs]) -> ArmColumns:
        """Say what doing nothing may be worth."""
        gain, offset = np.array([silence.gain]), np.array([silence.offset])
        return beliefs[silence.part].columns(gain, offset, np.array([silence.place]))

    def silence(self, goals: tuple[GoalRule, ...], beliefs: list[Beliefs]) -> Silence:
        """Value doing nothing where these are the goals of the arms beside it.

        Notes
        -----
        It is worth 0 by definition, uncertain by the goal that is most so. An arm's value is what
        it adds to doing nothing for its own goal. Among arms of one goal and model this is exact;
        with several silence stands for the one whose worth is least known.
        """
        number, place, margin = self._widest(goals, beliefs)
        if self._contact.is_product:
            return Silence(Terms(value=0), number, place, 0.0, 0.0)
        p = round(float(beliefs[number].p[place]) * MICRO)
        terms = Terms(p_nothing_ppm=p, margin=margin, value=0)
        return Silence(terms, number, place, float(margin), float(-(p * margin // MICRO)))

    def _widest(self, goals: tuple[GoalRule, ...], beliefs: list[Beliefs]) -> tuple[int, int, int]:
        """Find the part, the place in its panel and the margin of the most uncertain silence."""
        margins = self._margin_of
        found, most = (0, len(self._parts[0].ground.numbers), 0), -1.0
        for number, (part, its) in enumerate(zip(self._parts, beliefs, strict=True)):
            first = len(part.ground.numbers)
            spreads = its.spread(first).tolist()
            for i, (goal, spread) in enumerate(zip(part.ground.goals, spreads, strict=True)):
                if goal in goals and abs(margins[goal]) * spread > most:
                    found, most = (number, first + i, margins[goal]), abs(margins[goal]) * spread
        return found

    def asked(self, number: int | None, silence: Silence) -> tuple[Part, int]:
        """Find who was asked about an arm, and its place in the panel; None means doing nothing."""
        if number is None:
            return self._parts[silence.part], silence.place
        for part in self._parts:
            place = int(part.ground.numbers.searchsorted(number))
            if place < len(part.ground.numbers) and part.ground.numbers[place] == number:
                return part, place
        raise InvariantError("arm_of_no_model", f"Expected an arm of a model, got {number}.")


def margin_of(goal: GoalRule, margins: Mapping[str, int]) -> int:
    """Give what an outcome is expected to be worth: as stated, else as experienced."""
    margin = margins.get(goal.name, 0) if goal.margin is None else goal.margin
    return max(-OUTCOME_MICROS_MAX, min(margin, OUTCOME_MICROS_MAX))


def _ppm(p: npt.NDArray[np.float64]) -> Integers:
    return np.rint(p * MICRO).astype(np.int64)


def _times(ppm: Integers, micros: Integers) -> Integers:
    """Give `ppm * micros // 10^6`, without the product ever leaving 64 bits."""
    if len(micros) and micros.min() > -_DIRECT_MAX and micros.max() < _DIRECT_MAX:
        direct: Integers = ppm * micros
        direct //= MICRO
        return direct
    whole, rest = np.divmod(micros, MICRO)
    result: Integers = ppm * whole + ppm * rest // MICRO
    return result


def _scaled(weights: Integers, margin: Integers) -> Integers:
    """Give the same of weights that may be large themselves."""
    found = [w * m // MICRO for w, m in zip(weights.tolist(), margin.tolist(), strict=True)]
    return np.array(found, dtype=np.int64)
