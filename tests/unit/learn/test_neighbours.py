"""The next item: what resembles counts, what is old goes, and repeats are judged, not assumed."""

from __future__ import annotations

import numpy as np
import pytest

from heedful.kernel import InputError
from heedful.learn import SessionNeighbours
from heedful.learn.neighbours import RANK_MAX, SESSION_ITEMS_MAX, Judgement

SHELVES = 6
SHELF = 8


def sessions(seed: int, count: int, *, repeats: bool = False) -> list[list[str]]:
    """Sessions of people who stay on one shelf, and who look twice at things or never do."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        shelf = rng.integers(SHELVES)
        places = rng.permutation(SHELF)[: rng.integers(2, 6)]
        items = [f"{shelf}-{place}" for place in places]
        found.append([item for item in items for _ in range(2)] if repeats else items)
    return found


def learned(found: list[list[str]], sessions_max: int = 20_000) -> SessionNeighbours:
    model = SessionNeighbours(sessions_max)
    for at, items in enumerate(found):
        model.learn_one(items, at)
    return model


def names(model: SessionNeighbours, *items: str) -> list[str]:
    return [item for item, _ in model.predict_one(items)]


def test_what_is_proposed_lies_on_the_shelf_of_the_session() -> None:
    model = learned(sessions(1, 400))
    assert all(item.startswith("3-") for item in names(model, "3-0", "3-1"))
    assert len(names(model, "3-0")) >= SHELF - 1


def test_the_same_sessions_give_the_same_model_and_the_same_proposals() -> None:
    one, other = learned(sessions(2, 300)), learned(sessions(2, 300))
    assert one.encode() == other.encode()
    assert one.predict_one(["1-1"]) == other.predict_one(["1-1"])
    assert learned(sessions(3, 300)).encode() != one.encode()


def test_a_session_is_seen_by_the_very_next_prediction() -> None:
    model = learned([["a", "b"]])
    assert names(model, "a") == ["b"]
    model.learn_one(["a", "c"], 5)
    assert names(model, "a") == ["b", "c"]


def test_the_item_of_the_most_similar_sessions_comes_first() -> None:
    model = learned([["a", "b", "x"], ["a", "b", "x"], ["b", "y"], ["q", "r"], ["q", "s"]])
    without = [item for item in names(model, "a", "b") if item not in ("a", "b")]
    assert without == ["x", "y"]


def test_the_newest_items_of_the_session_count_most() -> None:
    model = learned([["a", "x"], ["b", "y"], ["c", "z"], ["d", "w"]])
    assert [i for i in names(model, "a", "b") if i in "xy"] == ["y", "x"]


def test_a_rare_item_is_worth_more_than_one_that_is_everywhere() -> None:
    model = learned([["a", "bag", "rope"], ["c", "bag"], ["d", "bag"], ["e", "bag"]])
    assert names(model, "a") == ["rope", "bag"]


def test_whether_things_are_proposed_again_is_learned_from_what_people_do() -> None:
    never, often = learned(sessions(4, 400)), learned(sessions(4, 400, repeats=True))
    assert not never.repeats
    assert often.repeats
    assert "2-2" not in names(never, "2-1", "2-2")
    assert names(often, "2-1", "2-2")[0] == "2-2"
    assert never.judgement.judged > 50


def test_old_judgements_fade_so_that_a_shop_may_change() -> None:
    judged = Judgement(1_000, 500, 8_192)
    assert judged.faded() == Judgement(500, 250, 4_096)
    assert Judgement(10, 5, 100).faded() == Judgement(10, 5, 100)


def test_the_newest_sessions_stay_and_the_oldest_go() -> None:
    model = learned([["old", "older"], ["a", "b"], ["b", "c"]], sessions_max=2)
    assert len(model) == 2
    assert names(model, "old") == []
    assert not model.learn_one(["late", "later"], 0)
    assert names(model, "late") == []


def test_a_long_session_is_cut_to_its_last_items() -> None:
    items = [f"i{n}" for n in range(SESSION_ITEMS_MAX + 10)]
    model = learned([items, ["z", "y"]])
    assert names(model, "i0") == []
    assert names(model, items[-1])


@pytest.mark.parametrize("items", [[], ["a"]], ids=["none", "one"])
def test_fewer_than_two_items_teach_nothing(items: list[str]) -> None:
    model = SessionNeighbours()
    assert not model.learn_one(items, 1)
    assert len(model) == 0


def test_the_same_session_counts_once() -> None:
    model = SessionNeighbours()
    assert model.learn_one(["a", "b"], 7)
    assert not model.learn_one(["a", "b"], 7)
    assert len(model) == 1


def test_a_model_that_knows_nothing_proposes_nothing() -> None:
    assert SessionNeighbours().predict_one(["a"]) == []
    assert learned([["a", "b"]]).predict_one([]) == []


def test_as_many_are_proposed_as_are_asked_for() -> None:
    model = learned(sessions(5, 400))
    assert len(model.predict_one(["0-0"], 3)) == 3
    assert model.predict_one(["0-0"], 3) == model.predict_one(["0-0"], RANK_MAX)[:3]


def test_what_is_read_back_goes_on_to_the_same_bytes() -> None:
    first, rest = sessions(6, 200), sessions(7, 50)
    model = learned(first)
    again = SessionNeighbours.decode(model.encode())
    assert again.encode() == model.encode()
    for at, items in enumerate(rest, 1_000):
        model.learn_one(items, at)
        again.learn_one(items, at)
    assert again.encode() == model.encode()


def test_a_copy_goes_its_own_way() -> None:
    model = learned([["a", "b"]])
    before = model.encode()
    copy = model.copied()
    copy.learn_one(["a", "c"], 9)
    assert model.encode() == before
    assert copy.encode() != before


@pytest.mark.parametrize(
    "body", [b"", b"\x80", SessionNeighbours().encode()[:-2]], ids=["empty", "other", "cut"]
)
def test_what_is_no_snapshot_is_refused(body: bytes) -> None:
    with pytest.raises(InputError) as refused:
        SessionNeighbours.decode(body)
    assert refused.value.code == "bad_snapshot"


def test_a_model_without_room_is_refused() -> None:
    with pytest.raises(InputError) as refused:
        SessionNeighbours(0)
    assert refused.value.code == "bad_sessions_max"
