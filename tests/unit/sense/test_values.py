"""What each kind says, on histories that a person can check in the head."""

from __future__ import annotations

import pytest

from heedful.expr import UNKNOWN
from heedful.kernel import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, InputError, InvariantError
from heedful.sense import (
    Automatic,
    FeatureDictionary,
    SignalDefinition,
    adopt,
    automatic_names,
    compile_signals,
    encode_senses,
    evaluate,
    explain,
    feature_keys,
    fold,
    merge,
    next_due,
    reason,
    warm,
)
from heedful.sense.limits import CATEGORIES_MAX, DISTINCT_VALUES_MAX, TAIL_ENTRIES_MAX
from heedful.sense.types import Value
from tests.unit.sense.shop import NOON, folded, happened

S = SignalDefinition


def value_of(definition: SignalDefinition, *events: object, now: int) -> Value:
    """Evaluate one signal over events, `now` milliseconds after noon."""
    signals = compile_signals([definition])
    return evaluate(folded(signals, *events), signals, NOON + now)[definition.name]  # type: ignore[arg-type]


def test_a_window_is_open_at_its_old_end_and_closed_at_now() -> None:
    failures = S(name="f", kind="count", on="Payment Failed", window="10m")
    event = happened("Payment Failed", 0)
    assert value_of(failures, event, now=0) == 1
    assert value_of(failures, event, now=10 * MINUTE_MS - 1) == 1
    assert value_of(failures, event, now=10 * MINUTE_MS) == 0


def test_failures_in_a_row_begin_again_after_an_order() -> None:
    row = S(name="row", kind="count", on="Payment Failed", reset_on="Order Completed", window="1d")
    events = [happened("Payment Failed", i * MINUTE_MS) for i in range(4)]
    order = happened("Order Completed", 90 * SECOND_MS)
    assert value_of(row, *events, now=HOUR_MS) == 4
    assert value_of(row, *events, order, now=HOUR_MS) == 2


def test_sums_read_texts_that_are_numbers_and_skip_what_is_none() -> None:
    spend = S(name="s", kind="sum", on="Order Completed", of="event.properties.revenue")
    amounts = [0.1, "0.2", 19.99, "n/a", None, True]
    events = [happened("Order Completed", i, revenue=a) for i, a in enumerate(amounts)]
    assert value_of(spend, *events, now=HOUR_MS) == 20.29


def test_a_sum_beyond_64_bits_wraps_and_can_still_be_stored() -> None:
    spend = S(name="s", kind="sum", on="A", of="event.properties.n")
    signals = compile_signals([spend])
    events = [happened("A", i, n=1e12) for i in range(20)]
    whole = folded(signals, *events)
    parts = merge(folded(signals, *events[:7]), folded(signals, *events[7:]), signals)
    assert encode_senses(whole) == encode_senses(parts)


def test_a_visit_lasts_until_the_next_event_and_half_an_hour_at_most() -> None:
    dwell = S(name="d", kind="dwell", on={"page": "Pricing"}, window="1d")
    visit, other = happened("Pricing", 0, "page"), happened("Product Viewed", 40 * SECOND_MS)
    again = happened("Pricing", MINUTE_MS, "page")
    assert value_of(dwell, visit, now=25 * SECOND_MS) == 25.0
    assert value_of(dwell, visit, other, now=HOUR_MS) == 40.0
    assert value_of(dwell, visit, other, again, now=2 * HOUR_MS) == 40.0 + 1_800.0
    assert value_of(dwell, other, now=HOUR_MS) == 0.0


def test_a_visit_older_than_the_tail_is_not_counted() -> None:
    dwell = S(name="d", kind="dwell", on={"page": "Pricing"})
    visit = happened("Pricing", 0, "page")
    later = [happened("A", (i + 1) * SECOND_MS) for i in range(TAIL_ENTRIES_MAX)]
    assert value_of(dwell, visit, *later[:-1], now=HOUR_MS) == 1.0
    assert value_of(dwell, visit, *later, now=HOUR_MS) == 0.0


def test_an_absence_holds_from_its_deadline_for_its_time() -> None:
    absence = S(
        name="a", kind="absence", after="Video Watched", not_="Pricing Opened",
        within="5m", holds="1h",
    )  # fmt: skip
    signals = compile_signals([absence])
    watched = happened("Video Watched", 0)
    senses = folded(signals, watched)
    deadline, over = NOON + 5 * MINUTE_MS, NOON + 65 * MINUTE_MS
    shown = [evaluate(senses, signals, at)["a"] for at in (deadline - 1, deadline, over - 1, over)]
    assert shown == [False, True, True, False]
    assert next_due(senses, signals, NOON) == deadline
    assert next_due(senses, signals, deadline) == over
    assert next_due(senses, signals, over) is None
    fold(senses, happened("Pricing Opened", 5 * MINUTE_MS), signals)
    assert evaluate(senses, signals, deadline)["a"] is False
    assert next_due(senses, signals, NOON) is None


def test_a_late_answer_undoes_an_absence() -> None:
    absence = S(name="a", kind="absence", after="A", not_="B", within="5m", holds="1h")
    asked, answered = happened("A", 0), happened("B", MINUTE_MS)
    assert value_of(absence, asked, now=10 * MINUTE_MS) is True
    assert value_of(absence, asked, happened("C", 9), answered, now=10 * MINUTE_MS) is False


def test_a_cart_is_abandoned_until_it_is_bought() -> None:
    cart = S(
        name="c", kind="sequence", steps=["Product Added", "Checkout Started"],
        not_="Order Completed", within="2h", holds="24h",
    )  # fmt: skip
    added, checkout = happened("Product Added", 0), happened("Checkout Started", HOUR_MS)
    assert value_of(cart, added, now=HOUR_MS) is False
    assert value_of(cart, checkout, added, now=HOUR_MS) is True
    assert value_of(cart, added, checkout, now=25 * HOUR_MS) is False
    assert value_of(cart, added, happened("Checkout Started", 3 * HOUR_MS), now=DAY_MS) is False
    bought = happened("Order Completed", 90 * MINUTE_MS)
    assert value_of(cart, added, checkout, bought, now=2 * HOUR_MS) is False


def test_kinds_that_have_no_zero_say_none_or_their_default() -> None:
    of = "event.properties.city"
    for kind, fields in {"last": {"of": of}, "first": {"of": of}, "recency": {}, "gap": {}}.items():
        assert value_of(S(name="x", kind=kind, on="A", **fields), now=0) is None
        assert value_of(S(name="x", kind=kind, on="A", default=7, **fields), now=0) == 7
    assert value_of(S(name="x", kind="count", on="A"), now=0) == 0


def test_times_are_seconds() -> None:
    events = [happened("A", i * 90 * SECOND_MS) for i in range(3)]
    assert value_of(S(name="x", kind="gap", on="A"), *events, now=HOUR_MS) == 90.0
    assert value_of(S(name="x", kind="recency", on="A"), *events, now=HOUR_MS) == 3_420.0
    assert value_of(
        S(name="x", kind="rate", on="A", window="1h", per="1m"), *events, now=HOUR_MS - 1
    ) == pytest.approx(3 / 60)


def test_a_text_means_a_call_of_that_name_and_a_map_means_its_type() -> None:
    events = [
        happened("Pricing", 0, "page"),
        happened("Pricing", 1),
        happened("identify", 2, "identify"),
    ]
    for on, count in [
        ("Pricing", 1), ({"page": "Pricing"}, 1), ({"page": "*"}, 1), ("*", 3), ("identify", 1),
        (["Pricing", {"page": "Pricing"}], 2), ({"screen": "*"}, 0),
    ]:  # fmt: skip
        assert value_of(S(name="x", kind="count", on=on), *events, now=HOUR_MS) == count, on


def test_categories_beyond_the_limit_are_counted_together_in_any_order() -> None:
    signals = compile_signals(
        [S(name="by", kind="count", on="A", by="event.properties.c", window="1d")]
    )
    events = [happened("A", i, c=f"c{i % 200}") for i in range(1_000)]
    senses = folded(signals, *events)
    shown = evaluate(senses, signals, NOON + HOUR_MS)["by"]
    assert isinstance(shown, dict)
    assert len(shown) == CATEGORIES_MAX + 1
    assert shown["*"] == 5 * (200 - CATEGORIES_MAX)
    assert encode_senses(senses) == encode_senses(folded(signals, *events[::-1]))
    assert not explain("by", signals, events, NOON + HOUR_MS).is_exact


def test_distinct_values_are_bounded_and_say_so() -> None:
    definition = S(name="d", kind="distinct", on="A", of="event.properties.c")
    signals = compile_signals([definition])
    events = [happened("A", i, c=f"c{i}") for i in range(DISTINCT_VALUES_MAX + 44)]
    told = explain("d", signals, events, NOON + HOUR_MS)
    assert (told.value, told.is_exact) == (DISTINCT_VALUES_MAX, False)


def test_a_new_signal_is_unknown_with_its_reason_until_it_is_refolded() -> None:
    old = compile_signals([S(name="a", kind="count", on="A")])
    new = compile_signals(
        [
            S(name="renamed", kind="count", on="A"),
            S(name="b", kind="count", on="B"),
            S(name="r", kind="ratio", of="b", to="renamed"),
        ],
        earlier=old.lineage(),
    )
    events = [happened("A", 0), happened("B", 1), happened("B", 2)]
    senses = folded(old, *events)
    with pytest.raises(InvariantError, match="adopt"):
        fold(senses, events[0], new)
    assert adopt(senses, new) == [new.signals["b"].key]
    fold(senses, happened("B", 3), new)
    shown = evaluate(senses, new, NOON + HOUR_MS)
    assert shown == {"renamed": 1, "b": UNKNOWN, "r": UNKNOWN}
    assert reason(senses, new, "b") == reason(senses, new, "r") == "signal_warming"
    assert reason(senses, new, "renamed") is None
    warm(senses, new, [*events, happened("B", 3)])
    assert evaluate(senses, new, NOON + HOUR_MS) == {"renamed": 1, "b": 3, "r": 3.0}


def test_a_state_of_an_unknown_set_warms_up_whole() -> None:
    old = compile_signals([S(name="a", kind="count", on="A")])
    new = compile_signals([S(name="a", kind="count", on="A")], Automatic(properties=("x",)))
    senses = folded(old, happened("A", 0))
    assert adopt(senses, new) == sorted(new.keys)
    assert evaluate(senses, new, NOON) == {"a": UNKNOWN}


def test_a_withdrawn_signal_leaves_nothing_behind() -> None:
    both = compile_signals([S(name=n, kind="count", on=n) for n in ("A", "B")])
    one = compile_signals([S(name="A", kind="count", on="A")], earlier=both.lineage())
    senses = folded(both, happened("A", 0), happened("B", 1))
    assert adopt(senses, one) == []
    assert encode_senses(senses) == encode_senses(folded(one, happened("A", 0), happened("B", 1)))


def test_what_warms_in_one_customer_warms_in_the_merged_one() -> None:
    old = compile_signals([S(name="a", kind="count", on="A")])
    new = compile_signals(
        [S(name="a", kind="count", on="A"), S(name="b", kind="count", on="A", window="1h")],
        earlier=old.lineage(),
    )
    existing, newcomer = folded(old, happened("A", 0)), folded(new, happened("A", 1))
    adopt(existing, new)
    for joined in (merge(existing, newcomer, new), merge(newcomer, existing, new)):
        assert evaluate(joined, new, NOON + 1) == {"a": 2, "b": UNKNOWN}


def test_automatic_signals_are_read_by_name() -> None:
    signals = compile_signals([], Automatic(properties=("category", "products.brand")))
    events = [
        happened("Product Viewed", i * MINUTE_MS, category="boots", products=[{"brand": "Älv"}])
        for i in range(6)
    ]
    names = {
        "auto.event.Product Viewed.count": 6,
        "auto.event.Product Viewed.first": 600,
        "auto.event.Product Viewed.recency": 300,
        "auto.event.Product Viewed.gap": 60.0,
        "auto.event.Product Viewed.last_gap": 60,
        "auto.event.Product Viewed.dwell": (5 * 60 + 300) / 6,
        "auto.prop.category.boots.count": 6,
        "auto.prop.products.brand.Älv.count": 6,
        "auto.prop.category.tents.count": 0,
        "auto.prop.category.tents.recency": None,
        "auto.prop.category.tents.decayed_14d": 0.0,
    }
    senses = folded(signals, *events)
    assert evaluate(senses, signals, NOON + 10 * MINUTE_MS, names) == pytest.approx(names)
    decayed = "auto.prop.category.boots.decayed_1h"
    expected = sum(0.5 ** ((10 - i) / 60) for i in range(6))
    shown = evaluate(senses, signals, NOON + 10 * MINUTE_MS, [decayed])[decayed]
    assert shown == pytest.approx(expected, rel=0.001)


@pytest.mark.parametrize("name", ["ordrs", "auto.event.A.cuont", "auto.prop.colour.red.count"])
def test_an_unknown_name_is_refused(name: str) -> None:
    signals = compile_signals([S(name="orders", kind="count", on="A")], Automatic())
    with pytest.raises(InputError) as raised:
        evaluate(folded(signals), signals, NOON, [name])
    assert raised.value.code == "unknown_signal"
    with pytest.raises(InputError, match="orders"):
        explain("ordrs", signals, [], NOON)


def test_features_beyond_the_dictionary_share_slots_and_are_unknown_by_name() -> None:
    signals = compile_signals([], Automatic(properties=("c",)))
    dictionary = FeatureDictionary(limit=2)
    events = [happened("A", i, c=f"c{i}") for i in range(3)]
    senses = folded(signals)
    for event in events:
        dictionary = dictionary.extended(dictionary.missing(feature_keys(event, signals)))
        fold(senses, event, signals, dictionary)
    names = [f"auto.prop.c.c{i}.count" for i in range(3)]
    shown = evaluate(senses, signals, NOON + 9, names, dictionary)
    assert list(shown.values()) == [1, UNKNOWN, UNKNOWN]
    assert reason(senses, signals, names[1], dictionary) == "feature_overflowed"
    assert len(senses.features) == 4


def test_a_realistic_shop_has_thousands_of_automatic_signals() -> None:
    signals = compile_signals([], Automatic(properties=("category", "brand")))
    dictionary = FeatureDictionary()
    for i in range(400):
        event = happened(f"Event {i % 20}", i, category=f"c{i % 60}", brand=f"b{i % 180}")
        dictionary = dictionary.extended(dictionary.missing(feature_keys(event, signals)))
    names = automatic_names(dictionary, signals)
    assert len(names) >= 2_000
    assert set(evaluate(folded(signals), signals, NOON, names)) == set(names)


def test_an_explanation_lists_the_events_with_what_they_add() -> None:
    signals = compile_signals(
        [
            S(name="spend", kind="sum", on="Order Completed", of="event.properties.revenue",
              where="event.properties.revenue > 5", window="1h"),
            S(name="orders", kind="count", on="Order Completed"),
            S(name="mean", kind="ratio", of="spend", to="orders"),
        ]
    )  # fmt: skip
    events = [
        happened("Order Completed", i * MINUTE_MS, revenue=r) for i, r in enumerate((50, 3, 7.5))
    ]
    told = explain("spend", signals, events[::-1], NOON + HOUR_MS)
    assert [(c.at, c.contribution) for c in told.contributions] == [(events[2].at, 7.5)]
    assert (told.value, told.is_exact) == (7.5, True)
    ratio = explain("mean", signals, events, NOON + 59 * MINUTE_MS)
    assert ratio.value == pytest.approx(57.5 / 3)
    assert [len(part.contributions) for part in ratio.parts] == [2, 3]
