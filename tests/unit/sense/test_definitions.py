"""Definitions are read as YAML writes them, and every fault is told with its place."""

from __future__ import annotations

import msgspec
import pytest
import yaml

from heedful.kernel import InputError
from heedful.sense import Automatic, SignalDefinition, compile_signals

S = SignalDefinition

WRITTEN = """
- {name: payment_failures_10m, kind: count, on: Payment Failed, window: 10m}
- {name: spend_90d, kind: sum, on: Order Completed, of: event.properties.revenue, window: 90d}
- {name: categories_7d, kind: distinct, on: Product Viewed, of: event.properties.category,
   window: 7d}
- {name: last_city, kind: last, on: [Order Completed], of: event.properties.city}
- {name: since_order, kind: recency, on: Order Completed}
- {name: order_gap, kind: gap, on: Order Completed}
- {name: pricing_dwell, kind: dwell, on: {page: Pricing}, window: 1h}
- {name: watched_not_opened, kind: absence, after: Video Watched, not: Pricing Opened, within: 5m,
   holds: 1h}
- {name: cart_abandoned, kind: sequence, steps: [Product Added, Checkout Started],
   not: Order Completed, within: 2h, holds: 24h}
- {name: failures_in_a_row, kind: count, on: Payment Failed, reset_on: Order Completed, window: 1d}
- {name: orders, kind: count, on: Order Completed}
- {name: returns, kind: count, on: {track: Order Returned, where: "event.properties.total > 0"}}
- {name: return_rate, kind: ratio, of: returns, to: orders, default: 0}
- {name: views_by_category, kind: rate, on: Product Viewed, window: 1d, per: 1h,
   by: event.properties.category}
- {name: first_source, kind: first, on: "*", of: event.source}
"""
# YAML 1.1, PyYAML's default, would read the key `on` as true.
READ = yaml.load(WRITTEN, yaml.BaseLoader)


def test_every_kind_is_read_from_yaml_and_compiled() -> None:
    definitions = msgspec.convert(READ, list[SignalDefinition])
    signals = compile_signals(definitions)
    assert list(signals.signals) == [d.name for d in definitions]


def test_an_unknown_field_is_refused_by_the_schema() -> None:
    with pytest.raises(msgspec.ValidationError, match="windw"):
        msgspec.convert({"name": "a", "kind": "count", "on": "A", "windw": "1h"}, SignalDefinition)


@pytest.mark.parametrize(
    ("definition", "code", "path", "says"),
    [
        (S(name="a", kind="cuont", on="A"), "unknown_kind", "kind", "Did you mean count?"),
        (S(name="", kind="count", on="A"), "bad_name", "name", "a name"),
        (S(name="auto.x", kind="count", on="A"), "bad_name", "name", "automatic"),
        (S(name="a", kind="count"), "missing_field", "on", "`on` for a count"),
        (S(name="a", kind="sum", on="A"), "missing_field", "of", "`of` for a sum"),
        (S(name="a", kind="rate", on="A"), "missing_field", "window", "`window`"),
        (S(name="a", kind="recency", on="A", window="1h"), "unexpected_field", "window", "takes"),
        (S(name="a", kind="count", on="A", window="1x"), "bad_span", "window", "'1x'"),
        (S(name="a", kind="count", on="A", window="0s"), "bad_span", "window", "longer than 0"),
        (S(name="a", kind="count", on=[]), "bad_pattern", "on", "at least one event"),
        (S(name="a", kind="count", on={"pge": "A"}), "bad_pattern", "on", "Did you mean page?"),
        (S(name="a", kind="count", on=["A", ""]), "bad_pattern", "on[1]", "the name of an event"),
        (
            S(name="a", kind="count", on="A", reset_on="B", by="event.name"),
            "unexpected_field",
            "by",
            "reset_on",
        ),
        (S(name="a", kind="sequence", steps=["A"], within="1h"), "bad_steps", "steps", "2 to 16"),
        (
            S(name="a", kind="sequence", steps=["A", {"B": "C"}], within="1h"),
            "bad_pattern",
            "steps[1]",
            "`B`",
        ),
        (S(name="a", kind="count", on="A", where="event.proprties.x > 1"), None, "where", ""),
        (S(name="a", kind="count", on="A", where="profile.clv > 1"), None, "where", ""),
        (S(name="a", kind="sum", on="A", of="event.properties."), None, "of", ""),
        (S(name="a", kind="ratio", of="ordrs", to="orders"), "unknown_signal", "of", "orders"),
        (S(name="a", kind="ratio", of="orders", to="gone"), "bad_ratio", "to", "absence"),
        (S(name="orders", kind="recency", on="A"), "duplicate_name", "name", "'orders'"),
    ],
)
def test_a_fault_names_its_code_its_place_and_what_to_do(
    definition: SignalDefinition, code: str | None, path: str, says: str
) -> None:
    known = [
        S(name="orders", kind="count", on="Order Completed"),
        S(name="gone", kind="absence", after="A", not_="B", within="5m"),
    ]
    with pytest.raises(InputError) as raised:
        compile_signals([*known, definition])
    assert code is None or raised.value.code == code
    assert raised.value.detail["path"] == f"$.signals[2].{path}"
    assert f"`$.signals[2].{path}`" in raised.value.message
    assert says in raised.value.message


def test_all_faults_can_be_collected_and_the_sound_signals_still_work() -> None:
    faults: list[InputError] = []
    signals = compile_signals(
        [
            S(name="bad", kind="count", on="A", window="1x"),
            S(name="worse", kind="ratio", of="bad", to="nothing"),
            S(name="good", kind="count", on="A"),
        ],
        Automatic(half_lives=("1h", "1m")),
        faults=faults,
    )
    places = [fault.detail["path"] for fault in faults]
    assert places == ["$.automatic.half_lives[1]", "$.signals[0].window", "$.signals[1].to"]
    assert "good" in signals.signals
    assert "bad" not in signals.signals


def test_what_only_changes_the_showing_changes_no_hash() -> None:
    def key(**fields: object) -> str:
        definition = S(**{"name": "a", "kind": "count", "on": ["A", "B"], **fields})  # type: ignore[arg-type]
        signals = compile_signals([definition])
        return next(iter(signals.signals.values())).key

    assert key() == key(name="b", description="other", default=0) == key(on=["B", "A"])
    assert len({key(), key(window="1h"), key(on="A"), key(where="event.at > 1")}) == 4


def test_a_stop_is_no_further_step() -> None:
    stopped = S(name="a", kind="sequence", steps=["A", "B"], not_="C", within="1h")
    longer = S(name="b", kind="sequence", steps=["A", "B", "C"], within="1h")
    signals = compile_signals([stopped, longer]).signals
    assert signals["a"].key != signals["b"].key


def test_the_order_of_definitions_does_not_matter() -> None:
    definitions = msgspec.convert(READ, list[SignalDefinition])
    assert compile_signals(definitions).id == compile_signals(definitions[::-1]).id
