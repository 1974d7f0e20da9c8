"""A stream cut into sessions: who pauses begins anew, and what is cut differently is the same."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from heedful.kernel import MINUTE_MS, InputError
from heedful.learn import SESSION_END, Happening, SequenceModel
from heedful.learn.sequences import OPEN_ITEMS_MAX, OPEN_MAX, PAUSE_MS


def stream(seed: int, people: int = 30, events: int = 600) -> list[Happening]:
    """People who look at things of one shelf, with pauses now and then."""
    rng = np.random.default_rng(seed)
    at, found = 0, []
    for _ in range(events):
        at += int(rng.integers(1, 3 * MINUTE_MS))
        person = int(rng.integers(people))
        item = f"{person % 4}-{rng.integers(6)}" if rng.random() < 0.8 else None
        found.append(Happening(person, "View" if item else "Search", at, at, item))
    return found


def learned(happenings: list[Happening]) -> SequenceModel:
    model = SequenceModel()
    for happening in happenings:
        model.learn_one(happening)
    return model


def test_who_pauses_for_long_begins_a_new_session() -> None:
    model = SequenceModel()
    for minute, item in ((0, "a"), (1, "b"), (40, "c"), (41, "d"), (100, "e")):
        at = minute * MINUTE_MS
        model.learn_one(Happening(1, "View", at, at, item))
    assert model.next_items(["a"], 5) == ["b"]
    assert model.next_items(["c"], 5) == ["d"]
    assert SESSION_END in model.events.symbols


def test_a_session_that_nobody_goes_on_with_ends_by_the_clock() -> None:
    model = SequenceModel()
    model.learn_one(Happening(1, "View", 0, 0, "a"))
    model.learn_one(Happening(1, "View", 1, 1, "b"))
    assert model.next_items(["a"], 5) == []
    model.learn_one(Happening(2, "Search", PAUSE_MS + 2, PAUSE_MS + 2))
    assert model.next_items(["a"], 5) == ["b"]


def test_an_import_of_the_past_is_cut_by_its_own_times() -> None:
    model, received = SequenceModel(), 90 * PAUSE_MS
    for at, item in ((0, "a"), (1, "b"), (3 * PAUSE_MS, "c"), (3 * PAUSE_MS + 1, "d")):
        model.learn_one(Happening(1, "View", at, received, item))
    model.learn_one(Happening(2, "View", received, received + PAUSE_MS + 1, "z"))
    assert model.next_items(["a"], 5) == ["b"]
    assert model.next_items(["c"], 5) == ["d"]


def test_people_do_not_mix() -> None:
    model = SequenceModel()
    for n, (person, item) in enumerate(((1, "a"), (2, "x"), (1, "b"), (2, "y"))):
        model.learn_one(Happening(person, "View", n, n, item))
    model.learn_one(Happening(3, "View", 2 * PAUSE_MS, 2 * PAUSE_MS))
    assert model.next_items(["a"], 5) == ["b"]
    assert model.next_items(["x"], 5) == ["y"]


def test_the_next_event_is_known_at_once() -> None:
    model = SequenceModel()
    assert model.next_event(["View"]) is None
    model.learn_one(Happening(1, "View", 0, 0, "a"))
    model.learn_one(Happening(1, "Add", 1, 1, "a"))
    assert model.next_event(["View"]) == "Add"


@pytest.mark.parametrize("cut", [0, 1, 250, 599], ids=["0", "1", "250", "599"])
def test_a_snapshot_and_what_happened_since_give_the_same_bytes(cut: int) -> None:
    happenings = stream(1)
    model = SequenceModel.decode(learned(happenings[:cut]).encode())
    for happening in happenings[cut:]:
        model.learn_one(happening)
    assert model.encode() == learned(happenings).encode()


def test_a_copy_goes_its_own_way() -> None:
    model = learned(stream(2))
    before = model.encode()
    copy = model.copied()
    for happening in stream(3):
        copy.learn_one(happening)
    assert model.encode() == before


def test_open_sessions_are_bounded_and_the_longest_resting_one_ends() -> None:
    model = SequenceModel()
    model.learn_one(Happening(0, "View", 0, 0, "a"))
    model.learn_one(Happening(0, "View", 0, 0, "b"))
    for person in range(1, OPEN_MAX + 1):
        model.learn_one(Happening(person, "View", 1, 1))
    assert model.next_items(["a"], 5) == ["b"]


def test_an_endless_session_keeps_its_last_items() -> None:
    model = SequenceModel()
    items = [f"i{n}" for n in range(3 * OPEN_ITEMS_MAX)]
    for n, item in enumerate(items):
        model.learn_one(Happening(1, "View", n, n, item))
    model.learn_one(Happening(2, "View", 2 * PAUSE_MS, 2 * PAUSE_MS))
    assert model.next_items([items[0]], 5) == []
    assert model.next_items([items[-1]], 5)


def test_a_later_time_never_reopens_what_ended() -> None:
    ends = [sum(model_ends(stream(seed, events=200))) for seed in (4, 5)]
    assert all(end > 0 for end in ends)


def model_ends(happenings: list[Happening]) -> list[int]:
    model, counts = SequenceModel(), [0]
    for happening in happenings:
        model.learn_one(happening)
        counts.append(model.events.symbols.get(SESSION_END, 0))
    return [later - earlier for earlier, later in pairwise(counts)]


def test_a_pause_of_nothing_is_refused() -> None:
    with pytest.raises(InputError) as refused:
        SequenceModel(0)
    assert refused.value.code == "bad_pause"


def test_what_is_no_snapshot_is_refused() -> None:
    with pytest.raises(InputError) as refused:
        SequenceModel.decode(b"\x80")
    assert refused.value.code == "bad_snapshot"
