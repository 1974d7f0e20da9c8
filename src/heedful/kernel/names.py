"""The nearest known name, for errors that tell the writer what they probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import Final

SIMILARITY_MIN: Final = 0.6
"""Least ratio of difflib at which a name is offered; it is difflib's own default cut-off."""

_NAME_CHARS_MAX: Final = 200  # difflib is quadratic; beyond this nothing is offered


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Find the known name most like `name`, or None when none is like it.

    Notes
    -----
    Case and the choice between `_`, `-` and space do not count. Ties go to the name that sorts
    first, so the order of `known` never shows.

    Examples
    --------
    >>> nearest("contry", ["city", "country"])
    'country'
    >>> nearest("zzz", ["city", "country"]) is None
    True
    """
    if len(name) > _NAME_CHARS_MAX:
        return None
    wanted = _folded(name)
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(wanted)
    best, best_ratio = None, SIMILARITY_MIN
    for candidate in sorted(set(known)):
        matcher.set_seq1(_folded(candidate[:_NAME_CHARS_MAX]))
        if matcher.real_quick_ratio() < best_ratio or matcher.quick_ratio() < best_ratio:
            continue
        ratio = matcher.ratio()
        if ratio > best_ratio or (best is None and ratio == best_ratio):
            best, best_ratio = candidate, ratio
    return best


def _folded(name: str) -> str:
    return name.lower().replace("-", "_").replace(" ", "_")


def slip_of(name: str, known: Iterable[str]) -> str | None:
    """Find the known name that `name` is one slip away from; None where there is none.

    Notes
    -----
    A slip is a letter left out, doubled, added or mistaken, or two neighbours that changed places.
    Where only digits differ (`store1`, `store2`), somebody counts. Of several the first by name is
    given.

    Examples
    --------
    >>> slip_of("wbe", ["shop", "web"])
    'web'
    >>> slip_of("store2", ["store1", "web"]) is None
    True
    """
    return next((one for one in sorted(known) if _is_slip(name, one)), None)


def _is_slip(name: str, other: str) -> bool:
    mine, theirs = _folded(name), _folded(other)
    if mine == theirs:
        return name != other
    for _ in range(2):  # what both begin with, then what both end with
        mine, theirs = _unlike(mine, theirs)
        mine, theirs = mine[::-1], theirs[::-1]
    if (mine + theirs).isdigit():
        return False
    return max(len(mine), len(theirs)) < 2 or (len(mine) == 2 and mine == theirs[::-1])


def _unlike(mine: str, theirs: str) -> tuple[str, str]:
    """Leave out what both begin with."""
    pairs = enumerate(zip(mine, theirs, strict=False))
    same = next((at for at, (a, b) in pairs if a != b), min(len(mine), len(theirs)))
    return mine[same:], theirs[same:]
