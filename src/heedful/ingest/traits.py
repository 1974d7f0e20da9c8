"""Segment's reserved traits: the names whose meaning every sender shares, with their types.

A trait that can be read as its type is; what it was before stands in `context.original_traits`.
A trait that cannot is left as it came and the event says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from heedful.ingest.coerce import as_integer, as_moment, as_text

_Coercion = Callable[[Any], Any]

ORIGINAL_TRAITS: Final = "original_traits"
"""The key of `context` under which a changed trait is kept as it came."""


def _as_text_or_object(value: Any) -> Any:
    return value if type(value) is dict else as_text(value)


IDENTIFY_TRAITS: Final[Mapping[str, _Coercion]] = MappingProxyType(
    {
        "address": _as_text_or_object,
        "age": as_integer,
        "avatar": as_text,
        "birthday": as_moment,
        "company": _as_text_or_object,
        "createdAt": as_moment,
        "description": as_text,
        "email": as_text,
        "firstName": as_text,
        "gender": as_text,
        "id": as_text,
        "lastName": as_text,
        "name": as_text,
        "phone": as_text,
        "title": as_text,
        "username": as_text,
        "website": as_text,
    }
)
GROUP_TRAITS: Final[Mapping[str, _Coercion]] = MappingProxyType(
    {
        "address": _as_text_or_object,
        "avatar": as_text,
        "createdAt": as_moment,
        "description": as_text,
        "email": as_text,
        "employees": as_integer,
        "id": as_text,
        "industry": as_text,
        "name": as_text,
        "phone": as_text,
        "plan": as_text,
        "website": as_text,
    }
)


def type_traits(
    traits: dict[str, Any], reserved: Mapping[str, _Coercion], flags: list[str]
) -> dict[str, Any]:
    """Coerce reserved traits in place; give what was changed, as it was.

    Examples
    --------
    >>> traits, flags = {"age": "42", "email": "a@x.io", "phone": []}, []
    >>> type_traits(traits, IDENTIFY_TRAITS, flags), traits["age"], flags
    ({'age': '42'}, 42, ['trait_unreadable'])
    """
    originals: dict[str, Any] = {}
    for name, value in traits.items():
        coercion = reserved.get(name)
        if coercion is None or value is None:
            continue
        typed = coercion(value)
        if typed is None:
            flags.append("trait_unreadable")
        elif typed is not value and (type(typed) is not type(value) or typed != value):
            originals[name] = value
    for name in originals:
        traits[name] = reserved[name](traits[name])
    return originals
