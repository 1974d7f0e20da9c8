"""Drift and fairness over HTTP: what moved, who fares worse, and what makes it so."""

from __future__ import annotations

from typing import Annotated, Final

from litestar import get, post
from litestar.params import QueryParameter
from litestar.response import Stream

from heedful.api import sse
from heedful.api.context import Here
from heedful.app import watching
from heedful.app.publishing import SAMPLE_PEOPLE_MAX
from heedful.app.watching import DriftReport, FairnessReport

Sample = Annotated[
    int,
    QueryParameter(
        ge=0,
        le=SAMPLE_PEOPLE_MAX,
        schema_extra={"minimum": 0},
        description="People whose past is decided again without one rule, or with one field of "
        "what models see as usual, at a time.",
    ),
]


@get("/v1/measure/drift", sync_to_thread=True)
def drift(context: Here) -> DriftReport:
    """Say how far models and the values that they and conditions read have moved."""
    return watching.drift_report(context.app)


@get("/v1/measure/fairness", sync_to_thread=True)
def fairness(context: Here, sample: Sample = 0) -> FairnessReport:
    """Compare how groups fare, and name the rule or field that makes a gap."""
    return watching.fairness_report(context.app, sample)


@post("/v1/measure/fairness", status_code=200, sync_to_thread=False)
def explain_fairness(context: Here, sample: Sample = 200) -> Stream:
    """Compare as `GET` does; progress of what is decided again, then `result`."""
    return sse.working(context, lambda told: watching.fairness_report(context.app, sample, told))


HANDLERS: Final = (drift, fairness, explain_fairness)
