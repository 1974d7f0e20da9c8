"""Credit by a next-event model: order and time count, and nothing is lost or made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from heedful.kernel import InputError
from heedful.measure import Journey, next_event_removal, shapley


def drawn(seed: int, count: int, chance: Any) -> list[Journey]:
    draws = np.random.default_rng(seed)
    journeys = []
    for _ in range(count):
        touches = "".join(draws.choice(list("ABCD"), draws.integers(1, 6)))
        ages = np.sort(draws.uniform(0.0, 20.0, len(touches)))[::-1]
        converts = draws.random() < chance(touches, ages)
        journeys.append(
            Journey(
                tuple(touches),
                conversions=float(converts),
                value=10.0 * converts,
                nulls=float(not converts),
                ages=tuple(ages.tolist()),
            )
        )
    return journeys


def credited(found: Any) -> dict[str, float]:
    return {credit.channel: credit.conversions for credit in found}


def test_credits_sum_to_the_conversions_and_repeat() -> None:
    journeys = drawn(1, 400, lambda touches, ages: 0.3)
    found = next_event_removal(journeys, 5.0)
    assert sum(c.conversions for c in found.credits) == pytest.approx(
        sum(j.conversions for j in journeys)
    )
    assert sum(c.value for c in found.credits) == pytest.approx(sum(j.value for j in journeys))
    assert [c.channel for c in found.credits] == ["A", "B", "C", "D"]
    assert found == next_event_removal(journeys, 5.0)


def test_an_order_that_matters_is_seen() -> None:
    journeys = drawn(2, 900, lambda touches, ages: 0.6 if "AB" in touches else 0.02)
    found = credited(next_event_removal(journeys, 5.0).credits)
    blind = credited(shapley(journeys))
    # Bystanders share what the order does, where order is not looked at.
    assert found["C"] + found["D"] < 0.7 * (blind["C"] + blind["D"])
    assert min(found["A"], found["B"]) > 1.5 * max(found["C"], found["D"])


def test_time_tells_what_no_order_can() -> None:
    # Everybody has the same touches in the same order; what counts is how fresh the first one is.
    draws = np.random.default_rng(3)
    journeys = []
    for _ in range(600):
        gap = draws.choice([2.0, 12.0])
        converts = draws.random() < (0.6 if gap < 3.0 else 0.03)
        journeys.append(
            Journey(
                ("A", "C", "B"),
                conversions=float(converts),
                nulls=float(not converts),
                ages=(gap, 1.0, 0.0),
            )
        )
    timed = next_event_removal(journeys, 2.0).effects["A"]
    blind = [Journey(j.touches, conversions=j.conversions, nulls=j.nulls) for j in journeys]
    assert timed > 1.3 * next_event_removal(blind, 2.0).effects["A"]


def test_a_journey_in_which_nothing_helps_is_shared_evenly() -> None:
    found = next_event_removal([Journey(("A", "B"), conversions=1.0)] * 3, 1.0)
    assert sum(credited(found.credits).values()) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("journeys", "half_life", "code"),
    [
        ([Journey(("A",), conversions=1.0)], 0.0, "bad_half_life"),
        ([Journey(("A",), nulls=1.0)], 1.0, "no_conversions"),
        ([Journey(("A",) * 1_000, conversions=1.0)] * 301, 1.0, "too_many_steps"),
    ],
    ids=["half-life", "conversions", "steps"],
)
def test_what_no_model_can_learn_from_is_refused(
    journeys: list[Journey], half_life: float, code: str
) -> None:
    with pytest.raises(InputError) as caught:
        next_event_removal(journeys, half_life)
    assert caught.value.code == code
