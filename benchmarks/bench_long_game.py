"""The long game: what planning ahead is worth, where the optimum is known and where it is not.

Small worlds (72 states, weekly choices among four arms) are drawn at random and solved exactly by
dynamic programming; a model that only sees what happens learns in three rounds. In the large world
fatigue and trust are hidden numbers; the best myopic policy knows them, and what every arm brings
this week, exactly. Seeded, so the figures repeat.

With `--judged` the large world runs through a whole engine, with a table of the long game in force
and without one.

    python benchmarks/bench_long_game.py [--worlds 12] [--people 300] [--crowd 1500] [--judged 60]
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

import machine

if str(machine.ROOT) not in sys.path:
    sys.path.insert(0, str(machine.ROOT))

from benchmarks.long_game import (
    compared_large,
    learned_large,
    learned_small,
    myopic,
    optimum,
    small_world,
    value_of,
)
from benchmarks.long_game_engine import judged


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--worlds", type=int, default=12)
    parser.add_argument("--people", type=int, default=300, help="in each round of a small world")
    parser.add_argument("--crowd", type=int, default=1_500, help="in each round of the large one")
    parser.add_argument("--judged", type=int, default=0, help="people decided for by an engine")
    given = parser.parse_args()
    machine.print_head("The long game.")
    if given.judged:
        print_judged(given.judged)
        return
    shares, near, fits = [], [], []
    for seed in range(given.worlds):
        world = small_world(seed)
        best = optimum(world).mean()
        start = time.process_time()
        found = learned_small(world, given.people, 3, seed)
        fits.append(time.process_time() - start)
        shares.append(value_of(world, found.policy).mean() / best)
        near.append(value_of(world, myopic(world)).mean() / best)
    rows = [
        (name, f"{np.mean(of):.3f}", f"{np.min(of):.3f}", bar)
        for name, of, bar in (("learned", shares, ">= 0.90"), ("best myopic", near, ""))
    ]
    machine.print_table(["part of the optimum, small worlds", "mean", "worst", "bar"], rows)
    print(f"{given.worlds} worlds, {np.mean(fits):.1f} s of CPU each, the living included.\n")
    years = compared_large(20_000, learned_large(given.crowd, 3, 1).policy, 2)
    rows = [
        (name, f"{money:.2f}", f"{money / years.myopic:.2f}", bar)
        for name, money, bar in (
            ("learned", years.planned, ">= 1.15"),
            ("best myopic, which knows everything about today", years.myopic, ""),
            ("silence", years.silent, ""),
        )
    ]
    machine.print_table(["12 months of a person, large world", "money", "to myopic", "bar"], rows)


def print_judged(crowd: int) -> None:
    """Print what a year of people is worth whom an engine decides for."""
    found = judged(400, crowd, 1)
    rows = [
        (name, f"{money:.2f}", "" if spoke is None else f"{spoke:.0%}")
        for name, money, spoke in (
            ("engine, the long game in force", found.ahead, found.spoke[0]),
            ("the same engine without it", found.today, found.spoke[1]),
            ("best myopic, which knows everything about today", found.myopic, None),
            ("silence", found.silent, None),
        )
    ]
    heads = [f"12 months of a person, {crowd} people", "money", "weeks spoken to"]
    machine.print_table(heads, rows)


if __name__ == "__main__":
    main()
