"""How well and how fast the logistic arms learn: regret, progressive loss, time of an update.

Worlds are seeded. Regret: 20 arms with logistic chances over 20 features, the first of them nothing
at .08; outcomes at once, in batches of 2,000, or with ten arms turning round half-way. Loss: every
class is an arm and one pass is made over shuffled rows (digits of scikit-learn, segment of river).
Each decision computes its probabilities, and the arm is drawn from them. Alarm: one arm whose
odds become e times as high or low once 3,000 outcomes are known; decisions say what their model
knew at its last snapshot, every 50. Drift detectors of river watch what the foreseen chance misses.

    python benchmarks/bench_learn.py [--rounds 20000] [--seeds 1] [--floor 0] [--only update loss]

Peers take part, and the two data sets are read, when the interpreter that runs this has them:

    python -m venv peers && peers/bin/pip install -e . vowpalwabbit river scikit-learn
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 peers/bin/python benchmarks/bench_learn.py
"""

from __future__ import annotations

import argparse
import csv
import importlib
import importlib.util
import io
import os
import platform
import time
import zipfile
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from heedful.kernel import MICRO
from heedful.learn import (
    ArmSpec,
    ArmTable,
    Basis,
    BetaArms,
    DriftAlarms,
    LearningRow,
    LogisticArms,
    LogisticSettings,
    Panel,
    Prior,
    Thompson,
    draw,
)

REFRESH = 5
"""Decisions between two tables, as a learner publishes snapshots."""

BARS = {"synthetic": 1_200.0, "delay 2,000": 1_900.0, "drift": 2_200.0}
VW_LOSSES = " --cb_min_cost -1 --cb_max_cost 0"


class World(NamedTuple):
    """Contexts of shape (rounds, d) and expected rewards of shape (rounds, arms)."""

    contexts: Any
    rewards: Any
    prior: Prior
    feature_variance: float = 1.0


class Ours:
    """The logistic arms behind Thompson sampling."""

    def __init__(self, world: World, floor: float, seed: int) -> None:
        d, arms = world.contexts.shape[1], world.rewards.shape[1]
        basis = Basis(tuple(range(d)), (0.0,) * d, (1.0,) * d)
        variance = world.feature_variance
        self.model = LogisticArms(LogisticSettings(basis=basis, feature_variance=variance))
        # The arms of these worlds have nothing in common: each is a group of its own.
        self.arms = [ArmSpec(f"a{k}", f"a{k}", f"a{k}", prior=world.prior) for k in range(arms)]
        self.panel = Panel.of("goal", self.arms)
        self.ids, self.gains, self.offsets = tuple(range(d)), np.ones(arms), np.zeros(arms)
        self.policy, self.secret = Thompson(floor), f"secret {seed}".encode()
        self.seq = self.rounds = 0

    def decide(self, x: Any) -> tuple[int, float]:
        """Choose an arm; give it and its probability."""
        if self.rounds % REFRESH == 0:
            self.table = ArmTable(self.model, self.panel)
        self.rounds += 1
        context = self.model.reader.read(self.ids, x.tolist())
        found = self.table.beliefs(context)
        weights = self.policy.weights(found.columns(self.gains, self.offsets))
        arm = draw(self.secret, self.rounds, "choice", weights)
        return arm, weights[arm] / 2**32

    def row(self, x: Any, arm: int, reward: float) -> LearningRow:
        """Say what became of a decision."""
        self.seq += 1
        spec = self.arms[arm]
        return LearningRow(
            learn_seq=self.seq,
            decision_id="d",
            arm=spec.arm,
            goal="goal",
            state="converted" if reward else "expired",
            outcome=round(reward * MICRO),
            decided_at=0,
            at=self.seq,
            parts=spec.parts,
            prior_p=spec.prior.p,
            prior_strength=spec.prior.strength,
            feature_ids=self.ids,
            feature_values=tuple(x.tolist()),
        )

    def learn(self, x: Any, arm: int, p: float, reward: float) -> None:
        """Take in one outcome."""
        self.model.learn_one(self.row(x, arm, reward))


class VowpalWabbit:
    """Its contextual bandits over text examples, as its own tutorials feed them."""

    def __init__(self, world: World, options: str, seed: int) -> None:
        workspace = importlib.import_module("vowpalwabbit").Workspace
        self.vw = workspace(
            f"--cb_explore_adf {options} --cb_type mtr -q CA --ignore_linear C --quiet -b 22"
            f" --random_seed {seed + 1}"
        )
        self.random = np.random.default_rng(seed)
        self.arms = [f"|A a{k}" for k in range(world.rewards.shape[1])]

    @staticmethod
    def _shared(x: Any) -> str:
        return "shared |C " + " ".join(f"{j}:{v:.5g}" for j, v in enumerate(x))

    def decide(self, x: Any) -> tuple[int, float]:
        """Choose an arm; give it and its probability."""
        p = np.asarray(self.vw.predict([self._shared(x), *self.arms]))
        p /= p.sum()
        arm = int(self.random.choice(len(p), p=p))
        return arm, float(p[arm])

    def learn(self, x: Any, arm: int, p: float, reward: float) -> None:
        """Take in one outcome."""
        lines = list(self.arms)
        lines[arm] = f"0:{-reward:.4f}:{p:.6f} {lines[arm]}"
        self.vw.learn([self._shared(x), *lines])


def synthetic(rounds: int, seed: int, drifts: bool = False) -> World:
    """Twenty arms with sparse logistic chances of about 8 %."""
    arms = features = 20
    fixed = np.random.default_rng(7)
    weights = fixed.normal(size=(arms, features)) * (fixed.random((arms, features)) < 0.3) * 0.8
    start = fixed.normal(-2.6, 0.5, size=arms)
    x = np.random.default_rng(1_000 + seed).normal(size=(rounds, features))
    rewards = 1.0 / (1.0 + np.exp(-(x @ weights.T + start)))
    if drifts:
        weights[1:11] *= -1.0
        half = rounds // 2
        rewards[half:] = 1.0 / (1.0 + np.exp(-(x[half:] @ weights.T + start)))
    rewards[:, 0] = 0.08
    return World(x, rewards, Prior(0.05, 20.0))


def classes(name: str, seed: int) -> World | None:
    """Rows of a classification data set, or None where its package is missing."""
    package = {"digits": "sklearn", "segment": "river"}[name]
    found = importlib.util.find_spec(package)
    if found is None:
        return None
    if name == "digits":
        x, y = importlib.import_module("sklearn.datasets").load_digits(return_X_y=True)
        x = x / 16.0
    else:
        assert found.origin is not None
        packed = zipfile.ZipFile(Path(found.origin).parent / "datasets/segment.csv.zip")
        table = csv.DictReader(io.StringIO(packed.read(packed.namelist()[0]).decode()))
        rows = list(table)
        label = "category"
        names = sorted({row[label] for row in rows})
        y = np.array([names.index(row[label]) for row in rows])
        x = np.array([[float(v) for k, v in row.items() if k != label] for row in rows])
        x = (x - x.mean(0)) / (x.std(0) + 1e-9)
    order = np.random.default_rng(1_000 + seed).permutation(len(x))
    # No idea of the chances: even, and soon unlearned. Classes differ more than offers do.
    return World(x[order], np.eye(int(y.max()) + 1)[y[order]], Prior(0.5, 4.0), 3.0)


def play(world: World, agent: Any, delay: int, seed: int) -> float:
    """Run one pass; give the regret."""
    chance = np.random.default_rng(99 + seed).random(len(world.contexts))
    is_sure = bool(np.isin(world.rewards, (0.0, 1.0)).all())
    best, regret, waiting = world.rewards.max(1), 0.0, []
    for t, x in enumerate(world.contexts):
        arm, p = agent.decide(x)
        expected = float(world.rewards[t, arm])
        regret += float(best[t]) - expected
        waiting.append((x, arm, p, expected if is_sure else float(chance[t] < expected)))
        if len(waiting) >= delay:
            for outcome in waiting:
                agent.learn(*outcome)
            waiting.clear()
    return regret


def vw_options() -> Iterator[str]:
    """Twelve configurations: three ways to explore at four learning rates."""
    for explore, rate in product(("--squarecb", "--squarecb50", "--epsilon 0.02"), (1, 3, 10, 30)):
        if explore == "--squarecb50":
            yield f"--squarecb --gamma_scale 50 -l {rate}{VW_LOSSES}"
        elif explore == "--squarecb":
            yield f"--squarecb -l {rate}{VW_LOSSES}"
        else:
            yield f"{explore} -l {rate}"


def has_vw() -> bool:
    """Say whether Vowpal Wabbit is installed here."""
    return importlib.util.find_spec("vowpalwabbit") is not None


def microseconds(work: Callable[[int], None], times: int) -> tuple[float, float]:
    """Time calls on this thread's CPU; give the median and the 99th percentile."""
    spent = []
    for i in range(times):
        before = time.thread_time_ns()
        work(i)
        spent.append((time.thread_time_ns() - before) / 1e3)
    low, high = np.percentile(spent[times // 10 :], (50, 99))
    return float(low), float(high)


def report_update() -> None:
    """Time one outcome at 100 actions and 20 features."""
    world = synthetic(2_000, 0)
    world = world._replace(rewards=np.tile(world.rewards, 5))
    ours = Ours(world, 0.0, 0)
    rows = [ours.row(x, t % 100, float(t % 9 == 0)) for t, x in enumerate(world.contexts)]
    found = microseconds(lambda i: ours.model.learn_one(rows[i]) and None, len(rows))
    print(f"update, K=100: p50 {found[0]:.1f} us, p99 {found[1]:.1f} us (bar 30 us)", flush=True)
    if not has_vw():
        return
    vw = VowpalWabbit(world, f"--squarecb{VW_LOSSES}", 0)
    x = world.contexts
    theirs = microseconds(lambda i: vw.learn(x[i], i % 100, 0.01, float(i % 9 == 0)), len(x) // 4)
    ratio = found[0] / theirs[0]
    print(f"  vowpal wabbit {theirs[0]:.0f} us; ratio {ratio:.3f} (bar 0.1)", flush=True)


def report_regret(rounds: int, seeds: int, floor: float) -> None:
    """Print the regret in the three synthetic worlds."""
    for name, bar in BARS.items():
        delay = 2_000 if name.startswith("delay") else 1
        regrets, theirs = [], []
        for seed in range(seeds):
            world = synthetic(rounds, seed, name == "drift")
            regrets.append(play(world, Ours(world, floor, seed), delay, seed))
            if has_vw():
                agent = VowpalWabbit(world, f"--squarecb -l 3{VW_LOSSES}", seed)
                theirs.append(play(world, agent, delay, seed))
        line = f"regret, {name}: {np.mean(regrets):,.0f} (bar {bar:,.0f} at 20,000 rounds)"
        print(line + (f"; vowpal wabbit {np.mean(theirs):,.0f}" if theirs else ""), flush=True)


def report_loss(seeds: int, floor: float) -> None:
    """Print the progressive loss beside the best of Vowpal Wabbit's configurations."""
    for name in ("digits", "segment"):
        losses, theirs = [], dict.fromkeys(vw_options(), 0.0)
        for seed in range(seeds):
            world = classes(name, seed)
            if world is None:
                print(f"loss, {name}: its package is not installed")
                break
            count = len(world.contexts)
            losses.append(play(world, Ours(world, floor, seed), 1, seed) / count)
            for option in theirs if has_vw() else ():
                agent = VowpalWabbit(world, option, seed)
                theirs[option] += play(world, agent, 1, seed) / count / seeds
        if losses:
            line = f"loss, {name}: {np.mean(losses):.3f}"
            if has_vw():
                best = min(theirs, key=lambda option: theirs[option])
                ratio = float(np.mean(losses)) / theirs[best]
                line += f"; best of {len(theirs)} vowpal wabbits {theirs[best]:.3f} ({best})"
                line += f"; ratio {ratio:.2f} (bar 0.75)"
            print(line, flush=True)


def told(kind: str, chances: Any, seed: int) -> Iterator[tuple[int, float, float, Any]]:
    """Let a model of one arm learn; give each outcome with its chance and what was raised."""
    spec = ArmSpec("a", "a", "a", prior=Prior(0.05, 20.0))
    model: Any = BetaArms() if kind == "beta" else LogisticArms()
    alarms, panel = DriftAlarms(), Panel.of("goal", [spec])
    nobody = model.context((), ())
    draws = np.random.default_rng(seed).random(len(chances))
    for t, is_hit in enumerate((draws < chances).tolist()):
        if t % 50 == 0:
            p, known = float(model.scorer(panel, None).beliefs(nobody).p[0]), model.learn_seq
        row = LearningRow(
            learn_seq=t + 1,
            decision_id="d",
            arm=spec.arm,
            goal="goal",
            state="converted" if is_hit else "expired",
            outcome=MICRO * is_hit,
            decided_at=t,
            at=t,
            parts=spec.parts,
            prior_p=spec.prior.p,
            prior_strength=spec.prior.strength,
            model=kind,
            model_seq=known,
            p_ppm=round(p * MICRO),
        )
        model.learn_one(row)
        raised = [one.alarm for one in alarms.learn_one(row) if one.is_raised]
        yield t, float(is_hit), p, raised


def river_detectors() -> dict[str, Any]:
    """Give river's detectors as it sets them, where it is installed."""
    if importlib.util.find_spec("river") is None:
        return {}
    drift = importlib.import_module("river.drift")
    return {"river ADWIN": drift.ADWIN, "river Page-Hinkley": drift.PageHinkley}


def report_alarm(seeds: int) -> None:
    """Print after how many outcomes a change is told, and what is told where nothing changes."""
    before, after, quiet = 3_000, 2_000, 100_000
    theirs = river_detectors()
    for kind, base, shift in product(("beta", "logistic"), (0.05, 0.1, 0.2, 0.35), (1.0, -1.0)):
        odds = base / (1.0 - base) * np.exp(shift)
        chances = np.repeat((base, odds / (1.0 + odds)), (before, after))
        found: dict[str, list[float]] = {name: [] for name in ("ours", *theirs)}
        for seed in range(seeds):
            first = dict.fromkeys(found, float("inf"))
            watching = {name: make() for name, make in theirs.items()}
            for t, outcome, p, raised in told(kind, chances, seed):
                new = ["ours"] if raised else []
                for name, detector in watching.items():
                    detector.update(outcome - p)
                    new += [name] if detector.drift_detected else []
                for name in new if t >= before else ():
                    first[name] = min(first[name], t - before + 1.0)
            for name, when in first.items():
                found[name].append(when)
        said = "; ".join(f"{n} {np.median(w):.0f}, worst {max(w):.0f}" for n, w in found.items())
        print(f"alarm, {kind}, {base:.0%} to {chances[-1]:.1%}: {said} outcomes", flush=True)
    for kind, base in product(("beta", "logistic"), (0.05, 0.2, 0.5)):
        false = dict.fromkeys(("ours", *theirs), 0)
        watching = {name: make() for name, make in theirs.items()}
        for _, outcome, p, raised in told(kind, np.full(quiet, base), 1_000):
            false["ours"] += len(raised)
            for name, detector in watching.items():
                detector.update(outcome - p)
                false[name] += detector.drift_detected
        print(f"false alarms, {kind}, {base:.0%}: {false} in {quiet:,} outcomes", flush=True)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--floor", type=float, default=0.0)
    parser.add_argument("--only", nargs="*", default=["update", "loss", "regret", "alarm"])
    parser.add_argument("--alarms", type=int, default=20, help="seeds of each changed world")
    args = parser.parse_args()
    print(f"python {platform.python_version()}, numpy {np.__version__}, {os.cpu_count()} cores")
    if "update" in args.only:
        report_update()
    if "loss" in args.only:
        report_loss(args.seeds, args.floor)
    if "regret" in args.only:
        report_regret(args.rounds, args.seeds, args.floor)
    if "alarm" in args.only:
        report_alarm(args.alarms)


if __name__ == "__main__":
    main()
