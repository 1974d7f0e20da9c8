"""Which model answers for a customer, and what those that look on would have done.

A model answers for a customer by their place in the trials of a line, which is keyed by their
anchor identifier. The probabilities of a decision are those under the model that answered: given
who they are, nothing else was possible. The share that it answers for stands beside, so that what
the models would do together can be worked out from the record.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from heedful.decide.choice import Choice
from heedful.decide.choose import Chosen, choose_best
from heedful.decide.models import OWN, Serving
from heedful.decide.run import Run
from heedful.decide.types import Shadow, Trial
from heedful.govern import Route, place_of
from heedful.learn import PROBABILITY_ONE, SLICES


class Answering(NamedTuple):
    """Which models answer, and which look on."""

    serving: Serving
    trials: tuple[Trial, ...] = ()
    looking: tuple[tuple[Trial, Serving], ...] = ()
    """Models that look on, each as who would answer in the place of the line's."""


ALONE: Final = Answering(OWN)
"""Every line's own model answers, and nobody looks on."""


def answering(run: Run, choice: Choice) -> Answering:
    """Say which models answer for the person where a choice is made.

    Notes
    -----
    A model that is stopped, not in force or no longer declared answers for nobody: the line's own
    does. People who try things out are in no trial.
    """
    routes = run.surroundings.governance.routes
    if not routes.by_line:
        return ALONE
    lines: list[tuple[str, str]] = []
    trials: list[Trial] = []
    for line in choice.lines:
        if line not in routes.by_line:
            continue
        route = routes.by_line[line]
        place = _place(run, line, route)
        found = route.at_place(place or 0)
        model = route.champion if place is None else found.model
        if not is_there(run, model):
            model = line
        if place is not None:
            trials.append(Trial(line, model, found.share_ppm, place % SLICES))
        if model != line:
            lines.append((line, model))
    scores = run.rules.scores
    looking = []
    for trial in trials:
        for shadow in routes.by_line[trial.line].shadows:
            if shadow != trial.model and is_there(run, shadow):
                others = [pair for pair in lines if pair[0] != trial.line]
                serving = Serving(tuple(sorted((*others, (trial.line, shadow)))), scores)
                looking.append((trial._replace(model=shadow), serving))
    return Answering(Serving(tuple(lines), scores), tuple(trials), tuple(looking))


def is_there(run: Run, model: str) -> bool:
    """Say whether a model may answer at all now."""
    rule, known = run.rules.models.get(model), run.surroundings.models.get(model)
    switches = run.surroundings.governance.switches
    return (
        rule is not None
        and rule.fits(known)
        and switches.stop_of(f"model:{model}", run.now) is None
    )


def _place(run: Run, line: str, route: Route) -> int | None:
    """Give the person's place in the trials of a line; None where they are in none."""
    if not route.is_tried or run.is_qa or run.surroundings.is_rehearsal:
        return None
    anchor = next(iter(run.person.identifiers()), None)
    return None if anchor is None else place_of(run.surroundings.secret, line, *anchor)


def look_on(
    run: Run, choice: Choice, passed: int, recent: int, found: Answering, chosen: Chosen
) -> tuple[Shadow, ...]:
    """Say what models that look on think of what was chosen; nobody acts on it.

    Parameters
    ----------
    recent
        How often the person heard from us lately, as it was for who answered.
    """
    shadows = []
    place = chosen.place
    for trial, serving in found.looking:
        valuer = run.rules.valuer(run.surroundings, run.now, serving)
        if chosen.reason == "drawn":
            chances = valuer.chances(choice, passed, recent, run)
            terms, p = chances.terms, chances.weights[place]
        else:
            terms, _ = valuer.weigh(choice, passed, recent, run)
            p = PROBABILITY_ONE * (choose_best([one["value"] for one in terms]).place == place)
        value = terms[place]["value"] if place < len(terms) else 0
        shadows.append(Shadow(trial.line, trial.model, p, value))
    return tuple(shadows)
