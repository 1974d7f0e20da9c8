"""What a connector plug-in is: a struct of settings, and a function that opens the connector.

A package offers one under the entry-point group `heedful.connectors`; `docs/extend/connector.md`
builds one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from heedful.connectors.acceptance import Clock, wall_clock
from heedful.connectors.inbox import Inbox
from heedful.ports import Connector

GROUP: Final = "heedful.connectors"
"""Entry-point group under which packages offer their plug-ins."""

S = TypeVar("S", bound=msgspec.Struct)


class Secret:
    """A secret that a setting refers to as `env:NAME`; it shows itself to nobody by accident."""

    __slots__ = ("_value", "reference")

    def __init__(self, reference: str, value: str) -> None:
        self.reference = reference
        self._value = value

    def reveal(self) -> str:
        """Give the secret itself."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self.reference})"


class Surroundings(NamedTuple):
    """What the workspace gives to every connector."""

    secret: bytes
    """The workspace's own, for signing what comes back to it."""
    public_url: str = ""
    """Where the server can be reached from outside; empty where it cannot."""
    inbox: Inbox | None = None
    """Where stored messages go; None where nothing is stored."""
    clock: Clock = wall_clock


class Plugin(NamedTuple, Generic[S]):
    """A kind of connector.

    Notes
    -----
    The struct is best declared with `forbid_unknown_fields`, so that a misspelt setting is found;
    a field of type `Secret` is written as `env:NAME` and read from the environment. `open` raises
    InputError for settings that do not fit together; it calls nobody.
    """

    settings: type[S]
    open: Callable[[str, S, Surroundings], Connector]
    """Called with the connector's name, its settings and what the workspace gives."""


AnyPlugin = Plugin[Any]
