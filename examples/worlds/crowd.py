"""Some of a world's people under Heedful: each event folded into a person's facts and stepped.

Crowds can be in processes of their own. They share nothing but the models of the night, and what
they say comes back in the order of people, so a year is the same however many there are.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from multiprocessing.connection import Connection
from typing import Any, Final, Protocol

import msgspec
import numpy as np

from examples.worlds.world import Bools, Marks, Numbers, Seen
from heedful import core, decide
from heedful.app.worlds import world_of
from heedful.decide.margins import MARGINS, Margins, apart, delays_of
from heedful.events import CONSENT_CHANGED, Event, Identifier
from heedful.kernel import DAY_MS, HOUR_MS, hash_key, public_id
from heedful.learn import LearningRow
from heedful.ports import DecisionRow
from heedful.strategy import Strategy

MONDAY: Final = 1_735_516_800_000
"""30 December 2024, midnight in UTC: the first day of every world."""
EVENING, NIGHTLY, MAILING = 19 * HOUR_MS, 8 * HOUR_MS, 10 * HOUR_MS
"""When people shop, when the shop hands over the day before, and when mail goes out."""
SLOT: Final = {"placement": "mailing", "channel": "email"}
_ENCODER: Final = msgspec.msgpack.Encoder()


class Spoken:
    """What steps say to the learner: rows, still without numbers, and what decisions saw."""

    def __init__(self) -> None:
        self.rows: list[LearningRow] = []
        self.decisions: list[DecisionRow] = []

    def add(self, step: decide.Step) -> None:
        """Take in what a step says."""
        self.rows += step.learned
        for decision in step.decisions:
            body = _ENCODER.encode({"features": decision.features})
            row = DecisionRow(decision.id, decision.customer, decision.at, 0, body)
            self.decisions.append(row)


class People(Protocol):
    """Some of the people, wherever they are: asked first, and answering when the answer is read."""

    def ask(self, what: str, *given: Any) -> None:
        """Ask for a method of `Crowd`."""

    def answer(self) -> Any:
        """Give what it returned."""


class _Person:
    """One customer's facts and case."""

    __slots__ = ("case", "due", "events", "facts", "identifiers", "last")

    def __init__(self, world: core.World, number: int) -> None:
        self.facts = core.new_customer(world)
        self.case = decide.new_case()
        self.identifiers = (Identifier("user_id", f"u{number}"),)
        self.events = 0
        self.due: int | None = None
        """When something happens by itself next."""
        self.last: tuple[int, str] | None = None
        """The decision that the last message came from."""


class Crowd:
    """The people of a range of numbers."""

    def __init__(self, strategy: Strategy, secret: bytes, numbers: range) -> None:
        self._world, self._secret, self._numbers = world_of(strategy), secret, numbers
        self._people = {number: _Person(self._world, number) for number in numbers}
        self._spoken = Spoken()

    def meet(self, snapshots: Mapping[str, bytes]) -> None:
        """Decide by these models from now on."""
        rules = self._world.rules.models
        read: dict[str, Any] = {
            name: Margins.decode(body) if name == MARGINS else rules[name].read(body)
            for name, body in snapshots.items()
        }
        models, margins = apart(read)
        self._shared = decide.Surroundings(
            secret=self._secret,
            models=models,
            margins=margins,
            governance=self._world.governance,
            budgets={},
            dictionary=self._world.dictionary,
            delays=delays_of(read),
        )

    def begin(self, marks: Marks) -> Spoken:
        """Identify everybody and take their consent to marketing."""
        agreed = {"purpose": "marketing", "channel": "*", "status": "granted"}
        for number in self._numbers:
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
        return self._said()

    def choose(self, day: int, asked: Numbers) -> tuple[list[str], Spoken]:
        """Ask for the slot, person by person; give the action for each."""
        at = MONDAY + day * DAY_MS + MAILING
        chosen = []
        for number in self._mine(asked):
            answer = self._happen(
                number, "own", decide.DECISION_REQUESTED, at, at, properties=SLOT
            ).answer
            assert answer is not None  # somebody asked
            chosen.append(answer.action)
            if answer.action != decide.DO_NOTHING:
                self._people[number].last = answer.id, answer.action
        return chosen, self._said()

    def hear(self, day: int, seen: Seen) -> list[Spoken]:
        """Take in a day; give what was said as time passed, and of each kind of news."""
        evening = MONDAY + day * DAY_MS + EVENING
        nightly = MONDAY + (day + 1) * DAY_MS + NIGHTLY
        self._pass_time(nightly)
        said = [self._said()]
        for number in self._who(seen.unsubscribed):
            self._told(number, "complained" if seen.complained[number] else "unsubscribed", nightly)
        said.append(self._said())
        for number in self._who(seen.ordered):
            paid = {"revenue": round(float(seen.revenue[number]), 2)}
            paid["margin"] = round(float(seen.margin[number]), 2)
            self._happen(number, "track", "Order Completed", evening, nightly, properties=paid)
        said.append(self._said())
        for number in self._who(seen.visited):
            self._happen(number, "track", "Shop Visited", evening - HOUR_MS, nightly)
        said.append(self._said())
        for number in self._who(seen.hesitated):
            self._happen(number, "track", "Cart Left", evening, nightly)
        return [*said, self._said()]

    def _mine(self, numbers: Numbers) -> list[int]:
        mine: list[int] = numbers[
            (numbers >= self._numbers.start) & (numbers < self._numbers.stop)
        ].tolist()
        return mine

    def _who(self, flags: Bools) -> list[int]:
        return self._mine(np.flatnonzero(flags))

    def _said(self) -> Spoken:
        spoken, self._spoken = self._spoken, Spoken()
        return spoken

    def _pass_time(self, until: int) -> None:
        """Let happen what is due by itself, as the engine's timers do: windows ripen and close.

        Notes
        -----
        Told an hour late, so that nothing is decided on it: here one writes by mailings alone.
        """
        for number, person in self._people.items():
            while person.due is not None and person.due <= until:
                due = person.due
                self._happen(number, "own", decide.TIME_PASSED, due - HOUR_MS, due)
                assert person.due is None or person.due > due  # the clock goes on

    def _told(self, number: int, outcome: str, at: int) -> None:
        """Say what became of the last message."""
        last = self._people[number].last
        if last is None:
            return
        said = {"decision_id": public_id("d", last[0]), "outcome": outcome, "action": last[1]}
        said |= {"channel": "email", "class": "promotional"}
        self._happen(number, "own", decide.OUTCOME_REPORTED, at, at, properties=said)

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
        person.due = person.case.due
        self._spoken.add(step)
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


class Here:
    """A crowd in this process."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd

    def ask(self, what: str, *given: Any) -> None:
        """Do it at once."""
        self._answer = getattr(self._crowd, what)(*given)

    def answer(self) -> Any:
        """Give what it returned."""
        return self._answer


class There:
    """A crowd in a process of its own, which ends with this one."""

    def __init__(self, strategy: Strategy, secret: bytes, numbers: range) -> None:
        # Spawned and not forked: whoever shows a year has threads.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        given = (theirs, strategy, secret, numbers)
        self._process = context.Process(target=_serve, args=given, daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, what: str, *given: Any) -> None:
        """Hand it over."""
        self._pipe.send((what, given))

    def answer(self) -> Any:
        """Wait for what it returned."""
        return self._pipe.recv()


def _serve(pipe: Connection, strategy: Strategy, secret: bytes, numbers: range) -> None:
    crowd = Crowd(strategy, secret, numbers)
    while True:
        try:
            what, given = pipe.recv()
        except EOFError:  # whoever asked is gone
            return
        pipe.send(getattr(crowd, what)(*given))


def crowds(strategy: Strategy, secret: bytes, people: int, processes: int) -> Sequence[People]:
    """Share people among processes, in ranges of numbers."""
    if processes == 1:
        return [Here(Crowd(strategy, secret, range(people)))]
    ends = [people * number // processes for number in range(processes + 1)]
    ranges = [range(*pair) for pair in pairwise(ends)]
    return [There(strategy, secret, numbers) for numbers in ranges]


def _of(identifiers: tuple[Identifier, ...]) -> tuple[Identifier, ...]:
    return identifiers
