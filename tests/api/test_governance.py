"""The levers over the wire: stop, start by four eyes, declare, end, prove."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from heedful.kernel import format_instant
from tests.api import shop
from tests.api.serving import Served, bearer, serving


@pytest.fixture
def governed(tmp_path: Path) -> Iterator[Served]:
    """A shop of its own: what is stopped here must stop nothing elsewhere."""
    with serving(tmp_path / "shop", shop.STRATEGY, is_whole=True) as made:
        yield made


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["code"])


def read(served: Served, path: str) -> list[dict[str, Any]]:
    with served.client("analyst") as client:
        items: list[dict[str, Any]] = client.get(path).json()["items"]
    return items


def sale_of(served: Served, user: str) -> dict[str, Any]:
    """Ask for somebody new, and give what became of the sale."""
    with served.client("service") as client:
        shop.meet(client, user)
        answer = shop.ask(client, user, channel="inapp", explain=True)
    found: dict[str, Any] = next(one for one in answer["candidates"] if one["action"] == "sale")
    return found


# -- stops ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["all", "action:sale", "channel:inapp"])
def test_what_is_stopped_is_stopped_at_the_next_question(governed: Served, scope: str) -> None:
    assert sale_of(governed, "before")["verdict"] == "chosen"
    with governed.client("supervisor") as client:
        order = {"scope": scope, "reason": "complaints"}
        told = client.post("/v1/governance/stops", json=order).json()
        assert told == {"success": True, "is_known": True, "hint": None}
    after = sale_of(governed, "after")
    assert (after["verdict"], after["reason_code"]) == ("gated", "stopped")
    (listed,) = read(governed, "/v1/governance/stops")
    told = {name: listed[name] for name in ("scope", "by", "reason", "expires_at")}
    assert told == {**order, "by": "the-supervisor", "expires_at": None}


def test_a_stop_can_end_by_itself(governed: Served) -> None:
    until = format_instant(governed.app.clock() + 3_600_000)
    with governed.client("operator") as client:
        order = {"scope": "channel:email", "reason": "a slip in a mail", "expires_at": until}
        assert client.post("/v1/governance/stops", json=order).status_code == 200
        sooner = {**order, "expires_at": format_instant(governed.app.clock() + 60_000)}
        answer = client.post("/v1/governance/stops", json=sooner)
        assert refused(answer) == (409, "stop_in_force")
    assert [one["expires_at"] for one in read(governed, "/v1/governance/stops")] == [until]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"scope": "chanel:email"}, "bad_scope"),
        ({"scope": "email"}, "bad_scope"),
        ({"reason": "  "}, "missing_reason"),
        ({"expires_at": "tomorrow"}, "bad_instant"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "bad_expiry"),
        ({"until": "2030-01-01T00:00:00Z"}, "invalid_request"),
    ],
)
def test_a_slip_in_a_stop_is_refused_in_words(
    governed: Served, change: dict[str, str], code: str
) -> None:
    with governed.client("owner") as client:
        order = {"scope": "channel:email", "reason": "a test", **change}
        assert refused(client.post("/v1/governance/stops", json=order)) == (400, code)
    assert read(governed, "/v1/governance/stops") == []


# -- four eyes ------------------------------------------------------------------------------------


def asked_to_start(served: Served, scope: str = "action:sale") -> dict[str, Any]:
    """Stop and ask to switch on again, and give the request that others have to agree to."""
    with served.client("supervisor") as client:
        order = {"scope": scope, "reason": "complaints"}
        assert client.post("/v1/governance/stops", json=order).status_code == 200
        answer = client.post("/v1/governance/starts", json={**order, "reason": "mended"}).json()
    assert answer["success"] is False
    approval: dict[str, Any] = answer["approval"]
    return approval


def vote(served: Served, role: str, approval: dict[str, Any], is_approved: bool) -> httpx.Response:
    ballot = {"is_approved": is_approved, "reason": "looked at it"}
    with served.client(role) as client:
        return client.post(f"/v1/governance/approvals/{approval['id']}", json=ballot)


def test_what_was_stopped_starts_when_somebody_else_agrees(governed: Served) -> None:
    approval = asked_to_start(governed)
    told = {name: approval[name] for name in ("kind", "requested_by", "reason", "status")}
    assert told == {
        "kind": "switch_on",
        "requested_by": "the-supervisor",
        "reason": "mended",
        "status": "pending",
    }
    assert sale_of(governed, "while it waits")["reason_code"] == "stopped"
    assert read(governed, "/v1/governance/approvals") == [approval]
    answer = vote(governed, "operator", approval, True)
    assert (answer.status_code, answer.json()["approval"]["status"]) == (200, "approved")
    assert read(governed, "/v1/governance/stops") == []
    assert sale_of(governed, "after")["verdict"] == "chosen"


def test_nobody_agrees_to_what_they_asked_for(governed: Served) -> None:
    approval = asked_to_start(governed)
    assert refused(vote(governed, "supervisor", approval, True)) == (409, "own_approval")
    assert len(read(governed, "/v1/governance/stops")) == 1


def test_what_is_refused_stays_stopped(governed: Served) -> None:
    approval = asked_to_start(governed)
    answer = vote(governed, "operator", approval, False)
    assert answer.json()["approval"]["status"] == "rejected"
    assert refused(vote(governed, "owner", approval, True)) == (409, "approval_settled")
    assert len(read(governed, "/v1/governance/stops")) == 1


def test_two_have_to_agree_where_the_policy_says_two(tmp_path: Path) -> None:
    strict = {**shop.STRATEGY, "policies/approvals.yaml": "switch_on: {required: 2}\n"}
    with serving(tmp_path / "strict", strict, is_whole=True) as governed:
        approval = asked_to_start(governed)
        for _ in range(2):  # the same word twice is one
            answer = vote(governed, "operator", approval, True)
            assert (answer.status_code, answer.json()["approval"]["status"]) == (200, "pending")
        assert refused(vote(governed, "operator", approval, False)) == (409, "already_voted")
        assert len(read(governed, "/v1/governance/stops")) == 1
        answer = vote(governed, "owner", approval, True)
        assert answer.json()["approval"]["status"] == "approved"
        assert read(governed, "/v1/governance/stops") == []


def test_what_is_not_there_can_be_neither_started_nor_agreed_to(governed: Served) -> None:
    with governed.client("owner") as client:
        order = {"scope": "action:sale", "reason": "mended"}
        assert refused(client.post("/v1/governance/starts", json=order)) == (409, "not_stopped")
    assert refused(vote(governed, "owner", {"id": "a_1"}, True)) == (404, "approval_not_found")


# -- incidents ------------------------------------------------------------------------------------


def test_growth_rests_while_an_incident_runs(governed: Served) -> None:
    order = {"plan": "payments_down", "reason": "the provider is away"}
    with governed.client("supervisor") as client:
        (declared,) = client.post("/v1/governance/incidents", json=order).json()["items"]
        assert (declared["plan"], declared["by"]) == ("payments_down", "the-supervisor")
        assert read(governed, "/v1/governance/incidents") == [declared]
        assert sale_of(governed, "meanwhile")["reason_code"] == "incident"
        path = f"/v1/governance/incidents/{declared['id']}/end"
        assert client.post(path, json={"reason": "they are back"}).json() == {"success": True}
        assert refused(client.post(path, json={"reason": "again"})) == (404, "no_such_incident")
    assert read(governed, "/v1/governance/incidents") == []
    assert sale_of(governed, "after")["verdict"] == "chosen"


def test_an_incident_touches_whom_its_scope_names(governed: Served) -> None:
    order = {"plan": "payments_down", "reason": "a test", "traits": {"firstName": "Bob"}}
    with governed.client("operator") as client:
        assert client.post("/v1/governance/incidents", json=order).status_code == 200
    assert sale_of(governed, "Ada, not Bob")["verdict"] == "chosen"


def test_only_a_plan_that_was_published_can_be_declared(governed: Served) -> None:
    with governed.client("operator") as client:
        for plan, remedy in (("payment_down", "Did you mean payments_down?"), ("flood", "")):
            order = {"plan": plan, "reason": "a test"}
            answer = client.post("/v1/governance/incidents", json=order)
            assert refused(answer) == (404, "incident_plan_not_found")
            assert remedy in answer.json()["message"]


# -- audit ----------------------------------------------------------------------------------------


def test_the_audit_chain_is_exported_signed_and_proved(governed: Served) -> None:
    sale_of(governed, "audited")
    asked_to_start(governed)
    with governed.client("analyst") as client:
        head = client.get("/v1/governance/audit/head").json()
        answer = client.get("/v1/governance/audit")
        assert answer.headers["content-type"].startswith("application/x-ndjson")
        links = [json.loads(line) for line in answer.text.splitlines()]
        anchors = [{name: head[name] for name in ("seq", "hash", "at", "signature")}]
        found = client.post("/v1/governance/audit/verify", json={"anchors": anchors}).json()
    assert [link["seq"] for link in links] == list(range(1, len(links) + 1))
    assert [link["previous"] for link in links[1:]] == [link["hash"] for link in links[:-1]]
    assert {"publication", "decision", "switch"} <= {link["kind"] for link in links}
    assert "audited" not in answer.text
    assert found["is_intact"]
    assert found["fault"] is None
    assert found["anchored_seq"] == head["seq"] <= found["checked"]


@pytest.mark.parametrize("name", ["seq", "hash", "signature"])
def test_a_head_that_is_not_ours_proves_nothing(governed: Served, name: str) -> None:
    sale_of(governed, "audited")
    with governed.client("analyst") as client:
        head = client.get("/v1/governance/audit/head").json()
        anchor = {one: head[one] for one in ("seq", "hash", "at", "signature")}
        anchor[name] = anchor[name] + 1_000 if name == "seq" else "0" * len(anchor[name])
        found = client.post("/v1/governance/audit/verify", json={"anchors": [anchor]}).json()
    assert not found["is_intact"]
    assert found["fault"]


def test_a_limit_that_complaints_tightened_is_given_back_by_two(tmp_path: Path) -> None:
    guarded = {
        **shop.STRATEGY,
        "policies/guardrails.yaml": "guardrails: [{name: complaints, watches: complained,"
        " ratio_max: 0.1, trials_min: 6, factor: 0.5}]\n",
    }
    path = "/v1/governance/guardrails"
    with serving(tmp_path / "shop", guarded, is_whole=True) as served:
        with served.client("service") as client:
            for number in range(6):
                shop.meet(client, f"angry-{number}")
                decided = shop.ask(client, f"angry-{number}", placement="home")
                said = {"decision_id": decided["decision_id"], "outcome": "complained"}
                assert client.post("/v1/outcomes", json=said).status_code == 200
        for _ in range(2_000):
            (state,) = read(served, path)
            if state["factor"] < 1:
                break
        assert state == {
            "name": "complaints",
            "scope": "all",
            "factor": 0.5,
            "trials": 6,
            "hits": 6,
        }
        order = {"reason": "the words were wrong, now they are right"}
        with served.client("supervisor") as client:
            asked = client.post(f"{path}/complaints/loosen", json=order).json()["approval"]
        with served.client() as client:
            ballot = {"is_approved": True, "reason": "I looked"}
            agreed = client.post(f"/v1/governance/approvals/{asked['id']}", json=ballot)
            assert agreed.status_code == 200
            assert read(served, path)[0]["factor"] == 1
            again = client.post(f"{path}/complaints/loosen", json=order)
            assert refused(again) == (409, "not_tightened")


def test_who_looks_moves_no_lever(governed: Served) -> None:
    orders = {
        "/v1/governance/stops": {"scope": "all", "reason": "a test"},
        "/v1/governance/starts": {"scope": "all", "reason": "a test"},
        "/v1/governance/incidents": {"plan": "payments_down", "reason": "a test"},
    }
    with governed.client(role=None) as client:
        for role in ("analyst", "agent", "service", "source"):
            for path, order in orders.items():
                answer = client.post(path, json=order, headers=bearer(governed.keys[role]))
                assert refused(answer) == (403, "forbidden")
    assert read(governed, "/v1/governance/stops") == []
