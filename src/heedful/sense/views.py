"""The signals that are read from the moment, each a view of the one slot that all of them share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from heedful.expr import Type
from heedful.sense.moments import Moment
from heedful.sense.tail import Visits
from heedful.sense.types import Value

MOMENT: Final = "moment"
"""Kind of the signals that `sequences` declares."""

INTENT_CATEGORY: Final = "intent_category"
INTENT_STRENGTH: Final = "intent_strength"
NEXT_ITEMS: Final = "next_items"
NEXT_EVENT: Final = "next_event"


class View(NamedTuple):
    """How one signal is read."""

    type: Type
    read: Callable[[Moment | None, Visits, int], Value]
    """From the moment, the visits and the present."""
    description: str


def _next_items(moment: Moment | None, visits: Visits, now: int) -> Value:
    if moment is None or visits.foresight is None:
        return []
    return visits.foresight.next_items(moment.items)


def _next_event(moment: Moment | None, visits: Visits, now: int) -> Value:
    return None if visits.foresight is None else visits.foresight.next_event(visits.entries(), now)


VIEWS: Final[dict[str, View]] = {
    INTENT_CATEGORY: View(
        Type.TEXT,
        lambda moment, visits, now: None if moment is None else moment.category,
        "The category that a person is after in these minutes; none where there is none.",
    ),
    "intent_stage": View(
        Type.TEXT,
        lambda moment, visits, now: None if moment is None else moment.stage,
        "How far they are: browsing, comparing, buying or leaving; none where there is no moment.",
    ),
    INTENT_STRENGTH: View(
        Type.NUMBER,
        lambda moment, visits, now: 0.0 if moment is None else moment.strength,
        "How much speaks for the category, 0 to 1; high from 0.6 on.",
    ),
    "intent_hesitation": View(
        Type.NUMBER,
        lambda moment, visits, now: 0.0 if moment is None else moment.hesitation,
        "The share of three signs of hesitation: back to an item, taken back, a minute's pause.",
    ),
    NEXT_ITEMS: View(
        Type.LIST,
        _next_items,
        "The items that sessions like this one went on to, the most likely first.",
    ),
    NEXT_EVENT: View(
        Type.TEXT,
        _next_event,
        "The event that most likely comes next; `Session Ended` where that is nothing.",
    ),
}
"""By the name of the signal."""
