"""What became of a decision, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from heedful.cli.screen import when

_REPORTED: Final = {
    "converted": "led to its goal",
    "unsubscribed": "made the person unsubscribe",
    "complained": "made the person complain",
}


def reported(outcome: str) -> str:
    """Say what a decision did or met with, as the end of a clause.

    Examples
    --------
    >>> reported("shown"), reported("complained")
    ('was shown', 'made the person complain')
    """
    return _REPORTED.get(outcome, f"was {outcome}")


def became_sentences(became: Mapping[str, Any]) -> Iterator[str]:
    """Say what went out of a decision and what was reported of it; nothing where nothing did.

    Examples
    --------
    >>> effect = {"effect_id": "f_1", "destination": "email", "status": "dead", "attempts": 1,
    ...           "code": "no_unsubscribe_url", "due": None}
    >>> print(*became_sentences({"effects": [effect], "outcomes": []}))
    It never went out by email: no_unsubscribe_url. `heedful effects redrive f_1` tries again.
    """
    for effect in became["effects"]:
        yield _went(effect)
    for one in became["outcomes"]:
        yield f"It {reported(one['outcome'])} at {when(one['at'])}."


def _went(effect: Mapping[str, Any]) -> str:
    way, code = effect["destination"], effect["code"]
    match effect["status"]:
        case "delivered":
            return f"It was delivered by {way}."
        case "withdrawn":
            return f"It was withdrawn before it was delivered by {way}: {code}."
        case "dead":
            remedy = f"`heedful effects redrive {effect['effect_id']}` tries again."
            return f"It never went out by {way}: {code}. {remedy}"
        case "waiting" if effect["attempts"]:
            tries = "a try" if effect["attempts"] == 1 else f"{effect['attempts']:,} tries"
            then = f"the last ended with {code}, the next is at {when(effect['due'])}"
            return f"It waits to go out by {way} after {tries}: {then}."
        case "waiting":
            return f"It waits to go out by {way}, at {when(effect['due'])} at the earliest."
    return f"It is on its way by {way}."
