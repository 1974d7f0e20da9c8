"""How well binned scores and predictors tell positive responses from negative ones."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

from heedful.learn.bins import Bin, Tally

GROUPS: Final = 10
"""Bins that a report shows of a predictor: neighbours are joined until each has a tenth."""


def auc(tallies: Iterable[Tally], *, is_ranked: bool = False) -> float:
    """Give the area under the ROC curve of binned responses, in [0, 1].

    Parameters
    ----------
    tallies
        One for each bin; counts below 0, which a correction may leave for a while, count as 0.
    is_ranked
        Whether the bins stand in the order of a score. Otherwise they are ordered by their share
        of positives, which measures a predictor of any shape and is never below 0.5; on few
        responses it flatters.

    Returns
    -------
    0.5 where all responses are of one kind.

    Notes
    -----
    The chance that a positive response stands in a better bin than a negative one, plus half the
    chance of the same bin. Agrees with the performance that adaptive models of commercial
    decision hubs report for their predictors to their rounding of 6 digits.

    References
    ----------
    T. Fawcett, "An introduction to ROC analysis", 2006.

    Examples
    --------
    >>> auc([Tally(1, 9), Tally(4, 6)])
    0.7
    """
    bins = [(max(one.positives, 0), max(one.negatives, 0)) for one in tallies]
    bins = [one for one in bins if one[0] + one[1] > 0]
    if not is_ranked:
        bins.sort(key=lambda one: one[0] / (one[0] + one[1]))
    positives, negatives = sum(p for p, _ in bins), sum(n for _, n in bins)
    if not positives or not negatives:
        return 0.5
    twice, below = 0, 0
    for positive, negative in bins:
        twice += positive * (2 * below + negative)
        below += negative
    return twice / (2 * positives * negatives)


def weighted_auc(rows: Iterable[tuple[float, float]]) -> float:
    """Average (AUC, responses), weighted by responses; 0.5 where there are none.

    Examples
    --------
    >>> weighted_auc([(0.6, 300), (0.5, 100)])
    0.575
    """
    total = weight = 0.0
    for area, responses in rows:
        total += area * responses
        weight += responses
    return total / weight if weight else 0.5


def lift(tally: Tally, whole: Tally) -> float:
    """Give a bin's share of positives as a multiple of the arm's; 1 where there are none."""
    if tally.responses <= 0 or whole.responses <= 0 or whole.positives <= 0:
        return 1.0
    return (tally.positives / tally.responses) / (whole.positives / whole.responses)


def z_ratio(tally: Tally, whole: Tally, one: int = 1_000_000) -> float:
    """Say by how many standard errors a bin's share of all positives differs from its share of
    all negatives; 0 where either is missing.

    Parameters
    ----------
    one
        What a single response counts in the tallies.
    """
    positives, negatives = whole.positives / one, whole.negatives / one
    if positives <= 0.0 or negatives <= 0.0:
        return 0.0
    p = min(max(tally.positives / one / positives, 0.0), 1.0)
    n = min(max(tally.negatives / one / negatives, 0.0), 1.0)
    spread = math.sqrt(p * (1.0 - p) / positives + n * (1.0 - n) / negatives)
    return (p - n) / spread if spread > 0.0 else 0.0


def grouped(bins: Sequence[Bin], groups: int = GROUPS) -> list[Bin]:
    """Join neighbours until each bin holds about an equal share of the responses.

    Examples
    --------
    >>> bins = [Bin(k, k + 1, Tally(1, 1)) for k in range(6)]
    >>> [(one.lower, one.upper) for one in grouped(bins, 3)]
    [(0, 2), (2, 4), (4, 6)]
    """
    total = sum(one.tally.responses for one in bins)
    joined: list[Bin] = []
    open_ = False
    passed = 0
    for one in bins:
        passed += one.tally.responses
        if open_:
            last = joined[-1]
            both = Tally(
                last.tally.positives + one.tally.positives,
                last.tally.negatives + one.tally.negatives,
            )
            joined[-1] = Bin(last.lower, one.upper, both)
        else:
            joined.append(one)
        open_ = passed * groups < total * len(joined)
    return joined
