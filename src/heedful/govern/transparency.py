"""May this model decide this? The T-switch: transparency demanded by decision type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from heedful.govern.definitions import TRANSPARENCY_MAX, TRANSPARENCY_MIN, DecisionType

TRANSPARENT_ENOUGH: Final = "transparent_enough"
"""The model is as transparent as the decision type demands."""
MODEL_TOO_OPAQUE: Final = "model_too_opaque"
"""The model is less transparent than the decision type demands."""
DECISION_PROHIBITED: Final = "decision_prohibited"
"""No system may decide this at all; a strategy that tries is refused, so this is never seen."""


class Verdict(msgspec.Struct, frozen=True):
    """Who decides."""

    outcome: Literal["allowed", "use_fallback", "needs_person"]
    reason_code: str


_ALLOWED: Final = Verdict("allowed", TRANSPARENT_ENOUGH)
_FALLBACK: Final = Verdict("use_fallback", MODEL_TOO_OPAQUE)
_PERSON: Final = Verdict("needs_person", MODEL_TOO_OPAQUE)
_PROHIBITED: Final = Verdict("needs_person", DECISION_PROHIBITED)


def model_score(models: Mapping[str, int], model: str) -> int:
    """Look up how transparent a model is; what nobody declared is opaque."""
    return models.get(model, TRANSPARENCY_MIN)


def transparency_verdict(
    decision_type: DecisionType, score: int, fallback_score: int = TRANSPARENCY_MAX
) -> Verdict:
    """Say whether a model may decide, or the transparent fallback, or only a person.

    Parameters
    ----------
    score
        Transparency of the model, 1 to 5.
    fallback_score
        Transparency of the fallback model; where it is too opaque itself, a person decides.

    Examples
    --------
    >>> loan = DecisionType(name="loan", owner="credit board", transparency=4)
    >>> transparency_verdict(loan, score=2).outcome
    'use_fallback'
    >>> transparency_verdict(loan, score=2, fallback_score=3).outcome
    'needs_person'
    """
    if decision_type.risk == "prohibited":
        return _PROHIBITED
    if score >= decision_type.transparency:
        return _ALLOWED
    if decision_type.fallback == "transparent" and fallback_score >= decision_type.transparency:
        return _FALLBACK
    return _PERSON
