"""Who may do what: one table from route to roles. A route without a row is not there.

Who reads personal data: those who serve people (agent, supervisor) and those who run the
workspace (operator, owner). An analyst sees shapes, not people: the strategy, the stream, the
readiness of the data. A source may send events and nothing else, so a write key that is public in
every browser opens nothing. A service (the shop's back end) sends events and finds customers.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from heedful.app import Role


class Route(NamedTuple):
    """A method and a path template, as OpenAPI writes it."""

    method: str
    path: str


PUBLIC: Final[frozenset[Role]] = frozenset()
"""Open to all: without personal data, and needed before anybody has a key."""


def _roles(*roles: Role) -> frozenset[Role]:
    return frozenset(roles)


_OWNS: Final = _roles("owner")
_RUNS: Final = _roles("owner", "operator")
_LOOKS: Final = _RUNS | _roles("analyst", "supervisor")
_LEADS: Final = _RUNS | _roles("supervisor")
_SERVES: Final = _LEADS | _roles("agent")
_FINDS: Final = _SERVES | _roles("service")
SENDERS: Final = _RUNS | _roles("source", "service")
"""Who may send events."""

DECIDE: Final = Route("POST", "/v1/decide")
"""Answered beside the framework, as ingest is."""

_CUSTOMER: Final = "/v1/customers/{customer_id}"

TABLE: Final[dict[Route, frozenset[Role]]] = {
    Route("GET", "/healthz"): PUBLIC,
    Route("GET", "/readyz"): PUBLIC,
    Route("GET", "/metrics"): PUBLIC,
    Route("GET", "/docs"): PUBLIC,
    Route("GET", "/docs/openapi.json"): PUBLIC,
    # The key stands in the path, the signature over the body: checked where they are read.
    Route("GET", "/v1/projects/{key}/settings"): PUBLIC,
    Route("POST", "/v1/webhooks/{name}"): PUBLIC,
    Route("POST", "/v1/customers/lookup"): _FINDS,
    Route("GET", _CUSTOMER): _FINDS,
    Route("GET", f"{_CUSTOMER}/timeline"): _SERVES,
    Route("GET", f"{_CUSTOMER}/graph"): _SERVES,
    Route("GET", f"{_CUSTOMER}/signals/{{name}}/explain"): _SERVES,
    Route("GET", f"{_CUSTOMER}/export"): _LEADS,
    Route("POST", f"{_CUSTOMER}/merge-preview"): _SERVES,
    Route("POST", f"{_CUSTOMER}/unmerge"): _LEADS,
    Route("POST", f"{_CUSTOMER}/object"): _FINDS,
    Route("POST", f"{_CUSTOMER}/consents"): _FINDS,
    Route("DELETE", _CUSTOMER): _RUNS,
    Route("GET", f"{_CUSTOMER}/decisions"): _SERVES | _roles("analyst"),
    Route("GET", f"{_CUSTOMER}/withheld"): _SERVES,
    Route("GET", f"{_CUSTOMER}/inbox"): _FINDS,
    Route("GET", f"{_CUSTOMER}/inbox/stream"): _FINDS,
    Route("POST", f"{_CUSTOMER}/inbox/{{effect_id}}"): _FINDS,
    DECIDE: _FINDS,
    Route("POST", "/v1/outcomes"): _FINDS,
    Route("POST", "/v1/audiences/decide"): _LEADS,
    Route("POST", "/v1/audiences/run"): _LEADS,
    Route("GET", "/v1/decisions/{decision_id}"): _SERVES | _roles("analyst"),
    Route("GET", "/v1/effects"): _RUNS,
    Route("POST", "/v1/effects/{effect_id}/redrive"): _RUNS,
    # The token is the key; a GET changes nothing.
    Route("GET", "/v1/unsubscribe/{token}"): PUBLIC,
    Route("POST", "/v1/unsubscribe/{token}"): PUBLIC,
    Route("GET", "/v1/governance/stops"): _LOOKS,
    Route("POST", "/v1/governance/stops"): _LEADS,
    Route("POST", "/v1/governance/starts"): _LEADS,
    Route("GET", "/v1/governance/approvals"): _LOOKS,
    Route("POST", "/v1/governance/approvals/{approval_id}"): _LEADS,
    Route("GET", "/v1/governance/incidents"): _LOOKS,
    Route("POST", "/v1/governance/incidents"): _LEADS,
    Route("POST", "/v1/governance/incidents/{incident_id}/end"): _LEADS,
    Route("GET", "/v1/governance/guardrails"): _LOOKS,
    Route("POST", "/v1/governance/guardrails/{name}/loosen"): _LEADS,
    Route("GET", "/v1/governance/models"): _LOOKS,
    Route("GET", "/v1/governance/models/{name}"): _LOOKS,
    Route("POST", "/v1/governance/models/{name}/challenge"): _LEADS,
    Route("POST", "/v1/governance/models/{name}/shadow"): _LEADS,
    Route("POST", "/v1/governance/models/{name}/promote"): _LEADS,
    Route("POST", "/v1/governance/models/{name}/rollback"): _LEADS,
    Route("GET", "/v1/governance/models/{name}/file"): _LEADS,
    Route("POST", "/v1/governance/models/{name}/file"): _LEADS,
    Route("GET", "/v1/governance/audit"): _LOOKS,
    Route("GET", "/v1/governance/audit/head"): _LOOKS,
    Route("POST", "/v1/governance/audit/verify"): _LOOKS,
    Route("GET", "/v1/quarantine"): _RUNS,
    Route("POST", "/v1/quarantine/redrive"): _RUNS,
    Route("GET", "/v1/quarantine/{row}"): _RUNS,
    Route("DELETE", "/v1/quarantine/{row}"): _RUNS,
    Route("GET", "/v1/keys"): _OWNS,
    Route("POST", "/v1/keys"): _OWNS,
    Route("DELETE", "/v1/keys/{name}"): _OWNS,
    Route("GET", "/v1/strategy"): _LOOKS,
    Route("GET", "/v1/strategy/versions"): _LOOKS,
    Route("GET", "/v1/strategy/versions/{version}"): _LOOKS,
    Route("POST", "/v1/strategy/check"): _LOOKS,
    Route("POST", "/v1/strategy/publish"): _RUNS,
    Route("GET", "/v1/signals"): _LOOKS | _SERVES,
    # Figures over many people; nobody is named.
    Route("GET", "/v1/measure/lift"): _LOOKS,
    Route("GET", "/v1/measure/bids"): _LOOKS,
    # People, if hashed: for those who run the workspace.
    Route("GET", "/v1/measure/conversions"): _RUNS,
    Route("GET", "/v1/measure/attribution"): _LOOKS,
    Route("GET", "/v1/measure/ahead"): _LOOKS,
    Route("GET", "/v1/measure/drift"): _LOOKS,
    Route("GET", "/v1/measure/fairness"): _LOOKS,
    Route("POST", "/v1/measure/fairness"): _LOOKS,
    Route("POST", "/v1/measure/whatif"): _LOOKS,
    Route("GET", "/v1/measure/budget"): _LOOKS,
    Route("GET", "/v1/measure/uplift"): _LOOKS,
    Route("GET", "/v1/measure/models"): _LOOKS,
    Route("POST", "/v1/measure/models/brought"): _RUNS,
    Route("GET", "/v1/stream"): _LOOKS,
    Route("POST", "/v1/replay"): _RUNS,
    Route("GET", "/v1/training"): _LOOKS,
    Route("POST", "/v1/training/{name}"): _RUNS,
    Route("POST", "/v1/backup"): _RUNS,
    Route("GET", "/v1/backups"): _RUNS,
    Route("POST", "/v1/archive"): _RUNS,
    Route("GET", "/v1/doctor"): _LOOKS,
}
"""Every route that Litestar answers; the routes of ingest are open to `SENDERS`."""


def allowed(route: Route) -> frozenset[Role] | None:
    """Give the roles of a route; empty for a public one, None for one without a row."""
    return TABLE.get(route)


def methods_of(path: str) -> list[str]:
    """List the methods that a path answers; a plain path comes before a template."""
    plain = {route.method for route in TABLE if route.path == path}
    found = plain or {route.method for route, one in _PATTERNS.items() if one.fullmatch(path)}
    return sorted(found | {"HEAD"} if "GET" in found else found)


_PATTERNS: Final = {
    route: re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(route.path))) for route in TABLE
}
