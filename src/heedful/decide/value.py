"""What arms are worth to one person now, and how likely each is to be chosen.

A model is asked as of the full hour. What a model without a context says of an arm does not depend
on the person: such values are computed once for every state of the models and every number of
recent contacts, and remembered until a model has learned more. A contextual model is asked about
each person anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Final, NamedTuple, Protocol

import numpy as np

from heedful.decide.ahead import Outlook, Point, laters, table_in_force
from heedful.decide.choice import Choice, Option, members, selectors
from heedful.decide.compiled import ContactRules, GoalRule
from heedful.decide.features import Features, contributions
from heedful.decide.limits import CONTEXT_WEIGHT_MAX
from heedful.decide.models import OWN, ModelRule, Serving, weights_of
from heedful.decide.pricing import Integers, Weighed
from heedful.decide.readings import Condition, Readings
from heedful.decide.sheet import Places, Sheet, Silence
from heedful.decide.types import Candidate, Surroundings, Terms
from heedful.expr import UNKNOWN
from heedful.kernel import HOUR_MS, MICRO, to_micros
from heedful.learn import ArmColumns, ArmTable, Beliefs, BetaArms, Model
from heedful.sense.ahead import AheadForeseen

_TABLES_MAX: Final = 64
_SETS_MAX: Final = 256
_LATERS_MAX: Final = 1_024
_UNTRAINED: Final = BetaArms()


class Moment(Protocol):
    """A person at the event at hand."""

    @property
    def readings(self) -> Readings:
        """What conditions read."""

    @property
    def features(self) -> Features:
        """What contextual models read."""

    @property
    def ahead(self) -> Outlook:
        """Where the person stands in the long game."""


class Chances(NamedTuple):
    """What the arms that passed are drawn with.

    Notes
    -----
    Where no model looks at the person they are the same for everybody for whom these arms passed.
    """

    options: list[Option]
    terms: list[Terms]
    nothing: Terms
    """Terms of doing nothing."""
    weights: list[int]
    """Of every arm and, last, of doing nothing, in units of 2**-32."""
    sums: list[int]
    """Of the weights up to each place, which a draw is looked up in."""
    lost: list[Candidate]
    """The record of every arm as one that was not drawn."""
    silence: Silence

    def value_of(self, place: int) -> int:
        """Give the value of an arm, in micros."""
        return self.terms[place]["value"]


class Stakes(NamedTuple):
    """What an arm is drawn with for one person, where no record is kept of those that lost."""

    options: list[Option]
    values: Integers
    """Of every arm, in micros."""
    weights: list[int]
    """Of every arm and, last, of doing nothing, in units of 2**-32."""
    sums: list[int]

    def value_of(self, place: int) -> int:
        """Give the value of an arm, in micros."""
        return int(self.values[place])


class Valuer:
    """Values arms for one state of the models; remembers what it computed."""

    def __init__(
        self,
        contact: ContactRules,
        rules: Mapping[str, ModelRule],
        fallback_model: str,
        shared: Surroundings,
        at: int,
        serving: Serving = OWN,
        ahead: AheadForeseen | None = None,
    ) -> None:
        self._contact = contact
        self._ahead = ahead
        self._later_table = table_in_force(ahead, shared.trained)
        self._laters: dict[tuple[Choice, Point], Integers | None] = {}
        self._serving = serving
        self._rules = rules
        self._fallback_model = fallback_model
        self._given = dict(shared.models)
        self._models: dict[str, Model] = {
            name: model
            for name, model in shared.models.items()
            if name in rules and rules[name].fits(model)
        }
        self._margins = dict(shared.margins)
        self._hour = at - at % HOUR_MS
        self._sheets: dict[Choice, Sheet] = {}
        self._chances: dict[tuple[Choice, int, int, Point | None], Chances] = {}
        self._tables: dict[tuple[Choice, int, Point | None], tuple[Weighed, ArmColumns]] = {}
        self._last: tuple[Choice, Features, list[Beliefs]] | None = None
        self._silences: dict[tuple[Choice, tuple[GoalRule, ...]], Silence] = {}
        self.asked = {name: model.learn_seq for name, model in sorted(self._models.items())}
        """`learn_seq` of each model."""

    def serves(self, shared: Surroundings, at: int) -> bool:
        """Say whether what is remembered still holds."""
        return (
            at - at % HOUR_MS == self._hour
            and len(shared.models) == len(self._given)
            and all(model is shared.models.get(name) for name, model in self._given.items())
            and all(model.learn_seq == self.asked[name] for name, model in self._models.items())
            and shared.margins == self._margins
            and table_in_force(self._ahead, shared.trained) is self._later_table
        )

    def chances(self, choice: Choice, passed: int, recent: int, moment: Moment) -> Chances:
        """Give the chances of the arms that passed for a person who heard from us so often.

        Notes
        -----
        Where they depend on the set of arms and not on the person, people for whom the same gates
        are open share them, until a model has learned more.
        """
        point = self.point(moment)
        key = choice, passed, recent, point
        known = self._chances.get(key)
        if known is None:
            known = self._chances_of(choice, passed, recent, point, moment)
            if self.is_shared(choice):
                if len(self._chances) >= _SETS_MAX:
                    self._chances.clear()
                self._chances[key] = known
        return known

    def stakes(self, choice: Choice, passed: int, recent: int, moment: Moment) -> Stakes:
        """Give what `chances` gives of a person whom a model looks at, without the records.

        Notes
        -----
        The same numbers from the same operations. A matrix product over many people would round
        the scores of three arms in four otherwise than the product that one person is asked by.
        """
        sheet, beliefs = self._sheet(choice), self._beliefs(choice, moment)
        places, later = _places(choice, passed), self._later(choice, self.point(moment))
        weights = _weights(choice, passed, moment) if choice.is_weighted else None
        priced = sheet.price(places, recent, beliefs, weights, later)
        silence = self._silence(choice, passed, beliefs)
        weighed = Weighed([], priced.gain, priced.offset)
        columns = sheet.columns_with(places, weighed, silence, beliefs)
        options, serving = list(members(choice.options, passed)), self._serving
        floor, asked = self._contact.floor, self.asked
        drawn = weights_of(self._rules, choice, passed, columns, floor, asked, serving)
        return Stakes(options, priced.value, drawn, list(accumulate(drawn)))

    def is_shared(self, choice: Choice) -> bool:
        """Say whether all for whom the same arms pass have the same chances."""
        return not (choice.is_weighted or self._sheet(choice).is_contextual)

    def point(self, moment: Moment) -> Point | None:
        """Give where a person stands, as far as it moves a value; None where nothing is ahead."""
        return None if self._later_table is None else moment.ahead.point

    def _later(self, choice: Choice, point: Point | None) -> Integers | None:
        """Give what every arm changes about later for whoever stands there."""
        if point is None or self._later_table is None or self._ahead is None:
            return None
        key = choice, point
        if key not in self._laters:
            if len(self._laters) >= _LATERS_MAX:
                self._laters.clear()
            self._laters[key] = laters(choice, self._later_table, point, self._ahead.at_most)
        return self._laters[key]

    def _chances_of(
        self, choice: Choice, passed: int, recent: int, point: Point | None, moment: Moment
    ) -> Chances:
        options = list(members(choice.options, passed))
        beliefs = self._beliefs(choice, moment)
        terms, columns, silence = self._drawn(choice, passed, recent, point, beliefs, moment)
        floor, serving = self._contact.floor, self._serving
        asked = self.asked
        weights = weights_of(self._rules, choice, passed, columns, floor, asked, serving)
        lost = choice.scored(passed, "not_drawn", weights, terms)
        sums = list(accumulate(weights))
        return Chances(options, terms, silence.terms, weights, sums, lost, silence)

    def _drawn(
        self,
        choice: Choice,
        passed: int,
        recent: int,
        point: Point | None,
        beliefs: list[Beliefs],
        moment: Moment,
    ) -> tuple[list[Terms], ArmColumns, Silence]:
        """Value the arms that passed and, last, doing nothing."""
        sheet = self._sheet(choice)
        silence = self._silence(choice, passed, beliefs)
        places = _places(choice, passed)
        if choice.is_weighted or sheet.is_contextual:
            weights = _weights(choice, passed, moment) if choice.is_weighted else None
            later = self._later(choice, point)
            weighed = sheet.weigh(passed, places, recent, beliefs, weights, later)
            columns = sheet.columns_with(places, weighed, silence, beliefs)
            return weighed.terms, columns, silence
        every, table = self._table(choice, recent, point, beliefs)
        terms = every.terms
        if passed != choice.all:
            terms, table = list(members(terms, passed)), table.take(places)
        return terms, table.with_last(sheet.alone(silence, beliefs)), silence

    def weigh(
        self, choice: Choice, passed: int, recent: int, moment: Moment
    ) -> tuple[list[Terms], Silence]:
        """Value the arms that passed for a person who heard from us so often lately.

        Returns
        -------
        What each is worth, and what doing nothing is.
        """
        sheet, beliefs = self._sheet(choice), self._beliefs(choice, moment)
        silence, point = self._silence(choice, passed, beliefs), self.point(moment)
        if choice.is_weighted or sheet.is_contextual:
            weights = _weights(choice, passed, moment) if choice.is_weighted else None
            places, later = _places(choice, passed), self._later(choice, point)
            return sheet.weigh(passed, places, recent, beliefs, weights, later).terms, silence
        every, _ = self._table(choice, recent, point, beliefs)
        return list(members(every.terms, passed)), silence

    def _table(
        self, choice: Choice, recent: int, point: Point | None, beliefs: list[Beliefs]
    ) -> tuple[Weighed, ArmColumns]:
        """Value all arms of a choice, where no model looks at the person."""
        known = self._tables.get((choice, recent, point))
        if known is None:
            sheet, places = self._sheet(choice), _places(choice, choice.all)
            later = self._later(choice, point)
            weighed = sheet.weigh(choice.all, places, recent, beliefs, None, later)
            known = weighed, sheet.columns(places, weighed, beliefs)
            if len(self._tables) >= _TABLES_MAX:
                self._tables.clear()
            self._tables[choice, recent, point] = known
        return known

    def _silence(self, choice: Choice, passed: int, beliefs: list[Beliefs]) -> Silence:
        sheet, goals = self._sheet(choice), choice.goals_of(passed)
        if sheet.is_contextual:
            return sheet.silence(goals, beliefs)
        known = self._silences.get((choice, goals))
        if known is None:
            known = self._silences[choice, goals] = sheet.silence(goals, beliefs)
        return known

    def because(
        self, choice: Choice, number: int | None, silence: Silence, moment: Moment
    ) -> dict[str, int]:
        """Tell what moved the log-odds of an arm, in thousandths by group of features.

        Parameters
        ----------
        number
            Of the arm in the choice; None for doing nothing.

        Returns
        -------
        Empty where the model that valued it looks at no person.
        """
        sheet = self._sheet(choice)
        if not sheet.is_contextual:
            return {}
        part, place = sheet.asked(number, silence)
        if not isinstance(part.scorer, ArmTable):
            return {}
        features = moment.features
        context = features.context(part.model)
        assert context is not None
        return contributions(part.scorer.parts(context, place), part.model, features)

    def _beliefs(self, choice: Choice, moment: Moment) -> list[Beliefs]:
        sheet = self._sheet(choice)
        if not sheet.is_contextual:
            return sheet.beliefs(None)
        features = moment.features
        known = self._last
        if known is None or known[0] is not choice or known[1] is not features:
            known = self._last = choice, features, sheet.beliefs(features.context)
        return known[2]

    def _sheet(self, choice: Choice) -> Sheet:
        sheet = self._sheets.get(choice)
        if sheet is None:
            sheet = Sheet(
                choice, self._contact, self._model, self._hour, self._margins, self._serving
            )
            self._sheets[choice] = sheet
        return sheet

    def _model(self, name: str) -> Model:
        """Give a model; until one is in force, the fallback decides in its place."""
        return self._models.get(name) or self._models.get(self._fallback_model) or _UNTRAINED


def _places(choice: Choice, passed: int) -> Places:
    if passed == choice.all:
        return np.arange(len(choice.options))
    return np.flatnonzero(np.frombuffer(selectors(passed), np.bool_))


def _weights(choice: Choice, passed: int, moment: Moment) -> Integers:
    found = [_weight(o.action.weight, moment.readings) for o in members(choice.options, passed)]
    return np.array(found, dtype=np.int64)


def _weight(weight: Condition | None, readings: Readings) -> int:
    if weight is None:
        return MICRO
    value = readings.value(weight)
    micros = None if value is None or value is UNKNOWN else to_micros(value)
    return min(max(micros, 0), CONTEXT_WEIGHT_MAX * MICRO) if micros is not None else MICRO
