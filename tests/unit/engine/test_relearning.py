"""A model that forgot what it knew of an action says so, once, wherever somebody looks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from heedful.api.metrics import Metrics
from heedful.app.watching import forgot_shown
from heedful.app.worlds import world_of
from heedful.cli.diagnosis import diagnose
from heedful.cli.fairness import _print_drift
from heedful.engine import alarming, learning
from heedful.engine.engine import Engine
from heedful.engine.learning import Learner
from heedful.engine.measuring import Found
from heedful.engine.replay import decisions_differing, rebuild
from heedful.engine.stream import Notice
from heedful.kernel import DAY_MS, MICRO, MINUTE_MS, format_instant
from heedful.learn import LearningRow
from heedful.store.memory import MemoryStore
from heedful.strategy import load
from tests.unit.engine.acting import Acting, acting
from tests.unit.engine.living import SECRET
from tests.unit.engine.strategies import SHOP

FILES = {**SHOP, "policies/models.yaml": "models:\n  - {name: arms, kind: logistic}\n"}


def lessons(here: Acting, count: int, *, is_reached: bool) -> None:
    """Let outcomes of an action become known, one a minute, all of one kind."""

    def append(tx: Any) -> None:
        first = tx.last_lesson() + 1
        rows = [
            LearningRow(
                learn_seq=first + number,
                decision_id=f"d_{first + number}",
                arm="sale/email/t1",
                goal="purchase",
                state="converted" if is_reached else "expired",
                outcome=MICRO * is_reached,
                decided_at=here.now + number * MINUTE_MS,
                at=here.now + number * MINUTE_MS,
                parts=("growth", "sale", "email", "t1", ""),
            )
            for number in range(count)
        ]
        tx.append_lessons([msgspec.msgpack.encode(row) for row in rows])

    here.store.write(append)
    here.now += count * MINUTE_MS


def learn(here: Acting) -> None:
    while here.learner.step():
        pass


def changed_world(here: Acting) -> None:
    """Let an action that always worked never work again."""
    learn(here)
    lessons(here, 200, is_reached=True)
    learn(here)
    lessons(here, 100, is_reached=False)
    learn(here)


def test_what_a_model_forgot_is_said_in_the_log_and_announced() -> None:
    notices: list[Notice] = []
    with acting(FILES) as here:
        here.learner = Learner(here.store, here.writer, notices.extend)
        changed_world(here)
        *_, last = here.said("Model Forgot")
        shown = forgot_shown(here.engine)
    said = last.properties
    assert (said["model"], said["action"], said["goal"]) == ("arms", "sale", "purchase")
    assert (said["direction"], said["reached"]) == ("less", 0)
    assert said["forgot_at"] <= format_instant(here.now)
    assert said["decision_id"].startswith("d_")
    notice = notices[-1]
    assert (notice.kind, notice.type, notice.name) == ("alarm", "forgot", "sale")
    assert (notice.source, notice.at) == ("arms", last.at)
    assert "comes less often than arms foresaw" in notice.reason
    assert [(one.model, one.action, one.goal) for one in shown] == [("arms", "sale", "purchase")]
    assert shown[0].says == notice.reason
    assert "heedful why d_" in shown[0].remedy


def test_what_is_said_does_not_hang_on_pages_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    said = []
    for rows in (2_000, 37, 1):
        monkeypatch.setattr(learning, "ROWS", rows)
        with acting(FILES) as here:
            changed_world(here)
            lessons(here, 100, is_reached=True)
            learn(here)
            said.append([event.properties for event in here.said("Model Forgot")])
    assert {one["direction"] for one in said[0]} == {"less", "more"}
    assert said[0] == said[1] == said[2]


def test_it_is_said_once_and_known_after_a_restart() -> None:
    store = MemoryStore()
    with acting(FILES, store=store) as here:
        changed_world(here)
        count = len(here.said("Model Forgot"))
        restarted = Engine(store, here.world, SECRET, lambda: here.now)
        assert forgot_shown(restarted) == forgot_shown(here.engine) != []
        lessons(here, 1, is_reached=False)
        learn(here)
        assert len(here.said("Model Forgot")) == count
        here.now += 8 * DAY_MS
        assert forgot_shown(here.engine) == [], "after the window of policies/drift.yaml"


def test_a_model_that_catches_up_with_the_past_says_nothing_of_it() -> None:
    with acting(SHOP) as here:
        changed_world(here)
        here.engine.publish(world_of(load(FILES)), "v2", "ann")
        learn(here)
        assert here.engine.world.models["arms"].changes.forgotten()
        assert here.said("Model Forgot") == []


def test_a_replay_meets_a_model_that_forgot_and_says_it_no_second_time() -> None:
    store, again = MemoryStore(), MemoryStore()
    with acting(FILES, store=store) as here:
        learn(here)
        for number in range(60):
            who = f"u{number}"
            here.now += MINUTE_MS
            here.meet(who)
            here.ask(who, placement="home")
        here.later(4 * DAY_MS)
        here.ask("u1", placement="home")
        learn(here)
        said = here.said("Model Forgot")
        assert {event.properties["direction"] for event in said} == {"less"}
        rebuilt = rebuild(store, again, world_of(load(FILES)), SECRET, here.now)
        arms = here.engine.world.models["arms"]
    assert decisions_differing(store, again) == []
    replayed = Engine(again, rebuilt, SECRET, lambda: here.now)
    assert replayed.world.models["arms"].encode() == arms.encode()
    names = [event.name for _, event in replayed.events_after(0, 1_000_000)]
    assert names.count("Model Forgot") == len(said)


def test_prometheus_knows_when_a_model_forgot() -> None:
    metrics = Metrics()
    measuring = SimpleNamespace(found=lambda: Found([], [], {}, []))
    labels = {"model": "arms", "action": "sale", "goal": "purchase", "direction": "less"}
    with acting(FILES) as here:
        changed_world(here)
        (one,) = alarming.forgotten(here.engine.world, here.now)
        engine = SimpleNamespace(measuring=measuring, world=here.engine.world, now=lambda: here.now)
        app: Any = SimpleNamespace(engine=engine)
        name = "heedful_model_forgot_timestamp_seconds"
        metrics._watch(app)
        assert metrics.registry.get_sample_value(name, labels) == one.at / 1_000
        here.now += 8 * DAY_MS
        metrics._watch(app)
        assert metrics.registry.get_sample_value(name, labels) is None


def test_the_command_line_tells_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    one = {"model": "arms", "says": "Visits come less often.", "remedy": "See `heedful why`."}
    answer = {"window": "7d", "reference": "28d", "alarms": [], "forgot": [one], "watched": 1}
    _print_drift({**answer, "items": []})
    first, *_ = capsys.readouterr().out.splitlines()
    assert first == "FORGOT: Visits come less often. See `heedful why`."
    disk = {"bytes_used": 1, "bytes_free": 9, "days_until_full": None}
    found = diagnose({"disk": disk, "drift": {"forgot": [one]}})
    assert ("model arms", "look", "Visits come less often. See `heedful why`.") in found
