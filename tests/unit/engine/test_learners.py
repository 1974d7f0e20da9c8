"""Tables say what scikit-learn says, to rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from heedful.engine.learners import calibrated, export_trees, learn_table
from heedful.learn import ChanceModel, Isotonic

sklearn = pytest.importorskip("sklearn")


def sample(seed: int, count: int = 600) -> tuple[Any, Any]:
    draws = np.random.default_rng(seed)
    x = draws.normal(size=(count, 4)) * [1.0, 10.0, 0.1, 3.0]
    y = (draws.random(count) < 1.0 / (1.0 + np.exp(-x[:, 0] + 0.1 * x[:, 1]))).astype(np.float64)
    x[draws.random(x.shape) < 0.1] = np.nan
    return x, y


def test_trees_say_what_the_learner_says_with_and_without_values() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    x, y = sample(1)
    fitted = HistGradientBoostingClassifier(max_iter=40, random_state=0).fit(x, y)
    later = np.vstack((sample(2)[0], np.full((1, 4), np.nan)))
    model = ChanceModel(export_trees(fitted), Isotonic((0.0,), (0.0,)))
    ours = [model.raw(row) for row in later.tolist()]
    assert np.abs(ours - fitted.predict_proba(later)[:, 1]).max() < 1e-12


def test_a_linear_table_says_what_the_learner_says() -> None:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = sample(3)
    steps = (SimpleImputer(), StandardScaler(), LogisticRegression(max_iter=1_000))
    fitted = make_pipeline(*steps).fit(x, y)
    table = learn_table(x, y, "linear")
    later = sample(4)[0]
    ours = [table.log_odds(row) for row in later.tolist()]
    # Two fits stop within the solver's tolerance of each other; the same numbers agree exactly.
    assert np.abs(ours - fitted.decision_function(later)).max() < 1e-3
    logit = fitted[-1]
    same = table.__class__(
        float(logit.intercept_[0]),
        tuple(logit.coef_[0].tolist()),
        tuple(fitted[0].statistics_.tolist()),
        tuple(fitted[1].mean_.tolist()),
        tuple(fitted[1].scale_.tolist()),
    )
    exact = [same.log_odds(row) for row in later.tolist()]
    assert np.abs(exact - fitted.decision_function(later)).max() < 1e-12


@pytest.mark.parametrize("learner", ["linear", "trees"])
def test_the_calibration_is_the_isotonic_regression_itself(learner: Any) -> None:
    from sklearn.isotonic import IsotonicRegression

    x, y = sample(5)
    later, happened = sample(6)
    model = calibrated(learn_table(x, y, learner), later, happened)
    raw = np.array([model.raw(row) for row in later.tolist()])
    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(raw, happened)
    new = sample(7)[0].tolist()
    theirs = fitted.predict([model.raw(row) for row in new])
    assert np.abs(theirs - [model.chance(row) for row in new]).max() < 1e-12
