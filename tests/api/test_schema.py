"""Every route fuzzed from its own description: no 5xx, and no answer that is not described."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heedful.api.ingest import ROUTES
from heedful.api.roles import SENDERS, TABLE, Route
from tests.api import shop
from tests.api.serving import Served, serving

UNDESCRIBED = {Route("GET", "/docs"), Route("GET", "/docs/openapi.json")}


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Served]:
    """A server of its own: the calls publish strategies, erase people and make keys."""
    with serving(tmp_path / "shop", shop.STRATEGY, is_whole=True) as served:
        yield served


@pytest.fixture(scope="module")
def description(served: Served) -> dict[str, Any]:
    with served.client(role=None) as client:
        described: dict[str, Any] = client.get("/docs/openapi.json").json()
    return described


def test_no_route_breaks_or_surprises(victim: Served, tmp_path: Path) -> None:
    with victim.client("owner") as client:
        person = shop.meet(client, "u1")
        shop.fail_to_pay(client, "u1")
        decision = shop.ask(client, "u1")["decision_id"]
        disturbed = {"plan": "payments_down", "reason": "a test"}
        made = client.post("/v1/governance/incidents", json=disturbed).json()
    config = Path(__file__).with_name("schemathesis.toml")
    key = f"Authorization: Bearer {victim.keys['owner']}"
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", config, "--no-color"]
    # The seed is fixed: a run in CI must fail for what has changed, not for its luck.
    told = ["run", f"{victim.url}/docs/openapi.json", "--header", key, "--seed", "1"]
    done = subprocess.run(
        [*command, *told, "--continue-on-failure"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={
            **os.environ,
            "CUSTOMER_ID": person,
            "SIGNAL": "orders",
            "DECISION_ID": decision,
            "INCIDENT_ID": made["items"][0]["id"],
            "NO_PROXY": "127.0.0.1",
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    count = len(TABLE) - len(UNDESCRIBED) + len(ROUTES)
    assert f"Selected: {count - 2}/{count}" in done.stdout, done.stdout


def test_every_route_is_described_with_its_roles(description: dict[str, Any]) -> None:
    ingest = {Route("POST", path): SENDERS for path in ROUTES}
    described = {
        Route(method.upper(), path): frozenset(operation["x-roles"])
        for path, item in description["paths"].items()
        for method, operation in item.items()
    }
    assert described == {**ingest, **{r: who for r, who in TABLE.items() if r not in UNDESCRIBED}}


def test_a_description_has_words_for_everything(description: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in description["tags"]}
    names = []
    for path, item in description["paths"].items():
        for operation in item.values():
            names.append(operation["operationId"])
            assert operation["summary"].endswith("."), path
            assert set(operation["tags"]) <= tags, path
            assert bool(operation["security"]) == bool(operation["x-roles"]), path
    assert len(set(names)) == len(names)
    for name, schema in description["components"]["schemas"].items():
        assert schema.get("description"), name


def test_the_page_shows_every_route_and_who_may_call_it(
    served: Served, description: dict[str, Any]
) -> None:
    with served.client(role=None) as client:
        answer = client.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    for path, item in description["paths"].items():
        for method, operation in item.items():
            assert f"<code>{method.upper()} {path}</code>" in answer.text
            assert (", ".join(operation["x-roles"]) or "everybody") in answer.text
    assert "http://" not in answer.text
    assert "https://" not in answer.text
