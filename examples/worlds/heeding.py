"""Heedful as a policy of a world: the real strategy, gates, tiers, choice and learner.

What a world shows becomes events; each is folded into a person's facts and stepped, exactly as the
engine does, without a store between: `heedful.core.fold`, `heedful.decide.step`, and the learner's
own fold of learning rows into models. A mailing is a slot that is asked for one person after the
other: the answer is the message, or silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from examples.worlds.crowd import MONDAY, NIGHTLY, Spoken, crowds
from examples.worlds.parameters import HERE, MESSAGES
from examples.worlds.playing import Morning
from examples.worlds.world import NOTHING, Marks, Numbers, Seen
from heedful import decide
from heedful.app.worlds import world_of
from heedful.decide.margins import MARGINS, Margins
from heedful.engine.learning import fold
from heedful.kernel import DAY_MS
from heedful.ports import DecisionRow
from heedful.strategy import Strategy, load

STRATEGY: Final = HERE / "strategy"
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

    def add(self, said: Spoken) -> None:
        """Take in what steps said."""
        for row in said.rows:
            numbered = msgspec.structs.replace(row, learn_seq=self.last + 1)
            self._bodies.append(_ENCODER.encode(numbered))
        for decision in said.decisions:
            self._decisions[decision.id] = decision

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


class Heedful:
    """Asks Heedful for each mail.

    Parameters
    ----------
    processes
        Among how many people are shared. What is decided is the same.
    """

    name = "Heedful"

    def __init__(self, seed: int, strategy: Strategy | None = None, processes: int = 1) -> None:
        self._strategy = read_strategy() if strategy is None else strategy
        self._secret = f"a closed world {seed}".encode()
        self._processes = processes
        self._log = _Log()
        rules = world_of(self._strategy).rules.models
        self.models: dict[str, Any] = {name: rule.new() for name, rule in rules.items()}
        self.models[MARGINS] = Margins()
        self.decisions = 0

    def begin(self, marks: Marks, people: int) -> None:
        """Identify everybody and take their consent to marketing."""
        self._crowds = crowds(self._strategy, self._secret, people, self._processes)
        self._learn(MONDAY)
        for said in self._all("begin", marks):
            self._log.add(said)

    def choose(self, morning: Morning) -> Numbers:
        """Ask for the slot, person by person."""
        chosen: list[int] = []
        for actions, said in self._all("choose", morning.day, morning.asked):
            self._log.add(said)
            for action in actions:
                message = _CARRIED.get(action, action)
                chosen.append(NOTHING if message == decide.DO_NOTHING else MESSAGES.index(message))
        self.decisions += len(chosen)
        return np.array(chosen, dtype=int)

    def learn(self, day: int, message: Numbers, seen: Seen) -> None:
        """Hand over the day, and let the learner fold what became known."""
        for news in zip(*self._all("hear", day, seen), strict=True):
            for said in news:
                self._log.add(said)
        self._learn(MONDAY + (day + 1) * DAY_MS + NIGHTLY)

    def _learn(self, now: int) -> None:
        """Fold what became known, as the background learner does between two batches."""
        own = {n: m if n == MARGINS else m.copy() for n, m in self.models.items()}
        upto = dict.fromkeys(own, self._log.last)
        self.models = fold(self._log, own, upto)  # type: ignore[arg-type]
        self._log.forget(now - WAITED_MS)
        self._all("meet", {name: model.encode() for name, model in self.models.items()})

    def _all(self, what: str, *given: Any) -> list[Any]:
        """Ask all crowds at once, and give their answers in the order of people."""
        for crowd in self._crowds:
            crowd.ask(what, *given)
        return [crowd.answer() for crowd in self._crowds]
