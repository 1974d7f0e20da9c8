"""When a call is tried again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful.connectors.retry import (
    DEFAULT_RULES,
    RETRY_AFTER_S_MAX,
    RetryRules,
    next_attempt_at,
    parse_retry_after,
)
from heedful.kernel import HOUR_MS

KEY = b"key"
NOW = 1_700_000_000_000


@given(st.integers(1, 200), st.text(max_size=20))
def test_a_wait_stays_below_its_doubling_ceiling(attempts: int, effect_id: str) -> None:
    at = next_attempt_at(KEY, effect_id, attempts, NOW, NOW)
    assert at is not None
    longest = min(DEFAULT_RULES.base_ms * 2 ** (attempts - 1), DEFAULT_RULES.ceiling_ms)
    assert 1 <= at - NOW <= longest


def test_waits_are_spread_evenly() -> None:
    waits = [(next_attempt_at(KEY, f"e_{i}", 1, NOW, NOW) or 0) - NOW for i in range(10_000)]
    tenths = [sum(1 for w in waits if k * 500 < w <= (k + 1) * 500) for k in range(10)]
    assert sum(tenths) == 10_000
    # Binomial with n = 10,000, p = 0.1: its standard deviation is 30.
    assert all(abs(count - 1_000) < 150 for count in tenths)


def test_the_draw_hangs_on_key_effect_and_attempt_alone() -> None:
    once = next_attempt_at(KEY, "e_1", 4, NOW, NOW)
    assert once == next_attempt_at(KEY, "e_1", 4, NOW, NOW)
    others = [
        next_attempt_at(b"other", "e_1", 4, NOW, NOW),
        next_attempt_at(KEY, "e_2", 4, NOW, NOW),
        next_attempt_at(KEY, "e_1", 5, NOW, NOW),
    ]
    assert once not in others


@given(st.integers(1, 60), st.floats(0, 3_600))
def test_a_destination_that_asks_for_time_gets_it(attempts: int, wait_s: float) -> None:
    at = next_attempt_at(KEY, "e_1", attempts, NOW, NOW, retry_after_s=wait_s)
    assert at is not None
    assert at > NOW + wait_s * 1000 - 1


def test_those_who_were_asked_to_wait_together_come_back_apart_but_soon() -> None:
    ends = [
        next_attempt_at(KEY, f"e_{i}", 20, NOW, NOW, retry_after_s=3_600) or 0 for i in range(1_000)
    ]
    waits = sorted(end - NOW for end in ends)
    assert waits[0] >= HOUR_MS
    assert waits[-1] < 1.11 * HOUR_MS
    assert len(set(waits)) > 900


def test_it_is_given_up_at_the_horizon() -> None:
    attempts, now = 0, NOW
    while True:
        attempts += 1
        at = next_attempt_at(KEY, "e_1", attempts, NOW, now)
        if at is None:
            break
        assert at < NOW + 4 * HOUR_MS
        now = at
    assert now > NOW + 3 * HOUR_MS
    assert 15 < attempts < 100


def test_it_is_given_up_when_the_wait_asked_for_is_beyond_the_horizon() -> None:
    assert next_attempt_at(KEY, "e_1", 1, NOW, NOW, retry_after_s=5 * 3_600) is None


def test_it_is_given_up_when_the_effect_is_of_no_use_any_more() -> None:
    assert next_attempt_at(KEY, "e_1", 1, NOW, NOW, expires_at=NOW + 1) is None
    assert next_attempt_at(KEY, "e_1", 1, NOW, NOW, expires_at=NOW + 5_001) is not None


def test_rules_of_nothing_do_not_break() -> None:
    rules = RetryRules(base_ms=0, ceiling_ms=0, horizon_ms=10)
    assert next_attempt_at(KEY, "e_1", 1, NOW, NOW, rules=rules) == NOW + 1


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("9" * 400, RETRY_AFTER_S_MAX),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        ("²", None),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
        ("Tue, 14 Nov 2023 22:13:50 -0000", 30.0),
        ("Tuesday, 14-Nov-23 22:13:50 GMT", 30.0),
        ("Tue, 14 Nov 2023 22:13:10 GMT", 0.0),
        ("Tue, 14 Nov 9999 22:13:50 GMT", RETRY_AFTER_S_MAX),
        ("Tue, 14 Nov 99999 22:13:50 GMT", None),
        ("Tue, 99 Nov 2023 22:13:50 GMT", None),
        ("soon", None),
        ("Tue, 14 Nov 2023 99:99:99 +9999999", None),
    ],
)
def test_retry_after_is_read(text: str | None, wait_s: float | None) -> None:
    assert parse_retry_after(text, NOW) == wait_s


@given(st.text())
def test_no_retry_after_breaks_the_reader(text: str) -> None:
    found = parse_retry_after(text, NOW)
    assert found is None or 0 <= found <= RETRY_AFTER_S_MAX
