"""What a decision says to the person, for whoever shows it in a slot."""

from __future__ import annotations

from heedful.decide.carry import words
from heedful.decide.case import Case
from heedful.decide.contact import Contact
from heedful.decide.rules import Rules
from heedful.decide.run import Run
from heedful.decide.types import Decision, Person, Surroundings
from heedful.effects import Content
from heedful.events import Event


def wording(
    rules: Rules,
    surroundings: Surroundings,
    person: Person,
    case: Case,
    event: Event,
    decision: Decision,
) -> Content | None:
    """Fill in the treatment of a decision for a person as they are now.

    Returns
    -------
    Content or None
        None for silence, and for an arm that the rules in force do not know any more.
    """
    arm = rules.arms.get((decision.action, decision.channel or "", decision.treatment or ""))
    if arm is None:
        return None
    run = Run(rules, surroundings, person, case, event, 0)
    return words(run, arm, Contact(run).language or "en")
