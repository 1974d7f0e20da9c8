"""Let peers choose among as many arms as `bench_decide.py` decides between; prints JSON lines.

Runs in an interpreter that has `vowpalwabbit` and `mabwiser`, and nothing of ours. Twenty features
of the person, ten of each arm; the answer is an arm with its chance.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from importlib import metadata

FEATURES, ARM_FEATURES, PEOPLE, WARM_UP = 20, 10, 256, 20
BUDGET_S = 6.0


def timed(name: str, act: Callable[[int], object], count: int = 1_000) -> None:
    """Time calls in CPU milliseconds of this thread and print median and 99th percentile."""
    taken: list[float] = []
    begun = time.thread_time()
    for number in range(WARM_UP + count):
        start = time.thread_time_ns()
        act(number)
        if number >= WARM_UP:
            taken.append((time.thread_time_ns() - start) / 1e6)
        if time.thread_time() - begun > BUDGET_S and len(taken) >= 20:
            break
    taken.sort()
    p99 = taken[min(int(0.99 * len(taken)), len(taken) - 1)]
    print(json.dumps({"name": name, "p50": taken[len(taken) // 2], "p99": p99}), flush=True)


def vowpal_wabbit(arms: int, draw: random.Random) -> None:
    """Contextual bandit with arm features, epsilon-greedy, text input."""
    import vowpalwabbit

    def features(prefix: str, many: int) -> str:
        return " ".join(f"{prefix}{i}:{draw.gauss(0, 1):.4f}" for i in range(many))

    people = [f"shared |C {features('c', FEATURES)}" for _ in range(PEOPLE)]
    offers = [f"|A {features('a', ARM_FEATURES)}" for _ in range(arms)]
    options = "--cb_explore_adf --epsilon 0.05 -q CA --quiet -b 20 --random_seed 1"
    model = vowpalwabbit.Workspace(options)
    for number in range(20):
        told = list(offers)
        told[number % arms] = f"0:-1.0:{1 / arms:.6f} {told[number % arms]}"
        model.learn([people[number], *told])

    def choose(number: int) -> int:
        chances = model.predict([people[number % PEOPLE], *offers])
        return draw.choices(range(arms), chances)[0]

    timed(f"Vowpal Wabbit {metadata.version('vowpalwabbit')}, epsilon-greedy", choose)


def mabwiser(arms: int, draw: random.Random) -> None:
    """LinTS over the person's features."""
    import numpy as np
    from mabwiser.mab import MAB, LearningPolicy

    people = np.array([[draw.gauss(0, 1) for _ in range(FEATURES)] for _ in range(PEOPLE)])
    many = max(arms, 2_000)
    chosen = np.arange(many) % arms
    rewards = np.array([draw.randrange(2) for _ in range(many)])
    model = MAB(list(range(arms)), LearningPolicy.LinTS(alpha=0.5))
    model.fit(chosen, rewards, people[np.arange(many) % PEOPLE])

    def choose(number: int) -> object:
        return model.predict(people[number % PEOPLE : number % PEOPLE + 1])

    timed(f"MABWiser {metadata.version('mabwiser')}, LinTS", choose, 200)


if __name__ == "__main__":
    vowpal_wabbit(int(sys.argv[1]), random.Random(1))
    mabwiser(int(sys.argv[1]), random.Random(1))
