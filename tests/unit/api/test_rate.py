"""How fast a source may send."""

from __future__ import annotations

import pytest

from heedful.api.rate import RateLimit
from heedful.kernel import InputError


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def waited_for(limit: RateLimit, source: str, events: int = 1) -> int:
    """Send, and give the seconds after which to come again; 0 where it passed."""
    try:
        limit.require(source, events)
    except InputError as error:
        return int(error.detail["retry_after_s"]) if error.code == "rate_limited" else -1
    return 0


def test_a_burst_passes_and_then_the_average_holds(clock: Clock) -> None:
    limit = RateLimit(10, 2, clock)
    assert [waited_for(limit, "web") for _ in range(20)] == [0] * 20
    assert waited_for(limit, "web") == 1
    clock.now += 1
    assert [bool(waited_for(limit, "web")) for _ in range(11)] == [False] * 10 + [True]


def test_a_batch_larger_than_the_bucket_passes_and_its_debt_is_waited_for(clock: Clock) -> None:
    limit = RateLimit(10, 1, clock)
    assert waited_for(limit, "web", 60) == 0
    assert waited_for(limit, "web") == 6
    clock.now += 5
    assert waited_for(limit, "web") == 1
    clock.now += 1
    assert waited_for(limit, "web") == 0


def test_a_long_pause_saves_no_more_than_a_burst(clock: Clock) -> None:
    limit = RateLimit(10, 1, clock)
    assert waited_for(limit, "web", 10) == 0
    clock.now += 3_600
    assert waited_for(limit, "web", 10) == 0
    assert waited_for(limit, "web") == 1


def test_sources_do_not_pay_for_each_other(clock: Clock) -> None:
    limit = RateLimit(1, 1, clock)
    assert [waited_for(limit, "web", 9), waited_for(limit, "app", 9)] == [0, 0]
    assert waited_for(limit, "web") > 0


def test_without_a_rate_everything_passes(clock: Clock) -> None:
    limit = RateLimit(0, 1, clock)
    assert waited_for(limit, "web", 1_000_000) == 0
    assert waited_for(limit, "web", 1_000_000) == 0
