"""What customers are worth: their spend a purchase, and its sum over what they will still buy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from heedful.kernel import InputError, expected
from heedful.learn.lifetime import GammaGamma, Purchases
from heedful.measure.counting import chances_of_counts, least_error
from heedful.measure.lifetime import BuyingModel, Fitted, fit_bg_nbd, fit_pareto_nbd
from heedful.measure.maximum import maximize
from heedful.measure.special import Floats, digamma, log_gamma


def fit_gamma_gamma(frequency: Any, mean_value: Any) -> Fitted:
    """Fit spends; customers without a repeat purchase or with a mean of 0 or less are left out.

    Raises
    ------
    InputError
        `no_customers`, or `no_convergence` when the likelihood has no maximum.

    References
    ----------
    P. Fader, B. Hardie, K. L. Lee, "RFM and CLV: Using Iso-Value Curves for Customer Base
    Analysis", Journal of Marketing Research, 2005.
    """
    x = np.asarray(frequency, dtype=np.float64)
    m = np.asarray(mean_value, dtype=np.float64)
    is_used = (x > 0.0) & (m > 0.0) & np.isfinite(m)
    x, m = x[is_used], m[is_used]
    if not len(x):
        what = expected("a customer with a repeat purchase", "none", "$")
        raise InputError("no_customers", what)
    log_m, log_x = np.log(m), np.log(x)
    levels, level = np.unique(x, return_inverse=True)

    def likelihood(parameters: Floats) -> tuple[float, Floats]:
        p, q, v = parameters.tolist()
        gammas = log_gamma(p * levels + q) - log_gamma(p * levels) - log_gamma(q)
        spent = np.log(v + x * m)
        value = gammas[level] + q * np.log(v) - log_m + p * x * (log_m + log_x)
        value -= (p * x + q) * spent
        of_sum = digamma(p * levels + q)
        of_p = levels * (of_sum - digamma(p * levels))
        slopes = (
            (of_p[level] + x * (log_m + log_x - spent)).mean(),
            ((of_sum - digamma(q))[level] + np.log(v) - spent).mean(),
            (q / v - (p * x + q) / (v + x * m)).mean(),
        )
        return float(value.mean()), np.array(slopes)

    found = maximize(likelihood, (2.0, 2.0, float(m.mean())))
    return Fitted(GammaGamma(*found.parameters.tolist()), found.log_likelihood * len(x))


def lifetime_value(
    model: BuyingModel,
    seen: Purchases,
    spend: Any,
    times: Sequence[float],
    discount: float = 0.0,
) -> Floats:
    """Give the discounted money that each customer will still bring, of shape (n,).

    Parameters
    ----------
    model
        Foretells purchases.
    seen
        What each customer bought.
    spend
        Margin a purchase, shape (n,) or one number.
    times
        Ends of the periods that are summed, ascending, in the model's unit of time.
    discount
        Rate for one unit of time, 0 or more; a purchase counts from the end of its period.

    Examples
    --------
    >>> from heedful.measure import BgNbd, lifetime_value, purchases
    >>> model = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> lifetime_value(model, purchases(2, 30.43, 38.86), 30.0, [13, 26, 39]).round(2).tolist()
    [36.78]
    """
    total = np.zeros(len(seen.age))
    before = np.zeros(len(seen.age))
    for time in times:
        bought = model.expected(seen, time)
        total += (bought - before) / (1.0 + discount) ** time
        before = bought
    result: Floats = total * np.asarray(spend, dtype=np.float64)
    return result


class Earlier(NamedTuple):
    """A time before now, and what came of it."""

    seen: Purchases
    """What was seen up to then."""
    bought_since: float
    """How many purchases the same customers made from then to now."""
    span: float
    """The time from then to now."""


class Recalibrated(msgspec.Struct, frozen=True):
    """A model whose totals are scaled by what it missed in later parts of the past."""

    models: tuple[Any, ...]
    """Their forecasts are averaged."""
    factor: float

    def p_alive(self, seen: Purchases) -> Floats:
        """Give the chance that each customer still buys at the end of what was seen, (n,)."""
        result: Floats = np.mean([model.p_alive(seen) for model in self.models], axis=0)
        return result

    def expected(self, seen: Purchases, horizon: Any) -> Floats:
        """Give the purchases that the next `horizon` brings on average, of shape (n,)."""
        forecasts = [model.expected(seen, horizon) for model in self.models]
        result: Floats = self.factor * np.mean(forecasts, axis=0)
        return result

    def least_error(self, seen: Purchases, horizon: float) -> Floats:
        """Give the forecasts of the same total that err least, of shape (n,).

        Notes
        -----
        For counting heads, such as how many will buy twice; money needs the mean, `expected`.
        """
        laws = [chances_of_counts(model, seen, horizon) for model in self.models]
        chances = np.zeros((len(seen.age), max(law.shape[1] for law in laws)))
        for law in laws:
            chances[:, : law.shape[1]] += law / len(laws)
        return least_error(chances, float(self.expected(seen, horizon).sum()))


def fit_recalibrated(cuts: Sequence[Earlier], until_now: Purchases) -> Recalibrated:
    """Fit both models to all that was seen, and scale them by what they missed so far.

    Parameters
    ----------
    cuts
        Times in the past at which they are fitted, too, to foretell what came since; one or more.
    until_now
        All that was seen up to now.

    Notes
    -----
    Both models forget what lies ahead of them (fashions, seasons, new channels), so their totals
    are off; fits to earlier parts say by how much, without a look into the future. What they say
    depends on where the past is cut: on CDNOW the factor is 1.14, 1.21, 0.99 and 0.95 at the ends
    of April to July 1997. So all cuts are pooled: what was bought over what was foretold.

    Raises
    ------
    InputError
        `no_customers` when nobody is expected to buy, or `no_convergence`.

    References
    ----------
    J. Bates, C. Granger, "The Combination of Forecasts", Operational Research Quarterly, 1969, on
    the mean of two models that err apart.
    """
    foretold = 0.0
    for cut in cuts:
        past = [fit_bg_nbd(cut.seen).model, fit_pareto_nbd(cut.seen).model]
        foretold += float(np.mean([m.expected(cut.seen, cut.span) for m in past], axis=0).sum())
    if not foretold > 0.0:
        raise InputError("no_customers", expected("somebody expected to buy", "nobody", "$"))
    models = (fit_bg_nbd(until_now).model, fit_pareto_nbd(until_now).model)
    return Recalibrated(models, sum(cut.bought_since for cut in cuts) / foretold)
