"""What moved the chance of an arm, told in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from heedful.decide.ahead import PRODUCT_FORMULA
from heedful.decide.definitions import DO_NOTHING
from heedful.decide.types import Decision
from heedful.kernel import MICRO, from_micros
from heedful.learn import PROBABILITY_ONE, SILENT
from heedful.sense.ahead import OTHERS, words_of
from heedful.sense.foreseen import MODEL_UNTRAINED
from heedful.sense.types import SIGNAL_WARMING

SENTENCES_MAX: Final = 8
"""Groups of features that are told of at most, those that moved the chance the most first."""

_WORDS: Final = {
    "arm": "what it and its like brought so far, with the usual person,",
    "traits": "who the person is (traits)",
    "signals": "what the person did lately (signals)",
    "context": "what the request said of its moment (context)",
    "time": "the time of day and week",
    "fatigue": "how tired the person may be of messages (fatigue)",
    "trust": "how the person answered before (trust)",
}
_SILENCE: Final = "what it brought so far, with the usual person,"
_UNMOVED: Final = 10  # thousandths of log-odds: a factor of 1.01 on the odds says nothing


def answered_by(decision: Decision) -> tuple[str, ...]:
    """Tell which model answered where several are tried, and what those that look on think."""
    told = []
    tried = {trial.line: trial for trial in decision.trials}
    models = {**decision.routed, **{trial.line: trial.model for trial in decision.trials}}
    for line, model in sorted(models.items()):
        said = f"The model {model} answered for {line}"
        if line in tried:
            said += f", as for {tried[line].share_ppm / MICRO:.4g} of the customers"
        told.append(f"{said}.")
    for one in decision.shadows:
        p = one.p_choose / PROBABILITY_ONE
        told.append(f"{one.model} looked on: it would have chosen this with a chance of {p:.3f}.")
    return tuple(told)


_NOT_COUNTED: Final = {
    MODEL_UNTRAINED: "no model of the long game is in force yet",
    SIGNAL_WARMING: "what it reads of the person is still warming up",
    PRODUCT_FORMULA: "the product formula has no room for it",
}


def ahead_of(decision: Decision, currency: str) -> tuple[str, ...]:
    """Tell where a person stood in the long game: next, and if not, then."""
    seen = decision.ahead
    if seen is None:
        return ()
    if seen.reason:
        return (f"What comes later was not counted: {_NOT_COUNTED[seen.reason]}.",)
    told = [f"The person stood so: {words_of(seen.state)}."]
    counted = f"{from_micros(seen.scale_ppm):g} times" if seen.scale_ppm != MICRO else ""
    if counted:
        told.append(f"Later counts {counted}, by what the person is foreseen to be worth.")
    chosen = next((c for c in decision.candidates if c.verdict == "chosen"), None)
    if chosen is not None and "ahead" in chosen.terms:
        later = from_micros(chosen.terms["ahead"])
        told.append(
            f"{decision.action} changes {later:+.2f} {currency} about the months after it, beside "
            "silence."
        )
    then = {SILENT: "silence", OTHERS: "some other message"}.get(seen.then, seen.then)
    if decision.action == DO_NOTHING:
        told.append(f"Next nothing; if nothing happens, then {then} is best.")
    else:
        told.append(f"Next {decision.action}; if nothing comes of it, then {then} is best.")
    return tuple(told)


def because_of(action: str, moved: Mapping[str, int]) -> tuple[str, ...]:
    """Tell what moved the log-odds of what was chosen, the declared belief first.

    Examples
    --------
    >>> for sentence in because_of("sale", {"start": -2944, "traits": 405, "fatigue": -693}):
    ...     print(sentence)
    sale began at a declared chance of 5.0 %.
    How tired the person may be of messages (fatigue) lowered its odds to 0.50 of the usual.
    Who the person is (traits) raised its odds to 1.50 times the usual.

    Notes
    -----
    An arm borrows from its action, its group and its channel; one that was never tried has nothing
    else, so what it brought is told together with its like. Silence has no like.
    """
    if not moved:
        return ()
    name = "Doing nothing" if action == DO_NOTHING else action
    chance = 100.0 / (1.0 + math.exp(-moved.get("start", 0) / 1_000))
    told = [f"{name} began at a declared chance of {chance:.1f} %."]
    groups = sorted(_WORDS.keys() & moved.keys(), key=lambda group: (-abs(moved[group]), group))
    for group in groups[:SENTENCES_MAX]:
        said, by = _WORDS[group], moved[group]
        if group == "arm" and action == DO_NOTHING:
            said = _SILENCE
        if abs(by) < _UNMOVED:
            continue
        moved_by = "lowered" if by < 0 else "raised"
        times = f"{math.exp(by / 1_000):.2f} {'of' if by < 0 else 'times'}"
        whose = "what they were" if group == "arm" else "the usual"
        told.append(f"{said[0].upper()}{said[1:]} {moved_by} its odds to {times} {whose}.")
    return tuple(told)
