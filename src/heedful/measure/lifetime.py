"""How often customers will buy: BG/NBD and Pareto/NBD by maximum likelihood on grouped rows.

Both say that a customer buys at a rate of their own, Gamma over customers, until they silently
leave: after a purchase with a chance that is Beta over customers (BG), or at an exponential time
whose rate is Gamma (Pareto). Times are in one unit, weeks in the papers.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, Protocol

import msgspec
import numpy as np

from heedful.kernel import InputError, expected
from heedful.measure.buying import Grouped, Purchases, grouped
from heedful.measure.maximum import maximize
from heedful.measure.special import Floats, digamma, hyp2f1, log_gamma

_NODES: Final = 16


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
        """Give the chance that each customer still buys at the end of what was seen, (n,)."""
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
        """Give the chance that each customer still buys at the end of what was seen, (n,)."""
        result: Floats = _pareto_terms(self, seen).share[0]
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


class _ParetoTerms(NamedTuple):
    log_total: Floats
    share: Floats
    """Shape (1 + nodes, n): how likely the customer is alive, then left about each node."""
    time: Floats
    """Shape (1 + nodes, n): the end of what was seen, then the nodes."""
    log_alpha: Floats
    """log(alpha + time), of the same shape."""
    log_beta: Floats
    """log(beta + time), of the same shape."""


def _pareto_terms(model: ParetoNbd, seen: Purchases) -> _ParetoTerms:
    """Integrate over when a customer left, from the last purchase to the end.

    Notes
    -----
    `(alpha + T)^-(r + x) (beta + T)^-s
    + s * integral (alpha + u)^-(r + x) (beta + u)^-(s + 1) du`, by Gauss-Legendre in
    `log(u + min(alpha, beta))`, where the integrand is smooth: exact to about 1e-9 and without
    the hypergeometric differences of the closed form, which cancel.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
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
    return _ParetoTerms(top + np.log(total), terms / total, time, log_alpha, log_beta)


def fit_bg_nbd(seen: Purchases) -> Fitted:
    """Fit the BG/NBD model to what customers bought.

    Raises
    ------
    InputError
        `no_customers`, or `no_convergence` when the likelihood has no maximum.
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
    """
    groups = _grouped(seen)

    def likelihood(parameters: Floats) -> tuple[float, Floats]:
        r, alpha, s, beta = parameters.tolist()
        rows, k = groups.rows, groups.levels
        x = rows.frequency
        terms = _pareto_terms(ParetoNbd(r, alpha, s, beta), rows)
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
