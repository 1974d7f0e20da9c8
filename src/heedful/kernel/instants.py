"""Time as data: instants are int64 milliseconds since 1970-01-01T00:00Z, spans are milliseconds.

Nothing here reads a clock. Integer milliseconds are used everywhere since they fold, compare and
export identically on every back end (fractional seconds differed between two of them).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from msgspec import Meta

from heedful.kernel.errors import InputError, expected

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60 * SECOND_MS
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
WEEK_MS: Final = 7 * DAY_MS

INSTANT_MIN: Final = -62_135_596_800_000  # 0001-01-01, the least that `datetime` can show
INSTANT_MAX: Final = 253_402_300_799_999  # 9999-12-31, the greatest

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_UNITS: Final = {
    "ms": 1,
    "s": SECOND_MS,
    "m": MINUTE_MS,
    "h": HOUR_MS,
    "d": DAY_MS,
    "w": WEEK_MS,
}
_SPAN = re.compile(r"(\d{1,9})(ms|s|m|h|d|w)")
Span = Annotated[
    str,
    Meta(
        extra_json_schema={"pattern": rf"^(\d{{1,9}}({'|'.join(_UNITS)}))+$"},
        extra={"is_span": True},
    ),
]
"""A text such as `48h`; that it is one, whoever reads it says with a remedy."""
_FRACTION = re.compile(r"\.(\d+)")


def parse_instant(text: str) -> int | None:
    """Read an ISO 8601 time as milliseconds, or None when it is none.

    A time without a zone is read as UTC, as Segment's SDKs mean it. Digits beyond the
    microsecond are cut.

    Examples
    --------
    >>> parse_instant("2026-11-20T10:00:00.123Z")
    1795168800123
    >>> parse_instant("yesterday") is None
    True
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        shortened = _FRACTION.sub(lambda m: "." + m.group(1)[:6].ljust(6, "0"), text.strip())
        try:
            moment = datetime.fromisoformat(shortened)
        except ValueError:
            return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return (moment - _EPOCH) // _MILLISECOND
    except OverflowError:
        return None


def format_instant(at: int) -> str:
    """Write milliseconds as ISO 8601 in UTC with a `Z`.

    Examples
    --------
    >>> format_instant(1795168800123)
    '2026-11-20T10:00:00.123Z'
    """
    moment = _EPOCH + timedelta(milliseconds=min(max(at, INSTANT_MIN), INSTANT_MAX))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_span(text: str, path: str = "$") -> int:
    """Read a span such as `10m`, `48h` or `1d12h` as milliseconds.

    Raises
    ------
    InputError
        `bad_span` when the text is anything else; months and years have no fixed length.

    Examples
    --------
    >>> parse_span("48h") == 2 * DAY_MS
    True
    """
    total, end = 0, 0
    for match in _SPAN.finditer(text):
        if match.start() != end:
            break
        total += int(match.group(1)) * _UNITS[match.group(2)]
        end = match.end()
    if end != len(text) or end == 0:
        remedy = "Write a number and one of ms, s, m, h, d, w, for example 48h."
        raise InputError("bad_span", expected("a span of time", repr(text), path, remedy))
    return total


def format_span(span_ms: int) -> str:
    """Write a span in its largest whole units.

    Examples
    --------
    >>> format_span(129_600_000)
    '1d12h'
    """
    if span_ms == 0:
        return "0s"
    sign, rest, parts = ("-" if span_ms < 0 else ""), abs(span_ms), []
    for unit in ("d", "h", "m", "s", "ms"):
        count, rest = divmod(rest, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return sign + "".join(parts)
