"""Drift and fairness over HTTP: what moved, who fares worse, and which rule makes it so."""

from __future__ import annotations

from typing import Annotated, Final

from litestar import get
from litestar.params import QueryParameter

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
        description="People whose past is decided again without one rule at a time.",
    ),
]


@get("/v1/measure/drift", sync_to_thread=True)
def drift(context: Here) -> DriftReport:
    """Say how far models and the values that conditions read have moved."""
    return watching.drift_report(context.app)


@get("/v1/measure/fairness", sync_to_thread=True)
def fairness(context: Here, sample: Sample = 0) -> FairnessReport:
    """Compare how groups fare, and name the rule that makes a gap."""
    return watching.fairness_report(context.app, sample)


HANDLERS: Final = (drift, fairness)
