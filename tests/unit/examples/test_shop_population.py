"""The sample shop's stream: the same seed gives it again, and everything promised is in it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from itertools import islice, pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.shop.calls import HOUR_MS, Call
from examples.shop.catalogue import BRANDS, CATEGORIES, PRODUCTS, QUERIES
from examples.shop.people import KIOSK_ID
from examples.shop.population import Population


def draw(seed: int, people: int, count: int) -> list[Call]:
    return list(islice(Population(Random(seed), people).calls(), count))


@pytest.fixture(scope="module")
def day() -> list[Call]:
    """One full run: what `send.py` sends by default."""
    stream = Population(Random(7), 200).calls()
    calls = []
    for call in stream:
        if call.sends_ms > 24 * HOUR_MS:
            break
        calls.append(call)
    return calls


def by_name(calls: list[Call]) -> dict[str, list[Call]]:
    named = defaultdict(list)
    for call in calls:
        named[call.name or call.kind].append(call)
    return named


def test_the_catalogue_has_the_size_that_the_readme_promises() -> None:
    assert (len(PRODUCTS), len(CATEGORIES), len(BRANDS)) == (60, 12, 10)
    assert len({product.product_id for product in PRODUCTS}) == 60
    assert len({product.name for product in PRODUCTS}) == 60
    assert set(QUERIES) == set(CATEGORIES)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), people=st.integers(1, 30), count=st.integers(0, 300))
def test_the_same_seed_gives_the_same_stream(seed: int, people: int, count: int) -> None:
    assert draw(seed, people, count) == draw(seed, people, count)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), people=st.integers(1, 30))
def test_calls_come_in_the_order_in_which_they_are_sent(seed: int, people: int) -> None:
    calls = draw(seed, people, 400)
    assert len(calls) == 400, "the stream never ends"
    assert all(a.sends_ms <= b.sends_ms for a, b in pairwise(calls))
    assert all(call.occurs_ms <= call.sends_ms for call in calls)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), people=st.integers(1, 30))
def test_every_call_is_one_that_the_sdk_and_the_contract_take(seed: int, people: int) -> None:
    for call in draw(seed, people, 400):
        assert call.user_id or call.anonymous_id
        assert len(call.message_id) < 60
        if call.kind in ("track", "page", "screen"):
            assert call.name
        if call.kind == "alias":
            assert call.previous_id
            assert call.user_id
        if call.kind == "group":
            assert call.group_id
        assert len(json.dumps([call.fields, call.context])) < 30_000


def test_a_message_id_names_one_call(day: list[Call]) -> None:
    contents = defaultdict(list)
    for call in day:
        contents[call.message_id].append(
            (call.kind, call.name, call.occurs_ms, call.late_ms, call.user_id, repr(call.fields))
        )
    assert all(len(set(copies)) == 1 for copies in contents.values())
    doubled = sum(len(copies) == 2 for copies in contents.values())
    assert 0.01 < doubled / len(contents) < 0.03


def test_a_full_run_has_every_kind_of_event(day: list[Call]) -> None:
    named = by_name(day)
    expected = [
        "Product List Viewed",
        "Product Viewed",
        "Products Searched",
        "Product Added",
        "Product Removed",
        "Cart Viewed",
        "Checkout Started",
        "Payment Info Entered",
        "Payment Failed",
        "Order Completed",
        "Order Refunded",
        "Support Contacted",
        "Video Watched",
        "Pricing Opened",
        "Newsletter Subscribed",
        "Newsletter Unsubscribed",
        "Segment Consent Preference Updated",
        "Signed In",
        "identify",
        "group",
        "alias",
    ]
    assert [name for name in expected if not named[name]] == []
    assert {call.kind for call in day} == {"track", "identify", "page", "screen", "group", "alias"}
    assert {call.source for call in day} == {"web", "app", "backend"}


def test_people_return_and_do_something_else() -> None:
    first = Population(Random(7), 20, Random("one"))
    second = Population(Random(7), 20, Random("two"), first=500)
    assert first.people == second.people
    drawn = [list(islice(life.calls(), 300)) for life in (first, second)]
    assert {call.user_id for call in drawn[0]} & {call.user_id for call in drawn[1]} - {None}
    orders = [{c.fields["order_id"] for c in calls if "order_id" in c.fields} for calls in drawn]
    assert orders[0]
    assert not orders[0] & orders[1]


def test_an_order_adds_up(day: list[Call]) -> None:
    for call in by_name(day)["Order Completed"]:
        fields = call.fields
        cents = sum(round(100 * line["price"]) * line["quantity"] for line in fields["products"])
        assert round(100 * fields["revenue"]) == cents
        assert round(100 * fields["total"]) == cents + round(100 * fields["shipping"])
        assert fields["currency"] == "EUR"


def test_payments_fail_one_to_four_times_in_a_row(day: list[Call]) -> None:
    attempts = {call.fields["attempt"] for call in by_name(day)["Payment Failed"]}
    assert attempts == {1, 2, 3, 4}


def test_the_kiosk_is_used_by_dozens_who_are_at_first_called_null(day: list[Call]) -> None:
    users = {call.user_id for call in day if call.anonymous_id == KIOSK_ID}
    assert "null" in users
    assert len(users) > 24
    assert not any(call.user_id == "null" and not call.anonymous_id for call in day)


def test_tablets_are_shared_and_people_have_several_devices(day: list[Call]) -> None:
    users, devices = defaultdict(set), defaultdict(set)
    for call in day:
        if call.user_id not in (None, "null") and call.anonymous_id not in (None, KIOSK_ID):
            users[call.anonymous_id].add(call.user_id)
            devices[call.user_id].add(call.anonymous_id)
    assert max(len(known) for name, known in users.items() if name.startswith("tablet-")) == 3
    assert max(map(len, devices.values())) >= 3
    own = (len(known) for name, known in users.items() if not name.startswith("tablet-"))
    # A migrated person's device has the old user id and the new one.
    assert max(own) <= 2


def test_some_visitors_stay_anonymous(day: list[Call]) -> None:
    # Every sixth person has no account: nothing of theirs ever carries a user id.
    devices = {call.anonymous_id for call in day if call.anonymous_id}
    known = {call.anonymous_id for call in day if call.user_id}
    assert len(devices - known) > 20


def test_an_event_of_the_backend_may_arrive_before_its_person_is_identified() -> None:
    late = [call for call in draw(7, 200, 20_000) if call.kind == "identify" and call.late_ms]
    assert late, "an offline app identifies hours after the backend's events"


def test_offline_phones_send_hours_late_and_some_newest_first(day: list[Call]) -> None:
    late = [call for call in day if call.late_ms]
    assert {call.source for call in late} == {"app"}
    assert min(call.late_ms for call in late) >= HOUR_MS
    batches = defaultdict(list)
    for call in late:
        batches[call.sends_ms].append(call.occurs_ms)
    reversed_ones = [b for b in batches.values() if len(b) > 1 and b == sorted(b, reverse=True)]
    assert 0 < len(reversed_ones) < len(batches)


def test_privacy_signals_reach_the_context(day: list[Call]) -> None:
    with_gpc = [call for call in day if call.context.get("gpc")]
    assert with_gpc
    for call in with_gpc:
        assert call.context["consent"]["categoryPreferences"]["Advertising"] is False
    updated = by_name(day)["Segment Consent Preference Updated"]
    answers = Counter(
        call.context["consent"]["categoryPreferences"]["Advertising"]
        for call in updated
        if "consent" in call.context
    )
    assert set(answers) == {True, False}


def test_notes_are_in_three_languages_and_have_no_open_places(day: list[Call]) -> None:
    notes = [call.fields["note"] for call in draw(7, 200, 20_000) if "note" in call.fields]
    assert len(notes) > 30
    assert not any("{" in note for note in notes)
    for word in ("Kunde", "client", "Customer"):
        assert any(word in note for note in notes)
