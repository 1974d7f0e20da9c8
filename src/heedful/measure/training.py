"""What training needs beside a learner: folds in time, how good a chance is, what setbacks cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from heedful.measure.special import Floats

BINS: Final = 10
"""Groups of equal size in which calibration is looked at."""

_STEPS: Final = 50
_CLOSE: Final = 1e-10
_CHANCE_MIN: Final = 1e-12


class Fold(NamedTuple):
    """Days, by their place: what is learned from, what calibrates, what judges."""

    learn: tuple[int, ...]
    calibrate: int
    judge: int | None
    """None for the model that goes into force: nothing later is left to judge it."""


class Judged(NamedTuple):
    """How good chances were on a later day."""

    rows: int
    rate: float
    """Share of what happened."""
    auc: float
    log_loss: float
    ece: float
    """Expected calibration error: mean distance of chance and rate over groups of equal size."""


def walk_forward(days: Sequence[int], within: int) -> list[Fold]:
    """List the folds in time, the one for the model in force last.

    Parameters
    ----------
    days
        When customers are looked at, ms, ascending.
    within
        How long after each day what happened is known, ms. Nothing is learned on a day whose
        outcomes were not known yet when the next step looked.

    Examples
    --------
    >>> walk_forward([0, 10, 20, 30], 10)[-2:]
    [Fold(learn=(0, 1), calibrate=2, judge=3), Fold(learn=(0, 1, 2), calibrate=3, judge=None)]
    >>> walk_forward([0, 10, 20], 20)
    [Fold(learn=(0,), calibrate=2, judge=None)]
    """
    folds = []
    for judge in [*range(len(days)), None]:
        known = days[-1] + within if judge is None else days[judge]
        calibrate = max((i for i, day in enumerate(days) if day + within <= known), default=-1)
        if calibrate < 0:
            continue
        learn = tuple(i for i, day in enumerate(days) if day + within <= days[calibrate])
        if learn:
            folds.append(Fold(learn, calibrate, judge))
    return folds


def judged(chances: Any, happened: Any) -> Judged:
    """Judge chances by what happened, both of shape (n,)."""
    p, y = np.asarray(chances, dtype=np.float64), np.asarray(happened, dtype=np.float64)
    safe = np.clip(p, _CHANCE_MIN, 1.0 - _CHANCE_MIN)
    loss = -(y * np.log(safe) + (1.0 - y) * np.log1p(-safe)).mean()
    order = np.argsort(p, kind="stable")
    groups = [g for g in np.array_split(order, BINS) if len(g)]
    ece = sum(abs(float(p[g].mean() - y[g].mean())) * len(g) for g in groups) / max(len(p), 1)
    return Judged(len(p), float(y.mean()), rank_auc(p, y), float(loss), float(ece))


def rank_auc(chances: Floats, happened: Floats) -> float:
    """Give the area under the ROC curve; 0.5 where all or nothing happened."""
    levels, place = np.unique(chances, return_inverse=True)
    won = np.bincount(place, weights=happened, minlength=len(levels))
    lost = np.bincount(place, weights=1.0 - happened, minlength=len(levels))
    if not won.sum() or not lost.sum():
        return 0.5
    below = np.cumsum(lost) - lost
    return float((won * (below + 0.5 * lost)).sum() / (won.sum() * lost.sum()))


def fit_setbacks(
    expected: Any, bought: Any, units: Any, believed: Sequence[float], strength: Sequence[float]
) -> tuple[float, ...]:
    """Learn what one unit of each setback takes from later purchases.

    Parameters
    ----------
    expected
        Purchases that a model of calm customers foretold, shape (n,).
    bought
        Purchases that followed, shape (n,).
    units
        How much of each setback there was before, shape (n, n_setbacks).
    believed
        What is believed of each: minus the logarithm of the share that is left.
    strength
        How many customers, each with one unit, the belief is worth.

    Notes
    -----
    Purchases are Poisson with mean `expected * exp(-units @ taken)`; the belief stands in the
    likelihood as customers who bought what it foretells. The likelihood is concave, so Newton's
    steps find its one maximum; a setback that helps is read as one that costs nothing.

    Examples
    --------
    >>> import numpy as np
    >>> taken = fit_setbacks(np.full(400, 5.0), [5] * 200 + [3] * 200,
    ...     [[0]] * 200 + [[1]] * 200, [0.1], [1e-6])
    >>> round(taken[0], 3)  # -log(3 / 5)
    0.511
    """
    count = len(believed)
    u = np.asarray(units, dtype=np.float64).reshape(-1, count)
    mean, y = np.asarray(expected, dtype=np.float64), np.asarray(bought, dtype=np.float64)
    usual = float(mean.mean()) if len(mean) else 1.0
    belief = np.array(believed, dtype=np.float64)
    weight = np.concatenate((np.ones(len(y)), np.array(strength, dtype=np.float64)))
    u = np.vstack((np.maximum(u, 0.0), np.eye(count)))
    mean = np.concatenate((mean, np.full(count, max(usual, _CHANCE_MIN))))
    y = np.concatenate((y, mean[len(y) :] * np.exp(-belief)))
    taken = belief.copy()
    for _ in range(_STEPS):
        left = weight * mean * np.exp(-u @ taken)
        slope = u.T @ (left - weight * y)
        curve = (u * left[:, None]).T @ u + 1e-9 * np.eye(count)
        step = np.linalg.solve(curve, slope)
        moved = np.clip(taken + np.clip(step, -1.0, 1.0), 0.0, None)
        if float(np.abs(moved - taken).max(initial=0.0)) < _CLOSE:
            break
        taken = moved
    return tuple(taken.tolist())
