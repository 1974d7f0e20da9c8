"""Hostile and broken bodies: refused in words, or taken with a flag, and the server goes on."""

from __future__ import annotations

import gzip
import http.client
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heedful.api.ingest import PART_EVENTS_MAX
from tests.api.serving import Served, bearer, serving

MIB = 1024 * 1024
SOUND = {"type": "track", "userId": "neighbour", "event": "Tent Seen"}


def batch(*items: bytes) -> bytes:
    return b'{"batch":[' + b",".join(items) + b"]}"


def track(properties: bytes, user: str = "u1") -> bytes:
    return b'{"type":"track","event":"Odd","userId":"%b","properties":%b}' % (
        user.encode(),
        properties,
    )


SHORTEST = b'{"type":"page","userId":1}'
"""A call in as few bytes as one can be written in."""

SOUND_BATCH = batch(json.dumps(SOUND).encode())

REFUSED = {
    "gzip bomb": (gzip.compress(bytes(100 * MIB)), 413, "inflate_over_limit"),
    "deflate bomb": (zlib.compress(bytes(100 * MIB)), 413, "inflate_over_limit"),
    "4 MiB and a byte, inflated": (
        gzip.compress(b" " * (4 * MIB + 1)),
        413,
        "inflate_over_limit",
    ),
    "4 MiB and a byte, plain": (b" " * (4 * MIB + 1), 413, "body_too_large"),
    "truncated gzip": (gzip.compress(SOUND_BATCH)[:-9], 400, "bad_gzip"),
    "gzip and something after it": (gzip.compress(SOUND_BATCH) + b"more", 400, "bad_gzip"),
    "gzip in gzip": (gzip.compress(gzip.compress(SOUND_BATCH)), 400, "invalid_json"),
    "no JSON": (b"event=Order+Completed", 400, "invalid_json"),
    "nothing": (b"", 400, "invalid_json"),
    "half of it": (SOUND_BATCH[:-12], 400, "invalid_json"),
    "tower of brackets": (b"[" * 1_000_000, 400, "invalid_json"),
    "tower of objects": (b'{"a":' * 300_000 + b"1" + b"}" * 300_000, 400, "invalid_json"),
    "160,001 items": (batch(*[b"{}"] * 160_001), 413, "too_many_events"),
}

QUARANTINED = {
    "depth": (track(b'{"a":' * 200 + b"1" + b"}" * 200), "too_deep"),
    "depth beyond a stack": (track(b"[" * 10_000 + b"]" * 10_000), "too_deep"),
    "10,001 properties": (
        track(json.dumps({f"p{i}": 1 for i in range(10_001)}).encode()),
        "too_many_properties",
    ),
    "a list of 10,001": (track(b'{"a":[' + b"1," * 10_000 + b"1]}"), "list_too_long"),
    "a name of 257 characters": (track(b'{"%b":1}' % (b"k" * 257)), "key_too_long"),
    "256 KiB and a byte": (track(b'{"a":"%b"}' % (b"x" * 256 * 1024)), "event_too_large"),
    "1 MiB of brackets": (b"[" * 500_000 + b"]" * 500_000, "event_too_large"),
    "nobody": (track(b"{}", user=""), "no_user_anon_id"),
    "no object": (b"17", "bad_type"),
}

TAKEN = {
    "NUL": rb'{"a":"x\u0000y"}',
    "invalid UTF-8": b'{"a":"caf\xe9"}',
    "lone surrogate": rb'{"a":"\ud800"}',
    "huge whole number": b'{"a":' + b"9" * 300 + b"}",
    "number beyond any float": b'{"a":1e999}',
    "NaN": b'{"a":NaN}',
    "control characters": b'{"a":"x\x01\x02y"}',
}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose source may send larger events, so that the other limits are reached."""
    sources = """
sources:
  - {name: the-source, limits: {event_bytes_max: 262144}}
"""
    with serving(tmp_path_factory.mktemp("target") / "shop", {"sources.yaml": sources}) as served:
        yield served


def send(target: Served, body: Any, **headers: str) -> tuple[int, dict[str, Any]]:
    shown = {**bearer(target.keys["source"]), **headers}
    with target.client(role=None) as client:
        answer = client.post("/v1/batch", content=body, headers=shown)
        assert client.get("/readyz").status_code == 200
    return answer.status_code, answer.json()


def quarantine(target: Served) -> list[dict[str, Any]]:
    with target.client("operator") as client:
        found: list[dict[str, Any]] = client.get("/v1/quarantine").json()["items"]
        for row in found:
            client.delete(f"/v1/quarantine/{row['id']}")
    return found


def events_of(target: Served, user: str) -> list[dict[str, Any]]:
    with target.client("agent") as client:
        asked = {"namespace": "user_id", "value": user}
        found = client.post("/v1/customers/lookup", json=asked)
        if found.status_code == 404:
            return []
        path = f"/v1/customers/{found.json()['customer_id']}/timeline"
        items: list[dict[str, Any]] = client.get(path).json()["items"]
    return items


@pytest.mark.parametrize("name", REFUSED)
def test_a_body_that_cannot_be_read_is_refused_in_words(target: Served, name: str) -> None:
    body, status, code = REFUSED[name]
    encoding = {"Content-Encoding": "deflate"} if name.startswith("deflate") else {}
    answered, said = send(target, body, **encoding)
    assert (answered, said["code"]) == (status, code)
    assert said["message"].startswith("Expected ")
    assert quarantine(target) == []


def test_a_batch_of_any_length_lands_in_parts_and_its_damage_is_kept_aside(
    target: Served,
) -> None:
    calls = [
        b'{"type":"page","userId":"many","messageId":"p%d"}' % number
        for number in range(PART_EVENTS_MAX + 1)
    ]
    damaged = [b"{}"] * (PART_EVENTS_MAX + 1)
    assert send(target, batch(*calls, *[SHORTEST] * 18_500, *damaged)) == (200, {"success": True})
    engine = target.app.engine
    assert engine.customer(engine.lookup("user_id", "many"))["event_count"] == len(calls)
    assert target.app.store.stats().quarantined == len(damaged)
    while rows := target.app.quarantine(0, 500):
        target.app.discard([row.id for row in rows])


def test_a_body_without_a_length_is_bounded_as_it_comes(target: Served) -> None:
    pieces = (b" " * MIB for _ in range(6))
    answered, said = send(target, pieces)
    assert (answered, said["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/decide", "/v1/customers/lookup"])
@pytest.mark.parametrize("role", ["source", None])
def test_who_sends_too_much_reads_why_and_no_broken_connection(
    target: Served, path: str, role: str | None
) -> None:
    key = target.keys["service" if role and "batch" not in path else "source"] if role else "nobody"
    caller = http.client.HTTPConnection(target.url.removeprefix("http://"), timeout=60)
    caller.request("POST", path, b" " * (12 * MIB), {**bearer(key), "Connection": "close"})
    answer = caller.getresponse()
    said = json.loads(answer.read())
    # The key of a batch may stand in its body, so that is looked at first.
    is_size = role is not None or path == "/v1/batch"
    refused = (413, "body_too_large") if is_size else (401, "unknown_key")
    assert (answer.status, said["code"]) == refused


def test_an_unknown_encoding_is_refused(target: Served) -> None:
    answered, said = send(target, b"\x21\x2c\x00\x04", **{"Content-Encoding": "br"})
    assert (answered, said["code"]) == (400, "unknown_encoding")


@pytest.mark.parametrize("name", QUARANTINED)
def test_one_bad_call_waits_in_the_quarantine_and_its_neighbours_land(
    target: Served, name: str
) -> None:
    bad, code = QUARANTINED[name]
    sound = {**SOUND, "userId": f"beside {name}"}
    body = batch(json.dumps(sound).encode(), bad, json.dumps(sound).encode())
    assert send(target, gzip.compress(body)) == (200, {"success": True})
    assert [row["reason"] for row in quarantine(target)] == [code]
    assert len(events_of(target, f"beside {name}")) == 1, "the second is a copy of the first"


@pytest.mark.parametrize("name", TAKEN)
def test_an_odd_value_is_made_safe_flagged_and_kept(target: Served, name: str) -> None:
    body = batch(track(TAKEN[name], user=f"odd {name}"))
    assert send(target, body) == (200, {"success": True})
    assert quarantine(target) == []
    (event,) = events_of(target, f"odd {name}")
    assert event["flags"], event
    assert "a" in event["properties"]
    with target.client("supervisor") as client:  # everything that shows it is sound JSON
        asked = {"namespace": "user_id", "value": f"odd {name}"}
        found = client.post("/v1/customers/lookup", json=asked).json()["customer_id"]
        assert client.get(f"/v1/customers/{found}/export").json()["events"][0] == event


# -- the strategy ---------------------------------------------------------------------------------


def aliases(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "\n".join(lines)


BAD_STRATEGIES = {
    "alias bomb": ({"signals.yaml": aliases(12)}, "bad_strategy"),
    "tower": ({"signals.yaml": "[" * 20_000 + "]" * 20_000}, "bad_strategy"),
    "code": ({"signals.yaml": "!!python/object/apply:os.system [id]"}, "bad_strategy"),
    "a MiB and a byte": ({"signals.yaml": "#" * (MIB + 1)}, "bad_strategy"),
    "a name that leaves the folder": ({"../heedful.yaml": "x: 1"}, "bad_file_name"),
    "an absolute name": ({"/etc/cron.d/x.yaml": "x: 1"}, "bad_file_name"),
    "a NUL in the name": ({"a\0.yaml": "x: 1"}, "bad_file_name"),
    "an expression without an end": (
        {"signals.yaml": f"signals: [{{name: a, kind: count, where: {'(' * 5_000}}}]"},
        "bad_strategy",
    ),
}


@pytest.mark.parametrize("route", ["check", "publish"])
@pytest.mark.parametrize("name", BAD_STRATEGIES)
def test_a_hostile_strategy_is_refused_and_the_one_in_force_stays(
    target: Served, name: str, route: str
) -> None:
    files, code = BAD_STRATEGIES[name]
    with target.client("operator") as client:
        before = client.get("/v1/strategy").json()
        answer = client.post(f"/v1/strategy/{route}", json={"files": files})
        if route == "check" and answer.status_code == 200:
            assert answer.json()["version"] is None
            assert answer.json()["problems"]
        else:
            assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert client.get("/v1/strategy").json() == before
    assert sorted(path.name for path in target.app.directory.rglob("*.yaml")) == sorted(
        ["heedful.yaml", *(Path(name).name for name in before["files"])]
    )


def test_a_body_beyond_4_mib_is_refused_outside_ingest_too(target: Served) -> None:
    with target.client("operator") as client:
        files = {f"signals/s{i}.yaml": "#" * MIB for i in range(5)}
        answer = client.post("/v1/strategy/publish", json={"files": files})
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        for body in (b"[" * 100_000, b'{"namespace":' * 10_000, b"\xff\xfe", b'"\\ud800"', b""):
            answer = client.post("/v1/customers/lookup", content=body)
            assert answer.status_code == 400
            assert answer.json()["code"] in {"invalid_request", "too_deep"}
