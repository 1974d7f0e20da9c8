"""What a decision's rows and outcomes are called."""

from __future__ import annotations

from typing import Any

import pytest

from heedful.cli.became import became_sentences
from heedful.cli.deciding import candidate_rows
from heedful.decide.because import because_of


def candidate(action: str, treatment: str, verdict: str = "lost") -> dict[str, Any]:
    said = {"action": action, "channel": "inapp", "treatment": treatment, "verdict": verdict}
    return {**said, "terms": {"value": 1_000_000}, "p_choose": 0.5, "why": "It was so."}


def test_candidates_that_only_their_words_tell_apart_are_told_apart() -> None:
    rows = [candidate("news", "default", "chosen"), candidate("news", "short")]
    rows += [candidate("sale", "default")]
    names = [row[0] for row in candidate_rows({"candidates": rows})]
    assert names == ["news (default)", "news (short)", "sale"]


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("shown", "It was shown at 2026-01-31 12:00:00."),
        ("converted", "It led to its goal at 2026-01-31 12:00:00."),
        ("unsubscribed", "It made the person unsubscribe at 2026-01-31 12:00:00."),
        ("complained", "It made the person complain at 2026-01-31 12:00:00."),
    ],
)
def test_outcomes_are_said_in_english(outcome: str, said: str) -> None:
    one = {"outcome": outcome, "at": "2026-01-31T12:00:00.000Z"}
    assert list(became_sentences({"effects": [], "outcomes": [one]})) == [said]


def test_what_an_arm_borrows_is_not_told_as_its_own() -> None:
    # An action that was never tried has nothing but what its group and channel brought.
    assert because_of("new", {"start": -2_944, "arm": 700})[1] == (
        "What it and its like brought so far, with the usual person, raised its odds to 2.01 times "
        "what they were."
    )
    assert because_of("do_nothing", {"start": -2_944, "arm": 700})[1].startswith(
        "What it brought so far, with the usual person, raised "
    )
