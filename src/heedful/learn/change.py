"""Has an arm's world changed? A two-sided cumulative sum over the surprise of its outcomes."""

from __future__ import annotations

import math
from typing import Final

SHIFT: Final = 1.0
"""Change of the log-odds that the detector looks for."""

ALARM_NATS: Final = 8.0
"""Evidence in nats at which it raises; one false alarm in e^8 = 3,000 outcomes or fewer. Of 5, 6,
8 and 10, with shifts of .7 and 1, 8 lost the least when nothing changed and gained the most when
half of twenty arms turned round."""

_UP: Final = math.expm1(SHIFT)
_DOWN: Final = math.expm1(-SHIFT)


def surprise(sums: tuple[float, float], outcome: float, p: float) -> tuple[float, float]:
    """Add one outcome to the evidence that outcomes come more, or less, often than foreseen.

    Parameters
    ----------
    sums
        Evidence so far (more often, less often), each >= 0.
    outcome
        What happened, in [0, 1].
    p
        Chance that was foreseen, in (0, 1).

    Notes
    -----
    Each sum grows by the log-likelihood ratio of odds that are e times (or 1 / e of) the foreseen
    ones, and never falls below 0.

    References
    ----------
    E. S. Page, "Continuous Inspection Schemes", Biometrika, 1954.
    """
    more = sums[0] + outcome * SHIFT - math.log1p(p * _UP)
    less = sums[1] - outcome * SHIFT - math.log1p(p * _DOWN)
    return max(more, 0.0), max(less, 0.0)


def has_changed(sums: tuple[float, float]) -> bool:
    """Say whether the evidence suffices to forget faster."""
    return max(sums) > ALARM_NATS
