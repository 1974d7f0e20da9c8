"""What comes after: counts that merge, fits that find the optimum, plans that can be read."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from benchmarks.long_game import (
    ARMS,
    GRID,
    WEEK_MS,
    compared_large,
    explored,
    learned_large,
    learned_small,
    myopic,
    optimum,
    policy_of,
    small_world,
    value_of,
)
from heedful.kernel import InputError
from heedful.learn import (
    FOLLOWING_ARMS_MAX,
    GONE,
    SILENT,
    STATES_MAX,
    Continuation,
    ContinuationSettings,
    Grid,
    Transition,
)

# The grid


def test_a_state_has_one_number() -> None:
    assert [GRID.place(GRID.point(place)) for place in range(GRID.size)] == list(range(GRID.size))


@pytest.mark.parametrize("levels", [(), (0, 2), (STATES_MAX + 1,)], ids=["none", "empty", "many"])
def test_a_grid_that_is_none_is_refused(levels: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="levels"):
        Grid(levels)


# Counting


def model_of(seen: list[Transition]) -> Continuation:
    model = Continuation(GRID)
    for one in seen:
        model.learn_one(one)
    return model


@pytest.fixture(scope="module")
def seen() -> list[Transition]:
    return explored(small_world(1), 60, 52, 1)


def test_any_order_and_split_gives_the_same_bytes(seen: list[Transition]) -> None:
    whole = model_of(seen)
    mixed = list(seen)
    Random(3).shuffle(mixed)
    assert model_of(mixed).encode() == whole.encode()
    left, right = model_of(seen[::2]), model_of(seen[1::2])
    joined = left.merge(right)
    joined.learn_seq = whole.learn_seq
    assert joined.encode() == whole.encode()


def test_a_model_is_read_back_as_it_was(seen: list[Transition]) -> None:
    model = model_of(seen)
    again = Continuation.decode(model.encode())
    assert again.encode() == model.encode()
    assert (again.fit().table() == model.fit().table()).all()


def test_a_copy_learns_alone(seen: list[Transition]) -> None:
    model = model_of(seen)
    before = model.encode()
    model.copy().learn_one(seen[0])
    assert model.encode() == before


@pytest.mark.parametrize(
    "wrong",
    [
        Transition(-1, SILENT, 0, 1, 0),
        Transition(GRID.size, SILENT, 0, 1, 0),
        Transition(0, SILENT, 0, 1, GRID.size),
        Transition(0, SILENT, 0, 0, 0),
    ],
    ids=["before", "beyond", "after", "no-span"],
)
def test_what_is_no_transition_is_refused(wrong: Transition) -> None:
    with pytest.raises(InputError) as refused:
        Continuation(GRID).learn_one(wrong)
    assert refused.value.code == "bad_transition"


def test_arms_are_bounded() -> None:
    model = Continuation(GRID)
    for number in range(FOLLOWING_ARMS_MAX):
        model.learn_one(Transition(0, f"arm {number}", 0, 1, 0))
    with pytest.raises(InputError) as refused:
        model.learn_one(Transition(0, "one more", 0, 1, 0))
    assert refused.value.code == "too_many_arms"


def test_other_bytes_and_other_grids_are_refused() -> None:
    with pytest.raises(InputError) as refused:
        Continuation.decode(b"nothing")
    assert refused.value.code == "bad_snapshot"
    with pytest.raises(InputError) as other:
        Continuation(GRID).merge(Continuation(Grid((2,))))
    assert other.value.code == "bad_grid"


# Fitting


def test_nothing_seen_changes_nothing() -> None:
    plan = Continuation(GRID).fit()
    assert plan.best(0) == SILENT
    assert plan.value(0) == plan.later("offer", 0) == 0


def test_a_known_process_is_solved_exactly() -> None:
    # To speak earns 3 and leaves nobody; silence earns 1 for ever.
    model = Continuation(Grid((1,)))
    for _ in range(10):
        model.learn_one(Transition(0, "speak", 3_000_000, WEEK_MS, GONE))
        model.learn_one(Transition(0, SILENT, 1_000_000, WEEK_MS, 0))
    settings = ContinuationSettings(horizon_ms=20 * WEEK_MS, borrowed=0.0)
    plan = model.fit(settings)
    discount = np.exp(-1 / 20)
    assert plan.value(0) == pytest.approx(1_000_000 / (1 - discount), rel=1e-4)
    assert plan.later("speak", 0) == pytest.approx(-discount * plan.value(0), rel=1e-4)
    assert plan.best(0) == SILENT
    assert plan.next(0) == (SILENT, SILENT)


def test_who_looks_less_far_takes_what_is_there() -> None:
    model = Continuation(Grid((1,)))
    for _ in range(10):
        model.learn_one(Transition(0, "speak", 3_000_000, WEEK_MS, GONE))
        model.learn_one(Transition(0, SILENT, 1_000_000, WEEK_MS, 0))
    assert model.fit(ContinuationSettings(horizon_ms=WEEK_MS, borrowed=0.0)).best(0) == "speak"


def test_an_arm_that_was_hardly_tried_is_like_silence(seen: list[Transition]) -> None:
    model = model_of(seen)
    model.learn_one(Transition(0, "rare", 900_000_000, WEEK_MS, 0))
    plan = model.fit()
    assert plan.later("rare", 0) == 0
    assert plan.best(0) != "rare"


def test_a_state_that_nobody_was_in_borrows_from_its_neighbours() -> None:
    model = Continuation(Grid((3,)))
    for state in (0, 2):
        for _ in range(40):
            model.learn_one(Transition(state, "speak", 2_000_000, WEEK_MS, state))
            model.learn_one(Transition(state, SILENT, 0, WEEK_MS, state))
    assert model.fit().best(1) == "speak"


def earned(state: int, arm: str, after: int, euros: int = 10) -> Transition:
    return Transition(state, arm, euros * 1_000_000, WEEK_MS, after)


def test_silence_that_was_hardly_tried_earns_no_more_than_was_ever_seen() -> None:
    model = Continuation(Grid((3,), unordered=(0,)))
    for seen in [earned(0, SILENT, 0)] * 50 + [earned(2, SILENT, 0)] * 3:
        model.learn_one(seen)
    settings = ContinuationSettings()
    most = 10_000_000 / (1.0 - np.exp(-WEEK_MS / settings.horizon_ms))
    plan = model.fit(settings)
    assert 0 < plan.value(2) <= plan.value(0) <= round(most)


def test_where_nobody_was_silent_silence_is_like_what_was_done_there() -> None:
    model = Continuation(Grid((2,), unordered=(0,)))
    for seen in [earned(0, SILENT, 0), earned(0, "news", 1), earned(1, "news", 0)]:
        for _ in range(50):
            model.learn_one(seen)
    plan = model.fit()
    assert plan.later("news", 1) == 0
    assert plan.value(1) == plan.value(0)


def test_a_state_of_which_nothing_is_known_is_worth_what_states_are() -> None:
    model = Continuation(Grid((3,), unordered=(0,)))
    for _ in range(50):
        model.learn_one(earned(0, SILENT, 0))
        model.learn_one(earned(0, "news", 1))
    plan = model.fit()
    assert plan.value(1) == plan.value(2) == pytest.approx(plan.value(0), rel=1e-6)
    assert abs(plan.later("news", 0)) < 1_000  # of five hundred million
    assert plan.likely("news", 2) == GONE
    assert plan.next(2) == (SILENT, SILENT)


def test_next_and_if_not_then() -> None:
    # Two tries of advice wear out; after them an offer is best.
    model = Continuation(Grid((3,)))
    for _ in range(60):
        for state in (0, 1, 2):
            model.learn_one(Transition(state, SILENT, 0, WEEK_MS, state))
            earned = 2_000_000 if state < 2 else 0
            model.learn_one(Transition(state, "advice", earned, WEEK_MS, min(state + 1, 2)))
            earned = 900_000 if state == 2 else -500_000
            model.learn_one(Transition(state, "offer", earned, WEEK_MS, state))
    plan = model.fit(ContinuationSettings(borrowed=0.0))
    assert plan.next(0) == ("advice", "advice")
    assert plan.next(1) == ("advice", "offer")
    assert plan.next(2, SILENT) == (SILENT, "offer")


# Bars


@pytest.mark.parametrize("seed", range(2))
def test_at_least_nine_tenths_of_the_optimum_where_it_is_known(seed: int) -> None:
    world = small_world(seed)
    best = optimum(world).mean()
    found = learned_small(world, 300, 3, seed)
    assert value_of(world, found.policy).mean() >= 0.90 * best
    assert value_of(world, myopic(world)).mean() < 0.90 * best


def test_the_exact_model_gives_the_exact_optimum() -> None:
    world = small_world(4)
    best = optimum(world)
    greedy = (world.chances * world.rewards).sum(axis=2) + world.discount * (
        world.chances[:, :, :-1] @ best
    )
    assert value_of(world, greedy.argmax(axis=1)) == pytest.approx(best, rel=1e-6)


def test_planning_beats_the_best_myopic_policy_in_a_large_world() -> None:
    years = compared_large(3_000, learned_large(400, 2, 1).policy, 2)
    assert years.planned >= 1.15 * years.myopic
    assert years.planned > years.silent


def test_the_same_twice(seen: list[Transition]) -> None:
    first, second = model_of(seen).fit(), model_of(seen).fit()
    assert (policy_of(first) == policy_of(second)).all()
    assert (first.table() == second.table()).all()
    assert set(first.arms) == set(ARMS)
