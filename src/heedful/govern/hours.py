"""Quiet hours: the law's and the workspace's own, in the person's zone; the stricter wins.

Only promotional messages are bound by legal hours; which classes the own windows hold back is the
caller's to say. Zones are looked up in the system's zone data, which is versioned with it.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from heedful.govern.errors import fault
from heedful.govern.holidays import is_holiday
from heedful.govern.legal_hours import (
    EVERYWHERE,
    HOLIDAY,
    LEGAL_HOURS,
    SATURDAY,
    ZONES,
    LegalHours,
)
from heedful.govern.limits import QUIET_DAYS_MAX
from heedful.kernel import DAY_MS, MINUTE_MS
from heedful.kernel.zones import zone_named

MINUTES_OF_DAY: Final = 24 * 60

LEGAL: Final = "legal_quiet_hours"
"""The law, or what stands for it, wants quiet at this hour."""
OWN: Final = "quiet_hours"
"""The workspace's own policy wants quiet at this hour."""

_CLOCK: Final = re.compile(r"([01]\d|2[0-4]):([0-5]\d)")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class QuietSpan(NamedTuple):
    """The workspace's own quiet hours of every day, in minutes; may run over midnight.

    Notes
    -----
    Where both are the same nothing is quiet.
    """

    start: int
    end: int

    def covers(self, minute: int) -> bool:
        """Say whether a minute of the local day is quiet."""
        if self.start <= self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


class Quiet(NamedTuple):
    """Why it is quiet: the code, the rule's source and the zone in which it holds."""

    code: str
    source: str
    zone: str


class Place(NamedTuple):
    """Where a person is, as far as it is known."""

    country: str | None = None
    """ISO 3166-1 alpha-2, or ISO 3166-2 such as `US-FL` where the region is known."""
    zone: str | None = None
    """IANA name of the person's zone: as stated, else as their device said last."""


def read_clock(text: str, path: str) -> int:
    """Read a time of day such as `21:00` as minutes.

    Raises
    ------
    InputError
        `bad_clock`.

    Examples
    --------
    >>> read_clock("21:30", "$.start")
    1290
    """
    match = _CLOCK.fullmatch(text)
    minute = int(match[1]) * 60 + int(match[2]) if match else MINUTES_OF_DAY + 1
    if minute > MINUTES_OF_DAY:
        remedy = "Quote it in YAML."
        raise fault("bad_clock", "a time such as '21:00'", repr(text), path, remedy)
    return minute


def is_zone(name: str) -> bool:
    """Say whether a zone of this name is known."""
    return zone_named(name) is not None


@lru_cache(maxsize=4_096)
def rules_for(country: str | None, channel: str) -> tuple[LegalHours, ...]:
    """List the rules that bind a channel: the country's and its region's, else everybody's."""
    names = (country, country.partition("-")[0]) if country else ()
    found = tuple(r for r in LEGAL_HOURS if r.country in names and channel in r.channels)
    return found or tuple(
        r for r in LEGAL_HOURS if r.country == EVERYWHERE and channel in r.channels
    )


def is_quiet(country: str | None, channel: str, minute: int, day: int) -> LegalHours | None:
    """Find the rule that wants quiet at a local minute, or None when it is open.

    Parameters
    ----------
    minute
        Minute of the local day, 0 to 1439.
    day
        Day of the week, Monday is 0; 7 for a public holiday.

    Examples
    --------
    >>> is_quiet("FR", "phone", 13 * 60 + 30, 0).source[:25]
    'Code de la consommation, '
    >>> is_quiet("US", "sms", 20 * 60, 6) is None
    True
    """
    for rule in rules_for(country, channel):
        if not any(start <= minute < end for start, end in rule.windows(day)):
            return rule
    return None


def quiet_at(
    at: int,
    channel: str,
    place: Place,
    zones_assumed: Sequence[str],
    own: Sequence[QuietSpan] = (),
    *,
    is_legal: bool = True,
    holidays: Container[date] = (),
) -> Quiet | None:
    """Say why nothing may be sent at an instant, or None when it may.

    Parameters
    ----------
    zones_assumed
        Zones of a person whose zone is unknown and whose country has none listed.
    own
        The workspace's own quiet hours for this channel and class.
    is_legal
        Whether legal hours bind the message: promotional ones only.
    holidays
        Days that are public holidays where the person is, beside the country's own.
    """
    for zone in zones_of(place, zones_assumed):
        quiet = _quiet_in(zone, at, channel, place.country, own, is_legal, holidays)
        if quiet is not None:
            return quiet
    return None


def next_open(
    at: int,
    channel: str,
    place: Place,
    zones_assumed: Sequence[str],
    own: Sequence[QuietSpan] = (),
    *,
    is_legal: bool = True,
    holidays: Container[date] = (),
) -> int | None:
    """Find the first instant from `at` on that is open everywhere the person may be.

    Returns
    -------
    int or None
        Milliseconds; None when there is none within `QUIET_DAYS_MAX` days.
    """
    zones = zones_of(place, zones_assumed)
    moment = at
    while moment <= at + QUIET_DAYS_MAX * DAY_MS:
        closed = next(
            (
                zone
                for zone in zones
                if _quiet_in(zone, moment, channel, place.country, own, is_legal, holidays)
            ),
            None,
        )
        if closed is None:
            return moment
        moment = _next_edge(closed, moment, channel, place.country, own)
    return None


def local_time(zone: str, at: int) -> tuple[int, int]:
    """Give the minute of the day and the weekday (Monday is 0) in a zone."""
    local = _local(zone, at)
    return local.hour * 60 + local.minute, local.weekday()


def zones_of(place: Place, zones_assumed: Sequence[str]) -> tuple[str, ...]:
    """List the zones in which a person may be: their own, else their country's, else assumed."""
    if place.zone is not None and is_zone(place.zone):
        return (place.zone,)
    country = place.country.partition("-")[0] if place.country else ""
    known = ZONES.get(country) or tuple(zone for zone in zones_assumed if is_zone(zone))
    return known or ("UTC",)


def _quiet_in(
    zone: str,
    at: int,
    channel: str,
    country: str | None,
    own: Sequence[QuietSpan],
    is_legal: bool,
    holidays: Container[date],
) -> Quiet | None:
    local = _local(zone, at)
    minute = local.hour * 60 + local.minute
    if any(span.covers(minute) for span in own):
        return Quiet(OWN, "policies/contact.yaml", zone)
    if not is_legal:
        return None
    today = local.date()
    for rule in rules_for(country, channel):
        day = _day_of(rule, today, holidays)
        if not any(start <= minute < end for start, end in rule.windows(day)):
            return Quiet(LEGAL, rule.source, zone)
    return None


def _day_of(rule: LegalHours, today: date, holidays: Container[date]) -> int:
    weekday = today.weekday()
    if rule.holiday is None:
        return weekday
    country = rule.country.partition("-")[0]
    if today in holidays or is_holiday(country, today):
        return HOLIDAY
    tomorrow = today + timedelta(days=1)
    if rule.is_eve_saturday and weekday < SATURDAY:
        return SATURDAY if tomorrow in holidays or is_holiday(country, tomorrow) else weekday
    return weekday


def _next_edge(
    zone: str, at: int, channel: str, country: str | None, own: Sequence[QuietSpan]
) -> int:
    """Find the next instant at which something may open in a zone; always later than `at`."""
    local = _local(zone, at)
    minute = local.hour * 60 + local.minute
    edges = {span.end % MINUTES_OF_DAY for span in own}
    for rule in rules_for(country, channel):
        for day in (0, SATURDAY, SATURDAY + 1, HOLIDAY):
            edges.update(start for start, _ in rule.windows(day))
    ahead = min((edge for edge in edges if edge > minute), default=MINUTES_OF_DAY)
    edge = datetime.combine(local.date(), datetime.min.time(), local.tzinfo) + timedelta(
        minutes=ahead
    )
    # Of an hour that the clock skips or repeats the earlier reading; where that lies behind, go on
    # by the minute.
    first = min(_instant(edge), _instant(edge.replace(fold=1)))
    return max(first, at - at % MINUTE_MS + MINUTE_MS)


def _local(zone: str, at: int) -> datetime:
    return (_EPOCH + timedelta(milliseconds=at)).astimezone(zone_named(zone) or UTC)


def _instant(local: datetime) -> int:
    return (local.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)
