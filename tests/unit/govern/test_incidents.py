"""Incidents: whom they touch, what they say, how long they run."""

from __future__ import annotations

import pytest

from heedful.govern import (
    Governance,
    IncidentPlan,
    Incidents,
    IncidentScope,
    View,
    declare,
    end,
    fold_governance,
)
from heedful.kernel import DAY_MS, HOUR_MS, InputError
from tests.unit.govern.said import NOW, event

OUTAGE = IncidentPlan(name="outage", message="say_sorry", growth_off=True, expires_after="6h")
QUIET = IncidentPlan(name="quiet", growth_off=False)
EVERYBODY = IncidentScope()


def running(
    scope: IncidentScope = EVERYBODY,
    plan: IncidentPlan = OUTAGE,
    before: Governance | None = None,
    incident_id: str = "i1",
    at: int = NOW,
    key: int = 1,
) -> Governance:
    governance = before or Governance()
    said = declare(governance.incidents, plan, incident_id, scope, "Ana", "power cut", at)
    return fold_governance(governance, event(said, at, key))


def test_an_incident_says_what_its_plan_says() -> None:
    found = running().incident_for(View(), NOW)
    assert found is not None
    assert (found.message, found.is_growth_off, found.plan) == ("say_sorry", True, "outage")
    assert (found.by, found.reason, found.expires_at) == ("Ana", "power cut", NOW + 6 * HOUR_MS)


@pytest.mark.parametrize(
    ("scope", "view", "is_touched"),
    [
        (IncidentScope(), View(), True),
        (IncidentScope(country="DE"), View(country="DE"), True),
        (IncidentScope(country="DE"), View(country="FR"), False),
        (IncidentScope(country="DE"), View(), False),
        (IncidentScope(country="US"), View(country="US-FL"), True),
        (IncidentScope(country="US-FL"), View(country="US"), False),
        (IncidentScope(placement="checkout"), View(placement="checkout"), True),
        (IncidentScope(placement="checkout"), View(placement="home"), False),
        (IncidentScope(traits={"plan": "gold"}), View({"plan": "gold"}), True),
        (IncidentScope(traits={"plan": "gold"}), View({"plan": "basic"}), False),
        (IncidentScope(traits={"plan": "gold"}), View(), False),
        (IncidentScope(traits={"vip": True}), View({"vip": 1}), False),
        (IncidentScope(traits={"level": 1}), View({"level": 1.0}), True),
        (IncidentScope(traits={"plan": "gold"}, country="DE"), View({"plan": "gold"}), False),
        (
            IncidentScope(traits={"plan": "gold"}, country="DE"),
            View({"plan": "gold"}, country="DE"),
            True,
        ),
    ],
)
def test_all_that_a_scope_gives_must_be_equal(
    scope: IncidentScope, view: View, is_touched: bool
) -> None:
    assert (running(scope).incident_for(view, NOW) is not None) == is_touched


def test_it_ends_by_itself_or_by_hand() -> None:
    governance = running()
    assert governance.incident_for(View(), NOW + 6 * HOUR_MS - 1) is not None
    assert governance.incident_for(View(), NOW + 6 * HOUR_MS) is None
    said = end(governance.incidents, "i1", "Ben", "power is back", NOW + 5)
    ended = fold_governance(governance, event(said, NOW + 5, 2))
    assert ended.incident_for(View(), NOW + 5) is None
    with pytest.raises(InputError) as caught:
        end(ended.incidents, "i1", "Ben", "twice", NOW + 6)
    assert caught.value.code == "no_such_incident"


def test_an_end_is_final_whatever_arrives_first() -> None:
    said = end(running().incidents, "i1", "Ben", "over", NOW + 5)
    early = fold_governance(Governance(), event(said, NOW + 5, 2))
    declared = declare(Incidents(), OUTAGE, "i1", EVERYBODY, "Ana", "power cut", NOW)
    late = fold_governance(early, event(declared, NOW, 1))
    assert late.incident_for(View(), NOW + 1) is None
    assert late == fold_governance(running(), event(said, NOW + 5, 2))


def test_the_strictest_comes_first_then_the_newest() -> None:
    strict = running(at=NOW, key=1)
    both = running(plan=QUIET, before=strict, incident_id="i2", at=NOW + 1, key=2)
    third = running(before=both, incident_id="i3", at=NOW + 2, key=3)
    assert [i.id for i in third.incidents.open_ones(NOW + 2)] == ["i3", "i1", "i2"]


@pytest.mark.parametrize(("said", "meant"), [("de", "DE"), ("us-fl", "US-FL"), ("FR", "FR")])
def test_a_country_is_written_as_those_of_people_are(said: str, meant: str) -> None:
    assert running(IncidentScope(country=said)).incident_for(View(country=meant), NOW) is not None


@pytest.mark.parametrize("said", ["Germany", "D", "DE-", "\0\0", "DE\n"], ids=ascii)
def test_a_country_that_touches_nobody_is_refused(said: str) -> None:
    with pytest.raises(InputError) as caught:
        running(IncidentScope(country=said))
    assert caught.value.code == "bad_country"


def test_refusals() -> None:
    incidents = running().incidents
    for expires_at, incident_id, code in (
        (NOW, "i2", "bad_expiry"),
        (NOW + 31 * DAY_MS, "i2", "incident_too_long"),
        (NOW + 1, "i1", "incident_exists"),
    ):
        with pytest.raises(InputError) as caught:
            declare(incidents, OUTAGE, incident_id, EVERYBODY, "Ana", "why", NOW, expires_at)
        assert caught.value.code == code


def test_a_hundred_open_incidents_are_enough() -> None:
    governance = Governance()
    for n in range(100):
        governance = running(before=governance, incident_id=f"i{n}", key=n)
    with pytest.raises(InputError) as caught:
        declare(governance.incidents, OUTAGE, "more", EVERYBODY, "Ana", "why", NOW)
    assert caught.value.code == "too_many_incidents"
