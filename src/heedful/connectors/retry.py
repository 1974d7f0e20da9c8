"""When a call that did not get through is tried again, and when it is given up.

Exponential with full jitter: the n-th wait is drawn evenly up to `base * 2^(n-1)`, at most the
ceiling, so that a thousand effects that failed together do not come back together. The draw is a
keyed hash of effect and attempt: a restart draws the same.

References
----------
M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec

from heedful.kernel import HOUR_MS, MINUTE_MS, SECOND_MS, hash_key

RETRY_AFTER_S_MAX: Final = 7 * 24 * 3600.0
"""Longest wait that is believed when a destination asks for one; a longer one counts as this."""

_EXPONENT_MAX: Final = 40  # beyond, every base of a millisecond or more is over any ceiling


class RetryRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often and how long a call is repeated."""

    base_ms: int = 5 * SECOND_MS
    """Longest first wait; it doubles with every attempt."""
    ceiling_ms: int = 15 * MINUTE_MS
    """Longest wait that we choose ourselves; one that the destination asks for may be longer."""
    horizon_ms: int = 4 * HOUR_MS
    """Time after the first attempt at which it is given up and becomes a dead letter."""


DEFAULT_RULES: Final = RetryRules()
"""Four hours, as destinations of customer data have come to expect."""


def next_attempt_at(
    secret: bytes,
    effect_id: str,
    attempts: int,
    first_at: int,
    now: int,
    *,
    retry_after_s: float | None = None,
    expires_at: int | None = None,
    rules: RetryRules = DEFAULT_RULES,
) -> int | None:
    """Say when to call again, or None when it is to be given up.

    Parameters
    ----------
    secret
        Key of the draw, at most 64 bytes.
    attempts
        Attempts made so far, at least 1.
    first_at, now
        Milliseconds: when the first attempt was made, and when the last one ended.
    retry_after_s
        What the destination asked for; never called earlier.
    expires_at
        Milliseconds at which the effect is of no use any more.

    Examples
    --------
    >>> first = next_attempt_at(b"k", "e_1", 1, first_at=0, now=200)
    >>> 200 < first <= 200 + 5_000
    True
    >>> next_attempt_at(b"k", "e_1", 9, first_at=0, now=200, retry_after_s=60.0) >= 60_200
    True
    >>> next_attempt_at(b"k", "e_1", 30, first_at=0, now=4 * 3_600_000) is None
    True
    """
    longest = min(rules.ceiling_ms, rules.base_ms << min(max(attempts - 1, 0), _EXPONENT_MAX))
    drawn = 1 + hash_key(secret, "retry", effect_id, str(attempts)) % max(longest, 1)
    wait = drawn
    if retry_after_s is not None:
        asked = math.ceil(max(retry_after_s, 0.0) * SECOND_MS)
        # A little on top, so that those who were asked to wait together come back apart.
        wait = max(drawn, asked + drawn % max(rules.base_ms + asked // 10, 1))
    at = now + wait
    end = first_at + rules.horizon_ms
    if expires_at is not None:
        end = min(end, expires_at)
    return at if at < end else None


def parse_retry_after(text: str | None, now: int) -> float | None:
    """Read a `Retry-After` header, seconds or a date, as seconds from now; None where unreadable.

    Examples
    --------
    >>> parse_retry_after("120", 0)
    120.0
    >>> parse_retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 10_000)
    50.0
    >>> parse_retry_after("soon", 0) is None
    True
    """
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        # Twenty digits are beyond any wait, and a long number costs time to read.
        return min(float(text[:20]), RETRY_AFTER_S_MAX)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    try:
        wait_s = (at - datetime.fromtimestamp(now / SECOND_MS, UTC)).total_seconds()
    except OverflowError:
        return None
    return min(max(wait_s, 0.0), RETRY_AFTER_S_MAX)
