"""How often customers will buy: BG/NBD and Pareto/NBD by maximum likelihood on grouped rows.

Both say that a customer buys at a rate of their own, Gamma over customers, until they silently
leave: after a purchase with a chance that is Beta over customers (BG), or at an exponential time
whose rate is Gamma (Pareto). Times are in one unit, weeks in the papers.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np

from heedful.kernel import InputError, expected
from heedful.learn.lifetime import ParetoNbd, Purchases, pareto_terms
from heedful.measure.buying import Grouped, grouped
from heedful.measure.maximum import maximize
from heedful.measure.special import Floats, digamma, hyp2f1, log_gamma


class BuyingModel(Protocol):
    """Foretells purchases of each customer."""

    def p_alive(self, seen: Purchases) -> Floats:
        """Give the chance that each customer still buys at the end of what was seen."""

    def expected(self, seen: Purchases, horizon: Any) -> Floats:
        """Give the purchases of each customer that the next `horizon` brings on average."""


class Fitted(NamedTuple):
    """A model and how well it fits."""

    model: Any
    """A `BgNbd`, `ParetoNbd` or `GammaGamma`."""
    log_likelihood: float
    """Of all customers."""


class BgNbd(msgspec.Struct, frozen=True):
    """The beta-geometric/NBD model.

    References
    ----------
    P. Fader, B. Hardie, K. L. Lee, "Counting Your Customers the Easy Way: An Alternative to the
    Pareto/NBD Model", Marketing Science, 2005.
    """

    r: float
    """Shape of the buying rate."""
    alpha: float
    """Its scale, in units of time."""
    a: float
    """Beta shape of the chance to leave after a purchase; with `b`."""
    b: float

    def p_alive(self, seen: Purchases) -> Floats:
        """Give the chance that each customer still buys at the end of what was seen: shape (n,)."""
        x = seen.frequency
        gone = np.log(self.a) - np.log(self.b + np.maximum(x, 1.0) - 1.0)
        gone += (self.r + x) * np.log((self.alpha + seen.age) / (self.alpha + seen.recency))
        # An odds that overflows is a chance of 0.
        odds = np.exp(np.minimum(gone, 700.0)) * (x > 0.0)
        result: Floats = 1.0 / (1.0 + odds)
        return result

    def expected(self, seen: Purchases, horizon: Any) -> Floats:
        """Give the purchases that the next `horizon` brings on average, of shape (n,)."""
        x, t = seen.frequency, np.asarray(horizon, dtype=np.float64)
        start = self.alpha + seen.age
        # a = 1 is a removable singularity of the formula.
        a = self.a if abs(self.a - 1.0) > 1e-6 else 1.0 + 1e-6
        series = hyp2f1(self.r + x, self.b + x, a + self.b + x - 1.0, t / (start + t))
        bought = 1.0 - (start / (start + t)) ** (self.r + x) * series
        result: Floats = (a + self.b + x - 1.0) / (a - 1.0) * bought * self.p_alive(seen)
        return result


def fit_bg_nbd(seen: Purchases) -> Fitted:
    """Fit the BG/NBD model to what customers bought.

    Raises
    ------
    InputError
        `no_customers`, or `no_convergence` when the likelihood has no maximum.

    References
    ----------
    P. Fader, B. Hardie, K. L. Lee, "Counting Your Customers the Easy Way: An Alternative to the
    Pareto/NBD Model", Marketing Science, 2005.
    """
    groups = _grouped(seen)

    def likelihood(parameters: Floats) -> tuple[float, Floats]:
        r, alpha, a, b = parameters.tolist()
        rows, k = groups.rows, groups.levels
        x = rows.frequency
        gammas = log_gamma(r + k) - log_gamma(r) + log_gamma(a + b) - log_gamma(a + b + k)
        gammas += log_gamma(b + k) - log_gamma(b) + r * np.log(alpha)
        at_end, at_last = np.log(alpha + rows.age), np.log(alpha + rows.recency)
        is_repeat = x > 0.0
        miss = b + np.maximum(x, 1.0) - 1.0
        gone = np.log(a / miss) + (r + x) * (at_end - at_last)
        gone = np.where(is_repeat, gone, -np.inf)
        extra = np.logaddexp(0.0, gone)
        left = np.where(is_repeat, np.exp(gone - extra), 0.0)
        value = gammas[groups.level] - (r + x) * at_end + extra
        both, of_r = digamma(a + b) - digamma(a + b + k), digamma(r + k) - digamma(r)
        of_b = both + digamma(b + k) - digamma(b)
        time = at_end + left * (at_last - at_end)
        inverse = (1.0 - left) / (alpha + rows.age) + left / (alpha + rows.recency)
        slopes = np.stack(
            (
                of_r[groups.level] + np.log(alpha) - time,
                r / alpha - (r + x) * inverse,
                both[groups.level] + left / a,
                of_b[groups.level] - left / miss,
            )
        )
        return _mean(groups, value, slopes)

    found = maximize(likelihood, (1.0, float(np.median(seen.age)) or 1.0, 1.0, 1.0))
    return Fitted(BgNbd(*found.parameters.tolist()), found.log_likelihood * len(seen.age))


def fit_pareto_nbd(seen: Purchases) -> Fitted:
    """Fit the Pareto/NBD model to what customers bought.

    Raises
    ------
    InputError
        `no_customers`, or `no_convergence` when the likelihood has no maximum.

    References
    ----------
    D. Schmittlein, D. Morrison, R. Colombo, "Counting Your Customers: Who Are They and What Will
    They Do Next?", Management Science, 1987.
    """
    groups = _grouped(seen)

    def likelihood(parameters: Floats) -> tuple[float, Floats]:
        r, alpha, s, beta = parameters.tolist()
        rows, k = groups.rows, groups.levels
        x = rows.frequency
        terms = pareto_terms(ParetoNbd(r, alpha, s, beta), rows)
        log_total, share, time, log_alpha, log_beta = terms
        gammas = log_gamma(r + k) - log_gamma(r) + r * np.log(alpha) + s * np.log(beta)
        of_r = digamma(r + k) - digamma(r)
        since = 1.0 / (beta + time)
        slopes = np.stack(
            (
                of_r[groups.level] + np.log(alpha) - (share * log_alpha).sum(axis=0),
                r / alpha - (r + x) * (share / (alpha + time)).sum(axis=0),
                np.log(beta) - (share * log_beta).sum(axis=0) + (1.0 - share[0]) / s,
                s / beta - (s * share * since).sum(axis=0) - (share[1:] * since[1:]).sum(axis=0),
            )
        )
        return _mean(groups, gammas[groups.level] + log_total, slopes)

    age = float(np.median(seen.age)) or 1.0
    found = maximize(likelihood, (1.0, age, 1.0, age))
    return Fitted(ParetoNbd(*found.parameters.tolist()), found.log_likelihood * len(seen.age))


def _grouped(seen: Purchases) -> Grouped:
    """Group customers for a fit.

    Raises
    ------
    InputError
        `no_customers` when there is nobody to learn from.
    """
    if not len(seen.age):
        raise InputError("no_customers", expected("at least one customer", "none", "$"))
    return grouped(seen)


def _mean(groups: Grouped, value: Floats, slopes: Floats) -> tuple[float, Floats]:
    share = groups.customers / groups.customers.sum()
    return float(value @ share), slopes @ share
