"""How much each arm is tried: policies behind one interface, each with exact probabilities.

None of them is an upper confidence bound: with delayed outcomes it repeats itself for as long as
the delay lasts (its regret rose elevenfold), and it leaves nothing to evaluate another policy by.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import msgspec
import numpy as np

from heedful.kernel import InputError, expected
from heedful.learn.choice import require_arms, selection_probabilities, to_weights
from heedful.learn.columns import ArmColumns, moments
from heedful.learn.quadrature import Floats
from heedful.learn.values import Value


class Policy(Protocol):
    """Turns what arms may be worth into how often each is chosen."""

    def weights(self, values: Sequence[Value] | ArmColumns) -> list[int]:
        """Give integers that sum to 2^32 exactly, in the order of the arms.

        The same values give the same integers; every arm has its share of the floor.
        """


class Thompson(msgspec.Struct, frozen=True, tag="thompson"):
    """Each arm as often as it may be the best: the default.

    References
    ----------
    W. Thompson, "On the Likelihood that One Unknown Probability Exceeds Another in View of the
    Evidence of Two Samples", 1933.
    """

    floor: float = 0.02
    """Share of the choices that is spread evenly over the arms, in [0, 1]."""

    def weights(self, values: Sequence[Value] | ArmColumns) -> list[int]:
        """Give integers that sum to 2^32 exactly, in the order of the arms."""
        return selection_probabilities(values, self.floor)


class InverseGap(msgspec.Struct, frozen=True, tag="inverse_gap"):
    """Each arm in inverse proportion to its gap to the best: needs no posterior.

    Notes
    -----
    `p_k = 1 / (K + g * (v_best - v_k) / scale)` and the best takes the rest, where
    `g = sharpness * sqrt(K * (outcomes + 1))`.

    References
    ----------
    D. Foster, A. Rakhlin, "Beyond UCB: Optimal and Efficient Contextual Bandits with Regression
    Oracles", 2020.
    """

    scale: float
    """Money between the worst and the best that an arm can bring, above 0."""
    outcomes: int
    """How many outcomes the model has learned from."""
    sharpness: float = 3.0
    floor: float = 0.0
    """Share of the choices that is spread evenly over the arms, in [0, 1]."""

    def weights(self, values: Sequence[Value] | ArmColumns) -> list[int]:
        """Give integers that sum to 2^32 exactly, in the order of the arms."""
        require_arms(values, self.floor)
        if not (self.scale > 0.0 and self.outcomes >= 0 and self.sharpness >= 0.0):
            got = f"scale {self.scale}, outcomes {self.outcomes}, sharpness {self.sharpness}"
            raise InputError("bad_policy", expected("a scale above 0", got, "$.policy"))
        worth, _ = moments(values)
        best = int(worth.argmax())
        g = self.sharpness * (len(values) * (self.outcomes + 1)) ** 0.5
        p = 1.0 / (len(values) + g * (worth[best] - worth) / self.scale)
        p[best] = 0.0
        p[best] = 1.0 - p.sum()
        return to_weights(_mixed(p, self.floor))


class Greedy(msgspec.Struct, frozen=True, tag="greedy"):
    """The arm that is worth the most on average, and the others by the floor alone."""

    floor: float = 0.05
    """Share of the choices that is spread evenly over the arms, in [0, 1]."""

    def weights(self, values: Sequence[Value] | ArmColumns) -> list[int]:
        """Give integers that sum to 2^32 exactly; arms of equal worth share evenly."""
        require_arms(values, self.floor)
        worth, _ = moments(values)
        best = (worth == worth.max()).astype(np.float64)
        return to_weights(_mixed(best / best.sum(), self.floor))


class Fixed(msgspec.Struct, frozen=True, tag="fixed"):
    """Declared shares, whatever the arms are worth: for experiments."""

    shares: tuple[float, ...]
    """One for each arm, in the order of the arms, each >= 0; scaled to sum to 1."""

    def weights(self, values: Sequence[Value] | ArmColumns) -> list[int]:
        """Give integers that sum to 2^32 exactly, in the order of the arms."""
        require_arms(values, 0.0)
        shares = np.array(self.shares)
        if len(shares) != len(values) or not (shares >= 0.0).all() or not shares.sum() > 0.0:
            got = f"{len(shares)} shares for {len(values)} arms"
            raise InputError("bad_policy", expected("a share >= 0 for each arm", got, "$.shares"))
        return to_weights(shares)


AnyPolicy: TypeAlias = Thompson | InverseGap | Greedy | Fixed


def _mixed(p: Floats, floor: float) -> Floats:
    result: Floats = (1.0 - floor) * p + floor / len(p)
    return result
