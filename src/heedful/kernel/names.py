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
