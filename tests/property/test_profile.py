"""A profile is a commutative monoid over the set of stamped events: bytes are compared."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.customer import Profile, ProfileRules, TraitRule, apply, merge
from heedful.events import Event
from heedful.kernel import canonical
from tests.property.worlds import events

RULES = ProfileRules(
    traits={
        "interests": TraitRule("interests", keep="union", top=2),
        "first": TraitRule("first", keep="oldest"),
        "best": TraitRule("best", keep="source_priority", sources=("backend", "web")),
    },
    categories={"Ads": "marketing", "More Ads": "marketing", "Stats": "analytics"},
    undeclared_max=2,
)
unique_events = st.lists(events(), max_size=14, unique_by=lambda event: event.key)


def folded(happened: list[Event]) -> Profile:
    profile = Profile()
    for event in happened:
        apply(profile, event, RULES)
    return profile


def copied(profile: Profile) -> Profile:
    return msgspec.msgpack.decode(canonical.encode(profile), type=Profile)


@given(unique_events, st.data())
@settings(max_examples=400, deadline=None)
def test_any_order_gives_the_same_bytes(happened: list[Event], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(happened))
    assert canonical.encode(folded(happened)) == canonical.encode(folded(shuffled))


@given(unique_events)
@settings(max_examples=200, deadline=None)
def test_zone_and_locale_are_what_a_device_said_last(happened: list[Event]) -> None:
    said = [
        (event.at, event.key, event.context["timezone"])
        for event in happened
        if event.context.get("timezone") in ("Europe/Paris", "Asia/Tokyo", "America/Lima")
        and not event.flags
    ]
    zone = folded(happened).zone
    assert (zone and (zone.at, zone.key, zone.value)) == max(said, default=None)
    spoken = [
        (event.at, event.key, event.context["locale"])
        for event in happened
        if event.context.get("locale") in ("de-DE", "en", "fr_FR.UTF-8")
    ]
    locale = folded(happened).locale
    assert (locale and (locale.at, locale.key, locale.value)) == max(spoken, default=None)


@given(unique_events, st.lists(st.integers(0, 2), min_size=14, max_size=14))
@settings(max_examples=400, deadline=None)
def test_merge_is_commutative_and_associative(happened: list[Event], dealt: list[int]) -> None:
    a, b, c = (
        folded([event for event, hand in zip(happened, dealt, strict=False) if hand == which])
        for which in range(3)
    )
    whole = canonical.encode(folded(happened))
    left = merge(merge(copied(a), copied(b), RULES), copied(c), RULES)
    right = merge(copied(c), merge(copied(b), copied(a), RULES), RULES)
    assert canonical.encode(left) == whole
    assert canonical.encode(right) == whole
