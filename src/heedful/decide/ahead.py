"""The long game in a decision: where the person stands, and what each action changes about later.

What comes after a contact, less what comes after silence, is looked up by action where a model of
the long game is in force. It is a term of the value and nothing else: gates and tiers come before
it, and help, which is not weighed against being tired of us, has none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from heedful.decide.choice import Choice, Option
from heedful.decide.compiled import TIER_RANK
from heedful.decide.types import LookedAhead
from heedful.kernel import MICRO
from heedful.learn import SILENT, LaterTable, Trained
from heedful.sense.ahead import AHEAD_STATE, NEED_LEVELS, TIRING, AheadForeseen, with_need
from heedful.sense.foreseen import CLV, MODEL_UNTRAINED
from heedful.sense.types import SIGNAL_WARMING

if TYPE_CHECKING:
    from heedful.decide.run import Run

Integers = npt.NDArray[np.int64]

PRODUCT_FORMULA: Final = "product_formula"
"""Why later is not counted: the strategy values by P x C x V x L, which has no room for it."""

SCALES_MAX: Final = 2
"""Doublings by which later may count more for somebody of great value, or less for one of small."""

_WEIGHED_FROM: Final = TIER_RANK["retention"]


class Point(NamedTuple):
    """Where a person stands, as far as it moves a decision."""

    state: int
    """In `sense.ahead.GRID`."""
    scale_ppm: int
    """How much later counts, by what they are foreseen to be worth: 10^6 times a power of two."""


class Outlook(NamedTuple):
    """What is known of one person's later."""

    point: Point | None
    table: LaterTable | None
    reason: str
    """Why there is no point; empty where there is one."""


NOTHING_AHEAD: Final = Outlook(None, None, "")


def table_in_force(said: AheadForeseen | None, trained: Mapping[str, Trained]) -> LaterTable | None:
    """Give the table that was trained for what the strategy says now."""
    known = None if said is None else trained.get(said.model)
    if known is None or said is None or known.definition != said.definition:
        return None
    return known.model if isinstance(known.model, LaterTable) else None


def look(run: Run) -> Outlook:
    """Read where a person stands."""
    said = run.rules.ahead
    if said is None:
        return NOTHING_AHEAD
    table = table_in_force(said, run.surroundings.trained)
    if table is None:
        return Outlook(None, None, MODEL_UNTRAINED)
    if run.rules.contact.is_product:
        return Outlook(None, table, PRODUCT_FORMULA)
    place = run.readings.signal(AHEAD_STATE)
    if not isinstance(place, int):
        return Outlook(None, table, SIGNAL_WARMING)
    level = max((NEED_LEVELS[need.tier] for need in run.case.open_needs()), default=0)
    scale = _scale(run, table) if said.by_value else MICRO
    return Outlook(Point(with_need(place, level), scale), table, "")


def _scale(run: Run, table: LaterTable) -> int:
    """Give how much later counts, by what the person is foreseen to be worth beside others.

    Notes
    -----
    To the nearest power of two, so that people of a state share what is worked out for them.
    """
    if not table.centre or CLV not in run.rules.signals.foreseen:
        return MICRO
    clv = run.readings.signal(CLV)
    if not isinstance(clv, int | float) or clv <= 0.0:
        return MICRO
    doublings = round(math.log2(clv * MICRO / table.centre))
    return int(MICRO * 2.0 ** max(-SCALES_MAX, min(doublings, SCALES_MAX)))


def laters(choice: Choice, table: LaterTable, point: Point, at_most: int) -> Integers | None:
    """Give what every arm of a choice changes about later, in micros, each action looked up once.

    Returns
    -------
    Shape (n_arms,); None where no arm of the choice is weighed so.
    """
    told = [_is_told(option) for option in choice.options]
    if not any(told):
        return None
    found = np.zeros(len(told), dtype=np.int64)
    for row in choice.rows:
        micros = table.later(row.action.name, point.state) * point.scale_ppm // MICRO
        found[row.first : row.first + row.many] = max(-at_most, min(micros, at_most))
    found *= np.array(told)
    return found


def _is_told(option: Option) -> bool:
    """Say whether an arm is a message that tires, and no help."""
    action = option.action
    is_weighed = action.rank >= _WEIGHED_FROM and not action.is_free
    return is_weighed and bool(option.arm.channel) and action.message_class in TIRING


def looked_ahead(run: Run, action: str | None) -> LookedAhead | None:
    """Write down where the person stood, and what is best next if nothing comes of an action."""
    if run.rules.ahead is None:
        return None
    seen = run.ahead
    if seen.point is None or seen.table is None:
        return LookedAhead(reason=seen.reason)
    then = seen.table.then(action or SILENT, seen.point.state)
    return LookedAhead(state=seen.point.state, scale_ppm=seen.point.scale_ppm, then=then)
