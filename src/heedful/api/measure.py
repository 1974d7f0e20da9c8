"""Measuring over HTTP: what acting brought, who is credited, where money does more, what if."""

from __future__ import annotations

from typing import Annotated, Final

from litestar import get, post
from litestar.params import FromQuery, JSONBody, QueryParameter

from heedful.api.bodies import StrategyFiles
from heedful.api.context import Here
from heedful.api.operations import sent_files
from heedful.app import measuring
from heedful.app.measuring import WHATIF_PEOPLE, WhatifReport
from heedful.engine.attributing import AttributionReport
from heedful.engine.budgeting import BudgetReport
from heedful.engine.foreseeing import AheadReport
from heedful.engine.lifting import LIFT_PEOPLE_MAX, LiftReport
from heedful.engine.meeting import MEETING_PEOPLE_MAX
from heedful.engine.uplifting import UpliftReport
from heedful.measure.chain import ORDER_MAX
from heedful.measure.touching import By

People = Annotated[
    int,
    QueryParameter(ge=1, le=LIFT_PEOPLE_MAX, description="Most people to look at."),
]
Replayed = Annotated[
    int,
    QueryParameter(ge=1, le=MEETING_PEOPLE_MAX, description="Most people whose past is replayed."),
]
Total = Annotated[
    float,
    QueryParameter(ge=0.0, le=1e12, description="Money of a period; 0 for what it was."),
]
Order = Annotated[
    int, QueryParameter(ge=1, le=ORDER_MAX, description="Touches that make a state of the chain.")
]


@get("/v1/measure/lift", sync_to_thread=True)
def lift(
    context: Here, since: FromQuery[str] = "90d", people: People = LIFT_PEOPLE_MAX
) -> LiftReport:
    """Compare who was held out with everybody else, for each hold-out and goal."""
    return measuring.lift(context.app, since, people)


@get("/v1/measure/attribution", sync_to_thread=True)
def attribution(
    context: Here,
    goal: FromQuery[str],
    since: FromQuery[str] = "90d",
    by: FromQuery[By] = "action",
    order: Order = 1,
    lookback: FromQuery[str] = "30d",
    people: People = LIFT_PEOPLE_MAX,
) -> AttributionReport:
    """Credit the outcomes of a goal by every method, beside what hold-outs show."""
    return measuring.attribution(context.app, goal, since, by, order, lookback, people)


@get("/v1/measure/ahead", sync_to_thread=True)
def ahead(
    context: Here, since: FromQuery[str] = "365d", people: People = LIFT_PEOPLE_MAX
) -> AheadReport:
    """Say what messages change about the months after them: next, and if not, then."""
    return measuring.ahead(context.app, since, people)


@get("/v1/measure/budget", sync_to_thread=True)
def budget(
    context: Here,
    goal: FromQuery[str],
    since: FromQuery[str] = "90d",
    period: FromQuery[str] = "7d",
    lookback: FromQuery[str] = "30d",
    total: Total = 0.0,
    people: People = LIFT_PEOPLE_MAX,
) -> BudgetReport:
    """Propose how to split the money that actions cost in a period, with intervals."""
    return measuring.budget(context.app, goal, since, period, lookback, total or None, people)


@get("/v1/measure/uplift", sync_to_thread=True)
def uplift(
    context: Here,
    goal: FromQuery[str],
    hold_out: FromQuery[str] = "",
    people: People = LIFT_PEOPLE_MAX,
) -> UpliftReport:
    """Say whom acting changes, by the learner that ranks best people that it had not seen."""
    return measuring.uplift(context.app, goal, hold_out or None, people)


@post("/v1/measure/whatif", status_code=200, sync_to_thread=True)
def whatif(
    context: Here,
    data: JSONBody[StrategyFiles | None] = None,
    since: FromQuery[str] = "30d",
    people: Replayed = WHATIF_PEOPLE,
) -> WhatifReport:
    """Meet the log with another strategy: the files sent, or those in the workspace's folder."""
    return measuring.whatif(context.app, sent_files(context, data), since, people)


HANDLERS: Final = (lift, attribution, budget, uplift, whatif, ahead)
