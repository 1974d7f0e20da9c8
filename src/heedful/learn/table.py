"""Many arms against one context: the arms of a panel, laid out for scoring by columns.

A table copies what it needs of the dense beliefs in single precision, which halves the memory that
a decision reads; it is made once for each state of a model and panel. Where the arms stand in the
model does not change as it learns, so that is worked out once for each panel.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from heedful.learn.context import CONSTANTS_MAX, Context, Hashes
from heedful.learn.dense import start
from heedful.learn.model import Beliefs, Panel
from heedful.learn.quadrature import Floats, Indices
from heedful.learn.sparse import basis_features, constant_places, scope

if TYPE_CHECKING:
    from heedful.learn.logistic import LogisticArms

VARIANCE_MIN: Final = 1e-12
"""Least variance of log-odds that a table answers; single precision could round one below 0."""


class LogOdds(NamedTuple):
    """Belief about the log-odds of each arm, independent normals; both of shape (n_arms,)."""

    mean: Floats
    sd: Floats


class Parts(NamedTuple):
    """What one arm's mean log-odds are made of."""

    start: float
    """The declared prior."""
    own: float
    """What the arm is worth whatever the context: action, channel, treatment, moment."""
    dense: Floats
    """By feature of the basis, of shape (n_basis,)."""
    sparse: Floats
    """By sparse feature of the context, in its order."""


class _Layout(NamedTuple):
    """Where the arms of a panel stand in a model of some size."""

    actions: list[tuple[str, str, str]]
    """Goal, group and action, each once."""
    action: Indices
    """By arm, the row of its action."""
    channel: Indices
    """By arm, the row of its channel; the last row stands for no channel."""
    group: Indices
    """By action, the row of its group."""
    scopes: Hashes
    """Of actions, then groups, then channels: what rare features are crossed with."""
    channel_basis: Indices
    """By channel, the places of the features that are always there, of shape (n_channels, d)."""
    offset: Floats
    """By action, the log-odds at which it starts."""
    bias_precision: Floats
    constants: Indices
    """By arm, its own places, of shape (n_arms, 4)."""
    is_constant: Floats
    """1 where such a place is used, else 0."""


def _layout(model: LogisticArms, panel: Panel) -> _Layout:
    key = "logistic", model.sparse.bits, model.settings.basis.ids
    found: _Layout | None = panel.layouts.get(key)
    if found is None:
        found = panel.layouts[key] = _laid_out(model, panel)
    return found


def _laid_out(model: LogisticArms, panel: Panel) -> _Layout:
    asked = list(zip(panel.goals, panel.arms, strict=True))
    actions = list(dict.fromkeys((goal, arm.group, arm.action) for goal, arm in asked))
    channels = list(dict.fromkeys((goal, arm.channel) for goal, arm in asked if arm.channel))
    groups = list(dict.fromkeys((goal, group) for goal, group, _ in actions))
    row = {name: place for place, name in enumerate(actions)}
    channel_row = {name: place for place, name in enumerate(channels)}
    group_row = {name: place for place, name in enumerate(groups)}
    priors = {(goal, arm.group, arm.action): arm.prior for goal, arm in reversed(asked)}
    starts = [start(priors[name]) for name in actions]
    constants = np.zeros((len(asked), CONSTANTS_MAX), dtype=np.intp)
    used = np.zeros(constants.shape)
    for place, (goal, arm) in enumerate(asked):
        own = constant_places(model.sparse, goal, arm)
        constants[place, : len(own)] = own
        used[place, : len(own)] = 1.0
    by_action = _hashes([scope("action", goal, action) for goal, _, action in actions])
    by_group = _hashes([scope("group", goal, group) for goal, group in groups])
    by_channel = _hashes([scope("channel", goal, channel) for goal, channel in channels])
    return _Layout(
        actions=actions,
        action=_indices([row[goal, arm.group, arm.action] for goal, arm in asked]),
        channel=_indices([channel_row.get((g, arm.channel), len(channels)) for g, arm in asked]),
        group=_indices([group_row[goal, group] for goal, group, _ in actions]),
        scopes=np.concatenate((by_action, by_group, by_channel)),
        channel_basis=model.sparse.places(by_channel, basis_features(model.basis_ids)),
        offset=np.array([offset for offset, _ in starts]),
        bias_precision=np.array([precision for _, precision in starts]),
        constants=constants,
        is_constant=used,
    )


def _indices(values: list[int]) -> Indices:
    return np.array(values, dtype=np.intp)


def _hashes(values: list[int]) -> Hashes:
    return np.array(values, dtype=np.uint64)


class ArmTable:
    """The arms that one decision may choose among, under one state of a model.

    Parameters
    ----------
    model
        Read as it is now; a table of a model that goes on learning is made again.
    panel
        In the order of every answer.
    """

    def __init__(self, model: LogisticArms, panel: Panel) -> None:
        self._exploration = model.settings.exploration
        self._weights = model.sparse
        self._at = _layout(model, panel)
        self._copy(model)
        own = self._weights.mean[self._at.constants] * self._at.is_constant
        variance = self._weights.variance[self._at.constants] * self._at.is_constant
        self._own_mean: Floats = own.sum(axis=1)
        self._own_variance: Floats = variance.sum(axis=1)
        self._channel_mean: Floats = self._weights.mean[self._at.channel_basis]
        self._channel_variance: Floats = self._weights.variance[self._at.channel_basis]
        self._groups = len(self._at.scopes) - len(self._at.actions) - len(self._channel_mean)

    def _copy(self, model: LogisticArms) -> None:
        dense, actions = model.dense, self._at.actions
        width, count = dense.width, len(actions)
        slots = _indices([dense.slots.get((goal, action), -1) for goal, _, action in actions])
        groups = _indices([dense.groups.get((goal, group), -1) for goal, group, _ in actions])
        is_known = slots >= 0
        known, slots = np.flatnonzero(is_known), slots[is_known]
        self._offset = self._at.offset.copy()
        bias = self._at.bias_precision.copy()
        self._offset[known], bias[known] = dense.offset[slots], dense.bias_precision[slots]
        groups[known] = dense.group[slots]
        precision = np.tile(dense.precision, (count, 1))
        precision[:, 0] = bias
        mean = np.zeros((count, width))
        grouped = np.flatnonzero(groups >= 0)
        mean[grouped] = dense.means()[groups[grouped]]
        self._pull = precision * mean
        self._learned = np.zeros((count, width))
        self._learned[known] = dense.learned[slots]
        self._spread: npt.NDArray[np.float32] = np.zeros((count, width, width), dtype=np.float32)
        if len(known) < count:
            places = np.arange(width)
            self._spread[:, places, places] = 1.0 / precision
        self._spread[known] = dense.spread[slots]

    def score(self, context: Context) -> LogOdds:
        """Score every arm in one context."""
        actions, width = self._learned.shape
        at = self._at
        x = context.dense
        reach = (self._spread.reshape(-1, width) @ x.astype(np.float32)).reshape(actions, width)
        mean = self._offset + self._learned @ x + np.einsum("ad,ad->a", reach, self._pull)
        variance = reach @ x
        groups = actions + self._groups
        by_channel = self._channel_mean @ x, self._channel_variance @ (x * x)
        if len(context.sparse_ids):
            values = context.sparse_values
            places = self._weights.places(at.scopes, context.sparse_ids)
            rare = self._weights.mean[places] @ values
            doubt = self._weights.variance[places] @ (values * values)
            mean += rare[:actions] + rare[actions:groups][at.group]
            variance += doubt[:actions] + doubt[actions:groups][at.group]
            by_channel = by_channel[0] + rare[groups:], by_channel[1] + doubt[groups:]
        mean = mean[at.action] + self._own_mean
        variance = variance[at.action] + self._own_variance
        if len(self._channel_mean):
            mean += np.append(by_channel[0], 0.0)[at.channel]
            variance += np.append(by_channel[1], 0.0)[at.channel]
        return LogOdds(mean, np.sqrt(np.maximum(variance, VARIANCE_MIN)))

    def beliefs(self, context: Context | None) -> Beliefs:
        """Score every arm in one context, as wide as choices explore it.

        References
        ----------
        O. Chapelle, L. Li, "An Empirical Evaluation of Thompson Sampling", 2011, on reshaping.
        D. MacKay, "The Evidence Framework Applied to Classification Networks", 1992, on the
        expected chance.
        """
        assert context is not None  # a logistic model reads one of everybody
        mean, sd = self.score(context)
        sd = self._exploration * sd
        with np.errstate(over="ignore"):
            p = 1.0 / (1.0 + np.exp(-mean / np.sqrt(1.0 + math.pi / 8.0 * sd * sd)))
        return Beliefs("logit_normal", mean, sd, p)

    def parts(self, context: Context, arm: int) -> Parts:
        """Take one arm's mean log-odds apart; the parts sum to the mean."""
        at = self._at
        row = int(at.action[arm])
        actions, channel = len(at.actions), int(at.channel[arm])
        crossed = [row, actions + int(at.group[row])]
        weights = self._learned[row] + self._spread[row] @ self._pull[row]
        if channel < len(self._channel_mean):
            crossed.append(actions + self._groups + channel)
            weights += self._channel_mean[channel]
        dense = weights * context.dense
        places = self._weights.places(at.scopes[crossed], context.sparse_ids)
        sparse = self._weights.mean[places].sum(axis=0) * context.sparse_values
        own = float(self._own_mean[arm] + dense[0])
        return Parts(float(self._offset[row]), own, dense[1:], sparse)
