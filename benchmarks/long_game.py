"""Small worlds in which what comes after can be solved exactly, and a large one.

People tire of messages, lose trust when they are tired, recover in silence, and leave. A choice is
made every week. In a small world the state is all there is, so dynamic programming gives the
optimum; in the large one fatigue and trust are numbers that nobody sees.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from heedful.kernel import DAY_MS, MICRO
from heedful.learn import GONE, SILENT, Continuation, Grid, Plan, Transition

WEEK_MS = 7 * DAY_MS
WEEKS = 52
COSTS = (0.0, 0.2, 0.3, 0.8)
"""Of one message of each arm in the large world: an offer gives something away."""
ARMS = (SILENT, "advice", "news", "offer")
GRID = Grid((3, 4, 3, 2), unordered=(3,))
"""Recency of an order, fatigue, trust, need."""


class Process(NamedTuple):
    """A world as numbers: chances of shape (states, arms, states + 1), the last for gone."""

    chances: Any
    rewards: Any
    """Money, shape (states, arms, states + 1)."""
    discount: float


def small_world(seed: int) -> Process:
    """Draw a world: how much people like what, tire of it, trust and leave."""
    rng = np.random.default_rng([seed, 9])
    likes = np.array([0.0, rng.uniform(0.2, 0.6), rng.uniform(0.3, 1.0), rng.uniform(0.8, 2.0)])
    tires = np.array([0.0, rng.uniform(0.0, 0.3), rng.uniform(0.5, 0.9), rng.uniform(0.8, 1.0)])
    rests, forgives = rng.uniform(0.2, 0.6), rng.uniform(0.05, 0.3)
    size = GRID.size
    chances = np.zeros((size, len(ARMS), size + 1))
    rewards = np.zeros((size, len(ARMS), size + 1))
    for state in range(size):
        recency, fatigue, trust, need = GRID.point(state)
        for arm in range(len(ARMS)):
            own = 0.04 * (1 + trust) * (3 - recency) / 3
            p_order = min(own * (1 + likes[arm] * (1 + 2 * need) * 0.5**fatigue), 0.9)
            p_gone = 0.004 + 0.006 * fatigue * (2 - trust) * (arm > 0)
            p_tired = tires[arm]
            for is_ordered in (0, 1):
                p1 = p_order if is_ordered else 1 - p_order
                for tired, p2 in _fatigue(fatigue, p_tired, rests if arm == 0 else 0.0):
                    for trusted, p3 in _trust(trust, fatigue, arm, forgives):
                        for needed, p4 in ((0, 0.7), (1, 0.3)):
                            to = GRID.place(
                                (0 if is_ordered else recency + 1, tired, trusted, needed)
                            )
                            p = p1 * p2 * p3 * p4 * (1 - p_gone)
                            chances[state, arm, to] += p
                            rewards[state, arm, to] += p * (30.0 * is_ordered)
            rewards[state, arm, :size] /= np.maximum(chances[state, arm, :size], 1e-12)
            chances[state, arm, size] = p_gone
            rewards[state, arm] -= 0.05 * (arm > 0)
    return Process(chances, rewards, float(np.exp(-7 / 365)))


def _fatigue(fatigue: int, tires: float, rests: float) -> list[tuple[int, float]]:
    if rests:
        return [(max(fatigue - 1, 0), rests), (fatigue, 1 - rests)]
    return [(min(fatigue + 1, 3), tires), (fatigue, 1 - tires)]


def _trust(trust: int, fatigue: int, arm: int, forgives: float) -> list[tuple[int, float]]:
    falls = 0.10 * fatigue if arm > 1 else 0.0
    rises = forgives if arm < 2 else 0.0
    low, high = max(trust - 1, 0), min(trust + 1, 2)
    return [(low, falls), (high, rises), (trust, 1 - falls - rises)]


def optimum(process: Process) -> Any:
    """Solve by value iteration; gives the value of every state."""
    reward = (process.chances * process.rewards).sum(axis=2)
    value = np.zeros(GRID.size)
    for _ in range(3_000):
        value = (reward + process.discount * process.chances[:, :, :-1] @ value).max(axis=1)
    return value


def value_of(process: Process, policy: Any) -> Any:
    """Give the exact value of every state under a policy: an arm number for each state."""
    places = np.arange(GRID.size)
    chances = process.chances[places, policy]
    reward = (chances * process.rewards[places, policy]).sum(axis=1)
    matrix = np.eye(GRID.size) - process.discount * chances[:, :-1]
    return np.linalg.solve(matrix, reward)


def myopic(process: Process) -> Any:
    """Give the policy that takes the most reward at once."""
    return (process.chances * process.rewards).sum(axis=2).argmax(axis=1)


def explored(
    process: Process, people: int, weeks: int, seed: int, policy: Any = None, explores: float = 1.0
) -> list[Transition]:
    """Let people live under a policy, and of so many choices under arms drawn at random."""
    rng = np.random.default_rng([seed, 10])
    found = []
    sums = process.chances.cumsum(axis=2)
    for _ in range(people):
        state = int(rng.integers(GRID.size))
        for _ in range(weeks):
            is_drawn = policy is None or rng.random() < explores
            arm = int(rng.integers(len(ARMS))) if is_drawn else int(policy[state])
            to = int(np.searchsorted(sums[state, arm], rng.random() * sums[state, arm, -1]))
            to = min(to, GRID.size)
            is_gone = to == GRID.size
            # A reward is drawn as it comes: an order or none, of which the table holds the mean.
            reward = process.rewards[state, arm, to]
            after = GONE if is_gone else to
            found.append(Transition(state, ARMS[arm], round(reward * MICRO), WEEK_MS, after))
            if is_gone:
                break
            state = to
    return found


class Crowd:
    """Many people of whom nobody sees how tired they are and whether they trust."""

    def __init__(self, people: int, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 11])
        self.is_here = np.ones(people, dtype=bool)
        self._fatigue, self._trust = np.zeros(people), np.full(people, 0.8)
        self._taste = self._rng.gamma(4.0, 0.25, people)
        self.since_order = self._rng.integers(0, 12, people)
        self.told = np.zeros((4, people), dtype=int)
        self.ignored = np.zeros((8, people), dtype=int)
        self.has_need = self._rng.random(people) < 0.3

    def state(self) -> Any:
        """Give the state that a shop sees: recency, messages of 4 weeks, ignored of 8, need."""
        recency = np.digitize(self.since_order, (4, 10))
        return np.ravel_multi_index(
            (
                recency,
                np.minimum(self.told.sum(axis=0), 3),
                2 - np.digitize(self.ignored.sum(axis=0), (2, 5)),
                self.has_need.astype(int),
            ),
            GRID.levels,
        )

    def at_once(self) -> Any:
        """Give what every arm brings this week, as only the world knows it: (people, arms)."""
        likes = np.array([0.0, 0.4, 0.8, 1.6])
        own = 0.035 * self._taste * (0.3 + self._trust)
        tired = np.exp(-0.5 * self._fatigue)
        lift = likes[None] * (1.0 + 2.0 * self.has_need[:, None]) * tired[:, None]
        costs = np.array(COSTS)
        return np.minimum(own[:, None] * (1.0 + lift), 0.9) * 30.0 - costs

    def live(self, arm: Any) -> Any:
        """Let a week pass; gives what everybody brought."""
        rng, people = self._rng, len(arm)
        costs = np.array(COSTS)[arm]
        p_order = (self.at_once()[np.arange(people), arm] + costs) / 30.0
        is_told = (arm > 0) & self.is_here
        ordered = (rng.random(people) < p_order) & self.is_here
        hard = np.array([0.0, 0.1, 0.7, 1.0])[arm]
        self._trust -= 0.05 * hard * self._fatigue * is_told
        self._trust = np.clip(self._trust + 0.04 * (0.8 - self._trust), 0.0, 1.0)
        leaves = 0.002 + 0.03 * (0.8 - self._trust).clip(0.0) ** 1.5
        self._fatigue = self._fatigue * 0.5 + hard * is_told
        gone = rng.random(people) < leaves
        self.is_here &= ~gone
        self.since_order = np.where(ordered, 0, self.since_order + 1)
        self.told = np.vstack((self.told[1:], is_told))
        self.ignored = np.vstack((self.ignored[1:], is_told & ~ordered))
        self.has_need = rng.random(people) < 0.3
        return np.where(ordered, 30.0, 0.0) - costs * is_told


def year_of(crowd: Crowd, choose: Any, seen: Any = None) -> float:
    """Let a crowd live a year under `choose(crowd) -> arms`; gives the money of a person."""
    total = 0.0
    for _ in range(WEEKS):
        state, here = crowd.state(), crowd.is_here.copy()
        arm = choose(crowd)
        brought = crowd.live(arm) * here
        total += brought.sum() / len(here)
        if seen is not None:
            after = np.where(crowd.is_here, crowd.state(), GONE)
            for person in np.flatnonzero(here):
                reward = round(float(brought[person]) * MICRO)
                at, to = int(state[person]), int(after[person])
                seen(Transition(at, ARMS[arm[person]], reward, WEEK_MS, to))
    return float(total)


class Round(NamedTuple):
    """What was learned by the end of a round."""

    plan: Plan
    policy: Any
    """Arm number of each state."""


def policy_of(plan: Plan) -> Any:
    """Give the arm that a plan would choose in each state, as this module numbers arms."""
    return np.array([ARMS.index(plan.best(state)) for state in range(GRID.size)])


def learned_small(process: Process, people: int, rounds: int, seed: int) -> Round:
    """Learn in rounds: first from arms drawn at random, then from a fifth of them."""
    model, policy = Continuation(GRID), None
    for number in range(rounds):
        for seen in explored(process, people, WEEKS, 10 * seed + number, policy, 0.2):
            model.learn_one(seen)
        plan = model.fit()
        policy = policy_of(plan)
    return Round(plan, policy)


def learned_large(people: int, rounds: int, seed: int) -> Round:
    """Learn from a crowd a year, in rounds of which each is a crowd of its own."""
    model, policy = Continuation(GRID), None
    rng = np.random.default_rng([seed, 12])

    def choose(crowd: Crowd) -> Any:
        drawn = rng.integers(0, len(ARMS), len(crowd.is_here))
        if policy is None:
            return drawn
        return np.where(rng.random(len(drawn)) < 0.15, drawn, policy[crowd.state()])

    for number in range(rounds):
        year_of(Crowd(people, 10 * seed + number), choose, model.learn_one)
        plan = model.fit()
        policy = policy_of(plan)
    return Round(plan, policy)


class Years(NamedTuple):
    """Money of a person in a year of the large world."""

    planned: float
    myopic: float
    silent: float


def compared_large(people: int, policy: Any, seed: int) -> Years:
    """Let one crowd live a year under a policy, under the best that looks at today, and silent."""
    return Years(
        year_of(Crowd(people, seed), lambda crowd: policy[crowd.state()]),
        year_of(Crowd(people, seed), lambda crowd: crowd.at_once().argmax(axis=1)),
        year_of(Crowd(people, seed), lambda crowd: np.zeros(people, dtype=int)),
    )
