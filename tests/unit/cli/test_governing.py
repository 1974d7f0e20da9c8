"""The levers, each pulled on the sample shop's strategy at work; two people, each with a key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli.live import Live, living


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with living(tmp_path_factory.mktemp("governing") / "shop") as made:
        yield made


@pytest.fixture(scope="module")
def other(shop: Live) -> str:
    """A key of a second person."""
    made: str = shop.api.post("/v1/keys", {"role": "supervisor", "name": "rosa"})["key"]
    return made


def test_a_stop_of_nothing_known_says_so(tmp_path: Path) -> None:
    with living(tmp_path / "hasty") as hasty:
        said = hasty.says("stop", "action:size_giude", "--reason", "in haste", code=1)
        assert said.startswith("Nothing in force is called action:size_giude.")
        assert "Did you mean action:size_guide?" in said
        assert "Stopped all the same: action:size_giude" in said
        told = hasty.gives("stop", "playbook:rescue", "--reason", "in haste", code=1)
        assert (told["success"], told["is_known"]) == (True, False)
        hasty.says("stop", "action:spring", "--reason", "not before May", "--ahead")
        said = hasty.says("stop", "action:size_guide", "--reason", "in haste")
        assert "called" not in said
        hasty.says("stop", "placement:anywhere", "--reason", "who knows")
        known = {one["scope"]: one["is_known"] for one in hasty.gives("stops")["items"]}
        assert known == {
            "action:size_giude": False,
            "action:size_guide": True,
            "action:spring": False,
            "placement:anywhere": True,
            "playbook:rescue": False,
        }
        assert "nothing of this name" in hasty.says("stops")


def test_what_was_stopped_is_started_by_two(shop: Live, other: str) -> None:
    assert "Stopped: channel:email" in shop.says("stop", "channel:email", "--reason", "typos")
    assert "typos" in shop.says("stops")
    asked = shop.gives("start", "channel:email", "--reason", "mended", code=1)["approval"]
    assert asked["id"] in shop.says("approvals", "list")
    shop.says("approvals", "approve", asked["id"], "--reason", "mine", code=2)
    assert [s["scope"] for s in shop.gives("stops")["items"]] == ["channel:email"]
    said = shop.says("approvals", "approve", asked["id"], "--reason", "read it", "--key", other)
    assert "is approved" in said
    assert "Nothing is stopped" in shop.says("stops")
    assert "Nothing waits" in shop.says("approvals", "list")
    assert [a["status"] for a in shop.gives("approvals", "list", "--all")["items"]] == ["approved"]


def test_a_refusal_leaves_it_stopped(shop: Live, other: str) -> None:
    shop.says("stop", "action:free_shipping", "--reason", "too dear", "--key", other)
    said = shop.says("start", "action:free_shipping", "--reason", "budget", "--key", other, code=1)
    assert "waits for one other person" in said
    [asked] = shop.gives("approvals", "list")["items"]
    assert "is rejected" in shop.says("approvals", "reject", asked["id"], "--reason", "no")
    assert [s["by"] for s in shop.gives("stops")["items"]] == ["rosa"]


def test_guardrails_are_listed_and_one_that_took_nothing_has_nothing_to_give(shop: Live) -> None:
    rows = shop.gives("guardrails", "list")["items"]
    assert {row["name"] for row in rows} >= {"complaints", "free_shipping_ignored"}
    assert {row["factor"] for row in rows} == {1.0}
    assert "100%" in shop.says("guardrails", "list")
    said = shop.says("guardrails", "loosen", "complaints", "--reason", "all is well", code=2)
    assert "complaints" in said
    assert said.count("\n") == 1


def test_a_wrong_scope_and_an_unknown_request_are_refused_in_one_sentence(shop: Live) -> None:
    said = shop.says("stop", "chanel:email", "--reason", "x", code=2)
    assert "Did you mean channel:email?" in said
    assert said.count("\n") == 1
    unknown = shop.says("approvals", "approve", "zzz", "--reason", "x", code=1)
    assert "`heedful approvals list` names them." in unknown
    gone = shop.says("quarantine", "discard", "99", code=1)
    assert "`heedful quarantine list` names them." in gone


def test_an_incident_is_declared_listed_and_ended(shop: Live) -> None:
    shop.says("incident", "declare", "flood", "--reason", "x", code=1)
    shop.says("incident", "declare", "payments_down", "--reason", "x", "--trait", "=", code=2)
    said = shop.says(
        "incident", "declare", "payments_down", "--reason", "bank away",
        "--country", "DE", "--trait", "vip=true",
    )  # fmt: skip
    assert "payments_down" in said
    [running] = shop.gives("incident", "list")["items"]
    assert running["scope"] == {"country": "DE", "traits": {"vip": True}}
    assert "Ended" in shop.says("incident", "end", running["id"], "--reason", "bank is back")
    assert "No incident runs" in shop.says("incident", "list")
