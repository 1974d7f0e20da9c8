"""Typed money of the e-commerce vocabulary, reserved traits, tracking plans."""

from __future__ import annotations

from typing import Any

import pytest

from heedful.events import PAYMENT_FAILED
from heedful.ingest import (
    CATALOGUE,
    OWN_EVENTS,
    EventPlan,
    PropertyRule,
    SourceRules,
    TrackingPlan,
)
from tests.unit.ingest.requests import batch, item, one, only, read


def order(**properties: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    event = one(event="Order Completed", properties=properties)
    return event.properties, event.flags


def test_amounts_are_numbers_and_currencies_are_codes() -> None:
    typed, flags = order(revenue="19.99", total=19, tax="$1,299.50", currency=" eur ", coupon="X")
    assert typed == {
        "revenue": 19.99,
        "total": 19,
        "tax": 1299.5,
        "currency": "EUR",
        "coupon": "X",
    }
    assert flags == ()


@pytest.mark.parametrize("value", ["19,99", "1,299", "free", "", "1_000", True, [1], {"x": 1}])
def test_an_amount_that_cannot_be_read_stays_and_is_flagged(value: Any) -> None:
    assert order(revenue=value) == ({"revenue": value}, ("commerce_unreadable",))


def test_products_are_a_list_of_typed_objects() -> None:
    product = {"product_id": 7, "price": "10.50", "quantity": "2", "name": "Tent", "tags": ["a"]}
    typed = product | {"product_id": "7", "price": 10.5, "quantity": 2}
    assert order(products=[product, product]) == ({"products": [typed, typed]}, ())
    assert order(products=product) == ({"products": [typed]}, ())
    assert order(products=[product, "p2"])[1] == ("commerce_unreadable",)
    assert order(products="p1") == ({"products": "p1"}, ("commerce_unreadable",))
    assert order(products=None, total=None) == ({"products": None, "total": None}, ())


def test_only_the_catalogue_is_typed() -> None:
    assert one(event="Video Watched", properties={"revenue": "1"}).properties == {"revenue": "1"}


def test_the_catalogue_is_segments_and_says_what_is_ours() -> None:
    assert len(CATALOGUE) == 29
    assert OWN_EVENTS == (PAYMENT_FAILED,)
    assert set(OWN_EVENTS) < set(CATALOGUE)
    failed = one(event=PAYMENT_FAILED, properties={"amount": "5", "attempt": "3"})
    assert failed.properties == {"amount": 5.0, "attempt": 3}


def test_reserved_traits_are_typed_and_their_originals_kept() -> None:
    traits = {
        "age": "42",
        "phone": 4915112345,
        "createdAt": 1_795_194_000,
        "birthday": "1980-02-29",
        "email": "a@x.io",
        "address": {"city": "Bern"},
        "company": "Gratweg",
        "shoe": 42,
    }
    event = one(type="identify", traits=traits)
    assert event.traits == traits | {
        "age": 42,
        "phone": "4915112345",
        "createdAt": "2026-11-20T17:00:00.000Z",
    }
    assert event.context == {
        "original_traits": {"age": "42", "phone": 4915112345, "createdAt": 1_795_194_000}
    }
    assert event.flags == ()


def test_a_trait_that_cannot_be_read_stays_and_is_flagged() -> None:
    event = one(type="identify", traits={"age": "forty", "createdAt": "soon", "email": None})
    assert event.traits == {"age": "forty", "createdAt": "soon", "email": None}
    assert event.flags == ("trait_unreadable",)
    assert event.context == {}


def test_a_group_has_reserved_traits_of_its_own() -> None:
    event = one(type="group", groupId="g", traits={"employees": "12", "age": "42"})
    assert event.traits == {"employees": 12, "age": "42"}


def test_traits_on_a_track_call_are_left_alone() -> None:
    assert one(traits={"age": "42"}).traits == {"age": "42"}


# --- tracking plans ----------------------------------------------------------------------------

RULES = {
    "order_id": PropertyRule(type="string", required=True),
    "total": PropertyRule(type="number", minimum=0, maximum=1_000),
    "state": PropertyRule(enum=("new", "paid", 1)),
    "code": PropertyRule(type="string", chars_max=3),
}


def under(plan: TrackingPlan, **fields: Any) -> Any:
    return read(batch(item(**fields)), source=SourceRules(name="shop", plan=plan))


def planned(properties: dict[str, Any], **modes: Any) -> Any:
    plan = TrackingPlan(events={"Order Placed": EventPlan(properties=RULES)}, **modes)
    return under(plan, event="Order Placed", properties=properties)


def test_an_event_within_the_plan_keeps_its_undeclared_properties() -> None:
    properties = {"order_id": "o1", "total": 5, "state": "new", "code": "abc", "more": [1]}
    event = only(planned(properties))
    assert (event.properties, event.flags, event.context) == (properties, (), {})


@pytest.mark.parametrize(
    ("properties", "finding"),
    [
        ({}, "order_id: missing"),
        ({"order_id": None}, "order_id: missing"),
        ({"order_id": 7}, "order_id: is no string"),
        ({"order_id": "o", "total": "5"}, "total: is no number"),
        ({"order_id": "o", "total": True}, "total: is no number"),
        ({"order_id": "o", "total": -1}, "total: is less than 0"),
        ({"order_id": "o", "total": 1e6}, "total: is more than 1000"),
        ({"order_id": "o", "state": "old"}, "state: is none of the allowed values"),
        ({"order_id": "o", "state": True}, "state: is none of the allowed values"),
        ({"order_id": "o", "code": "abcd"}, "code: is longer than 3 characters"),
    ],
)
def test_each_violation_is_named(properties: dict[str, Any], finding: str) -> None:
    modes = dict.fromkeys(("missing_property", "wrong_type", "wrong_value"), "warn")
    event = only(planned(properties, **modes))
    assert event.flags == ("tracking_plan",)
    assert event.context == {"plan_findings": [finding]}


def test_the_mode_decides_what_becomes_of_the_event() -> None:
    (refusal,) = planned({}).refused
    assert (refusal.code, refusal.disposition) == ("tracking_plan", "quarantine")
    assert "order_id: missing" in refusal.message
    (refusal,) = planned({}, missing_property="reject").refused
    assert (refusal.code, refusal.disposition) == ("tracking_plan", "reject")
    assert only(planned({}, missing_property="allow")).flags == ()


def test_the_gravest_mode_wins_and_an_event_may_set_its_own() -> None:
    wrong = {"total": "5", "state": "old"}
    intake = planned(wrong, missing_property="warn", wrong_type="reject", wrong_value="warn")
    assert intake.refused[0].disposition == "reject"
    plan = TrackingPlan(events={"E": EventPlan(properties=RULES, mode="warn")})
    assert only(under(plan, event="E", properties=wrong)).flags == ("tracking_plan",)


def test_an_unplanned_event_is_allowed_unless_the_plan_says_otherwise() -> None:
    assert only(under(TrackingPlan())).flags == ()
    assert only(under(TrackingPlan(unplanned_event="warn"))).flags == ("tracking_plan",)
    strict = TrackingPlan(unplanned_event="quarantine")
    assert under(strict).refused[0].code == "tracking_plan"
    assert only(under(strict, type="identify")).flags == ()


def test_traits_are_planned_under_the_name_of_the_call() -> None:
    rules = {"email": PropertyRule(type="string", required=True)}
    plan = TrackingPlan(events={"identify": EventPlan(properties=rules)})
    assert only(under(plan, type="identify", properties=None, traits={"email": "a@x.io"}))
    assert under(plan, type="identify", traits={"plan": "pro"}).refused[0].code == "tracking_plan"


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("integer", 2.0, 2.5),
        ("boolean", False, 0),
        ("object", {"a": 1}, [1]),
        ("array", [], {"a": 1}),
        ("timestamp", "2026-01-01", "soon"),
    ],
)
def test_the_types_of_a_plan(kind: Any, good: Any, bad: Any) -> None:
    plan = TrackingPlan(events={"E": EventPlan(properties={"x": PropertyRule(type=kind)})})
    assert only(under(plan, event="E", properties={"x": good}))
    assert under(plan, event="E", properties={"x": bad}).refused[0].code == "tracking_plan"
