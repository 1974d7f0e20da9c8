"""What a customer will still buy: models that were fitted offline, evaluated for one or for many.

Law: numbers only. A fit (`measure`) makes the parameters; here they are used, inside a step, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from heedful.learn.quadrature import Floats

_LEGENDRE: Final = np.polynomial.legendre.leggauss(16)
_LEGENDRE_ONE: Final = tuple(zip(*(column.tolist() for column in _LEGENDRE), strict=True))
_EXP_MAX: Final = 700.0  # beyond it a double overflows; the customer has left for sure
_PERIOD_WEEKS: Final = 365.25 / 7.0 / 12.0  # what falls within a month is discounted as at its end


class Purchases(NamedTuple):
    """Repeat buying of n customers; three arrays of shape (n,), times in one unit."""

    frequency: Floats
    """Purchases after the first one; whole numbers."""
    recency: Floats
    """From the first purchase to the last; 0 where there was no second."""
    age: Floats
    """From the first purchase to the end of what was observed."""


class ParetoNbd(msgspec.Struct, frozen=True):
    """The Pareto/NBD model.

    References
    ----------
    D. Schmittlein, D. Morrison, R. Colombo, "Counting Your Customers: Who Are They and What Will
    They Do Next?", Management Science, 1987.
    """

    r: float
    """Shape of the buying rate."""
    alpha: float
    """Its scale, in units of time."""
    s: float
    """Shape of the rate of leaving."""
    beta: float
    """Its scale, in units of time."""

    def p_alive(self, seen: Purchases) -> Floats:
        """Give the chance that each customer still buys at the end of what was seen: shape (n,)."""
        result: Floats = pareto_terms(self, seen).share[0]
        return result

    def expected(self, seen: Purchases, horizon: Any) -> Floats:
        """Give the purchases that the next `horizon` brings on average, of shape (n,)."""
        t = np.asarray(horizon, dtype=np.float64)
        end = self.beta + seen.age
        # (1 - q^(s - 1)) / (s - 1) with q = end / (end + t), also at s = 1.
        log_q = np.log(end / (end + t))
        power = self.s - 1.0
        while_alive = -np.expm1(power * log_q) / power if abs(power) > 1e-9 else -log_q
        rate = (self.r + seen.frequency) / (self.alpha + seen.age)
        result: Floats = rate * end * while_alive * self.p_alive(seen)
        return result


class ParetoTerms(NamedTuple):
    log_total: Floats
    share: Floats
    """Shape (1 + nodes, n): how likely the customer is alive, then left about each node."""
    time: Floats
    """Shape (1 + nodes, n): the end of what was seen, then the nodes."""
    log_alpha: Floats
    """log(alpha + time), of the same shape."""
    log_beta: Floats
    """log(beta + time), of the same shape."""


def pareto_terms(model: ParetoNbd, seen: Purchases) -> ParetoTerms:
    """Integrate over when a customer left, from the last purchase to the end.

    Notes
    -----
    `(alpha + T)^-(r + x) (beta + T)^-s
    + s * integral (alpha + u)^-(r + x) (beta + u)^-(s + 1) du`, by Gauss-Legendre in
    `log(u + min(alpha, beta))`, where the integrand is smooth: exact to about 1e-9 and without
    the hypergeometric differences of the closed form, which cancel.
    """
    nodes, weights = _LEGENDRE
    least = min(model.alpha, model.beta)
    low, high = np.log(seen.recency + least), np.log(seen.age + least)
    half = np.maximum(0.5 * (high - low), 0.0)
    v = 0.5 * (high + low) + half * nodes[:, None]
    time = np.vstack((seen.age, np.exp(v) - least))
    power = model.r + seen.frequency
    log_alpha, log_beta = np.log(model.alpha + time), np.log(model.beta + time)
    log_terms = -power * log_alpha - model.s * log_beta
    with np.errstate(divide="ignore"):  # log 0 where the last purchase was at the end
        log_terms[1:] += np.log(model.s * weights)[:, None] + np.log(half) + v
    log_terms[1:] -= log_beta[1:]
    top = log_terms.max(axis=0)
    terms = np.exp(log_terms - top)
    total = terms.sum(axis=0)
    return ParetoTerms(top + np.log(total), terms / total, time, log_alpha, log_beta)


class GammaGamma(msgspec.Struct, frozen=True):
    """The Gamma-Gamma model of spend: how much is spent does not depend on how often.

    References
    ----------
    P. Fader, B. Hardie, K. L. Lee, "RFM and CLV: Using Iso-Value Curves for Customer Base
    Analysis", Journal of Marketing Research, 2005.
    """

    p: float
    """Shape of a customer's spends."""
    q: float
    """Shape of their scales over customers; the mean over customers exists above 1."""
    v: float
    """Scale of those scales, in money."""

    def expected(self, frequency: Any, mean_value: Any) -> Floats:
        """Give the expected spend a purchase of each customer, of shape (n,).

        Parameters
        ----------
        frequency
            How many purchases the mean is over; 0 gives the mean over customers.
        mean_value
            Mean spend of those purchases; not read where there was none.
        """
        x = np.asarray(frequency, dtype=np.float64)
        spent = np.where(x > 0.0, x * np.asarray(mean_value, dtype=np.float64), 0.0)
        result: Floats = self.p * (self.v + spent) / (self.p * x + self.q - 1.0)
        return result


class Bought(NamedTuple):
    """What one customer bought up to now; times in weeks."""

    purchases: int
    """The first one included; at least 1."""
    since_first: float
    since_last: float
    """At most `since_first`."""
    spent: float
    """Money of all purchases together."""


class Outlook(NamedTuple):
    """What is foreseen of one customer."""

    p_alive: float
    """Chance that they still buy."""
    value: float
    """Discounted money that they will still bring within the horizon."""
    value_peak: float
    """The same as it was right after their last purchase, when nothing had gone wrong since."""
    drop: float
    """Share of that peak that is gone, from 0 to 1."""


class LifetimeModel(msgspec.Struct, frozen=True, tag="lifetime"):
    """How a population buys, spends and takes it when something goes wrong."""

    buying: ParetoNbd
    """Times in weeks."""
    spend: GammaGamma
    setbacks: tuple[float, ...] = ()
    """For one unit of each setback: minus the logarithm of the share of later purchases that are
    left, 0 or more."""

    def remaining(self, units: Sequence[float]) -> float:
        """Give the share of purchases that is left after so much of each setback."""
        return math.exp(-sum(a * max(u, 0.0) for a, u in zip(self.setbacks, units, strict=True)))

    def outlook(
        self,
        bought: Bought,
        units: Sequence[float],
        horizon: float,
        discount: float = 0.0,
        margin: float = 1.0,
    ) -> Outlook:
        """Foresee one customer.

        Parameters
        ----------
        units
            How much of each setback there was lately.
        horizon
            Weeks that are looked ahead.
        discount
            Rate for one week, 0 or more.
        margin
            Share of the spend that is kept.

        Notes
        -----
        Plain numbers and no arrays: for one customer that is ten times as fast, and a step waits.

        Examples
        --------
        >>> model = LifetimeModel(
        ...     ParetoNbd(0.553, 10.578, 0.606, 11.669), GammaGamma(6.25, 3.74, 15.44), (0.3,)
        ... )
        >>> seen = Bought(purchases=6, since_first=30.0, since_last=2.0, spent=210.0)
        >>> [round(n, 2) for n in model.outlook(seen, [0.0], 52.0)]
        [0.97, 184.08, 198.41, 0.07]
        >>> [round(n, 2) for n in model.outlook(seen, [3.0], 52.0)]
        [0.39, 74.84, 198.41, 0.62]
        """
        last = max(bought.since_first - bought.since_last, 0.0)
        # Two orders at one instant are one purchase: a repeat needs a later time.
        again = bought.purchases - 1 if last > 0.0 else 0
        age = max(bought.since_first, last)
        p, q, v = self.spend.p, self.spend.q, self.spend.v
        each = margin * p * (v + max(bought.spent, 0.0)) / (p * bought.purchases + q - 1.0)
        alive = _alive(self.buying, again, last, age) * self.remaining(units)
        now = each * alive * _discounted(self.buying, again, age, horizon, discount)
        # Whoever buys right now is alive.
        peak = each * _discounted(self.buying, again, last, horizon, discount)
        drop = min(max(1.0 - now / peak, 0.0), 1.0) if peak > 0.0 else 0.0
        return Outlook(alive, now, peak, drop)


def _alive(model: ParetoNbd, again: int, last: float, age: float) -> float:
    """Give `ParetoNbd.p_alive` of one customer; see `pareto_terms`."""
    least = min(model.alpha, model.beta)
    low, high = math.log(last + least), math.log(age + least)
    half, middle = 0.5 * (high - low), 0.5 * (high + low)
    if half <= 0.0:
        return 1.0
    power = model.r + again
    alive = -power * math.log(model.alpha + age) - model.s * math.log(model.beta + age)
    left = 0.0
    for node, weight in _LEGENDRE_ONE:
        v = middle + half * node
        u = math.exp(v) - least
        term = v - power * math.log(model.alpha + u) - (model.s + 1.0) * math.log(model.beta + u)
        left += weight * math.exp(min(term - alive, _EXP_MAX))
    return 1.0 / (1.0 + model.s * half * left)


def _discounted(model: ParetoNbd, again: int, age: float, horizon: float, discount: float) -> float:
    """Give the discounted purchases of a customer who is alive now."""
    rate, end = (model.r + again) / (model.alpha + age), model.beta + age
    power = model.s - 1.0
    steps = max(round(horizon / _PERIOD_WEEKS), 1)
    total = before = 0.0
    for step in range(1, steps + 1):
        time = horizon * step / steps
        log_q = math.log(end / (end + time))
        bought = -math.expm1(power * log_q) / power if abs(power) > 1e-9 else -log_q
        total += (bought - before) * (1.0 + discount) ** -time
        before = bought
    return rate * end * total
