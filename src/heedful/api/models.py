"""Models over HTTP: their reports, and which of them answers."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta

from heedful.api.bodies import INT_MAX, Because, Body, Name, Reason
from heedful.api.context import Here
from heedful.api.governance import Asking, asked, who
from heedful.app import modelling
from heedful.app.modelling import Brought, LineShown, ModelsShown, Reported
from heedful.decide.portable import MODEL_FILE_BYTES_MAX, ModelHead, read_head
from heedful.engine.exchange import Place
from heedful.kernel import MICRO
from heedful.measure import ModelReport

Count = Annotated[float, Meta(ge=0, le=1e15)]
Share = Annotated[float, Meta(ge=0, le=1)]
Finite = Annotated[float, Meta(ge=-1e15, le=1e15)]
Label = Annotated[str, Meta(max_length=1_000)]
Part = Annotated[str, Meta(max_length=200)]
Version = Annotated[int, Meta(ge=0, le=INT_MAX)]

_FILE_CHARS_MAX: Final = (MODEL_FILE_BYTES_MAX + 2) // 3 * 4  # base64


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


class ChallengeOrder(Body, frozen=True):
    """A model that answers for a share of the customers; a share of 0 ends it."""

    model: Name
    share: Share
    reason: Reason


class ShadowOrder(Body, frozen=True):
    """A model that begins to look on, or ends."""

    model: Name
    change: Literal["begin", "end"]
    reason: Reason


class PromoteOrder(Body, frozen=True):
    """A model that is to answer for everybody."""

    model: Name
    reason: Reason


@get("/v1/governance/models", sync_to_thread=True)
def list_models(context: Here) -> ModelsShown:
    """List the names that actions ask a model by, who answers, and the models in force."""
    return modelling.models(context.app)


@get("/v1/governance/models/{name:str}", sync_to_thread=True)
def show_model(context: Here, name: FromPath[str]) -> LineShown:
    """Tell who answers for a name, and how challengers and those that look on compare."""
    return modelling.shown(context.app.engine.governing.line(name))


@post("/v1/governance/models/{name:str}/challenge", status_code=200, sync_to_thread=True)
def challenge_model(
    context: Here, request: Asking, name: FromPath[str], data: JSONBody[ChallengeOrder]
) -> LineShown:
    """Let a model answer for a share of the customers."""
    governing = context.app.engine.governing
    share_ppm = round(data.share * MICRO)
    governing.challenge(name, data.model, share_ppm, who(request), data.reason)
    return modelling.shown(governing.line(name))


@post("/v1/governance/models/{name:str}/shadow", status_code=200, sync_to_thread=True)
def shadow_model(
    context: Here, request: Asking, name: FromPath[str], data: JSONBody[ShadowOrder]
) -> LineShown:
    """Let a model look on: it values what is decided, and nobody acts on it."""
    governing = context.app.engine.governing
    governing.shadow(name, data.model, data.change == "begin", who(request), data.reason)
    return modelling.shown(governing.line(name))


class Promoted(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a model answers for everybody now, or for whom that waits."""

    success: bool
    approval: dict[str, Any] | None
    """What others have to agree to first."""


@post("/v1/governance/models/{name:str}/promote", status_code=200, sync_to_thread=True)
def promote_model(
    context: Here, request: Asking, name: FromPath[str], data: JSONBody[PromoteOrder]
) -> Promoted:
    """Make a model the champion, or put it into the queue of approvals."""
    waiting = context.app.engine.governing.promote(name, data.model, who(request), data.reason)
    approval = None if waiting is None else asked(context, waiting)
    return Promoted(success=waiting is None, approval=approval)


@post("/v1/governance/models/{name:str}/rollback", status_code=200, sync_to_thread=True)
def roll_model_back(
    context: Here, request: Asking, name: FromPath[str], data: JSONBody[Because]
) -> LineShown:
    """Make the earlier champion answer again; what was tried ends."""
    governing = context.app.engine.governing
    governing.roll_back(name, who(request), data.reason)
    return modelling.shown(governing.line(name))


class ModelFile(msgspec.Struct, frozen=True, kw_only=True):
    """A model as a file, and what its first line says."""

    head: ModelHead
    file: bytes
    """In base64."""


@get("/v1/governance/models/{name:str}/file", sync_to_thread=True)
def export_model(context: Here, name: FromPath[str], version: FromQuery[Version] = 0) -> ModelFile:
    """Write a model in force as a file, as it is, or as it was at a row; 0 means now."""
    body = context.app.engine.governing.exported(name, version or None)
    return ModelFile(head=read_head(body)[0], file=body)


class ImportOrder(Body, frozen=True):
    """A model's file, and where the model is to stand."""

    file: Annotated[bytes, Meta(max_length=MODEL_FILE_BYTES_MAX)]
    """In base64, as the export gives it."""
    line: Name
    """The name that actions ask a model by, beside whose champion it is tried."""
    reason: Reason
    share: Share = 0.0
    """Of the customers for whom it answers; 0 to look on."""


@post(
    "/v1/governance/models/{name:str}/file",
    status_code=200,
    sync_to_thread=True,
    request_max_body_size=_FILE_CHARS_MAX + 64 * 1024,
)
def import_model(
    context: Here, request: Asking, name: FromPath[str], data: JSONBody[ImportOrder]
) -> LineShown:
    """Import a model under a name that the strategy declares: to look on, or for a share."""
    governing = context.app.engine.governing
    place = Place(name, data.line, round(data.share * MICRO))
    governing.bring(data.file, place, who(request), data.reason)
    return modelling.shown(governing.line(data.line))


HANDLERS: Final = (
    report_models,
    bring_models,
    list_models,
    show_model,
    challenge_model,
    shadow_model,
    promote_model,
    roll_model_back,
    export_model,
    import_model,
)
