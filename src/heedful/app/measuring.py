"""What a workspace's doings were worth: the measures, with spans read and people sampled."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Final

import msgspec

from heedful import strategy as strategies
from heedful.app import publishing
from heedful.app.worlds import world_of
from heedful.core import World
from heedful.engine import (
    attributing,
    budgeting,
    foreseeing,
    lifting,
    meeting,
    read_lineage,
    uplifting,
)
from heedful.engine.attributing import AttributionReport
from heedful.engine.budgeting import BudgetReport
from heedful.engine.engine import under
from heedful.engine.foreseeing import AheadReport
from heedful.engine.lifting import LiftReport
from heedful.engine.uplifting import UpliftReport
from heedful.kernel import DAY_MS, InputError, expected, format_instant, parse_span
from heedful.measure.touching import By
from heedful.measure.whatif import Whatif, compare

if TYPE_CHECKING:
    from heedful.app.application import App

MEASURED_DAYS_MAX: Final = 3_650
"""Days that one measurement may look back; more are refused."""


WHATIF_PEOPLE: Final = 300
"""People whose past a what-if replays where nobody says how many; each event takes about 1 ms."""

_SEED: Final = 20_240_501  # of bootstrap replicates: the same log gives the same interval


class WhatifReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the log says of another strategy."""

    version: str
    """Of the strategy that was asked."""
    in_force: str
    since: str
    until: str
    currency: str
    logged: int
    """Decisions since then, of the people that were looked at."""
    repeated: int
    """Those that were made again exactly; only these are valued."""
    found: Whatif


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


def ahead(app: App, since: str, people: int | None = None) -> AheadReport:
    """Say what messages change about the months after them; see `measure.ahead`."""
    start, now = begin(app, since)
    limit = foreseeing.AHEAD_PEOPLE_MAX
    people_max = min(people or limit, limit)
    return foreseeing.look_ahead(app.store, app.engine.world, start, now, people_max=people_max)


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


def budget(
    app: App,
    goal: str,
    since: str,
    period: str = "7d",
    lookback: str = "30d",
    total: float | None = None,
    people: int | None = None,
) -> BudgetReport:
    """Propose a split of the money that actions cost; see `engine.budgeting`."""
    start, now = begin(app, since)
    limit = budgeting.BUDGET_PEOPLE_MAX
    return budgeting.measure_budget(
        app.store,
        app.engine.world,
        goal,
        start,
        now,
        period_ms=span_of(period, "$.period"),
        lookback_ms=span_of(lookback, "$.lookback"),
        total=total,
        people_max=min(people or limit, limit),
        seed=_SEED,
    )


def uplift(
    app: App, goal: str, hold_out: str | None = None, people: int | None = None
) -> UpliftReport:
    """Say whom acting changes; see `engine.uplifting`."""
    limit = lifting.LIFT_PEOPLE_MAX
    return uplifting.measure_uplift(
        app.store,
        app.engine.world,
        goal,
        app.engine.now(),
        hold_out=hold_out,
        people_max=min(people or limit, limit),
        seed=_SEED,
    )


def whatif(
    app: App, files: Mapping[str, str], since: str, people: int | None = None
) -> WhatifReport:
    """Meet the log with another strategy, and remember that it was done.

    Raises
    ------
    InputError
        `bad_strategy`, and as `span_of`.
    """
    start, now = begin(app, since)
    asked, world, lineage = strategies.load(files), app.engine.world, read_lineage(app.store)
    fairness = asked.fairness if asked.fairness.protected else app.strategy.fairness

    @cache
    def compiled(version: str) -> World:
        try:
            return world_of(strategies.load(app.strategy_files(version)), lineage)
        except InputError:  # an older release accepted it: what it decided is not repeated
            return world

    told = meeting.Told(
        app.secret, under(world, world_of(asked, lineage)), compiled, fairness.protected
    )
    limit = min(people or WHATIF_PEOPLE, meeting.MEETING_PEOPLE_MAX)
    met = meeting.meet(app.store, world, told, start, limit)
    report = WhatifReport(
        version=asked.version,
        in_force=app.strategy.version,
        since=format_instant(start),
        until=format_instant(now),
        currency=asked.definitions.currency,
        logged=met.logged,
        repeated=met.repeated,
        found=compare(met.meetings, seed=_SEED),
    )
    app.engine.transact(lambda tx: publishing.note_whatif(tx, asked.version, now))
    return report
