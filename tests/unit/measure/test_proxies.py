"""Fields behind gaps: what is named, in which order, how surely, and by which interval."""

from __future__ import annotations

import numpy as np
import pytest

from heedful.measure.proxies import FieldCause, Weighing, field_causes

FIELDS = ("signals.visits", "traits.postcode")
SUSPECTS = [("gender", "sale")]


def weighing(person: int, group: str, *chances: float, action: str = "sale") -> Weighing:
    return Weighing(person, action, {"gender": group}, np.array(chances))


def sample(people: int, spread: float = 0.02, seed: int = 5) -> list[Weighing]:
    """Women get half of what men get; the postcode makes most of it, visits a little."""
    rng, found = np.random.default_rng(seed), []
    for person in range(people):
        is_woman = person % 2 == 0
        for _ in range(3):
            noise = rng.normal(0.0, spread, 4)
            sides = (0.2, 0.4, 0.24, 0.36) if is_woman else (0.4, 0.4, 0.4, 0.4)
            chances = np.array(sides) + noise
            found.append(weighing(person, "women" if is_woman else "men", *chances.tolist()))
    return found


def causes(weighings: list[Weighing]) -> list[FieldCause]:
    return field_causes(weighings, FIELDS, SUSPECTS)


def test_fields_are_named_in_the_order_of_what_they_explain() -> None:
    every, first, second = causes(sample(200))
    assert [c.field for c in (every, first, second)] == ["*", "traits.postcode", "signals.visits"]
    assert first.explained == pytest.approx(0.8, abs=0.05)
    assert second.explained == pytest.approx(0.2, abs=0.05)
    assert all(c.is_sure for c in (every, first, second))
    assert (first.people, first.asked, first.reference) == (100, 300, "men")
    assert first.low < first.ratio_usual - first.ratio < first.high


def test_few_people_are_told_as_not_sure() -> None:
    found = causes(sample(20))
    assert [c.field for c in found] == ["*", "traits.postcode", "signals.visits"]
    assert not any(c.is_sure for c in found)
    assert found[1].says.endswith("not sure, by 10 people in a group.")


def test_what_may_be_chance_is_told_so() -> None:
    found = causes(sample(80, spread=0.6))
    assert not any(c.is_sure for c in found)
    assert all(c.says.endswith("not sure, it may be chance.") for c in found)
    assert all(c.low < 0.0 < c.high for c in found)


def test_one_person_asked_often_counts_as_one() -> None:
    once, often = sample(40, spread=0.2), []
    for one in once:
        often += [one] * 20
    assert [(c.low, c.high) for c in causes(once)] == [
        pytest.approx((c.low, c.high)) for c in causes(often)
    ]


def test_intervals_hold_what_they_promise() -> None:
    """Of 300 worlds in which no field matters at most a few call one sure (1 % asked for)."""
    sure = 0
    for seed in range(300):
        rng, found = np.random.default_rng(seed), []
        for person in range(60):
            base = 0.2 if person % 2 else 0.4
            sides = base + rng.normal(0.0, 0.1, 4)
            found.append(weighing(person, "women" if person % 2 else "men", *sides.tolist()))
        sure += any(c.is_sure for c in causes(found))
    assert sure <= 6


def test_where_groups_fare_alike_nothing_is_named() -> None:
    alike = [weighing(n, ("women", "men")[n % 2], 0.4, 0.1, 0.9, 0.4) for n in range(100)]
    assert causes(alike) == []
    assert causes([]) == []
    nobody = [weighing(n, ("women", "men")[n % 2], 0.0, 0.5, 0.5, 0.5) for n in range(100)]
    assert causes(nobody) == []


def test_a_field_without_which_nobody_gets_it_gives_no_ratio() -> None:
    found = [
        weighing(n, ("women", "men")[n % 2], 0.2 * (1 + n % 2), 0.3, 0.0, 0.3) for n in range(100)
    ]
    assert [c.field for c in causes(found)] == ["*", "traits.postcode"]


def test_only_the_suspects_and_the_known_are_compared() -> None:
    stray = [weighing(n, "men", 1.0, 1.0, 1.0, 1.0, action="mail") for n in range(50)]
    unknown = [Weighing(n, "sale", {}, np.array([1.0, 0.0, 0.0, 0.0])) for n in range(50)]
    assert causes([*sample(40), *stray, *unknown]) == causes(sample(40))
