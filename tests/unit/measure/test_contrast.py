"""An action against silence where chance chose: unbiased by who was likely, never sure of noise."""

from __future__ import annotations

import numpy as np
import pytest

from heedful.measure.contrast import Draw, contrast


def drawn(seed: int, people: int, effect: float) -> list[Draw]:
    """Those who buy anyway are drawn more often; each is met twice, at times for another arm."""
    draws = np.random.default_rng(seed)
    found = []
    for person in range(people):
        is_keen = draws.random() < 0.5
        p = 0.8 if is_keen else 0.3
        for _ in range(2):
            u = draws.random()
            if u >= 0.9:
                continue
            has_acted = u < 0.9 * p
            reward = 5.0 * is_keen + effect * has_acted + draws.normal()
            found.append(Draw(person, has_acted, 0.9 * p, 0.9 * (1.0 - p), reward))
    return found


def test_who_was_likely_to_be_drawn_counts_no_more() -> None:
    draws = drawn(1, 3_000, effect=1.0)
    found = contrast(draws)
    assert found is not None
    plain = [np.mean([d.reward for d in draws if d.has_acted is side]) for side in (True, False)]
    assert plain[0] - plain[1] > 2.5  # what it looks like
    assert found.difference == pytest.approx(1.0, abs=0.3)
    assert found.watched.low < found.interval.low < 1.0 < found.interval.high


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    worlds = [contrast(drawn(seed, 150, effect=0.5)) for seed in range(200)]
    covered = sum(
        one is not None and one.interval.low <= 0.5 <= one.interval.high for one in worlds
    )
    assert 0.90 <= covered / 200 <= 0.99


def test_noise_is_seldom_called_sure() -> None:
    worlds = [contrast(drawn(1_000 + seed, 150, effect=0.0)) for seed in range(100)]
    assert sum(one is not None and one.is_sure for one in worlds) <= 5


def test_a_rare_reward_that_did_not_follow_a_few_silences_is_no_loss() -> None:
    draws = np.random.default_rng(3)
    worlds = []
    for _ in range(30):
        acted, won = draws.random(4_000) < 0.98, draws.random(4_000) < 0.01
        rows = zip(acted.tolist(), won.tolist(), strict=True)
        worlds.append(
            contrast([Draw(n, act, 0.98, 0.02, 10.0 * win) for n, (act, win) in enumerate(rows)])
        )
    # By the spread of each side alone: 35 %.
    assert sum(one is not None and one.is_sure for one in worlds) <= 1
    assert all(one is not None for one in worlds)


def test_a_handful_says_nothing() -> None:
    assert contrast(drawn(2, 20, effect=1.0)) is None
    found = contrast(drawn(3, 3_000, effect=3.0))
    assert found is not None
    assert found.says.startswith("It brings ")
