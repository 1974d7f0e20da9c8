"""A contextual model for the decisions of `bench_decide.py`: declared, and taught by its people."""

from __future__ import annotations

import random

import msgspec

from heedful.decide import DO_NOTHING, Definitions, Person, Rules, Surroundings, new_case
from heedful.decide.definitions import ModelEntry
from heedful.decide.features import Features
from heedful.decide.run import Run
from heedful.events import Event
from heedful.learn import LearningRow, LogisticArms

NAME = "arms"
RESPONSE = 0.05
SILENT_EVERY = 20
"""Of so many outcomes one is of doing nothing."""


def declared(definitions: Definitions) -> Definitions:
    """Let a logistic model with the features that it takes by itself value every action."""
    return msgspec.structs.replace(
        definitions, model_entries=(ModelEntry(name=NAME),), default_model=NAME
    )


def seen(
    rules: Rules, shared: Surroundings, crowd: list[Person], asked: list[Event]
) -> list[Features]:
    """Read what the model would see of people."""
    return [
        Run(rules, shared, person, new_case(), event, 1).features
        for person, event in zip(crowd, asked, strict=True)
    ]


def lessons(
    rules: Rules, people: list[Features], count: int, at: int, draw: random.Random, first: int = 1
) -> list[LearningRow]:
    """Outcomes of actions drawn at random for these people."""
    actions = list(rules.actions.values())
    rows = []
    for number in range(first, first + count):
        action, features = draw.choice(actions), people[number % len(people)]
        parts = (action.group or action.tier, action.name, "inapp", "default", "")
        arm, prior = f"{action.name}/inapp/default", action.prior
        if number % SILENT_EVERY == 0:
            parts, arm, prior = (DO_NOTHING, DO_NOTHING, "", "", ""), DO_NOTHING, action.goal.prior
        is_reached = draw.random() < RESPONSE
        rows.append(
            LearningRow(
                learn_seq=number,
                decision_id="d",
                arm=arm,
                goal=action.goal.name,
                state="converted" if is_reached else "expired",
                outcome=1_000_000 if is_reached else 0,
                decided_at=at,
                at=at,
                parts=parts,
                prior_p=prior.p,
                prior_strength=prior.strength,
                feature_ids=features.ids,
                feature_values=features.values,
            )
        )
    return rows


def taught(rules: Rules, rows: list[LearningRow]) -> LogisticArms:
    """Give the model once it has learned these rows."""
    model = rules.models[NAME].new()
    assert isinstance(model, LogisticArms)
    for row in rows:
        model.learn_one(row)
    return model
