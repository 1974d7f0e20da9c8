"""Heedful as a policy of a world: the real strategy, gates, tiers, choice and learner.

What a world shows becomes events; each is folded into a person's facts and stepped, exactly as the
engine does, without a store between: `heedful.core.fold`, `heedful.decide.step`, and the learner's
own fold of learning rows into models. A mailing is a slot that is asked for one person after the
other: the answer is the message, or silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from examples.worlds.parameters import HERE, MESSAGES
from examples.worlds.playing import Morning
from examples.worlds.world import NOTHING, Marks, Numbers, Seen
from heedful import core, decide
from heedful.app.worlds import world_of
from heedful.decide.margins import MARGINS, Margins, apart
from heedful.engine.learning import fold
from heedful.events import CONSENT_CHANGED, Event, Identifier
from heedful.kernel import DAY_MS, HOUR_MS, hash_key, public_id
from heedful.ports import DecisionRow
from heedful.strategy import Strategy, load

STRATEGY: Final = HERE / "strategy"
MONDAY: Final = 1_735_516_800_000
"""30 December 2024, midnight in UTC: the first day of every world."""
EVENING, NIGHTLY, MAILING = 19 * HOUR_MS, 8 * HOUR_MS, 10 * HOUR_MS
"""When people shop, when the shop hands over the day before, and when mail goes out."""
SLOT: Final = {"placement": "mailing", "channel": "email"}
WAITED_MS: Final = 14 * DAY_MS
"""Longer than any goal's window."""
_CARRIED: Final = {"cart_offer": "offer"}
"""Actions that say in a cart what another says elsewhere."""
_ENCODER: Final = msgspec.msgpack.Encoder()


def read_strategy(folder: Path = STRATEGY) -> Strategy:
    """Read a strategy folder."""
    paths = sorted(folder.rglob("*.yaml"))
    return load({path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in paths})


class _Log:
    """What the learner reads of a store: learning rows by number, and what decisions saw."""

    def __init__(self) -> None:
        self._bodies: list[bytes] = []
        self._forgotten = 0
        self._decisions: dict[int, DecisionRow] = {}

    @property
    def last(self) -> int:
        """Number of the last row."""
        return self._forgotten + len(self._bodies)

    def add(self, step: decide.Step) -> None:
        """Take in what a step says."""
        for row in step.learned:
            numbered = msgspec.structs.replace(row, learn_seq=self.last + 1)
            self._bodies.append(_ENCODER.encode(numbered))
        for decision in step.decisions:
            body = _ENCODER.encode({"features": decision.features})
            row = DecisionRow(decision.id, decision.customer, decision.at, 0, body)
            self._decisions[decision.id] = row

    def lessons(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Read rows behind a number."""
        first = after - self._forgotten
        bodies = self._bodies[first : first + limit]
        return [(after + 1 + place, body) for place, body in enumerate(bodies)]

    def decisions(self, ids: Sequence[int]) -> dict[int, DecisionRow]:
        """Read decisions by their ids."""
        return {id_: self._decisions[id_] for id_ in ids if id_ in self._decisions}

    def forget(self, before: int) -> None:
        """Drop rows, which every model has folded, and decisions whose windows are over."""
        self._forgotten, self._bodies = self.last, []
        self._decisions = {id_: d for id_, d in self._decisions.items() if d.at >= before}


class _Person:
    """One customer's facts and case."""

    __slots__ = ("case", "events", "facts", "identifiers", "last")

    def __init__(self, world: core.World, number: int) -> None:
        self.facts = core.new_customer(world)
        self.case = decide.new_case()
        self.identifiers = (Identifier("user_id", f"u{number}"),)
        self.events = 0
        self.last: tuple[int, str] | None = None
        """The decision that the last message came from."""


class Heedful:
    """Asks Heedful for each mail."""

    name = "Heedful"

    def __init__(self, seed: int, strategy: Strategy | None = None) -> None:
        self._world = world_of(read_strategy() if strategy is None else strategy)
        self._secret = f"a closed world {seed}".encode()
        self._log = _Log()
        rules = self._world.rules.models
        self.models: dict[str, Any] = {name: rule.new() for name, rule in rules.items()}
        self.models[MARGINS] = Margins()
        self.decisions = 0
        self._learn(MONDAY)

    def begin(self, marks: Marks, people: int) -> None:
        """Identify everybody and take their consent to marketing."""
        self._people = [_Person(self._world, number) for number in range(people)]
        agreed = {"purpose": "marketing", "channel": "*", "status": "granted"}
        for number in range(people):
            traits = {
                "email": f"u{number}@example.org",
                "is_new": bool(marks.is_new[number]),
                "past_orders": int(marks.past_orders[number]),
                "coupon_percent": round(100.0 * float(marks.coupon_share[number])),
                "open_percent": round(100.0 * float(marks.open_share[number])),
                "help_asked": int(marks.help_asked[number]),
            }
            at = MONDAY - 30 * DAY_MS
            self._happen(number, "identify", "identify", at, at, traits=traits)
            self._happen(number, "own", CONSENT_CHANGED, at, at, properties=agreed)

    def choose(self, morning: Morning) -> Numbers:
        """Ask for the slot, person by person."""
        at = MONDAY + morning.day * DAY_MS + MAILING
        chosen = np.full(len(morning.asked), NOTHING)
        for place, number in enumerate(morning.asked.tolist()):
            answer = self._happen(
                number, "own", decide.DECISION_REQUESTED, at, at, properties=SLOT
            ).answer
            assert answer is not None  # somebody asked
            self.decisions += 1
            if answer.action != decide.DO_NOTHING:
                message = _CARRIED.get(answer.action, answer.action)
                chosen[place] = MESSAGES.index(message)
                self._people[number].last = answer.id, answer.action
        return chosen

    def learn(self, day: int, message: Numbers, seen: Seen) -> None:
        """Hand over the day, and let the learner fold what became known."""
        evening = MONDAY + day * DAY_MS + EVENING
        nightly = MONDAY + (day + 1) * DAY_MS + NIGHTLY
        for number in np.flatnonzero(seen.unsubscribed).tolist():
            self._told(number, "complained" if seen.complained[number] else "unsubscribed", nightly)
        for number in np.flatnonzero(seen.ordered).tolist():
            said = {"revenue": round(float(seen.revenue[number]), 2)}
            said["margin"] = round(float(seen.margin[number]), 2)
            self._happen(number, "track", "Order Completed", evening, nightly, properties=said)
        for number in np.flatnonzero(seen.visited).tolist():
            self._happen(number, "track", "Shop Visited", evening - HOUR_MS, nightly)
        for number in np.flatnonzero(seen.hesitated).tolist():
            self._happen(number, "track", "Cart Left", evening, nightly)
        self._learn(nightly)

    def _told(self, number: int, outcome: str, at: int) -> None:
        """Say what became of the last message."""
        last = self._people[number].last
        if last is None:
            return
        said = {"decision_id": public_id("d", last[0]), "outcome": outcome, "action": last[1]}
        said |= {"channel": "email", "class": "promotional"}
        self._happen(number, "own", decide.OUTCOME_REPORTED, at, at, properties=said)

    def _learn(self, now: int) -> None:
        """Fold what became known, as the background learner does between two batches."""
        own = {n: m if n == MARGINS else m.copy() for n, m in self.models.items()}
        upto = dict.fromkeys(own, self._log.last)
        self.models = fold(self._log, own, upto)  # type: ignore[arg-type]
        self._log.forget(now - WAITED_MS)
        models, margins = apart(self.models)
        self._shared = decide.Surroundings(
            secret=self._secret,
            models=models,
            margins=margins,
            governance=self._world.governance,
            budgets={},
            dictionary=self._world.dictionary,
        )

    def _happen(
        self, number: int, type_: Any, name: str, at: int, received_at: int, **more: Any
    ) -> decide.Step:
        """Fold one event and step."""
        person, world = self._people[number], self._world
        person.events += 1
        event = self._event(number, type_, name, at, received_at, str(person.events), **more)
        core.fold(world, person.facts, event)
        if not (person.case.is_active or world.rules.concerns(event)):
            return decide.Step()
        who = decide.Person(
            number, person.facts.profile, person.facts.senses, partial(_of, person.identifiers)
        )
        step = decide.step(world.rules, self._shared, who, person.case, event, number)
        self._log.add(step)
        for place, said in enumerate(step.events):
            own = self._event(
                number,
                "own",
                said.name,
                received_at,
                received_at,
                f"{person.events}.{place}",
                properties=said.properties,
            )
            core.fold(world, person.facts, own)
        return step

    def _event(
        self, number: int, type_: Any, name: str, at: int, received_at: int, id_: str, **more: Any
    ) -> Event:
        return Event(
            type=type_,
            name=name,
            at=at,
            key=hash_key(self._secret, "event", str(number), id_),
            source="heedful" if type_ == "own" else "backend",
            message_id=f"{number}.{id_}",
            received_at=received_at,
            **more,
        )


def _of(identifiers: tuple[Identifier, ...]) -> tuple[Identifier, ...]:
    return identifiers
