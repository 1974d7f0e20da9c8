"""The next item and the next event: how often they are right, and what a prediction costs.

    python benchmarks/bench_sequence.py [--serenade example.zip] [--calls 40000]

Next item: every prefix of every test session foretells the item after it. The data are the clicks
that bol.com publishes with Serenade (github.com/bolcom/serenade, assets/example/example.zip:
train.txt, valid.txt, test.txt); without them sessions are drawn from a seed. Peers of the same run:
what is popular, what followed the last item (a Markov chain), and sequential rules (Ludewig and
Jannach, 2018), each fitted on all training clicks. Ours takes one setting everywhere and learns one
session after another, as a workspace does. Times are CPU.

Next event: the sample shop's stream, the first four fifths learned, the rest foretold event by
event; beside shorter orders of the same model.
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import platform
import sys
import time
import timeit
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import count, pairwise
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace

from heedful.events import Event
from heedful.learn import Happening, SequenceModel, SessionNeighbours, VariableOrder
from heedful.sense import Senses, Sequences, compile_signals, copy_senses, evaluate, fold

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from examples.shop.population import Population

PROPOSED = 20
STEPS_BACK = 10
BAR = 0.340
Propose = Callable[[list[str]], list[str]]


class Session(NamedTuple):
    """Items in their order, and when the last was clicked."""

    items: list[str]
    at: int


def read_sessions(archive: zipfile.ZipFile, name: str) -> list[Session]:
    """Read a file of clicks as sessions, by the time of their last click."""
    clicks: dict[str, list[tuple[float, str]]] = defaultdict(list)
    with archive.open(name) as file:
        for row in csv.DictReader(io.TextIOWrapper(file), delimiter="\t"):
            clicks[row["SessionId"]].append((float(row["Time"]), row["ItemId"]))
    found = []
    for session in clicks.values():
        session.sort(key=lambda click: click[0])
        found.append(Session([item for _, item in session], int(session[-1][0] * 1_000)))
    return sorted(found, key=lambda session: session.at)


def drawn_sessions(seed: int, many: int, start: int) -> list[Session]:
    """Draw sessions of people who walk along shelves of 40 items, mostly to what stands next."""
    rng = np.random.default_rng(seed)
    found = []
    for n in range(many):
        place = int(rng.integers(4_000))
        items = [f"i{place}"]
        for _ in range(int(rng.integers(1, 7))):
            step = int(rng.choice((1, 2, -1, 3))) if rng.random() < 0.8 else int(rng.integers(40))
            place = place // 40 * 40 + (place + step) % 40
            items.append(f"i{place}")
        found.append(Session(items, start + n))
    return found


def popular(train: list[Session]) -> Propose:
    """Propose what is clicked most."""
    seen = Counter(item for session in train for item in session.items)
    top = [item for item, _ in seen.most_common(PROPOSED)]
    return lambda items: top


def last_item(train: list[Session]) -> Propose:
    """Propose what followed the last item most often."""
    after: dict[str, Counter[str]] = defaultdict(Counter)
    for items, _ in train:
        for here, there in pairwise(items):
            after[here][there] += 1
    top = {item: [other for other, _ in c.most_common(PROPOSED)] for item, c in after.items()}
    return lambda items: top.get(items[-1], [])


def sequential_rules(train: list[Session]) -> Propose:
    """Propose what came within ten steps after the last item, the nearer the more."""
    after: dict[str, Counter[str]] = defaultdict(Counter)
    for items, _ in train:
        for place, there in enumerate(items):
            for back in range(1, min(place, STEPS_BACK) + 1):
                if items[place - back] != there:
                    after[items[place - back]][there] += 1 / back
    top = {item: [other for other, _ in c.most_common(PROPOSED)] for item, c in after.items()}
    return lambda items: top.get(items[-1], [])


def neighbours(train: list[Session]) -> Propose:
    """Learn one session after another and propose what the neighbours saw."""
    model = SessionNeighbours(max(len(train), 1))
    for items, at in train:
        model.learn_one(items, at)
    said = "may be proposed again" if model.repeats else "is not proposed again"
    print(f"\nChosen on {model.judgement.judged:,} held-back clicks: the item at hand {said}.\n")
    return lambda items: [item for item, _ in model.predict_one(items, PROPOSED)]


PEERS: dict[str, Callable[[list[Session]], Propose]] = {
    "popular items": popular,
    "Markov chain of the last item": last_item,
    "sequential rules": sequential_rules,
    "ours: VMIS-kNN, one setting": neighbours,
}


def percentile(values: list[int], share: float) -> float:
    """Give a quantile of nanoseconds as microseconds."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] / 1_000


def foretell(propose: Propose, test: list[Session]) -> tuple[float, float, list[int]]:
    """Foretell every click; gives MRR@20, HR@20 and the nanoseconds of each prediction."""
    reciprocal = hits = 0.0
    took: list[int] = []
    for items, _ in test:
        for place in range(1, len(items)):
            before = time.thread_time_ns()
            found = propose(items[:place])
            took.append(time.thread_time_ns() - before)
            if items[place] in found:
                reciprocal += 1 / (found.index(items[place]) + 1)
                hits += 1
    return reciprocal / len(took), hits / len(took), took


def next_item(path: Path | None) -> None:
    """Compare the proposals of all peers."""
    if path is None:
        train, test = drawn_sessions(1, 20_000, 0), drawn_sessions(2, 500, 20_000)
    else:
        with zipfile.ZipFile(path) as archive:
            train, test = (read_sessions(archive, f"{name}.txt") for name in ("train", "test"))
    rows = []
    for name, fit in PEERS.items():
        before = time.process_time()
        propose = fit(train)
        fitted = time.process_time() - before
        mrr, hits, took = foretell(propose, test)
        fit_us = fitted / len(train) * 1e6
        times = f"{percentile(took, 0.5):.0f} | {percentile(took, 0.99):.0f}"
        rows.append(f"| {name} | {mrr:.4f} | {hits:.3f} | {times} | {fit_us:.0f} |")
    print(f"{len(train):,} sessions learned, {len(took):,} clicks foretold; the bar is {BAR}\n")
    print("| next item | MRR@20 | HR@20 | p50 us | p99 us | us a session learned |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    print("\n".join(rows))


def small_shop() -> None:
    """Time the worst case: few items, so that every item is in very many sessions."""
    rng, model = np.random.default_rng(5), SessionNeighbours()

    def walk() -> list[str]:
        shelf = int(rng.integers(12))
        places = rng.integers(0, 5, int(rng.integers(2, 9)))
        return [f"{shelf if rng.random() < 0.7 else rng.integers(12)}-{place}" for place in places]

    for at in range(8_000):
        model.learn_one(walk(), at)
    took = []
    for _ in range(1_000):
        items = walk()[:6]
        before = time.thread_time_ns()
        model.predict_one(items, 10)
        took.append(time.thread_time_ns() - before)
    print(f"\nA shop of 60 items and 8,000 sessions: p50 {percentile(took, 0.5):.0f} us,", end="")
    print(f" p99 {percentile(took, 0.99):.0f} us a prediction")


def shop_events(calls: int) -> Iterator[tuple[str, str]]:
    """Give the events of the sample shop: whose, and the name."""
    found = 0
    for call in Population(Random(1), 400).calls():
        if call.kind in ("track", "page", "screen") and call.name:
            yield call.anonymous_id or call.user_id or "", call.name
            found += 1
            if found == calls:
                return


def next_event(calls: int) -> None:
    """Foretell the events of the shop with models of several orders."""
    histories: dict[str, list[str]] = defaultdict(list)
    steps = []
    for person, name in shop_events(calls):
        steps.append((list(histories[person]), name))
        histories[person] = [*histories[person], name][-8:]
    cut = len(steps) * 4 // 5
    print("\n| next event of the sample shop | right | bits an event | p99 us |")
    print("| --- | ---: | ---: | ---: |")
    for order in (0, 1, 2, 4):
        model = VariableOrder(order)
        for history, name in steps[:cut]:
            model.learn_one(history, name)
        right, bits, took = 0, 0.0, []
        for history, name in steps[cut:]:
            before = time.thread_time_ns()
            chances = model.chances(history)
            took.append(time.thread_time_ns() - before)
            right += max(chances, key=lambda event: (chances[event], event)) == name
            bits -= math.log2(chances.get(name, 1e-6))
            model.learn_one(history, name)
        many = len(steps) - cut
        what = f"order {order}" + (", as in a workspace" if order == 4 else "")
        print(f"| {what} | {right / many:.3f} | {bits / many:.2f} | {percentile(took, 0.99):.0f} |")


def snapshot(calls: int) -> None:
    """Time what a workspace's learner does between two versions of its model."""
    model = SequenceModel()
    rng, at = np.random.default_rng(3), 0
    before = time.process_time()
    for n in range(calls):
        at += 400
        person, shelf = n // 6 * 7 + n % 3, n // 6 % 300
        item = f"i{shelf}-{rng.integers(12)}"
        model.learn_one(Happening(person, "Product Viewed", at, at, item))
    learned = (time.process_time() - before) / calls * 1e6
    before = time.process_time()
    model.copied()
    copied = time.process_time() - before
    body = model.encode()
    print(
        f"\nOne event learned: {learned:.1f} us; a copy of {len(model.items):,} sessions:", end=""
    )
    print(f" {copied * 1e3:.1f} ms; a snapshot: {len(body) / 1e6:.2f} MB")


def best_us(work: Callable[[], Any]) -> float:
    """Time one call at its best, since others keep the cores busy."""
    return min(timeit.repeat(work, number=200, repeat=40)) / 200 * 1e6


def moment() -> None:
    """Time what the intent costs an event, and what it costs to read."""
    said = {"product_id": "p101", "category": "boots"}
    event = Event(
        type="track",
        name="Product Viewed",
        at=1_800_000_000_000,
        key=1,
        source="web",
        message_id="1",
        received_at=1_800_000_000_000,
        properties=said,
    )
    costs = []
    for sequences in (None, Sequences()):
        signals, senses = compile_signals([], sequences=sequences), Senses()
        for n in range(8):
            fold(senses, replace(event, at=event.at + n), signals)
        later = replace(event, at=event.at + 9)
        costs.append(best_us(lambda s=senses, k=signals, e=later: fold(copy_senses(s), e, k)))
    instants = count(later.at)
    names = ("intent_category", "intent_stage", "intent_strength", "intent_hesitation")
    read = best_us(lambda: evaluate(senses, signals, next(instants), names))
    print(f"The moment costs an event {costs[1] - costs[0]:.1f} us, to read it {read:.1f} us")


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--serenade", type=Path)
    parser.add_argument("--calls", type=int, default=40_000)
    given: Any = parser.parse_args()
    print(f"Python {platform.python_version()}, numpy {np.__version__}, {platform.machine()}")
    next_item(given.serenade)
    small_shop()
    next_event(given.calls)
    snapshot(given.calls)
    moment()


if __name__ == "__main__":
    main()
