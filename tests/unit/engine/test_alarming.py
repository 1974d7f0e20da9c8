"""What a drift alarm is raised by, and how it is told to those who can do something."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from heedful.api.metrics import Metrics
from heedful.app.watching import alarm_shown
from heedful.cli.diagnosis import diagnose
from heedful.cli.fairness import _print_drift
from heedful.decide import DO_NOTHING
from heedful.engine.alarming import announced, begin, crossed, foreseen, written
from heedful.engine.crossing import Crossing
from heedful.engine.measuring import Found
from heedful.govern.monitors import DriftFile
from heedful.kernel import MICRO
from heedful.learn import Alarm, AlarmChange
from tests.unit.engine.acting import acting
from tests.unit.engine.strategies import CART_MAIL, changed

EVEN = changed(CART_MAIL, "actions/cart-mail.yaml", "{p: 0.9, strength: 1000}", "{p: 0.02}")
ALARM = Alarm("beta", "cart_mail", "purchase", "less", 8.5, 0, 200, 10, 0.125, "d_1", 9)


def test_a_row_is_given_the_chance_that_stood_in_its_decision() -> None:
    with acting(EVEN) as here:
        for number in range(12):
            here.meet(f"u{number}")
            here.track("Product Added", user_id=f"u{number}")
        world = here.engine.world
        seen = {}
        for row in here.lessons():
            decision = here.engine.decisions.read(row.decision_id)
            seen[decision.action] = foreseen(world, row, decision)
        assert seen.keys() == {"cart_mail", DO_NOTHING}
        for row in seen.values():
            assert row.model == "beta"
            assert 0 < row.p_ppm < MICRO // 10
        nothing = seen[DO_NOTHING]
        assert nothing.p_ppm == round(0.02 * MICRO), "of the goal, whatever stood beside it"


def test_alarms_that_are_read_back_go_on_under_the_policy_in_force() -> None:
    strict = {**CART_MAIL, "policies/drift.yaml": "evidence_max: 3.5\n"}
    with acting(strict) as here:
        world = here.engine.world
        assert begin(world, begin(world).encode()).evidence_max == 3.5


def test_an_alarm_says_what_came_and_what_a_person_can_do() -> None:
    with acting(CART_MAIL) as here:
        shown = alarm_shown(ALARM, here.engine.world)
        silent = alarm_shown(ALARM._replace(action=DO_NOTHING), here.engine.world)
    assert shown.says == (
        "After cart_mail, purchase comes less often than beta foresaw: in 5.0% of 200 decisions "
        "since 1970-01-01T00:00:00.000Z, not in 12.5%."
    )
    for command in ("why d_1", "models rollback beta", "stop action:cart_mail"):
        assert f"`heedful {command}`" in shown.remedy
    assert "heedful stop" not in silent.remedy


@pytest.mark.parametrize(("is_raised", "name"), [(True, "Raised"), (False, "Ended")])
def test_an_alarm_is_written_into_the_log_and_announced(is_raised: bool, name: str) -> None:
    change = AlarmChange(ALARM, is_raised)
    event, said = written(change)
    assert event == f"Drift Alarm {name}"
    assert (said["evidence"], said["since"]) == (8.5, "1970-01-01T00:00:00.000Z")
    notice = announced(change, 7, 8)
    assert (notice.seq, notice.kind, notice.type) == (7, "alarm", name.lower())
    assert (notice.name, notice.source, notice.reason) == ("cart_mail", "beta", ALARM.says)


def test_limits_that_are_crossed_are_announced_too() -> None:
    said = {"series": "traits.plan", "measure": "psi", "amount": 0.5, "limit": 0.25}
    notice = crossed(Crossing("drift:traits.plan:psi", said, is_crossed=True), 7, 8)
    assert (notice.name, notice.type, notice.source) == ("traits.plan", "raised", "drift")
    who = {"trait": "plan", "group": "gold", "measure": "selection", "amount": 0.5, "limit": 0.8}
    notice = crossed(Crossing("fairness:x", who, is_crossed=False), 7, 8)
    assert (notice.name, notice.type, notice.source) == ("plan gold", "ended", "fairness")


def test_prometheus_knows_of_alarms_that_stand() -> None:
    metrics, standing = Metrics(), [ALARM]
    measuring = SimpleNamespace(found=lambda: Found([], [], {}, standing))
    world = SimpleNamespace(models={}, drift=DriftFile())
    engine = SimpleNamespace(measuring=measuring, world=world, now=lambda: 0)
    app: Any = SimpleNamespace(engine=engine)
    labels = {"model": "beta", "action": "cart_mail", "goal": "purchase", "direction": "less"}
    metrics._watch(app)
    assert metrics.registry.get_sample_value("heedful_drift_alarms", labels) == 8.5
    standing.clear()
    metrics._watch(app)
    assert metrics.registry.get_sample_value("heedful_drift_alarms", labels) is None


def test_the_command_line_tells_of_alarms_first(capsys: pytest.CaptureFixture[str]) -> None:
    alarm = {"action": "cart_mail", "says": "It comes less often.", "remedy": "See `heedful why`."}
    answer = {
        "window": "7d",
        "reference": "28d",
        "alarms": [alarm],
        "forgot": [],
        "watched": 1,
        "items": [],
    }
    _print_drift(answer)
    first, *_ = capsys.readouterr().out.splitlines()
    assert first == "ALARM: It comes less often. See `heedful why`."
    _print_drift({**answer, "alarms": []})
    assert "come as foreseen" in capsys.readouterr().out
    crossed = [{"about": "drift:traits.plan:psi", "since": "2026-01-01"}]
    disk = {"bytes_used": 1, "bytes_free": 9, "days_until_full": None}
    found = {
        one.about: (one.status, one.says)
        for one in diagnose({"disk": disk, "drift": {"alarms": [alarm], "crossed": crossed}})
    }
    assert found["drift of cart_mail"] == ("look", "It comes less often. See `heedful why`.")
    assert found["drift of traits.plan:psi"][0] == "look"
