"""The hold-out: people from whom retention and growth are withheld, to prove what they bring.

The draw is keyed by the workspace's salt, the hold-out's name and the person's anchor identifier,
made at the first decision that it would matter for, and kept: a person who is later known by
another identifier stays where they were drawn. When two people turn out to be one, the older draw
stays, and if the draws differ every later decision says so.
"""

from __future__ import annotations

from typing import NamedTuple

from heedful.decide.case import Assignment, assignment_key, sort_in
from heedful.decide.run import Run
from heedful.kernel import MICRO, hash_key


class Held(NamedTuple):
    """Where a person stands."""

    is_held: bool
    is_contaminated: bool
    """Whether they were on both sides before it was known that they are one person."""


_OUTSIDE = Held(False, False)


def drawn(secret: bytes, name: str, namespace: str, value: str, share_ppm: int) -> bool:
    """Draw whether an anchor identifier falls into a hold-out.

    Examples
    --------
    >>> sum(drawn(b"salt", "global", "user_id", str(i), 100_000) for i in range(1000))
    118
    """
    return hash_key(secret, "holdout", name, namespace, value) % MICRO < share_ppm


def held(run: Run, tier: str) -> Held:
    """Say whether a tier is withheld from the person; the first question draws."""
    contact = run.rules.contact
    if tier not in contact.holdout_tiers or run.is_qa:
        return _OUTSIDE
    known = standing_of(run)
    if known is not None:
        return known
    anchor = next(iter(run.person.identifiers()), None)
    if anchor is None or not contact.holdout_ppm:
        return _OUTSIDE
    is_held = drawn(run.surroundings.secret, contact.holdout, *anchor, contact.holdout_ppm)
    assignment = Assignment(run.now, run.event.key, contact.holdout, run.fragment, is_held)
    sort_in(run.case.holdouts, assignment, assignment_key)
    return Held(is_held, False)


def standing_of(run: Run) -> Held | None:
    """Read the draws that were made; None where there was none."""
    name = run.rules.contact.holdout
    draws = [one.is_held for one in run.case.holdouts if one.name == name]
    return Held(draws[0], len(set(draws)) > 1) if draws else None
