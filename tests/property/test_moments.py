"""A moment is a function of the set of events, and bounded whatever happens."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.events import Event
from heedful.kernel import MINUTE_MS
from heedful.sense import Senses, Sequences, compile_signals, encode_senses, evaluate, fold, merge

SIGNALS = compile_signals([], sequences=Sequences())
START = 1_700_000_000_000
NAMES = (
    "Products Searched",
    "Product Viewed",
    "Product Added",
    "Product Removed",
    "Checkout Started",
    "Order Completed",
)


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Draw events at few instants, so that ties are common, over more than one moment."""
    events = []
    for key in range(draw(st.integers(1, 30))):
        about = {
            "product_id": draw(st.sampled_from(["", "a", "b", 7])),
            "category": draw(st.sampled_from(["", "boots", "tents"])),
        }
        name = draw(st.sampled_from(NAMES))
        at = START + draw(st.integers(0, 12)) * 5 * MINUTE_MS
        said = {"source": "s", "message_id": f"m{key}", "received_at": at, "properties": about}
        events.append(Event(type="track", name=name, at=at, key=key, **said))
    return events


def folded(events: list[Event]) -> Senses:
    senses = Senses(set_id=SIGNALS.id)
    for event in events:
        fold(senses, event, SIGNALS)
    return senses


@settings(max_examples=80, derandomize=True)
@given(histories(), st.data())
def test_any_order_gives_the_same_bytes(events: list[Event], data: st.DataObject) -> None:
    again = data.draw(st.permutations(events))
    assert encode_senses(folded(events)) == encode_senses(folded(again))


@settings(max_examples=80, derandomize=True)
@given(histories(), st.data())
def test_any_split_merges_to_the_same_bytes(events: list[Event], data: st.DataObject) -> None:
    sides = data.draw(st.lists(st.integers(0, 2), min_size=len(events), max_size=len(events)))
    a, b, c = (folded([e for e, s in zip(events, sides, strict=True) if s == k]) for k in range(3))
    whole = encode_senses(folded(events))
    assert encode_senses(merge(merge(a, b, SIGNALS), c, SIGNALS)) == whole
    assert encode_senses(merge(c, merge(b, a, SIGNALS), SIGNALS)) == whole


@settings(max_examples=80, derandomize=True)
@given(histories(), st.integers(0, 100))
def test_every_reading_is_within_its_range(events: list[Event], later: int) -> None:
    now = max(event.at for event in events) + later * MINUTE_MS
    found = evaluate(folded(events), SIGNALS, now)
    assert 0.0 <= found["intent_strength"] <= 1.0
    assert 0.0 <= found["intent_hesitation"] <= 1.0
    assert found["intent_stage"] in (None, "browsing", "comparing", "buying", "leaving")
    assert found["intent_category"] in (None, "boots", "tents")
    assert (found["intent_strength"] > 0.0) == (found["intent_category"] is not None)
