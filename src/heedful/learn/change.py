"""Has an arm's world changed? A two-sided cumulative sum over the surprise of its outcomes.

Outcomes become known out of order: who is won answers at once, and who is not is known to be lost
only as the window closes, all of a mailing at the same time. Read as they come they are runs of
good news and runs of bad news though nothing has changed. So where outcomes have a window, those
of decisions whose windows close at about the same time are weighed together, after it has closed.
"""

from __future__ import annotations

import math
from typing import Final

from heedful.kernel import MINUTE_MS

SHIFT: Final = 1.0
"""Change of the log-odds that the detector looks for."""

ALARM_NATS: Final = 8.0
"""Evidence in nats at which it raises; one false alarm in e^8 = 3,000 outcomes or fewer. Of 5, 6,
8 and 10, with shifts of .7 and 1, 8 lost the least when nothing changed and gained the most when
half of twenty arms turned round."""

BATCHES_MAX: Final = 16
"""Batches of one arm that may wait for their windows to close; what is beyond joins the last."""

_PARTS: Final = 8  # of a window: decisions whose windows close within one of them are a batch
_BATCH_MIN_MS: Final = 15 * MINUTE_MS  # timers may be late by as much
_UP: Final = math.expm1(SHIFT)
_DOWN: Final = math.expm1(-SHIFT)


Evidence = tuple[float, float]
"""For outcomes that come more, and for ones that come less often than foreseen, in nats."""


def surprise(outcome: float, p: float) -> Evidence:
    """Weigh one outcome.

    Parameters
    ----------
    outcome
        What happened, in [0, 1].
    p
        Chance that was foreseen, in (0, 1).

    Notes
    -----
    The log-likelihood ratios of odds that are e times, and 1 / e of, the foreseen ones.
    """
    return outcome * SHIFT - math.log1p(p * _UP), -outcome * SHIFT - math.log1p(p * _DOWN)


def added(sums: Evidence, found: Evidence) -> Evidence:
    """Add evidence to what there was so far, which never falls below 0.

    References
    ----------
    E. S. Page, "Continuous Inspection Schemes", Biometrika, 1954.
    """
    return max(sums[0] + found[0], 0.0), max(sums[1] + found[1], 0.0)


def weighed_at(decided_at: int, window_ms: int) -> int:
    """Say when what becomes of a decision is weighed, ms since 1970: after its batch has closed."""
    part = max(window_ms // _PARTS, _BATCH_MIN_MS)
    return ((decided_at + window_ms) // part + 2) * part


def has_changed(sums: Evidence) -> bool:
    """Say whether the evidence suffices to forget faster."""
    return max(sums) > ALARM_NATS
