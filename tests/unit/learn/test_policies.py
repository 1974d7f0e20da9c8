"""Policies and normal log-odds: probabilities against closed forms, draws and their own words."""

from __future__ import annotations

from math import erf, sqrt
from typing import Any

import numpy as np
import pytest

from heedful.kernel import InputError
from heedful.learn import (
    PROBABILITY_ONE,
    ArmValue,
    Fixed,
    Greedy,
    InverseGap,
    LogitNormalValue,
    NormalValue,
    Policy,
    Thompson,
    Value,
    selection_probabilities,
)
from heedful.learn.columns import moments
from heedful.learn.values import LOG_ODDS_SD_MAX

ARMS: list[Value] = [
    LogitNormalValue(-3.0, 0.6, 20.0, 0.0),
    LogitNormalValue(-2.5, 0.3, 20.0, -0.4),
    LogitNormalValue(1.0, 0.8, -3.0, 3.2),
    ArmValue(3.0, 47.0, 20.0, -0.1),
    NormalValue(1.1, 0.4),
]
POLICIES: list[Policy] = [
    Thompson(0.02),
    InverseGap(20.0, 500, floor=0.02),
    Greedy(0.02),
    Fixed((1.0, 2.0, 3.0, 4.0, 0.0)),
]


def drawn(values: list[Value], count: int, seed: int) -> Any:
    """Draw what each arm is worth, shape (count, arms)."""
    draws = np.random.default_rng(seed)
    columns = []
    for value in values:
        match value:
            case LogitNormalValue(mean, sd, gain, offset):
                p = 1.0 / (1.0 + np.exp(-draws.normal(mean, min(sd, LOG_ODDS_SD_MAX), count)))
                columns.append(gain * p + offset)
            case ArmValue(alpha, beta, gain, offset):
                columns.append(gain * draws.beta(alpha, beta, count) + offset)
            case NormalValue(mean, sd):
                columns.append(draws.normal(mean, sd, count))
    return np.stack(columns, axis=1)


def shares(policy: Policy, values: list[Value]) -> Any:
    return np.array(policy.weights(values)) / PROBABILITY_ONE


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: type(policy).__name__)
def test_every_policy_gives_integers_that_sum_and_are_the_same_again(policy: Policy) -> None:
    weights = policy.weights(ARMS)
    assert len(weights) == len(ARMS)
    assert sum(weights) == PROBABILITY_ONE
    assert min(weights) >= 0
    assert policy.weights(ARMS) == weights


def test_thompson_is_the_chance_to_be_the_best() -> None:
    assert Thompson(0.02).weights(ARMS) == selection_probabilities(ARMS, 0.02)


@pytest.mark.parametrize("sd", [0.01, 0.3, 2.0])
def test_two_arms_of_normal_log_odds_agree_with_the_closed_form(sd: float) -> None:
    arms: list[Value] = [LogitNormalValue(-2.0, sd, 9.0, 1.0)]
    arms.append(LogitNormalValue(-2.0 + sd, 0.5 * sd, 9.0, 1.0))
    expected = 0.5 * (1.0 + erf(-1.0 / sqrt(1.25) / sqrt(2.0)))
    assert shares(Thompson(0.0), arms)[0] == pytest.approx(expected, abs=1e-4)


def test_chosen_as_often_as_logged_over_a_million_draws() -> None:
    best = drawn(ARMS, 1_000_000, seed=1).argmax(axis=1)
    frequency = np.bincount(best, minlength=len(ARMS)) / 1_000_000
    assert np.abs(shares(Thompson(0.0), ARMS) - frequency).max() < 0.003


def test_many_narrow_and_wide_arms_agree_with_draws() -> None:
    draws = np.random.default_rng(2)
    arms: list[Value] = [
        LogitNormalValue(m, s, 10.0, 0.0)
        for m, s in zip(draws.normal(-3.0, 0.3, 40), draws.uniform(0.01, 0.5, 40), strict=True)
    ]
    best = drawn(arms, 200_000, seed=3).argmax(axis=1)
    frequency = np.bincount(best, minlength=40) / 200_000
    assert np.abs(shares(Thompson(0.0), arms) - frequency).max() < 0.004


def test_a_family_far_below_another_takes_the_rest_of_its_chances() -> None:
    # Many narrow panels high up, in which no arm of the other families races yet.
    arms: list[Value] = [NormalValue(100.0, 1e-3), NormalValue(100.0, 40.0)]
    arms += [LogitNormalValue(0.0, 0.5, 40.0, 40.0), ArmValue(20.0, 20.0, 40.0, 40.0)]
    best = drawn(arms, 200_000, seed=5).argmax(axis=1)
    frequency = np.bincount(best, minlength=4) / 200_000
    assert shares(Thompson(0.0), arms) == pytest.approx(frequency, abs=0.004)
    wide: list[Value] = [NormalValue(0.0, 1e4), LogitNormalValue(-1.0, 0.01, 1.0, 0.0)]
    assert shares(Thompson(0.0), wide) == pytest.approx([0.5, 0.5], abs=1e-3)


def test_moments_are_those_of_draws() -> None:
    sample = drawn(ARMS, 400_000, seed=4)
    mean, sd = moments(ARMS)
    assert mean == pytest.approx(sample.mean(axis=0), abs=0.01)
    assert sd == pytest.approx(sample.std(axis=0), rel=0.01)


def test_a_loss_on_a_goal_is_a_gain_on_its_absence() -> None:
    turned: list[Value] = [*ARMS]
    turned[2] = LogitNormalValue(-1.0, 0.8, 3.0, 0.2)  # 3.2 - 3 p = 0.2 + 3 (1 - p)
    assert shares(Thompson(0.0), turned) == pytest.approx(shares(Thompson(0.0), ARMS), abs=1e-6)


def test_inverse_gaps_are_their_formula() -> None:
    arms: list[Value] = [NormalValue(3.0, 1.0), NormalValue(2.0, 9.0), NormalValue(-1.0, 0.0)]
    g = 3.0 * sqrt(3 * 101)
    expected = [1.0 / (3.0 + g * 1.0 / 4.0), 1.0 / (3.0 + g * 4.0 / 4.0)]
    found = shares(InverseGap(scale=4.0, outcomes=100), arms)
    assert found == pytest.approx([1.0 - sum(expected), *expected], abs=1e-8)


def test_inverse_gaps_explore_less_the_more_was_learned() -> None:
    arms: list[Value] = [NormalValue(3.0, 1.0), NormalValue(2.0, 1.0)]
    by_outcomes = [shares(InverseGap(4.0, n), arms)[1] for n in (0, 10, 1_000, 100_000)]
    assert by_outcomes == sorted(by_outcomes, reverse=True)
    assert by_outcomes[-1] < 0.01


def test_the_greedy_share_the_floor_and_ties() -> None:
    arms: list[Value] = [NormalValue(1.0, 9.0), NormalValue(2.0, 0.1), NormalValue(2.0, 5.0)]
    assert shares(Greedy(0.3), arms) == pytest.approx([0.1, 0.45, 0.45])


def test_fixed_shares_are_scaled() -> None:
    assert shares(POLICIES[3], ARMS) == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.0])


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        (InverseGap(0.0, 5), "bad_policy"),
        (InverseGap(1.0, -1), "bad_policy"),
        (InverseGap(1.0, 1, floor=2.0), "bad_floor"),
        (Greedy(-0.1), "bad_floor"),
        (Fixed((1.0,)), "bad_policy"),
        (Fixed((0.0,) * 5), "bad_policy"),
        (Fixed((1.0, -1.0, 1.0, 1.0, 1.0)), "bad_policy"),
        (Thompson(2.0), "bad_floor"),
    ],
    ids=["scale", "outcomes", "gap floor", "greedy", "few", "none", "negative", "thompson"],
)
def test_policies_that_are_none_are_refused(policy: Policy, code: str) -> None:
    with pytest.raises(InputError) as caught:
        policy.weights(ARMS)
    assert caught.value.code == code


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: type(policy).__name__)
def test_a_choice_among_nothing_is_refused(policy: Policy) -> None:
    with pytest.raises(InputError) as caught:
        policy.weights([])
    assert caught.value.code == "no_arms"
