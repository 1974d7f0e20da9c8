"""Who decides: the model, the transparent fallback, or a person."""

from __future__ import annotations

import pytest

from heedful.govern import DecisionType, model_score, transparency_verdict


def loan(**changes: object) -> DecisionType:
    given = {"name": "loan", "owner": "credit board", "transparency": 4, **changes}
    return DecisionType(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("decision_type", "score", "fallback_score", "outcome", "reason"),
    [
        (loan(), 4, 5, "allowed", "transparent_enough"),
        (loan(), 3, 5, "use_fallback", "model_too_opaque"),
        (loan(), 3, 4, "use_fallback", "model_too_opaque"),
        (loan(), 3, 3, "needs_person", "model_too_opaque"),
        (loan(fallback="person"), 3, 5, "needs_person", "model_too_opaque"),
        (loan(fallback="person"), 5, 5, "allowed", "transparent_enough"),
        (loan(risk="prohibited"), 5, 5, "needs_person", "decision_prohibited"),
        (loan(transparency=1), 1, 1, "allowed", "transparent_enough"),
    ],
    ids=[
        "enough",
        "opaque",
        "fallback-just",
        "fallback-opaque",
        "person",
        "clear",
        "banned",
        "any",
    ],
)
def test_verdict(
    decision_type: DecisionType, score: int, fallback_score: int, outcome: str, reason: str
) -> None:
    verdict = transparency_verdict(decision_type, score, fallback_score)
    assert (verdict.outcome, verdict.reason_code) == (outcome, reason)


def test_a_model_that_nobody_declared_is_opaque() -> None:
    assert model_score({"beta": 5}, "beta") == 5
    assert model_score({"beta": 5}, "deep") == 1
