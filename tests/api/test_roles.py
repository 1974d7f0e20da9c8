"""Every route by every role, generated from the table: allowed, 401 or 403, exactly as it says."""

from __future__ import annotations

from typing import Any

import pytest
from litestar import Litestar, get
from litestar.testing import TestClient

from heedful.api.ingest import ROUTES
from heedful.api.roles import DECIDE, SENDERS, TABLE, Route
from heedful.api.site import site
from heedful.app import ROLES
from tests.api.serving import Served, bearer

FRAMEWORK_ONLY = Route("GET", "/docs/{path}")
"""Litestar answers the rest of the folder of the description with a page of its own; ours is not
reached, since it has no row."""
INGEST = {Route("POST", path): SENDERS for path in ROUTES}
EVERY = {**INGEST, **TABLE}
STRANGERS = ("no key", "unknown key", "revoked key", "key without a scheme", "key as Basic")


def headers_of(served: Served, caller: str) -> dict[str, str]:
    if caller in ROLES:
        return bearer(served.keys[caller])
    return {
        "no key": {},
        "unknown key": bearer("hk_nobody-has-this-one"),
        "revoked key": bearer(served.revoked),
        "key without a scheme": {"Authorization": served.keys["owner"]},
        "key as Basic": {"Authorization": f"Basic {served.keys['owner']}"},
    }[caller]


def address(served: Served, route: Route) -> str:
    names = {"customer_id": "c_unknown", "name": "nobody", "row": "1", "key": served.keys["source"]}
    ids = ("decision_id", "effect_id", "approval_id", "incident_id", "token", "version")
    return route.path.format(**names, **dict.fromkeys(ids, "unknown"))


def expected_status(route: Route, caller: str) -> set[int]:
    roles = EVERY[route]
    if not roles:
        return set()
    if caller not in ROLES:
        return {401}
    return set() if caller in roles else {403}


@pytest.mark.parametrize("route", sorted(EVERY), ids=" ".join)
def test_a_route_answers_exactly_the_roles_of_its_row(served: Served, route: Route) -> None:
    with served.client(role=None) as client:
        for caller in (*ROLES, *STRANGERS):
            wanted = expected_status(route, caller)
            # A public route needs no key, so what a caller shows is not looked at there. No body:
            # whoever may call is told what is missing, whoever may not is told that first.
            with client.stream(
                route.method, address(served, route), headers=headers_of(served, caller)
            ) as answer:
                if wanted:
                    assert {answer.status_code} == wanted, caller
                    code = "unknown_key" if 401 in wanted else "forbidden"
                    answer.read()
                    assert answer.json()["code"] == code
                else:
                    assert answer.status_code not in {401, 403}, caller
                    assert answer.status_code < 500, caller


def test_the_table_has_a_row_for_every_route_and_no_other(served: Served) -> None:
    made = site(served_context(served))
    assert live_routes(made) == {*TABLE, FRAMEWORK_ONLY} - {DECIDE}


def test_a_route_without_a_row_is_not_there_for_any_role(served: Served) -> None:
    made = site(served_context(served))
    made.register(get("/v1/forgotten")(forgotten))
    assert live_routes(made) - {*TABLE} == {Route("GET", "/v1/forgotten"), FRAMEWORK_ONLY}
    with TestClient(made) as client:
        for role in ROLES:
            for path in ("/v1/forgotten", "/docs/forgotten"):
                answer = client.get(path, headers=bearer(served.keys[role]))
                assert (answer.status_code, answer.json()["code"]) == (404, "route_not_found")


async def forgotten() -> str:
    return "seen"


def served_context(served: Served) -> Any:
    from heedful.api.context import Context

    return Context(served.app)


def live_routes(made: Litestar) -> set[Route]:
    """Ask the framework which routes it really answers; OPTIONS only says which methods."""
    return {
        Route(method, route.path_format)
        for route in made.routes
        for handler in route.route_handlers
        for method in handler.http_methods
        if method != "OPTIONS"
    }
