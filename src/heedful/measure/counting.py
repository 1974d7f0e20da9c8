"""How many purchases each customer may make, and the point forecast that errs least.

A mean is the forecast of the least squared error, and its total is right; most customers of a shop
buy nothing, so a mean errs by a little for nearly everybody. The median errs least, and its total
is far too low. What errs least among all forecasts of one given total is one quantile for
everybody, whose level makes up that total.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from heedful.kernel import InputError, expected
from heedful.learn.lifetime import ParetoNbd, Purchases
from heedful.measure.lifetime import BgNbd
from heedful.measure.special import Floats, log_gamma

COUNTS_MAX: Final = 200
"""Purchases within a horizon that are told apart; more count as so many."""

_NODES: Final = np.polynomial.legendre.leggauss(24)
_TIE: Final = 1e-9  # levels as close as this are one


def chances_of_counts(model: Any, seen: Purchases, horizon: float) -> Floats:
    """Give the chance of each number of purchases within the horizon, of shape (n, 1 + most).

    Notes
    -----
    `most` is what nobody is expected to reach: ten times the greatest mean and 20 more, at most
    `COUNTS_MAX`; the last column holds what is beyond.

    Raises
    ------
    InputError
        `bad_horizon` when it is not above 0.
    """
    if not 0.0 < horizon < math.inf:
        what = expected("a horizon above 0", repr(horizon), "$.horizon")
        raise InputError("bad_horizon", what)
    greatest = float(np.max(model.expected(seen, horizon), initial=0.0))
    count = np.arange(min(round(10.0 * greatest) + 20, COUNTS_MAX) + 1.0)
    of_buyers = _of_pareto if isinstance(model, ParetoNbd) else _of_bg
    alive = model.p_alive(seen)
    found: Floats = of_buyers(model, seen, horizon, count) * alive[:, None]
    found[:, 0] += 1.0 - alive
    found[:, -1] += np.maximum(1.0 - found.sum(axis=1), 0.0)
    return found


def _while_alive(
    model: BgNbd | ParetoNbd, seen: Purchases, count: Floats
) -> Callable[[float], Floats]:
    """Give the negative binomial law of what is bought in some time by those who stay."""
    shape, start = (model.r + seen.frequency)[:, None], (model.alpha + seen.age)[:, None]
    ways = log_gamma(shape + count) - log_gamma(shape) - log_gamma(count + 1.0)

    def law(time: float) -> Floats:
        rest = start / (start + time)
        result: Floats = np.exp(ways + shape * np.log(rest) + count * np.log1p(-rest))
        return result

    return law


def _of_pareto(model: ParetoNbd, seen: Purchases, horizon: float, count: Floats) -> Floats:
    """Integrate over when somebody who still buys leaves."""
    law, end = _while_alive(model, seen, count), model.beta + seen.age
    found = ((end / (end + horizon)) ** model.s)[:, None] * law(horizon)
    for node, weight in zip(*(column.tolist() for column in _NODES), strict=True):
        time = 0.5 * horizon * (node + 1.0)
        leaves = model.s / end * (end / (end + time)) ** (model.s + 1.0)
        found += (0.5 * horizon * weight * leaves)[:, None] * law(time)
    return found


def _of_bg(model: BgNbd, seen: Purchases, horizon: float, count: Floats) -> Floats:
    """Sum over the purchase after which somebody who still buys leaves (Fader et al., eq. 8)."""
    stayed = _while_alive(model, seen, count)(horizon)
    before = np.cumsum(stayed, axis=1) - stayed
    a, b = model.a, (model.b + seen.frequency)[:, None]

    def log_beta(one: Any, other: Any) -> Floats:
        result: Floats = log_gamma(np.asarray(one + 0.0 * other)) + log_gamma(other)
        result -= log_gamma(one + other)
        return result

    last = np.maximum(count - 1.0, 0.0)
    stays = np.exp(log_beta(a, b + count) - log_beta(a, b))
    leaves = np.exp(log_beta(a + 1.0, b + last) - log_beta(a, b)) * (count > 0.0)
    result: Floats = stays * stayed + leaves * np.maximum(1.0 - before, 0.0)
    return result


def least_error(chances: Floats, total: float) -> Floats:
    """Give the point forecasts that err least among all whose sum is `total`, of shape (n,).

    Parameters
    ----------
    chances
        Of each number of purchases, shape (n, m), as `chances_of_counts` gives them.
    total
        0 or more.

    Notes
    -----
    To raise a forecast from k to k + 1 changes its expected error by `2 P(count <= k) - 1`; the
    cheapest steps are taken until the total is reached, and the last ones, which cost the same,
    in part. That is the quantile of one level for everybody.

    References
    ----------
    T. Gneiting, "Making and Evaluating Point Forecasts", 2011.

    Examples
    --------
    >>> import numpy as np
    >>> chances = np.array([[0.9, 0.1, 0.0], [0.2, 0.5, 0.3]])
    >>> least_error(chances, 1.0).tolist(), least_error(chances, 1.5).tolist()
    ([0.0, 1.0], [0.0, 1.5])
    """
    below = np.cumsum(chances, axis=1)
    costs = np.sort(below, axis=None)
    level = costs[min(int(total), len(costs) - 1)]
    found: Floats = (below < level - _TIE).sum(axis=1).astype(np.float64)
    ties = (np.abs(below - level) <= _TIE).sum(axis=1)
    found += ties * ((total - found.sum()) / max(int(ties.sum()), 1))
    return found
