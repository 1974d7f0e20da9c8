"""The sample shop through the real Segment SDK against a capture server."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random

import pytest
import typer

from examples.shop.calls import DAY_MS, HOUR_MS, Call
from examples.shop.delivery import Delivery
from examples.shop.population import Population
from examples.shop.send import Plan, Sender, read_write_keys
from tests import children
from tests.unit.examples.capture import Capture, capture_server

ROOT = Path(__file__).resolve().parents[3]
SEND = ROOT / "examples" / "shop" / "send.py"
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PATIENCE_S = 60


def start(*arguments: str) -> subprocess.Popen[str]:
    return children.start(
        [sys.executable, str(SEND), *arguments],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT.parent,
        env=os.environ | {"COLUMNS": "200"},
    )


def send(*arguments: str) -> tuple[int, str]:
    with start(*arguments) as process:
        out, err = process.communicate(timeout=PATIENCE_S)
        assert out == ""
        return process.returncode, err


@pytest.fixture
def server() -> Capture:
    with capture_server() as capture:
        yield capture


def call(**changes: int) -> Call:
    return Call(
        kind="track",
        source="app",
        name="x",
        message_id="m",
        **{"occurs_ms": 0, "sends_ms": 0} | changes,
    )


def test_live_time_is_compressed_and_lateness_is_not() -> None:
    plan = Plan(start=START, run="r", speed=60)
    assert plan.stamp(call(occurs_ms=HOUR_MS)) == START + timedelta(minutes=1)
    late = call(occurs_ms=HOUR_MS, late_ms=2 * HOUR_MS)
    assert plan.stamp(late) == START + timedelta(minutes=1) - timedelta(hours=2)


def test_the_past_keeps_its_pace_and_ends_at_the_start() -> None:
    plan = Plan(start=START, run="r", speed=60, past_ms=DAY_MS)
    assert plan.instant(0) == START - timedelta(days=1)
    assert plan.instant(DAY_MS) == START
    assert plan.instant(DAY_MS + HOUR_MS) == START + timedelta(minutes=1)


def test_a_plan_ends_by_count_or_by_time() -> None:
    def calls() -> list[Call]:
        return [call(sends_ms=at) for at in (0, 5, 10)]

    assert len(list(Plan(start=START, run="r", speed=1, events=2).take(iter(calls())))) == 2
    assert len(list(Plan(start=START, run="r", speed=1, end_ms=5).take(iter(calls())))) == 2
    assert len(list(Plan(start=START, run="r", speed=1).take(iter(calls())))) == 3


def test_write_keys_are_one_for_all_or_one_each() -> None:
    assert read_write_keys(["K=="]) == {"web": "K==", "app": "K==", "backend": "K=="}
    apart = ["web=A", "app=B", "backend=C"]
    assert read_write_keys(apart) == {"web": "A", "app": "B", "backend": "C"}
    with pytest.raises(typer.BadParameter, match="none for app, backend"):
        read_write_keys(["web=A"])


def test_every_call_arrives_as_it_was_drawn(server: Capture) -> None:
    count = 1_500
    options = ("--people", "30", "--seed", "3", "--past-days", "30", "--events", str(count))
    code, said = send("--host", server.url, "--write-key", "K", "--run", "r", *options)
    assert (code, said.count("1,500 events")) == (0, 1), said
    drawn = list(islice(Population(Random(3), 30, Random("3 r")).calls(), count))
    assert Counter(m["messageId"] for m in server.messages) == Counter(
        f"r-{call.message_id}" for call in drawn
    )
    arrived = {m["messageId"]: m for m in server.messages}
    for call in drawn:
        message = arrived[f"r-{call.message_id}"]
        assert message["type"] == call.kind
        assert (message["userId"], message.get("anonymousId")) == (call.user_id, call.anonymous_id)
        if call.kind == "track":
            assert (message["event"], message["properties"]) == (call.name, call.fields)
        if call.context:
            assert message["context"].items() >= call.context.items()
    assert server.write_keys == {"K"}
    assert all(agent.startswith("analytics-python/") for agent in server.agents)


def test_history_is_stamped_before_the_start_and_copies_agree(server: Capture) -> None:
    code, said = send(
        "--host", server.url, "--write-key", "K", "--past-days", "30", "--events", "1200"
    )
    assert code == 0, said
    first_sent = min(datetime.fromisoformat(text) for text in server.sent_at)
    stamps: dict[str, str] = {}
    for message in server.messages:
        assert datetime.fromisoformat(message["timestamp"]) < first_sent - timedelta(days=25)
        assert stamps.setdefault(message["messageId"], message["timestamp"]) == message["timestamp"]
    assert len(stamps) < len(server.messages), "some messages are sent twice"


def test_live_events_are_never_from_the_future(server: Capture) -> None:
    code, said = send(
        "--host", server.url, "--write-key", "K", "--speed", "36000", "--events", "400"
    )
    assert code == 0, said
    last_sent = max(datetime.fromisoformat(text) for text in server.sent_at)
    stamps = [datetime.fromisoformat(m["timestamp"]) for m in server.messages]
    assert max(stamps) <= last_sent
    assert min(stamps) < last_sent


def test_sources_keep_their_own_keys(server: Capture) -> None:
    keys = ("--write-key", "web=A", "--write-key", "app=B", "--write-key", "backend=C")
    code, said = send("--host", server.url, *keys, "--past-days", "9", "--events", "900")
    assert code == 0, said
    assert server.write_keys == {"A", "B", "C"}


@pytest.mark.parametrize("wish", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_with_everything_flushed(server: Capture, wish: signal.Signals) -> None:
    arguments = ("--host", server.url, "--write-key", "K", "--speed", "3600", "--forever")
    with start(*arguments) as process:
        assert server.first_batch.wait(PATIENCE_S)
        process.send_signal(wish)
        # A supervisor's own signal on the heels of the terminal's is the same wish.
        process.send_signal(wish)
        _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said
    sent = re.search(r"sent ([\d,]+) events", said)
    assert sent, said
    assert int(sent[1].replace(",", "")) == len(server.messages)
    assert "Traceback" not in said


def test_nothing_is_lost_to_a_server_that_stumbles(server: Capture) -> None:
    server.faults = [503, 500, 429]
    code, said = send(
        "--host", server.url, "--write-key", "K", "--past-days", "9", "--events", "250"
    )
    assert code == 0, said
    assert len(server.messages) == 250


def test_a_server_that_goes_away_is_named_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    with capture_server() as closed:
        pass
    plan = Plan(start=START, run="r", speed=1e9, events=20)
    delivery = Delivery(closed.url, read_write_keys(["K"]))
    code = Sender(plan, delivery, closed.url, patience_s=0.2).run(Population(Random(1), 5).calls())
    assert code == 1
    assert "went away: 20 events were not delivered, 0 were." in " ".join(
        capsys.readouterr().err.split()
    )


def test_a_server_that_is_away_is_named_in_words() -> None:
    with capture_server() as closed:
        pass
    code, said = send("--host", closed.url, "--write-key", "K")
    assert code == 1
    assert said.startswith(f"No server answers at {closed.url}. Start one with `heedful serve")


def test_a_refused_key_ends_the_run_in_words(server: Capture) -> None:
    server.status = 401
    code, said = send("--host", server.url, "--write-key", "K", "--speed", "3600", "--forever")
    assert code == 1
    assert "refused the write key (401)" in said
    assert "Traceback" not in said


def test_events_that_the_server_does_not_take_are_counted(server: Capture) -> None:
    server.status = 413
    code, said = send(
        "--host", server.url, "--write-key", "K", "--past-days", "9", "--events", "50"
    )
    assert code == 1
    assert "did not take 50 events" in said


def test_a_host_that_is_no_url_is_refused() -> None:
    code, said = send("--host", "127.0.0.1:8765", "--write-key", "K")
    assert code == 2
    assert "Expected http://HOST:PORT" in said
