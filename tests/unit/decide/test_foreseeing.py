"""Declared models as signals: what they read, when they are unknown, and every fault's place."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from heedful.customer import Profile, ProfileRules
from heedful.customer import apply as apply_profile
from heedful.decide.foreseeing import foresee, foreseeing
from heedful.decide.readings import names_of
from heedful.decide.touch import touches_of
from heedful.events import Event
from heedful.expr import UNKNOWN, compile_expression
from heedful.kernel import DAY_MS, InputError
from heedful.learn import ChanceModel, Isotonic, LinearTable, Trained
from heedful.sense import SignalDefinition, SignalSet, compile_signals, fold, reason
from heedful.sense.fold import Senses
from heedful.sense.models import ModelFile

NOW = 1_700_000_000_000
SENSED = compile_signals(
    [
        SignalDefinition(
            name="buying", kind="buying", on="Order Completed", of="event.properties.total"
        ),
        SignalDefinition(name="logins", kind="count", on="Login Failed", window="7d"),
        SignalDefinition(name="orders", kind="count", on="Order Completed"),
    ]
)
VALUE = {
    "model": "value",
    "lifetime": {
        "buying": "buying",
        "setbacks": [{"of": "signals.logins", "costs": 0.2}],
        "assumed": {},
    },
}
CHURN = {
    "model": "churn",
    "propensity": {
        "target": {"on": "Order Completed", "within": "60d", "absent": True},
        "population": "signals.orders >= 1",
        "features": ["signals.orders", "traits.age"],
    },
}
TABLE = LinearTable(0.0, (1.0, 0.5), (0.0, 40.0), (1.0, 40.0), (1.0, 10.0))
MODEL = ChanceModel(TABLE, Isotonic((0.0, 1.0), (0.0, 1.0)))


def models(*files: dict[str, Any]) -> list[ModelFile]:
    return [msgspec.convert(one, ModelFile) for one in files]


def said(signals: SignalSet, events: list[Event], **trained: Trained) -> dict[str, Any]:
    senses, profile, rules = Senses(set_id=signals.id), Profile(), ProfileRules()
    for event in events:
        fold(senses, event, signals)
        apply_profile(profile, event, rules)
    return foresee(signals, rules, profile, senses, NOW, trained)


def happened(name: str, days_ago: float, **properties: Any) -> Event:
    at = NOW - round(days_ago * DAY_MS)
    id_ = f"{name}{days_ago}"
    return Event(
        type="track",
        name=name,
        at=at,
        key=at,
        source="s",
        message_id=id_,
        received_at=at,
        properties=properties,
    )


ORDERS = [happened("Order Completed", days, total=50) for days in (100, 60, 20)]


def test_lifetime_value_is_assumed_until_it_is_learned_and_drops_with_a_failed_login() -> None:
    signals = foreseeing(SENSED, models(VALUE))
    calm = said(signals, ORDERS)
    assert list(calm) == ["p_alive", "clv", "clv_peak", "clv_drop"]
    shaken = said(signals, [*ORDERS, happened("Login Failed", 1)])
    assert shaken["clv"] == pytest.approx(calm["clv"] * 0.8)
    assert shaken["clv_peak"] == calm["clv_peak"] > calm["clv"] > 0.0


def test_of_somebody_who_never_bought_it_says_nothing() -> None:
    signals = foreseeing(SENSED, models(VALUE))
    assert set(said(signals, [happened("Login Failed", 1)]).values()) == {None}


def test_a_propensity_is_unknown_until_trained_for_what_is_declared_now() -> None:
    signals = foreseeing(SENSED, models(CHURN))
    definition = signals.foreseen["propensity_churn"].definition
    assert said(signals, ORDERS) == {"propensity_churn": UNKNOWN}
    assert reason(Senses(), signals, "propensity_churn") == "model_untrained"
    trained = Trained(name="churn", version=1, definition=definition, model=MODEL)
    # Three orders, and an age that nobody has said: 1 * (3 - 1) + 0.5 * 0.
    assert said(signals, ORDERS, churn=trained)["propensity_churn"] == pytest.approx(
        0.880797, abs=1e-6
    )
    other = msgspec.structs.replace(trained, definition="another")
    assert said(signals, ORDERS, churn=other) == {"propensity_churn": UNKNOWN}


def test_outside_its_population_a_propensity_says_nothing() -> None:
    signals = foreseeing(SENSED, models(CHURN))
    definition = signals.foreseen["propensity_churn"].definition
    trained = Trained(name="churn", version=1, definition=definition, model=MODEL)
    assert said(signals, [happened("Login Failed", 1)], churn=trained)["propensity_churn"] is None


def test_a_condition_on_a_forecast_is_touched_by_all_that_the_forecast_reads() -> None:
    signals = foreseeing(SENSED, models(VALUE, CHURN))
    names = names_of(signals)
    drop = compile_expression("signals.clv_drop > 0.3", names)
    assert {name for _, name in touches_of(drop, signals).events} == {
        "Order Completed",
        "Login Failed",
    }
    churn = compile_expression("signals.propensity_churn > 0.5", names)
    assert touches_of(churn, signals).traits == ("age",)


def changed(base: dict[str, Any], part: str, **fields: Any) -> dict[str, Any]:
    return {**base, part: {**base[part], **fields}}


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ({"model": "empty"}, "$.model"),
        ({**VALUE, "propensity": CHURN["propensity"]}, "$.model"),
        ({"model": "ahead", "ahead": {}, "propensity": CHURN["propensity"]}, "$.model"),
        ({"model": "ahead", "ahead": {"horizon": "1h"}}, "$.ahead.horizon"),
        ({"model": "ahead", "ahead": {"at_most": 0}}, "$.ahead.at_most"),
        (changed(VALUE, "lifetime", buying="orders"), "$.lifetime.buying"),
        (changed(VALUE, "lifetime", margin=0), "$.lifetime.margin"),
        (changed(VALUE, "lifetime", horizon="soon"), "$.lifetime.horizon"),
        (
            changed(VALUE, "lifetime", setbacks=[{"of": "signals.nothing"}]),
            "$.lifetime.setbacks[0].of",
        ),
        (changed(CHURN, "propensity", features=[]), "$.propensity.features"),
        (changed(CHURN, "propensity", features=["'text'"]), "$.propensity.features[0]"),
        (changed(CHURN, "propensity", features=["event.at"]), "$.propensity.features[0]"),
        (changed(CHURN, "propensity", population="signals.buying"), "$.propensity.population"),
        (changed(CHURN, "propensity", every="1h"), "$.propensity.every"),
        (changed(CHURN, "propensity", looks=1), "$.propensity.looks"),
    ],
    ids=[
        "neither",
        "both",
        "ahead-and-another",
        "short-horizon",
        "no-money",
        "not-buying",
        "no-margin",
        "no-span",
        "unknown-setback",
        "no-features",
        "text-feature",
        "momentary-feature",
        "map-population",
        "short-step",
        "few-looks",
    ],
)
def test_every_fault_has_its_place(file: dict[str, Any], path: str) -> None:
    with pytest.raises(InputError) as caught:
        foreseeing(SENSED, models(file))
    assert caught.value.detail["path"] == path


def test_a_second_model_of_lifetime_value_is_refused_and_the_first_one_serves() -> None:
    faults: list[tuple[int, InputError]] = []
    signals = foreseeing(SENSED, models(VALUE, {**VALUE, "model": "again"}), faults=faults)
    assert [(place, fault.code) for place, fault in faults] == [(1, "repeated_name")]
    assert {model.model for model in signals.foreseen.values()} == {"value"}
