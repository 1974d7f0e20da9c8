"""Measuring over HTTP: what acting brought about, and who is credited with what came."""

from __future__ import annotations

from typing import Annotated, Final

from litestar import get, post
from litestar.params import FromQuery, JSONBody, QueryParameter

from heedful.api.bodies import StrategyFiles
from heedful.api.context import Here
from heedful.api.operations import sent_files
from heedful.app import measuring
from heedful.app.measuring import WhatifReport
from heedful.engine.attributing import AttributionReport
from heedful.engine.foreseeing import AheadReport
from heedful.engine.lifting import LIFT_PEOPLE_MAX, LiftReport
from heedful.engine.meeting import MEETING_PEOPLE_MAX
from heedful.measure.chain import ORDER_MAX
from heedful.measure.touching import By

People = Annotated[
    int | None,
    QueryParameter(ge=1, le=LIFT_PEOPLE_MAX, description="Most people to look at."),
]
Replayed = Annotated[
    int | None,
    QueryParameter(ge=1, le=MEETING_PEOPLE_MAX, description="Most people whose past is replayed."),
]
Order = Annotated[
    int, QueryParameter(ge=1, le=ORDER_MAX, description="Touches that make a state of the chain.")
]


@get("/v1/measure/lift", sync_to_thread=True)
def lift(context: Here, since: FromQuery[str] = "90d", people: People = None) -> LiftReport:
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
    people: People = None,
) -> AttributionReport:
    """Credit the outcomes of a goal by every method, beside what hold-outs show."""
    return measuring.attribution(context.app, goal, since, by, order, lookback, people)


@get("/v1/measure/ahead", sync_to_thread=True)
def ahead(context: Here, since: FromQuery[str] = "365d", people: People = None) -> AheadReport:
    """Say what messages change about the months after them: next, and if not, then."""
    return measuring.ahead(context.app, since, people)


@post("/v1/measure/whatif", status_code=200, sync_to_thread=True)
def whatif(
    context: Here,
    data: JSONBody[StrategyFiles | None] = None,
    since: FromQuery[str] = "30d",
    people: Replayed = None,
) -> WhatifReport:
    """Meet the log with another strategy: the files sent, or those in the workspace's folder."""
    return measuring.whatif(context.app, sent_files(context, data), since, people)


HANDLERS: Final = (lift, attribution, whatif, ahead)
