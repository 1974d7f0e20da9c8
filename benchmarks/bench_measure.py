"""What the offline measures cost, and what they say of public data sets where a path is given.

    python benchmarks/bench_measure.py [--cdnow CDNOW_sample.txt] [--hillstrom hillstrom.csv]
                                       [--paths PathData.rda] [--worlds 1000]

Files may be gzipped. CDNOW's sample of 2,357 customers comes with the package `lifetimes`
(brucehardie.com/datasets); Hillstrom's trial of 64,000 people with the MineThatData e-mail
analytics challenge; the paths with the package ChannelAttribution. `--worlds` draws so many worlds
with a known truth and counts how often intervals hold it. Without them everything is drawn from a
seed. Times are CPU.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np

from heedful.kernel import DAY_MS, WEEK_MS
from heedful.measure import (
    Earlier,
    Estimator,
    Journey,
    choose_uplift,
    evaluate,
    fit_bg_nbd,
    fit_pareto_nbd,
    fit_recalibrated,
    lift,
    markov,
    moments_of,
    purchases,
    purchases_of,
    rounds,
    trial,
)
from pathdata import read_paths


def timed(name: str, work: Callable[[], Any]) -> Any:
    """Run once for warmth and once for time; print it and give what came out."""
    work()
    before = time.process_time_ns()
    found = work()
    print(f"{name}: {(time.process_time_ns() - before) / 1e6:.1f} ms", flush=True)
    return found


def drawn() -> None:
    """Time fits, chains and estimates on drawn data."""
    draws = np.random.default_rng(1)
    count = 20_000
    frequency = draws.negative_binomial(0.5, 0.3, count)
    recency = np.where(frequency > 0, np.ceil(draws.random(count) * 272) / 7, 0.0)
    seen = purchases(frequency, recency, np.full(count, 39.0))
    timed("BG/NBD, 20,000 customers", lambda: fit_bg_nbd(seen))
    timed("Pareto/NBD, 20,000 customers", lambda: fit_pareto_nbd(seen))
    journeys = [
        Journey(
            tuple(f"c{k}" for k in draws.integers(0, 12, draws.integers(1, 8))),
            conversions=float(draws.integers(0, 4)),
            nulls=float(draws.integers(0, 9)),
        )
        for _ in range(10_000)
    ]
    for order in (1, 2):
        timed(f"chain of order {order}, 10,000 journeys", lambda k=order: markov(journeys, k))
    p_choose = draws.uniform(0.05, 1.0, 10_000)
    log = rounds(draws.random(10_000) < 0.1, p_choose, draws.random(10_000) * p_choose)
    timed("SNIPS with 1,000 replicates, 10,000 rounds", lambda: evaluate(log, "snips", seed=1))


def lines(path: Path) -> list[str]:
    """Read a text file, gzipped or not."""
    raw = path.read_bytes()
    return (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode().splitlines()


def at_ms(day: str) -> int:
    """Give the start of a day such as 19970930, ms since 1970."""
    return int(datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).timestamp()) * 1_000


def cdnow(path: Path) -> None:
    """Fit the first 39 weeks and forecast the next 39, as the papers do."""
    rows = [line.split() for line in lines(path)]
    customer = np.array([int(row[1]) for row in rows])
    at = np.array([at_ms(row[2]) for row in rows])
    end = at_ms("19970930")
    _, seen = purchases_of(customer, at, end + DAY_MS)
    # The papers count the age to the last day, not to its end.
    seen = seen._replace(age=seen.age - 1.0 / 7.0)
    _, whole = purchases_of(customer, at, at_ms("19980701"))
    bought = whole.frequency - seen.frequency
    for name, fit in (("BG/NBD", fit_bg_nbd), ("Pareto/NBD", fit_pareto_nbd)):
        found = timed(f"{name}, {len(bought):,} customers of CDNOW", lambda fit=fit: fit(seen))
        forecast = found.model.expected(seen, 39.0)
        error, share = np.abs(forecast - bought).mean(), forecast.sum() / bought.sum()
        print(f"  {found.model}\n  MAE {error:.4f}, total {share:.4f} of what was bought")
    cuts = []
    for day in ("19970430", "19970531", "19970630", "19970731"):
        _, before = purchases_of(customer, at, at_ms(day) + DAY_MS)
        before = before._replace(age=before.age - 1.0 / 7.0)
        since = float((seen.frequency - before.frequency).sum())
        cuts.append(Earlier(before, since, (end - at_ms(day)) / WEEK_MS))
    model = fit_recalibrated(cuts, seen)
    print(f"both, recalibrated at four ends of months of the calibration: {model.factor:.4f}")
    for name, forecast in (
        ("mean", model.expected(seen, 39.0)),
        ("least error", model.least_error(seen, 39.0)),
    ):
        error, share = np.abs(forecast - bought).mean(), forecast.sum() / bought.sum()
        print(f"  {name}: MAE {error:.4f}, total {share:.4f} of what was bought")


def hillstrom(path: Path) -> None:
    """Choose an uplift learner for each of the two mails."""
    rows = list(csv.DictReader(lines(path)))
    levels = [(key, v) for key in ("zip_code", "channel") for v in sorted({r[key] for r in rows})]
    plain = ("recency", "history", "mens", "womens", "newbie")
    for mail in ("Womens E-Mail", "Mens E-Mail"):
        used = [row for row in rows if row["segment"] in (mail, "No E-Mail")]
        x = [[float(r[k]) for k in plain] + [float(r[k] == v) for k, v in levels] for r in used]
        found = trial([r["segment"] == mail for r in used], [float(r["visit"]) for r in used])
        chosen = choose_uplift(x, found, seed=0, folds=2)
        print(f"{mail}: {chosen.model.learner}, useful: {chosen.is_useful}")
        for tried in chosen.tried:
            print(f"  {tried.learner}: Qini {tried.qini:.4f}, AUUC {tried.auuc:.4f}")


ESTIMATORS: Final[tuple[Estimator, ...]] = get_args(Estimator)
ARMS, ROUNDS, CONTEXTS = 5, 1_000, 40_000
FIRST_WORLD = 50_000  # its seed


def chances(scores: Any) -> Any:
    """Give a policy that prefers what scores high, with a floor."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return 0.95 * powers / powers.sum(axis=1, keepdims=True) + 0.05 / ARMS


def covered(seed: int, contexts: Any) -> dict[str, bool]:
    """Draw a world with a model that is off, and say whose interval holds its truth."""
    draws = np.random.default_rng(seed)
    x = draws.normal(size=(ROUNDS, 3))
    liking, log_weights, target_weights = (draws.normal(size=(3, ARMS)) for _ in range(3))
    worth = 1.0 / (1.0 + np.exp(1.5 - x @ liking))
    log, target = 0.8 * chances(0.5 * x @ log_weights) + 0.2 / ARMS, chances(x @ target_weights)
    arm = (draws.random((ROUNDS, 1)) > log.cumsum(axis=1)).sum(axis=1).clip(0, ARMS - 1)
    every = np.arange(ROUNDS)
    reward = (draws.random(ROUNDS) < worth[every, arm]) * 1.0
    model = worth + 0.06 * draws.normal(size=ARMS)
    columns = (log[every, arm], target[every, arm], model[every, arm])
    found = rounds(reward, *columns, (target * model).sum(axis=1))
    of_all = chances(contexts @ target_weights) / (1.0 + np.exp(1.5 - contexts @ liking))
    truth = float(of_all.sum(axis=1).mean())
    held = {}
    for name in ESTIMATORS:
        interval = evaluate(found, name, seed=seed, replicates=500).bootstrap
        held[name] = interval.low <= truth <= interval.high
    return held


def coverage(worlds: int) -> None:
    """Count worlds whose truth lies in the interval of each estimator, and false claims of lift."""
    contexts = np.random.default_rng(0).normal(size=(CONTEXTS, 3))
    held = [covered(FIRST_WORLD + world, contexts) for world in range(worlds)]
    for name in ESTIMATORS:
        print(f"{name}: 95 % intervals hold {sum(one[name] for one in held) / worlds:.1%}")
    claims = 0
    for seed in range(worlds):
        draws = np.random.default_rng(seed)
        before = draws.gamma(1.0, 2.0, 400)
        outcome, treated = before + draws.normal(size=400), draws.random(400) < 0.5
        groups = [moments_of(outcome[g], before[g]) for g in (treated, ~treated)]
        claims += lift(*groups).is_sure
    print(f"treatment shuffled: lift is claimed in {claims / worlds:.1%} of {worlds:,} runs")


def paths(path: Path) -> None:
    """Solve the chain of a public sample of 10,000 paths."""
    journeys = read_paths(path)
    for order in (1, 2, 3, 4):
        found = timed(f"chain of order {order} on PathData", lambda k=order: markov(journeys, k))
        shown = ", ".join(f"{n} {found.effects[n]:.4f}" for n in ("alpha", "iota", "eta"))
        print(f"  removal effects: {shown}")


def main() -> None:
    """Run what there is data for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cdnow", type=Path)
    parser.add_argument("--hillstrom", type=Path)
    parser.add_argument("--paths", type=Path)
    parser.add_argument("--worlds", type=int, default=0)
    args = parser.parse_args()
    print(f"python {platform.python_version()}, numpy {np.__version__}")
    drawn()
    if args.cdnow:
        cdnow(args.cdnow)
    if args.hillstrom:
        hillstrom(args.hillstrom)
    if args.paths:
        paths(args.paths)
    if args.worlds:
        coverage(args.worlds)


if __name__ == "__main__":
    main()
