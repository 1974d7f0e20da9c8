"""What is believed must not hang on the order in which a night's outcomes are told."""

from __future__ import annotations

import numpy as np
import pytest

from heedful.kernel import DAY_MS, MICRO
from heedful.learn import ArmSpec, LearningRow, LogisticArms, Panel, Prior

FIELDS, NIGHTS, MAILS, RATE = 5, 10, 150, 0.2
NEWS = ArmSpec("news/email/t1", "mail", "news", "email", "t1", "", Prior(0.2, 50.0))
Person = tuple[int, ...]


def people(seed: int, count: int) -> list[Person]:
    """Of five fields with four values each, the one that each person has, as hashed features."""
    drawn = np.random.default_rng(seed).integers(4, size=(count, FIELDS))
    return [tuple(100 * field + int(v) for field, v in enumerate(row)) for row in drawn]


def taught(first: str) -> LogisticArms:
    """Learn of ten mailings; each night those who were won, or were lost, are told of first."""
    model, seq = LogisticArms(), 0
    for night in range(NIGHTS):
        who = people(night, MAILS)
        is_won = np.random.default_rng([night, 1]).random(MAILS) < RATE
        for place in np.argsort(is_won if first == "lost" else ~is_won, kind="stable").tolist():
            seq += 1
            model.learn_one(
                LearningRow(
                    learn_seq=seq,
                    decision_id=f"d_{seq}",
                    arm=NEWS.arm,
                    goal="visit",
                    state="converted" if is_won[place] else "expired",
                    outcome=MICRO if is_won[place] else 0,
                    decided_at=night * DAY_MS,
                    at=(night + 3) * DAY_MS,
                    window_ms=3 * DAY_MS,
                    parts=NEWS.parts,
                    prior_p=NEWS.prior.p,
                    prior_strength=NEWS.prior.strength,
                    feature_ids=who[place],
                    feature_values=(1.0,) * FIELDS,
                )
            )
    return model


@pytest.mark.parametrize("first", ["won", "lost"])
def test_a_night_told_in_any_order_leaves_the_chance_that_was_seen(first: str) -> None:
    model = taught(first)
    table = model.scorer(Panel.of("visit", [NEWS]))
    found = [table.beliefs(model.context(who, (1.0,) * FIELDS)).p.item() for who in people(99, 300)]
    # Before weights had centres: 0.26 where those who were won came last, 0.10 where first.
    assert np.mean(found) == pytest.approx(RATE, abs=0.03)
