"""The types of expressions, the names that they may read, and the value unknown."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec


class Type(StrEnum):
    """What an expression gives; `any` is checked when it is evaluated."""

    NUMBER = "number"
    TEXT = "text"
    BOOL = "bool"
    LIST = "list"
    MAP = "map"
    ANY = "any"


class Record(msgspec.Struct, frozen=True):
    """A map whose fields are all declared; reading another one is a static error."""

    fields: Mapping[str, Record | Open | Type]


class Open(msgspec.Struct, frozen=True):
    """A map of any keys with values of any type, such as `event.properties`."""


Shape = Record | Open | Type
"""What a name stands for."""


class Names(msgspec.Struct, frozen=True):
    """The names that an expression may read, by root."""

    roots: Mapping[str, Shape]


class Unknown:
    """The class of `UNKNOWN`; there is one instance."""

    __slots__ = ()

    def __new__(cls) -> Unknown:
        return UNKNOWN

    def __repr__(self) -> str:
        return "unknown"

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final[Unknown] = object.__new__(Unknown)
"""A value that exists but is not known, such as a signal that still warms up.

Everything computed from it is unknown, `is none` too. It is false in a condition."""
