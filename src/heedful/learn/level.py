"""How often an action reaches a goal with the usual person: counted, so that no order matters.

A filter moves log-odds outcome by outcome, and each step is only right near where it begins: after
a night's 367 misses and then its 84 visits, told in this order, one believed in a chance of .83. So
the level of an action is the ratio of two sums. Over outcomes whose chances p were foreseen right,
`1 - p` of those who were won sums to as much as `p` of those who were lost; where it does not, the
level by which it would is `log(sum of 1 - p over the won) - log(sum of p / odds over the lost)`.
Both are taken beside what the usual person would have added, so one who is usual counts 1 by
whatever level the outcome was foreseen, and without features all this is a count.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from heedful.learn.prior import Prior

COUNTS: Final = 4
"""Numbers of one level."""

_LOG_ODDS_MAX: Final = 30.0  # beyond it no chance could be told from none
_PRECISION_MIN: Final = 0.05
_MOVED_MAX: Final = 300.0  # of log-odds: `exp` overflows soon after


class Start(NamedTuple):
    """What is believed of a level before anything is counted: a normal of its log-odds."""

    log_odds: float
    precision: float

    @property
    def won(self) -> float:
        """How many outcomes that were won the belief is worth."""
        return self.precision * (1.0 + math.exp(self.log_odds))

    @property
    def lost(self) -> float:
        """How many that were lost."""
        return self.precision * (1.0 + math.exp(-self.log_odds))


def start_at(log_odds: float, precision: float) -> Start:
    """Begin at log-odds, cut to what a chance can tell apart."""
    return Start(_cut(log_odds), precision)


def start_of(prior: Prior) -> Start:
    """Begin at a declared prior.

    Notes
    -----
    `strength` outcomes at the rate p say `strength * p * (1 - p)` about the log-odds.
    """
    precision = max(prior.strength * prior.p * (1.0 - prior.p), _PRECISION_MIN)
    return Start(math.log(prior.p / (1.0 - prior.p)), precision)


class Told(NamedTuple):
    """One outcome, and what was foreseen of it."""

    won: float
    """Its weight as won."""
    lost: float
    """Its weight as lost; below 0 where what was learned as lost is taken back."""
    p: float
    """Its chance by the features and `against`."""
    against: float
    """Level by which it was foreseen, log-odds."""
    informs: float
    """Information about its log-odds, hashed weights as little known as they are."""


class Level(NamedTuple):
    """What was counted, and what the level came to be."""

    won: float
    """Sum of `(1 - p) (1 + odds of the level)` over the won; never below 0."""
    lost: float
    """Sum of `p (1 + odds of the level) / odds of the level` over the lost; never below 0."""
    after_won: float
    """Log-odds behind the last outcome that was won."""
    after_lost: float

    def log_odds(self, start: Start) -> float:
        """Give what is believed of the usual person."""
        return _cut(math.log((self.won + start.won) / (self.lost + start.lost)))

    def reference(self, start: Start, now: float, is_won: bool) -> float:
        """Give the level against which an outcome is weighed for what its features say.

        Notes
        -----
        While a run of misses is told the level falls, and visits that are told next will lift it
        again. So it is the middle one of three: the level as it is, as it was behind the last
        outcome of the other kind, and as it was believed to be before any.
        """
        other = self.after_lost if is_won else self.after_won
        low, high = sorted((now, other))
        return max(low, min(start.log_odds, high))

    def told(self, start: Start, told: Told, moved: float) -> Level:
        """Count an outcome.

        Parameters
        ----------
        moved
            By how much the odds of the usual person grew as it became another one, log-odds.
        """
        gain = told.won * (1.0 - told.p) * (1.0 + math.exp(told.against))
        lost = self.lost * math.exp(-max(-_MOVED_MAX, min(moved, _MOVED_MAX)))
        lost += told.lost * told.p * (1.0 + math.exp(-told.against))
        lost = max(lost, 0.0)  # no more is taken back than was counted
        level = self._replace(won=self.won + gain, lost=lost)
        log_odds = level.log_odds(start)
        if told.won > 0.0:
            return level._replace(after_won=log_odds)
        return level._replace(after_lost=log_odds) if told.lost > 0.0 else level

    def faded(self, start: Start, factor: float, moved: float) -> Level:
        """Let what was counted weigh `1 / factor` as much; the level is that of who is usual now.

        Parameters
        ----------
        moved
            By how much the odds of the usual person grew as it became another one, log-odds.
        """
        log_odds = _cut(self.log_odds(start) + moved)
        return self._at(start, start.won + self.won / factor, log_odds)

    def known_by(self, start: Start, information: float, log_odds: float) -> Level:
        """Give the sums of a level that outcomes, and its start, say so much about."""
        log_odds = _cut(log_odds)
        return self._at(start, information * (1.0 + math.exp(log_odds)), log_odds)

    def _at(self, start: Start, won: float, log_odds: float) -> Level:
        """Give the sums of a level; neither is less than what it began with."""
        won = max(won, start.won, start.lost * math.exp(log_odds))
        lost = max(won * math.exp(-log_odds) - start.lost, 0.0)
        return self._replace(won=won - start.won, lost=lost)


def _cut(log_odds: float) -> float:
    return max(-_LOG_ODDS_MAX, min(log_odds, _LOG_ODDS_MAX))
