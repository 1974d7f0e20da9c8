"""Which identifiers an event names, normalised and without the values that name nobody."""

from __future__ import annotations

import re
from typing import Any

from heedful.customer.rules import (
    BLOCKED_EVERYWHERE,
    IDENTIFIER_CHARS_MAX,
    IDENTIFIERS_PER_EVENT_MAX,
    NAMESPACE_CHARS_MAX,
    CompiledIdentity,
    Normalisation,
)
from heedful.events import Event, Identifier

_ZEROS = re.compile(r"[0\-]+")
_NOT_DIAL = re.compile(r"[^\d+]")


def normalise(value: str, how: Normalisation) -> str:
    """Write one value of a namespace in the form in which it is compared.

    Examples
    --------
    >>> normalise(" Ada@Example.COM ", "email"), normalise("+49 (0)30 / 12 34", "phone")
    ('ada@example.com', '+49301234')
    """
    # As ingest writes it: no store's text can hold a NUL, and whoever asks means whom was sent.
    value = value.replace("\0", "\ufffd").strip()
    if how == "none":
        return value
    if how == "phone":
        # "(0)" is the trunk prefix that is not dialled behind a country code.
        digits = _NOT_DIAL.sub("", value.replace("(0)", ""))
        return "+" + digits[2:] if digits.startswith("00") else digits
    return value.lower()


def is_blocked(namespace: str, value: str, rules: CompiledIdentity) -> bool:
    """Say whether a value names nobody: placeholders, zeros, or blocked by the workspace."""
    lowered = value.lower()
    return (
        lowered in BLOCKED_EVERYWHERE
        or len(value) > IDENTIFIER_CHARS_MAX
        or _ZEROS.fullmatch(lowered) is not None
        or lowered in rules.blocked.get(namespace, ())
    )


def usable(namespace: str, value: str, rules: CompiledIdentity) -> Identifier | None:
    """Normalise one identifier; None when it cannot link anybody."""
    value = normalise(value, rules.normalise.get(namespace, "none"))
    if len(namespace) > NAMESPACE_CHARS_MAX or is_blocked(namespace, value, rules):
        return None
    return Identifier(namespace, value)


def _at_path(event: Event, path: tuple[str, ...]) -> Any:
    here: Any = getattr(event, path[0], None)
    for step in path[1:]:
        if not isinstance(here, dict):
            return None
        here = here.get(step)
    return here


def identifiers_of(event: Event, rules: CompiledIdentity) -> tuple[Identifier, ...]:
    """List the identifiers that an event links, sorted by priority and value.

    Notes
    -----
    The previous id of an `alias` call may be an anonymous or a user id; both are meant, since no
    rule that looked at what is known would give the same answer in any order of arrival.
    Group traits describe the account, so a `group` call yields no identifier from its traits.

    Returns
    -------
    tuple of Identifier
        Empty when the event names nobody. Of an `alias` call the new user id stands first.
    """
    found: list[tuple[int, str, str]] = []

    def add(namespace: str, value: Any) -> None:
        if isinstance(value, str):
            identifier = usable(namespace, value, rules)
            if identifier is not None:
                found.append((rules.rank(namespace), *identifier))

    if event.user_id is not None:
        add("user_id", event.user_id)
    if event.anonymous_id is not None:
        add("anonymous_id", event.anonymous_id)
    if event.type == "alias" and event.previous_id is not None:
        add("user_id", event.previous_id)
        add("anonymous_id", event.previous_id)
    for identifier in event.identifiers:
        add(identifier.namespace, identifier.value)
    for namespace, path in rules.extracted:
        if path[0] == "traits" and event.type == "group":
            continue
        value = _at_path(event, path)
        if value is not None:
            add(namespace, value if isinstance(value, str) else None)
    if len(found) > 1:
        found = sorted(set(found))[:IDENTIFIERS_PER_EVENT_MAX]
    result = tuple(Identifier(namespace, value) for _, namespace, value in found)
    if event.type == "alias" and event.user_id is not None:
        target = usable("user_id", event.user_id, rules)
        result = tuple(sorted(result, key=lambda identifier: identifier != target))
    return result
