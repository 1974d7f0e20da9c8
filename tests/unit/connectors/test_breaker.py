"""A destination that does not answer is left alone, then probed."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful.connectors.breaker import (
    Breaker,
    BreakerRules,
    admit,
    is_failure,
    opens_at,
    record,
)
from heedful.ports import Delivery

RULES = BreakerRules(
    failures_to_open=3, open_ms=100, open_ms_max=350, successes_to_close=2, probe_ms=50
)


def folded(breaker: Breaker, ends: str, now: int = 0) -> Breaker:
    """Fold `+` and `-` at one instant."""
    for end in ends:
        breaker = record(breaker, end == "+", now, RULES)
    return breaker


@pytest.mark.parametrize(
    ("ends", "state"),
    [("", "closed"), ("--", "closed"), ("--+--", "closed"), ("---", "open"), ("+---", "open")],
)
def test_failures_in_a_row_open_it(ends: str, state: str) -> None:
    assert folded(Breaker(), ends).state == state


def test_while_open_nothing_passes_and_late_ends_change_nothing() -> None:
    opened = folded(Breaker(), "---")
    assert admit(opened, 99, RULES) == (opened, False)
    assert folded(opened, "+-++") == opened
    assert opens_at(opened) == 100


def test_half_open_lets_one_probe_through_at_a_time() -> None:
    probing, may_call = admit(folded(Breaker(), "---"), 100, RULES)
    assert may_call
    assert admit(probing, 120, RULES) == (probing, False)
    after = record(probing, True, 130, RULES)
    assert after.state == "half_open"
    assert opens_at(after) is None
    again, may_call = admit(after, 130, RULES)
    assert may_call
    assert record(again, True, 140, RULES) == Breaker()


def test_a_probe_whose_end_was_lost_is_replaced() -> None:
    probing, _ = admit(folded(Breaker(), "---"), 100, RULES)
    assert admit(probing, 149, RULES)[1] is False
    assert admit(probing, 150, RULES)[1] is True


def test_every_failed_probe_doubles_the_wait_up_to_its_ceiling() -> None:
    breaker, now, waits = folded(Breaker(), "---"), 0, []
    for _ in range(5):
        waits.append(breaker.until - now)
        now = breaker.until
        breaker, may_call = admit(breaker, now, RULES)
        assert may_call
        breaker = record(breaker, False, now, RULES)
    assert waits == [100, 200, 350, 350, 350]


def test_a_long_outage_does_not_overflow() -> None:
    breaker = Breaker(state="half_open", openings=10**6)
    assert record(breaker, False, 0, RULES).until == 350


def test_once_closed_it_begins_anew() -> None:
    breaker, now = folded(Breaker(), "---"), 0
    for end in "-++":
        now = max(now, breaker.until)
        breaker, _ = admit(breaker, now, RULES)
        breaker = record(breaker, end == "+", now, RULES)
    assert breaker == Breaker()
    assert folded(breaker, "---", now).until == now + 100


@pytest.mark.parametrize(
    ("delivery", "speaks_against"),
    [
        (Delivery("delivered", "http_200"), False),
        (Delivery("failed", "http_404"), False),
        (Delivery("failed", "http_410", is_gone=True), False),
        (Delivery("retry", "http_503"), True),
        (Delivery("unknown", "answer_timeout"), True),
    ],
)
def test_a_refusal_is_an_answer(delivery: Delivery, speaks_against: bool) -> None:
    assert is_failure(delivery) is speaks_against


@given(st.lists(st.tuples(st.integers(0, 400), st.sampled_from("?+-")), max_size=80))
def test_whatever_happens_it_opens_again_and_lets_few_through(
    steps: list[tuple[int, str]],
) -> None:
    breaker, now, out = Breaker(), 0, 0
    for wait, what in steps:
        now += wait
        if what == "?":
            was_open = breaker.state == "open" and now < breaker.until
            breaker, may_call = admit(breaker, now, RULES)
            assert not (may_call and was_open)
            out += may_call
        elif out:
            out -= 1
            breaker = record(breaker, what == "+", now, RULES)
        assert breaker.until <= now + RULES.open_ms_max
    # Left alone for the longest time, it lets a call through.
    assert admit(breaker, now + RULES.open_ms_max, RULES)[1]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(breaker), type=Breaker) == breaker
