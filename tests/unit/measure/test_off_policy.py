"""Off-policy estimates: by hand, over synthetic worlds with a known truth, and in doubt."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest

from heedful.kernel import InputError
from heedful.measure import (
    Estimator,
    Rounds,
    best_threshold,
    concerns,
    effective_rounds,
    estimate,
    evaluate,
    rounds,
)

ARMS = 5
ROUNDS = 1_000
ESTIMATORS = get_args(Estimator)


def world(seed: int, count: int, model_error: float = 0.3) -> tuple[Rounds, float]:
    """Draw a log of one policy with the truth of another; the model is wrong by a shift."""
    draws = np.random.default_rng(seed)
    x = draws.normal(size=(count, 3))
    worth = 1.0 / (1.0 + np.exp(1.5 - x @ draws.normal(size=(3, ARMS))))
    log = 0.8 * softmax(x @ draws.normal(size=(3, ARMS)) * 0.5) + 0.2 / ARMS
    target = softmax(x @ draws.normal(size=(3, ARMS)))
    arm = (draws.random((count, 1)) > log.cumsum(axis=1)).sum(axis=1).clip(0, ARMS - 1)
    every = np.arange(count)
    reward = (draws.random(count) < worth[every, arm]).astype(float)
    model = worth + model_error * draws.normal(size=ARMS) * 0.2
    found = rounds(
        reward,
        log[every, arm],
        target[every, arm],
        model[every, arm],
        (target * model).sum(axis=1),
    )
    return found, float((target * worth).sum(axis=1).mean())


def softmax(scores: Any) -> Any:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return 0.95 * powers / powers.sum(axis=1, keepdims=True) + 0.05 / ARMS


def test_every_estimate_is_its_formula_summed_by_hand() -> None:
    log, _ = world(1, 50)
    w = [t / p for t, p in zip(log.p_target, log.p_choose, strict=True)]
    n, r, q, m = len(w), log.reward, log.q_chosen, log.q_target
    hand = {
        "ips": sum(w[i] * r[i] for i in range(n)) / n,
        "snips": sum(w[i] * r[i] for i in range(n)) / sum(w),
        "dm": sum(m) / n,
        "dr": sum(m[i] + w[i] * (r[i] - q[i]) for i in range(n)) / n,
        "sndr": sum(m) / n + sum(w[i] * (r[i] - q[i]) for i in range(n)) / sum(w),
        "switch": sum(m[i] + (w[i] <= 1.5) * w[i] * (r[i] - q[i]) for i in range(n)) / n,
    }
    for name in ESTIMATORS:
        assert estimate(log, name, switch_at=1.5) == pytest.approx(hand[name], abs=1e-12)


@pytest.mark.parametrize("name", ["ips", "snips", "dr", "sndr"])
def test_estimates_find_the_truth_where_the_model_does_not(name: Estimator) -> None:
    log, truth = world(2, 100_000, model_error=3.0)
    assert estimate(log, name) == pytest.approx(truth, abs=0.01)
    assert abs(estimate(log, "dm") - truth) > 0.03


def test_the_model_is_enough_when_probabilities_are_wrong() -> None:
    log, truth = world(3, 50_000, model_error=0.0)
    wrong = log._replace(p_choose=np.clip(log.p_choose * 1.5, 0.0, 1.0))
    assert estimate(wrong, "dr") == pytest.approx(truth, abs=0.01)
    assert abs(estimate(wrong, "ips") - truth) > 0.05


@pytest.mark.parametrize("name", ESTIMATORS)
def test_intervals_cover_the_truth_as_often_as_they_say(name: Estimator) -> None:
    worlds, covered, bounded = 200, 0, 0
    # A model as wrong as this moves the estimates that trust it out of any interval of their own.
    is_trusting = name in ("dm", "switch")
    for seed in range(worlds):
        log, _ = world(10_000 + seed, ROUNDS, model_error=1.0 if is_trusting else 0.3)
        # The truth of these contexts and of all contexts differ: ask for that of all.
        truth = world_truth(10_000 + seed)
        found = evaluate(log, name, seed=seed, replicates=100)
        covered += found.bootstrap.low <= truth <= found.bootstrap.high
        bounded += found.bernstein.low <= truth <= found.bernstein.high
    # Three standard errors of 200 worlds around 95 %.
    assert 0.904 <= covered / worlds <= 0.99
    assert bounded / worlds >= 0.99


def world_truth(seed: int) -> float:
    """Average what a world's target is worth over many contexts of its own."""
    draws = np.random.default_rng(seed)
    draws.normal(size=(ROUNDS, 3))
    worth_weights = draws.normal(size=(3, ARMS))
    draws.normal(size=(3, ARMS))
    target_weights = draws.normal(size=(3, ARMS))
    x = np.random.default_rng(0).normal(size=(5_000, 3))
    worth = 1.0 / (1.0 + np.exp(1.5 - x @ worth_weights))
    return float((softmax(x @ target_weights) * worth).sum(axis=1).mean())


def test_a_model_that_is_off_is_said_to_be() -> None:
    log, truth = world(2, 20_000, model_error=3.0)
    found = evaluate(log, "dm", seed=1, replicates=100)
    assert found.concerns[-1].code == "model_off"
    assert found.bootstrap.low <= truth <= found.bootstrap.high
    assert found.value in (found.bootstrap.low, found.bootstrap.high)
    right = evaluate(world(2, 20_000, model_error=0.0)[0], "dm", seed=1, replicates=100)
    assert "model_off" not in [concern.code for concern in right.concerns]


def test_rounds_of_one_person_count_as_one() -> None:
    log, _ = world(7, 2_000)
    alone = evaluate(log, seed=1, people=np.arange(2_000))
    assert alone.bootstrap == pytest.approx(evaluate(log, seed=1).bootstrap)
    # Everybody did the same five times over: the log says no more than once.
    five = Rounds(*(np.repeat(column, 5) for column in log))
    together = evaluate(five, seed=1, people=np.repeat(np.arange(2_000), 5))
    assert together.value == pytest.approx(alone.value)
    assert together.bootstrap == pytest.approx(alone.bootstrap)
    apart = evaluate(five, seed=1)
    assert apart.bootstrap.high - apart.bootstrap.low < 0.5 * (
        together.bootstrap.high - together.bootstrap.low
    )
    for people in ([1, 2], np.zeros(2_000)):  # too few, and one alone, of whom nothing varies
        with pytest.raises(InputError) as caught:
            evaluate(log, seed=1, people=people)
        assert caught.value.code == "bad_rounds"


def test_the_same_seed_gives_the_same_interval_and_another_another() -> None:
    log, _ = world(4, 300)
    assert evaluate(log, seed=1) == evaluate(log, seed=1)
    assert evaluate(log, seed=1).bootstrap != evaluate(log, seed=2).bootstrap


def test_more_confidence_is_wider_and_more_rounds_are_narrower() -> None:
    log, _ = world(5, 4_000)
    few = Rounds(*(column[:400] for column in log))

    def width(log: Rounds, confidence: float) -> list[float]:
        found = evaluate(log, seed=1, confidence=confidence)
        return [i.high - i.low for i in (found.bootstrap, found.bernstein)]

    assert all(a > b for a, b in zip(width(log, 0.99), width(log, 0.8), strict=True))
    assert all(a > b for a, b in zip(width(few, 0.95), width(log, 0.95), strict=True))


def test_a_switch_gives_heavy_weights_to_the_model() -> None:
    draws = np.random.default_rng(6)
    weight = np.where(draws.random(2_000) < 0.03, 40.0, 0.5)
    reward = (draws.random(2_000) < 0.3) * 1.0
    is_heavy = weight > 1.0
    # The model is right of them: three in ten.
    reward[is_heavy] = np.arange(is_heavy.sum()) % 10 < 3
    log = rounds(reward, np.full(2_000, 0.02), weight * 0.02, [0.3] * 2_000, [0.3] * 2_000)
    assert best_threshold(log) == pytest.approx(0.5)
    # A model that sees no reward where the weights are heavy is not to be trusted there.
    wrong = log._replace(reward=np.where(is_heavy, 1.0, reward), q_chosen=np.zeros(2_000))
    assert best_threshold(wrong) == pytest.approx(40.0)


def test_rounds_count_as_much_as_their_weights_are_even() -> None:
    even = rounds(np.zeros(100), np.full(100, 0.5), np.full(100, 0.25))
    assert effective_rounds(even) == pytest.approx(100.0)
    half = even._replace(p_target=np.repeat([0.25, 0.0], 50))
    assert effective_rounds(half) == pytest.approx(50.0)
    assert effective_rounds(even._replace(p_target=np.zeros(100))) == 0.0


def codes(log: Rounds) -> list[str]:
    return [concern.code for concern in concerns(log)]


def test_a_log_that_supports_the_target_raises_no_concern() -> None:
    assert codes(world(8, 4_000)[0]) == []


def test_what_cannot_be_known_is_said_in_words() -> None:
    log, _ = world(9, 4_000)
    assert codes(log._replace(p_target=np.zeros(4_000))) == ["no_overlap"]
    assert "odd_weights" in codes(log._replace(p_choose=log.p_choose * 0.5))
    lost = concerns(log._replace(unsupported=np.full(4_000, 0.2), p_target=log.p_target * 0.8))
    assert [c.code for c in lost] == ["unsupported"]
    assert "20.0% of the target's choices" in lost[0].says
    assert "thin" in codes(Rounds(*(column[:80] for column in log)))
    one = np.full(4_000, 0.001)
    one[0] = 1.0
    assert {"heavy_round", "thin"} <= set(codes(log._replace(p_target=one * log.p_choose)))
    few = np.where(np.arange(4_000) < 150, 1.0, 0.001)
    assert "few_effective" in codes(log._replace(p_target=few * log.p_choose))


def test_rewards_that_never_differ_have_no_width() -> None:
    log = rounds(np.ones(50), np.full(50, 0.5), np.full(50, 0.5))
    found = evaluate(log, "snips", seed=1)
    assert found.bootstrap == (1.0, 1.0)


@pytest.mark.parametrize(
    "columns",
    [
        ([1.0], [0.5], [0.5]),
        ([1.0, 2.0], [0.5], [0.5, 0.5]),
        ([1.0, 2.0], [0.0, 0.5], [0.5, 0.5]),
        ([1.0, 2.0], [0.5, 0.5], [0.5, 1.5]),
        ([1.0, float("inf")], [0.5, 0.5], [0.5, 0.5]),
    ],
    ids=["one", "lengths", "never chosen", "beyond 1", "infinite"],
)
def test_columns_that_are_no_log_are_refused(columns: Any) -> None:
    with pytest.raises(InputError) as caught:
        rounds(*columns)
    assert caught.value.code == "bad_rounds"


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"confidence": 1.0}, "bad_confidence"), ({"replicates": 1}, "bad_replicates")],
)
def test_settings_out_of_range_are_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(InputError) as caught:
        evaluate(world(1, 50)[0], seed=1, **changes)
    assert caught.value.code == code
