"""What one decision costs in process: gates, value, exact chances, draw and record.

A request for a slot of an app is decided by `step` for people drawn at random, each with traits,
signals, consents and contacts of their own, so that gates and values differ from one to the next.
A third of the actions is gated for a typical person. "nothing" is an event that concerns no rule.

    python benchmarks/bench_decide.py [--actions 100 1000] [--decisions 2000]
"""

from __future__ import annotations

import argparse
import gc
import platform
import random
import sys
import time
from typing import Any

import msgspec

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
PEOPLE = 50
SIGNALS = 20
COUNTRIES = ("DE", "FR", "IT", "ES", "AT", "NL")
BARS = {100: (0.3, 1.0), 1_000: (1.0, 3.0)}
"""Milliseconds, at the median and the 99th percentile, by number of actions."""


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
                channels=("inapp", "email"),
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
            for i in range(60)
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


def measure(
    rules: Rules, shared: Surroundings, crowd: list[Person], count: int
) -> list[list[float]]:
    """Time decisions and the encoding of their records, in milliseconds."""
    encode = msgspec.msgpack.Encoder().encode
    walls: list[list[float]] = [[], []]
    for number in range(count + 100):
        asked = event(
            10_000 + number, "own", DECISION_REQUESTED, NOW, properties={"placement": "home"}
        )
        case, person = new_case(), crowd[number % len(crowd)]
        start = time.perf_counter_ns()
        made = step(rules, shared, person, case, asked, 1)
        middle = time.perf_counter_ns()
        encode(made.decisions)
        end = time.perf_counter_ns()
        if number >= 100:
            walls[0].append((middle - start) / 1e6)
            walls[1].append((end - middle) / 1e6)
    return walls


def uninteresting(rules: Rules, count: int = 200_000) -> float:
    """Time an event that concerns nothing, in microseconds."""
    seen = event(1, "track", "Something Else", NOW, properties={"a": 1})
    concerns = rules.concerns
    start = time.perf_counter_ns()
    for _ in range(count):
        concerns(seen)
    return (time.perf_counter_ns() - start) / count / 1e3


def at(walls: list[float], share: float) -> float:
    """Read a percentile."""
    return sorted(walls)[min(int(len(walls) * share), len(walls) - 1)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, nargs="+", default=[100, 1_000])
    parser.add_argument("--decisions", type=int, default=2_000)
    given = parser.parse_args()
    print(f"Python {platform.python_version()} on {platform.machine()}, {platform.system()}")
    print(
        f"{'actions':>8} {'scored':>7} {'p50 ms':>8} {'p99 ms':>8} {'record p50':>11}  bar p50/p99"
    )
    signals = signal_set()
    rules = None
    for actions in given.actions:
        draw = random.Random(20_261_121)
        rules = compile_rules(definitions(actions, draw), signals, version="bench")
        shared = Surroundings(
            secret=SECRET,
            models={"beta": model(actions, draw)},
            governance=Governance(),
            budgets={},
        )
        crowd = people(signals, draw)
        probe = event(9_999, "own", DECISION_REQUESTED, NOW, properties={"placement": "home"})
        answer = step(rules, shared, crowd[0], new_case(), probe, 1).answer
        assert answer is not None
        scored = sum(1 for c in answer.candidates if c.verdict != "gated")
        gc.collect()
        walls, records = measure(rules, shared, crowd, given.decisions)
        bar = BARS.get(actions, (0.0, 0.0))
        print(
            f"{actions:>8} {scored:>7} {at(walls, 0.5):>8.3f} {at(walls, 0.99):>8.3f} "
            f"{at(records, 0.5):>11.3f}  {bar[0]:g} / {bar[1]:g}"
        )
    if rules is not None:
        print(f"an event that concerns nothing: {uninteresting(rules):.3f} us (bar 1)")


if __name__ == "__main__":
    sys.exit(main())
