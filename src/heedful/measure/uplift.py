"""Whom does a treatment change? S-, T- and X-learner, class transformation, and plain response.

The last ranks by who responds, not by who changes; it is a candidate because it sometimes wins.
"""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

import msgspec
import numpy as np

from heedful.kernel import InputError, expected
from heedful.measure.logit import fit_logistic, fit_ridge, sigmoid, with_constant
from heedful.measure.off_policy import Interval
from heedful.measure.qini import Trial, areas, qini_interval
from heedful.measure.special import Floats

Learner = Literal["s", "t", "x", "class", "response"]
LEARNERS: Final[tuple[Learner, ...]] = get_args(Learner)

FEATURES_MAX: Final = 1_024
"""Features of one model; more are refused. The work of a fit grows with their square."""


class UpliftModel(msgspec.Struct, frozen=True):
    """A fitted learner as plain numbers."""

    learner: Learner
    weights: tuple[tuple[float, ...], ...]
    """One or two rows of a constant and a weight for each feature: treated, then held out."""
    share_treated: float

    def score(self, x: Any) -> Floats:
        """Score people by what the treatment changes, or, of `response`, by their response.

        Parameters
        ----------
        x
            Shape (n, d).

        Returns
        -------
        Shape (n,).
        """
        linear = with_constant(np.asarray(x, dtype=np.float64)) @ np.array(self.weights).T
        match self.learner:
            case "s" | "t":
                p = sigmoid(linear)
                result: Floats = p[:, 0] - p[:, 1]
            case "x":
                result = (1.0 - self.share_treated) * linear[:, 0]
                result = result + self.share_treated * linear[:, 1]
            case "class":
                result = 2.0 * sigmoid(linear[:, 0]) - 1.0
            case "response":
                result = sigmoid(linear[:, 0])
        return result


class Tried(msgspec.Struct, frozen=True):
    """How one learner ranked people that it had not seen."""

    learner: Learner
    qini: float
    """Mean over the folds."""
    auuc: float
    interval: Interval
    """Of the Qini coefficient over all folds, as wide as trying several learners asks for."""


class Chosen(msgspec.Struct, frozen=True):
    """The learner with the greatest held-out Qini coefficient."""

    model: UpliftModel
    """Fitted to everybody."""
    tried: tuple[Tried, ...]
    is_useful: bool
    """Whether its interval lies above 0: whether it ranks better than chance, so far as known."""


def fit_uplift(x: Any, found: Trial, learner: Learner, penalty: float = 1.0) -> UpliftModel:
    """Fit one learner.

    Parameters
    ----------
    x
        Features known before the treatment, shape (n, d).
    found
        Who was treated and who responded.
    learner
        `s` one model with interactions, `t` one for each group, `x` what each group would have
        done in the other's place, `class` whether outcome and treatment agree, `response` how
        likely the treated respond.
    penalty
        Ridge penalty on weights of standardised features, above 0.

    Raises
    ------
    InputError
        `bad_trial` when shapes do not match or there are too many features.

    References
    ----------
    S. Kuenzel, J. Sekhon, P. Bickel, B. Yu, "Metalearners for Estimating Heterogeneous Treatment
    Effects Using Machine Learning", PNAS, 2019.
    M. Jaskowski, S. Jaroszewicz, "Uplift Modeling for Clinical Trial Data", 2012.
    """
    features = np.asarray(x, dtype=np.float64)
    if features.ndim != 2 or len(features) != len(found.treated):
        what = expected(f"features of {len(found.treated)} people", f"{features.shape}", "$.x")
        raise InputError("bad_trial", what)
    if features.shape[1] > FEATURES_MAX or not bool(np.isfinite(features).all()):
        what = expected(f"at most {FEATURES_MAX} finite features", f"{features.shape}", "$.x")
        raise InputError("bad_trial", what)
    if not penalty > 0.0:
        raise InputError("bad_trial", expected("a penalty above 0", repr(penalty), "$.penalty"))
    center = features.mean(axis=0)
    scale = features.std(axis=0)
    scale[scale == 0.0] = 1.0
    rows = _fitted(with_constant((features - center) / scale), found, learner, penalty)
    weights = []
    for row in rows:
        steps = row[1:] / scale
        weights.append((float(row[0] - steps @ center), *steps.tolist()))
    return UpliftModel(learner, tuple(weights), float(found.treated.mean()))


def _fitted(z: Floats, found: Trial, learner: Learner, penalty: float) -> list[Floats]:
    t, y = found.treated, found.outcome
    one, is_treated = np.ones(len(t)), t == 1.0
    share = float(t.mean())

    def group(which: Any) -> Floats:
        return fit_logistic(z[which], y[which], one[which], penalty)

    match learner:
        case "response":
            return [group(is_treated)]
        case "class":
            weight = 0.5 * np.where(is_treated, 1.0 / share, 1.0 / (1.0 - share))
            return [fit_logistic(z, (y == t) * 1.0, weight, penalty)]
        case "s":
            width = z.shape[1]
            both = fit_logistic(np.hstack((z, z * t[:, None])), y, one, penalty)
            return [both[:width] + both[width:], both[:width]]
        case "t":
            return [group(is_treated), group(~is_treated)]
        case "x":
            held_rate, treated_rate = (sigmoid(z @ group(g)) for g in (~is_treated, is_treated))
            return [
                fit_ridge(z[is_treated], (y - held_rate)[is_treated], penalty),
                fit_ridge(z[~is_treated], (treated_rate - y)[~is_treated], penalty),
            ]


def choose_uplift(
    x: Any,
    found: Trial,
    *,
    seed: int,
    learners: tuple[Learner, ...] = LEARNERS,
    folds: int = 5,
    confidence: float = 0.95,
    penalty: float = 1.0,
) -> Chosen:
    """Fit every learner on folds of the people and choose by how it ranks the others.

    Raises
    ------
    InputError
        `bad_trial`, `bad_folds` unless 2 to 20, or `no_learners`.

    Notes
    -----
    Folds are drawn within each of the four cells of treatment and outcome. The intervals are
    widened by Bonferroni's rule, so that the best of several useless learners is seldom called
    useful.

    References
    ----------
    M. Stone, "Cross-Validatory Choice and Assessment of Statistical Predictions", 1974.
    """
    if not 2 <= folds <= 20:
        raise InputError("bad_folds", expected("2 to 20 folds", str(folds), "$.folds"))
    if not learners:
        raise InputError("no_learners", expected("at least one learner", "none", "$.learners"))
    features = np.asarray(x, dtype=np.float64)
    fold = _folds(found, folds, seed)
    tried = []
    for learner in learners:
        ranks = np.zeros(len(fold))
        scores: list[Any] = []
        for held in range(folds):
            is_held = fold == held
            seen = Trial(found.treated[~is_held], found.outcome[~is_held])
            score = fit_uplift(features[~is_held], seen, learner, penalty).score(features[is_held])
            unseen = Trial(found.treated[is_held], found.outcome[is_held])
            scores.append(areas(score, unseen))
            # Models of two folds differ in level: compare people by their rank within the fold.
            ranks[is_held] = score.argsort(kind="stable").argsort(kind="stable") / len(score)
        wide = 1.0 - (1.0 - confidence) / len(learners)
        interval = qini_interval(ranks, found, seed=seed, confidence=wide)
        qini, auuc = np.mean(scores, axis=0).tolist()
        tried.append(Tried(learner, qini, auuc, interval))
    best = max(tried, key=lambda one: one.qini)
    model = fit_uplift(features, found, best.learner, penalty)
    return Chosen(model, tuple(tried), best.interval.low > 0.0)


def _folds(found: Trial, folds: int, seed: int) -> Any:
    draws = np.random.default_rng(seed)
    shuffled = draws.permutation(len(found.treated))
    cells = (2.0 * found.treated + found.outcome)[shuffled]
    fold = np.empty(len(cells), dtype=np.int64)
    fold[shuffled[np.argsort(cells, kind="stable")]] = np.arange(len(cells)) % folds
    return fold
