"""Asking what to do, saying what became of it, and reading why, over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from heedful.engine.decisions import OUTCOMES
from heedful.kernel import parse_instant
from tests.api import shop
from tests.api.serving import Served, serving

FIELDS = {
    "decision_id", "customer_id", "action", "need", "tier", "class", "channel", "treatment",
    "placement", "content", "p_choose", "reason", "strategy_version", "expires_at",
}  # fmt: skip


@pytest.fixture
def client(deciding: Served) -> Iterator[httpx.Client]:
    with deciding.client("service") as client:
        yield client


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["code"])


def customer_of(client: httpx.Client, namespace: str, value: str) -> httpx.Response:
    asked = {"namespace": namespace, "value": value}
    return client.post("/v1/customers/lookup", json=asked)


def decisions_of(served: Served, customer_id: str) -> list[dict[str, Any]]:
    with served.client() as client:
        page = client.get(f"/v1/customers/{customer_id}/decisions").json()
    items: list[dict[str, Any]] = page["items"]
    return items


def timeline_of(served: Served, customer_id: str) -> list[dict[str, Any]]:
    with served.client() as client:
        page = client.get(f"/v1/customers/{customer_id}/timeline").json()
    items: list[dict[str, Any]] = page["items"]
    return items


# -- asking amiss -------------------------------------------------------------------------------


def test_whoever_asks_amiss_reads_what_would_be_right(
    deciding: Served, client: httpx.Client
) -> None:
    question = {"customer": {"user_id": "amiss"}}
    with deciding.client(role=None) as nobody:
        basic = nobody.post("/v1/decide", json=question, auth=(deciding.keys["service"], ""))
    assert refused(basic) == (401, "unknown_key")
    assert "Bearer KEY" in basic.json()["message"]
    with deciding.client("source") as source:
        other = source.post("/v1/decide", json=question)
    assert refused(other) == (403, "forbidden")
    assert "agent, operator, owner, service, supervisor, got source" in other.json()["message"]
    unknown = client.post("/v1/decide", json={"identifier": {}, **question})
    assert "known are customer, placement, channel" in unknown.json()["message"]
    deeper = client.post("/v1/decide", json={"customer": {"user": "amiss"}}).json()["message"]
    assert "known are customer_id, user_id, anonymous_id, email - at `$.customer`" in deeper
    with deciding.client() as owner:
        consent = owner.post("/v1/customers/c_a/consents", json={"purpos": "marketing"})
        anchors = owner.post("/v1/governance/audit/verify", json={"anchors": [{"hsh": ""}]})
    assert "`purpos`; known are purpose, status, channel" in consent.json()["message"]
    assert "known are seq, hash, at, signature - at `$.anchors[0]`" in anchors.json()["message"]


def test_a_question_about_nobody_leaves_nothing_behind(
    deciding: Served, client: httpx.Client
) -> None:
    before = deciding.app.store.stats()
    for user in ("null", "0000", " "):
        answer = client.post("/v1/decide", json={"customer": {"user_id": user}})
        assert refused(answer) == (400, "no_usable_identifier")
    after = deciding.app.store.stats()
    assert (after.quarantined, after.events) == (before.quarantined, before.events)


def test_a_name_with_a_nul_is_the_same_wherever_it_is_said(client: httpx.Client) -> None:
    said = {"userId": "nul\0inside", "event": "Tent Seen"}
    assert client.post("/v1/track", json=said).status_code == 200
    seen = customer_of(client, "user_id", "nul\0inside").json()["customer_id"]
    assert shop.ask(client, "nul\0inside")["customer_id"] == seen


# -- asking ---------------------------------------------------------------------------------------


def test_somebody_known_is_decided_for(deciding: Served, client: httpx.Client) -> None:
    known = shop.meet(client, "known")
    season = {"season": "winter"}
    answer = shop.ask(client, "known", placement="home", channel="inapp", context=season)
    assert set(answer) == FIELDS
    told = {name: answer[name] for name in ("customer_id", "action", "need", "tier", "class")}
    assert told == {
        "customer_id": known,
        "action": "sale",
        "need": None,
        "tier": "growth",
        "class": "promotional",
    }
    assert (answer["channel"], answer["placement"]) == ("inapp", "home")
    assert answer["content"] == {"title": "Sale", "body": "Everything for winter."}
    assert 0 < answer["p_choose"] <= 1
    assert answer["strategy_version"] == deciding.app.strategy.version
    assert (parse_instant(answer["expires_at"]) or 0) > deciding.app.clock()
    assert [one["decision_id"] for one in decisions_of(deciding, known)] == [answer["decision_id"]]


def test_somebody_unknown_is_decided_on_empty_facts_and_created(client: httpx.Client) -> None:
    assert customer_of(client, "user_id", "stranger").status_code == 404
    answer = shop.ask(client, "stranger")
    assert (answer["action"], answer["reason"]) == ("do_nothing", "all_gated")
    assert (answer["channel"], answer["content"], answer["p_choose"]) == (None, None, 1.0)
    made = customer_of(client, "user_id", "stranger").json()
    assert made == {"customer_id": answer["customer_id"]}


@pytest.mark.parametrize("name", ["user_id", "anonymous_id", "email", "customer_id"])
def test_each_of_the_four_names_finds_the_same_person(client: httpx.Client, name: str) -> None:
    user = f"four by {name}"
    said = {"userId": user, "anonymousId": f"device of {user}", "event": "Seen", "messageId": user}
    assert client.post("/v1/track", json=said).status_code == 200
    email = f"by.{name}@example.org"
    known = {
        "customer_id": shop.meet(client, user, email=email),
        "user_id": user,
        "anonymous_id": f"device of {user}",
        "email": email,
    }
    answer = client.post("/v1/decide", json={"customer": {name: known[name]}})
    assert answer.json()["customer_id"] == known["customer_id"]


def test_a_question_asked_again_gets_the_decision_that_stands(client: httpx.Client) -> None:
    shop.meet(client, "twice")
    first, second = (shop.ask(client, "twice", channel="inapp") for _ in range(2))
    assert second == {**first, "reason": "standing"}


def test_a_need_that_opens_is_answered_and_growth_stays_shut(
    deciding: Served, client: httpx.Client
) -> None:
    person = shop.meet(client, "in need")
    shop.fail_to_pay(client, "in need")
    # What is answered depends on whether the help is on its way already; never is it the sale.
    assert shop.ask(client, "in need", channel="inapp")["action"] in {"offer_help", "do_nothing"}
    helped = decisions_of(deciding, person)[-1]
    told = [helped[name] for name in ("action", "need", "tier", "class", "channel", "reason")]
    assert told == ["offer_help", "cannot_pay", "service", "service", "inapp", "best_value"]


def test_a_dry_run_says_what_would_be_done_and_leaves_nothing(
    deciding: Served, client: httpx.Client
) -> None:
    person = shop.meet(client, "dry")
    before = timeline_of(deciding, person)
    for user in ("dry", "dry and unknown"):
        answer = shop.ask(client, user, channel="inapp", dry_run=True, explain=True)
        is_known = user == "dry"
        assert answer["action"] == ("sale" if is_known else "do_nothing")
        assert answer["customer_id"] == (person if is_known else None)
        assert client.get(f"/v1/decisions/{answer['decision_id']}").status_code in {403, 404}
    assert customer_of(client, "user_id", "dry and unknown").status_code == 404
    assert decisions_of(deciding, person) == []
    assert timeline_of(deciding, person) == before


def test_an_explanation_names_every_candidate_and_why_it_lost(client: httpx.Client) -> None:
    shop.meet(client, "curious")
    answer = shop.ask(client, "curious", channel="inapp", explain=True)
    candidates = {one["action"]: one for one in answer["candidates"]}
    assert {"action", "verdict", "reason_code", "terms"} <= set(candidates["sale"])
    assert (candidates["sale"]["verdict"], candidates["sale"]["reason_code"]) == ("chosen",) * 2
    assert candidates["sale"]["terms"]["value"] > 0
    assert candidates["do_nothing"]["verdict"] == "lost"
    assert answer["explanation"]["candidates"] == answer["candidates"]

    shop.ask(client, "never agreed")
    gated = shop.ask(client, "never agreed", channel="inapp", explain=True)["candidates"]
    sale = next(one for one in gated if one["action"] == "sale")
    assert (sale["verdict"], sale["reason_code"], sale["p_choose"]) == ("gated", "no_consent", 0)


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({"customer": {}}, 400, "no_usable_identifier"),
        ({"customer": {"user_id": None}}, 400, "no_usable_identifier"),
        ({"customer": {"user_id": "anonymous"}}, 400, "no_usable_identifier"),
        ({"customer": {"user_id": ""}}, 400, "invalid_request"),
        ({"customer": {"user_id": 7}}, 400, "invalid_request"),
        ({"customer": {"user": "u1"}}, 400, "invalid_request"),
        ({}, 400, "invalid_request"),
        ([], 400, "invalid_request"),
        ({"customer": {"customer_id": "nobody"}}, 404, "customer_not_found"),
        ({"customer": {"customer_id": "c_aaaaaaaaaaaab"}}, 404, "customer_not_found"),
        ({"customer": {"user_id": "u"}, "context": {"a": [[[1]]]}}, 400, "invalid_request"),
        ({"customer": {"user_id": "u"}, "context": {"a": 1 << 80}}, 400, "invalid_request"),
        ({"customer": {"user_id": "u"}, "context": {"a": "x" * 70_000}}, 413, "body_too_large"),
        (
            {"customer": {"user_id": "u"}, "context": {f"k{i}": i for i in range(101)}},
            400,
            "invalid_request",
        ),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_in_words(
    client: httpx.Client, said: Any, status: int, code: str
) -> None:
    assert refused(client.post("/v1/decide", json=said)) == (status, code)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 5_000, b'{"customer": NaN}'])
def test_what_is_no_json_is_refused_in_words(client: httpx.Client, body: bytes) -> None:
    status, code = refused(client.post("/v1/decide", content=body))
    assert (status, code) in {(400, "invalid_request"), (400, "too_deep")}


def test_a_strategy_without_actions_says_that_it_decides_nothing(tmp_path: Path) -> None:
    only_facts = {"signals.yaml": shop.STRATEGY["signals.yaml"]}
    with (
        serving(tmp_path / "shop", only_facts, is_whole=True) as served,
        served.client("service") as client,
    ):
        answer = client.post("/v1/decide", json={"customer": {"user_id": "u1"}})
        assert refused(answer) == (409, "nothing_to_decide")


def test_only_post_asks(client: httpx.Client) -> None:
    answer = client.get("/v1/decide")
    assert refused(answer) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "POST, OPTIONS"
    answer = client.options("/v1/decide")
    assert (answer.status_code, answer.headers["allow"]) == (200, "POST, OPTIONS")


def test_questions_are_counted_and_timed(deciding: Served, client: httpx.Client) -> None:
    def counted() -> tuple[float, ...]:
        return (
            deciding.metric("heedful_requests_total", route="/v1/decide", status="200"),
            deciding.metric("heedful_requests_total", route="/v1/decide", status="400"),
            deciding.metric("heedful_decide_seconds_count"),
            deciding.metric("heedful_decisions_total", tier="growth", action="do_nothing"),
        )

    before = counted()
    shop.ask(client, "counted")
    shop.ask(client, "counted", dry_run=True)
    client.post("/v1/decide", json={})
    after = counted()
    more = [b - a for a, b in zip(before, after, strict=True)]
    assert more[:3] == [2, 1, 1]
    assert more[3] >= 1  # others of this server may be decided for meanwhile


# -- what became of it ----------------------------------------------------------------------------


def reported(served: Served, customer_id: str) -> list[dict[str, Any]]:
    events = timeline_of(served, customer_id)
    return [one for one in events if one["name"] == "Outcome Reported"]


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_each_outcome_is_an_event_of_the_person(
    deciding: Served, client: httpx.Client, outcome: str
) -> None:
    person = shop.meet(client, f"did {outcome}")
    decision = shop.ask(client, f"did {outcome}", channel="inapp")["decision_id"]
    said = {"decision_id": decision, "outcome": outcome, "value": 12.5, "currency": "EUR"}
    answer = client.post("/v1/outcomes", json=said)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    (event,) = reported(deciding, person)
    assert {name: event["properties"][name] for name in said} == said


def test_a_report_that_comes_twice_counts_once(deciding: Served, client: httpx.Client) -> None:
    person = shop.meet(client, "reports twice")
    decision = shop.ask(client, "reports twice", channel="inapp")["decision_id"]
    said = {"decision_id": decision, "outcome": "accepted", "message_id": "report 1"}
    for _ in range(3):
        assert client.post("/v1/outcomes", json=said).status_code == 200
    assert len(reported(deciding, person)) == 1


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"decision_id": "d_aaaaaaaaaaaab"}, 404, "decision_not_found"),
        ({"decision_id": "nothing"}, 404, "decision_not_found"),
        ({"outcome": "loved"}, 400, "bad_outcome"),
        ({"at": "yesterday"}, 400, "bad_instant"),
        ({"value": "much"}, 400, "invalid_request"),
        ({"currency": "EURO"}, 400, "invalid_request"),
    ],
)
def test_a_report_that_means_nothing_is_refused_in_words(
    client: httpx.Client, change: dict[str, Any], status: int, code: str
) -> None:
    decision = shop.ask(client, "slips")["decision_id"]
    said = {"decision_id": decision, "outcome": "shown", **change}
    assert refused(client.post("/v1/outcomes", json=said)) == (status, code)


# -- why ------------------------------------------------------------------------------------------


def test_a_decision_is_shown_with_its_sentence_candidates_changes_and_versions(
    deciding: Served, client: httpx.Client
) -> None:
    shop.meet(client, "asks why")
    asked = shop.ask(client, "asks why", channel="inapp", explain=True)
    with deciding.client("agent") as agent:
        shown = agent.get(f"/v1/decisions/{asked['decision_id']}").json()
    became = shown.pop("became")
    assert ([one["destination"] for one in became["effects"]], became["outcomes"]) == (
        ["inapp"],
        [],
    )
    assert shown == {**asked, "content": None}
    why = shown["explanation"]
    assert why["sentence"].startswith("sale by inapp was chosen (growth)")
    assert why["versions"]["strategy"] == deciding.app.strategy.version
    nearest = why["would_change"][0]
    assert (nearest["action"], nearest["kind"]) == ("do_nothing", "money")
    assert nearest["gap"] == shown["candidates"][0]["terms"]["value"]


def test_a_decision_that_is_not_known_is_not_there(deciding: Served) -> None:
    with deciding.client() as client:
        for name in ("d_aaaaaaaaaaaab", "c_aaaaaaaaaaaab", "nothing"):
            answer = client.get(f"/v1/decisions/{name}")
            assert refused(answer) == (404, "decision_not_found")


def test_a_persons_decisions_are_read_page_by_page(deciding: Served, client: httpx.Client) -> None:
    person = shop.meet(client, "pages")
    for channel in ("inapp", "email", "sms"):
        shop.ask(client, "pages", channel=channel)
    every = decisions_of(deciding, person)
    assert len(every) == 3
    read, cursor = [], None
    with deciding.client("analyst") as analyst:
        while True:
            asked: dict[str, Any] = {"limit": 1} | ({"cursor": cursor} if cursor else {})
            page = analyst.get(f"/v1/customers/{person}/decisions", params=asked).json()
            read += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
    assert read == every
    assert all(one["sentence"] and one["at"] for one in every)


def test_the_doctor_says_why_a_person_gets_nothing(deciding: Served, client: httpx.Client) -> None:
    person = shop.meet(client, "well")

    def codes(customer_id: str) -> list[str]:
        with deciding.client("agent") as agent:
            found = agent.get(f"/v1/customers/{customer_id}/withheld").json()["items"]
        assert all(one["why"].endswith(".") for one in found)
        return [one["code"] for one in found]

    assert "silenced" not in codes(person)
    assert "need_open" not in codes(person)
    shop.fail_to_pay(client, "well")
    assert {"need_open", "silenced", "growth_shut"} <= set(codes(person))
    stranger = shop.ask(client, "agreed to nothing")["customer_id"]
    assert "no_consent" in codes(stranger)
