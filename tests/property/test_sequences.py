"""Sequences in any order and any split: the same sessions, the same bytes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.learn import SessionNeighbours, VariableOrder

items = st.sampled_from("abcdef")
sessions = st.lists(
    st.tuples(st.lists(items, min_size=2, max_size=5), st.integers(0, 12)), max_size=25
)
runs = st.lists(st.tuples(st.lists(items, max_size=4), items), max_size=40)


def neighbours(found: list[tuple[list[str], int]], sessions_max: int) -> SessionNeighbours:
    model = SessionNeighbours(sessions_max)
    for session, at in found:
        model.learn_one(session, at)
    return model


def kept(model: SessionNeighbours) -> bytes:
    """All but what was judged, which is a sum in the order of arrival."""
    copy = model.copied()
    copy.judgement = SessionNeighbours().judgement
    return copy.encode()


@settings(max_examples=60, derandomize=True)
@given(sessions, st.integers(1, 12), st.randoms(use_true_random=False))
def test_sessions_in_any_order_are_kept_alike(found, sessions_max, rng) -> None:
    again = list(found)
    rng.shuffle(again)
    assert kept(neighbours(found, sessions_max)) == kept(neighbours(again, sessions_max))


@settings(max_examples=60, derandomize=True)
@given(sessions, st.integers(1, 12), st.integers(0, 25))
def test_models_of_any_split_unite_to_the_model_of_all(found, sessions_max, cut) -> None:
    left = neighbours(found[:cut], sessions_max)
    right = neighbours(found[cut:], sessions_max)
    whole = kept(neighbours(found, sessions_max))
    assert kept(left.merge(right)) == kept(right.merge(left)) == whole


@settings(max_examples=60, derandomize=True)
@given(sessions, st.lists(items, max_size=6), st.integers(1, 12))
def test_proposals_are_bounded_ordered_and_read_back_alike(found, session, count) -> None:
    model = neighbours(found, 10)
    proposed = model.predict_one(session, count)
    assert len(proposed) <= count
    assert proposed == sorted(proposed, key=lambda pair: (-pair[1], pair[0]))
    assert SessionNeighbours.decode(model.encode()).predict_one(session, count) == proposed


@settings(max_examples=60, derandomize=True)
@given(runs, st.integers(0, 40), st.lists(items, max_size=4))
def test_counts_of_any_split_add_up_and_chances_sum_to_one(found, cut, history) -> None:
    def learned(part) -> VariableOrder:
        model = VariableOrder()
        for run, event in part:
            model.learn_one(run, event)
        return model

    whole = learned(found)
    assert learned(found[:cut]).merge(learned(found[cut:])).encode() == whole.encode()
    chances = whole.chances(history)
    assert not chances or abs(sum(chances.values()) - 1.0) < 1e-9
