"""What the features of contextual models are called in reports."""

from __future__ import annotations

import math

import pytest

from heedful.decide.features import dense_id, field_id, value_id
from tests.unit.decide.test_models import world

PLAN = field_id("traits", "plan")


@pytest.mark.parametrize(
    ("feature", "name"),
    [
        (dense_id("signals", "looked"), ("signals.looked", None)),
        (dense_id("fatigue", "contacts_7d"), ("fatigue.contacts_7d", None)),
        (value_id(PLAN, "true"), ("traits.plan", "true")),
        (dense_id("time", "weekend"), ("time.weekend", None)),
        (dense_id("traits", "unread"), None),
    ],
    ids=["signal", "fatigue", "word", "time", "unread"],
)
def test_a_feature_is_named_by_its_field(feature: int, name: tuple[str, str | None] | None) -> None:
    plan = world().rules.features
    assert plan is not None
    assert plan.named(feature) == name


def test_what_is_hashed_shows_its_field_and_a_hash() -> None:
    plan = world().rules.features
    assert plan is not None
    found = [plan.named(value_id(PLAN, word)) for word in ("pro", "basic")]
    assert [one and one[0] for one in found] == ["traits.plan", "traits.plan"]
    assert found[0] != found[1]


@pytest.mark.parametrize(
    ("feature", "read", "stands_for"),
    [
        (dense_id("signals", "looked"), math.log1p(3) / 4, 3.0),
        (dense_id("fatigue", "contacts_28d"), math.log1p(2) / 3, 2.0),
        (dense_id("fatigue", "since_contact"), math.log1p(48) / 7, 48.0),
        (dense_id("time", "hour_sin"), -0.5, -0.5),
    ],
    ids=["signal", "count", "hours", "time"],
)
def test_a_number_that_is_read_by_its_logarithm_is_told_as_people_know_it(
    feature: int, read: float, stands_for: float
) -> None:
    plan = world().rules.features
    assert plan is not None
    assert plan.natural(feature, read) == pytest.approx(stands_for)
    assert plan.natural(feature, -read) == pytest.approx(-stands_for)
