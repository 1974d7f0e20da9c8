"""One call of a Segment SDK, as a value, before any clock or network."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

Kind = Literal["track", "identify", "page", "screen", "group", "alias"]
Source = Literal["web", "app", "backend"]
SOURCES: Final[tuple[Source, ...]] = ("web", "app", "backend")

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60 * SECOND_MS
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS


class Call(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a device of the shop's population hands to its SDK.

    Notes
    -----
    Times are virtual: milliseconds since the simulation began. `sends_ms` orders the calls.
    `late_ms` is a lateness in real time, which no speed of the simulation compresses.
    """

    kind: Kind
    source: Source
    occurs_ms: int
    sends_ms: int
    message_id: str
    name: str | None = None
    """The event of a track call, the name of a page or a screen."""
    user_id: str | None = None
    anonymous_id: str | None = None
    previous_id: str | None = None
    group_id: str | None = None
    fields: dict[str, Any] = {}
    """Properties, or traits for identify and group."""
    context: dict[str, Any] = {}
    late_ms: int = 0
