"""Public holidays of whole countries, as far as the rules on calling hours speak of them.

Regional holidays, and days that replace a holiday on a weekend, are not known here; a caller
that knows them gives them beside.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, NamedTuple


class _Calendar(NamedTuple):
    fixed: tuple[tuple[int, int], ...]
    """Month and day."""
    easter: tuple[int, ...] = ()
    """Days after Easter Sunday."""
    weekdays: tuple[tuple[int, int, int], ...] = ()
    """Month, weekday (Monday is 0) and which one of the month; -1 is the last."""


_GOOD_FRIDAY: Final = -2
_EASTER_MONDAY: Final = 1
_ASCENSION: Final = 39
_WHIT_MONDAY: Final = 50

_CALENDARS: Final[dict[str, _Calendar]] = {
    "AU": _Calendar(((1, 1), (1, 26), (4, 25), (12, 25), (12, 26)), (_GOOD_FRIDAY, _EASTER_MONDAY)),
    "CH": _Calendar(
        ((1, 1), (8, 1), (12, 25)), (_GOOD_FRIDAY, _EASTER_MONDAY, _ASCENSION, _WHIT_MONDAY)
    ),
    "DE": _Calendar(
        ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26)),
        (_GOOD_FRIDAY, _EASTER_MONDAY, _ASCENSION, _WHIT_MONDAY),
    ),
    "ES": _Calendar(
        ((1, 1), (1, 6), (5, 1), (8, 15), (10, 12), (11, 1), (12, 6), (12, 8), (12, 25)),
        (_GOOD_FRIDAY,),
    ),
    "FR": _Calendar(
        ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)),
        (_EASTER_MONDAY, _ASCENSION, _WHIT_MONDAY),
    ),
    "GB": _Calendar(
        ((1, 1), (12, 25), (12, 26)),
        (_GOOD_FRIDAY, _EASTER_MONDAY),
        ((5, 0, 1), (5, 0, -1), (8, 0, -1)),
    ),
    "IT": _Calendar(
        (
            (1, 1),
            (1, 6),
            (4, 25),
            (5, 1),
            (6, 2),
            (8, 15),
            (10, 4),
            (11, 1),
            (12, 8),
            (12, 25),
            (12, 26),
        ),
        (_EASTER_MONDAY,),
    ),
    "NL": _Calendar(
        ((1, 1), (4, 27), (12, 25), (12, 26)), (_EASTER_MONDAY, _ASCENSION, _WHIT_MONDAY)
    ),
}


def is_holiday(country: str, day: date) -> bool:
    """Say whether a day is a public holiday in the whole country; False where none is known.

    Examples
    --------
    >>> is_holiday("FR", date(2026, 5, 14)), is_holiday("DE", date(2026, 7, 14))
    (True, False)
    """
    return day in holidays(country, day.year)


@lru_cache(maxsize=256)
def holidays(country: str, year: int) -> frozenset[date]:
    """List the public holidays of a whole country in a year."""
    calendar = _CALENDARS.get(country)
    return frozenset(_days(calendar, year)) if calendar is not None else frozenset()


def _days(calendar: _Calendar, year: int) -> Iterator[date]:
    for month, day in calendar.fixed:
        yield date(year, month, day)
    sunday = easter(year)
    for offset in calendar.easter:
        yield sunday + timedelta(days=offset)
    for month, weekday, nth in calendar.weekdays:
        yield _nth_weekday(year, month, weekday, nth)


def easter(year: int) -> date:
    """Find Easter Sunday of the Gregorian calendar.

    References
    ----------
    J. Meeus, Astronomical Algorithms, 1991, chapter 8 (anonymous algorithm of 1876).

    Examples
    --------
    >>> easter(2026)
    datetime.date(2026, 4, 5)
    """
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (b - (b + 8) // 25 + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    day = first + timedelta(days=(weekday - first.weekday()) % 7)
    weeks = 4 if nth == -1 else nth - 1
    found = day + timedelta(weeks=weeks)
    return found if found.month == month else found - timedelta(weeks=1)
