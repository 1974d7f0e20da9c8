"""Uplift: worlds in which who responds and who changes are others, and areas by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from heedful.kernel import InputError
from heedful.measure import (
    LEARNERS,
    Learner,
    Trial,
    areas,
    choose_uplift,
    fit_uplift,
    qini_curve,
    qini_interval,
    trial,
)

PAIR = trial([1, 0], [1, 0])


def world(seed: int, count: int, effect: float = 1.0) -> tuple[Any, Trial, Any]:
    """Let the first feature drive the response, the second what the treatment changes."""
    draws = np.random.default_rng(seed)
    x = draws.normal(size=(count, 4)) * [1.0, 1.0, 3.0, 1.0] + [0.0, 0.0, 5.0, 0.0]
    treated = draws.random(count) < 0.4
    held_rate = 1.0 / (1.0 + np.exp(1.0 - 1.5 * x[:, 0]))
    rate = 1.0 / (1.0 + np.exp(1.0 - 1.5 * x[:, 0] - effect * x[:, 1]))
    outcome = draws.random(count) < np.where(treated, rate, held_rate)
    return x, trial(treated, outcome), rate - held_rate


@pytest.mark.parametrize("learner", ["s", "t", "x", "class"])
def test_learners_find_whom_the_treatment_changes(learner: Learner) -> None:
    x, found, truth = world(1, 20_000)
    score = fit_uplift(x, found, learner).score(x)
    assert np.corrcoef(score, truth)[0, 1] > 0.8
    assert score.mean() == pytest.approx(truth.mean(), abs=0.03)


def test_response_ranks_by_who_responds() -> None:
    x, found, truth = world(1, 20_000)
    score = fit_uplift(x, found, "response").score(x)
    assert np.corrcoef(score, x[:, 0])[0, 1] > 0.8
    assert np.corrcoef(score, truth)[0, 1] < 0.8


def test_logistic_weights_of_a_group_are_where_the_slope_is_zero() -> None:
    x, found, _ = world(2, 3_000)
    model = fit_uplift(x, found, "t", penalty=1e-6)
    for row, group in zip(model.weights, (1.0, 0.0), strict=True):
        inside = found.treated == group
        z = np.hstack((np.ones((int(inside.sum()), 1)), x[inside]))
        p = 1.0 / (1.0 + np.exp(-z @ np.array(row)))
        assert z.T @ (found.outcome[inside] - p) == pytest.approx(np.zeros(5), abs=1e-3)


def test_the_best_order_scores_one_a_constant_nothing_and_the_reverse_less() -> None:
    _, found, _ = world(3, 2_000)
    best = found.outcome * (2.0 * found.treated - 1.0)
    assert areas(best, found).qini == pytest.approx(1.0)
    assert areas(np.zeros(2_000), found).qini == pytest.approx(0.0, abs=1e-12)
    assert areas(-best, found).qini < -0.2


def test_a_qini_curve_by_hand() -> None:
    found = trial([1, 0, 1, 0, 0], [1, 0, 0, 1, 0])
    curve = qini_curve([0.9, 0.8, 0.8, 0.1, 0.1], found)
    # One treated responder; then two treated to one held out; then 1 - 1 * 2 / 3.
    assert curve.people.tolist() == [0.0, 1.0, 3.0, 5.0]
    assert curve.gained == pytest.approx([0.0, 1.0, 1.0, 1.0 / 3.0])


def test_areas_do_not_depend_on_the_scale_of_a_score_or_the_order_of_people() -> None:
    _, found, truth = world(4, 3_000)
    mixed = np.random.default_rng(5).permutation(3_000)
    shuffled = Trial(found.treated[mixed], found.outcome[mixed])
    assert areas(np.exp(3.0 * truth), found) == areas(truth, found)
    assert areas(truth[mixed], shuffled) == pytest.approx(areas(truth, found))


def test_an_interval_holds_the_area_and_is_the_same_for_a_seed() -> None:
    _, found, truth = world(6, 4_000)
    interval = qini_interval(truth, found, seed=1)
    assert interval.low < areas(truth, found).qini < interval.high
    assert interval == qini_interval(truth, found, seed=1)
    assert interval != qini_interval(truth, found, seed=2)


def test_the_chosen_learner_beats_plain_response_where_they_differ() -> None:
    x, found, _ = world(7, 4_000)
    chosen = choose_uplift(x, found, seed=1)
    qini = {tried.learner: tried.qini for tried in chosen.tried}
    assert set(qini) == set(LEARNERS)
    assert chosen.model.learner != "response"
    assert qini[chosen.model.learner] == max(qini.values()) > qini["response"] + 0.05
    assert chosen.is_useful


def test_the_same_seed_chooses_the_same_and_another_draws_other_folds() -> None:
    x, found, _ = world(10, 300)
    chosen = choose_uplift(x, found, seed=1, learners=("t", "response"))
    assert choose_uplift(x, found, seed=1, learners=("t", "response")) == chosen
    assert choose_uplift(x, found, seed=2, learners=("t", "response")).tried != chosen.tried


def test_plain_response_may_win() -> None:
    draws = np.random.default_rng(8)
    x = draws.normal(size=(4_000, 12))
    treated = draws.random(4_000) < 0.5
    # The likelier somebody responds, the more they change; the other features are noise.
    base = 0.3 / (1.0 + np.exp(-2.0 * x[:, 0]))
    found = trial(treated, draws.random(4_000) < base * np.where(treated, 1.6, 1.0))
    chosen = choose_uplift(x, found, seed=1, learners=("t", "class", "response"))
    assert chosen.model.learner == "response"


def test_shuffled_treatment_is_seldom_called_useful() -> None:
    useful, worlds = 0, 30
    for seed in range(worlds):
        x, found, _ = world(100 + seed, 400)
        shuffled = trial(np.random.default_rng(seed).permutation(found.treated), found.outcome)
        chosen = choose_uplift(x, shuffled, seed=seed, learners=("t", "response"), folds=2)
        useful += chosen.is_useful
    # At 5 % four or fewer come up in 98 of 100 such tests.
    assert useful <= 4


def test_a_group_that_responds_alike_can_be_fitted() -> None:
    x, found, _ = world(9, 200)
    silent = Trial(found.treated, np.zeros(200))
    for learner in LEARNERS:
        assert np.isfinite(fit_uplift(x, silent, learner).score(x)).all()


@pytest.mark.parametrize(
    ("work", "code"),
    [
        (lambda: trial([1, 0], [1, 2]), "bad_trial"),
        (lambda: trial([1, 1], [1, 0]), "bad_trial"),
        (lambda: trial([1, 0], [1]), "bad_trial"),
        (lambda: areas([1.0], PAIR), "bad_score"),
        (lambda: fit_uplift([[1.0]], PAIR, "t"), "bad_trial"),
        (lambda: fit_uplift([[1.0], [0.0]], PAIR, "t", 0.0), "bad_trial"),
        (lambda: choose_uplift(*world(1, 50)[:2], seed=1, folds=1), "bad_folds"),
        (lambda: choose_uplift(*world(1, 50)[:2], seed=1, learners=()), "no_learners"),
        (
            lambda: qini_interval([0, 1], PAIR, seed=1, confidence=2),
            "bad_confidence",
        ),
        (
            lambda: qini_interval([0, 1], PAIR, seed=1, replicates=1),
            "bad_replicates",
        ),
    ],
    ids=[
        "values",
        "one group",
        "lengths",
        "score",
        "features",
        "penalty",
        "folds",
        "learners",
        "confidence",
        "replicates",
    ],
)
def test_what_is_no_trial_is_refused(work: Any, code: str) -> None:
    with pytest.raises(InputError) as caught:
        work()
    assert caught.value.code == code
