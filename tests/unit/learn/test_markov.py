"""The next event: long runs where experience supports them, shorter ones where it does not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from heedful.kernel import InputError
from heedful.learn import VariableOrder
from heedful.learn.markov import FOLLOWERS_MAX


def stream(seed: int, count: int) -> list[str]:
    """A chain of order 2: after `a b` comes `c`, after `b a` comes `d`, else anything."""
    rng = np.random.default_rng(seed)
    found = ["a", "b"]
    while len(found) < count:
        after = {("a", "b"): "c", ("b", "a"): "d"}.get((found[-2], found[-1]))
        if after is None or rng.random() < 0.1:
            after = "abcd"[rng.integers(4)]
        found.append(after)
    return found


def learned(events: list[str], **settings: int) -> VariableOrder:
    model = VariableOrder(**settings)
    for place, event in enumerate(events):
        model.learn_one(events[:place][-8:], event)
    return model


def bits(model: VariableOrder, events: list[str]) -> float:
    """Mean bits that the model needs for each event."""
    total = 0.0
    for place in range(4, len(events)):
        total -= math.log2(model.chances(events[place - 4 : place])[events[place]])
    return total / (len(events) - 4)


def test_the_chances_of_a_run_follow_its_counts_and_those_of_the_shorter_run() -> None:
    model = VariableOrder(order=1)
    for event in ("buy", "buy", "leave"):
        model.learn_one(["view"], event)
    # Empty run: 3 counts of 2 kinds over 1/2 each; then `view` with the same counts over that.
    empty = (2 + 8 * 0.5) / 11
    assert model.chances(["view"])["buy"] == pytest.approx((2 + 8 * empty) / 11)
    assert model.chances(["unknown"])["buy"] == pytest.approx(empty)


def test_a_chain_of_order_two_is_told_better_than_by_the_last_event() -> None:
    events, later = stream(1, 4_000), stream(2, 1_000)
    by_order = [bits(learned(events, order=order), later) for order in (0, 1, 2, 4)]
    assert by_order[2] < by_order[1] < by_order[0]
    assert by_order[3] < by_order[1]


def test_the_same_events_give_the_same_model() -> None:
    assert learned(stream(3, 500)).encode() == learned(stream(3, 500)).encode()
    assert learned(stream(4, 500)).encode() != learned(stream(3, 500)).encode()


def test_an_event_is_seen_by_the_very_next_prediction() -> None:
    model = learned(["view", "leave"])
    model.learn_one(["cart"], "buy")
    assert model.predict_one(["cart"])[0][0] == "buy"


def test_nothing_is_foretold_where_nothing_was_learned() -> None:
    assert VariableOrder().predict_one(["view"]) == []


def test_runs_are_bounded_and_the_frequent_ones_stay() -> None:
    model = VariableOrder(order=2, contexts_max=50)
    for n in range(500):
        model.learn_one(["often"], "again")
        model.learn_one([f"once {n}"], "again")
        assert len(model) <= 50
    assert model.predict_one(["often"])[0][0] == "again"
    assert model.symbols["again"] > 0


def test_followers_are_bounded_and_the_newest_is_known() -> None:
    model = VariableOrder(order=0)
    for n in range(3 * FOLLOWERS_MAX):
        model.learn_one([], f"event {n}")
        assert len(model.symbols) <= FOLLOWERS_MAX
        assert f"event {n}" in model.symbols


def test_what_is_read_back_goes_on_to_the_same_bytes() -> None:
    model = learned(stream(5, 300))
    again = VariableOrder.decode(model.encode())
    for one in (model, again):
        one.learn_one(["a", "b"], "new")
    assert again.encode() == model.encode()


def test_a_copy_goes_its_own_way() -> None:
    model = learned(stream(6, 100))
    before = model.encode()
    model.copied().learn_one(["a"], "b")
    assert model.encode() == before


def test_models_that_look_back_differently_far_do_not_merge() -> None:
    with pytest.raises(InputError) as refused:
        VariableOrder(order=2).merge(VariableOrder(order=3))
    assert refused.value.code == "bad_order"


@pytest.mark.parametrize(
    ("settings", "code"),
    [({"order": 9}, "bad_order"), ({"contexts_max": 0}, "bad_contexts_max")],
    ids=["order", "contexts"],
)
def test_settings_out_of_range_are_refused(settings: dict[str, int], code: str) -> None:
    with pytest.raises(InputError) as refused:
        VariableOrder(**settings)
    assert refused.value.code == code


def test_what_is_no_snapshot_is_refused() -> None:
    with pytest.raises(InputError) as refused:
        VariableOrder.decode(b"\x80")
    assert refused.value.code == "bad_snapshot"
