"""Whether conditions can hold together, read from their trees before they are in force.

Law: sound, not complete. A contradiction is told only where no values at all satisfy the
conditions; what cannot be read (two paths compared, a function) counts as satisfiable.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any, Final, NamedTuple

from heedful.expr import UNKNOWN
from heedful.expr.scalar import compile_scalar
from heedful.expr.tree import (
    Compare,
    CompareOp,
    IsNone,
    Literal,
    Logic,
    Many,
    Node,
    Not,
    Path,
    paths,
)
from heedful.expr.types import Type

ALTERNATIVES_MAX: Final = 256
"""Ways in which conditions may hold that are looked at; beyond it they count as satisfiable."""

_NEGATED: Final[dict[CompareOp, CompareOp]] = {
    "==": "!=",
    "!=": "==",
    "<": ">=",
    "<=": ">",
    ">": "<=",
    ">=": "<",
    "in": "not in",
    "not in": "in",
}
_TURNED: Final[dict[CompareOp, CompareOp]] = {
    "==": "==",
    "!=": "!=",
    "<": ">",
    "<=": ">=",
    ">": "<",
    ">=": "<=",
}

_Value = tuple[str, Any]
"""A constant with the name of its kind, so that true and 1 stay apart."""


class _Atom(NamedTuple):
    path: str
    op: str
    """A comparison, `none` or `some`."""
    values: tuple[_Value, ...] = ()


_Alternatives = list[tuple[_Atom, ...]]
"""Ways to hold: any one of them, all of its atoms. None at all: it never holds."""


class _TooManyError(Exception):
    pass


def contradiction(conditions: Sequence[Node]) -> str | None:
    """Name what keeps conditions from holding together.

    Returns
    -------
    str or None
        The path of which the impossible is asked, such as `traits.age`; empty where a constant
        decides; None where nothing is known to be wrong.

    Examples
    --------
    >>> from heedful.expr import Names, Open, compile_expression
    >>> names = Names(roots={"traits": Open()})
    >>> def tree(text: str) -> Node:
    ...     return compile_expression(text, names).tree
    >>> contradiction([tree("traits.age >= 18"), tree("traits.age < 16 or traits.age is none")])
    'traits.age'
    >>> contradiction([tree("traits.age >= 18"), tree("traits.age < 16 or traits.vip")]) is None
    True
    """
    try:
        ways = [_ways(condition, is_true=True) for condition in conditions]
        joined = _all_of(ways)
    except _TooManyError:
        return None
    found = ""
    for atoms in joined:
        at = _clash(atoms)
        if at is None:
            return None
        found = at
    return found


def _all_of(parts: Iterable[_Alternatives]) -> _Alternatives:
    joined: _Alternatives = [()]
    for part in parts:
        if len(joined) * len(part) > ALTERNATIVES_MAX:
            raise _TooManyError
        joined = [(*one, *other) for one, other in product(joined, part)]
    return joined


def _any_of(parts: Iterable[_Alternatives]) -> _Alternatives:
    joined = [atoms for part in parts for atoms in part]
    if len(joined) > ALTERNATIVES_MAX:
        raise _TooManyError
    return joined


def _ways(node: Node, *, is_true: bool) -> _Alternatives:
    """List the ways in which a condition is true, or is false (Kleene: unknown is neither)."""
    if not paths(node):
        value = compile_scalar(node, node.type)[0]({})
        return [()] if value is is_true else []
    match node:
        case Not(of=of):
            return _ways(of, is_true=not is_true)
        case Logic(op=op, items=items):
            parts = [_ways(item, is_true=is_true) for item in items]
            return _all_of(parts) if (op == "and") is is_true else _any_of(parts)
        case Compare(operands=operands, ops=ops):
            triples = zip(operands, ops, operands[1:], strict=False)
            relations = [_relation(left, op, right, is_true) for left, op, right in triples]
            return _all_of(relations) if is_true else _any_of(relations)
        case IsNone(of=Path(names=names), negated=negated):
            return [(_Atom(".".join(names), "some" if negated is is_true else "none"),)]
        case Path(names=names):
            return [(_Atom(".".join(names), "==", (("bool", is_true),)),)]
    return [()]


def _relation(left: Node, op: CompareOp, right: Node, is_true: bool) -> _Alternatives:
    if not isinstance(left, Path) and isinstance(right, Path) and op in _TURNED:
        left, op, right = right, _TURNED[op], left
    constants = _constants(right)
    if not paths(left) and not paths(right):
        # Of a chain such as `1 < 2 < traits.a` a pair may be of constants alone.
        return _ways(Compare((left, right), (op,), Type.BOOL), is_true=is_true)
    if not isinstance(left, Path) or constants is None:
        return [()]
    return [(_Atom(".".join(left.names), op if is_true else _NEGATED[op], constants),)]


def _constants(node: Node) -> tuple[_Value, ...] | None:
    items = node.items if isinstance(node, Many) else (node,)
    values = []
    for item in items:
        value = None if paths(item) else compile_scalar(item, item.type)[0]({})
        if value is None or value is UNKNOWN or not isinstance(item, Literal):
            return None
        kind = "number" if item.type is Type.NUMBER else str(item.type)
        values.append((kind, value))
    return tuple(values)


def _clash(atoms: tuple[_Atom, ...]) -> str | None:
    """Name the first path of which the atoms ask the impossible."""
    by_path: dict[str, list[_Atom]] = {}
    for atom in atoms:
        by_path.setdefault(atom.path, []).append(atom)
    return next((path for path, asked in by_path.items() if not _is_possible(asked)), None)


def _is_possible(asked: list[_Atom]) -> bool:
    ops = {atom.op for atom in asked}
    if "none" in ops:
        return ops == {"none"}  # what is missing compares with nothing
    wanted = [atom.values for atom in asked if atom.op in ("==", "in")]
    compared = [atom for atom in asked if atom.op in ("<", "<=", ">", ">=")]
    refused = {value for atom in asked if atom.op in ("!=", "not in") for value in atom.values}
    if wanted:
        return any(
            value not in refused
            and all(value in others for others in wanted[1:])
            and all(_stands(value, atom) for atom in compared)
            for value in wanted[0]
        )
    return _is_open(compared, refused)


def _stands(value: _Value, atom: _Atom) -> bool:
    (kind, bound), (own, is_) = atom.values[0], value
    if kind != own:
        return False
    match atom.op:
        case "<":
            return bool(is_ < bound)
        case "<=":
            return bool(is_ <= bound)
        case ">":
            return bool(is_ > bound)
    return bool(is_ >= bound)


def _is_open(compared: list[_Atom], refused: set[_Value]) -> bool:
    """Say whether anything lies between all bounds and is not refused."""
    if len({atom.values[0][0] for atom in compared}) > 1:
        return False
    lower = [atom for atom in compared if atom.op in (">", ">=")]
    upper = [atom for atom in compared if atom.op in ("<", "<=")]
    for low, high in product(lower, upper):
        least, most = low.values[0], high.values[0]
        if least[1] > most[1]:
            return False
        if least[1] == most[1] and (
            (low.op, high.op) != (">=", "<=") or least in refused or most in refused
        ):
            return False
    return True
