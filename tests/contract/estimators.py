"""Every estimator of the rooms `learn` and `measure`, with what the battery needs to try it.

Add a new one to `LEARNERS` (it folds a stream) or to `ANSWERS` (it works something out from data);
`test_estimators.py` fails until whatever learns, fits or cites a paper stands in one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np

from heedful import learn, measure
from heedful.kernel import DAY_MS, MICRO
from tests.unit.measure.test_drift import NOW as DRIFT_NOW
from tests.unit.measure.test_drift import POLICY as DRIFT
from tests.unit.measure.test_drift import filled
from tests.unit.measure.test_fairness import NOW as FAIRNESS_NOW
from tests.unit.measure.test_fairness import POLICY as FAIRNESS
from tests.unit.measure.test_fairness import counted

Draws = np.random.Generator
SOME: dict[str, Any] = {"goal": "purchase", "decided_at": 0}


class Learner(NamedTuple):
    """An estimator that folds one thing after another."""

    estimator: type
    make: Callable[[], Any]
    learn: Callable[[Any, Draws, int], object]
    """Folds the n-th of a stream that has few kinds of things."""
    learn_new: Callable[[Any, int], object]
    """Folds the n-th of a stream in which everything is new."""
    limits: Mapping[str, int] = {}
    """Limits of modules, lowered so that a short stream reaches them."""


class Answer(NamedTuple):
    """An estimator that gives its answer at once."""

    estimator: Any
    work_out: Callable[[Draws], Any]


def plain(answer: Any) -> bytes:
    """Write an answer so that equal answers give equal bytes."""
    return msgspec.msgpack.encode(answer, enc_hook=_columns)


def _columns(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(type(value))


# What folds


def row(seq: int, arm: str, *, is_hit: bool, **more: Any) -> learn.LearningRow:
    state = "converted" if is_hit else "expired"
    outcome = MICRO if is_hit else 0
    given = {**SOME, "arm": arm, "state": state, "outcome": outcome, "at": seq, **more}
    return learn.LearningRow(learn_seq=seq, decision_id=f"d{seq}", **given)


def learn_row(model: Any, draws: Draws, number: int) -> None:
    arm = f"arm{draws.integers(3)}"
    seen = {"feature_ids": (1, 2), "feature_values": (1.0, float(draws.normal()))}
    trials = (("line", "beta", int(draws.integers(4))),)
    parts = ("group", arm, "email", "", "")
    hit = bool(draws.random() < 0.3)
    model.learn_one(row(number + 1, arm, is_hit=hit, parts=parts, trials=trials, **seen))


def learn_new_row(model: Any, number: int) -> None:
    arm = f"arm{number:06}"
    trials = ((f"line{number:06}", "beta", 0),)
    seen = {"feature_ids": (number,), "feature_values": (1.0,)}
    parts = (f"group{number:06}", arm, "email", "", "")
    model.learn_one(row(number + 1, arm, is_hit=False, parts=parts, trials=trials, **seen))


def learn_foreseen(model: Any, draws: Draws, number: int) -> None:
    hit, late = bool(draws.random() < 0.4), int(draws.integers(3)) * DAY_MS
    model.learn_one(foreseen(number, f"arm{draws.integers(3)}", is_hit=hit, window_ms=late))


def learn_new_foreseen(model: Any, number: int) -> None:
    model.learn_one(foreseen(number, f"arm{number:06}", is_hit=False, window_ms=DAY_MS))


def foreseen(number: int, arm: str, *, is_hit: bool, window_ms: int) -> learn.LearningRow:
    at = number * DAY_MS // 24
    said = {"model": "beta", "model_seq": number, "p_ppm": 200_000, "window_ms": window_ms}
    return row(number + 1, arm, is_hit=is_hit, at=at + window_ms, **{**said, "decided_at": at})


def learn_transition(model: Any, draws: Draws, number: int) -> None:
    state, after = (int(place) for place in draws.integers(0, 6, 2))
    model.learn_one(learn.Transition(state, ("", "mail")[number % 2], MICRO, DAY_MS, after))


def learn_happening(model: Any, draws: Draws, number: int) -> None:
    name, at = f"Event {draws.integers(4)}", number * 60_000
    item = f"item{draws.integers(5)}"
    model.learn_one(learn.Happening(int(draws.integers(3)), name, at, at, item))


def learn_new_happening(model: Any, number: int) -> None:
    at = number * DAY_MS
    for step in range(3):  # a session of which nothing was seen before
        item = f"item{number:06}-{step}"
        happening = learn.Happening(number, f"Event {number:06}-{step}", at + step, at + step, item)
        model.learn_one(happening)


def small_sequences() -> learn.SequenceModel:
    model = learn.SequenceModel()
    model.items = learn.SessionNeighbours(sessions_max=4)
    model.events = learn.VariableOrder(contexts_max=40)
    return model


def logistic() -> learn.LogisticArms:
    basis = learn.Basis((1, 2), (0.0, 0.0), (1.0, 1.0))
    return learn.LogisticArms(learn.LogisticSettings(basis=basis, sparse_bits=8))


LEARNERS = (
    Learner(
        learn.BetaArms, lambda: learn.BetaArms(30 * DAY_MS, cells_max=4), learn_row, learn_new_row
    ),
    Learner(
        learn.LogisticArms,
        logistic,
        learn_row,
        learn_new_row,
        {"heedful.learn.dense.ACTIONS_MAX": 4},
    ),
    Learner(
        learn.BinCounts,
        learn.BinCounts,
        learn_row,
        learn_new_row,
        {"heedful.learn.bins.COUNTED_ARMS_MAX": 4},
    ),
    Learner(
        learn.TrialCounts,
        learn.TrialCounts,
        learn_row,
        learn_new_row,
        {"heedful.learn.trials.TRIALS_MAX": 4},
    ),
    Learner(
        learn.DriftAlarms,
        lambda: learn.DriftAlarms(watched_max=4),
        learn_foreseen,
        learn_new_foreseen,
        {"heedful.learn.alarm.KNOWN_MIN": 2},
    ),
    Learner(
        learn.Continuation,
        lambda: learn.Continuation(learn.Grid((2, 3))),
        learn_transition,
        lambda model, n: model.learn_one(learn.Transition(0, f"mail{n:06}", 0, DAY_MS, 1)),
        {"heedful.learn.continuation.FOLLOWING_ARMS_MAX": 4},
    ),
    Learner(
        learn.SessionNeighbours,
        lambda: learn.SessionNeighbours(sessions_max=4),
        lambda model, draws, n: model.learn_one([f"i{i}" for i in draws.integers(0, 9, 3)], n),
        lambda model, n: model.learn_one([f"i{n:06}", f"j{n:06}"], n),
    ),
    Learner(
        learn.VariableOrder,
        lambda: learn.VariableOrder(contexts_max=20),
        lambda model, draws, n: model.learn_one([f"e{i}" for i in draws.integers(0, 3, 2)], "buy"),
        lambda model, n: model.learn_one([f"e{n:06}"], f"f{n:06}"),
        {"heedful.learn.markov.FOLLOWERS_MAX": 20},
    ),
    Learner(
        learn.SequenceModel,
        small_sequences,
        learn_happening,
        learn_new_happening,
        {"heedful.learn.sequences.OPEN_MAX": 4, "heedful.learn.markov.FOLLOWERS_MAX": 20},
    ),
)


# What answers


def worths(draws: Draws) -> list[learn.Value]:
    return [learn.NormalValue(float(draws.normal()), 0.5) for _ in range(5)]


def policy(made: learn.AnyPolicy) -> Callable[[Draws], Any]:
    return lambda draws: made.weights(worths(draws))


def tallies(draws: Draws) -> list[learn.Tally]:
    return [learn.Tally(*(int(n) for n in draws.integers(1, 99, 2))) for _ in range(8)]


def bought(draws: Draws, people: int = 120) -> measure.Purchases:
    age = draws.uniform(20.0, 39.0, people)
    frequency = draws.poisson(draws.gamma(0.6, 2.0, people)).astype(np.float64)
    recency = np.where(frequency > 0.0, age * draws.uniform(0.2, 1.0, people), 0.0)
    return measure.purchases(frequency, recency, age)


def spent(draws: Draws, people: int = 120) -> tuple[Any, Any]:
    frequency = draws.integers(1, 8, people).astype(np.float64)
    return frequency, draws.gamma(6.0 * frequency, 1.0) / frequency * draws.gamma(4.0, 3.0, people)


def recalibrated(draws: Draws) -> Any:
    now = bought(draws)
    earlier = measure.purchases(now.frequency // 2, now.recency / 2, now.age / 2)
    since = float((now.frequency - earlier.frequency).sum())
    return measure.fit_recalibrated([measure.Earlier(earlier, since, 10.0)], now)


def later(draws: Draws) -> Any:
    model = learn.Continuation(learn.Grid((2, 3)))
    for number in range(200):
        learn_transition(model, draws, number)
    plan = model.fit()
    return learn.later_table(plan, [plan], {"mail": 100}, 10, 10 * MICRO)


def tried(draws: Draws, people: int = 300) -> tuple[Any, measure.Trial]:
    x = draws.normal(size=(people, 2))
    treated = draws.random(people) < 0.5
    chance = 0.2 + 0.2 * treated * (x[:, 0] > 0.0)
    return x, measure.trial(treated, draws.random(people) < chance)


def logged(draws: Draws, many: int = 80) -> measure.Rounds:
    p_choose = draws.uniform(0.2, 0.8, many)
    reward = (draws.random(many) < 0.3).astype(np.float64)
    p_target = draws.uniform(0.1, 0.9, many)
    return measure.rounds(reward, p_choose, p_target, np.full(many, 0.3), np.full(many, 0.3))


def journeys(draws: Draws, many: int = 60) -> list[measure.Journey]:
    found = []
    for _ in range(many):
        touches = tuple(f"channel{i}" for i in draws.integers(0, 3, draws.integers(1, 4)))
        conversions = float(draws.integers(0, 3))
        ages = tuple(float(age) for age in np.sort(draws.uniform(0.0, 9.0, len(touches)))[::-1])
        found.append(measure.Journey(touches, conversions, 10.0 * conversions, 1.0, ages))
    return found


def credited(estimator: Callable[..., Any], *given: Any) -> Answer:
    return Answer(estimator, lambda draws: estimator(journeys(draws), *given))


def scored(estimator: Callable[..., Any], **given: Any) -> Answer:
    def work_out(draws: Draws) -> Any:
        x, found = tried(draws)
        return estimator(x[:, 0], found, **given)

    return Answer(estimator, work_out)


def outlays(draws: Draws) -> Any:
    rows = [
        (draws.integers(40), week, channel, spend / 9.0, 3.0 * draws.random())
        for week in range(8)
        for channel in range(2)
        for spend in [draws.uniform(20.0, 180.0)]
        for _ in range(9)
    ]
    person, period, channel, spend, credit = np.array(rows, dtype=np.float64).T
    whole = (column.astype(np.int64) for column in (person, period, channel))
    found = measure.Outlays(*whole, spend, credit)
    return measure.reallocate(found, ("a", "b"), {}, seed=1, replicates=20)


def slices(draws: Draws, reached: int) -> dict[int, learn.Outcome]:
    return {
        slice_: learn.Outcome(100, int(draws.integers(reached)), int(draws.integers(9)) * MICRO)
        for slice_ in range(40)
    }


def drifted(draws: Draws) -> Any:
    counts = filled(0.5, seed=int(draws.integers(1_000)))
    return measure.drifts(counts, DRIFT, DRIFT_NOW)


def treated_apart(draws: Draws) -> Any:
    counts = counted({"women": 0.2, "men": 0.4}, seed=int(draws.integers(1_000)))
    return measure.gaps(counts, FAIRNESS, FAIRNESS_NOW)


def moments(draws: Draws, mean: float) -> measure.Moments:
    before = draws.normal(size=200)
    return measure.moments_of(mean + before + draws.normal(size=200), before)


ANSWERS = (
    Answer(learn.Thompson, policy(learn.Thompson(0.02))),
    Answer(learn.InverseGap, policy(learn.InverseGap(1.0, 50))),
    Answer(
        learn.selection_probabilities,
        lambda draws: learn.selection_probabilities(worths(draws), 0.02),
    ),
    Answer(learn.auc, lambda draws: learn.auc(tallies(draws))),
    Answer(
        learn.GammaGamma,
        lambda draws: learn.GammaGamma(6.0, 4.0, 15.0).expected(*spent(draws)),
    ),
    Answer(
        learn.ParetoNbd,
        lambda draws: learn.ParetoNbd(0.6, 10.0, 0.6, 12.0).expected(bought(draws), 39.0),
    ),
    Answer(
        measure.BgNbd,
        lambda draws: measure.BgNbd(0.24, 4.4, 0.8, 2.4).expected(bought(draws), 39.0),
    ),
    Answer(measure.fit_bg_nbd, lambda draws: measure.fit_bg_nbd(bought(draws))),
    Answer(measure.fit_pareto_nbd, lambda draws: measure.fit_pareto_nbd(bought(draws))),
    Answer(measure.fit_gamma_gamma, lambda draws: measure.fit_gamma_gamma(*spent(draws))),
    Answer(measure.fit_recalibrated, recalibrated),
    Answer(
        measure.least_error,
        lambda draws: measure.least_error(draws.dirichlet(np.ones(4), 20), 25.0),
    ),
    Answer(learn.later_table, later),
    Answer(measure.estimate, lambda draws: measure.estimate(logged(draws), "dr")),
    Answer(measure.evaluate, lambda draws: measure.evaluate(logged(draws), seed=1, replicates=50)),
    Answer(measure.effective_rounds, lambda draws: measure.effective_rounds(logged(draws))),
    Answer(measure.best_threshold, lambda draws: measure.best_threshold(logged(draws))),
    Answer(measure.lift, lambda draws: measure.lift(moments(draws, 1.0), moments(draws, 0.0))),
    Answer(measure.compare, lambda draws: measure.compare(slices(draws, 30), slices(draws, 20))),
    credited(measure.markov, 2),
    credited(measure.next_event_removal, 3.0),
    credited(measure.shapley),
    Answer(measure.reallocate, outlays),
    Answer(measure.fit_uplift, lambda draws: measure.fit_uplift(*tried(draws), "t")),
    Answer(measure.choose_uplift, lambda draws: measure.choose_uplift(*tried(draws), seed=1)),
    scored(measure.qini_curve),
    scored(measure.areas),
    scored(measure.qini_interval, seed=1, replicates=20),
    Answer(
        measure.stability_index,
        lambda draws: measure.stability_index(
            *(dict(enumerate(draws.integers(1, 99, 9).tolist())) for _ in "ab")
        ),
    ),
    Answer(measure.drifts, drifted),
    Answer(measure.gaps, treated_apart),
)
