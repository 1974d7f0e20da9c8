"""Which of two models brings more: over slices of customers, safe to look at daily."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import msgspec

from heedful.kernel import MICRO, InputError, expected
from heedful.learn import Outcome
from heedful.measure.hold_out import watched_reach
from heedful.measure.off_policy import Interval

SLICES_MIN: Final = 20
"""Slices with outcomes below which a comparison claims nothing: their spread is not known."""


class Comparison(msgspec.Struct, frozen=True):
    """How much more one model brings than another, for each decision."""

    value: float
    """Money for each decision under the one."""
    against: float
    """Money for each decision under the other."""
    difference: float
    watched: Interval
    """Holds at all times at once, so a rule may look whenever it likes."""
    decisions: float
    """Decisions under the one whose outcome is known."""
    decisions_against: float
    is_better: bool
    """Whether the whole interval lies above 0."""
    says: str
    """One sentence for people."""


def compare(
    one: Mapping[int, Outcome],
    other: Mapping[int, Outcome],
    *,
    confidence: float = 0.95,
    effect: float = 0.05,
) -> Comparison:
    """Compare the outcomes of two models.

    Parameters
    ----------
    one, other
        Sums by slice of the customers. Both models may have decided for one customer, as where
        one of them only looked on: what slices have in common is then taken into account.
    confidence
        Of the interval, in (0, 1).
    effect
        The difference at which the interval is the tightest, as a share of the deviation between
        decisions; set before the first look.

    Raises
    ------
    InputError
        `bad_confidence`, or `bad_effect`.

    Notes
    -----
    Means are ratios of sums, their errors linearised and summed by slice, which is right however
    the decisions of one customer hang together. With fewer than `SLICES_MIN` slices of either the
    interval is without bounds.

    References
    ----------
    A. Deng, U. Knoblich, J. Lu, "Applying the Delta Method in Metric Analytics", 2018.
    R. Johari, P. Koomen, L. Pekelis, D. Walsh, "Always Valid Inference", 2022.
    """
    if not 0.0 < confidence < 1.0:
        what = expected("a confidence in (0, 1)", repr(confidence), "$.confidence")
        raise InputError("bad_confidence", what)
    if not 0.0 < effect < math.inf:
        raise InputError("bad_effect", expected("an effect above 0", repr(effect), "$.effect"))
    mine, theirs = _sums(one), _sums(other)
    value, against = _mean(mine), _mean(theirs)
    difference = value - against
    decisions, decisions_against = mine.decisions / MICRO, theirs.decisions / MICRO
    reach = math.inf
    if min(_filled(one), _filled(other)) >= SLICES_MIN:
        variance = _variance(one, other)
        # What one decision deviates by, as if each slice were one draw of its decisions.
        both = decisions * decisions_against / (decisions + decisions_against)
        reach = watched_reach(variance, effect * effect * variance * both, 1.0 - confidence)
    watched = Interval(difference - reach, difference + reach)
    is_better = watched.low > 0.0
    return Comparison(
        value,
        against,
        difference,
        watched,
        decisions,
        decisions_against,
        is_better,
        _sentence(difference, watched, confidence),
    )


def _sums(slices: Mapping[int, Outcome]) -> Outcome:
    total = Outcome(0, 0, 0)
    for outcome in slices.values():
        total = total.plus(outcome)
    return total


def _filled(slices: Mapping[int, Outcome]) -> int:
    return sum(outcome.decisions > 0 for outcome in slices.values())


def _mean(total: Outcome) -> float:
    """Give money for each decision: micros over millionths."""
    return total.value / total.decisions if total.decisions > 0 else 0.0


def _variance(one: Mapping[int, Outcome], other: Mapping[int, Outcome]) -> float:
    mine, theirs = _sums(one), _sums(other)
    value, against = _mean(mine), _mean(theirs)
    squares = 0.0
    slices = sorted({*one, *other})
    for slice_ in slices:
        error = 0.0
        if (its := one.get(slice_)) is not None:
            error += (its.value - value * its.decisions) / mine.decisions
        if (its := other.get(slice_)) is not None:
            error -= (its.value - against * its.decisions) / theirs.decisions
        squares += error * error
    return squares * len(slices) / (len(slices) - 1)


def _sentence(difference: float, watched: Interval, confidence: float) -> str:
    if math.isinf(watched.high):
        return "Not yet sure: too few customers have had an outcome under both models."
    ends = f"between {watched.low:+.4g} and {watched.high:+.4g} at {confidence:.0%} confidence"
    if watched.low > 0.0 or watched.high < 0.0:
        more = "more" if difference > 0.0 else "less"
        return f"A decision brings {abs(difference):.4g} {more}, {ends}."
    return f"Not yet sure: a decision may bring {ends}."
