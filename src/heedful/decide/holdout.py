"""The hold-out: people from whom retention and growth are withheld, to prove what they bring.

The draw is keyed by the workspace's salt, the hold-out's name and the person's anchor identifier,
made at the first decision that it would matter for, and kept: a person who is later known by
another identifier stays where they were drawn. When two people turn out to be one, the older draw
stays, and if the draws differ every later decision says so.

An action may declare a hold-out of its own. It is drawn apart from all others, where the action
has passed every other gate, for those of whom the rest is not withheld already.
"""

from __future__ import annotations

from typing import NamedTuple

from heedful.decide.case import (
    ACTION_HOLDOUT,
    Assignment,
    assignment_key,
    bounded_assignments,
    sort_in,
)
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
    return _stand(run, contact.holdout, contact.holdout_ppm)


def held_alone(run: Run, action: str, share_ppm: int, tier: str) -> Held:
    """Say whether an action is withheld by its own hold-out; the first question draws.

    Notes
    -----
    Nobody is drawn who is held out of everything: they would count as treated and never be.
    """
    if run.is_qa or held(run, tier).is_held:
        return _OUTSIDE
    return _stand(run, ACTION_HOLDOUT + action, share_ppm)


def is_withheld(run: Run, action: str) -> bool:
    """Say whether an action is withheld by a draw that was made: two people may be one since."""
    rule = run.rules.actions.get(action)
    if rule is None or not rule.hold_out_ppm or run.is_qa:
        return False
    known = standing_of(run, ACTION_HOLDOUT + action)
    return known is not None and known.is_held


def _stand(run: Run, name: str, share_ppm: int) -> Held:
    known = standing_of(run, name)
    if known is not None:
        return known
    anchor = next(iter(run.person.identifiers()), None)
    if anchor is None or not share_ppm:
        return _OUTSIDE
    is_held = drawn(run.surroundings.secret, name, *anchor, share_ppm)
    assignment = Assignment(run.now, run.event.key, name, run.fragment, is_held)
    sort_in(run.case.holdouts, assignment, assignment_key)
    run.case.holdouts[:] = bounded_assignments(run.case.holdouts)
    return Held(is_held, False)


def standing_of(run: Run, name: str) -> Held | None:
    """Read the draws of a hold-out that were made; None where there was none."""
    draws = [one.is_held for one in run.case.holdouts if one.name == name]
    return Held(draws[0], len(set(draws)) > 1) if draws else None
