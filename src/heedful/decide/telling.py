"""Telling a condition: which part of it was false, what it saw and what it needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from heedful.decide.readings import Condition
from heedful.decide.types import UNKNOWN_SEEN
from heedful.expr import UNKNOWN, Type, tree
from heedful.expr.scalar import compile_scalar


class FalsePart(NamedTuple):
    """The first part of a condition that did not hold."""

    text: str
    """The part as an expression."""
    actual: dict[str, Any]
    """The values that it read, by path."""
    needed: str
    """What it asks of them, as a phrase."""


def first_false(condition: Condition, seen: Mapping[str, Any]) -> FalsePart:
    """Find the first of the parts that must all hold that does not, from what a record saw.

    Notes
    -----
    Long lists and maps are not in the record; a part that reads them is told when nothing before
    it was false.
    """
    scope = _scope(condition, seen)
    node = condition.expression.tree
    parts = node.items if isinstance(node, tree.Logic) and node.op == "and" else (node,)
    found = next((part for part in parts if not compile_scalar(part, Type.BOOL)[1](scope)), node)
    read = {".".join(path): seen.get(".".join(path)) for path in tree.paths(found)}
    return FalsePart(written(found), read, _needed(found))


def _scope(condition: Condition, seen: Mapping[str, Any]) -> dict[str, Any]:
    scope: dict[str, Any] = {}
    for path in condition.paths:
        value = seen.get(".".join(path))
        here = scope
        for name in path[:-1]:
            below = here.setdefault(name, {})
            if not isinstance(below, dict):
                break
            here = below
        else:
            here[path[-1]] = UNKNOWN if value == UNKNOWN_SEEN else value
    return scope


def _needed(node: tree.Node) -> str:
    match node:
        case tree.Compare(operands=(tree.Path(), right), ops=(op,)):
            return f"{op} {written(right)}"
        case tree.IsNone(negated=negated):
            return "something" if negated else "nothing"
        case tree.Not(of=tree.Path()):
            return "false"
        case tree.Path():
            return "true"
    return written(node)


def written(node: tree.Node) -> str:
    """Write a tree as an expression again."""
    match node:
        case tree.Literal(value=value):
            return _literal(value)
        case tree.Path(names=names):
            return ".".join(names)
        case tree.Item(of=of, at=at):
            return f"{written(of)}[{at}]"
        case tree.Field(of=of, name=name):
            return f"{written(of)}.{name}"
        case tree.Many(items=items):
            return f"[{', '.join(map(written, items))}]"
        case tree.Logic(op=op, items=items):
            return f" {op} ".join(f"({written(i)})" if _is_logic(i) else written(i) for i in items)
        case tree.Not(of=of):
            return f"not ({written(of)})" if _is_logic(of) else f"not {written(of)}"
        case tree.Compare(operands=operands, ops=ops):
            rest = zip(ops, operands[1:], strict=True)
            return written(operands[0]) + "".join(f" {op} {written(o)}" for op, o in rest)
        case tree.IsNone(of=of, negated=negated):
            return f"{written(of)} is {'not ' if negated else ''}none"
        case tree.Arithmetic(op=op, left=left, right=right):
            return f"({written(left)} {op} {written(right)})"
        case tree.Negate(of=of):
            return f"-{written(of)}"
        case tree.Choose(test=test, then=then, otherwise=otherwise):
            return f"({written(then)} if {written(test)} else {written(otherwise)})"
        case tree.Call(name=name, arguments=arguments):
            return f"{name}({', '.join(map(written, arguments))})"


def _is_logic(node: tree.Node) -> bool:
    return isinstance(node, tree.Logic | tree.Compare | tree.Choose)


def _literal(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


def shown_value(value: Any) -> str:
    """Show a value that a record saw."""
    if value == UNKNOWN_SEEN:
        return "unknown"
    return "nothing" if value is None else _literal(value)
