"""Models that are trained over the log: in force by an event, replayed, and told of erasures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from heedful.app.worlds import world_of
from heedful.engine import register
from heedful.engine.engine import Engine
from heedful.engine.pasts import TRAINING
from heedful.engine.replay import decisions_differing, rebuild
from heedful.events import Event
from heedful.kernel import DAY_MS, InputError
from heedful.learn import LifetimeModel
from heedful.store.memory import MemoryStore
from heedful.strategy import load
from tests.unit.engine.living import SECRET, START, Living, living

VALUE = """
model: value
lifetime:
  buying: buying
  setbacks:
    - {of: signals.logins, costs: 0.05, strength: 5}
"""
CHURN = """
model: churn
propensity:
  target: {on: Order Completed, within: 28d, absent: true}
  population: signals.orders >= 1
  features: [signals.orders, signals.buying.since_last, signals.logins, traits.age]
  every: 28d
"""
FILES = {
    "signals.yaml": """
signals:
  - {name: buying, kind: buying, on: Order Completed, of: event.properties.revenue}
  - {name: orders, kind: count, on: Order Completed}
  - {name: logins, kind: count, on: Login Failed, window: 60d}
""",
    "consent.yaml": "purposes: [marketing, training]\n",
    "models/value.yaml": VALUE,
    "models/churn.yaml": CHURN,
    "needs.yaml": """
needs:
  - name: leaving
    tier: retention
    opens_when: event.name == 'Login Failed' and signals.clv_peak > 20 and signals.clv_drop > 0.5
    expires_after: 30d
  - name: likely_gone
    tier: retention
    opens_when: event.name == 'Login Failed' and signals.propensity_churn > 0.5
    expires_after: 30d
""",
    "goals.yaml": "goals: {stays: {on: Order Completed, within: 30d, value: 20}}\n",
    "policies/decision-types.yaml": (
        "decision_types: [{name: help, risk: minimal, owner: Head of service}]\n"
    ),
    "actions/call.yaml": """
action: call
tier: retention
needs: [leaving, likely_gone]
class: service
decision_type: help
goal: stays
channels: [inapp]
treatments: [{title: Hello, body: We are here.}]
""",
}
PEOPLE = 250
DAYS = 300


@pytest.fixture(scope="module")
def shop() -> Iterator[Living]:
    """A shop whose customers buy at their own pace; half of those with bad logins leave."""
    with living(FILES) as here:
        send_lives(here)
        yield here


def send_lives(here: Living, people: int = PEOPLE) -> None:
    draws = np.random.default_rng(11)
    for person in range(people):
        rate = draws.gamma(2.0, 1.0 / 30.0)
        events: list[Event] = []
        day, lost = draws.uniform(0, 60), draws.uniform(60, DAYS)
        is_hit = draws.random() < 0.4
        while day < DAYS and not (is_hit and day > lost):
            events.append(
                here.event(
                    "Order Completed",
                    START - round((DAYS - day) * DAY_MS),
                    user_id=f"u{person}",
                    properties={"revenue": float(draws.gamma(4.0, 10.0))},
                )
            )
            day += draws.exponential(1.0 / rate)
        if is_hit:
            at = START - round((DAYS - lost) * DAY_MS)
            events += [here.event("Login Failed", at + n, user_id=f"u{person}") for n in range(3)]
        events.append(
            here.event("identify", user_id=f"u{person}", at=events[0].at, traits={"age": person})
        )
        here.send(*events)


def train(here: Living, name: str) -> register.DataSet:
    return here.engine.trainer.train(here.strategy.models, name, "tests")


def test_lifetime_value_is_unknown_until_it_is_learned_and_learns_what_logins_cost(
    shop: Living,
) -> None:
    before = shop.shown("user_id", "u1")
    assert before["signals"]["clv"] is None
    assert before["signals_unknown"]["clv"] == "model_untrained"
    seen = train(shop, "value")
    assert (seen.version, seen.customers, seen.refused) == (1, PEOPLE, 0)
    model = shop.engine.world.trained["value"].model
    assert isinstance(model, LifetimeModel)
    # Believed 5 %; those who were hit left.
    assert seen.report["setbacks"]["signals.logins"] > 0.25
    assert seen.report["total_foretold"] == pytest.approx(seen.report["total_bought"], rel=0.15)
    after = shop.shown("user_id", "u1")["signals"]
    assert 0.0 < after["p_alive"] <= 1.0
    assert after["clv_peak"] >= after["clv"] > 0.0


def test_a_chance_of_leaving_is_calibrated_and_judged_on_later_days(shop: Living) -> None:
    pytest.importorskip("sklearn")
    seen = train(shop, "churn")
    assert seen.rows > seen.customers > PEOPLE * 0.9
    later = seen.report["later_periods"]
    assert len(later) >= 2
    assert all(period["ece"] < 0.15 and period["auc"] > 0.6 for period in later)
    assert set(seen.report["weights"]) == {
        "signals.orders",
        "signals.buying.since_last",
        "signals.logins",
        "traits.age",
    }
    told = shop.shown("user_id", "u2")["signals"]["propensity_churn"]
    assert 0.0 <= told <= 1.0


def test_people_who_refused_training_are_left_out_and_silence_is_no_refusal() -> None:
    with living(FILES) as here:
        send_lives(here, 40)
        statement = {"purpose": TRAINING, "status": "denied", "source": "tests"}
        here.engine.state_consent(here.who("user_id", "u3"), statement)
        seen = train(here, "value")
        assert (seen.customers, seen.refused) == (39, 1)
        theirs = here.engine.fragments(here.who("user_id", "u3"))
        assert register.packed(theirs) not in seen.fragments


def test_an_erasure_names_the_models_that_learned_from_the_person() -> None:
    with living(FILES) as here:
        send_lives(here, 40)
        train(here, "value")
        erased = here.engine.erase(here.who("user_id", "u3"))
        assert erased.retrain == ("value",)
        states = {one["model"]: one for one in here.engine.trainer.states(here.strategy.models)}
        assert states["value"]["retrain"] == ["people_erased"]
        assert states["churn"]["retrain"] == ["untrained"]
        assert here.engine.erase(here.who("user_id", "u4")).retrain == ("value",)
        again = train(here, "value")
        assert (again.version, again.erased, again.customers) == (2, 0, 38)


def test_a_need_opens_in_the_step_that_drops_the_value_and_a_replay_decides_the_same() -> None:
    store, again = MemoryStore(), MemoryStore()
    with living(FILES, store=store) as here:
        send_lives(here, 60)
        here.now += DAY_MS
        best = "u0"
        for revenue in (90, 95):
            here.now += 5 * DAY_MS
            here.track("Order Completed", user_id=best, properties={"revenue": revenue})
        train(here, "value")
        here.now += DAY_MS
        decided = []
        for _ in range(6):
            here.now += 60_000
            decided += here.track("Login Failed", user_id=best).decided
        assert decided[0].need == "leaving"
        assert decided[0].models["trained/value"] == 1
        train(here, "value")
        here.now += 60_000
        here.track("Login Failed", user_id=best)
        restarted = Engine(store, here.world, SECRET, lambda: here.now)
        assert restarted.world.trained == here.engine.world.trained
        assert restarted.world.trained["value"].version == 2
    rebuilt = rebuild(store, again, world_of(load(FILES)), SECRET, 0)
    assert rebuilt.trained["value"].version == 2
    assert decisions_differing(store, again) == []


def test_too_little_history_and_an_unknown_name_say_what_to_do() -> None:
    with living(FILES) as here:
        send_lives(here, 3)
        with pytest.raises(InputError, match="heedful import"):
            train(here, "value")
        with pytest.raises(InputError, match="Did you mean churn"):
            train(here, "chrun")
        assert here.engine.world.trained == {}
