"""What every model of arms can do: learn a row, be asked for many arms at once, be written down.

A model is asked through a panel, which is what one choice asks about: its arms and goals, laid out
once. What a model prepares for a panel holds until it has learned more; then a context is scored
for all arms together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Protocol, Self

import numpy as np

from heedful.learn.arms import ArmSpec
from heedful.learn.columns import ArmColumns, beta_columns, logit_normal_columns
from heedful.learn.context import Context
from heedful.learn.quadrature import Floats, Indices
from heedful.learn.rows import LearningRow

Family = Literal["beta", "logit_normal"]


class Panel:
    """Arms, each with the goal that it is asked about; in the order of every answer.

    Parameters
    ----------
    asked
        Pairs of goal and arm.
    """

    def __init__(self, asked: Sequence[tuple[str, ArmSpec]]) -> None:
        self.goals = tuple(goal for goal, _ in asked)
        self.arms = tuple(arm for _, arm in asked)
        self.keys = [(arm.arm, goal) for goal, arm in asked]
        strength = np.array([arm.prior.strength for arm in self.arms])
        p = np.array([arm.prior.p for arm in self.arms])
        self.prior_alpha: Floats = p * strength
        self.prior_beta: Floats = (1.0 - p) * strength
        self.layouts: dict[Any, Any] = {}
        """What models worked out of the panel alone, so that the next state need not again."""

    def __len__(self) -> int:
        return len(self.arms)

    @classmethod
    def of(cls, goal: str, arms: Sequence[ArmSpec]) -> Panel:
        """Ask about one goal."""
        return cls([(goal, arm) for arm in arms])


class Beliefs(NamedTuple):
    """What a model believes of every arm of a panel; each of shape (n_arms,)."""

    family: Family
    first: Floats
    """Of `beta` alpha; of `logit_normal` the mean of the log-odds."""
    second: Floats
    """Of `beta` beta; of `logit_normal` the deviation of the log-odds that choices explore."""
    p: Floats
    """Expected chance of the goal."""

    def spread(self, first: int = 0) -> Floats:
        """Give about the standard deviation of each chance, from an arm on."""
        p = self.p[first:]
        uncertain = p * (1.0 - p)
        if self.family == "beta":
            total = self.first[first:] + self.second[first:]
            result: Floats = np.sqrt(uncertain / (total + 1.0))
            return result
        return uncertain * self.second[first:]

    def columns(self, gain: Floats, offset: Floats, arms: Indices | None = None) -> ArmColumns:
        """Say what these arms, or all, may be worth: `gain * p + offset` in money."""
        first, second = self.first, self.second
        if arms is not None:
            first, second = first.take(arms), second.take(arms)
        make = beta_columns if self.family == "beta" else logit_normal_columns
        return make(first, second, gain, offset)


class Scorer(Protocol):
    """One state of a model, prepared for one panel."""

    def beliefs(self, context: Context | None) -> Beliefs:
        """Score every arm in one context; a model that knows no context is given None."""


class Model(Protocol):
    """Chances of arms to reach goals, learned from rows.

    Notes
    -----
    The same rows in the same order give the same bytes. A model is learned into by one owner only;
    what decisions ask is a copy that stays as it is.
    """

    learn_seq: int
    """Number of the last row that was folded."""

    @property
    def transparency(self) -> float:
        """How well a person can follow its answers, in [0, 1]."""

    @property
    def is_contextual(self) -> bool:
        """Whether its answers depend on the person and the moment."""

    def learn_one(self, row: LearningRow) -> Any:
        """Fold one row; one at or before `learn_seq` is left out."""

    def context(self, ids: Sequence[int], values: Sequence[float]) -> Context | None:
        """Read the features of a person at a moment; None where they are not needed."""

    def scorer(self, panel: Panel, at: int | None) -> Scorer:
        """Prepare to be asked about a panel as of a time, in ms since 1970."""

    def copy(self) -> Self:
        """Give a copy that shares nothing that is learned into."""

    def encode(self) -> bytes:
        """Write the model as canonical bytes: equal models give equal bytes."""
