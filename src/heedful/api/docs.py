"""The description at `/docs`: OpenAPI 3.1.

The framework reads the paths and their parameters from the handlers. The rest is added here: what
bodies and answers are (msgspec describes its types more exactly), who may call (the table of
roles), how a call can be refused (which follows from what it takes), and ingest, which is no
handler.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec
from litestar import Litestar, Request, Response
from litestar.enums import OpenAPIMediaType
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.response import Stream

from heedful import __version__
from heedful.api import page
from heedful.api.answers import Acknowledged, Decided, Problem, Success
from heedful.api.bodies import Call, Question
from heedful.api.deciding import decide
from heedful.api.roles import DECIDE, PUBLIC, SENDERS, TABLE, Route
from heedful.ingest import PATHS

ANSWER: Final = "answer"
"""Name of the option by which a handler that returns plain data says what type that is."""
SAYS: Final = "says"
"""Name of the option by which a handler that writes its own text says of which media type."""

_BEARER: Final = "key"
_BASIC: Final = "write_key"
_EVENT_STREAM: Final = "text/event-stream"
_REFS: Final = "#/components/schemas/{name}"
_REFUSALS: Final = {
    "400": "What was sent cannot be read, or asks for what cannot be.",
    "401": "No key, or none that is in force.",
    "403": "The key's role may not do this.",
    "404": "Not there.",
    "408": "The body came too slowly.",
    "409": "It is there already.",
    "413": "Too large.",
    "429": "Too much at once; see Retry-After.",
    "503": "Cannot be made durable now, or too much is in work; see Retry-After.",
}
_TAKES_BODY: Final = frozenset({"400", "408", "413"})
_INGESTS: Final = frozenset({"400", "401", "403", "408", "413", "429", "503"})
_ALSO: Final = {
    Route("POST", "/v1/customers/lookup"): {"404"},
    DECIDE: {"404", "409", "429"},
    Route("POST", "/v1/outcomes"): {"404", "429"},
    Route("POST", "/v1/audiences/decide"): {"409", "429"},
    Route("POST", "/v1/audiences/run"): {"409"},
    Route("POST", "/v1/effects/{effect_id}/redrive"): {"409"},
    Route("POST", "/v1/unsubscribe/{token}"): {"429"},
    Route("POST", "/v1/governance/stops"): {"409"},
    Route("POST", "/v1/governance/starts"): {"409"},
    Route("POST", "/v1/governance/guardrails/{name}/loosen"): {"409"},
    Route("POST", "/v1/governance/approvals/{approval_id}"): {"409"},
    Route("POST", "/v1/governance/incidents"): {"404", "409"},
    Route("POST", "/v1/governance/models/{name}/challenge"): {"404", "409"},
    Route("POST", "/v1/governance/models/{name}/shadow"): {"404", "409"},
    Route("POST", "/v1/governance/models/{name}/promote"): {"404", "409"},
    Route("POST", "/v1/governance/models/{name}/rollback"): {"404", "409"},
    Route("POST", "/v1/keys"): {"409"},
    Route("POST", "/v1/quarantine/redrive"): {"404", "429"},
    Route("GET", "/v1/projects/{key}/settings"): {"401"},
    Route("POST", "/v1/webhooks/{name}"): {*_TAKES_BODY, "401", "429"},
    Route("GET", "/v1/customers/{customer_id}/inbox/stream"): {"429"},
    Route("GET", "/v1/stream"): {"429"},
}
"""Refusals that do not follow from what a route takes."""

_TAGS: Final = {
    "events": "Send events, as Segment's SDKs do, and signed webhooks.",
    "customers": "The golden record and the person's rights.",
    "decisions": "What to do now, why, what became of it, and what goes out.",
    "governance": "Stop, start, approve, declare, prove.",
    "measure": "What it was worth: lift, credit, drift, fairness.",
    "models": "What models know, and which model answers.",
    "operations": "Quarantine, keys, strategy, replay, backup, doctor.",
    "stream": "What has just been committed.",
    "health": "Is it alive, does it take requests, how is it doing.",
}
_ROOMS: Final = {
    "senders": "events",
    "deciding": "decisions",
    "inbox": "decisions",
    "audiences": "decisions",
    "fairness": "measure",
    "training": "models",
    "bids": "measure",
}
_EVEN_EMPTY: Final = frozenset({"security", "x-roles"})


class _Taken(NamedTuple):
    """A handler's function, what it takes as a body, and what it answers."""

    route: Route
    function: Any
    body: Any
    answer: Any
    status: str
    says: str | None


class Described(OpenAPIRenderPlugin):
    """Gives the description as JSON, or as the page that is made from it."""

    def __init__(self, handlers: Iterable[HTTPRouteHandler], *, is_page: bool) -> None:
        if is_page:
            super().__init__(path="/")
        else:
            super().__init__(path="/openapi.json", media_type=OpenAPIMediaType.OPENAPI_JSON)
        self._handlers = tuple(handlers)
        self._is_page = is_page
        self._written: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Write it, once for all requests."""
        if self._written is None:
            said = describe(request.app, self._handlers)
            written = page.written(said).encode() if self._is_page else msgspec.json.encode(said)
            self._written = written
        return self._written


def openapi_config(handlers: Iterable[HTTPRouteHandler]) -> OpenAPIConfig:
    """Say where the description stands and what it is called."""
    return OpenAPIConfig(
        title="Heedful",
        version=__version__,
        description="Events in, customers out. Errors are `{code, message, detail?}`.",
        path="/docs",
        render_plugins=[Described(handlers, is_page=one) for one in (True, False)],
    )


def describe(site: Litestar, handlers: Iterable[HTTPRouteHandler]) -> dict[str, Any]:
    """Describe all routes, ingest included."""
    said = site.openapi_schema.to_schema()
    taken = [one for handler in handlers for one in _taken(handler)]
    taken.append(_Taken(DECIDE, decide, Question, Decided, "200", None))
    wanted = [kind for one in taken for kind in (one.body, one.answer) if _is_described(kind)]
    schemas, components = msgspec.json.schema_components(
        [*wanted, Problem, Success, Acknowledged, Call], ref_template=_REFS
    )
    shown = dict(zip(map(repr, wanted), schemas, strict=False))
    for one in taken:
        item = said["paths"].setdefault(one.route.path, {})
        method = one.route.method.lower()
        item[method] = _operation(one, item.get(method, {}).get("parameters", []), shown)
    for tail in PATHS:
        said["paths"][f"/v1/{tail}"] = {"post": _ingest(tail)}
    said["tags"] = [{"name": name, "description": about} for name, about in _TAGS.items()]
    said["components"] = {
        "schemas": dict(sorted(components.items())),
        "securitySchemes": {
            _BEARER: {
                "type": "http",
                "scheme": "bearer",
                "description": "A key of `heedful keys create`.",
            },
            _BASIC: {
                "type": "http",
                "scheme": "basic",
                "description": "The write key of a source as user name, without a password.",
            },
        },
    }
    return said


def _taken(handler: HTTPRouteHandler) -> Iterator[_Taken]:
    # The framework may have wrapped the function for its pool of threads.
    function: Any = getattr(handler.fn, "func", handler.fn)
    hints = get_type_hints(function, include_extras=True)
    body = _plain(hints["data"]) if "data" in hints else None
    answer = handler.opt.get(ANSWER, hints["return"])
    for path in handler.paths:
        template = path.replace(":str}", "}").replace(":int}", "}")
        for method in handler.http_methods:
            route = Route(str(method), template)
            yield _Taken(
                route, function, body, answer, str(handler.status_code), handler.opt.get(SAYS)
            )


def _plain(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _is_described(kind: Any) -> bool:
    """Whether msgspec can describe it: not a stream, a text or a whole response."""
    return kind is not None and kind not in (Stream, bytes) and get_origin(kind) is not Response


def _operation(
    one: _Taken, parameters: list[dict[str, Any]], shown: dict[str, Any]
) -> dict[str, Any]:
    summary, _, rest = (one.function.__doc__ or "").partition("\n")
    room = one.function.__module__.rpartition(".")[2]
    roles = TABLE.get(one.route, PUBLIC)
    described: dict[str, Any] = {
        "operationId": one.function.__name__,
        "tags": [_ROOMS.get(room, room)],
        "summary": summary,
        "description": " ".join(rest.split()),
        "parameters": [_parameter(parameter) for parameter in parameters],
        "responses": {
            one.status: _answered(one, shown),
            **_refusals(_refused(one, parameters, roles)),
        },
        "security": [{_BEARER: []}] if roles else [],
        "x-roles": sorted(roles),
    }
    if one.body is not None:
        described["requestBody"] = {
            "required": not _is_optional(one.body),
            "content": {"application/json": {"schema": shown[repr(one.body)]}},
        }
    return {name: value for name, value in described.items() if value or name in _EVEN_EMPTY}


def _is_optional(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType) and type(None) in get_args(kind)


def _parameter(given: dict[str, Any]) -> dict[str, Any]:
    schema = dict(given["schema"])
    # What may be left out is never sent as null: a path, a query and a header have none.
    kinds = [one for one in schema.pop("oneOf", ()) if one.get("type") != "null"]
    schema.pop("description", None)
    for kind in kinds:
        schema |= kind
    kept: dict[str, Any] = {
        name: given[name] for name in ("name", "in", "description") if name in given
    }
    return {**kept, "required": given.get("required", False), "schema": schema}


def _answered(one: _Taken, shown: dict[str, Any]) -> dict[str, Any]:
    kind = one.answer
    if one.says is not None:
        return {"description": "Text.", "content": {one.says: {"schema": {"type": "string"}}}}
    if kind is Stream:
        parts = {name: {"type": "string"} for name in ("id", "event", "data")}
        event = {"type": "object", "description": "One event.", "properties": parts}
        return {"description": "As it goes.", "content": {_EVENT_STREAM: {"schema": event}}}
    schema = shown.get(repr(kind), {})
    return {"description": "Done.", "content": {"application/json": {"schema": schema}}}


def _refused(one: _Taken, parameters: list[dict[str, Any]], roles: frozenset[Any]) -> set[str]:
    codes = {"503", *_ALSO.get(one.route, ())}
    if roles:
        codes |= {"401", "403"}
    if one.body is not None:
        codes |= _TAKES_BODY
    if "{" in one.route.path:
        codes.add("404")
    if any(p["in"] != "path" or p["schema"].get("type") == "integer" for p in parameters):
        codes.add("400")
    return codes


def _refusals(codes: Iterable[str]) -> dict[str, Any]:
    schema = {"$ref": _REFS.format(name=Problem.__name__)}
    body = {"application/json": {"schema": schema}}
    return {code: {"description": _REFUSALS[code], "content": body} for code in sorted(codes)}


def _ingest(tail: str) -> dict[str, Any]:
    call, success = ({"$ref": _REFS.format(name=kind.__name__)} for kind in (Call, Acknowledged))
    durable = {"description": "Durable.", "content": {"application/json": {"schema": success}}}
    return {
        "operationId": f"ingest_{tail}",
        "tags": ["events"],
        "summary": "Send events, as Segment's SDKs do.",
        "description": (
            "`200` is sent after the events are durable and only then. One event that cannot land "
            "goes to the quarantine while the rest lands. Any Content-Type, gzip or not."
        ),
        "requestBody": {"required": True, "content": {"application/json": {"schema": call}}},
        "responses": {"200": durable, **_refusals(_INGESTS)},
        "security": [{_BASIC: []}, {_BEARER: []}],
        "x-roles": sorted(SENDERS),
    }
