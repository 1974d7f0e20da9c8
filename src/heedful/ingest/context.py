"""What SDKs say in `context` in ways of their own, read as what it means everywhere else.

RudderStack's SDKs keep an identify's traits and the banner's consents there, and its browser SDK
says the clock's distance from UTC in place of a zone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from heedful.kernel.zones import BAD_TIMEZONE, ZONE_CHARS_MAX, zone_named

DEVICE_SAYS: Final = ("timezone", "locale")
"""What a device says of its person in the context of an event or of a question what to do."""

_TRUTHS: Final = (True, 1, "1", "true")
_OFFSET: Final = re.compile(r"NA|(?:[A-Z]{3,4})?[+-]\d{1,2}:?(?:\d\d)?")
"""What is no zone and no mistake: how far a clock is from UTC, and that nobody knows."""


def take_traits(context: dict[str, Any]) -> dict[str, Any]:
    """Take an identify's traits out of its context, where RudderStack's SDKs put them.

    Notes
    -----
    Of an identify alone: beside other calls stands what an earlier identify said, from the memory
    of the device, and it may have been overtaken.
    """
    traits = context.get("traits")
    if type(traits) is not dict:
        return {}
    del context["traits"]
    return dict(traits)  # a batch's own context is one for all


def read_banner(context: dict[str, Any]) -> None:
    """Write what RudderStack's SDKs know of a banner as Segment's do: `categoryPreferences`."""
    said = context["consentManagement"]
    if type(said) is not dict or "consent" in context:
        return
    # What stands in both lists was denied: the stricter reading counts.
    preferences = dict.fromkeys(_names(said, "allowedConsentIds"), True)
    preferences |= dict.fromkeys(_names(said, "deniedConsentIds"), False)
    if preferences:
        context["consent"] = {"categoryPreferences": preferences}


def normalise_gpc(context: dict[str, Any]) -> None:
    """Write the Global Privacy Control as a truth, wherever it was said."""
    consent, stated = context.get("consent"), context.get("gpc")
    if stated is None and type(consent) is dict:
        stated = consent.get("gpc")
    if stated is not None:
        context["gpc"] = any(stated == truth for truth in _TRUTHS)


def _names(said: Mapping[str, Any], field: str) -> list[str]:
    names = said.get(field)
    return [name for name in names if type(name) is str] if type(names) is list else []


def check_zone(zone: Any, flags: list[str]) -> None:
    """Flag a `context.timezone` that is neither a zone nor a distance from UTC."""
    if zone is None:
        return
    is_name = type(zone) is str and len(zone) <= ZONE_CHARS_MAX
    if not is_name or (zone_named(zone) is None and not _OFFSET.fullmatch(zone)):
        flags.append(BAD_TIMEZONE)


def said_by_device(context: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Take from a question's context what counts as it does on an event, and the flags for it."""
    said = {name: context[name] for name in DEVICE_SAYS if name in context}
    flags: list[str] = []
    check_zone(said.get("timezone"), flags)
    return said, tuple(flags)
