"""Names of zones: which are known, and which say where somebody lives."""

from __future__ import annotations

from zoneinfo import available_timezones

import pytest

from heedful.kernel.zones import ZONE_CHARS_MAX, is_place, zone_named


def test_every_zone_in_which_people_live_has_the_form_of_a_place() -> None:
    areas = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian")
    lived_in = [n for n in available_timezones() if n.startswith((*areas, "Pacific", "US/"))]
    assert len(lived_in) > 400
    assert all(map(is_place, lived_in))


@pytest.mark.parametrize(
    "name", ["UTC", "GMT", "EST", "Etc/UTC", "Etc/GMT+2", "+02:00", "Factory", "localtime", ""]
)
def test_what_says_only_how_clocks_are_set_is_no_place(name: str) -> None:
    assert not is_place(name)


@pytest.mark.parametrize("name", ["Europe/" + "x" * ZONE_CHARS_MAX, "../zone", "Europe/Berlin\n"])
def test_what_is_no_name_is_no_place(name: str) -> None:
    assert not is_place(name)
    assert zone_named(name) is None
