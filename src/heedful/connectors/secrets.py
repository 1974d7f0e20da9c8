"""Secrets in settings: each is written `env:NAME`, read from the environment, and never shown.

A password in a file ends in a repository, a backup and a screenshot. So a setting of type `Secret`
takes nothing but a reference, and a fault in it is told without its text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import inspect

from heedful.connectors.plugin import Secret
from heedful.strategy.reading import Path

_REFERENCE: Final = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)")
_LISTS: Final = (inspect.ListType, inspect.VarTupleType)
_WHAT: Final = "a reference to the environment"
_WHAT_HOLDS: Final = "a list or map that holds references to the environment"
_REMEDY: Final = "Write `env:NAME` and set NAME in the server's environment."


class Trouble(NamedTuple):
    """A secret that cannot be used; its text stands nowhere in this."""

    path: Path
    what: str
    got: str
    remedy: str


def fill_in(
    data: Any, type_: type[msgspec.Struct], environ: Mapping[str, str], troubles: list[Trouble]
) -> Any:
    """Put the secrets into a copy of the data, wherever the type has one.

    Parameters
    ----------
    data
        Plain data, as from YAML.
    troubles
        What cannot be used is added here, and stands in the copy as an empty secret.
    """
    return _Filling(environ, troubles).filled(data, inspect.type_info(type_), ())


class _Filling:
    def __init__(self, environ: Mapping[str, str], troubles: list[Trouble]) -> None:
        self._environ = environ
        self._troubles = troubles

    def filled(self, data: Any, kind: inspect.Type, path: Path) -> Any:
        if isinstance(kind, inspect.Metadata):
            return self.filled(data, kind.type, path)
        if isinstance(kind, inspect.UnionType):
            return self._one_of(data, kind, path)
        if isinstance(kind, inspect.CustomType) and kind.cls is Secret:
            return self._secret(data, path)
        if isinstance(kind, inspect.StructType) and isinstance(data, dict):
            kinds = {field.encode_name: field.type for field in kind.fields}
            return {
                key: self.filled(value, kinds[key], (*path, key)) if key in kinds else value
                for key, value in data.items()
            }
        if isinstance(kind, inspect.DictType) and isinstance(data, dict):
            return {k: self.filled(v, kind.value_type, (*path, k)) for k, v in data.items()}
        if isinstance(kind, _LISTS) and isinstance(data, list):
            return [self.filled(item, kind.item_type, (*path, i)) for i, item in enumerate(data)]
        if _holds_secret(kind, frozenset()):
            # A secret beside its place: the reader's own sentence would quote it.
            self._troubles.append(Trouble(path, _WHAT_HOLDS, "something else", _REMEDY))
            return [] if isinstance(kind, _LISTS) else {}
        return data

    def _one_of(self, data: Any, kind: inspect.UnionType, path: Path) -> Any:
        if data is None:
            return None
        for one in kind.types:
            if not isinstance(one, inspect.NoneType):
                data = self.filled(data, one, path)
        return data

    def _secret(self, data: Any, path: Path) -> Secret:
        match = _REFERENCE.fullmatch(data) if isinstance(data, str) else None
        if match is None:
            self._troubles.append(Trouble(path, _WHAT, "something else", _REMEDY))
            return Secret("", "")
        name = match.group(1)
        value = self._environ.get(name, "")
        if not value:
            what = f"{name} in the server's environment"
            self._troubles.append(Trouble(path, what, "nothing", ""))
        return Secret(data, value)


def _holds_secret(kind: inspect.Type, seen: frozenset[type]) -> bool:
    if isinstance(kind, inspect.Metadata):
        return _holds_secret(kind.type, seen)
    if isinstance(kind, inspect.CustomType):
        return kind.cls is Secret
    if isinstance(kind, inspect.UnionType):
        return any(_holds_secret(one, seen) for one in kind.types)
    if isinstance(kind, inspect.DictType):
        return _holds_secret(kind.value_type, seen)
    if isinstance(kind, inspect.StructType) and kind.cls not in seen:
        seen |= {kind.cls}  # a struct may hold its own kind
        return any(_holds_secret(field.type, seen) for field in kind.fields)
    return isinstance(kind, _LISTS) and _holds_secret(kind.item_type, seen)
