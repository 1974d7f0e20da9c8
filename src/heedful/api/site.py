"""Everything but ingest: Litestar with one guard, one form of errors and one description."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar import Litestar, Request, Response, Router
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.exceptions import HTTPException, ValidationException
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler

from heedful.api import (
    audiences,
    bids,
    customers,
    decisions,
    docs,
    fairness,
    governance,
    health,
    inbox,
    measure,
    models,
    operations,
    senders,
    stream,
    training,
)
from heedful.api.bodies import with_known
from heedful.api.context import CALLER, Context
from heedful.api.errors import Answer, answer_to, unknown_route, wrong_method
from heedful.api.guard import log_fault, require_role
from heedful.api.roles import Route, methods_of
from heedful.kernel import InputError, expected

BODY_BYTES_MAX = 4 * 1024 * 1024
"""Bytes of a body outside ingest. Refused with `body_too_large`."""


def site(context: Context) -> Litestar:
    """Put the routes together."""

    def provide_context() -> Context:
        return context

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        _require_role(context, connection)

    return Litestar(
        # As one router, so that each handler is taken once: one by one, the framework would take
        # the first of a path again with the second, and hand it to a thread twice.
        route_handlers=[Router("/", route_handlers=handlers())],
        guards=[guard],
        dependencies={"context": Provide(provide_context, sync_to_thread=False)},
        exception_handlers={Exception: lambda request, error: _answer(context, request, error)},
        openapi_config=docs.openapi_config(handlers()),
        request_max_body_size=BODY_BYTES_MAX,
        logging_config=None,
        debug=False,
    )


def handlers() -> Sequence[HTTPRouteHandler]:
    """List the handlers of all rooms."""
    rooms = (
        health,
        audiences,
        customers,
        decisions,
        inbox,
        governance,
        operations,
        measure,
        bids,
        fairness,
        models,
        training,
        senders,
        stream,
    )
    return [handler for room in rooms for handler in room.HANDLERS]


def _require_role(context: Context, connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    scope = connection.scope
    route = Route(str(scope.get("method", "")), scope["path_template"])
    client = connection.client.host if connection.client else None
    scope["state"][CALLER] = require_role(
        context, route, connection.headers.get("authorization"), client
    )


def _answer(context: Context, request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    answer = _answer_to(error, request)
    log_fault(context, request.scope.get("path_template", ""), answer, error)
    return Response(
        answer.body(),
        status_code=answer.status,
        headers=answer.headers(),
        media_type="application/json",
    )


def _answer_to(error: Exception, request: Request[Any, Any, Any]) -> Answer:
    if isinstance(error, HTTPException):
        return _of_framework(error, request)
    return answer_to(error)


def _of_framework(error: HTTPException, request: Request[Any, Any, Any]) -> Answer:
    status = error.status_code
    if status == 404:
        return answer_to(unknown_route())
    if status == 405:
        return answer_to(wrong_method([*methods_of(request.scope["path"]), "OPTIONS"]))
    if status == 413:
        what = expected(f"a body of at most {BODY_BYTES_MAX} bytes", "a larger one", "$")
        return answer_to(InputError("body_too_large", what))
    if status >= 500:
        return answer_to(error)
    problems = _problems(error, request) if isinstance(error, ValidationException) else []
    if not problems:
        what = expected("a request as /docs describes it", "another", "$")
        return answer_to(InputError("invalid_request", what))
    first = problems[0]
    message = f"{first['message']} - at `{first['path']}`. All routes stand at /docs."
    return answer_to(InputError("invalid_request", message, {"problems": problems}))


def _problems(error: ValidationException, request: Request[Any, Any, Any]) -> list[dict[str, str]]:
    extra = error.extra if isinstance(error.extra, list) else []
    taken = request.route_handler.parsed_data_field
    found = []
    for one in extra:
        if isinstance(one, dict):
            place, message = _place(one), str(one.get("message", "")).rstrip(".")
            if taken is not None and place.startswith("$"):
                message = with_known(message, place, taken.annotation)
            found.append({"path": place, "message": message})
    return found


def _place(problem: dict[str, Any]) -> str:
    key, source = str(problem.get("key", "")), str(getattr(problem.get("source"), "value", ""))
    if source:
        return f"{source}.{key}"
    return "$" if key in {"", "data"} else f"$.{key}"
