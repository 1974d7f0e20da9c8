"""What is known of a person, as facts: traits, consents, accounts, contacts.

Law: a profile is a commutative monoid over the set of stamped events. `apply` adds one event,
`merge` joins two profiles, and any order or split of the same events gives the same bytes. Every
register therefore keeps the greatest (or least) entry by a total order that ends in `(at, key)`,
and every bound keeps the top N by such an order, where N counts entries that can only rise.

Profiles are mutable on purpose: a fold decodes a private copy, changes it and encodes it, which
costs a tenth of copying frozen values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec

from heedful.customer.coerce import UNREADABLE, is_locale, typed
from heedful.customer.rules import (
    ACCOUNT_TRAITS_MAX,
    ACCOUNTS_MAX,
    CONSENTS_MAX,
    CONTACTS_MAX,
    SOURCES_MAX,
    TRAIT_BYTES_MAX,
    TRAIT_CHARS_MAX,
    ProfileRules,
    TraitRule,
)
from heedful.events import (
    CONSENT_CHANGED,
    MESSAGE_RELEASED,
    OBJECTION_RECORDED,
    Event,
)
from heedful.kernel import canonical
from heedful.kernel.zones import BAD_TIMEZONE, is_place

ConsentStatus = Literal["granted", "denied", "withdrawn", "objected"]

RESTRICTIVENESS: Final = {"granted": 0, "denied": 1, "withdrawn": 2, "objected": 3}
"""Of two statements at the same instant the more restrictive one counts."""

ANY_CHANNEL: Final = "*"
BANNER: Final = "banner"
"""The source of a consent that came with an event's `context.consent`."""

_MOST_RECENT: Final = TraitRule("")
_LONG_AGO: Final = -1 << 62


class Entry(msgspec.Struct, array_like=True):
    """One value of a trait with the stamp of the event that gave it."""

    at: int
    key: int
    value: Any
    rank: int = 0
    """With `source_priority`, the rank of the source, 0 the best."""


class Consent(msgspec.Struct, array_like=True):
    """The latest statement on one purpose and channel, with its proof."""

    at: int
    restrictiveness: int
    key: int
    status: ConsentStatus
    source: str
    text_version: str | None = None
    proof: str | None = None


class Contact(msgspec.Struct, array_like=True, order=True):
    """A message that was released to the person."""

    at: int
    key: int
    channel: str
    message_class: str
    action: str
    decision_id: str


class Profile(msgspec.Struct, array_like=True):
    """A person's traits, consents, accounts and contacts."""

    first_at: int = 0
    last_at: int = 0
    event_count: int = 0
    gpc_at: int = 0
    """When Global Privacy Control was last seen; 0 never. A later grant does not clear it."""
    traits: dict[str, list[Entry]] = {}
    consents: dict[str, Consent] = {}
    """By `purpose|channel`; `*` stands for every channel."""
    accounts: dict[str, int] = {}
    """Accounts (groups) of the person: when each was last named."""
    account_traits: dict[str, Entry] = {}
    """By `account\\ntrait`: what this person's group calls said of an account."""
    contacts: list[Contact] = []
    sources: dict[str, int] = {}
    zone: Entry | None = None
    """The time zone that a device of theirs said last (`context.timezone`)."""
    locale: Entry | None = None
    """The locale that a device of theirs said last (`context.locale`)."""


def apply(profile: Profile, event: Event, rules: ProfileRules) -> None:
    """Fold one event into a private copy of a profile."""
    at = event.at
    if not profile.event_count or at < profile.first_at:
        profile.first_at = at
    if not profile.event_count or at > profile.last_at:
        profile.last_at = at
    profile.event_count += 1
    if at > profile.sources.get(event.source, _LONG_AGO):
        profile.sources[event.source] = at
        if len(profile.sources) > SOURCES_MAX:
            _keep_top(profile.sources, SOURCES_MAX, _by_instant)
    if event.traits:
        if event.type == "group":
            _apply_group(profile, event)
        else:
            for name, value in event.traits.items():
                _apply_trait(profile, name, value, event, rules)
            _bound_traits(profile, rules)
    elif event.type == "group":
        _apply_group(profile, event)
    context = event.context
    if context:
        if context.get("gpc") is True and at > profile.gpc_at:
            profile.gpc_at = at
        consent = context.get("consent")
        if isinstance(consent, dict):
            _apply_banner(profile, consent, event, rules)
        if "timezone" in context:
            _apply_zone(profile, context["timezone"], event)
        if "locale" in context:
            _apply_locale(profile, context["locale"], event)
    if event.type == "own":
        _apply_own(profile, event)


def _apply_trait(
    profile: Profile, name: str, value: Any, event: Event, rules: ProfileRules
) -> None:
    rule = rules.traits.get(name, _MOST_RECENT)
    if rule.type != "any" and (value := typed(value, rule.type)) is UNREADABLE:
        return
    if rule.keep == "union":
        values = value if isinstance(value, list) else [value]
        entries = [_entry(event, element) for element in values if element is not None]
    elif rule.keep == "source_priority":
        entries = [_entry(event, value)]
        listed = rule.sources
        rank = listed.index(event.source) if event.source in listed else len(listed)
        entries[0].rank = rank
    else:
        entries = [_entry(event, value)]
    kept = [entry for entry in entries if _fits(entry.value)]
    if kept:
        profile.traits[name] = _survivors(profile.traits.get(name, []), kept, rule)


def _entry(event: Event, value: Any) -> Entry:
    if isinstance(value, str) and len(value) > TRAIT_CHARS_MAX:
        value = value[:TRAIT_CHARS_MAX]
    return Entry(event.at, event.key, value)


def _fits(value: Any) -> bool:
    # An explicit null is a statement too: the trait is known to be empty now.
    if isinstance(value, dict | list):
        return len(canonical.encode(value)) <= TRAIT_BYTES_MAX
    return True


def _survivors(known: list[Entry], arrived: list[Entry], rule: TraitRule) -> list[Entry]:
    """Apply a survivorship rule to what is known and what arrived; commutative, associative."""
    if rule.keep == "union":
        latest: dict[bytes, Entry] = {}
        for entry in (*known, *arrived):
            digest = canonical.encode(entry.value)
            before = latest.get(digest)
            if before is None or (entry.at, entry.key) > (before.at, before.key):
                latest[digest] = entry
        ordered = sorted(latest.items(), key=lambda item: (-item[1].at, -item[1].key, item[0]))
        return [entry for _, entry in ordered[: rule.top]]
    if not known and len(arrived) == 1:
        return arrived
    entries = [*known, *arrived]
    if rule.keep in ("oldest", "set_once"):
        return [min(entries, key=lambda e: (e.at, e.key))]
    if rule.keep == "source_priority":
        return [min(entries, key=lambda e: (e.rank, -e.at, -e.key))]
    return [max(entries, key=lambda e: (e.at, e.key))]


def _bound_traits(profile: Profile, rules: ProfileRules) -> None:
    if len(profile.traits) <= rules.undeclared_max:
        return
    # Declared traits are bounded by their declaration and never evicted, so a rule such as
    # `oldest` cannot lose its value; undeclared ones keep their newest entry, which only rises.
    undeclared = {
        name: (entries[0].at, entries[0].key)
        for name, entries in profile.traits.items()
        if name not in rules.traits
    }
    excess = len(undeclared) - rules.undeclared_max
    for name, _ in sorted(undeclared.items(), key=lambda item: (item[1], item[0]))[
        : max(excess, 0)
    ]:
        del profile.traits[name]


def _apply_group(profile: Profile, event: Event) -> None:
    group_id = event.group_id
    if group_id is None:
        return
    profile.accounts[group_id] = max(event.at, profile.accounts.get(group_id, event.at))
    _keep_top(profile.accounts, ACCOUNTS_MAX, _by_instant)
    # Each trait stands for itself: inside an account that is dropped and seen again, what was
    # known before would depend on the order of arrival.
    for name, value in event.traits.items():
        if _fits(value):
            _merge_newest(profile.account_traits, f"{group_id}\n{name}", _entry(event, value))
    _keep_top(profile.account_traits, ACCOUNT_TRAITS_MAX, _by_stamp)


def _merge_newest(entries: dict[str, Entry], name: str, arrived: Entry) -> None:
    known = entries.get(name)
    if known is None or (arrived.at, arrived.key) > (known.at, known.key):
        entries[name] = arrived


def _by_instant(item: tuple[str, int]) -> tuple[int, str]:
    return item[1], item[0]


def _by_stamp(item: tuple[str, Entry]) -> tuple[int, int, str]:
    return item[1].at, item[1].key, item[0]


def _apply_banner(
    profile: Profile, consent: dict[str, Any], event: Event, rules: ProfileRules
) -> None:
    categories = consent.get("categoryPreferences")
    if not isinstance(categories, dict):
        return
    # Two categories may stand for one purpose: it is granted only if all of them are.
    purposes: dict[str, bool] = {}
    for category, is_granted in categories.items():
        purpose = rules.categories.get(category)
        if purpose is not None and isinstance(is_granted, bool):
            purposes[purpose] = purposes.get(purpose, True) and is_granted
    # Every event of a browser says this: a statement is built only where it is the newer one.
    consents, at, key = profile.consents, event.at, event.key
    for purpose, is_granted in purposes.items():
        status: ConsentStatus = "granted" if is_granted else "denied"
        name, rank = f"{purpose}|{ANY_CHANNEL}", RESTRICTIVENESS[status]
        known = consents.get(name)
        if known is None or (at, rank, key) > (known.at, known.restrictiveness, known.key):
            consents[name] = Consent(at, rank, key, status, BANNER)
    _keep_top(consents, CONSENTS_MAX, _consent_order)


def _apply_zone(profile: Profile, zone: Any, event: Event) -> None:
    known, at, key = profile.zone, event.at, event.key
    if known is not None and (at, key) < (known.at, known.key):
        return
    # By its form and by what ingest stamped on the event, never by the zone data of this machine.
    if type(zone) is str and is_place(zone) and BAD_TIMEZONE not in event.flags:
        profile.zone = Entry(at, key, zone)


def _apply_locale(profile: Profile, locale: Any, event: Event) -> None:
    known, at, key = profile.locale, event.at, event.key
    if known is not None and (at, key) < (known.at, known.key):
        return
    is_same = known is not None and locale == known.value
    if is_same or (type(locale) is str and is_locale(locale)):
        profile.locale = Entry(at, key, locale)


def _apply_own(profile: Profile, event: Event) -> None:
    said = event.properties
    if event.name == CONSENT_CHANGED:
        status = said.get("status")
        if status in RESTRICTIVENESS:
            channel = said.get("channel") or ANY_CHANNEL
            _state_consent(profile, f"{said.get('purpose')}|{channel}", status, event, said)
    elif event.name == OBJECTION_RECORDED:
        purpose = said.get("purpose") or "marketing"
        _state_consent(profile, f"{purpose}|{ANY_CHANNEL}", "objected", event, said)
    elif event.name == MESSAGE_RELEASED:
        contact = Contact(
            event.at,
            event.key,
            str(said.get("channel")),
            str(said.get("class")),
            str(said.get("action")),
            str(said.get("decision_id") or ""),
        )
        profile.contacts = sorted([*profile.contacts, contact])[-CONTACTS_MAX:]


def _state_consent(
    profile: Profile, name: str, status: ConsentStatus, event: Event, said: dict[str, Any]
) -> None:
    stated = Consent(
        event.at,
        RESTRICTIVENESS[status],
        event.key,
        status,
        _text(said, "source") or event.source,
        _text(said, "text_version"),
        _text(said, "proof"),
    )
    _merge_consent(profile.consents, name, stated)
    _keep_top(profile.consents, CONSENTS_MAX, _consent_order)


def _text(said: dict[str, Any], name: str) -> str | None:
    value = said.get(name)
    return value[:TRAIT_CHARS_MAX] if isinstance(value, str) else None


def _merge_consent(consents: dict[str, Consent], name: str, stated: Consent) -> None:
    known = consents.get(name)
    if known is None or _stamp(stated) > _stamp(known):
        consents[name] = stated


def _stamp(consent: Consent) -> tuple[int, int, int]:
    return consent.at, consent.restrictiveness, consent.key


def _consent_order(item: tuple[str, Consent]) -> tuple[tuple[int, int, int], str]:
    return _stamp(item[1]), item[0]


def _keep_top(entries: dict[str, Any], size: int, order: Callable[[Any], Any]) -> None:
    if len(entries) > size:
        for name, _ in sorted(entries.items(), key=order)[:-size]:
            del entries[name]


def merge(left: Profile, right: Profile, rules: ProfileRules) -> Profile:
    """Join two profiles of disjoint sets of events into one new profile.

    Notes
    -----
    Commutative and associative, with `Profile()` as neutral element. The arguments must not be
    used afterwards: the result shares their parts.
    """
    if not left.event_count:
        return right
    if not right.event_count:
        return left
    traits = dict(left.traits)
    for name, entries in right.traits.items():
        known = traits.get(name)
        rule = rules.traits.get(name, _MOST_RECENT)
        traits[name] = entries if known is None else _survivors(known, entries, rule)
    consents = dict(left.consents)
    for name, stated in right.consents.items():
        _merge_consent(consents, name, stated)
    _keep_top(consents, CONSENTS_MAX, _consent_order)
    account_traits = dict(left.account_traits)
    for name, entry in right.account_traits.items():
        _merge_newest(account_traits, name, entry)
    _keep_top(account_traits, ACCOUNT_TRAITS_MAX, _by_stamp)
    merged = Profile(
        first_at=min(left.first_at, right.first_at),
        last_at=max(left.last_at, right.last_at),
        event_count=left.event_count + right.event_count,
        gpc_at=max(left.gpc_at, right.gpc_at),
        traits=traits,
        consents=consents,
        accounts=_latest(left.accounts, right.accounts, ACCOUNTS_MAX),
        account_traits=account_traits,
        contacts=sorted([*left.contacts, *right.contacts])[-CONTACTS_MAX:],
        sources=_latest(left.sources, right.sources, SOURCES_MAX),
        zone=_newer(left.zone, right.zone),
        locale=_newer(left.locale, right.locale),
    )
    _bound_traits(merged, rules)
    return merged


def _newer(left: Entry | None, right: Entry | None) -> Entry | None:
    if left is None or right is None:
        return right if left is None else left
    return max(left, right, key=lambda entry: (entry.at, entry.key))


def _latest(left: dict[str, int], right: dict[str, int], size: int) -> dict[str, int]:
    merged = dict(left)
    for name, at in right.items():
        merged[name] = max(at, merged.get(name, at))
    _keep_top(merged, size, _by_instant)
    return merged
