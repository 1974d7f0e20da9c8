"""How well a score ranks people by what a treatment changes: Qini and uplift curves and areas."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from heedful.kernel import InputError, expected
from heedful.measure.off_policy import Interval
from heedful.measure.special import Floats

REPLICATES_MAX: Final = 10_000
"""Bootstrap replicates of one area; more are refused."""

_NOBODY: Final = np.zeros((4, 1))


class Trial(NamedTuple):
    """People who were treated or held out at random; arrays of shape (n,)."""

    treated: Floats
    """1 or 0."""
    outcome: Floats
    """1 or 0."""


class Curve(NamedTuple):
    """Outcomes that treating the best-scored people brings about."""

    people: Floats
    """How many are treated, from 0, one place for each distinct score."""
    gained: Floats


class Areas(NamedTuple):
    """Areas between a curve and that of a random order: 1 is perfect, 0 random, below 0 worse."""

    qini: float
    auuc: float


def trial(treated: Any, outcome: Any) -> Trial:
    """Check and take in who was treated and who responded.

    Raises
    ------
    InputError
        `bad_trial` when lengths differ, a value is not 0 or 1, or a group is empty.
    """
    t, y = np.asarray(treated, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    for column in (t, y):
        if t.ndim != 1 or t.shape != y.shape or not bool(np.isin(column, (0.0, 1.0)).all()):
            what = expected("two columns of 0 and 1", f"{t.shape} and {y.shape}", "$")
            raise InputError("bad_trial", what)
    if not 0.0 < float(t.sum()) < len(t):
        raise InputError("bad_trial", expected("people in both groups", "one group", "$.treated"))
    return Trial(t, y)


def qini_curve(score: Any, found: Trial) -> Curve:
    """Give the gain among the treated, the held-out scaled to their number.

    References
    ----------
    N. Radcliffe, "Using Control Groups to Target on Predicted Lift", 2007.
    """
    ranked = _Ranked(np.asarray(score, dtype=np.float64), found)
    return Curve(*ranked.curves(np.ones(len(found.treated)))[:2])


def areas(score: Any, found: Trial) -> Areas:
    """Give the Qini coefficient and the normalised area under the uplift curve.

    Parameters
    ----------
    score
        Shape (n,); the greater, the rather treated. People of one score are treated together.
    found
        Who was treated and who responded.

    Notes
    -----
    `(area - area of random) / (area of the best order in hindsight - area of random)`.

    Examples
    --------
    >>> found = trial([1, 0, 1, 0], [1, 0, 0, 1])
    >>> areas([0.9, 0.4, 0.4, 0.1], found).qini
    1.0

    References
    ----------
    N. Radcliffe, P. Surry, "Real-World Uplift Modelling with Significance-Based Uplift Trees",
    2011.
    """
    return _Judge(np.asarray(score, dtype=np.float64), found).areas(np.ones(len(found.treated)))


def qini_interval(
    score: Any, found: Trial, *, seed: int, confidence: float = 0.95, replicates: int = 200
) -> Interval:
    """Give a bootstrap interval of the Qini coefficient.

    Raises
    ------
    InputError
        `bad_confidence` when it is not in (0, 1), or `bad_replicates`.

    References
    ----------
    B. Efron, "Bootstrap Methods: Another Look at the Jackknife", 1979.
    """
    if not 0.0 < confidence < 1.0:
        what = expected("a confidence in (0, 1)", repr(confidence), "$.confidence")
        raise InputError("bad_confidence", what)
    if not 10 <= replicates <= REPLICATES_MAX:
        what = expected(f"10 to {REPLICATES_MAX} replicates", str(replicates), "$.replicates")
        raise InputError("bad_replicates", what)
    judge = _Judge(np.asarray(score, dtype=np.float64), found)
    draws, n = np.random.default_rng(seed), len(found.treated)
    again = [
        judge.qini(np.bincount(draws.integers(0, n, n), minlength=n).astype(np.float64))
        for _ in range(replicates)
    ]
    miss = 0.5 * (1.0 - confidence)
    low, high = np.quantile(again, (miss, 1.0 - miss)).tolist()
    return Interval(low, high)


class _Ranked:
    """People in the order of a score, so that replicates need no sorting."""

    def __init__(self, score: Floats, found: Trial) -> None:
        if score.shape != found.treated.shape or not bool(np.isfinite(score).all()):
            what = expected(f"{len(found.treated)} finite scores", f"{score.shape}", "$.score")
            raise InputError("bad_score", what)
        self._order: npt.NDArray[np.intp] = np.argsort(-score, kind="stable")
        ranked = score[self._order]
        self._starts = np.append(0, np.flatnonzero(np.diff(ranked)) + 1)
        t, y = found.treated[self._order], found.outcome[self._order]
        self._columns = np.stack((t, 1.0 - t, t * y, (1.0 - t) * y))

    def curves(self, weight: Floats) -> tuple[Floats, Floats, Floats]:
        """Give people, Qini and uplift at every distinct score, from 0; people weigh `weight`."""
        # The first place stands for nobody; the sums up to each end are those of the blocks.
        blocks = np.add.reduceat(self._columns * weight[self._order], self._starts, axis=1)
        n1, n0, y1, y0 = np.hstack((_NOBODY, blocks.cumsum(axis=1)))
        with np.errstate(invalid="ignore", divide="ignore"):
            scaled = np.where(n0 > 0.0, y0 * n1 / n0, 0.0)
            rate = np.where(n1 > 0.0, y1 / n1, 0.0) - np.where(n0 > 0.0, y0 / n0, 0.0)
        return n1 + n0, y1 - scaled, rate * (n1 + n0)


class _Judge:
    """A score beside the best order in hindsight."""

    def __init__(self, score: Floats, found: Trial) -> None:
        y, t = found.outcome, found.treated
        self._ranked = _Ranked(score, found)
        self._best_qini = _Ranked(y * (2.0 * t - 1.0), found)
        # Whichever group responded less is ranked before who did not respond.
        more_held = float((y * (1.0 - t)).sum()) > float((y * t).sum())
        self._best_uplift = _Ranked(2.0 * (y == t) + (y if more_held else t), found)

    def qini(self, weight: Floats) -> float:
        return _share(*self._ranked.curves(weight)[:2], *self._best_qini.curves(weight)[:2])

    def areas(self, weight: Floats) -> Areas:
        people, _, uplift = self._ranked.curves(weight)
        best_people, _, best_uplift = self._best_uplift.curves(weight)
        return Areas(self.qini(weight), _share(people, uplift, best_people, best_uplift))


def _share(people: Floats, gained: Floats, best_people: Floats, best: Floats) -> float:
    by_chance = 0.5 * float(best_people[-1] * best[-1])
    room = float(np.trapezoid(best, best_people)) - by_chance
    return (float(np.trapezoid(gained, people)) - by_chance) / room if room > 0.0 else 0.0
