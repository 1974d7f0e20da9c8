"""Many conditions asked of one person at once; what was answered before is not asked again.

A condition that joins parts by `and` holds where all of them do, so its parts can be asked apart.
Parts that read the same values are asked together, and what they said of these values is
remembered: of a thousand actions that ask for a country, one look-up tells which have to go. An
expression is a function of the values that it reads, so what is remembered is what would be said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from heedful.expr import tree
from heedful.expr.operators import field
from heedful.expr.scalar import compile_together

_REMEMBERED: Final = 256
"""Values of which a sieve remembers what was said; beyond that it begins anew."""

_GATES: Final = 3
"""Eligible, applicable, suitable."""

Closed = tuple[int, ...]
_PASSING: Final = frozenset(("now",))  # another value for every event


class Sieve:
    """The conditions of a choice.

    Parameters
    ----------
    asked
        Number of the gate, the set of arms that it closes, and the condition.
    """

    def __init__(self, asked: Iterable[tuple[int, int, tree.Node]]) -> None:
        groups: dict[tuple[tuple[str, ...], ...], dict[tree.Node, list[int]]] = {}
        for gate, arms, condition in asked:
            for part in parts_of(condition):
                parts = groups.setdefault(tree.paths(part), {})
                parts.setdefault(part, [0] * _GATES)[gate] |= arms
        self._groups = [_Group(paths, parts) for paths, parts in groups.items()]

    def closed(self, scope: Mapping[str, Any]) -> Closed:
        """Give the arms whose condition does not hold, by gate."""
        eligible = applicable = suitable = 0
        for group in self._groups:
            closed = group.closed(scope)
            eligible |= closed[0]
            applicable |= closed[1]
            suitable |= closed[2]
        return eligible, applicable, suitable


class _Group:
    """Parts that read the same values."""

    def __init__(
        self, paths: tuple[tuple[str, ...], ...], parts: dict[tree.Node, list[int]]
    ) -> None:
        self._paths = paths
        self._arms = list(parts.values())
        self._nodes = tuple(parts)
        self._holds: Callable[[Mapping[str, Any]], list[bool]] = compile_together(self._nodes)
        self._is_remembered = all(path[0] not in _PASSING for path in paths)
        self._known: dict[Any, Closed] = {}

    def closed(self, scope: Mapping[str, Any]) -> Closed:
        if not self._is_remembered:
            return self._asked(scope)
        key: list[Any] = []
        for path in self._paths:
            value: Any = scope
            for name in path:
                value = value.get(name) if value.__class__ is dict else field(value, name)
            # 1 and true are equal and not the same.
            key += (value.__class__, value)
        said = tuple(key)
        try:
            known = self._known.get(said)
        except TypeError:  # a list or a map
            return self._asked(scope)
        if known is None:
            known = self._asked(scope)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[said] = known
        return known

    def _asked(self, scope: Mapping[str, Any]) -> Closed:
        closed = [0] * _GATES
        for is_held, arms in zip(self._holds(scope), self._arms, strict=True):
            if not is_held:
                for gate in range(_GATES):
                    closed[gate] |= arms[gate]
        return tuple(closed)


def parts_of(node: tree.Node) -> Iterable[tree.Node]:
    """List the parts of a condition that must all hold."""
    if isinstance(node, tree.Logic) and node.op == "and":
        for item in node.items:
            yield from parts_of(item)
    else:
        yield node
