"""What the description says of an answer is what the server answers, and no field more.

The types of `answers` describe and are never passed through, so each is held here against a real
answer; that an answer has every field that is described, the fuzzing of `test_schema` sees.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from msgspec import inspect

from heedful.api.answers import Decided
from heedful.api.docs import ANSWER
from heedful.api.health import healthz, readyz
from heedful.api.roles import DECIDE, Route
from heedful.api.senders import receive_webhook
from heedful.api.site import handlers
from tests.api import shop
from tests.api.serving import Served

ELSEWHERE = {id(receive_webhook), id(healthz), id(readyz)}
"""`{"success": true}` and health: asked for by other tests."""
ELSEWHERE_ASKED = {
    Route("POST", "/v1/effects/{effect_id}/redrive"),
    Route("POST", "/v1/governance/guardrails/{name}/loosen"),
}
"""Asked for in test_outbox and test_governance, since it takes a dead letter or many complaints."""


def described() -> dict[Route, Any]:
    """Give the type of each route's answer, where it is plain data that a type describes."""
    found = {DECIDE: Decided}
    for handler in handlers():
        if ANSWER in handler.opt and id(handler) not in ELSEWHERE:
            (path,), (method,) = handler.paths, handler.http_methods
            template = path.replace(":str}", "}").replace(":int}", "}")
            found[Route(str(method), template)] = handler.opt[ANSWER]
    return found


def undeclared(kind: inspect.Type, value: Any, path: str = "$") -> Iterator[str]:
    """List the fields of a value that its type does not have."""
    if isinstance(kind, inspect.UnionType):
        for one in kind.types:
            if isinstance(one, inspect.StructType | inspect.ListType | inspect.DictType):
                yield from undeclared(one, value, path)
    elif isinstance(kind, inspect.StructType) and isinstance(value, dict):
        fields = {field.encode_name: field.type for field in kind.fields}
        for name, held in value.items():
            if name in fields:
                yield from undeclared(fields[name], held, f"{path}.{name}")
            else:
                yield f"{path}.{name}"
    elif isinstance(kind, inspect.ListType) and isinstance(value, list):
        for held in value:
            yield from undeclared(kind.item_type, held, f"{path}[]")
    elif isinstance(kind, inspect.DictType) and isinstance(value, dict):
        for held in value.values():
            yield from undeclared(kind.value_type, held, f"{path}{{}}")


class Asked:
    """Asks a real shop, and keeps what each route answered."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.answers: dict[Route, Any] = {}

    def ask(self, method: str, template: str, body: Any = None, **names: str) -> Any:
        sent = {} if body is None else {"json": body}
        answer = self.client.request(method, template.format(**names), **sent)
        assert answer.status_code == 200, answer.text
        self.answers[Route(method, template)] = answer.json()
        return answer.json()


@pytest.fixture(scope="module")
def asked(deciding: Served) -> Iterator[Asked]:
    """Ask every route about people of whom all is known that can be known."""
    with deciding.client() as client:
        asked = Asked(client)
        names = {"customer_id": shop.meet(client, "answered"), "name": "failures"}
        other = shop.meet(client, "answered other")
        shop.fail_to_pay(client, "answered")
        said = {"type": "group", "userId": "answered", "groupId": "household"}
        client.post("/v1/batch", json={"batch": [{**said, "traits": {"size": 2}}, {"type": "odd"}]})
        ask_about(asked, names, other)
        govern(asked)
        yield asked


def ask_about(asked: Asked, names: dict[str, str], other: str) -> None:
    customer = "/v1/customers/{customer_id}"
    whom = {"user_id": "answered other"}
    said = {"customer": whom, "channel": "inapp", "explain": True}
    names["decision_id"] = asked.ask("POST", "/v1/decide", said)["decision_id"]
    asked.ask("GET", "/v1/decisions/{decision_id}", **names)
    outcome = {"decision_id": names["decision_id"], "outcome": "shown"}
    asked.ask("POST", "/v1/outcomes", outcome)
    for tail in ("", "/timeline", "/graph", "/export", "/decisions", "/withheld"):
        asked.ask("GET", customer + tail, **names)
    for _ in range(400):
        items = asked.ask("GET", customer + "/inbox", **names)["items"]
        if items:
            break
    names["effect_id"] = items[0]["effect_id"]
    asked.ask("POST", customer + "/inbox/{effect_id}", {"mark": "shown"}, **names)
    asked.ask("GET", customer + "/signals/{name}/explain", **names)
    asked.ask("POST", customer + "/merge-preview", {"with": other}, **names)
    asked.ask("POST", customer + "/object", {"purpose": "marketing"}, **names)
    consent = {"purpose": "marketing", "status": "granted", "channel": "email"}
    asked.ask("POST", customer + "/consents", consent, **names)
    identifiers = [{"namespace": "email", "value": "answered@example.org"}]
    asked.ask("POST", customer + "/unmerge", {"identifiers": identifiers}, **names)
    asked.ask("DELETE", customer, **names)


def govern(asked: Asked) -> None:
    order = {"scope": "action:nothing_else", "reason": "a test"}
    asked.ask("POST", "/v1/governance/stops", order)
    asked.ask("GET", "/v1/governance/stops")
    approval = asked.ask("POST", "/v1/governance/starts", order)["approval"]
    asked.ask("GET", "/v1/governance/approvals")
    ballot = {"is_approved": True, "reason": "a test"}
    asked.client.headers["Authorization"] = f"Bearer {shop_key(asked, 'second')}"
    path = "/v1/governance/approvals/{approval_id}"
    asked.ask("POST", path, ballot, approval_id=approval["id"])
    # Of somebody who is not here, so that growth rests for nobody else.
    order = {"plan": "payments_down", "reason": "a test", "traits": {"firstName": "Nobody"}}
    declared = asked.ask("POST", "/v1/governance/incidents", order)["items"]
    asked.ask("GET", "/v1/governance/incidents")
    asked.ask("GET", "/v1/governance/guardrails")
    path = "/v1/governance/incidents/{incident_id}/end"
    asked.ask("POST", path, {"reason": "a test"}, incident_id=declared[0]["id"])
    head = asked.ask("GET", "/v1/governance/audit/head")
    anchor = {name: head[name] for name in ("seq", "hash", "at", "signature")}
    asked.ask("POST", "/v1/governance/audit/verify", {"anchors": [anchor]})
    version = asked.ask("GET", "/v1/strategy")["version"]
    asked.ask("GET", "/v1/strategy/versions")
    asked.ask("GET", "/v1/strategy/versions/{version}", version=version)
    asked.ask("GET", "/v1/signals")
    asked.client.post("/v1/backup", json={"target": "answered"})
    asked.ask("GET", "/v1/backups")
    dead = asked.ask("GET", "/v1/effects?status=dead")
    asked.answers[Route("GET", "/v1/effects")] = dead
    row = asked.client.get("/v1/quarantine").json()["items"][-1]["id"]
    asked.ask("DELETE", "/v1/quarantine/{row}", row=str(row))
    asked.ask("DELETE", "/v1/keys/{name}", name="second")


def shop_key(asked: Asked, name: str) -> str:
    made = asked.client.post("/v1/keys", json={"role": "owner", "name": name})
    return str(made.json()["key"])


def test_every_described_answer_was_asked_for(asked: Asked) -> None:
    missing = set(described()) - set(asked.answers)
    assert missing == ELSEWHERE_ASKED


@pytest.mark.parametrize("route", sorted(described()), ids=" ".join)
def test_an_answer_is_as_it_is_described(asked: Asked, route: Route) -> None:
    if route in ELSEWHERE_ASKED:
        return
    kind, answer = described()[route], asked.answers[route]
    msgspec.convert(answer, kind)
    assert list(undeclared(inspect.type_info(kind), answer)) == []
