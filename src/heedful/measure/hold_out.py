"""What was brought about: treated against held out, adjusted for the past, safe to look at daily.

Moments of both groups merge, so days, channels and machines may be summed in any split.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any, Final, Self

import msgspec
import numpy as np

from heedful.kernel import InputError, expected
from heedful.measure.off_policy import Interval

GROUP_MIN: Final = 30
"""People of a group below which nothing is claimed: no interval would be honest."""

EFFECT_DEFAULT: Final = 0.05
"""Smallest effect, in deviations of the outcome, that an interval that may be watched looks for by
default."""

_SCALES: Final = ((1.0, 0.5), (4.0, 0.25), (16.0, 0.25))
"""Multiples of the smallest difference that is looked for, and what each weighs: with 0.05
deviations those of 0.2 and 0.8, as a few hundred and a few dozen people held out can show them."""

_HALVINGS: Final = 60  # to a float's precision

_ROUNDING: Final = 1e-12  # of the means: less is what sums in floating point differ by


class Moments(msgspec.Struct, frozen=True):
    """Count, means and centred sums of an outcome and of the same people's past."""

    n: int = 0
    outcome: float = 0.0
    """Mean of the outcome."""
    before: float = 0.0
    """Mean of the covariate, known before anybody was treated."""
    outcome_squares: float = 0.0
    before_squares: float = 0.0
    products: float = 0.0
    """Centred sum of outcome times covariate."""

    def merge(self, other: Self) -> Self:
        """Give the moments of both together.

        References
        ----------
        T. Chan, G. Golub, R. LeVeque, "Algorithms for Computing the Sample Variance", 1983.
        """
        n = self.n + other.n
        if not self.n or not other.n:
            return self if self.n else other
        y, x = other.outcome - self.outcome, other.before - self.before
        share = other.n / n
        both = self.n * share
        return type(self)(
            n,
            self.outcome + y * share,
            self.before + x * share,
            self.outcome_squares + other.outcome_squares + y * y * both,
            self.before_squares + other.before_squares + x * x * both,
            self.products + other.products + x * y * both,
        )


def moments_of(outcome: Any, before: Any = None) -> Moments:
    """Take the moments of people's outcomes, shape (n,), and of their covariate.

    Raises
    ------
    InputError
        `bad_outcomes` when shapes differ or a number is not finite.
    """
    y = np.asarray(outcome, dtype=np.float64)
    x = np.zeros(y.shape) if before is None else np.asarray(before, dtype=np.float64)
    if y.ndim != 1 or y.shape != x.shape or not (np.isfinite(y).all() and np.isfinite(x).all()):
        what = expected("finite columns of one length", f"{y.shape} and {x.shape}", "$")
        raise InputError("bad_outcomes", what)
    if not len(y):
        return Moments()
    dy, dx = y - y.mean(), x - x.mean()
    means = float(y.mean()), float(x.mean())
    return Moments(len(y), *means, float(dy @ dy), float(dx @ dx), float(dx @ dy))


class Lift(msgspec.Struct, frozen=True):
    """What a treatment changed for the mean person."""

    difference: float
    """Treated less held out, adjusted for the past."""
    interval: Interval
    """Holds when it is looked at once, at a time that was set before."""
    watched: Interval
    """Holds at all times at once: it may be looked at daily, and acted on when it excludes 0."""
    variance_left: float
    """Share of the variance that the adjustment left; 1 without a covariate."""
    total: float
    """The difference for all who were treated."""
    is_sure: bool
    """Whether the watched interval excludes 0."""
    says: str
    """One sentence for people."""


def lift(
    treated: Moments,
    held: Moments,
    *,
    confidence: float = 0.95,
    effect: float = EFFECT_DEFAULT,
) -> Lift:
    """Compare who was treated with who was held out at random.

    Parameters
    ----------
    treated, held
        Everybody who was assigned, whether or not the treatment reached them.
    confidence
        Of both intervals, in (0, 1).
    effect
        The smallest effect, in deviations of the outcome, that is looked for; set before the first
        look.

    Raises
    ------
    InputError
        `bad_confidence`, `bad_effect`, or `small_group` below `GROUP_MIN` people.

    Notes
    -----
    CUPED: `y - theta (x - mean x)` with the pooled `theta = cov(x, y) / var(x)`. The watched
    interval holds the differences d0 for which the mean over some tau of the likelihood ratios
    `sqrt(s^2 / (s^2 + tau^2)) exp((d - d0)^2 tau^2 / (2 s^2 (s^2 + tau^2)))` is at most
    `1 / alpha`, with the standard error s of the difference d; see `watched_reach`.

    References
    ----------
    A. Deng, Y. Xu, R. Kohavi, T. Walker, "Improving the Sensitivity of Online Controlled
    Experiments by Utilizing Pre-Experiment Data", 2013.
    R. Johari, P. Koomen, L. Pekelis, D. Walsh, "Always Valid Inference: Continuous Monitoring of
    A/B Tests", Operations Research, 2022.
    """
    if not 0.0 < confidence < 1.0:
        what = expected("a confidence in (0, 1)", repr(confidence), "$.confidence")
        raise InputError("bad_confidence", what)
    if not 0.0 < effect < math.inf:
        raise InputError("bad_effect", expected("an effect above 0", repr(effect), "$.effect"))
    for name, group in (("treated", treated), ("held", held)):
        if group.n < GROUP_MIN:
            what = expected(f"at least {GROUP_MIN} people", f"{group.n}", f"$.{name}")
            raise InputError("small_group", what)
    spread = treated.before_squares + held.before_squares
    theta = (treated.products + held.products) / spread if spread > 0.0 else 0.0
    difference = treated.outcome - held.outcome - theta * (treated.before - held.before)
    level = abs(treated.outcome) + abs(held.outcome) + abs(theta * (treated.before - held.before))
    if abs(difference) < _ROUNDING * level:
        difference = 0.0  # what is left where the past explains all
    squares = [_adjusted(group, theta) for group in (treated, held)]
    variance = sum(s / (g.n - 1) / g.n for s, g in zip(squares, (treated, held), strict=True))
    deviation = math.sqrt(sum(squares) / (treated.n + held.n - 2))
    variance = max(variance, deviation**2 * (1.0 / treated.n + 1.0 / held.n))
    raw = treated.outcome_squares + held.outcome_squares
    miss = 1.0 - confidence
    reach = NormalDist().inv_cdf(1.0 - 0.5 * miss) * math.sqrt(variance)
    reach_watched = watched_reach(variance, (effect * deviation) ** 2, miss)
    watched = Interval(difference - reach_watched, difference + reach_watched)
    is_sure = watched.low > 0.0 or watched.high < 0.0
    return Lift(
        difference,
        Interval(difference - reach, difference + reach),
        watched,
        sum(squares) / raw if raw > 0.0 else 1.0,
        difference * treated.n,
        is_sure,
        _sentence(difference, watched, is_sure, confidence),
    )


def _adjusted(group: Moments, theta: float) -> float:
    squares = group.outcome_squares - 2.0 * theta * group.products
    return max(squares + theta * theta * group.before_squares, 0.0)


def watched_reach(variance: float, prior: float, miss: float) -> float:
    """Give how far an interval reaches that holds at all times at once.

    Parameters
    ----------
    variance
        Of the difference, as it is estimated now.
    prior
        Square of the smallest difference that is looked for.
    miss
        Chance that the interval ever misses, in (0, 1).

    Notes
    -----
    The likelihood ratio of Johari et al. is averaged over differences that are larger, too
    (`_SCALES`): a mean of such ratios crosses `1 / miss` as seldom as each. Looked for the smallest
    alone, the interval of 300 people is twice as wide; that of 100,000 is 5 % wider by the mean.
    """
    if variance == 0.0 or prior == 0.0:
        return 0.0
    scales = [(share, prior * times * times / variance) for times, share in _SCALES]

    def evidence(squared: float) -> float:
        """Give the logarithm of the mean ratio at a squared difference in units of the variance."""
        logs = [
            math.log(share) + 0.5 * (squared * ratio / (1.0 + ratio) - math.log1p(ratio))
            for share, ratio in scales
        ]
        most = max(logs)
        return most + math.log(sum(math.exp(one - most) for one in logs))

    wanted = -math.log(miss)
    low = 0.0
    high = min(
        (1.0 + ratio) / ratio * (2.0 * (wanted - math.log(share)) + math.log1p(ratio))
        for share, ratio in scales
    )
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if evidence(middle) > wanted else (middle, high)
    return math.sqrt(high * variance)


def _sentence(difference: float, watched: Interval, is_sure: bool, confidence: float) -> str:
    ends = f"between {watched.low:+.4g} and {watched.high:+.4g} at {confidence:.0%} confidence"
    if is_sure:
        more = "more" if difference > 0.0 else "less"
        return f"A treated person brings {abs(difference):.4g} {more} than one held out, {ends}."
    return f"Not yet sure: a treated person may bring {ends}."
