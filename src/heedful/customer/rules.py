"""What a workspace declares about identity, traits and consent, as plain frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from heedful.kernel import InputError, expected

IDENTIFIER_CHARS_MAX: Final = 256
"""Longest identifier value that can link; a longer one is ignored as an identifier."""

NAMESPACE_CHARS_MAX: Final = 64
"""Longest name of a namespace; an identifier in a longer one is ignored."""

IDENTIFIERS_PER_EVENT_MAX: Final = 16
"""Identifiers of one event that can link, best priority first; the rest are ignored."""

BLOCKED_EVERYWHERE: Final = frozenset(
    {
        "", "-", "-1", "0", "[object object]", "anonymous", "default", "false", "guest", "n/a",
        "na", "nan", "nil", "no_user", "none", "null", "true", "undefined", "unknown", "user_id",
    }
)  # fmt: skip
"""Values (compared lower-cased) that name nobody in any namespace, as do all-zero ids."""

Normalisation = Literal["none", "lower", "email", "phone"]
TraitType = Literal["text", "number", "bool", "time", "any"]
Keep = Literal["most_recent", "oldest", "set_once", "source_priority", "union"]


class Namespace(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """A kind of identifier; namespaces are listed in order of priority, best first.

    Notes
    -----
    `limit` is how many values of it one person may have: nothing merges past it.
    `shared_after` is how many distinct better-ranked partners a value may have before it is a
    shared device or mailbox and links nobody any more; 0 means never.
    """

    name: str
    limit: int = 5
    from_: str | None = None
    """Where else the value stands in an event, such as `traits.email`."""
    normalise: Normalisation = "none"
    """How values are made alike before they are compared; `phone` keeps digits and a leading +."""
    shared_after: int = 10


class IdentityRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How identifiers link people: `identity.yaml`."""

    namespaces: tuple[Namespace, ...] = (
        Namespace("user_id", limit=1, shared_after=0),
        Namespace("email", limit=5, from_="traits.email", normalise="email"),
        Namespace("phone", limit=5, from_="traits.phone", normalise="phone"),
        Namespace("anonymous_id", limit=100),
    )
    """The kinds of identifier, best first; one that is not listed ranks behind them, limit 5."""
    blocked: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    """Values that name nobody, by namespace, beside those that name nobody anywhere."""
    alias_max: int = 10
    """Most user ids that explicit `alias` calls may join into one; further calls join nothing."""

    def compile(self) -> CompiledIdentity:
        """Check the rules and index them.

        Raises
        ------
        InputError
            `bad_identity_rules` when a limit is below 1 or a namespace stands twice.
        """
        names = [space.name for space in self.namespaces]
        for index, space in enumerate(self.namespaces):
            path = f"$.namespaces[{index}]"
            if space.limit < 1:
                what = expected("a limit of at least 1", str(space.limit), f"{path}.limit")
                raise InputError("bad_identity_rules", what)
            if names.index(space.name) != index:
                what = expected("each namespace once", f"{space.name!r} twice", f"{path}.name")
                raise InputError("bad_identity_rules", what)
        return CompiledIdentity(self)


class CompiledIdentity:
    """Identity rules indexed for the hot path."""

    __slots__ = ("alias_max", "blocked", "extracted", "limits", "normalise", "ranks", "shared")

    def __init__(self, rules: IdentityRules) -> None:
        self.alias_max = rules.alias_max
        self.ranks = {space.name: rank for rank, space in enumerate(rules.namespaces)}
        self.limits = {space.name: space.limit for space in rules.namespaces}
        self.shared = {space.name: space.shared_after for space in rules.namespaces}
        self.normalise = {space.name: space.normalise for space in rules.namespaces}
        self.blocked = {
            name: frozenset(value.lower() for value in values)
            for name, values in rules.blocked.items()
        }
        self.extracted = tuple(
            (space.name, tuple(space.from_.split("."))) for space in rules.namespaces if space.from_
        )

    def rank(self, namespace: str) -> int:
        """Priority of a namespace, 0 the best; an undeclared one ranks behind all declared."""
        return self.ranks.get(namespace, len(self.ranks))

    def limit(self, namespace: str) -> int:
        """Most values of a namespace in one person; 5 where undeclared, as Segment's default."""
        return self.limits.get(namespace, 5)

    def shared_after(self, namespace: str) -> int:
        """Most better-ranked partners before a value stops linking; 0 means never."""
        return self.shared.get(namespace, 10)


class TraitRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one trait survives when several events give it: `traits.yaml`."""

    name: str
    keep: Keep = "most_recent"
    """Which value survives when several are known."""
    purpose: str = "service"
    """What the trait is kept for: `service`, or a purpose that a person can agree to."""
    type: TraitType = "any"
    """What a value is read as; one that cannot be read so leaves the trait as it was."""
    top: int = 20
    """With `union`, how many values are kept: those seen last."""
    sources: tuple[str, ...] = ()
    """With `source_priority`, the sources, best first; unlisted ones rank behind."""
    expires_after_ms: int | None = None
    """Milliseconds after which a value that was not said again is shown no more; None for never."""


class ProfileRules(msgspec.Struct, frozen=True):
    """Everything that folding a profile needs to know."""

    traits: Mapping[str, TraitRule] = MappingProxyType({})
    """The declared traits by name; an undeclared one keeps its most recent value."""
    categories: Mapping[str, str] = MappingProxyType({})
    """Category names of a consent banner to the purposes that they stand for."""

    undeclared_max: int = 200
    """Undeclared traits kept for one person: those touched last; the log keeps all."""


TRAIT_CHARS_MAX: Final = 1_024
"""Longest text kept as a trait's value; the rest of a longer one stays in the log only."""

TRAIT_BYTES_MAX: Final = 4_096
"""Largest structured value kept as a trait, in MessagePack; a larger one stays in the log only."""

CONTACTS_MAX: Final = 256
"""Released messages kept for one person, the newest; caps look back no further."""

ACCOUNTS_MAX: Final = 32
"""Accounts of one person, those seen last."""

ACCOUNT_TRAITS_MAX: Final = 128
"""Traits of accounts kept for one person, over all accounts, those touched last."""

SOURCES_MAX: Final = 16
"""Sources of one person whose last event is remembered, those seen last."""

CONSENTS_MAX: Final = 64
"""Pairs of purpose and channel with a consent state, those changed last."""
