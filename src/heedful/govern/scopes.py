"""Scopes of stops and guardrails: `all`, or a kind and a name such as `channel:email`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from heedful.govern.errors import fault
from heedful.kernel.names import nearest

ALL: Final = "all"
"""The scope that covers everything that goes out."""

SCOPE_KINDS: Final = ("action", "playbook", "model", "channel", "placement")
"""What can be stopped or limited by its name."""


class Subject(NamedTuple):
    """What is about to be done, by the names under which it can be stopped."""

    action: str | None = None
    playbook: str | None = None
    model: str | None = None
    channel: str | None = None
    placement: str | None = None

    def scopes(self) -> tuple[str, ...]:
        """List the scopes that cover it, the widest first.

        Examples
        --------
        >>> Subject(action="free_shipping", channel="email").scopes()
        ('all', 'action:free_shipping', 'channel:email')
        """
        named = zip(SCOPE_KINDS, self, strict=True)
        return (ALL, *(f"{kind}:{name}" for kind, name in named if name is not None))


def unknown_name(scope: str, known: Mapping[str, Iterable[str]]) -> str | None:
    """Say in words that nothing has the name of a scope; None where something has, or may have.

    Examples
    --------
    >>> unknown_name("action:slae", {"action": ["sale"]})
    'Nothing in force is called action:slae. Did you mean action:sale?'
    >>> unknown_name("action:sale", {"action": ["sale"]}) is None
    True
    """
    kind, _, name = scope.partition(":")
    names = known.get(kind)
    if names is None or name in names:
        return None
    near = nearest(name, names)
    meant = f" Did you mean {kind}:{near}?" if near else ""
    return f"Nothing in force is called {scope}.{meant}"


def check_scope(scope: str, path: str = "$.scope") -> None:
    """Refuse what is no scope.

    Raises
    ------
    InputError
        `bad_scope` when it is neither `all` nor a known kind and a name.
    """
    if scope == ALL:
        return
    kind, colon, name = scope.partition(":")
    if kind in SCOPE_KINDS and colon and name:
        return
    near = nearest(kind, (ALL, *SCOPE_KINDS))
    meant = f"{near}:{name}" if near in SCOPE_KINDS else ALL
    known = ", ".join(f"{kind}:NAME" for kind in SCOPE_KINDS)
    remedy = f"Did you mean {meant}?" if near and name else f"Write {ALL}, {known}."
    raise fault("bad_scope", "a scope", repr(scope), path, remedy)
