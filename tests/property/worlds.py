"""Small worlds for property tests: few people, many collisions, any time."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from heedful.customer import (
    CompiledIdentity,
    Fragment,
    IdentityRules,
    Namespace,
    Separation,
    fragment_key,
    identifiers_of,
)
from heedful.events import (
    CONSENT_CHANGED,
    MESSAGE_RELEASED,
    OBJECTION_RECORDED,
    Event,
    EventType,
    Identifier,
)
from heedful.kernel import hash_key
from heedful.kernel.zones import BAD_TIMEZONE

SECRET = b"a secret of tests"
RULES = IdentityRules(
    namespaces=(
        Namespace("user_id", limit=1, shared_after=0),
        Namespace("email", limit=2, from_="traits.email", normalise="email", shared_after=2),
        Namespace("anonymous_id", limit=3, shared_after=2),
    ),
    alias_max=3,
).compile()

user_ids = st.sampled_from([None, "u1", "u2", "u3", "null"])
anonymous_ids = st.sampled_from([None, "a1", "a2", "a3", "a4", "a5"])
emails = st.sampled_from([None, "x@e.io", "y@e.io", "z@e.io"])
zones = st.sampled_from(["Europe/Paris", "Asia/Tokyo", "America/Lima", "UTC", "x" * 99, None, 3])
instants = st.integers(0, 12).map(lambda step: 1_700_000_000_000 + step * 3_600_000)


@st.composite
def events(draw: Any, index: int = 0) -> Event:
    """One stamped event of a world in which nearly everything collides."""
    kind: EventType = draw(st.sampled_from(["track", "identify", "group", "alias", "own"]))
    at = draw(instants)
    message_id = f"m{draw(st.integers(0, 10**9))}-{index}"
    source = draw(st.sampled_from(["web", "app", "backend"]))
    traits: dict[str, Any] = {}
    email = draw(emails)
    if email is not None and kind == "identify":
        traits["email"] = email
    if kind in ("identify", "group"):
        names = st.sampled_from(["city", "plan", "interests", "first", "best", "n1", "n2", "n3"])
        values = st.sampled_from(["a", "b", None, 3, ["a", "b"], ["c"], {"k": 1}])
        traits.update(draw(st.dictionaries(names, values, max_size=3)))
    name, properties = {"track": "Product Viewed"}.get(kind, kind), {}
    if kind == "own":
        name = draw(st.sampled_from([CONSENT_CHANGED, OBJECTION_RECORDED, MESSAGE_RELEASED]))
        properties = {
            "purpose": draw(st.sampled_from(["marketing", "analytics"])),
            "channel": draw(st.sampled_from(["email", "*", "push"])),
            "status": draw(st.sampled_from(["granted", "denied", "withdrawn", "nonsense"])),
            "class": "promotional",
            "action": draw(st.sampled_from(["offer", "help"])),
        }
    context: dict[str, Any] = {}
    if draw(st.booleans()):
        preferences = st.dictionaries(st.sampled_from(["Ads", "More Ads", "Stats"]), st.booleans())
        context = {"consent": {"categoryPreferences": draw(preferences)}}
        context["gpc"] = draw(st.booleans())
    flags: tuple[str, ...] = ()
    if draw(st.booleans()):
        context["timezone"] = draw(zones)
        flags = (BAD_TIMEZONE,) if draw(st.booleans()) else ()
    if draw(st.booleans()):
        context["locale"] = draw(st.sampled_from(["de-DE", "en", "fr_FR.UTF-8", "C", None, 7]))
    return Event(
        type=kind,
        name=name,
        at=at,
        key=hash_key(SECRET, "event", source, message_id),
        source=source,
        message_id=message_id,
        received_at=at,
        user_id=draw(user_ids),
        anonymous_id=draw(anonymous_ids),
        previous_id=draw(user_ids | anonymous_ids) if kind == "alias" else None,
        group_id=draw(st.sampled_from(["g1", "g2"])) if kind == "group" else None,
        properties=properties,
        traits=traits,
        context=context,
        flags=flags,
    )


def fragments_of(happened: list[Event], rules: CompiledIdentity = RULES) -> dict[int, Fragment]:
    """The fragments of events, each with the time it was first seen."""
    found: dict[int, Fragment] = {}
    for event in happened:
        fragment = fragment_of(event, rules)
        if fragment is not None:
            before = found.get(fragment.key)
            if before is None or fragment.first_at < before.first_at:
                found[fragment.key] = fragment
    return found


def fragment_of(event: Event, rules: CompiledIdentity = RULES) -> Fragment | None:
    """The fragment of one event, None where it names nobody."""
    identifiers = identifiers_of(event, rules)
    if not identifiers:
        return None
    kind = "alias" if event.type == "alias" else "seen"
    return Fragment(fragment_key(SECRET, kind, identifiers), event.at, kind, identifiers)


all_identifiers = st.sampled_from(
    [Identifier("user_id", f"u{n}") for n in (1, 2, 3)]
    + [Identifier("email", f"{n}@e.io") for n in "xyz"]
    + [Identifier("anonymous_id", f"a{n}") for n in (1, 2, 3, 4, 5)]
)


@st.composite
def separations(draw: Any) -> Separation:
    """A statement that some identifiers are not one person."""
    mixed = draw(st.lists(all_identifiers, min_size=2, max_size=5, unique=True))
    cut = draw(st.integers(1, len(mixed) - 1))
    left, right = sorted([tuple(sorted(mixed[:cut])), tuple(sorted(mixed[cut:]))])
    return Separation(hash_key(SECRET, "separation", repr(mixed), str(cut)), 0, left, right)
