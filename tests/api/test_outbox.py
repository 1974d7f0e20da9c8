"""What goes out, over the wire: dead letters, the inbox polled and streamed, unsubscribing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from heedful.connectors import unsubscribe_token
from tests.api import shop
from tests.api.serving import Served

LOOKS = 400


@pytest.fixture
def client(deciding: Served) -> Iterator[httpx.Client]:
    with deciding.client() as client:
        yield client


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["code"])


def until(look: Callable[[], Any]) -> Any:
    """Look again and again at what another thread does, and fail when it never does it."""
    for _ in range(LOOKS):
        found = look()
        if found:
            return found
        time.sleep(0.05)  # polls: the work has no other sign
    raise AssertionError("it never came to be")


# -- dead letters ---------------------------------------------------------------------------------


def dead(client: httpx.Client, decision_id: str) -> dict[str, Any] | None:
    items = client.get("/v1/effects", params={"limit": 500}).json()["items"]
    return next((one for one in items if one["decision_id"] == decision_id), None)


def test_what_nobody_can_deliver_is_a_dead_letter_that_can_be_sent_again(
    client: httpx.Client,
) -> None:
    shop.meet(client, "written to")
    decision = shop.ask(client, "written to", channel="email")["decision_id"]
    letter = until(lambda: dead(client, decision))
    told = {name: letter[name] for name in ("destination", "status", "code", "attempts")}
    assert told == {
        "destination": "email",
        "status": "dead",
        "code": "no_connector",
        "attempts": 1,
    }
    path = f"/v1/effects/{letter['effect_id']}/redrive"
    assert client.post(path).json() == {"success": True}
    again = until(lambda: (one := dead(client, decision)) and one["attempts"] == 2 and one)
    assert again["code"] == "no_connector"


def test_only_a_dead_letter_is_sent_again(client: httpx.Client) -> None:
    person = shop.meet(client, "reached")
    shop.ask(client, "reached", channel="inapp")
    effect = messages(client, person)[0]["effect_id"]
    until(lambda: client.get("/v1/effects?status=delivered&limit=500").text.count(effect))
    assert refused(client.post(f"/v1/effects/{effect}/redrive")) == (409, "effect_not_dead")
    assert refused(client.post("/v1/effects/f_1/redrive")) == (404, "effect_not_found")


def test_effects_are_read_page_by_page(client: httpx.Client) -> None:
    for i in range(3):
        shop.meet(client, f"paged {i}")
        shop.ask(client, f"paged {i}", channel="email")
    until(lambda: len(client.get("/v1/effects").json()["items"]) >= 3)
    read: list[str] = []
    after: str | None = ""
    while after is not None:
        page = client.get("/v1/effects", params={"limit": 1, "after": after}).json()
        read += [one["effect_id"] for one in page["items"]]
        after = page["next_cursor"]
    assert read == sorted(set(read))
    assert len(read) >= 3


# -- the inbox ------------------------------------------------------------------------------------


def messages(client: httpx.Client, customer_id: str) -> list[dict[str, Any]]:
    """Wait for a person's first message."""
    path = f"/v1/customers/{customer_id}/inbox"
    items: list[dict[str, Any]] = until(lambda: client.get(path).json()["items"])
    return items


def streamed(
    served: Served, customer_id: str, count: int, **rest: Any
) -> list[tuple[int, dict[str, Any]]]:
    """Listen until `count` messages have come."""
    found: list[tuple[int, dict[str, Any]]] = []
    path = f"/v1/customers/{customer_id}/inbox/stream"
    with served.client("service") as client, client.stream("GET", path, **rest) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        place = 0
        for line in answer.iter_lines():
            if line.startswith("id: "):
                place = int(line.removeprefix("id: "))
            if line.startswith("data: "):
                found.append((place, json.loads(line.removeprefix("data: "))))
                if len(found) == count:
                    break
    return found


def test_a_message_waits_until_it_is_fetched_and_marked(client: httpx.Client) -> None:
    person = shop.meet(client, "fetches")
    decision = shop.ask(client, "fetches", channel="inapp")["decision_id"]
    (one,) = messages(client, person)
    assert (one["decision_id"], one["mark"]) == (decision, None)
    told = {name: one["message"][name] for name in ("type", "channel", "action", "content")}
    assert told == {
        "type": "send_message",
        "channel": "inapp",
        "action": "sale",
        "content": {"title": "Sale", "body": "Everything for summer."},
    }
    path = f"/v1/customers/{person}/inbox"
    for mark in ("shown", "read"):
        said = client.post(f"{path}/{one['effect_id']}", json={"mark": mark})
        assert said.json() == {"success": True}
        assert [item["mark"] for item in client.get(path).json()["items"]] == [mark]
    timeline = client.get(f"/v1/customers/{person}/timeline").json()["items"]
    outcomes = [e["properties"] for e in timeline if e["name"] == "Outcome Reported"]
    assert {(o["decision_id"], o["outcome"]) for o in outcomes} == {(decision, "shown")}
    client.post(f"{path}/{one['effect_id']}", json={"mark": "dismissed"})
    assert client.get(path).json() == {"items": [], "next_cursor": None}


def test_what_was_dismissed_hides_nothing_that_came_later(client: httpx.Client) -> None:
    person = shop.meet(client, "dismisses")
    shop.ask(client, "dismisses", channel="inapp")
    (one,) = messages(client, person)
    path = f"/v1/customers/{person}/inbox"
    client.post(f"{path}/{one['effect_id']}", json={"mark": "dismissed"})
    shop.fail_to_pay(client, "dismisses")
    page = until(lambda: (read := client.get(path, params={"limit": 1}).json())["items"] and read)
    assert [item["message"]["action"] for item in page["items"]] == ["offer_help"]
    assert client.get(path, params={"after": page["next_cursor"]}).json()["items"] == []


def test_nobody_marks_the_message_of_somebody_else(client: httpx.Client) -> None:
    person, other = shop.meet(client, "has a message"), shop.meet(client, "has none")
    shop.ask(client, "has a message", channel="inapp")
    (one,) = messages(client, person)
    answer = client.post(f"/v1/customers/{other}/inbox/{one['effect_id']}", json={"mark": "read"})
    assert refused(answer) == (404, "message_not_found")
    assert client.get(f"/v1/customers/{other}/inbox").json()["items"] == []


def test_a_stream_gives_what_waits_then_what_comes_and_resumes_where_it_was_left(
    deciding: Served, client: httpx.Client
) -> None:
    person = shop.meet(client, "listens")
    shop.ask(client, "listens", channel="inapp")
    polled = messages(client, person)
    ((first, shown),) = streamed(deciding, person, 1)
    assert shown == polled[0]
    shop.fail_to_pay(client, "listens")  # help comes, by the same way
    ((second, helped),) = streamed(deciding, person, 1, params={"after": first})
    assert (helped["message"]["action"], second > first) == ("offer_help", True)
    again = streamed(deciding, person, 1, headers={"Last-Event-ID": str(first)})
    assert again == [(second, helped)]
    assert [place for place, _ in streamed(deciding, person, 2)] == [first, second]
    page = client.get(f"/v1/customers/{person}/inbox", params={"after": first}).json()
    assert (page["items"], page["next_cursor"]) == ([helped], second)


def test_a_stream_of_nobody_or_from_nowhere_is_refused(
    deciding: Served, client: httpx.Client
) -> None:
    path = "/v1/customers/c_aaaaaaaaaaaab/inbox/stream"
    assert refused(client.get(path)) == (404, "customer_not_found")
    person = shop.meet(client, "listens to nothing")
    answer = client.get(
        f"/v1/customers/{person}/inbox/stream", headers={"Last-Event-ID": "the last"}
    )
    assert refused(answer) == (400, "bad_cursor")


# -- unsubscribing --------------------------------------------------------------------------------


def link(served: Served, customer_id: str, decision_id: str = "") -> str:
    """Write the link that stands in a message."""
    token = unsubscribe_token(
        served.app.secret, customer_id, "email", "marketing", decision_id=decision_id
    )
    return f"/v1/unsubscribe/{token}"


def consents(client: httpx.Client, customer_id: str) -> dict[str, str]:
    shown = client.get(f"/v1/customers/{customer_id}").json()["consents"]
    return {one["channel"]: one["status"] for one in shown}


def test_a_program_that_fetches_the_link_unsubscribes_nobody(
    deciding: Served, client: httpx.Client
) -> None:
    person = shop.meet(client, "read by a program")
    with deciding.client(role=None) as anybody:
        for _ in range(3):
            answer = anybody.get(link(deciding, person))
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/html")
            assert '<form method="post">' in answer.text
            assert person not in answer.text
        anybody.head(link(deciding, person))
    assert consents(client, person) == {"*": "granted"}


@pytest.mark.parametrize(
    "sent",
    [
        {"data": {"List-Unsubscribe": "One-Click"}},
        {},
        {"files": {"List-Unsubscribe": b"One-Click"}},
    ],
    ids=["one-click", "button", "multipart"],
)
def test_a_post_unsubscribes_in_force_at_the_next_decision(
    deciding: Served, client: httpx.Client, sent: dict[str, Any]
) -> None:
    user = f"leaves by {'-'.join(sent) or 'button'}"
    person = shop.meet(client, user)
    decision = shop.ask(client, user, channel="email")["decision_id"]
    with deciding.client(role=None) as anybody:
        for _ in range(2):  # a link is used twice by who is not sure that it worked
            answer = anybody.post(link(deciding, person, decision), **sent)
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/html")
    assert consents(client, person) == {"*": "granted", "email": "withdrawn"}
    after = shop.ask(client, user, channel="email", placement="other", explain=True)
    sale = next(one for one in after["candidates"] if one["action"] == "sale")
    assert (after["action"], sale["reason_code"]) == ("do_nothing", "consent_refused")
    timeline = client.get(f"/v1/customers/{person}/timeline").json()["items"]
    outcomes = [e["properties"]["outcome"] for e in timeline if e["name"] == "Outcome Reported"]
    assert outcomes == ["unsubscribed"]


@pytest.mark.parametrize("token", ["0", "unknown", "%00", "a" * 2_000, "%C3%A9", "....", "-_"])
def test_a_forged_link_is_refused_in_words(deciding: Served, token: str) -> None:
    with deciding.client(role=None) as anybody:
        for ask in (anybody.get, anybody.post):
            assert refused(ask(f"/v1/unsubscribe/{token}")) == (404, "bad_token")


def test_a_link_of_another_workspace_is_refused(deciding: Served, client: httpx.Client) -> None:
    person = shop.meet(client, "of another workspace")
    token = unsubscribe_token(b"another secret", person, "email", "marketing")
    with deciding.client(role=None) as anybody:
        assert refused(anybody.post(f"/v1/unsubscribe/{token}")) == (404, "bad_token")
    assert consents(client, person) == {"*": "granted"}
