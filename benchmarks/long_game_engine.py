"""The large world through a whole engine: people act, are decided for, tire, and leave.

A first crowd lives a year while somebody talks to them at random, some often and some seldom, and
their events stand in the log, from which the engine trains the long game. A second crowd is decided
for by the engine every week, with the table in force and, in another engine, without one. What each
arm brings at once is declared to both as it was in the first year, on average.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from benchmarks.long_game import ARMS, COSTS, WEEK_MS, WEEKS, Crowd, year_of
from heedful.app.worlds import world_of
from heedful.engine import Engine
from heedful.engine.decisions import Asked
from heedful.events import CONSENT_CHANGED, MESSAGE_RELEASED, Event, EventType
from heedful.kernel import DAY_MS, hash_key
from heedful.store.memory import MemoryStore
from heedful.strategy import load

SECRET = b"a secret of benchmarks"
START = 1_700_000_000_000
LOOKS = 0.7
"""Chance that somebody who is still here looks in within a week."""
FLOOR = 0.02


def strategy(rates: tuple[float, ...]) -> dict[str, str]:
    """Write the strategy of a shop with three things to say, and what each brings at once."""
    actions = {
        f"actions/{arm}.yaml": (
            f"action: {arm}\ntier: growth\nclass: promotional\ndecision_type: offer\n"
            f"goal: order\nplacements: [home]\nchannels: [inapp]\ncost: {cost}\n"
            f"prior: {{p: {rate:.4f}, strength: 1000000}}\n"
        )
        for arm, cost, rate in zip(ARMS[1:], COSTS[1:], rates[1:], strict=True)
    }
    return {
        **actions,
        "goals.yaml": (
            "goals:\n  order: {on: Order Completed, within: 6d, value: 30, "
            f"prior: {{p: {rates[0]:.4f}, strength: 1000000}}}}\n"
        ),
        "policies/decision-types.yaml": (
            "decision_types: [{name: offer, risk: minimal, owner: Nobody, transparency: 1}]\n"
        ),
        "policies/contact.yaml": f"caps: []\nquiet_hours: null\nfloor: {FLOOR}\n",
        "policies/models.yaml": (
            "models: [{name: known, kind: beta, policy: greedy}]\ndefault: known\n"
        ),
        "models/ahead.yaml": "model: ahead\nahead: {at_most: 100, by_value: false}\n",
    }


class Shop:
    """An engine and its clock."""

    def __init__(self, rates: tuple[float, ...] = (0.05,) * len(ARMS)) -> None:
        self.now = START
        self._count = 0
        self._files = load(strategy(rates))
        world = world_of(self._files)
        self.engine = Engine(MemoryStore(), world, SECRET, lambda: self.now)
        self.engine.start()

    def declare(self, rates: tuple[float, ...]) -> None:
        """Publish what each arm brings."""
        self._files = load(strategy(rates))
        self.engine.publish(world_of(self._files), self._files.version, "bench")

    def train(self) -> None:
        """Learn the long game from all that happened."""
        self.engine.trainer.train(self._files.models, "ahead")

    def live(self, name: str, people: int, seed: int, by: str) -> Year:
        """Let a crowd live a year, talked to at `random` or by the `engine`."""
        crowd, rng = Crowd(people, seed), np.random.default_rng([seed, 21])
        users = [f"{name}{i}" for i in range(people)]
        said = {"purpose": "marketing", "channel": "*", "status": "granted"}
        self._send([self._event(CONSENT_CHANGED, user, "own", said) for user in users])
        often = rng.random(people)
        total, counts = 0.0, np.zeros((2, len(ARMS)))
        for _ in range(WEEKS):
            here = crowd.is_here.copy()
            looks = np.flatnonzero((rng.random(people) < LOOKS) & here)
            self._send([self._event("Looked", users[i]) for i in looks])
            if by == "engine":
                arm = self._asked(users)
            else:
                is_told = rng.random(people) < often
                arm = np.where(is_told, rng.integers(1, len(ARMS), people), 0)
                self._tell(users, arm)
            brought = crowd.live(arm) * here
            ordered = brought > max(COSTS)
            total += float(brought.sum()) / people
            np.add.at(counts[0], arm[here], 1)
            np.add.at(counts[1], arm[here & ordered], 1)
            self._report(users, np.flatnonzero(ordered), ordered, np.flatnonzero(arm))
        return Year(total, tuple((counts[1] / np.maximum(counts[0], 1)).tolist()), counts[0])

    def _asked(self, users: list[str]) -> Any:
        asks = [self.engine.decisions.ask(Asked(user_id=user, placement="home")) for user in users]
        chosen = [one.result().action for one in asks]
        return np.array([ARMS.index(action) if action in ARMS else 0 for action in chosen])

    def _tell(self, users: list[str], arm: Any) -> None:
        told = [
            {"class": "promotional", "action": ARMS[arm[i]], "channel": "inapp", "place": users[i]}
            for i in np.flatnonzero(arm)
        ]
        self._send([self._event(MESSAGE_RELEASED, said["place"], "own", said) for said in told])

    def _report(self, users: list[str], buyers: Any, ordered: Any, told: Any) -> None:
        self.now += DAY_MS
        self._send([self._event("Order Completed", users[i]) for i in buyers])
        self.now += 4 * DAY_MS
        outcomes = [{"outcome": "accepted" if ordered[i] else "ignored"} for i in told]
        self._send(
            [
                self._event("Outcome Reported", users[i], "own", outcome)
                for i, outcome in zip(told, outcomes, strict=True)
            ]
        )
        self.now += WEEK_MS - 5 * DAY_MS

    def _event(
        self, name: str, user: str, type_: EventType = "track", said: dict[str, str] | None = None
    ) -> Event:
        self._count += 1
        id_ = str(self._count)
        return Event(
            type=type_,
            name=name,
            at=self.now,
            key=hash_key(SECRET, "event", "bench", id_),
            source="bench",
            message_id=id_,
            received_at=self.now,
            original_at=self.now,
            user_id=user,
            properties=said or {},
        )

    def _send(self, events: list[Event]) -> None:
        if events:
            self.engine.ingest(events, ()).result()


class Year(NamedTuple):
    """What a crowd's year came to."""

    money: float
    """Of a person."""
    rates: tuple[float, ...]
    """Of weeks with an order, by arm."""
    said: Any
    """How often each arm was chosen for somebody who was here."""


class Judged(NamedTuple):
    """Money of a person in a year of the large world."""

    ahead: float
    today: float
    """Of the same engine without a table in force."""
    myopic: float
    """Of the best that looks at today, which knows everybody's state."""
    silent: float
    spoke: tuple[float, float]
    """Share of the weeks of those who were here in which each engine spoke."""


def judged(people: int, crowd: int, seed: int) -> Judged:
    """Learn from one year, and live another with a table and without."""
    first, second = 100 * seed, 100 * seed + 1
    shop = Shop()
    try:
        seen = shop.live("a", people, first, "random")
        shop.declare(seen.rates)
        shop.train()
        ahead = shop.live("b", crowd, second, "engine")
    finally:
        shop.engine.close()
    shop = Shop(seen.rates)
    try:
        today = shop.live("b", crowd, second, "engine")
    finally:
        shop.engine.close()
    return Judged(
        ahead.money,
        today.money,
        year_of(Crowd(crowd, second), lambda one: one.at_once().argmax(axis=1)),
        year_of(Crowd(crowd, second), lambda one: np.zeros(crowd, dtype=int)),
        tuple(float(year.said[1:].sum() / year.said.sum()) for year in (ahead, today)),
    )
