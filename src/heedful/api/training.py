"""Models that are trained over the log: what each was trained on, and training it anew."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from litestar import Request, get, post
from litestar.params import FromPath
from litestar.response import Stream

from heedful.api import sse
from heedful.api.context import CALLER, Here
from heedful.kernel import InputError, expected, format_instant


class ModelState(msgspec.Struct, frozen=True, kw_only=True):
    """A declared model: what it was trained on, and why it should be again."""

    model: str
    kind: str
    """`lifetime` or `propensity`."""
    version: int
    """0 before the first training."""
    retrain: list[str]
    """Why it should be trained: `untrained`, `people_erased`, `definition_changed`."""
    trained_at: str | None = None
    since: str | None = None
    """First instant of what it was trained on."""
    until: str | None = None
    customers: int = 0
    rows: int = 0
    refused: int = 0
    """Customers left out because of what they said about training, or since they are gone."""
    erased: int = 0
    """People of its data set who were erased since."""
    digest: str = ""
    """Of its data set."""
    report: dict[str, Any] = {}
    """How well it foretold what came later."""


class ModelStates(msgspec.Struct, frozen=True):
    """The declared models."""

    items: list[ModelState]


@get("/v1/training", sync_to_thread=True)
def list_trained(context: Here) -> ModelStates:
    """List the models that the strategy declares: what each was trained on, and how good it is."""
    app = context.app
    return ModelStates([shown(one) for one in app.engine.trainer.states(app.strategy.models)])


@post("/v1/training/{name:str}", status_code=200, sync_to_thread=False)
def train(context: Here, request: Request[Any, Any, Any], name: FromPath[str]) -> Stream:
    """Train a model over the log and put it in force; progress in customers, then `result`."""
    by = str(request.scope["state"][CALLER].name)

    def work(progress: sse.Progress) -> ModelState:
        if not context.training.acquire(blocking=False):
            what = expected("no other training at work", "one that is", "server", "Wait for it.")
            raise InputError("job_running", what)
        try:
            app = context.app
            app.engine.trainer.train(app.strategy.models, name, by, progress)
            states = app.engine.trainer.states(app.strategy.models)
        finally:
            context.training.release()
        return next(shown(one) for one in states if one["model"] == name)

    return sse.working(context, work)


def shown(state: dict[str, Any]) -> ModelState:
    """Show a state with its instants as texts."""
    said = dict(state)
    for name in ("trained_at", "since", "until"):
        if name in said:
            said[name] = format_instant(said[name])
    return msgspec.convert(said, ModelState)


HANDLERS: Final = (list_trained, train)
