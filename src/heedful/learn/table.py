"""Many arms against one context: the arms of a strategy, laid out for scoring by columns.

A table copies what it needs of the dense beliefs in single precision, which halves the memory that
a decision reads; it is made once for each snapshot and strategy version.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from heedful.learn.arms import ArmSpec
from heedful.learn.context import Context, Hashes
from heedful.learn.dense import start
from heedful.learn.logistic import LogisticArms
from heedful.learn.quadrature import Floats
from heedful.learn.sparse import channel_features, constant_places, scopes
from heedful.learn.values import LogitNormalValue

VARIANCE_MIN: Final = 1e-12
"""Least variance of log-odds that a table answers; single precision could round one below 0."""


class LogOdds(NamedTuple):
    """Belief about the log-odds of each arm, independent normals; both of shape (n_arms,)."""

    mean: Floats
    sd: Floats


class ArmTable:
    """The arms that one decision may choose among, for one goal, under one state of a model.

    Parameters
    ----------
    model
        Read as it is now; a table of a model that goes on learning is made again.
    goal
        The goal that the chances are for.
    arms
        In the order of every answer.
    """

    def __init__(self, model: LogisticArms, goal: str, arms: Sequence[ArmSpec]) -> None:
        self.arms = tuple(arms)
        self.basis_ids = model.basis_ids
        self._exploration = model.settings.exploration
        self._weights = model.sparse
        actions = list(dict.fromkeys((arm.group, arm.action) for arm in arms))
        channels = list(dict.fromkeys(arm.channel for arm in arms if arm.channel))
        groups = list(dict.fromkeys(group for group, _ in actions))
        place = {action: row for row, action in enumerate(actions)}
        self._action = np.array([place[arm.group, arm.action] for arm in arms], dtype=np.intp)
        # The last row stands for no channel.
        row_of = {name: row for row, name in enumerate(channels)} | {"": len(channels)}
        self._channel = np.array([row_of[arm.channel] for arm in arms], dtype=np.intp)
        self._group = np.array([groups.index(group) for group, _ in actions], dtype=np.intp)
        self._action_scopes = scopes("action", goal, [action for _, action in actions])
        self._channel_scopes = scopes("channel", goal, channels)
        self._group_scopes = scopes("group", goal, groups)
        priors = {(arm.group, arm.action): arm.prior for arm in reversed(self.arms)}
        model.dense.refresh()
        width = model.dense.width
        self._spread = np.empty((len(actions), width, width), dtype=np.float32)
        self._learned = np.empty((len(actions), width))
        self._pull = np.empty((len(actions), width))
        self._offset = np.empty(len(actions))
        for row, (group, action) in enumerate(actions):
            self._copy(model, row, (goal, group, action), start(priors[group, action]))
        self._own_mean, self._own_variance = self._constants(model, goal)

    def _copy(
        self,
        model: LogisticArms,
        row: int,
        names: tuple[str, str, str],
        prior: tuple[float, float],
    ) -> None:
        goal, group, action = names
        dense = model.dense
        slot = dense.slots.get((goal, action))
        if slot is not None:
            self._spread[row] = dense.spread[slot]
            self._learned[row] = dense.learned[slot]
            self._pull[row] = dense.pull(slot)
            self._offset[row] = dense.offset[slot]
            return
        offset, bias_precision = prior
        precision = dense.precision.copy()
        precision[0] = bias_precision
        group_slot = dense.groups.get((goal, group))
        mean = np.zeros(dense.width) if group_slot is None else dense.mean[group_slot]
        self._spread[row] = np.diag(1.0 / precision)
        self._learned[row] = 0.0
        self._pull[row] = precision * mean
        self._offset[row] = offset

    def _constants(self, model: LogisticArms, goal: str) -> tuple[Floats, Floats]:
        mean, variance = np.zeros(len(self.arms)), np.zeros(len(self.arms))
        for row, arm in enumerate(self.arms):
            places = constant_places(model.sparse, goal, arm)
            mean[row] = model.sparse.mean[places].sum()
            variance[row] = model.sparse.variance[places].sum()
        return mean, variance

    def score(self, context: Context) -> LogOdds:
        """Score every arm in one context."""
        actions, width = self._learned.shape
        x = context.dense
        reach = (self._spread.reshape(-1, width) @ x.astype(np.float32)).reshape(actions, width)
        mean = self._offset + self._learned @ x + np.einsum("ad,ad->a", reach, self._pull)
        variance = reach @ x
        if len(context.sparse_ids):
            rare = context.sparse_ids, context.sparse_values
            by_group = self._crossed(self._group_scopes, *rare)
            by_action = self._crossed(self._action_scopes, *rare)
            mean += by_action[0] + by_group[0][self._group]
            variance += by_action[1] + by_group[1][self._group]
        mean = mean[self._action] + self._own_mean
        variance = variance[self._action] + self._own_variance
        if len(self._channel_scopes):
            features = channel_features(self.basis_ids, context)
            by_channel = self._crossed(self._channel_scopes, *features)
            mean += np.append(by_channel[0], 0.0)[self._channel]
            variance += np.append(by_channel[1], 0.0)[self._channel]
        return LogOdds(mean, np.sqrt(np.maximum(variance, VARIANCE_MIN)))

    def values(
        self, context: Context, gains: Sequence[float], offsets: Sequence[float]
    ) -> list[LogitNormalValue]:
        """Say what every arm may be worth in one context, as wide as choices explore it.

        Parameters
        ----------
        context
            The person at this moment.
        gains, offsets
            Money when the goal is reached, and money that is certain; in the order of the arms.

        References
        ----------
        O. Chapelle, L. Li, "An Empirical Evaluation of Thompson Sampling", 2011, on reshaping.
        """
        mean, sd = self.score(context)
        terms = zip(mean.tolist(), (self._exploration * sd).tolist(), gains, offsets, strict=True)
        return [LogitNormalValue(*four) for four in terms]

    def _crossed(
        self, scope_keys: Hashes, features: Hashes, values: Floats
    ) -> tuple[Floats, Floats]:
        places = self._weights.places(scope_keys, features)
        mean: Floats = self._weights.mean[places] @ values
        variance: Floats = self._weights.variance[places] @ (values * values)
        return mean, variance
