"""Which field makes a gap: decisions weighed again with one thing that models saw as usual.

Each decision is compared with itself, so people differ between groups and not between the sides of
a comparison. What one person was decided hangs together: intervals draw people, not decisions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from heedful.measure.fairness import ANY

PEOPLE_MIN: Final = 20
"""Fewest people in a group of whom it is said for sure which field makes its gap."""
EXPLAINED_MIN: Final = 0.1
"""Least part of a gap that a field explains to be named."""
GAP_MIN: Final = 0.05
"""Distance of a ratio from 1 up to which there is nothing to explain."""
EVERYTHING: Final = "*"
"""Stands for all fields together: what of a gap comes of what models see at all."""

_DOUBT: Final = 0.01  # of any of the fields of a gap being called sure by chance

Floats = npt.NDArray[np.float64]


class Weighing(NamedTuple):
    """One decision about one action: the chance that it had, and would have had."""

    person: int
    action: str
    """`*` for any action at all."""
    groups: Mapping[str, str]
    """By protected trait."""
    chances: Floats
    """As it was, with everything as usual, and with each field as usual; shape (2 + n_fields,)."""


class FieldCause(NamedTuple):
    """How far a gap would close were one field as it usually is."""

    trait: str
    group: str
    reference: str
    """The group that fared best."""
    action: str
    """`*` for all actions together."""
    field: str
    """Such as `traits.postcode`; `*` for all fields together."""
    ratio: float
    """Of the chances to be chosen, group over reference."""
    ratio_usual: float
    """The same with the field as it usually is."""
    low: float
    """Of the interval of how much the ratio rises, 99 % for all fields of a gap together."""
    high: float
    is_sure: bool
    """Whether it rises beyond chance, by enough people in both groups."""
    people: int
    """In the smaller of the two groups."""
    asked: int
    """Decisions about the group that were weighed again."""

    @property
    def explained(self) -> float:
        """Give the part of the gap that it explains; above 1 where the gap would turn around."""
        return (self.ratio_usual - self.ratio) / (1.0 - self.ratio)

    @property
    def says(self) -> str:
        """Tell it in a sentence."""
        what = "everything that models see" if self.field == EVERYTHING else f"`{self.field}`"
        about = "anything" if self.action == ANY else self.action
        told = (
            f"With {what} as usual, {self.trait} {self.group} would get {about} "
            f"{self.ratio_usual:.0%} as often as {self.reference}, instead of {self.ratio:.0%} "
            f"({self.low:+.0%} to {self.high:+.0%})"
        )
        if self.is_sure:
            return f"{told}."
        if self.people < PEOPLE_MIN:
            return f"{told}: not sure, by {self.people} people in a group."
        return f"{told}: not sure, it may be chance."


def field_causes(
    weighings: Sequence[Weighing], fields: Sequence[str], suspects: Sequence[tuple[str, str]]
) -> list[FieldCause]:
    """Name the fields behind gaps, the one that explains the most of each gap first.

    Parameters
    ----------
    fields
        Names, in the order of the chances.
    suspects
        Pairs of trait and action whose gap is to be explained.

    Returns
    -------
    list of FieldCause
        By suspect and group: all fields together, then each that explains at least
        `EXPLAINED_MIN` of the gap. None where the groups fare alike in this sample, or where
        nobody of the best-off group gets the action.

    Notes
    -----
    Fields are looked at one at a time: of two that say the same neither may explain much, which
    shows where all together explain the more. The variance of a ratio's rise is that of its
    linearisation over people (Taylor), widened for the number of fields (Bonferroni).

    References
    ----------
    W. G. Cochran, "Sampling Techniques", 1977, section 6.4.
    """
    found: list[FieldCause] = []
    sure = NormalDist().inv_cdf(1.0 - _DOUBT / 2.0 / (len(fields) + 1))
    names = (EVERYTHING, *fields)
    for trait, action in dict.fromkeys(suspects):
        sides = _sides([one for one in weighings if one.action == action], trait)
        rates = {name: side.rates for name, side in sides.items()}
        best = max(rates, key=lambda name: (rates[name][0], name), default=None)
        if best is None or rates[best][0] <= 0.0:
            continue
        for name in sorted(sides.keys() - {best}):
            gap = _Gap(trait, name, best, action)
            causes = list(_compared(gap, names, sides[name], sides[best], sure))
            if not causes or 1.0 - causes[0].ratio < GAP_MIN:
                continue
            found += causes[:1]
            named = [one for one in causes[1:] if one.explained >= EXPLAINED_MIN]
            found += sorted(named, key=lambda one: (-one.explained, one.field))
    return found


class _Side(NamedTuple):
    """One group: by person, how many decisions, and the sums of their chances."""

    counts: Floats
    sums: Floats
    """Shape (n_people, 2 + n_fields)."""

    @property
    def rates(self) -> Floats:
        total: Floats = self.sums.sum(axis=0) / self.counts.sum()
        return total

    def errors(self) -> Floats:
        """Give what each person moves the rates by, of the shape of the sums."""
        rest: Floats = self.sums - self.counts[:, None] * self.rates
        rest *= math.sqrt(len(rest) / max(len(rest) - 1, 1)) / self.counts.sum()
        return rest


class _Gap(NamedTuple):
    trait: str
    group: str
    reference: str
    action: str


def _sides(weighings: Sequence[Weighing], trait: str) -> dict[str, _Side]:
    summed: dict[str, dict[int, list[Floats]]] = {}
    for one in weighings:
        group = one.groups.get(trait)
        if group is not None:
            summed.setdefault(group, {}).setdefault(one.person, []).append(one.chances)
    return {
        group: _Side(
            np.array([float(len(its)) for its in people.values()]),
            np.array([np.sum(its, axis=0) for its in people.values()]),
        )
        for group, people in summed.items()
    }


def _compared(
    gap: _Gap, names: Sequence[str], own: _Side, best: _Side, sure: float
) -> Iterator[FieldCause]:
    """Say how much the ratio rises with everything, then with each field as usual."""
    rates, others = own.rates, best.rates
    if not (others > 0.0).all():
        others = np.where(others > 0.0, others, np.nan)  # nobody gets it: no ratio
    ratios = rates / others
    moved = own.errors() / others
    moved_best = -best.errors() * ratios / others
    variance = ((moved[:, 1:] - moved[:, :1]) ** 2).sum(axis=0)
    variance += ((moved_best[:, 1:] - moved_best[:, :1]) ** 2).sum(axis=0)
    people = min(len(own.counts), len(best.counts))
    ratio, asked = float(ratios[0]), int(own.counts.sum())
    for field, usual, spread in zip(names, ratios[1:].tolist(), variance.tolist(), strict=True):
        if math.isnan(usual):
            continue
        reach, rise = sure * math.sqrt(spread), usual - ratio
        is_sure = rise - reach > 0.0 and people >= PEOPLE_MIN
        low, high = rise - reach, rise + reach
        yield FieldCause(*gap, field, ratio, usual, low, high, is_sure, people, asked)
