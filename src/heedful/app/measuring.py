"""What a workspace's doings were worth: the measures, with spans read and people sampled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from heedful.engine import attributing, lifting
from heedful.engine.attributing import AttributionReport
from heedful.engine.lifting import LiftReport
from heedful.kernel import DAY_MS, InputError, expected, parse_span
from heedful.measure.touching import By

if TYPE_CHECKING:
    from heedful.app.application import App

MEASURED_DAYS_MAX: Final = 3_650
"""Days that one measurement may look back; more are refused."""


def span_of(text: str, path: str) -> int:
    """Read how far back something is looked for, in ms.

    Raises
    ------
    InputError
        `bad_span`, or `span_too_long`.
    """
    span = parse_span(text, path)
    if not 0 < span <= MEASURED_DAYS_MAX * DAY_MS:
        what = expected(f"a span above 0 and up to {MEASURED_DAYS_MAX}d", text, path)
        raise InputError("span_too_long", what)
    return span


def begin(app: App, since: str) -> tuple[int, int]:
    """Give the begin and the end of what is measured, ms since 1970; raises as `span_of`."""
    now = app.engine.now()
    return now - span_of(since, "$.since"), now


def lift(app: App, since: str, people: int | None = None) -> LiftReport:
    """Compare who was held out with everybody else; see `engine.lifting`."""
    start, now = begin(app, since)
    people_max = min(people or lifting.LIFT_PEOPLE_MAX, lifting.LIFT_PEOPLE_MAX)
    return lifting.measure_lift(app.store, app.engine.world, start, now, people_max=people_max)


def attribution(
    app: App,
    goal: str,
    since: str,
    by: By = "action",
    order: int = 1,
    lookback: str = "30d",
    people: int | None = None,
) -> AttributionReport:
    """Credit the outcomes of a goal; see `engine.attributing`."""
    start, now = begin(app, since)
    limit = attributing.ATTRIBUTION_PEOPLE_MAX
    return attributing.measure_attribution(
        app.store,
        app.engine.world,
        goal,
        by,
        start,
        now,
        order=order,
        lookback_ms=span_of(lookback, "$.lookback"),
        people_max=min(people or limit, limit),
    )
