"""The long game learned for decisions: everybody's life in the log, and a table of what follows.

Law: as of every training, people's data is read as they allow it, and their fragments stand in the
register of the data set; what comes into force is a table of whole micros.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from msgspec.structs import replace

from heedful.core import World
from heedful.engine.foreseeing import life_of
from heedful.engine.pasts import Past, Replayed
from heedful.kernel import MICRO, from_micros
from heedful.learn import SILENT, LaterTable
from heedful.measure.ahead import SAID_MIN, STEP_MS, WEEKS_MAX, LongGame
from heedful.measure.reaching import GoalReader
from heedful.sense.ahead import AheadForeseen
from heedful.sense.foreseen import CLV, LifetimeForeseen


class Planned(NamedTuple):
    """A table, and what it was learned from."""

    table: LaterTable
    since: int
    weeks: int
    report: dict[str, Any]
    is_enough: bool
    """Whether any action was said often enough to say something about it."""


def planned(
    world: World,
    model: AheadForeseen,
    pasts: Iterable[Past],
    end: int,
    seen: Callable[[Past], None],
) -> Planned:
    """Learn what comes after each action and after silence.

    Parameters
    ----------
    pasts
        Of all who may be learned from.
    end
        Where the past ends.
    seen
        Told of everybody who was learned from.
    """
    reader = GoalReader(world.rules, world.dictionary)
    costs = {name: action.cost for name, action in world.rules.actions.items()}
    since = end - WEEKS_MAX * STEP_MS
    game, worth = LongGame(costs, since, end), _Worth(world, model, end)
    first = end
    for past in pasts:
        events = sorted((e for _, e in past.events), key=lambda event: (event.at, event.key))
        life = life_of(past.fragments[0], events, reader)
        if not life.active:
            continue
        seen(past)
        game.add(life)
        worth.add(past)
        first = min(first, max(since, life.active[0]))
    table = replace(game.table(model.at_most, model.horizon_ms), centre=worth.centre)
    said = game.said
    report = {
        "actions": {
            arm: {"weeks": said[arm], "later": _mean(table, arm, game)}
            for arm in table.arms
            if arm != SILENT
        },
        "seldom_said": sorted(arm for arm in said if arm not in table.arms),
        "worth": float(from_micros(worth.centre)),
    }
    return Planned(table, first, game.weeks, report, max(said.values(), default=0) >= SAID_MIN)


def _mean(table: LaterTable, action: str, game: LongGame) -> float:
    """Give what an action changes about later on average where it was said."""
    states = game.states_of(action)
    micros = sum(times * table.later(action, state) for state, times in states.items())
    return float(micros / states.total() / MICRO)


class _Worth:
    """What people are foreseen to be worth, on average of those who bought."""

    def __init__(self, world: World, model: AheadForeseen, end: int) -> None:
        foreseen = world.signals.foreseen.get(CLV)
        self._lifetime = foreseen if isinstance(foreseen, LifetimeForeseen) else None
        if not model.by_value:
            self._lifetime = None
        self._world, self._end = world, end
        self._sum, self._count = 0.0, 0

    def add(self, past: Past) -> None:
        """Take in one person."""
        if self._lifetime is None:
            return
        scope = Replayed(self._world, self._lifetime, past).at(self._end)
        trained = self._world.trained.get(self._lifetime.model)
        clv = self._lifetime.values(scope, trained)[CLV]
        if isinstance(clv, int | float):
            self._sum += clv
            self._count += 1

    @property
    def centre(self) -> int:
        """Micros; 0 where nobody is foreseen to be worth anything."""
        return round(self._sum / self._count * MICRO) if self._count else 0
