"""Bayesian logistic regression over arms: hierarchical, online, forgetful, named by `learn_seq`.

The log-odds that an arm reaches a goal are
`level(action) + w(action) . x + c(channel) . x + r(action, group) . rare + own(arm)`,
where x are the features of the person beside the usual one of the action: a level that begins at
the declared prior and is counted, a dense vector for each action, both of which shrink to its
group's mean, and hashed weights for the channel with every feature, for the action and group with
rare features, and for the arm itself, each around the centre of its scope.
One outcome moves all weights by one step of assumed-density filtering.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple, Self

import numpy as np

from heedful.kernel import MICRO, InputError, expected
from heedful.learn.arms import PRIOR_DEFAULT, ArmSpec, spec_of_parts
from heedful.learn.change import FORGET_ON_CHANGE, ChangeDetector, Forgot
from heedful.learn.context import CONSTANTS_MAX, Context, Hashes, Reader, mixed
from heedful.learn.dense import DenseBlocks
from heedful.learn.evidence import SHIFT
from heedful.learn.level import Told
from heedful.learn.model import Panel
from heedful.learn.prior import Prior
from heedful.learn.quadrature import Floats, Indices
from heedful.learn.rows import LearningRow
from heedful.learn.settings import LogisticSettings
from heedful.learn.snapshot import decode_state, encode_state
from heedful.learn.sparse import (
    Read,
    SparseWeights,
    basis_features,
    constant_places,
    scope,
)
from heedful.learn.table import ArmTable

SCOPES_CACHED_MAX: Final = 16_384
"""Arms and goals whose hashed places are remembered; at one more all are found again."""

_TICKS_PER_HALF_LIFE: Final = 64
_HALF_LIVES_MAX: Final = 64  # after so many nothing is left that a float could tell from a prior
_CURVATURE_MIN: Final = 1e-4


class Learned(NamedTuple):
    """What one row did."""

    is_learned: bool
    changes: tuple[Forgot, ...] = ()
    """What showed that the world of its action has changed; each made the model forget."""


_LEFT_OUT: Final = Learned(False)
_TAKEN_IN: Final = Learned(True)
_FINAL: Final = ("converted", "expired")


class _Named(NamedTuple):
    """An arm and a goal as rows name them, and where they stand in the model."""

    spec: ArmSpec
    slot: int
    """Among the dense blocks."""
    always: Indices
    """Hashed weights of its own, and those of the channel with features that are always there."""
    values: slice
    """What those are worth among `Context.led`."""
    scopes: Hashes
    """Of its action, group and channel: what rare features are crossed with."""
    centres: Indices
    """Of these, and of the channels of its goal where it has one."""
    centre: Indices
    """Which of the centres each of `always` is around."""
    by_channel: slice
    """Those of `always` that the channel has with features beside the constant."""


class LogisticArms:
    """Chances to reach goals, for arms in contexts, learned online.

    References
    ----------
    O. Chapelle, L. Li, "An Empirical Evaluation of Thompson Sampling", 2011.
    T. Minka, "A Family of Algorithms for Approximate Bayesian Inference", 2001.
    """

    transparency: Final = 0.8
    """A decision is a sum of named contributions, but of too many to know by heart."""

    def __init__(self, settings: LogisticSettings | None = None) -> None:
        self.settings = settings or LogisticSettings()
        self.learn_seq = 0
        self.reader = Reader(self.settings.basis, self.settings.fields)
        self.basis_ids: Hashes = mixed(np.array(self.settings.basis.ids, dtype=np.uint64))
        self.dense = DenseBlocks(
            self.settings.basis.width,
            self.settings.feature_variance,
            self.settings.group_strength,
        )
        self.sparse = SparseWeights(self.settings.sparse_bits, self.settings.sparse_variance)
        self.changes = ChangeDetector()
        self._known: dict[tuple[str, str, tuple[str, ...], float, float], _Named] = {}

    def learn_one(self, row: LearningRow) -> Learned:
        """Fold one row; a row at or before `learn_seq` was folded already and is left out.

        Notes
        -----
        A `maturing` row is a part of a negative outcome, of `weight`; what `converted` brings is
        weighed by `weight` and takes back the `retract` that was learned as negative before. A
        `pending` row teaches nothing, but what comes of it is waited for before it is called a
        change; so is a miss that maturing rows have taught in full.

        Raises
        ------
        InputError
            `bad_learning_row`, `bad_features` or `too_many_arms`.
        """
        if row.learn_seq <= self.learn_seq:
            return _LEFT_OUT
        outcome, weight, retract, state = row.outcome, row.weight, row.retract, row.state
        if not (0 <= outcome <= MICRO and weight >= 0 <= retract):
            got = f"outcome {outcome}, weight {weight}, retract {retract}"
            path = f"$.rows[{row.learn_seq}]"
            raise InputError("bad_learning_row", expected("millionths", got, path))
        if state == "withdrawn":
            weight = 0
        taught = _LEFT_OUT if state == "pending" or weight == retract == 0 else _TAKEN_IN
        if not (taught.is_learned or (state in _FINAL and self.settings.detects_change)):
            self.learn_seq = row.learn_seq
            return self._watch(row, None, taught)
        key = (row.arm, row.goal, row.parts, row.prior_p, row.prior_strength)
        named = self._known.get(key)
        spec = _spec(row) if named is None else named.spec
        context = self.reader.read(row.feature_ids, row.feature_values)
        if named is None:
            named = self._named(row.goal, spec, row.at)
            if len(self._known) >= SCOPES_CACHED_MAX:
                self._known.clear()
            self._known[key] = named
        self._fade(named.slot, row.at)
        p = self._learn(named, context, outcome / MICRO, weight / MICRO, retract / MICRO)
        self.learn_seq = row.learn_seq
        return self._watch(row, p, taught)

    @property
    def is_contextual(self) -> bool:
        """Give True: it looks at the person and the moment."""
        return True

    def context(self, ids: Sequence[int], values: Sequence[float]) -> Context:
        """Read the features of a person at a moment.

        Raises
        ------
        InputError
            `bad_features`, as `Reader.read`.
        """
        return self.reader.read(ids, values)

    def scorer(self, panel: Panel, at: int | None = None) -> ArmTable:
        """Lay out the beliefs that a panel asks for; they fade as outcomes come, not by `at`."""
        return ArmTable(self, panel)

    def copy(self) -> Self:
        """Give a copy that shares nothing that is learned into."""
        other = type(self)(self.settings)
        other.learn_seq = self.learn_seq
        other.dense.copy_from(self.dense)
        other.sparse.copy_from(self.sparse)
        other.changes = self.changes.copy()
        return other

    def encode(self) -> bytes:
        """Write the model as canonical bytes, numbers little-endian: equal models, equal bytes."""
        return encode_state(self)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a model back; it goes on learning to the same bytes.

        Raises
        ------
        InputError
            `bad_snapshot` when the bytes are no snapshot of this kind and schema.
        """
        return decode_state(cls, body)

    def _fade(self, slot: int, at: int) -> None:
        half_life = self.settings.half_life_ms
        if half_life is None:
            return
        age = at - int(self.dense.at[slot])
        if age * _TICKS_PER_HALF_LIFE >= half_life:
            self.dense.forget(slot, 2.0 ** min(age / half_life, _HALF_LIVES_MAX))
            self.dense.at[slot] = at
        if self.sparse.at is None:
            self.sparse.at = at
        age = at - self.sparse.at
        if age * _TICKS_PER_HALF_LIFE >= half_life:
            self.sparse.forget(2.0 ** min(age / half_life, _HALF_LIVES_MAX))
            self.sparse.at = at

    def _learn(
        self, named: _Named, context: Context, outcome: float, weight: float, retract: float
    ) -> float | None:
        """Move what an outcome is about; give the chance that was foreseen, if well enough."""
        led = context.led.copy()
        led[CONSTANTS_MAX:] -= self.dense.usual_of(named.slot)
        score = self.dense.score(named.slot, led[CONSTANTS_MAX:])
        read = self._read(named, context, led)
        mean, hashed = read.score
        mean += score.apart
        variance = hashed + score.variance
        against = score.level.reference(score.start, score.at, outcome >= 0.5)
        p = chance(mean + against, variance)
        net, worth = weight - retract, p * (1.0 - p)
        if weight or retract:
            curvature = max(net, 0.0) * max(worth, _CURVATURE_MIN)
            shrink = 1.0 + curvature * variance
            slope = (weight * (outcome - p) + retract * p) / shrink
            won = weight * outcome
            informs = curvature / (1.0 + curvature * hashed)
            told = Told(won, net - won, p, against, informs)
            curvature /= shrink
            apart = score.apart + _by_channel(named, read)
            self.dense.update(named.slot, score, slope, curvature, told, apart)
            self.sparse.update(read, slope, curvature)
        # A change as great as is looked for cannot be told from not knowing. What was foreseen
        # hangs on no outcome, as what it is weighed against does.
        return chance(mean + score.at, variance) if variance < SHIFT * SHIFT else None

    def _watch(self, row: LearningRow, p: float | None, taught: Learned) -> Learned:
        """Forget most of what was learned of an action whose world has changed."""
        changes = self.changes.learn_one(row, p) if self.settings.detects_change else ()
        for change in changes:
            self.dense.forget(self.dense.slots[row.goal, change.alarm.action], FORGET_ON_CHANGE)
        return taught._replace(changes=tuple(changes)) if changes else taught

    def _read(self, named: _Named, context: Context, led: Floats) -> Read:
        """Read the hashed weights that an outcome moves; `led` is the context's, made relative."""
        places, values, centre = named.always, led[named.values], named.centre
        if len(context.sparse_ids):
            rare = self.sparse.places(named.scopes, context.sparse_ids).ravel()
            scopes, count = len(named.scopes), len(context.sparse_ids)
            its_values = [context.sparse_values] * scopes
            places, values = np.concatenate((places, rare)), np.concatenate((values, *its_values))
            centre = np.concatenate((centre, np.repeat(np.arange(scopes), count)))
        return self.sparse.read(places, values, named.centres, centre)

    def _named(self, goal: str, spec: ArmSpec, at: int) -> _Named:
        slot = self.dense.slot(goal, spec.action, spec.group, spec.prior, at)
        scopes = [scope("action", goal, spec.action), scope("group", goal, spec.group)]
        around = scopes
        own = always = constant_places(self.sparse, goal, spec)
        centre = [0] * len(always)  # around the action
        first, last = CONSTANTS_MAX - len(always), CONSTANTS_MAX
        if spec.channel:
            scopes.append(scope("channel", goal, spec.channel))
            around = [*scopes, scope("channels", goal)]
            channel = np.array(scopes[-1:], dtype=np.uint64)
            basis = self.sparse.places(channel, basis_features(self.basis_ids))[0]
            always = np.concatenate((always, basis))
            # Its constant is around the channels of the goal, and the rest around nothing.
            centre += [len(scopes)] + [len(around)] * (len(basis) - 1)
            last += self.dense.width
        return _Named(
            spec,
            slot,
            always,
            slice(first, last),
            np.array(scopes, dtype=np.uint64),
            self.sparse.centres(np.array(around, dtype=np.uint64)),
            np.array(centre, dtype=np.intp),
            slice(len(own) + 1, len(always)),
        )


def _by_channel(named: _Named, read: Read) -> float:
    """Give what the channel makes of the features, log-odds."""
    which = named.by_channel
    return float(read.mean[which].dot(read.values[which])) if named.spec.channel else 0.0


def _spec(row: LearningRow) -> ArmSpec:
    prior = PRIOR_DEFAULT
    if row.prior_strength > 0.0:
        try:
            prior = Prior(row.prior_p, row.prior_strength)
        except ValueError as error:
            raise InputError("bad_learning_row", str(error)) from error
    return spec_of_parts(row.arm, row.parts, prior)


def chance(mean: float, variance: float) -> float:
    """Give the expected chance under a normal belief about its log-odds.

    Notes
    -----
    `sigmoid(mean / sqrt(1 + pi * variance / 8))`, within 0.02 of the integral.

    References
    ----------
    D. MacKay, "The Evidence Framework Applied to Classification Networks", 1992.
    """
    odds = math.exp(-abs(mean) / math.sqrt(1.0 + math.pi * variance / 8.0))
    return 1.0 / (1.0 + odds) if mean >= 0.0 else odds / (1.0 + odds)
