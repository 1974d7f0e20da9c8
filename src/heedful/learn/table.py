"""Many arms against one context: the arms of a panel, laid out for scoring by columns.

A table sums all that the mean is linear in once for each arm, and keeps half of each symmetric
matrix, in single precision: a quarter of the memory that a decision would read otherwise. It is
made once for each state of a model and panel. Where the arms stand in the
model does not change as it learns, so that is worked out once for each panel.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from heedful.learn.context import CONSTANTS_MAX, Context, Hashes
from heedful.learn.level import start_of
from heedful.learn.model import Beliefs, Panel
from heedful.learn.quadrature import Floats, Indices
from heedful.learn.sparse import basis_features, constant_places, scope

if TYPE_CHECKING:
    from heedful.learn.logistic import LogisticArms

_LOG_ODDS_MAX: Final = 700.0  # beyond it no chance could be told from none, and `exp` overflows

VARIANCE_MIN: Final = 1e-12
"""Least variance of log-odds that a table answers; single precision could round one below 0."""


SILENCE_EXPLORATION: Final = 1.0
"""Least factor on the doubt about doing nothing: every other arm is worth what it brings beside it,
and to learn of it costs no message."""


class LogOdds(NamedTuple):
    """Belief about the log-odds of each arm, independent normals; both of shape (n_arms,)."""

    mean: Floats
    sd: Floats


class Parts(NamedTuple):
    """What one arm's mean log-odds are made of."""

    start: float
    """The declared prior."""
    own: float
    """What the usual person adds: action, channel, treatment, moment."""
    dense: Floats
    """What sets the person apart from the usual one, by feature of the basis: (n_basis,)."""
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
    centres: Indices
    """Of `scopes`, in their order."""
    channel_centre: Indices
    """By channel, the centre of the channels of its goal."""
    channel_basis: Indices
    """By channel, the places of the features that are always there, of shape (n_channels, d)."""
    offset: Floats
    """By action, the log-odds at which it starts."""
    bias_precision: Floats
    constants: Indices
    """By arm, its own places, of shape (n_arms, 4)."""
    is_constant: Floats
    """1 where such a place is used, else 0."""
    is_silence: npt.NDArray[np.bool_]
    """By arm."""


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
    starts = [start_of(priors[name]) for name in actions]
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
        centres=model.sparse.centres(np.concatenate((by_action, by_group, by_channel))),
        channel_centre=model.sparse.centres(
            _hashes([scope("channels", goal) for goal, _ in channels])
        ),
        channel_basis=model.sparse.places(by_channel, basis_features(model.basis_ids)),
        offset=np.array([one.log_odds for one in starts]),
        bias_precision=np.array([one.precision for one in starts]),
        constants=constants,
        is_constant=used,
        is_silence=np.array([arm.is_silence for _, arm in asked], dtype=bool),
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
        self._weights = model.sparse
        self._at = _layout(model, panel)
        # Chances are told with the model's own factor; only what is drawn explores silence more.
        self._explored = model.settings.exploration
        self._exploration: Floats = np.where(
            self._at.is_silence, max(self._explored, SILENCE_EXPLORATION), self._explored
        )
        at, sparse = self._at, model.sparse
        self._groups = len(at.scopes) - len(at.actions) - len(at.channel_basis)
        own = sparse.mean[at.constants] * at.is_constant
        variance = sparse.variance[at.constants] * at.is_constant
        self._own_mean: Floats = own.sum(axis=1) + self._around()
        self._own_variance: Floats = variance.sum(axis=1)
        self._channel_variance = _and_none(sparse.variance[at.channel_basis])
        weights = self._copy(model)
        # All that the mean is linear in, by arm.
        self._linear: Floats = weights[at.action]
        if len(at.channel_basis):
            self._linear += _and_none(sparse.mean[at.channel_basis])[at.channel]
            self._tilt = self._tilted(self._channel_variance[at.channel])
        # What features are worth is worth it beside the usual person.
        self._linear[:, 0] -= np.einsum("ad,ad->a", self._linear, self._usual[at.action])
        self._start: Floats = self._offset[at.action] + self._own_mean

    def _tilted(self, variance: Floats) -> Floats:
        """Give by arm what `variance * (x - usual)^2` is beside `variance * x^2`, linear in x."""
        usual = self._usual[self._at.action]
        found: Floats = -2.0 * variance * usual
        found[:, 0] = np.einsum("ad,ad,ad->a", variance, usual, usual)
        return found

    def _copy(self, model: LogisticArms) -> Floats:
        """Copy how sure the model is of each action; give the mean of its weights."""
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
        pull = precision * mean
        # A matrix that is symmetric says as much by its half, the rest of it counted twice.
        self._rows, self._columns = np.tril_indices(width)
        twice = np.where(self._rows == self._columns, 1.0, 2.0)
        halves = np.zeros((count, len(twice)))
        halves[:, self._rows == self._columns] = 1.0 / precision
        self._usual = np.zeros((count, width))
        self._usual[known] = dense.usual[slots]
        spread = _of_anybody(dense.spread[slots], dense.usual[slots])
        halves[known] = spread[:, self._rows, self._columns]
        self._halves: npt.NDArray[np.float32] = (halves * twice).astype(np.float32)
        weights = mean  # of an action that was never learned of: what its group is like
        weights[known] = dense.learned[slots]
        weights[known] += np.einsum("aij,aj->ai", dense.spread[slots], pull[known])
        return weights

    def _around(self) -> Floats:
        """Give by arm what its hashed weights are around."""
        at = self._at
        centres = self._weights.mean[at.centres]
        actions, groups = len(at.actions), len(at.actions) + self._groups
        by_channel = centres[groups:] + self._weights.mean[at.channel_centre]
        by_action = centres[:actions] + centres[actions:groups][at.group]
        found: Floats = by_action[at.action] + _and_none(by_channel)[at.channel]
        return found

    def score(self, context: Context) -> LogOdds:
        """Score every arm in one context."""
        at, x = self._at, context.dense
        mean = self._linear @ x
        mean += self._start
        narrow = x.astype(np.float32)
        doubt = self._halves @ (narrow[self._rows] * narrow[self._columns])
        variance = self._own_variance + doubt[at.action]
        if len(at.channel_basis):
            variance += (self._channel_variance @ (x * x))[at.channel]
            variance += self._tilt @ x
        if len(context.sparse_ids):
            self._add_rare(context, mean, variance)
        return LogOdds(mean, np.sqrt(np.maximum(variance, VARIANCE_MIN)))

    def _add_rare(self, context: Context, mean: Floats, variance: Floats) -> None:
        """Add what features beside the basis are crossed with: actions, groups and channels."""
        at, values = self._at, context.sparse_values
        actions, groups = len(at.actions), len(at.actions) + self._groups
        places = self._weights.places(at.scopes, context.sparse_ids)
        rare = self._weights.mean[places] @ values
        doubt = self._weights.variance[places] @ (values * values)
        for total, found in ((mean, rare), (variance, doubt)):
            total += (found[:actions] + found[actions:groups][at.group])[at.action]
            if len(at.channel_basis):
                total += _and_none(found[groups:])[at.channel]

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
        foreseen = self._explored * sd
        odds = mean / np.sqrt(1.0 + math.pi / 8.0 * foreseen * foreseen)
        p = 1.0 / (1.0 + np.exp(np.minimum(-odds, _LOG_ODDS_MAX)))
        return Beliefs("logit_normal", mean, self._exploration * sd, p)

    def parts(self, context: Context, arm: int) -> Parts:
        """Take one arm's mean log-odds apart; the parts sum to the mean."""
        at = self._at
        row = int(at.action[arm])
        actions, channel = len(at.actions), int(at.channel[arm])
        crossed = [row, actions + int(at.group[row])]
        if channel < len(at.channel_basis):
            crossed.append(actions + self._groups + channel)
        weights, usual = self._linear[arm], self._usual[row]
        dense = weights[1:] * (context.dense[1:] - usual[1:])
        sparse = np.zeros(0)
        if len(context.sparse_ids):
            places = self._weights.places(at.scopes[crossed], context.sparse_ids)
            sparse = self._weights.mean[places].sum(axis=0) * context.sparse_values
        own = float(self._own_mean[arm] + weights[0] + weights.dot(usual))
        return Parts(float(self._offset[row]), own, dense, sparse)


def _of_anybody(spread: Floats, usual: Floats) -> Floats:
    """Turn covariances of persons beside usual ones into those of persons as they are.

    Parameters
    ----------
    spread, usual
        Of shape (n, d, d) and (n, d).
    """
    found: Floats = spread.copy()
    across = np.einsum("aij,aj->ai", spread, usual)
    found[:, 0, :] -= across
    found[:, :, 0] -= across
    found[:, 0, 0] += np.einsum("ai,ai->a", across, usual)
    return found


def _and_none(rows: Floats) -> Floats:
    """Give what is known of channels, and 0 for no channel as the last of them."""
    return np.concatenate((rows, np.zeros((1, *rows.shape[1:]))))
