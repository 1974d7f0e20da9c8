"""Which outcomes a person reached, when, and what they were worth: goals over a history."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from heedful import customer as facts
from heedful import sense
from heedful.customer import Profile
from heedful.decide import Person, Rules, Surroundings
from heedful.decide.readings import Condition, Readings
from heedful.events import Event
from heedful.govern.governance import Governance
from heedful.kernel import to_micros
from heedful.sense import FeatureDictionary, Senses

_OF_EVENT: Final = frozenset(("event", "now"))


class Reached(NamedTuple):
    """One outcome of one person."""

    at: int
    goal: str
    value: int
    """Micros that it was worth."""


class GoalReader:
    """Reads outcomes off histories, by the goals of a strategy.

    Notes
    -----
    An outcome counts whether or not any decision waited for it: that is what makes people who were
    treated and people who were held out comparable. A goal whose condition reads the person sees
    them as they were at that event.

    Parameters
    ----------
    dictionary
        Tells automatic signals that share a slot.
    """

    def __init__(self, rules: Rules, dictionary: FeatureDictionary) -> None:
        self._rules = rules
        self._dictionary = dictionary
        conditions: list[Condition] = []
        for goal in rules.goals.values():
            conditions += [condition for match in goal.on for condition in match.where]
            if isinstance(goal.value, Condition):
                conditions.append(goal.value)
        self._reads_person = any(not _OF_EVENT.issuperset(c.roots) for c in conditions)
        self._surroundings = Surroundings(
            secret=b"", models={}, governance=Governance(), budgets={}, dictionary=dictionary
        )

    def reached(self, events: Iterable[Event]) -> list[Reached]:
        """List the outcomes of one person.

        Parameters
        ----------
        events
            All of theirs, in the order of `(at, key)`.
        """
        rules = self._rules
        profile, senses = Profile(), Senses(set_id=rules.signals.id)
        person = Person(0, profile, senses, tuple)
        found: list[Reached] = []
        for event in events:
            if self._reads_person:
                facts.apply(profile, event, rules.profile)
                sense.fold(senses, event, rules.signals, self._dictionary)
            readings = Readings(
                self._surroundings,
                rules.signals,
                rules.profile,
                person,
                event,
                len(rules.conditions),
            )
            for goal in rules.reached_by(event, readings):
                value: int | None
                if isinstance(goal.value, Condition):
                    value = to_micros(readings.value(goal.value))
                else:
                    value = goal.value
                found.append(Reached(event.at, goal.name, value or 0))
        return found
