"""Two strategies side by side: whose decisions change, in the stories and in what happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from heedful.decide import DECISION_REQUESTED, Decision
from heedful.events import CONSENT_CHANGED, OBJECTION_RECORDED, Event
from heedful.kernel import DAY_MS
from heedful.strategy.load import Strategy, load_parts
from heedful.strategy.scenario import Telling
from heedful.strategy.scenario_file import ScenariosFile
from heedful.strategy.stage import Moment, Play, Stage

NOTHING: Final = "nothing decided"

AFTERWARDS_MS: Final = DAY_MS
"""How long the clock runs on behind the last event of a history, for what was waiting."""

_SAID_BY_OTHERS: Final = (CONSENT_CHANGED, OBJECTION_RECORDED, DECISION_REQUESTED)
"""Own events that did not follow from a decision; the others follow anew on each side."""

_Place = tuple[int, str, str, int]
"""When, on which event, for which slot, and the how many-th decision there."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One decision that two strategies make differently."""

    about: str
    """The story, or whose history it is."""
    at: int
    trigger: str
    """Name of the event that was decided on."""
    before: str
    """What the old strategy decides: an action with its channel, or that it does not."""
    after: str


def compare_stories(old: Mapping[str, str], new: Mapping[str, str]) -> list[Difference]:
    """Play the new folder's scenarios under both strategies.

    Parameters
    ----------
    old, new
        Texts by path, as in `check`.

    Returns
    -------
    list of Difference
        In the order of the files, the stories and their events.

    Raises
    ------
    InputError
        `bad_strategy` where either has a problem.
    """
    before, after = Stage(load_parts(old)[0]), load_parts(new)
    strategy, parts = after
    stage = Stage(strategy)
    found: list[Difference] = []
    for part in parts.of(ScenariosFile):
        for i, scenario in enumerate(part.section.scenarios):
            sides = []
            for side in (before, stage):
                telling = Telling(side, part, f"$.scenarios[{i}]", scenario)
                for _ in telling.failures():
                    pass  # what is expected does not matter here, only what happens
                sides.append(telling.story.decisions)
            found += _differing(f"{part.file}: {scenario.scenario}", *sides)
    return found


def compare_histories(
    old: Strategy, new: Strategy, histories: Mapping[str, Sequence[Event]]
) -> list[Difference]:
    """Replay what happened to people under both strategies, each from nothing.

    Notes
    -----
    Every event counts as received when it happened, the most likely action is taken, nobody is
    held out, nothing is learned, and what goes out is answered by nobody: what differs is the
    strategies' doing alone.

    Parameters
    ----------
    histories
        Events by person.
    """
    stages = Stage(old), Stage(new)
    return [
        difference
        for person, events in histories.items()
        for difference in _differing(person, *(play_history(stage, events) for stage in stages))
    ]


def play_history(
    stage: Stage, events: Iterable[Event], beside: Callable[[Moment], None] | None = None
) -> list[Decision]:
    """Play what happened to one person from nothing; gives what was decided.

    Parameters
    ----------
    beside
        Called with each step that decided something.
    """
    happened = sorted(
        (e for e in events if e.type != "own" or e.name in _SAID_BY_OTHERS),
        key=lambda event: (event.at, event.key),
    )
    if not happened:
        return []
    play = Play(stage, happened[0].at, beside=beside)
    for event in happened:
        play.wait(event.at)
        play.take(msgspec.structs.replace(event, received_at=event.at))
    play.wait(happened[-1].at + AFTERWARDS_MS)
    return play.told().decisions


def _differing(
    about: str, before: Iterable[Decision], after: Iterable[Decision]
) -> Iterator[Difference]:
    old, new = _placed(before), _placed(after)
    for place in sorted({**old, **new}):
        one, other = old.get(place, NOTHING), new.get(place, NOTHING)
        if one != other:
            at, trigger, _, _ = place
            yield Difference(about=about, at=at, trigger=trigger, before=one, after=other)


def _placed(decisions: Iterable[Decision]) -> dict[_Place, str]:
    counted: Counter[tuple[int, str, str]] = Counter()
    placed = {}
    for decision in decisions:
        where = decision.at, decision.trigger_name, decision.placement or ""
        placed[(*where, counted[where])] = _shown(decision)
        counted[where] += 1
    return placed


def _shown(decision: Decision) -> str:
    parts = (decision.channel, decision.treatment if decision.treatment != "default" else None)
    about = ", ".join(filter(None, parts))
    return f"{decision.action} ({about})" if about else decision.action
