"""Legal and own quiet hours, in the person's zone, over clock changes and holidays."""

from __future__ import annotations

from datetime import date
from zoneinfo import available_timezones

import pytest

from heedful.govern import (
    LEGAL_HOURS,
    Place,
    QuietSpan,
    is_quiet,
    is_zone,
    next_open,
    quiet_at,
    read_clock,
)
from heedful.govern.holidays import easter, holidays, is_holiday
from heedful.govern.legal_hours import AUDIBLE, ZONES
from heedful.kernel import InputError, format_instant, parse_instant

BERLIN = ("Europe/Berlin",)
NIGHT = (QuietSpan(21 * 60, 8 * 60),)
MONDAY, SATURDAY, SUNDAY, HOLIDAY = 0, 5, 6, 7


def instant(text: str) -> int:
    at = parse_instant(text)
    assert at is not None
    return at


@pytest.mark.parametrize(
    ("country", "channel", "clock", "day", "quiet"),
    [
        ("US", "phone", "07:59", MONDAY, True),
        ("US", "phone", "08:00", SUNDAY, False),
        ("US", "sms", "20:59", HOLIDAY, False),
        ("US", "sms", "21:00", MONDAY, True),
        ("US-FL", "sms", "20:00", MONDAY, True),
        ("US-TX", "phone", "08:30", MONDAY, True),
        ("US-TX", "phone", "11:59", SUNDAY, True),
        ("US-TX", "phone", "12:00", SUNDAY, False),
        ("US-ZZ", "sms", "20:30", MONDAY, False),
        ("FR", "phone", "10:00", MONDAY, False),
        ("FR", "phone", "13:00", MONDAY, True),
        ("FR", "phone", "19:59", MONDAY, False),
        ("FR", "phone", "11:00", SATURDAY, True),
        ("FR", "phone", "11:00", HOLIDAY, True),
        ("FR", "sms", "21:30", SATURDAY, False),
        ("FR", "sms", "12:00", SUNDAY, True),
        ("DE", "phone", "19:59", MONDAY, False),
        ("DE", "phone", "20:00", MONDAY, True),
        ("DE", "sms", "17:59", SATURDAY, False),
        ("DE", "sms", "12:00", HOLIDAY, True),
        ("IT", "phone", "09:30", SATURDAY, True),
        ("IT", "phone", "19:30", MONDAY, False),
        ("ES", "phone", "12:00", SATURDAY, True),
        ("ES", "phone", "20:59", MONDAY, False),
        ("PT", "phone", "21:59", SUNDAY, False),
        ("PT", "phone", "08:59", MONDAY, True),
        ("GB", "phone", "08:30", MONDAY, False),
        ("GB", "phone", "08:30", SATURDAY, True),
        ("GB", "phone", "12:00", SUNDAY, True),
        ("CA", "phone", "21:29", MONDAY, False),
        ("AU", "phone", "17:00", SATURDAY, True),
        ("NL", "phone", "16:00", SATURDAY, True),
        ("CH", "phone", "20:29", MONDAY, False),
        ("SE", "sms", "20:00", MONDAY, True),
        (None, "phone", "07:00", MONDAY, True),
        (None, "phone", "12:00", SUNDAY, False),
        ("ES", "whatsapp", "20:30", MONDAY, True),
        ("FR", "email", "03:00", SUNDAY, False),
        ("US", "push", "03:00", SUNDAY, False),
    ],
)
def test_legal_hours(country: str | None, channel: str, clock: str, day: int, quiet: bool) -> None:
    assert (is_quiet(country, channel, read_clock(clock, "$"), day) is not None) == quiet


def test_every_rule_has_a_source_and_sane_windows() -> None:
    named = [(rule.country, channel) for rule in LEGAL_HOURS for channel in rule.channels]
    assert len(named) == len(set(named))
    for rule in LEGAL_HOURS:
        assert len(rule.source) > 20
        for day in range(8):
            edges = [edge for window in rule.windows(day) for edge in window]
            assert edges == sorted(set(edges))
            assert all(0 <= edge <= 1440 for edge in edges)
    assert {channel for _, channel in named} == set(AUDIBLE)


def test_every_zone_of_the_table_is_known() -> None:
    listed = {zone for zones in ZONES.values() for zone in zones}
    assert listed <= available_timezones()


@pytest.mark.parametrize(
    ("at", "place", "quiet"),
    [
        # 20:30 in New York is 17:30 in Los Angeles.
        ("2026-06-02T00:30:00Z", Place("US", "America/New_York"), False),
        ("2026-06-02T01:00:00Z", Place("US", "America/New_York"), True),
        ("2026-06-02T01:00:00Z", Place("US", "America/Los_Angeles"), False),
        # Somewhere in the United States: quiet in one zone is quiet.
        ("2026-06-02T01:00:00Z", Place("US"), True),
        ("2026-06-01T17:00:00Z", Place("US"), True),  # 07:00 in Honolulu
        ("2026-06-01T19:00:00Z", Place("US"), False),
        # Nowhere in particular: the zones that the workspace assumes.
        ("2026-06-01T05:30:00Z", Place(), True),
        ("2026-06-01T06:30:00Z", Place(), False),
        ("2026-06-01T06:30:00Z", Place(None, "Mars/Olympus"), False),
        # 08:30 in Berlin in winter and in summer.
        ("2026-01-12T07:30:00Z", Place("DE", "Europe/Berlin"), False),
        ("2026-01-12T06:30:00Z", Place("DE", "Europe/Berlin"), True),
        ("2026-07-13T06:30:00Z", Place("DE", "Europe/Berlin"), False),
        # The Azores sleep while Lisbon is up.
        ("2026-07-13T08:30:00Z", Place("PT"), True),
        ("2026-07-13T09:30:00Z", Place("PT"), False),
    ],
)
def test_quiet_in_the_zone_of_the_person(at: str, place: Place, quiet: bool) -> None:
    found = quiet_at(instant(at), "phone", place, BERLIN)
    assert (found is not None) == quiet
    if found is not None:
        assert found.code == "legal_quiet_hours"
        assert found.source


def test_of_several_assumed_zones_one_quiet_one_is_enough() -> None:
    at = instant("2026-06-01T12:00:00Z")  # 14:00 in Berlin, 21:00 in Tokyo
    assert quiet_at(at, "sms", Place(), BERLIN) is None
    both = quiet_at(at, "sms", Place(), (*BERLIN, "Asia/Tokyo"))
    assert both is not None
    assert both.zone == "Asia/Tokyo"
    assert quiet_at(at, "sms", Place(), ()) is None  # UTC where nobody assumes anything


def test_the_stricter_of_law_and_policy_wins() -> None:
    place = Place("US", "America/New_York")
    at_half_past_eight = instant("2026-06-02T00:30:00Z")
    early = (QuietSpan(20 * 60, 8 * 60),)
    found = quiet_at(at_half_past_eight, "sms", place, BERLIN, early)
    assert found is not None
    assert found.code == "quiet_hours"
    late = (QuietSpan(23 * 60, 5 * 60),)
    at_ten = instant("2026-06-02T02:00:00Z")
    found = quiet_at(at_ten, "sms", place, BERLIN, late)
    assert found is not None
    assert found.code == "legal_quiet_hours"
    assert quiet_at(at_ten, "sms", place, BERLIN, late, is_legal=False) is None
    assert quiet_at(at_ten, "email", place, BERLIN, late) is None


def test_holidays_close_and_their_eve_shortens() -> None:
    italy = Place("IT", "Europe/Rome")
    # 1 May 2026 is a Friday; its eve counts as a Saturday: 10 to 19.
    assert quiet_at(instant("2026-05-01T10:00:00Z"), "phone", italy, ()) is not None
    assert quiet_at(instant("2026-04-30T07:30:00Z"), "phone", italy, ()) is not None
    assert quiet_at(instant("2026-04-29T07:30:00Z"), "phone", italy, ()) is None
    germany = Place("DE", "Europe/Berlin")
    noon = instant("2026-08-10T10:00:00Z")
    assert quiet_at(noon, "phone", germany, ()) is None
    regional = {date(2026, 8, 10)}
    assert quiet_at(noon, "phone", germany, (), holidays=regional) is not None
    assert quiet_at(instant("2026-07-04T18:00:00Z"), "phone", Place("US"), (), holidays=[
        date(2026, 7, 4)
    ]) is None  # the TCPA does not speak of holidays  # fmt: skip


@pytest.mark.parametrize(
    ("at", "channel", "place", "own", "opens"),
    [
        ("2026-06-01T12:00:00Z", "phone", Place("FR"), (), "2026-06-01T12:00:00.000Z"),
        ("2026-06-01T11:15:30Z", "phone", Place("FR"), (), "2026-06-01T12:00:00.000Z"),
        # Friday evening to Monday morning.
        ("2026-06-05T18:00:00Z", "phone", Place("FR"), (), "2026-06-08T08:00:00.000Z"),
        # Whit Monday is closed, too.
        ("2026-05-22T18:00:00Z", "phone", Place("FR"), (), "2026-05-26T08:00:00.000Z"),
        # Coast to coast: 8:00 in Honolulu.
        ("2026-06-01T10:00:00Z", "sms", Place("US"), (), "2026-06-01T18:00:00.000Z"),
        ("2026-06-01T21:30:00Z", "email", Place("DE"), NIGHT, "2026-06-02T06:00:00.000Z"),
        # The night in which the clock goes forward, and the one in which it goes back.
        ("2026-03-29T00:30:00Z", "email", Place("DE"), NIGHT, "2026-03-29T06:00:00.000Z"),
        ("2026-10-25T00:30:00Z", "email", Place("DE"), NIGHT, "2026-10-25T07:00:00.000Z"),
        # Quiet ends at 02:30, an hour that the clock skips that night: open at 03:00.
        (
            "2026-03-29T00:30:00Z",
            "email",
            Place("DE"),
            (QuietSpan(22 * 60, 150),),
            "2026-03-29T01:00:00.000Z",
        ),
    ],
)
def test_next_open(
    at: str, channel: str, place: Place, own: tuple[QuietSpan, ...], opens: str
) -> None:
    found = next_open(instant(at), channel, place, BERLIN, own)
    assert found is not None
    assert format_instant(found) == opens


def test_nothing_opens_where_everything_is_quiet() -> None:
    always = (QuietSpan(0, 12 * 60), QuietSpan(12 * 60, 24 * 60))
    assert next_open(instant("2026-06-01T12:00:00Z"), "email", Place("DE"), (), always) is None


@pytest.mark.parametrize(
    ("year", "day"),
    [
        (1961, date(1961, 4, 2)),
        (2000, date(2000, 4, 23)),
        (2024, date(2024, 3, 31)),
        (2025, date(2025, 4, 20)),
        (2038, date(2038, 4, 25)),
        (2285, date(2285, 3, 22)),
    ],
)
def test_easter(year: int, day: date) -> None:
    assert easter(year) == day


@pytest.mark.parametrize(
    ("country", "day"),
    [
        ("GB", date(2026, 5, 4)),
        ("GB", date(2026, 5, 25)),
        ("GB", date(2026, 8, 31)),
        ("GB", date(2026, 4, 3)),
        ("FR", date(2026, 5, 14)),
        ("DE", date(2026, 10, 3)),
        ("NL", date(2026, 4, 27)),
        ("ES", date(2026, 4, 3)),
        ("AU", date(2026, 4, 6)),
    ],
)
def test_public_holidays(country: str, day: date) -> None:
    assert is_holiday(country, day)
    assert not is_holiday("ZZ", day)


def test_a_year_has_so_many_holidays() -> None:
    assert [len(holidays(c, 2026)) for c in ("DE", "FR", "GB", "IT")] == [9, 11, 8, 12]


@pytest.mark.parametrize("text", ["24:30", "8:00", "noon", "", "12:60", "25:00"])
def test_a_clock_is_hours_and_minutes(text: str) -> None:
    with pytest.raises(InputError) as caught:
        read_clock(text, "$.start")
    assert caught.value.code == "bad_clock"


def test_clocks_and_spans() -> None:
    assert (read_clock("00:00", "$"), read_clock("24:00", "$")) == (0, 1440)
    over_midnight = QuietSpan(1260, 480)
    assert [over_midnight.covers(m) for m in (1259, 1260, 0, 479, 480)] == [
        False, True, True, True, False,
    ]  # fmt: skip
    assert not any(QuietSpan(600, 600).covers(m) for m in range(1440))


@pytest.mark.parametrize("name", ["", "Europe", "../etc/passwd", "/etc/passwd", "Mars/Base", "\0"])
def test_a_zone_that_is_none(name: str) -> None:
    assert not is_zone(name)
