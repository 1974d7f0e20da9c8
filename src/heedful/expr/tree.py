"""The checked tree of an expression: every node is frozen, typed and allowed.

The scalar compiler reads it now; a columnar compiler can read the same nodes. Nothing of Python's
own tree remains in it, so what is not a class here cannot be expressed at all.
"""

from __future__ import annotations

from typing import Literal as OneOf

import msgspec

from heedful.expr.types import Type

OrderOp = OneOf["<", "<=", ">", ">="]
CompareOp = OneOf["==", "!=", "<", "<=", ">", ">=", "in", "not in"]
ArithmeticOp = OneOf["+", "-", "*", "/", "//", "%"]


class _Node(msgspec.Struct, frozen=True, tag=True, tag_field="node"):
    pass


class Literal(_Node, frozen=True):
    """A constant; None is the literal `none`."""

    value: int | float | bool | str | None
    type: Type


class Path(_Node, frozen=True):
    """Names read one through the other, the first a root."""

    names: tuple[str, ...]
    type: Type


class Item(_Node, frozen=True):
    """The item of a list at a constant index, from the end when negative."""

    of: Node
    at: int
    type: Type = Type.ANY


class Field(_Node, frozen=True):
    """A field of a map that is itself an item of a list."""

    of: Node
    name: str
    type: Type = Type.ANY


class Many(_Node, frozen=True):
    """A list written out."""

    items: tuple[Node, ...]
    type: Type = Type.LIST


class Logic(_Node, frozen=True):
    """Kleene's `and` or `or` over two or more conditions."""

    op: OneOf["and", "or"]
    items: tuple[Node, ...]
    type: Type = Type.BOOL


class Not(_Node, frozen=True):
    """Kleene's `not`."""

    of: Node
    type: Type = Type.BOOL


class Compare(_Node, frozen=True):
    """A chain `a < b <= c`: all neighbours must stand in their relation; operands are read once."""

    operands: tuple[Node, ...]
    ops: tuple[CompareOp, ...]
    type: Type = Type.BOOL


class IsNone(_Node, frozen=True):
    """Whether a value is missing; unknown for what is unknown."""

    of: Node
    negated: bool
    type: Type = Type.BOOL


class Arithmetic(_Node, frozen=True):
    """Two numbers computed, or two texts joined by `+`."""

    op: ArithmeticOp
    left: Node
    right: Node
    type: Type


class Negate(_Node, frozen=True):
    """A number with its sign turned."""

    of: Node
    type: Type = Type.NUMBER


class Choose(_Node, frozen=True):
    """`then if test else otherwise`; unknown when the test is."""

    test: Node
    then: Node
    otherwise: Node
    type: Type


class Call(_Node, frozen=True):
    """A registered function of its arguments."""

    name: str
    arguments: tuple[Node, ...]
    type: Type


Node = (
    Literal
    | Path
    | Item
    | Field
    | Many
    | Logic
    | Not
    | Compare
    | IsNone
    | Arithmetic
    | Negate
    | Choose
    | Call
)


def children(node: Node) -> tuple[Node, ...]:
    """List a node's direct parts, in the order in which they are written."""
    match node:
        case Literal() | Path():
            return ()
        case Item(of=of) | Field(of=of) | Not(of=of) | IsNone(of=of) | Negate(of=of):
            return (of,)
        case Many(items=items) | Logic(items=items):
            return items
        case Compare(operands=operands):
            return operands
        case Arithmetic(left=left, right=right):
            return (left, right)
        case Choose(test=test, then=then, otherwise=otherwise):
            return (then, test, otherwise)
        case Call(arguments=arguments):
            return arguments


def paths(node: Node) -> tuple[tuple[str, ...], ...]:
    """List the distinct paths that a tree reads, in the order of their first use."""
    found: dict[tuple[str, ...], None] = {}
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if isinstance(current, Path):
            found.setdefault(current.names)
        waiting.extend(reversed(children(current)))
    return tuple(found)


def cost(node: Node) -> int:
    """Count the nodes of a tree, a path as one per name."""
    total, waiting = 0, [node]
    while waiting:
        current = waiting.pop()
        total += len(current.names) if isinstance(current, Path) else 1
        waiting.extend(children(current))
    return total
