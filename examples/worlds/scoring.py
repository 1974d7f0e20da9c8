"""What policies came to, person by person, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from examples.worlds.playing import Ledger
from examples.worlds.world import Floats
from heedful.decide.holdout import drawn
from heedful.kernel import MICRO
from heedful.measure import lift, moments_of
from heedful.measure.hold_out import GROUP_MIN

RESAMPLES: Final = 400
MEASURES: Final = {
    "revenue": "revenue a person",
    "contacts": "contacts a person",
    "unsubscribed": "unsubscribed",
    "complained": "complained",
    "is_retained": "still customers",
    "value": "12 months' value a person",
    "gain": "the customer's own gain",
}


class Figure(NamedTuple):
    """A mean with its interval at 95 %."""

    mean: float
    low: float
    high: float

    def shown(self, digits: int = 2) -> str:
        """Show it in a table."""
        return f"{self.mean:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"

    def percent(self) -> str:
        """Show a share."""
        return f"{self.mean:+.1%} ({self.low:+.1%} to {self.high:+.1%})"


def figures(ledger: Ledger) -> dict[str, Figure]:
    """Give the mean of each measure over people."""
    found = {}
    for measure in MEASURES:
        values = np.asarray(getattr(ledger, measure), dtype=float)
        reach = 1.96 * values.std(ddof=1) / len(values) ** 0.5
        found[measure] = Figure(values.mean(), values.mean() - reach, values.mean() + reach)
    return found


def compared(ledger: Ledger, base: Ledger, measure: str, seed: int = 1) -> Figure:
    """Give the relative difference to another policy in the same world.

    Notes
    -----
    Both met the same people with the same luck, so people are drawn in pairs. The interval is over
    people, given what the policy learned from them; other towns would add to it.
    """
    mine = np.asarray(getattr(ledger, measure), dtype=float)
    theirs = np.asarray(getattr(base, measure), dtype=float)
    rng = np.random.default_rng(seed)
    ratios = []
    for _ in range(RESAMPLES):
        drawn = rng.integers(0, len(mine), len(mine))
        ratios.append(mine[drawn].sum() / max(theirs[drawn].sum(), 1e-9) - 1.0)
    low, high = np.percentile(ratios, (2.5, 97.5))
    return Figure(mine.sum() / max(theirs.sum(), 1e-9) - 1.0, float(low), float(high))


def regret(ledger: Ledger, reference: Ledger) -> Floats:
    """Give what a policy has earned less than the reference, day by day added up, per person."""
    lost: Floats = np.cumsum(reference.value_by_day - ledger.value_by_day) / len(ledger.value)
    return lost


def silence_by_kind(ledger: Ledger, kinds: Mapping[str, object]) -> dict[str, float]:
    """Give the share of choices that were silence, by kind."""
    found = {}
    for number, kind in enumerate(kinds):
        its = ledger.kind == number
        found[kind] = float(ledger.silent[its].sum() / max(ledger.asked[its].sum(), 1))
    return found


class Peace(NamedTuple):
    """How well those are left in peace whom messages drive away, and at what price elsewhere."""

    silence: float
    """Share of choices about them that were silence."""
    lost: float
    """Share of the best value that was lost with everybody else."""


def peace(ledger: Ledger, best: Ledger, kinds: Mapping[str, object], kind: str) -> Peace:
    """Compare with who knows everybody's kind.

    Parameters
    ----------
    kind
        Of the people whom messages drive away.
    """
    its = ledger.kind == list(kinds).index(kind)
    silence = ledger.silent[its].sum() / max(ledger.asked[its].sum(), 1)
    lost = 1.0 - ledger.value[~its].sum() / best.value[~its].sum()
    return Peace(float(silence), float(lost))


class Shuffled(NamedTuple):
    """How often lift was claimed although everybody was treated alike."""

    claimed: int
    judged: int
    """Runs whose groups were large enough for any claim."""
    runs: int

    @property
    def share(self) -> float:
        """Share of the judged runs in which lift was claimed; 0 where none was judged."""
        return self.claimed / self.judged if self.judged else 0.0

    def says(self) -> str:
        """Say it in one sentence."""
        small = f"fewer than {GROUP_MIN} people in a group, where lift is never claimed"
        if not self.judged:
            return f"None of {self.runs} shuffled treatments could be judged: {small}."
        rest = self.runs - self.judged
        aside = f" {rest} more had {small}." if rest else ""
        of_all = f"{self.share:.1%} of {self.judged} shuffled treatments"
        return f"Lift was claimed in {of_all} (bar 5 %).{aside}"


def shuffled(ledger: Ledger, runs: int, share: float = 0.1) -> Shuffled:
    """Count the runs in which lift is claimed although everybody was treated alike.

    Notes
    -----
    Each run draws another hold-out, by the draw that decisions use, and asks the estimator that
    `heedful lift` asks: as nobody was really held out, every claim is false. A run with fewer than
    `GROUP_MIN` people in a group is not judged: nothing is ever claimed there.
    """
    brought = np.asarray(ledger.value, dtype=float)
    claimed = judged = 0
    for run in range(runs):
        held = np.array(
            [
                drawn(b"shuffled", str(run), "user_id", f"u{number}", int(share * MICRO))
                for number in range(len(brought))
            ]
        )
        if min(held.sum(), (~held).sum()) < GROUP_MIN:
            continue
        judged += 1
        claimed += lift(moments_of(brought[~held]), moments_of(brought[held])).is_sure
    return Shuffled(claimed, judged, runs)
