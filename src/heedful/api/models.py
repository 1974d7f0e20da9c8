"""Models over HTTP: their reports."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import get, post
from litestar.params import FromQuery, JSONBody
from msgspec import Meta

from heedful.api.bodies import INT_MAX, Body, Name
from heedful.api.context import Here
from heedful.app import modelling
from heedful.app.modelling import Brought, Reported
from heedful.measure import ModelReport

Count = Annotated[float, Meta(ge=0, le=1e15)]
Share = Annotated[float, Meta(ge=0, le=1)]
Finite = Annotated[float, Meta(ge=-1e15, le=1e15)]
Label = Annotated[str, Meta(max_length=1_000)]
Part = Annotated[str, Meta(max_length=200)]


class BinBody(Body, frozen=True):
    """Values of a predictor that are counted together."""

    label: Label
    positives: Count
    negatives: Count
    lift: Finite
    z_ratio: Finite


class PredictorBody(Body, frozen=True):
    """One predictor of one model that was brought along."""

    action: Name
    predictor: Name
    kind: Literal["numeric", "symbolic"]
    use: Literal["active", "inactive"]
    """Whether the other system took it into account."""
    auc: Share
    bins: Annotated[list[BinBody], Meta(max_length=1_000)]
    model: Part = ""
    goal: Part = ""
    channel: Part = ""
    treatment: Part = ""


class ModelBody(Body, frozen=True):
    """One model that was brought along."""

    model: Name
    action: Name
    responses: Count
    positives: Count
    auc: Share
    predictors: Annotated[int, Meta(ge=0, le=INT_MAX)] = 0
    goal: Part = ""
    group: Part = ""
    channel: Part = ""
    treatment: Part = ""


class BroughtBody(Body, frozen=True):
    """The report of another system's models, as `heedful models import` reads it from a file."""

    source: Name
    at: Annotated[int, Meta(ge=0, le=INT_MAX)]
    models: Annotated[list[ModelBody], Meta(min_length=1, max_length=5_000)]
    predictors: Annotated[tuple[PredictorBody, ...], Meta(max_length=50_000)] = ()


@get("/v1/measure/models", sync_to_thread=True)
def report_models(
    context: Here, brought: FromQuery[bool] = False, action: FromQuery[str | None] = None
) -> Reported:
    """Report on models as users of decision hubs know it: responses, base rate, AUC."""
    return modelling.report(context.app, is_brought=brought, action=action)


@post("/v1/measure/models/brought", status_code=200, sync_to_thread=True)
def bring_models(context: Here, data: JSONBody[BroughtBody]) -> Brought:
    """Keep the report of another system's models, and say what it means for ours."""
    said: Any = msgspec.to_builtins(data)
    for one in said["predictors"]:
        one["is_active"] = one.pop("use") == "active"
    return modelling.bring(context.app, msgspec.convert(said, ModelReport))


HANDLERS: Final = (report_models, bring_models)
