"""The long game of a workspace, from the events in the log; see `heedful.measure.ahead`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from heedful.core import World
from heedful.decide import NEED_CLOSED, NEED_OPENED, OUTCOME_REPORTED
from heedful.engine.histories import histories
from heedful.events import MESSAGE_RELEASED, Event
from heedful.kernel import format_instant
from heedful.measure.ahead import Ahead, Life, LongGame
from heedful.measure.reaching import GoalReader
from heedful.ports import Store
from heedful.sense.ahead import NEED_LEVELS, TIRING

AHEAD_PEOPLE_MAX: Final = 100_000
"""People whose lives are looked at for the long game; of more a fair sample of so many."""

_FOREVER: Final = 1 << 62


class AheadReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the workspace's messages change about the months after them."""

    since: str
    until: str
    currency: str
    found: Ahead


def look_ahead(
    store: Store, world: World, since: int, now: int, *, people_max: int = AHEAD_PEOPLE_MAX
) -> AheadReport:
    """Learn from the lives of a workspace what comes after a message, and after silence."""
    rules = world.rules
    game = LongGame({name: one.cost for name, one in rules.actions.items()}, since, now)
    reader = GoalReader(rules, world.dictionary)
    for history in histories(store, people_max):
        game.add(life_of(history.key, history.events, reader))
    return AheadReport(
        since=format_instant(since),
        until=format_instant(now),
        currency=rules.currency,
        found=game.report(),
    )


def life_of(key: int, events: Sequence[Event], reader: GoalReader) -> Life:
    """Read one person's life off their events.

    Parameters
    ----------
    events
        In the order of `(at, key)`.

    Notes
    -----
    Where one event reaches several goals, the one that was worth the most counts: it is one order.
    """
    brought: dict[int, int] = {}
    for reached in reader.reached(events):
        brought[reached.at] = max(reached.value, brought.get(reached.at, 0))
    own = [event for event in events if event.type == "own"]
    return Life(
        key=key,
        active=[event.at for event in events if event.type != "own"],
        told=[
            (event.at, str(event.properties.get("action")))
            for event in own
            if event.name == MESSAGE_RELEASED and event.properties.get("class") in TIRING
        ],
        took=[
            (event.at, str(event.properties.get("outcome")))
            for event in own
            if event.name == OUTCOME_REPORTED
        ],
        brought=sorted(brought.items()),
        needs=_needs(own),
    )


def _needs(own: Sequence[Event]) -> list[tuple[int, int, int]]:
    """Pair what opened with what closed."""
    found: list[tuple[int, int, int]] = []
    opened: dict[str, tuple[int, int]] = {}
    for event in own:
        need, level = str(event.properties.get("need")), event.properties.get("tier")
        if event.name == NEED_OPENED:
            opened.setdefault(need, (event.at, NEED_LEVELS.get(str(level), 0)))
        elif event.name == NEED_CLOSED and need in opened:
            start, rank = opened.pop(need)
            found.append((start, event.at, rank))
    found += [(start, _FOREVER, rank) for start, rank in opened.values()]
    return sorted(found)
