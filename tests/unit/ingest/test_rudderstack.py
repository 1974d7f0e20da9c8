"""What RudderStack's SDKs say in ways of their own, read as what it means everywhere else."""

from __future__ import annotations

from typing import Any

import pytest

from heedful.customer import IdentityRules, Profile, ProfileRules, apply, identifiers_of
from heedful.ingest import RequestHeaders
from tests.unit.ingest.requests import batch, item, one, only, read

ADA = {"email": "Ada@Example.org", "age": "36"}


def identify(**fields: Any) -> dict[str, Any]:
    return item(type="identify", event=None, properties=None, **fields)


def test_the_traits_of_an_identify_are_found_in_its_context() -> None:
    said = {"traits": ADA, "locale": "en-GB"}
    event = only(read(batch(identify(context=said))))
    assert event.traits == {"email": "Ada@Example.org", "age": 36}
    assert event.context == {"locale": "en-GB", "original_traits": {"age": "36"}}
    names = {one.namespace: one.value for one in identifiers_of(event, IdentityRules().compile())}
    assert names == {"user_id": "u1", "email": "ada@example.org"}


def test_traits_of_the_call_itself_go_before() -> None:
    event = only(read(batch(identify(traits={"age": 3}, context={"traits": ADA}))))
    assert (event.traits, event.context) == ({"age": 3}, {"traits": ADA})


@pytest.mark.parametrize("kind", ["track", "page", "group"])
def test_beside_other_calls_they_are_a_memory_and_state_nothing(kind: str) -> None:
    said = {"type": kind, "name": "Home", "groupId": "g1", "context": {"traits": ADA}}
    event = one(**said)
    assert (event.traits, event.context) == ({}, {"traits": ADA})


@pytest.mark.parametrize("traits", [None, [], "Ada", {}], ids=["null", "list", "text", "empty"])
def test_what_is_no_traits_changes_nothing(traits: Any) -> None:
    assert only(read(batch(identify(context={"traits": traits})))).traits == {}


def test_traits_of_a_whole_batch_are_typed_for_each_of_its_calls() -> None:
    calls = (identify(messageId="a"), identify(messageId="b"))
    first, second = read(batch(*calls, context={"traits": ADA})).events
    assert first.traits == second.traits == {"email": "Ada@Example.org", "age": 36}
    assert first.context == second.context == {"original_traits": {"age": "36"}}


def test_the_consents_of_a_banner_are_read_and_a_denial_outweighs() -> None:
    said = {
        "provider": "oneTrust",
        "allowedConsentIds": ["C0001", "C0002", 3],
        "deniedConsentIds": ["C0002", "C0004"],
    }
    event = one(context={"consentManagement": said})
    preferences = {"C0001": True, "C0002": False, "C0004": False}
    assert event.context["consent"] == {"categoryPreferences": preferences}
    profile = Profile()
    rules = {"C0001": "analytics", "C0004": "marketing"}
    apply(profile, event, ProfileRules(categories=rules))
    found = {name: stated.status for name, stated in profile.consents.items()}
    assert found == {"analytics|*": "granted", "marketing|*": "denied"}


@pytest.mark.parametrize(
    "said",
    [None, "all", {}, {"allowedConsentIds": "C1"}, {"allowedConsentIds": []}],
    ids=["null", "text", "empty", "no list", "none"],
)
def test_a_banner_that_said_nothing_states_nothing(said: Any) -> None:
    assert "consent" not in one(context={"consentManagement": said}).context


def test_a_banner_counts_beside_the_privacy_control_and_not_over_segments_own() -> None:
    said = {"deniedConsentIds": ["Ads"]}
    control = RequestHeaders(sec_gpc="1")
    event = only(read(batch(item(context={"consentManagement": said})), headers=control))
    assert event.context["gpc"] is True
    assert event.context["consent"] == {"categoryPreferences": {"Ads": False}}
    own = {"categoryPreferences": {"Ads": True}}
    event = one(context={"consentManagement": said, "consent": own})
    assert event.context["consent"] == own


@pytest.mark.parametrize("zone", ["GMT+0530", "GMT-0800", "UTC+2", "+02:00", "NA"])
def test_a_distance_from_utc_is_no_mistake_and_no_zone(zone: str) -> None:
    event = one(context={"timezone": zone})
    assert event.flags == ()
    profile = Profile()
    apply(profile, event, ProfileRules())
    assert profile.zone is None
