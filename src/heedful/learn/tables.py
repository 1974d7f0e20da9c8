"""Trained classifiers as plain tables, and how likely they say that something happens.

Law: what a learner was is forgotten at export; what is left are numbers that this file evaluates
with the same answers on any machine that has the numbers. Nothing here can be trained.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec

_LOGIT_MAX: Final = 700.0  # beyond it a double overflows


class LinearTable(msgspec.Struct, frozen=True, tag="linear"):
    """Log-odds that are a weighted sum of the features."""

    intercept: float
    weights: tuple[float, ...]
    fill: tuple[float, ...]
    """Stands for a feature that has no value."""
    centre: tuple[float, ...]
    """Taken from a feature before it is scaled."""
    scale: tuple[float, ...]
    """Divides a feature, above 0."""

    def log_odds(self, features: Sequence[float]) -> float:
        """Give the log-odds; NaN stands for no value."""
        total = self.intercept
        columns = zip(features, self.fill, self.centre, self.scale, self.weights, strict=True)
        for value, fill, centre, scale, weight in columns:
            total += weight * (((fill if value != value else value) - centre) / scale)
        return total

    def parts(self, features: Sequence[float]) -> list[float]:
        """Give what each feature adds to the log-odds of somebody average."""
        columns = zip(features, self.fill, self.centre, self.scale, self.weights, strict=True)
        return [w * (((f if x != x else x) - c) / s) for x, f, c, s, w in columns]


class TreesTable(msgspec.Struct, frozen=True, tag="trees"):
    """Log-odds that are the sum of the leaves that trees lead to.

    Notes
    -----
    Nodes of all trees stand in one array each; a leaf has a feature of -1.
    """

    baseline: float
    roots: tuple[int, ...]
    """Place of each tree's first node."""
    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    """At most this goes to the left."""
    left: tuple[int, ...]
    right: tuple[int, ...]
    missing_left: tuple[bool, ...]
    """Whether no value goes to the left."""
    value: tuple[float, ...]
    """Of a leaf."""

    def log_odds(self, features: Sequence[float]) -> float:
        """Give the log-odds; NaN stands for no value."""
        total = self.baseline
        for node in self.roots:
            while (column := self.feature[node]) >= 0:
                x = features[column]
                is_left = self.missing_left[node] if x != x else x <= self.threshold[node]
                node = self.left[node] if is_left else self.right[node]
            total += self.value[node]
        return total


AnyTable: TypeAlias = LinearTable | TreesTable


class Isotonic(msgspec.Struct, frozen=True):
    """A rising function between knots; flat beyond them."""

    knots: tuple[float, ...]
    """Ascending, at least one."""
    values: tuple[float, ...]
    """Of each knot, not descending."""

    def at(self, x: float) -> float:
        """Read the function.

        Examples
        --------
        >>> Isotonic((0.0, 0.5), (0.1, 0.3)).at(0.25), Isotonic((0.2,), (0.4,)).at(0.9)
        (0.2, 0.4)
        """
        place = bisect_left(self.knots, x)
        if place == 0:
            return self.values[0]
        if place == len(self.knots):
            return self.values[-1]
        low, high = self.knots[place - 1], self.knots[place]
        slope = (self.values[place] - self.values[place - 1]) / (high - low)
        return self.values[place - 1] + slope * (x - low)


class ChanceModel(msgspec.Struct, frozen=True, tag="chance"):
    """A trained classifier and the calibration of what it says."""

    table: AnyTable
    calibration: Isotonic

    def raw(self, features: Sequence[float]) -> float:
        """Give the chance as the learner says it.

        Parameters
        ----------
        features
            In the order of training, shape (n_features,); NaN stands for no value.
        """
        odds = min(max(self.table.log_odds(features), -_LOGIT_MAX), _LOGIT_MAX)
        return 1.0 / (1.0 + math.exp(-odds))

    def chance(self, features: Sequence[float]) -> float:
        """Give the calibrated chance, from 0 to 1."""
        return self.calibration.at(self.raw(features))
