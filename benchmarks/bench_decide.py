"""What one decision costs in process: gates, value, exact chances, draw and record.

A request for a slot of an app is decided by `step` for people drawn at random, each with traits,
signals, consents and contacts of their own, so that gates and values differ from one to the next.
Candidates are arms: one action in the app each. A third of them is gated for a typical person.

CPU time of the deciding thread is measured, and divided by how slow the machine is at that moment
("at rest": see `machine.turn`). Peers choose among as many arms, without gates, money or record;
they run in an interpreter of their own:

    python -m venv PEERS && PEERS/bin/pip install vowpalwabbit mabwiser
    python benchmarks/bench_decide.py --peers PEERS/bin/python
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

import contextual
import machine
from heedful import customer, sense
from heedful.customer import Profile, ProfileRules
from heedful.decide import (
    DECISION_REQUESTED,
    Action,
    ContactPolicy,
    Definitions,
    Goal,
    Need,
    Person,
    Rules,
    Surroundings,
    compile_rules,
    new_case,
    step,
)
from heedful.decide.definitions import Cap, Prior
from heedful.events import CONSENT_CHANGED, MESSAGE_RELEASED, Event, EventType, Identifier
from heedful.govern.definitions import DecisionType
from heedful.govern.governance import Governance
from heedful.kernel import DAY_MS, HOUR_MS, MICRO
from heedful.learn import BetaArms, LearningRow
from heedful.sense import Senses, SignalDefinition, SignalSet, compile_signals

SECRET = b"a secret of benchmarks"
NOW = 1_700_000_000_000
PEOPLE = 400
EVENTS = 30
PEER = Path(__file__).parent / "peer_decide.py"
SIGNALS = 20
COUNTRIES = ("DE", "FR", "IT", "ES", "AT", "NL")
BARS = {100: "p50 < 0.3, p99 < 1", 1_000: "p99 < 3"}
"""Milliseconds, by number of candidates."""
TURN_EVERY = 20
"""Decisions between two looks at how slow the machine is."""


def signal_set() -> SignalSet:
    """Twenty counts over events of their own."""
    return compile_signals(
        [
            SignalDefinition(name=f"count_{i}", kind="count", on=f"Event {i}", window="30d")
            for i in range(SIGNALS)
        ]
    )


def definitions(actions: int, draw: random.Random) -> Definitions:
    """Growth actions with three conditions each, priors, costs and caps."""
    made = []
    for i in range(actions):
        countries = ", ".join(repr(c) for c in draw.sample(COUNTRIES, 5))
        one, other = draw.randrange(SIGNALS), draw.randrange(SIGNALS)
        made.append(
            Action(
                action=f"action_{i:04}",
                tier="growth",
                message_class="promotional",
                decision_type="offer",
                goal=f"goal_{i % 4}",
                channels=("inapp",),
                eligible=f"traits.country in [{countries}]",
                applicable=f"signals.count_{one} <= {draw.randint(4, 9)}",
                suitable=f"signals.count_{other} < 9 and traits.age >= {draw.randint(16, 30)}",
                cost=draw.random(),
                benefit=draw.random(),
                prior=Prior(draw.uniform(0.01, 0.1), 50.0),
                group=f"group_{i % 7}",
            )
        )
    return Definitions(
        needs=(
            Need(
                name="trouble",
                tier="hardship",
                opens_when="traits.hardship and signals.count_1 > 90",
                expires_after="90d",
            ),
        ),
        goals={
            f"goal_{g}": Goal(on=f"Goal {g}", within="3d", value=10.0 + 7 * g) for g in range(4)
        },
        actions=tuple(made),
        contact=ContactPolicy(
            caps=(Cap(at_most=9, within="7d"), Cap(at_most=5, within="7d", per="group")),
            fatigue_cost=0.05,
        ),
        decision_types=(DecisionType(name="offer", owner="marketing", transparency=1),),
        builtin=(),
    )


def event(number: int, type_: EventType, name: str, at: int, **more: Any) -> Event:
    """One stamped event."""
    return Event(
        type=type_,
        name=name,
        at=at,
        key=number,
        source="bench",
        message_id=str(number),
        received_at=at,
        **more,
    )


def people(signals: SignalSet, draw: random.Random) -> list[Person]:
    """People with traits, consents, contacts and counts."""
    found = []
    for number in range(PEOPLE):
        profile, senses = Profile(), Senses(set_id=signals.id)
        events = [
            event(1, "identify", "identify", NOW - 9 * DAY_MS, traits=traits_of(draw)),
            event(
                2,
                "own",
                CONSENT_CHANGED,
                NOW - 9 * DAY_MS,
                properties={"purpose": "marketing", "status": "granted"},
            ),
        ]
        for i in range(draw.randrange(4)):
            said = {"channel": "email", "class": "promotional", "action": f"action_{i:04}"}
            at = NOW - (4 - i) * DAY_MS
            events.append(event(10 + i, "own", MESSAGE_RELEASED, at, properties=said))
        events += [
            event(100 + i, "track", f"Event {draw.randrange(SIGNALS)}", NOW - HOUR_MS + i)
            for i in range(EVENTS)
        ]
        for one in events:
            customer.apply(profile, one, ProfileRules())
            sense.fold(senses, one, signals)
        names = (Identifier("user_id", f"u{number}"), Identifier("email", f"u{number}@e.io"))
        found.append(Person(number, profile, senses, lambda names=names: names))  # type: ignore[misc]
    return found


def traits_of(draw: random.Random) -> dict[str, Any]:
    """What is known of one person."""
    return {"country": draw.choice(COUNTRIES), "age": draw.randint(18, 80), "language": "de"}


def model(actions: int, draw: random.Random) -> BetaArms:
    """Outcomes of a few hundred decisions of each arm, and of doing nothing."""
    arms, seq = BetaArms(), 0
    names = [(f"action_{i:04}/inapp/default", f"goal_{i % 4}") for i in range(actions)]
    names += [("do_nothing", f"goal_{g}") for g in range(4)]
    for arm, goal in names:
        for state, weight in (("converted", draw.randint(1, 20)), ("expired", 300)):
            seq += 1
            arms.learn_one(
                LearningRow(
                    learn_seq=seq,
                    decision_id="d",
                    arm=arm,
                    goal=goal,
                    state=state,  # type: ignore[arg-type]
                    outcome=MICRO if state == "converted" else 0,
                    weight=weight * MICRO,
                    decided_at=NOW,
                    at=NOW,
                )
            )
    return arms


class Cost(NamedTuple):
    """CPU milliseconds of one decision each, as measured and as they were at rest."""

    raw: list[float]
    rest: list[float]

    def shown(self) -> list[str]:
        """Show median and 99th percentile: at rest, and as measured."""
        both = [[machine.percentile(values, share) for values in self] for share in (0.5, 0.99)]
        return [f"{rest:.3f} ({raw:.3f})" for raw, rest in both]


def timed(act: Callable[[int], object], count: int, fastest: float) -> Cost:
    """Time calls in CPU milliseconds of this thread, after a tenth of them to warm up."""
    raw: list[float] = []
    rest: list[float] = []
    slowdown = 1.0
    for number in range(count // 10 + count):
        if number % TURN_EVERY == 0:
            slowdown = max(min(machine.turn(), machine.turn()) / fastest, 1.0)
        start = time.thread_time_ns()
        act(number)
        spent = (time.thread_time_ns() - start) / 1e6
        if number >= count // 10:
            raw.append(spent)
            rest.append(spent / slowdown)
    return Cost(raw, rest)


def fastest_turn() -> float:
    """Give the CPU seconds of the machine's turn at rest, as far as it was ever seen."""
    with machine.Pace() as pace:
        time.sleep(machine.TURN_WAIT_S * 3)
    _ = pace.slowdown
    return float(machine.REST.read_text("ascii"))


def deciding(
    rules: Rules, shared: list[Surroundings], crowd: list[Person], *, is_anew: bool = False
) -> Callable[[int], object]:
    """Decide for one person after the other, each time asked anew, and encode the record.

    Parameters
    ----------
    shared
        Taken in turn: with two, each decision is the first after a model has learned.
    is_anew
        Whether chances are computed each time, as where no two people pass the same gates.
    """
    encode = msgspec.msgpack.Encoder().encode

    def act(number: int) -> object:
        said = {"placement": "home"}
        asked = event(10_000 + number, "own", DECISION_REQUESTED, NOW, properties=said)
        person, around = crowd[number % len(crowd)], shared[number % len(shared)]
        if is_anew:
            rules.valuer(around, NOW)._chances.clear()
        return encode(step(rules, around, person, new_case(), asked, 1).decisions)

    return act


def peers(python: str, actions: int) -> list[dict[str, Any]]:
    """Let the peers choose in their own interpreter."""
    command = [python, str(PEER), str(actions)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--actions", type=int, nargs="+", default=[100, 1_000])
    parser.add_argument("--decisions", type=int, default=2_000)
    parser.add_argument("--peers", help="a Python interpreter that has vowpalwabbit and mabwiser")
    given = parser.parse_args()
    machine.print_head("Decide in process: CPU ms of a decision, at rest (as measured).")
    fastest = fastest_turn()
    signals = signal_set()
    rows, beside = [], []
    for actions in given.actions:
        draw = random.Random(20_261_121)
        rules = compile_rules(definitions(actions, draw), signals, version="bench")
        models = [model(actions, draw), model(actions, draw)]
        seen = [
            Surroundings(secret=SECRET, models={"beta": one}, governance=Governance(), budgets={})
            for one in models
        ]
        crowd = people(signals, draw)
        scored = passing(rules, seen[0], crowd)
        gc.collect()
        gc.freeze()
        cost = timed(deciding(rules, seen[:1], crowd), given.decisions, fastest)
        alone = timed(deciding(rules, seen[:1], crowd, is_anew=True), given.decisions, fastest)
        first = timed(deciding(rules, seen, crowd), given.decisions // 10, fastest)
        for what, one in (
            ("as people come", cost),
            ("no two alike", alone),
            ("first after learning", first),
        ):
            bar = BARS.get(actions, "") if one is not first else ""
            rows.append((f"{actions} candidates, {what}", scored, *one.shown(), bar))
        looked, anew = looking(actions, signals, crowd, given.decisions, fastest)
        for what, one in (
            ("looking at the person", looked),
            ("looking at the person, first after learning", anew),
        ):
            bar = BARS.get(actions, "") if one is looked else ""
            rows.append((f"{actions} candidates, {what}", "", *one.shown(), bar))
        for peer in peers(given.peers, actions) if given.peers else []:
            compared = (cost, alone, looked)
            ratios = [machine.percentile(one.raw, 0.5) / peer["p50"] for one in compared]
            taken = [f"{peer[share]:.3f}" for share in ("p50", "p99")]
            beside.append((peer["name"], actions, *taken, *(f"{r:.2f}" for r in ratios)))
    heads = ["decide", "scored", "p50", "p99", "bar"]
    machine.print_table(heads, rows)
    if beside:
        print(
            "Peers, choice alone, CPU ms as measured; the ratio is of both medians as measured.\n"
        )
        machine.print_table(
            ["peer", "arms", "p50", "p99", "Heedful to peer", "no two alike", "looking"], beside
        )
    machine.print_table(["what", "p50 at rest", "bar"], others(rules, signals, crowd, fastest))


def others(
    rules: Rules, signals: SignalSet, crowd: list[Person], fastest: float
) -> list[tuple[str, str, str]]:
    """Time what goes on beside decisions."""
    draw = random.Random(7)
    return [
        ("learn one outcome", f"{learning(draw, fastest):.1f} us", "< 30 us"),
        (
            "learn one outcome, looking at the person",
            f"{learning_looking(signals, crowd, fastest):.1f} us",
            "< 30 us",
        ),
        ("an event that concerns nothing", f"{uninteresting(rules, fastest):.2f} us", "< 1 us"),
    ]


def looking(
    actions: int, signals: SignalSet, crowd: list[Person], decisions: int, fastest: float
) -> tuple[Cost, Cost]:
    """Decide with a model that looks at the person, and just after it has learned."""
    rules, people = contextually(actions, signals, crowd)
    rows = contextual.lessons(rules, people, 40 * actions, NOW, random.Random(actions))
    models = [contextual.taught(rules, rows), contextual.taught(rules, rows[:-1])]
    seen = [
        Surroundings(
            secret=SECRET, models={contextual.NAME: one}, governance=Governance(), budgets={}
        )
        for one in models
    ]
    looked = timed(deciding(rules, seen[:1], crowd), decisions, fastest)
    return looked, timed(deciding(rules, seen, crowd), decisions // 10, fastest)


def contextually(
    actions: int, signals: SignalSet, crowd: list[Person]
) -> tuple[Rules, list[contextual.Features]]:
    """Compile the same actions with a contextual model; read what it sees of some people."""
    written = contextual.declared(definitions(actions, random.Random(20_261_121)))
    rules = compile_rules(written, signals, version="bench")
    nobody = Surroundings(secret=SECRET, models={}, governance=Governance(), budgets={})
    asked = [event(80_000 + n, "own", DECISION_REQUESTED, NOW) for n in range(len(crowd))]
    return rules, contextual.seen(rules, nobody, crowd, asked)


def learning_looking(signals: SignalSet, crowd: list[Person], fastest: float) -> float:
    """Time one outcome that the contextual model of 100 actions learns, in us at rest."""
    rules, people = contextually(100, signals, crowd)
    rows = contextual.lessons(rules, people, 5_500, NOW, random.Random(1))
    model = contextual.taught(rules, [])
    cost = timed(lambda i: model.learn_one(rows[i]), 5_000, fastest)
    return machine.percentile(cost.rest, 0.5) * 1e3


def passing(rules: Rules, shared: Surroundings, crowd: list[Person]) -> str:
    """Say how many candidates passed the gates, on average, and how different the sets were."""
    counts, kinds = [], set()
    for number, person in enumerate(crowd):
        said = {"placement": "home"}
        asked = event(90_000 + number, "own", DECISION_REQUESTED, NOW, properties=said)
        answer = step(rules, shared, person, new_case(), asked, 1).answer
        assert answer is not None
        passed = tuple(c.action for c in answer.candidates if c.verdict != "gated")
        counts.append(len(passed))
        kinds.add(passed)
    return f"{sum(counts) / len(counts):.0f} ({len(kinds)} sets of {len(crowd)} people)"


def learning(draw: random.Random, fastest: float) -> float:
    """Time one outcome that the estimator learns, in microseconds at rest."""
    arms = model(100, draw)
    rows = [row_of(1_000_000 + i, f"action_{i % 100:04}/inapp/default", i) for i in range(5_500)]
    return (
        machine.percentile(timed(lambda i: arms.learn_one(rows[i]), 5_000, fastest).rest, 0.5) * 1e3
    )


def row_of(seq: int, arm: str, number: int) -> LearningRow:
    """One outcome of one arm."""
    return LearningRow(
        learn_seq=seq,
        decision_id=f"d{number}",
        arm=arm,
        goal=f"goal_{number % 4}",
        state="converted" if number % 9 == 0 else "expired",
        outcome=MICRO if number % 9 == 0 else 0,
        decided_at=NOW,
        at=NOW,
    )


def uninteresting(rules: Rules, fastest: float) -> float:
    """Time an event that concerns no rule, in microseconds at rest."""
    seen = event(1, "track", "Something Else", NOW, properties={"a": 1})
    concerns = rules.concerns

    def ask(_: int) -> None:
        for _ in range(1_000):
            concerns(seen)

    return machine.percentile(timed(ask, 200, fastest).rest, 0.5)


if __name__ == "__main__":
    sys.exit(main())
