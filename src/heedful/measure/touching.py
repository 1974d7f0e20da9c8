"""From what happened to a person to their journeys: touches, then a conversion or none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple

from heedful.events import MESSAGE_RELEASED, Event
from heedful.kernel import DAY_MS, MICRO, MINUTE_MS
from heedful.measure.attribution import Journey
from heedful.measure.reaching import Reached

By = Literal["action", "channel"]

JOURNEY_TOUCHES_MAX: Final = 50
"""Touches of one journey that are credited: the last ones."""

VISIT_PAUSE_MS: Final = 30 * MINUTE_MS
"""Pause after which a campaign's parameters on a page are another touch of that campaign."""

CAMPAIGN: Final = "campaign:"
"""What stands before the source of a touch that was not ours, such as an advertisement's."""


class Touch(NamedTuple):
    """Something that reached a person, or by which they came."""

    at: int
    name: str


def touches_of(events: Iterable[Event], by: By) -> list[Touch]:
    """List the touches of one person: messages that went out, and visits by a campaign.

    Parameters
    ----------
    events
        In the order of `(at, key)`.
    by
        What a message is named after; a campaign is always `campaign:SOURCE`.
    """
    found: list[Touch] = []
    seen: dict[str, int] = {}
    for event in events:
        if event.type == "own" and event.name == MESSAGE_RELEASED:
            found.append(Touch(event.at, str(event.properties.get(by) or "none")))
        elif (source := _source(event.context)) is not None:
            name = CAMPAIGN + source
            if event.at - seen.get(name, -VISIT_PAUSE_MS) >= VISIT_PAUSE_MS:
                found.append(Touch(event.at, name))
            seen[name] = event.at
    return found


def _source(context: dict[str, Any]) -> str | None:
    campaign = context.get("campaign")
    source = campaign.get("source") if isinstance(campaign, dict) else None
    return source if isinstance(source, str) and source else None


class Travelled(NamedTuple):
    """The journeys of one person towards one goal."""

    journeys: list[Journey]
    untouched: int
    """Outcomes before which nothing had reached them for as long as is looked back."""


def journeys_of(
    touches: Sequence[Touch], reached: Iterable[Reached], goal: str, lookback_ms: int, until: int
) -> Travelled:
    """Cut a person's touches into journeys: each outcome ends one, what is left converted nobody.

    Parameters
    ----------
    lookback_ms
        How long before its end a journey begins at the earliest.
    until
        When what was observed ends.

    Returns
    -------
    Travelled
        Ages are in days.
    """
    rest, journeys, untouched = list(touches), [], 0
    for at, name, value in reached:
        if name != goal or at > until:
            continue
        before = [touch for touch in rest if touch.at <= at]
        rest = rest[len(before) :]
        near = [touch for touch in before if touch.at > at - lookback_ms]
        if near:
            journeys.append(_journey(near, at, conversions=1.0, value=value / MICRO))
        else:
            untouched += 1
    near = [touch for touch in rest if until - lookback_ms < touch.at <= until]
    if near:
        journeys.append(_journey(near, until, nulls=1.0))
    return Travelled(journeys, untouched)


def _journey(touches: Sequence[Touch], end: int, **counts: float) -> Journey:
    kept = touches[-JOURNEY_TOUCHES_MAX:]
    ages = tuple((end - touch.at) / DAY_MS for touch in kept)
    return Journey(touches=tuple(touch.name for touch in kept), ages=ages, **counts)
