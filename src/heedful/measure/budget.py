"""Where money would bring more: response curves from what was spent and credited, then a split.

Credit says how outcomes follow spend, hold-outs say how many of them were brought about: curves
are fitted to the former and scaled by the latter. How a curve bends is seen only as far as spend
varied; beyond that it is a belief, and the intervals say how little that is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from heedful.kernel import InputError, expected
from heedful.measure.off_policy import Interval
from heedful.measure.special import Floats

ELASTICITY_PRIOR: Final = 0.5
"""Belief about how the value of spend bends before it is seen: twice the money does 1.4 times."""

ELASTICITY_SPREAD: Final = 0.2
"""Standard deviation of that belief."""

MOVE_MAX: Final = 0.5
"""Share of its spend by which a proposal moves a channel at most: no curve is known far away."""

_GRID: Final = np.linspace(0.05, 0.95, 37)
_HALVINGS: Final = 64  # of a range of prices in logarithms: beyond a float's precision


class Outlays(NamedTuple):
    """Money spent on and credited to channels, person by person; columns of shape (n,)."""

    person: npt.NDArray[np.int64]
    """From 0."""
    period: npt.NDArray[np.int64]
    """From 0."""
    channel: npt.NDArray[np.int64]
    """Place among the names."""
    spend: Floats
    credit: Floats
    """Money of outcomes that are credited to it."""


class Causal(NamedTuple):
    """What share of what is credited was brought about, as a hold-out says."""

    share: float
    error: float
    """Standard error of the share."""


class ChannelBudget(msgspec.Struct, frozen=True, kw_only=True):
    """What one channel gets and brings in a period."""

    name: str
    spend: float
    proposed: float
    interval: Interval
    """Of the best spend, within the bound of the move."""
    brings: float
    """Money that it brings about at today's spend."""
    would_bring: float
    elasticity: float
    """Percent more value for a percent more spend, below 1."""
    causal_share: float
    """Share of its credit that a hold-out confirms; 1 where none says."""


class Reallocation(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal for the money of one period."""

    total: float
    channels: list[ChannelBudget]
    gain: float
    """Money a period that the proposal brings more than today's split of the same total."""
    interval: Interval
    is_sure: bool
    is_calibrated: bool
    """Whether a hold-out scales the curves; otherwise credit is taken for cause."""
    says: str


class _Curves(NamedTuple):
    level: Floats
    """Value of a period at a mean spend of 1, of shape (channels,)."""
    elasticity: Floats

    def value(self, spend: Floats) -> Floats:
        result: Floats = self.level * spend**self.elasticity
        return result


def reallocate(
    found: Outlays,
    names: Sequence[str],
    causal: Mapping[str, Causal],
    *,
    seed: int,
    total: float | None = None,
    move: float = MOVE_MAX,
    confidence: float = 0.95,
    replicates: int = 200,
) -> Reallocation:
    """Propose how to split the money of a period.

    Parameters
    ----------
    found
        What was spent and credited; channels without any spend are left as they are.
    causal
        By channel; `*` for all that have none of their own.
    total
        Money of a period; what was spent on average where None.
    move
        As `MOVE_MAX`, above 0 and up to 1.

    Raises
    ------
    InputError
        `no_spend` when nothing was spent, `bad_move`, or `bad_total` when the total cannot be
        split within the moves.

    Notes
    -----
    Value `c a s^b` of a period with mean spend s: `b` by least quasi-Poisson deviance over the
    periods with a normal prior, `a` so that the mean spend brings the mean credit (periods without
    any spend included), `c` from the hold-out. The split makes the marginal values equal, within
    the bounds. Intervals draw people anew, the bend of each curve from what is believed of it,
    and the share of each hold-out from its own error.

    References
    ----------
    D. Chan, M. Perry, "Challenges and Opportunities in Media Mix Modeling", 2017, for why curves
    that no experiment has scaled are not to be believed.
    """
    if not 0.0 < move <= 1.0:
        raise InputError("bad_move", expected("a share above 0 and up to 1", repr(move), "$.move"))
    periods = int(found.period.max()) + 1 if len(found.period) else 0
    spent = _sums(found, found.spend, len(names), periods, None)
    used = np.flatnonzero(spent.sum(axis=0) > 0.0)
    if not len(used):
        what = expected("an action with a cost that went out", "none", "$")
        raise InputError("no_spend", f"{what} State `cost` in actions/*.yaml.")
    now = spent[:, used].mean(axis=0)
    wanted = float(now.sum()) if total is None else total
    low, high = now * (1.0 - move), now * (1.0 + move)
    if not low.sum() <= wanted <= high.sum():
        what = f"a total of {low.sum():.2f} to {high.sum():.2f} a period"
        raise InputError("bad_total", expected(what, f"{wanted:.2f}", "$.total"))
    named = [names[k] for k in used.tolist()]
    hold_outs = [name if name in causal else "*" for name in named]
    known = [causal.get(name, Causal(1.0, 0.0)) for name in hold_outs]
    _, by_hold_out = np.unique(hold_outs, return_inverse=True)
    share = np.array([one.share for one in known])
    likeliest = np.full(len(used), np.nan)
    curves = _scaled(_curves(found, len(names), periods, used, None, likeliest), share)
    proposed = _split(curves, low, high, wanted)
    error = np.array([one.error for one in known])
    splits, gains = [], []
    draws, people = np.random.default_rng(seed), int(found.person.max()) + 1
    for _ in range(replicates):
        weight = np.bincount(draws.integers(0, people, people), minlength=people).astype(np.float64)
        # Hold-outs err apart; what one hold-out scales errs together.
        drawn = np.maximum(share + error * draws.standard_normal(len(used))[by_hold_out], 0.0)
        bends = draws.random(len(used))
        again = _scaled(_curves(found, len(names), periods, used, weight, bends), drawn)
        splits.append(_split(again, low, high, wanted))
        gains.append(_gain(again, proposed, now, wanted))
    miss = 0.5 * (1.0 - confidence)
    ends = np.quantile(np.array(splits), (miss, 1.0 - miss), axis=0).T
    gain_low, gain_high = np.quantile(gains, (miss, 1.0 - miss)).tolist()
    gain = _gain(curves, proposed, now, wanted)
    return Reallocation(
        total=wanted,
        channels=_channels(named, curves, now, proposed, ends, share),
        gain=gain,
        interval=Interval(gain_low, gain_high),
        is_sure=gain_low > 0.0,
        is_calibrated=bool(causal),
        says=_sentence(gain, gain_low, gain_high, is_calibrated=bool(causal)),
    )


def _channels(
    names: Sequence[str],
    curves: _Curves,
    now: Floats,
    proposed: Floats,
    ends: Floats,
    share: Floats,
) -> list[ChannelBudget]:
    columns = zip(
        names,
        now.tolist(),
        proposed.tolist(),
        ends.tolist(),
        curves.value(now).tolist(),
        curves.value(proposed).tolist(),
        curves.elasticity.tolist(),
        share.tolist(),
        strict=True,
    )
    return [
        ChannelBudget(
            name=name,
            spend=spend,
            proposed=moved,
            interval=Interval(*interval),
            brings=brings,
            would_bring=would_bring,
            elasticity=elasticity,
            causal_share=causal_share,
        )
        for name, spend, moved, interval, brings, would_bring, elasticity, causal_share in columns
    ]


def _sums(
    found: Outlays, column: Floats, channels: int, periods: int, weight: Floats | None
) -> Floats:
    """Sum a column by period and channel; people weigh `weight`."""
    values = column if weight is None else column * weight[found.person]
    place = found.period * channels + found.channel
    summed = np.bincount(place, weights=values, minlength=periods * channels)
    return summed.astype(np.float64).reshape(periods, channels)


def _curves(
    found: Outlays,
    channels: int,
    periods: int,
    used: npt.NDArray[np.intp],
    weight: Floats | None,
    bends: Floats,
) -> _Curves:
    spend = _sums(found, found.spend, channels, periods, weight)[:, used]
    credit = _sums(found, found.credit, channels, periods, weight)[:, used]
    fitted = [_fit(spend[:, k], credit[:, k], float(bends[k])) for k in range(len(used))]
    return _Curves(*np.array(fitted).T)


def _fit(spend: Floats, credit: Floats, bend: float) -> tuple[float, float]:
    """Fit one curve; gives its level and its elasticity.

    Parameters
    ----------
    bend
        Quantile of what is believed of the elasticity after the data; NaN takes the likeliest.
    """
    is_on = spend > 0.0
    s, y = spend[is_on], credit[is_on]
    if not len(s) or y.sum() <= 0.0:
        return 0.0, ELASTICITY_PRIOR  # nothing came of it
    powers = s[None, :] ** _GRID[:, None]
    levels = y.sum() / powers.sum(axis=1)
    expected_ = levels[:, None] * powers
    # Deviance of Poisson's form, without what does not depend on the curve.
    deviance = 2.0 * (expected_ - y * np.log(expected_)).sum(axis=1)
    excess = (deviance - deviance.min()) / max(_dispersion(y, expected_), 1e-12)
    prior = ((_GRID - ELASTICITY_PRIOR) / ELASTICITY_SPREAD) ** 2
    loss = excess + prior
    best = int(np.argmin(loss))
    if not np.isnan(bend):
        belief = np.exp(-0.5 * (loss - loss[best])).cumsum()
        best = int(np.searchsorted(belief, bend * belief[-1]))
    bent = float(_GRID[best])
    return float(credit.mean()) / float(spend.mean()) ** bent, bent


def _dispersion(y: Floats, fits: Floats) -> float:
    """Give how many times Poisson's variance the best fit leaves, in the unit of the money."""
    freedom = max(len(y) - 1, 1)
    pearson = ((y - fits) ** 2 / fits).sum(axis=1)
    return max(float(pearson.min()) / freedom, float(y.mean()) / len(y))


def _scaled(curves: _Curves, share: Floats) -> _Curves:
    return curves._replace(level=curves.level * share)


def _split(curves: _Curves, low: Floats, high: Floats, total: float) -> Floats:
    """Split a total so that the last unit brings the same everywhere, within the bounds."""
    slope = np.maximum(curves.level * curves.elasticity, 1e-300)

    def at(log_price: float) -> Floats:
        power = (np.log(slope) - log_price) / (1.0 - curves.elasticity)
        return np.clip(np.exp(np.clip(power, -700.0, 700.0)), low, high)

    cheap, dear = -700.0, 700.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (cheap + dear)
        cheap, dear = (middle, dear) if at(middle).sum() > total else (cheap, middle)
    found = at(0.5 * (cheap + dear))
    # Where every channel is at a bound, what is left is shared by the room that there is.
    left = total - float(found.sum())
    room = (high - found) if left > 0.0 else (found - low)
    whole = float(room.sum())
    return found + left * room / whole if whole > 0.0 else found


def _gain(curves: _Curves, proposed: Floats, now: Floats, total: float) -> float:
    same = now * (total / float(now.sum()))
    return float((curves.value(proposed) - curves.value(same)).sum())


def _sentence(gain: float, low: float, high: float, *, is_calibrated: bool) -> str:
    ends = f"{low:+,.2f} to {high:+,.2f} a period"
    sure = "brings more" if low > 0.0 else "may bring more; not yet sure"
    text = f"The proposal {sure}: {gain:+,.2f}, {ends}."
    if is_calibrated:
        return text
    return f"{text} No hold-out scales it, so credit is taken for cause: do not rely on it."
