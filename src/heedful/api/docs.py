"""The description at `/docs`: OpenAPI 3.1 and a page that reads it, with nothing from elsewhere."""

from __future__ import annotations

from html import escape
from typing import Any, Final

from litestar import Litestar, Request
from litestar.enums import OpenAPIMediaType
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.openapi.spec import (
    Components,
    OpenAPIResponse,
    Operation,
    PathItem,
    Reference,
    RequestBody,
    Schema,
    SecurityScheme,
)
from litestar.openapi.spec import (
    OpenAPIMediaType as MediaBody,
)
from litestar.openapi.spec.enums import OpenAPIType

from heedful import __version__
from heedful.api.roles import PUBLIC, SENDERS, Route, allowed
from heedful.ingest import PATHS

_METHODS: Final = ("get", "post", "put", "delete", "patch")
_BEARER: Final = "key"
_BASIC: Final = "write_key"
_PROBLEM: Final = "Problem"
_REFUSALS: Final = {
    "400": "What was sent cannot be read.",
    "401": "No key, or none that is in force.",
    "403": "The key's role may not do this.",
    "404": "Not there.",
    "405": "A method that the path does not have.",
    "408": "The body came too slowly.",
    "409": "It is there already, or at work.",
    "413": "Too large.",
    "429": "Too much at once; see Retry-After.",
    "503": "Cannot be made durable now; see Retry-After.",
}
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}td{padding:.3rem .6rem;vertical-align:top;"
    "border-top:1px solid #ccc}code{font-size:.95em}"
)


class _Page(OpenAPIRenderPlugin):
    """A plain page: every route, what it does, and who may call it."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        rows = []
        for path, item in sorted(openapi_schema["paths"].items()):
            for method in _METHODS:
                if method not in item:
                    continue
                about = item[method].get("description") or item[method].get("summary") or ""
                roles = item[method].get("x-roles", ())
                cells = (f"{method.upper()} {path}", about, ", ".join(roles) or "everybody")
                rows.append("<tr>" + "".join(_cell(i, text) for i, text in enumerate(cells)))
        return (
            "<!doctype html><html lang=en><meta charset=utf-8><title>Heedful API</title>"
            f"<style>{_STYLE}</style><h1>Heedful API</h1>"
            "<p>The whole description: <a href=/docs/openapi.json>openapi.json</a>.</p>"
            f"<table><tr><td>route<td>what it does<td>who may{''.join(rows)}</table></html>"
        ).encode()


def _cell(index: int, text: str) -> str:
    return f"<td><code>{escape(text)}</code>" if index == 0 else f"<td>{escape(text)}"


def openapi_config() -> OpenAPIConfig:
    """Say what of the description does not stand at the handlers."""
    schemes: dict[str, SecurityScheme | Reference] = {
        _BEARER: SecurityScheme(
            type="http", scheme="bearer", description="A key of `heedful keys create`."
        ),
        _BASIC: SecurityScheme(
            type="http",
            scheme="basic",
            description="The write key of a source as user name, without a password.",
        ),
    }
    return OpenAPIConfig(
        title="Heedful",
        version=__version__,
        description="Events in, customers out. Errors are `{code, message, detail?}`.",
        components=Components(
            schemas={_PROBLEM: _problem(), "Call": _call()}, security_schemes=schemes
        ),
        path="/docs",
        use_handler_docstrings=True,
        render_plugins=[
            _Page(path="/"),
            JsonRenderPlugin(path="/openapi.json", media_type=OpenAPIMediaType.OPENAPI_JSON),
        ],
    )


def complete(site: Litestar) -> None:
    """Add to the description what the framework cannot know: ingest, errors, roles."""
    schema = site.openapi_schema
    paths = schema.paths = schema.paths or {}
    for item_path, item in paths.items():
        for method in _METHODS:
            operation = getattr(item, method)
            if operation is not None:
                _guard(operation, allowed(Route(method.upper(), item_path)) or PUBLIC)
    for tail in PATHS:
        paths[f"/v1/{tail}"] = PathItem(post=_ingest(tail))


def _guard(operation: Operation, roles: frozenset[str]) -> None:
    responses = operation.responses = operation.responses or {}
    for status, about in _REFUSALS.items():
        responses[status] = OpenAPIResponse(
            description=about, content={"application/json": MediaBody(_ref(_PROBLEM))}
        )
    operation.security = [{_BEARER: []}] if roles else []


def _ingest(tail: str) -> Operation:
    operation = Operation(
        operation_id=f"ingest_{tail}",
        summary="Send events, as Segment's SDKs do.",
        description=(
            "`200` is sent after the events are durable and only then. One event that cannot land "
            "goes to the quarantine while the rest lands."
        ),
        request_body=RequestBody(
            required=True, content={"application/json": MediaBody(_ref("Call"))}
        ),
        responses={
            "200": OpenAPIResponse(
                description="Durable.",
                content={"application/json": MediaBody(_success())},
            )
        },
    )
    _guard(operation, SENDERS)
    operation.security = [{_BASIC: []}, {_BEARER: []}]
    return operation


def _ref(name: str) -> Reference:
    return Reference(ref=f"#/components/schemas/{name}")


def _problem() -> Schema:
    return Schema(
        type=OpenAPIType.OBJECT,
        required=["code", "message"],
        properties={
            "code": Schema(type=OpenAPIType.STRING, description="Stable; match on it."),
            "message": Schema(type=OpenAPIType.STRING, description="For a person."),
            "detail": Schema(type=OpenAPIType.OBJECT),
        },
    )


def _success() -> Schema:
    flag = Schema(type=OpenAPIType.BOOLEAN)
    return Schema(type=OpenAPIType.OBJECT, required=["success"], properties={"success": flag})


def _call() -> Schema:
    text = Schema(type=OpenAPIType.STRING)
    mapping = Schema(type=OpenAPIType.OBJECT)
    items = Schema(type=OpenAPIType.ARRAY, items=mapping)
    return Schema(
        type=OpenAPIType.OBJECT,
        description="One call of Segment's specification, or a `batch` of them.",
        properties={
            "type": text,
            "event": text,
            "userId": text,
            "anonymousId": text,
            "messageId": text,
            "timestamp": text,
            "sentAt": text,
            "properties": mapping,
            "traits": mapping,
            "context": mapping,
            "batch": items,
        },
    )
