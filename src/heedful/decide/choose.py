"""Choosing among the arms that passed: the best value, or a draw whose chances are recorded."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

from heedful.decide.types import Decision
from heedful.decide.value import Chances, Stakes
from heedful.kernel import InputError, expected
from heedful.learn import PROBABILITY_ONE, draw, uniform_key

CHOICE: Final = "choice"
"""Purpose of the random number that a decision's arm is drawn with."""

_KEY_BITS: Final = 128  # of a uniform key

DRAWN_TIERS: Final = frozenset(("retention", "growth"))
"""Tiers in which chances are taken on purpose, so that learning goes on; help is not drawn."""


class Chosen(NamedTuple):
    """What was chosen, and with which chances."""

    place: int
    """Of the arm; their number for doing nothing."""
    weights: list[int]
    """Of every arm and, last, of doing nothing, in units of 2**-32."""
    reason: str


def choose_best(values: Sequence[int]) -> Chosen:
    """Take the arm of the greatest value, or nothing where every value is below zero.

    Notes
    -----
    Of equal values the first by name wins, and acting wins over doing nothing: the need is there.
    """
    best = max(range(len(values)), key=lambda i: (values[i], -i))
    index = best if values[best] >= 0 else len(values)
    weights = [0] * (len(values) + 1)
    weights[index] = PROBABILITY_ONE
    return Chosen(index, weights, "best_value")


def choose_drawn(chances: Chances | Stakes, secret: bytes, decision_id: int) -> Chosen:
    """Draw an arm by the chances that are recorded, as `choose_again` draws it."""
    key = uniform_key(secret, decision_id, CHOICE)
    target = key * chances.sums[-1] >> _KEY_BITS
    return Chosen(bisect_right(chances.sums, target), chances.weights, "drawn")


def choose_likeliest(chances: Chances) -> Chosen:
    """Take the arm of the best chance instead of drawing; of equal ones the first by name."""
    weights = chances.weights
    return Chosen(max(range(len(weights)), key=lambda i: (weights[i], -i)), weights, "drawn")


def choose_again(decision: Decision, secret: bytes) -> int:
    """Choose from a record alone, in integers: the same on every machine.

    Returns
    -------
    Index into `decision.candidates`.

    Raises
    ------
    InputError
        `no_candidates` for a decision that is told without its candidates.
    """
    weights = [candidate.weight for candidate in decision.candidates]
    if not any(weights):
        what = "a decision with its candidates"
        remedy = "Read it from the store."
        raise InputError("no_candidates", expected(what, "none", "$.candidates", remedy))
    return draw(secret, decision.id, CHOICE, weights)
