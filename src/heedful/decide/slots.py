"""Names of places and channels that whoever asks may have meant otherwise."""

from __future__ import annotations

from collections.abc import Iterable

from heedful.decide.rules import Rules
from heedful.kernel.names import nearest


def slot_hints(rules: Rules, placement: str | None, channel: str | None) -> list[str]:
    """Say of each name that nothing in force has what it may have been meant to be.

    Notes
    -----
    Hints and no refusals: an action that names no placement fills every one, and a page may ask
    before the strategy knows its place.
    """
    said = []
    if channel is not None and channel not in (known := rules.stoppable["channel"]):
        said.append(f"No action goes by the channel `{channel}`; {_known(channel, known)}")
    named = rules.placements | {one.placement for one in rules.triggers if one.placement}
    if placement is not None and named and placement not in named:
        said.append(f"No action names the placement `{placement}`; {_known(placement, named)}")
    return said


def _known(name: str, known: Iterable[str]) -> str:
    """Name what is nearest, or list what is known."""
    near = nearest(name, known)
    if near is not None:
        return f"did you mean `{near}`?"
    return f"known are {', '.join(f'`{one}`' for one in sorted(known)) or 'none'}."
