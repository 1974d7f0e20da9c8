"""When it happened: the client's clock corrected by the one thing known about it.

`at = received_at - (sent_at - original_at)`: the client's clock may be wrong, but it was equally
wrong when the event happened and when it was sent.
"""

from __future__ import annotations

import math
from typing import Any, Final

from heedful.kernel import parse_instant
from heedful.kernel.instants import INSTANT_MAX

_DIGITS_SHORT: Final = 16  # "20261120T101112Z" has 16; a bare number of seconds or ms has fewer
_MS_FROM: Final = 100_000_000_000  # as seconds this would be the year 5138, as ms it is 1973


def read_instant(value: Any) -> int | None:
    """Read a time in any form that clients send; None when it is none, or is outside 1970..9999.

    Examples
    --------
    >>> read_instant("1970-01-01T00:00:01Z"), read_instant(1_795_168_800), read_instant("soon")
    (1000, 1795168800000, None)
    """
    if type(value) is str:
        if len(value) < _DIGITS_SHORT and value.isdecimal():
            at = _from_number(int(value))
        else:
            found = parse_instant(value)
            at = -1 if found is None else found
    elif type(value) is int or (type(value) is float and math.isfinite(value)):
        at = _from_number(value)
    else:
        return None
    return at if 0 <= at <= INSTANT_MAX else None


def _from_number(value: float) -> int:
    return int(value) if abs(value) >= _MS_FROM else int(value * 1000)


def correct(
    original_at: int | None, sent_at: int | None, received_at: int, skew_ms_max: int
) -> tuple[int, str | None]:
    """Give the corrected time of an event, and the flag that says what was done to it.

    Examples
    --------
    >>> correct(1_000, 1_500, 10_000, 86_400_000)  # sent half a second after it happened
    (9500, None)
    >>> correct(20_000, None, 10_000, 86_400_000)
    (10000, 'future_clamped')
    """
    if original_at is None:
        return received_at, None
    if sent_at is None:
        at, flag = original_at, "sent_at_absent"
    elif abs(received_at - sent_at) > skew_ms_max:
        at, flag = original_at, "skew_absurd"
    else:
        at, flag = received_at - (sent_at - original_at), None
    if at > received_at:
        return received_at, flag if flag == "skew_absurd" else "future_clamped"
    return max(at, 0), flag
