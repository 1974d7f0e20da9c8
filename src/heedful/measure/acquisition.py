"""What customers are worth by where they came from, and what may be paid for one more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import msgspec
import numpy as np

from heedful.measure.special import Floats

GroupBy = Literal["source", "campaign", "audience"]
"""How finely customers are told apart: each includes those before it."""

PULL: Final = 20
"""Customers that the mean of all is worth in the mean of a group: a group of three says little."""
MATURE_MIN: Final = 30
"""Customers old enough to have paid back from which the younger ones are left out."""
REPLICATES: Final = 400
"""Of the bootstrap."""

_CONFIDENCE: Final = 95.0


class Acquired(NamedTuple):
    """One customer and what they brought; money is margin."""

    source: str
    campaign: str
    audience: str
    payback: float
    """Brought within the payback span after the first touch; of a younger one so far, with what is
    foreseen for the rest of the span."""
    is_mature: bool
    """Whether the payback span is over."""
    value: float
    """Brought so far, with what is foreseen."""


class Bid(msgspec.Struct, frozen=True, kw_only=True):
    """What customers of one origin are worth, and what one more may cost."""

    source: str
    campaign: str
    audience: str
    customers: int
    mature: int
    """Of them, those whose payback span is over."""
    value: float
    """Margin of one customer so far and foreseen, drawn towards that of all."""
    value_low: float
    value_high: float
    """Ends of a 95 % interval."""
    ceiling: float
    """Most to pay for one customer so that the margin of the payback span covers it."""
    ceiling_low: float
    """Lower end of its 95 % interval: what is nearly safe to pay."""
    ceiling_high: float


def bids(customers: Sequence[Acquired], by: GroupBy, seed: int) -> list[Bid]:
    """Value origins and give each its ceiling, the largest first.

    Parameters
    ----------
    seed
        Of the bootstrap: the same customers and seed give the same intervals.

    Notes
    -----
    A group's mean is drawn towards that of all by `PULL` customers, so one lucky order does not set
    a bid. The interval is that of the bootstrap of the group's customers together with `PULL` of
    all: its variance is the `s^2 / (n + PULL)` of a mean whose prior is worth `PULL` customers, so
    a group of three is as little known as it is. Once `MATURE_MIN` customers of a
    group are old enough, only those count for its ceiling: what is foreseen of the young ones knows
    nothing of visitors who have not bought yet.
    """
    groups: dict[tuple[str, str, str], list[Acquired]] = {}
    for one in customers:
        campaign = "" if by == "source" else one.campaign
        key = (one.source, campaign, one.audience if by == "audience" else "")
        groups.setdefault(key, []).append(one)
    if not groups:
        return []
    all_values = np.array([one.value for one in customers])
    all_paybacks = _counting(list(customers))
    draws = np.random.default_rng(seed)
    found = []
    for key in sorted(groups):
        rows = groups[key]
        value = _drawn(np.array([one.value for one in rows]), all_values, draws)
        ceiling = _drawn(_counting(rows), all_paybacks, draws)
        found.append(
            Bid(
                source=key[0],
                campaign=key[1],
                audience=key[2],
                customers=len(rows),
                mature=sum(one.is_mature for one in rows),
                value=value[0],
                value_low=value[1],
                value_high=value[2],
                ceiling=max(ceiling[0], 0.0),
                ceiling_low=max(ceiling[1], 0.0),
                ceiling_high=max(ceiling[2], 0.0),
            )
        )
    return sorted(found, key=lambda bid: (-bid.ceiling, bid.source, bid.campaign, bid.audience))


def _counting(rows: list[Acquired]) -> Floats:
    mature = [one.payback for one in rows if one.is_mature]
    paid = mature if len(mature) >= MATURE_MIN else [one.payback for one in rows]
    return np.array(paid, dtype=np.float64)


def _drawn(
    values: Floats, everybody: Floats, draws: np.random.Generator
) -> tuple[float, float, float]:
    """Give a mean drawn towards that of all, and the ends of its interval."""
    count = len(values)
    mean = (float(values.sum()) + PULL * float(everybody.mean())) / (count + PULL)
    # One replicate at a time: all at once, a million customers would take gigabytes.
    own = np.array([values[draws.integers(0, count, count)].sum() for _ in range(REPLICATES)])
    lent = everybody[draws.integers(0, len(everybody), size=(REPLICATES, PULL))].sum(axis=1)
    tail = (100.0 - _CONFIDENCE) / 2.0
    low, high = np.percentile((own + lent) / (count + PULL), (tail, 100.0 - tail))
    return mean, min(mean, float(low)), max(mean, float(high))
