"""Names of time zones, as the system's zone data has them, which is versioned with it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

BAD_TIMEZONE: Final = "bad_timezone"
"""Flag of an event whose `context.timezone` is no zone that is known: nothing is read of it."""

ZONE_CHARS_MAX: Final = 64
"""Characters of a zone's name that a device sends; a longer one is no place. The longest has 32."""

_PLACE: Final = re.compile(r"(?!Etc/)[A-Z][A-Za-z]+(?:/[A-Za-z][A-Za-z0-9_+\-]*){1,2}")


@lru_cache(maxsize=1_024)
def zone_named(name: str) -> ZoneInfo | None:
    """Look up a zone; None where none is known by this name."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        # A name may be unknown (a KeyError), a folder, or a path that leads outside.
        return None


@lru_cache(maxsize=1_024)
def is_place(name: str) -> bool:
    """Say whether a name has the form of a zone in which people live: area and location.

    Notes
    -----
    The form alone, so that the answer is the same whatever zone data a machine has. `UTC` and its
    like are zones, but where somebody lives they do not say: servers, headless browsers and
    browsers that hide their user send them.

    Examples
    --------
    >>> is_place("America/Argentina/Ushuaia"), is_place("UTC"), is_place("Etc/GMT+2")
    (True, False, False)
    """
    return len(name) <= ZONE_CHARS_MAX and _PLACE.fullmatch(name) is not None
