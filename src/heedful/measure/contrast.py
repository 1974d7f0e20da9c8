"""What one action brought over silence, where chance chose between them: its own hold-out.

In retention and growth each decision is drawn with known probabilities, so people to whom silence
fell are held out from every action that might have fallen to them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from heedful.measure.hold_out import EFFECT_DEFAULT, GROUP_MIN, Lift, watched_reach
from heedful.measure.off_policy import Interval
from heedful.measure.special import Floats


class Draw(NamedTuple):
    """One decision for the action or for silence, in which either might have been drawn."""

    person: int
    has_acted: bool
    """Whether the action was drawn; False for silence."""
    p_act: float
    p_silence: float
    reward: float
    """Money that followed, less the price of what was done."""


def contrast(
    draws: Sequence[Draw], *, confidence: float = 0.95, effect: float = EFFECT_DEFAULT
) -> Lift | None:
    """Compare an action with silence over the decisions in which both were possible.

    Returns
    -------
    Lift or None
        Of the money of a decision; None below `GROUP_MIN` people on either side.

    Notes
    -----
    Both means are self-normalised by the inverse of the probabilities, so that who was likely to
    be drawn counts no more than others. The error sums each person's part before it is squared:
    one person's decisions hang together. It is no less than if rewards varied on both sides alike:
    of a rare reward the few to whom silence fell may show none.

    References
    ----------
    J. Hajek, "Comment on a Paper by D. Basu", Foundations of Statistical Inference, 1971.
    """
    sides = [len({d.person for d in draws if d.has_acted is side}) for side in (True, False)]
    if min(sides) < GROUP_MIN:
        return None
    reward = np.array([d.reward for d in draws])
    acted = np.array([d.has_acted / d.p_act for d in draws])
    silent = np.array([(not d.has_acted) / d.p_silence for d in draws])
    _, person = np.unique([d.person for d in draws], return_inverse=True)
    means = [float(w @ reward / w.sum()) for w in (acted, silent)]
    parts = _part(acted, reward, means[0]) - _part(silent, reward, means[1])
    summed = np.bincount(person, weights=parts)
    variance = float(summed @ summed) * len(summed) / max(len(summed) - 1, 1)
    deviation = float(reward.std())
    variance = max(variance, deviation**2 * sum(_of_rounds(w) for w in (acted, silent)))
    difference, miss = means[0] - means[1], 1.0 - confidence
    reach = NormalDist().inv_cdf(1.0 - 0.5 * miss) * math.sqrt(variance)
    wide = watched_reach(variance, (effect * deviation) ** 2, miss)
    watched = Interval(difference - wide, difference + wide)
    is_sure = watched.low > 0.0 or watched.high < 0.0
    taken = sum(d.has_acted for d in draws)
    return Lift(
        difference,
        Interval(difference - reach, difference + reach),
        watched,
        1.0,
        difference * taken,
        is_sure,
        _sentence(difference, watched, is_sure=is_sure),
    )


def _of_rounds(weight: Floats) -> float:
    """Give the variance of a mean under weights, as a share of that of a round."""
    return float(weight @ weight) / float(weight.sum()) ** 2


def _part(weight: Floats, reward: Floats, mean: float) -> Floats:
    result: Floats = weight * (reward - mean) / weight.sum()
    return result


def _sentence(difference: float, watched: Interval, *, is_sure: bool) -> str:
    ends = f"{watched.low:+,.2f} to {watched.high:+,.2f} a decision, whenever you look"
    if not is_sure:
        return f"Not yet sure: {ends}."
    return f"It {'brings' if difference > 0.0 else 'costs'} {abs(difference):,.2f}: {ends}."
