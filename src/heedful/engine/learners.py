"""Learners of scikit-learn, and what is left of them: plain tables that need no learner to serve.

The package is asked for here and nowhere else, and only while something is trained.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from heedful.kernel import InputError, expected
from heedful.learn import AnyTable, ChanceModel, Isotonic, LinearTable, TreesTable

Learner = Literal["linear", "trees"]

TREES: Final = 100
"""Trees of one model."""
LEAVES_MAX: Final = 15
"""Leaves of one tree."""

_SEED: Final = 7


def require_train_extra() -> None:
    """Refuse to train where scikit-learn is missing.

    Raises
    ------
    InputError
        `train_extra_missing`.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        remedy = "Install it: pip install 'heedful[train]'."
        what = expected("the package scikit-learn", "none", "this machine", remedy)
        raise InputError("train_extra_missing", what) from error


def learn_table(
    features: npt.NDArray[np.float64], happened: npt.NDArray[np.float64], learner: Learner
) -> AnyTable:
    """Train a classifier and export it.

    Parameters
    ----------
    features
        Shape (n, n_features); NaN stands for no value.
    happened
        Shape (n,), 0 or 1, both of them present.
    """
    return _linear(features, happened) if learner == "linear" else _trees(features, happened)


def calibrated(
    table: AnyTable, features: npt.NDArray[np.float64], happened: npt.NDArray[np.float64]
) -> ChanceModel:
    """Calibrate what a table says by what happened on a later day."""
    from sklearn.isotonic import IsotonicRegression

    raw = ChanceModel(table, Isotonic((0.0,), (0.0,)))
    said = np.array([raw.raw(row) for row in features.tolist()])
    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(said, happened)
    knots, values = fitted.X_thresholds_.tolist(), fitted.y_thresholds_.tolist()
    return ChanceModel(table, Isotonic(tuple(knots), tuple(values)))


def _linear(features: npt.NDArray[np.float64], happened: npt.NDArray[np.float64]) -> LinearTable:
    from sklearn.linear_model import LogisticRegression

    is_known = ~np.isnan(features)
    count = np.maximum(is_known.sum(axis=0), 1)
    fill = np.where(is_known, features, 0.0).sum(axis=0) / count
    whole = np.where(is_known, features, fill)
    scale = whole.std(axis=0)
    scale = np.where(scale > 0.0, scale, 1.0)
    fitted = LogisticRegression(max_iter=1_000).fit((whole - fill) / scale, happened)
    return LinearTable(
        intercept=float(fitted.intercept_[0]),
        weights=tuple(fitted.coef_[0].tolist()),
        fill=tuple(fill.tolist()),
        centre=tuple(fill.tolist()),
        scale=tuple(scale.tolist()),
    )


def _trees(features: npt.NDArray[np.float64], happened: npt.NDArray[np.float64]) -> TreesTable:
    from sklearn.ensemble import HistGradientBoostingClassifier

    fitted = HistGradientBoostingClassifier(
        max_iter=TREES,
        max_leaf_nodes=LEAVES_MAX,
        learning_rate=0.06,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=_SEED,
    ).fit(features, happened)
    return export_trees(fitted)


def export_trees(fitted: Any) -> TreesTable:
    """Write a fitted `HistGradientBoostingClassifier` of two classes as flat arrays."""
    nodes: list[Any] = []
    roots = []
    for (tree,) in fitted._predictors:
        roots.append(len(nodes))
        first = len(nodes)
        for node in tree.nodes:
            left, right = first + int(node["left"]), first + int(node["right"])
            is_leaf = bool(node["is_leaf"])
            nodes.append(
                (
                    -1 if is_leaf else int(node["feature_idx"]),
                    float(node["num_threshold"]),
                    left,
                    right,
                    bool(node["missing_go_to_left"]),
                    float(node["value"]),
                )
            )
    feature, threshold, left_, right_, missing, value = zip(*nodes, strict=True)
    baseline = float(np.asarray(fitted._baseline_prediction).ravel()[0])
    return TreesTable(baseline, tuple(roots), feature, threshold, left_, right_, missing, value)
