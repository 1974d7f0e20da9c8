"""A year of a closed world under Heedful and under the old ways: what each came to, with intervals.

Worlds are files (`examples/worlds/*.yaml`, or a path of your own). Heedful decides by its real
strategy, gates, tiers, choice and learner; the world knows nothing of it. Everybody meets the same
people with the same luck. Vowpal Wabbit takes part when the interpreter that runs this has it.

    python benchmarks/bench_world.py [--world town] [--people 20000] [--seed 1] [--processes 2]
    python benchmarks/bench_world.py --silence [--people 600]
    python benchmarks/bench_world.py --calibrate PATH_OF_DATA_SETS

With `--processes` Heedful's people are shared among processes; what is decided is the same.
With `--silence` four in ten are driven away by every message; the second half of the year counts.
With `--calibrate` what the town takes from Hillstrom's mails and Complete Journey is measured again
(`hillstrom/hillstrom.csv.gz`, `complete_journey/transactions_sample.csv.gz` and others there).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

import machine

if str(machine.ROOT) not in sys.path:
    sys.path.insert(0, str(machine.ROOT))

from examples.worlds.drawing import picture, regret_lines, silence_lines
from examples.worlds.heeding import Heedful
from examples.worlds.parameters import Parameters, load
from examples.worlds.playing import Ledger, Morning, Policy, play
from examples.worlds.policies import Chance, Insider, Product, Rules, Silence, VowpalWabbit
from examples.worlds.scoring import MEASURES, compared, figures, peace, shuffled
from examples.worlds.world import YEAR, Marks, Numbers, Seen, World

SHUFFLES = 400
GOALS = {"revenue": "+8 % or more", "contacts": "-40 % or less"}


class Timed:
    """A policy that says how far it is, and what it has taken."""

    def __init__(self, policy: Policy) -> None:
        self.name = policy.name
        self._policy, self._start = policy, time.monotonic()

    def begin(self, marks: Marks, people: int) -> None:
        """Get to know people."""
        self._policy.begin(marks, people)

    def choose(self, morning: Morning) -> Numbers:
        """Choose as the policy does."""
        return self._policy.choose(morning)

    def learn(self, day: int, message: Numbers, seen: Seen) -> None:
        """Learn as the policy does, and say once a month how far it is."""
        self._policy.learn(day, message, seen)
        if day % 30 == 29:
            self.tell(f"day {day + 1}")

    def tell(self, what: str) -> None:
        """Say how far it is, where the table does not get in between."""
        passed = time.monotonic() - self._start
        print(f"  {self.name}, {what}: {passed:,.0f} s", file=sys.stderr, flush=True)


def policies(parameters: Parameters, people: int, seed: int, processes: int) -> list[Policy]:
    """List who takes part; the reference of regret comes last."""
    mine = Heedful(seed, processes=processes)
    found: list[Policy] = [mine, Rules(), Product(seed), Chance(seed), Silence()]
    if VowpalWabbit.is_here():
        found.append(VowpalWabbit(seed))
    else:
        print("Vowpal Wabbit is not installed here, so it does not take part.\n")
    return [*found, Insider(parameters, World(parameters, people, seed).kind)]


def report(parameters: Parameters, ledgers: list[Ledger], into: Path | None) -> None:
    """Print the tables and the curves."""
    rows = []
    for ledger in ledgers:
        known = figures(ledger)
        digits = {"unsubscribed": 3, "complained": 4, "is_retained": 3}
        rows.append((ledger.name, *(known[m].shown(digits.get(m, 2)) for m in MEASURES)))
    machine.print_table(["policy", *MEASURES.values()], rows)
    rules = next(ledger for ledger in ledgers if ledger.name == "rules")
    rows = []
    for ledger in ledgers:
        if ledger is not rules:
            shown = [compared(ledger, rules, m).percent() for m in ("revenue", "contacts", "value")]
            rows.append((ledger.name, *shown))
    machine.print_table(["against the rules", "revenue", "contacts", "value"], rows)
    print(f"{shuffled(rules, SHUFFLES).says()}\n")
    print(f"Goals for Heedful: {', '.join(f'{m} {goal}' for m, goal in GOALS.items())}.\n")
    *others, reference = ledgers
    print(f"Earned less than the {reference.name}, added up over the year:\n")
    print("\n".join(regret_lines(others, reference)))
    print(f"\nShare of silence of {ledgers[0].name}, by kind of people:\n")
    print("\n".join(silence_lines(ledgers[0], parameters.kinds)))
    if into is not None:
        picture(into, [one for one in others if one.name != "silence"], reference, parameters.kinds)
        print(f"\nPicture: {into}")


def report_silence(people: int, seed: int) -> None:
    """Print whether silence is learned for those whom messages drive away, and its price."""
    world, days = load("sleepers"), YEAR
    kind = World(world, people, seed).kind
    # Nobody tires here: who knows the kinds writes to the others whenever the cap allows.
    best = play(world, Insider(world, kind, rested=28), people, seed, days, days // 2)
    mine = play(world, Heedful(seed), people, seed, days, days // 2)
    found = peace(mine, best, world.kinds, "private")
    rows = [
        ("silence where every message drives away", f"{found.silence:.1%}", ">= 90 %"),
        ("value lost elsewhere, to who knows the kinds", f"{found.lost:.1%}", "<= 5 %"),
    ]
    machine.print_table(["what", "measured", "bar"], rows)


def calibrate(data: Path) -> None:
    """Print what the two data sets say, beside what the town has taken from them."""
    town = load("town")
    rows = []
    with gzip.open(data / "hillstrom" / "hillstrom.csv.gz", "rt") as lines:
        people = list(csv.DictReader(lines))
    spent = np.array([float(p["spend"]) for p in people])
    visit, bought = (np.array([int(p[f]) for p in people]) for f in ("visit", "conversion"))
    mailed = np.array([p["segment"] != "No E-Mail" for p in people])
    caused = visit[mailed].mean() - visit[~mailed].mean()
    added = bought[mailed].mean() - bought[~mailed].mean()
    shares = np.array([kind.share for kind in town.kinds.values()])
    liked = np.array([max(kind.visits["news"], 0.0) for kind in town.kinds.values()])
    rows += [
        (
            "conversions to visits, no mail",
            bought[~mailed].mean() / visit[~mailed].mean(),
            town.conversion,
        ),
        ("visits that a mail adds", caused, float(shares @ liked)),
        ("conversions of added visits", added / caused, town.caused_conversion),
        ("an order", spent[spent > 0].mean(), town.order_value),
        ("log deviation of orders", np.log(spent[spent > 0]).std(), town.order_log_sd),
    ]
    before = np.mean([float(p["history"]) for p in people]) / town.order_value
    rows.append(("orders in the year before, of those who ordered", before, at_least_once(town)))
    journey = data / "complete_journey"
    with gzip.open(journey / "transactions_sample.csv.gz", "rt") as lines:
        basket = {line["basket_id"]: line["household_id"] for line in csv.DictReader(lines)}
    counts = np.array(list(Counter(basket.values()).values()))
    shape = counts.mean() ** 2 / (counts.var() - counts.mean())
    rows.append(("shape of the rates of households", shape, town.order_shape))
    sent: dict[str, set[str]] = defaultdict(set)
    for name in ("campaigns", "coupon_redemptions"):
        with gzip.open(journey / f"{name}.csv.gz", "rt") as lines:
            sent[name] = {line["household_id"] for line in csv.DictReader(lines)}
    redeemed = len(sent["campaigns"] & sent["coupon_redemptions"]) / len(sent["campaigns"])
    rows.append(("households that ever redeemed a coupon", redeemed, town.kinds["bargain"].share))
    machine.print_table(
        ["what", "data", "town"],
        [(what, f"{said:.3f}", f"{took:.3f}") for what, said, took in rows],
    )
    print("Neither shows people tire: what the town says of that is assumed (A in its file).")


def at_least_once(p: Parameters) -> float:
    """Give the mean orders of a year among those who order at all, as the history is selected."""
    never = (p.order_shape / (p.order_shape + p.orders_a_year)) ** p.order_shape
    return p.orders_a_year / (1.0 - never)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--world", default="town")
    parser.add_argument("--people", type=int, default=2_000)
    parser.add_argument("--days", type=int, default=YEAR)
    parser.add_argument("--processes", type=int, default=1, help="for Heedful's people")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--picture", type=Path, help="where to write regret and silence")
    parser.add_argument("--calibrate", type=Path, help="the folder of the data sets")
    parser.add_argument("--silence", action="store_true", help="only whether silence is learned")
    given = parser.parse_args()
    if given.calibrate is not None:
        calibrate(given.calibrate)
        return
    if given.silence:
        machine.print_head("sleepers")
        report_silence(given.people, given.seed)
        return
    parameters = load(given.world)
    machine.print_head(f"{parameters.name}: {parameters.about}")
    print(f"{given.people:,} people, {given.days} days, seed {given.seed}.\n")
    ledgers = []
    for policy in policies(parameters, given.people, given.seed, given.processes):
        timed = Timed(policy)
        ledgers.append(play(parameters, timed, given.people, given.seed, given.days))
        timed.tell("done")
    report(parameters, ledgers, given.picture)


if __name__ == "__main__":
    main()
